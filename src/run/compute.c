/* dd_compute: a model on any numbers, once. */
#include <string.h>

#include "base/memory.h"
#include "check/check.h"
#include "model/network.h"
#include "plan/fuse.h"
#include "run/predict.h"
#include "train/step.h"

static const char input_name[] = "input", output_name[] = "output"; /* of networks of images */

/* ---- The graph ---------------------------------------------------------------------------- */

static dd_status image_graph(const dd_model *model, dd__graph *graph, const dd_array *inputs,
                             size_t count) {
    dd__value *x, *logits, *y;
    if (count != 1 || inputs[0].rank != 4)
        return dd__fail(DD_SHAPE, "network \"%s\": expected one input (N, %u, %u, %u)", model->name,
                        model->height, model->width, model->channels);
    const uint32_t *d = inputs[0].dims;
    DD_TRY(dd__graph_input(graph, input_name, DD__F32, DD_DIMS(d[0], d[1], d[2], d[3]), &x));
    DD_TRY(dd__model_build(model, graph, x, NULL, &logits, &y));
    return dd__graph_output(graph, y, output_name);
}

static dd_status make_graph(const dd_model *model, const dd_device *device, const dd_array *inputs,
                            size_t count, dd__graph **out) {
    dd__graph *graph = NULL;
    DD_TRY(dd__graph_create(false, 0, &graph));
    dd_status status = dd__network_is_of_tensors(model->network)
                           ? dd__network_walk_tensors(model->network, graph, NULL, NULL)
                           : image_graph(model, graph, inputs, count);
    if (status == DD_OK) status = dd__graph_fuse(graph, device);
    if (status == DD_OK)
        *out = graph;
    else
        dd__graph_free(graph);
    return status;
}

/* ---- Inputs --------------------------------------------------------------------------------- */

static size_t numbers_of(const dd_array *array) {
    size_t count = 1;
    for (unsigned i = 0; i < array->rank; i++) count *= array->dims[i];
    return count;
}

/* A single input needs no name. Whole numbers were settled when the model was loaded. */
static dd_status write_input(dd__plan *plan, const dd_array *array, size_t input_count) {
    const dd__graph *graph = dd__plan_graph(plan);
    const dd__value *value = array->name ? dd__graph_find(graph, array->name) : NULL;
    for (size_t i = 0; i < graph->value_count && !array->name && input_count == 1; i++)
        if (graph->values[i]->role == DD__INPUT && graph->values[i]->name) value = graph->values[i];
    if ((!value || value->role != DD__INPUT) && array->whole) return DD_OK;
    if (!value || value->role != DD__INPUT)
        return dd__fail(DD_USAGE, "there is no input \"%s\"", array->name ? array->name : "");
    if (numbers_of(array) != dd__dims_count(&value->dims)) {
        char expected[80];
        return dd__fail(DD_SHAPE, "input \"%s\": expected %s, found %zu numbers", value->name,
                        dd__dims_print(&value->dims, expected), numbers_of(array));
    }
    return dd__plan_write(plan, value->name, array->data, dd__value_bytes(value));
}

/* ---- Outputs -------------------------------------------------------------------------------- */

static dd_status read_output(dd__plan *plan, const char *name, const cJSON *shape,
                             dd_array *array) {
    const dd__value *value = dd__graph_find(dd__plan_graph(plan), name);
    const cJSON *extent;
    array->name = dd__copy_string(name);
    array->data = dd__alloc(dd__dims_count(&value->dims), sizeof(float));
    if (!array->name || !array->data) return dd__no_memory(dd__value_bytes(value));
    if (shape) {
        cJSON_ArrayForEach(extent, shape) array->dims[array->rank++] =
            (uint32_t)extent->valuedouble;
    } else {
        array->rank = value->dims.rank;
        memcpy(array->dims, value->dims.d, array->rank * sizeof *array->dims);
    }
    return dd__plan_read(plan, name, array->data, dd__value_bytes(value));
}

static dd_status read_outputs(dd__plan *plan, const dd_model *model, dd_array *outputs) {
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(model->network, "outputs"), *item;
    if (!list) return read_output(plan, output_name, NULL, outputs);
    cJSON_ArrayForEach(item, list)
        DD_TRY(read_output(plan, cJSON_GetObjectItemCaseSensitive(item, "name")->valuestring,
                           cJSON_GetObjectItemCaseSensitive(item, "shape"), outputs++));
    return DD_OK;
}

/* ---- A run ---------------------------------------------------------------------------------- */

static dd_status run_plan(dd__plan *plan, const dd_model *model, const dd_array *inputs,
                          size_t count, dd_array *outputs) {
    if (model->tensor_count) DD_TRY(dd__load_parameters(plan, model));
    for (size_t i = 0; i < count; i++) DD_TRY(write_input(plan, &inputs[i], count));
    DD_TRY(dd__plan_run(plan));
    return read_outputs(plan, model, outputs);
}

dd_status dd_compute(dd_device *device, const dd_model *model, const dd_array *inputs, size_t count,
                     dd_array **out, size_t *out_count) {
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(model->network, "outputs");
    dd__graph *graph = NULL;
    dd__plan *plan = NULL;
    if (model->info.parameters + model->info.statistics) DD_TRY(dd__check_trained(model));
    DD_TRY(make_graph(model, device, inputs, count, &graph));
    DD_TRY(dd__verified_plan(device, graph, NULL, 0, &plan));
    *out_count = list ? (size_t)cJSON_GetArraySize(list) : 1;
    *out = dd__alloc(*out_count + 1, sizeof **out);
    dd_status status = *out ? run_plan(plan, model, inputs, count, *out)
                            : dd__no_memory(*out_count * sizeof **out);
    dd__plan_free(plan);
    if (status != DD_OK) dd_arrays_free(*out, *out_count);
    return status;
}

void dd_arrays_free(dd_array *arrays, size_t count) {
    for (size_t i = 0; arrays && i < count; i++) dd_array_clear(&arrays[i]);
    dd__free(arrays);
}
