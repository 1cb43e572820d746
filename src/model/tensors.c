#include "model/tensors.h"

#include <string.h>

#include "model/layers.h"

/* ---- The values of a graph that a model keeps
 * ---------------------------------------------------- */

/* Parameters, then statistics, in the order the layers made them. *list belongs to the caller. */
static dd_status kept_values(const dd__graph *graph, dd__value ***list, size_t *count) {
    dd__value **values = dd__alloc(graph->value_count, sizeof *values);
    if (!values) return dd__no_memory(graph->value_count * sizeof *values);
    size_t found = 0;
    for (size_t i = 0; i < graph->value_count; i++)
        if (dd__is_parameter(graph, graph->values[i])) values[found++] = graph->values[i];
    for (size_t i = 0; i < graph->value_count; i++)
        if (dd__is_statistic(graph, graph->values[i])) values[found++] = graph->values[i];
    *list = values;
    *count = found;
    return DD_OK;
}

static dd_status kept_values_of_model(const dd_model *model, dd__graph **graph, dd__value ***list,
                                      size_t *count) {
    *list = NULL;
    *graph = NULL;
    DD_TRY(dd__layers_graph(model, graph));
    dd_status status = kept_values(*graph, list, count);
    if (status != DD_OK) {
        dd__graph_free(*graph);
        *graph = NULL;
    }
    return status;
}

/* ---- Tensors
 * --------------------------------------------------------------------------------------- */

void dd__tensors_free(dd__tensor *tensors, size_t count) {
    for (size_t i = 0; tensors && i < count; i++) {
        dd__free(tensors[i].name);
        dd__free(tensors[i].data);
    }
    dd__free(tensors);
}

static dd_status new_tensors(dd__value *const values[], size_t count, dd__tensor **out) {
    dd__tensor *tensors = dd__alloc(count, sizeof *tensors);
    if (!tensors) return dd__no_memory(count * sizeof *tensors);
    for (size_t i = 0; i < count; i++) {
        size_t numbers = dd__dims_count(&values[i]->dims);
        tensors[i].dims = values[i]->dims;
        tensors[i].name = dd__copy_string(values[i]->name);
        tensors[i].data = dd__alloc(numbers, sizeof(float));
        if (tensors[i].name && tensors[i].data) continue;
        dd__tensors_free(tensors, count);
        return dd__no_memory(numbers * sizeof(float));
    }
    *out = tensors;
    return DD_OK;
}

static void replace_tensors(dd_model *model, dd__tensor *tensors, size_t count) {
    dd__tensors_free(model->tensors, model->tensor_count);
    model->tensors = tensors;
    model->tensor_count = count;
}

dd_status dd_model_initialize(dd_model *model, uint64_t seed) {
    dd__graph *graph;
    dd__value **values;
    dd__tensor *tensors = NULL;
    size_t count;
    DD_TRY(kept_values_of_model(model, &graph, &values, &count));
    dd_status status = new_tensors(values, count, &tensors);
    if (status == DD_OK) {
        for (size_t i = 0; i < count; i++) dd__value_initialize(values[i], seed, tensors[i].data);
        replace_tensors(model, tensors, count);
    }
    dd__free(values);
    dd__graph_free(graph);
    return status;
}

bool dd_model_has_tensors(const dd_model *model) { return model->tensors != NULL; }

/* ---- From a file
 * -------------------------------------------------------------------------------------- */

static dd_status check_stored(const dd__safetensors *file, const dd__value *value) {
    char expected[80], found[80];
    dd__dims_print(&value->dims, expected);
    const dd__stored_tensor *stored = dd__safetensors_find(file, value->name);
    if (!stored) return dd__fail(DD_FORMAT, "tensor \"%s\" (%s) is missing", value->name, expected);
    if (strcmp(stored->dtype, "F32") != 0)
        return dd__fail(DD_FORMAT, "tensor \"%s\": expected F32, found %s", value->name,
                        stored->dtype);
    if (!dd__dims_equal(&stored->dims, &value->dims))
        return dd__fail(DD_SHAPE, "tensor \"%s\": expected %s, found %s", value->name, expected,
                        dd__dims_print(&stored->dims, found));
    return DD_OK;
}

/* Both lists are free of duplicates, and all of `values` are in the file. */
static dd_status check_no_others(const dd__safetensors *file, dd__value *const values[],
                                 size_t count) {
    for (size_t i = 0; i < file->count && file->count > count; i++) {
        bool wanted = false;
        for (size_t j = 0; j < count; j++)
            wanted |= strcmp(file->tensors[i].name, values[j]->name) == 0;
        if (!wanted)
            return dd__fail(DD_FORMAT, "tensor \"%s\" does not belong to the network",
                            file->tensors[i].name);
    }
    return DD_OK;
}

dd_status dd__tensors_load(dd_model *model, const dd__safetensors *file) {
    dd__graph *graph;
    dd__value **values;
    dd__tensor *tensors = NULL;
    size_t count = 0;
    DD_TRY(kept_values_of_model(model, &graph, &values, &count));
    dd_status status;
    for (size_t i = 0; i < count; i++) DD_TRY_OUT(check_stored(file, values[i]));
    DD_TRY_OUT(check_no_others(file, values, count));
    DD_TRY_OUT(new_tensors(values, count, &tensors)); /* now known to be no larger than the file */
    for (size_t i = 0; i < count; i++)
        dd__safetensors_floats(dd__safetensors_find(file, tensors[i].name), tensors[i].data);
    replace_tensors(model, tensors, count);
out:
    dd__free(values);
    dd__graph_free(graph);
    return status;
}

/* Brings the tensor of this name to place i, those before which are settled. */
static dd_status settle(dd__tensor *tensors, size_t count, size_t i, const dd__value *value) {
    char expected[80], found[80];
    size_t at = i;
    while (at < count && strcmp(tensors[at].name, value->name) != 0) at++;
    if (at == count) return dd__fail(DD_FORMAT, "tensor \"%s\" is missing", value->name);
    if (!dd__dims_equal(&tensors[at].dims, &value->dims))
        return dd__fail(DD_SHAPE, "tensor \"%s\": expected %s, found %s", value->name,
                        dd__dims_print(&value->dims, expected),
                        dd__dims_print(&tensors[at].dims, found));
    dd__tensor tensor = tensors[i];
    tensors[i] = tensors[at];
    tensors[at] = tensor;
    return DD_OK;
}

dd_status dd__tensors_take(dd_model *model, dd__tensor **tensors, size_t *tensor_count) {
    dd__graph *graph;
    dd__value **values;
    size_t count = 0;
    DD_TRY(kept_values_of_model(model, &graph, &values, &count));
    dd_status status = DD_OK;
    for (size_t i = 0; i < count; i++) DD_TRY_OUT(settle(*tensors, *tensor_count, i, values[i]));
    if (count < *tensor_count)
        DD_TRY_OUT(dd__fail(DD_FORMAT, "tensor \"%s\" does not belong to the network",
                            (*tensors)[count].name));
    replace_tensors(model, *tensors, count);
    *tensors = NULL;
    *tensor_count = 0;
out:
    dd__free(values);
    dd__graph_free(graph);
    return status;
}

/* ---- To and from the flat stretches of a graph
 * ---------------------------------------------------------- */

static const dd__tensor *find_tensor(const dd_model *model, const char *name) {
    for (size_t i = 0; i < model->tensor_count; i++)
        if (strcmp(model->tensors[i].name, name) == 0) return &model->tensors[i];
    return NULL;
}

static dd_status store_tensor(const dd_model *model, const dd__value *value, float *stretch) {
    const dd__tensor *tensor = find_tensor(model, value->name);
    if (!tensor)
        return dd__fail(DD_SHAPE, "network \"%s\" has no tensor \"%s\"%s", model->name, value->name,
                        model->tensors ? "" : ": it was neither loaded, initialised nor trained");
    if (!dd__dims_equal(&tensor->dims, &value->dims)) {
        char expected[80], found[80];
        return dd__fail(DD_SHAPE, "tensor \"%s\": expected %s, found %s", value->name,
                        dd__dims_print(&value->dims, expected),
                        dd__dims_print(&tensor->dims, found));
    }
    memcpy((char *)stretch + value->offset, tensor->data, dd__value_bytes(value));
    return DD_OK;
}

dd_status dd__model_store(const dd_model *model, const dd__graph *graph, float *parameters,
                          float *statistics) {
    size_t count = 0;
    if (graph->parameters) memset(parameters, 0, dd__value_bytes(graph->parameters));
    if (graph->statistics) memset(statistics, 0, dd__value_bytes(graph->statistics));
    for (size_t i = 0; i < graph->value_count; i++) {
        const dd__value *value = graph->values[i];
        if (!dd__is_parameter(graph, value) && !dd__is_statistic(graph, value)) continue;
        bool learned = value->base == graph->parameters;
        DD_TRY(store_tensor(model, value, learned ? parameters : statistics));
        count++;
    }
    if (count == model->tensor_count) return DD_OK;
    for (size_t i = 0; i < model->tensor_count; i++)
        if (!dd__graph_find(graph, model->tensors[i].name))
            return dd__fail(DD_SHAPE, "tensor \"%s\" does not belong to the graph",
                            model->tensors[i].name);
    return DD_OK;
}

/* The graph must hold what the model's network makes: as many numbers, under the names that the
 * model's tensors have, if there are any. */
static dd_status check_fetch(const dd_model *model, dd__value *const values[], size_t count) {
    uint64_t numbers = 0, expected = model->info.parameters + model->info.statistics;
    for (size_t i = 0; i < count; i++) numbers += dd__dims_count(&values[i]->dims);
    if (numbers != expected)
        return dd__fail(DD_SHAPE,
                        "network \"%s\" has %llu parameters and statistics, the graph %llu",
                        model->name, (unsigned long long)expected, (unsigned long long)numbers);
    for (size_t i = 0; model->tensors && i < count; i++) {
        const dd__tensor *tensor = find_tensor(model, values[i]->name);
        if (!tensor || !dd__dims_equal(&tensor->dims, &values[i]->dims))
            return dd__fail(DD_SHAPE, "network \"%s\" has no tensor \"%s\" of the graph's shape",
                            model->name, values[i]->name);
    }
    return DD_OK;
}

dd_status dd__model_fetch(dd_model *model, const dd__graph *graph, const float *parameters,
                          const float *statistics) {
    dd__value **values = NULL;
    dd__tensor *tensors = NULL;
    size_t count = 0;
    DD_TRY(kept_values(graph, &values, &count));
    dd_status status;
    DD_TRY_OUT(check_fetch(model, values, count));
    DD_TRY_OUT(new_tensors(values, count, &tensors));
    for (size_t i = 0; i < count; i++) {
        const float *stretch = values[i]->base == graph->parameters ? parameters : statistics;
        memcpy(tensors[i].data, (const char *)stretch + values[i]->offset,
               dd__value_bytes(values[i]));
    }
    replace_tensors(model, tensors, count);
out:
    dd__free(values);
    return status;
}
