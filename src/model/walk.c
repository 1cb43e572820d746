/* The walk over a parsed network's layers, which makes a graph of it. */
#include <stdio.h>
#include <string.h>

#include "model/attributes.h"
#include "model/network.h"
#include "ops/ops.h"

static const char *text_of(const cJSON *object, const char *key) {
    return cJSON_GetObjectItemCaseSensitive(object, key)->valuestring;
}

/* The index of the layer of this name, or -1 - i for source i. The parser saw that it is there. */
static int find(const dd__walker *w, const char *name) {
    for (size_t i = w->layer_count; i-- > 0;)
        if (strcmp(w->layers[i].name, name) == 0) return (int)i;
    for (size_t i = 0; i < w->source_count; i++)
        if (strcmp(w->sources[i].name, name) == 0) return -1 - (int)i;
    return -1;
}

/* The layers that a layer reads, and how many. */
static dd_status inputs_of(const dd__walker *w, const cJSON *layer, int **inputs, size_t *count) {
    const cJSON *names = cJSON_GetObjectItemCaseSensitive(layer, "inputs"), *name;
    *count = names ? (size_t)cJSON_GetArraySize(names) : 1;
    *inputs = dd__arena_alloc(&w->graph->arena, *count, sizeof **inputs);
    if (!*inputs) return dd__no_memory(*count * sizeof **inputs);
    size_t i = 0;
    cJSON_ArrayForEach(name, names)(*inputs)[i++] = find(w, name->valuestring);
    if (!names) (*inputs)[0] = (int)w->layer_count - 1;
    return DD_OK;
}

static const dd__walked *output_of(const dd__walker *w, int index) {
    return index < 0 ? &w->sources[-1 - index] : &w->layers[index];
}

/* Shapes come from a file: what no device could hold must not overflow what is computed from it. */
static dd_status check_sizes(const dd__graph *graph, size_t first_value) {
    for (size_t i = first_value; i < graph->value_count; i++) {
        const dd__dims *dims = &graph->values[i]->dims;
        uint64_t count = 1;
        for (unsigned axis = 0; axis < dims->rank; axis++) {
            count *= dims->d[axis];
            if (count <= INT32_MAX) continue;
            char text[80];
            return dd__fail(DD_SHAPE, "%s numbers are more than %d", dd__dims_print(dims, text),
                            INT32_MAX);
        }
    }
    return DD_OK;
}

/* A layer may do what it likes but mix images: concat along the batch would. Some make several rows of
 * an image's one, its views, or the other way round. */
static dd_status count_rows(const dd__walker *w, const dd__op *op, uint32_t before,
                            dd__walked *layer) {
    const dd__dims *y = &layer->value->dims;
    layer->rows = before;
    if (before == 0) return DD_OK;
    uint32_t batch = w->sources[0].value->dims.d[0];
    bool regroups = op == &dd__op_views || op == &dd__op_stack_views || op == &dd__op_unstack_views;
    if (regroups) layer->rows = y->d[0] > batch ? y->d[0] / batch : 1;
    if (y->rank >= 2 && y->d[0] == layer->rows * batch) return DD_OK;
    char found[80];
    return dd__fail(DD_SHAPE, "its output is %s: expected a batch of %u", dd__dims_print(y, found),
                    layer->rows * batch);
}

/* The values that the layer reads, and how many rows in them belong to an image. */
static dd_status values_of(const dd__walker *w, const dd__layer_visit *visit, dd__value ***in,
                           uint32_t *rows) {
    size_t count = visit->input_count;
    *in = dd__arena_alloc(&w->graph->arena, count + 1, sizeof **in);
    if (!*in) return dd__no_memory(count * sizeof **in);
    *rows = 0;
    for (size_t i = 0; i < count; i++) {
        const dd__walked *read = output_of(w, visit->inputs[i]);
        (*in)[i] = read->value;
        if (*rows && read->rows && read->rows != *rows)
            return dd__fail(DD_SHAPE, "it reads %u views of each image, and %u", *rows, read->rows);
        if (read->rows) *rows = read->rows;
    }
    return DD_OK;
}

static dd_status add_layer(dd__walker *w, const cJSON *layer, dd__layer_visit *visit) {
    const dd__op *op = dd__op_find(text_of(layer, "op"));
    *visit = (dd__layer_visit){.index = w->layer_count,
                               .name = text_of(layer, "name"),
                               .op = op,
                               .first_node = w->graph->node_count,
                               .first_value = w->graph->value_count};
    void *attributes = dd__arena_alloc(&w->graph->arena, 1, op->attributes_bytes + 1);
    if (!attributes) return dd__no_memory(op->attributes_bytes);
    DD_TRY(dd__attributes_read(op, layer, attributes));
    visit->attributes = attributes;
    int *inputs;
    size_t count;
    DD_TRY(inputs_of(w, layer, &inputs, &count));
    if (count > op->max_in)
        return dd__fail(DD_SHAPE, "\"inputs\": expected at most %zu, found %zu", op->max_in, count);
    if (count == 0 && op->min_in > 0)
        return dd__fail(DD_SHAPE, "\"inputs\": expected at least 1, found none");
    visit->inputs = inputs;
    visit->input_count = count;
    dd__walked *added = &w->layers[w->layer_count];
    dd__value **in;
    uint32_t rows = 0;
    DD_TRY(values_of(w, visit, &in, &rows));
    w->graph->frozen = w->frozen && w->frozen[w->layer_count];
    dd_status status = op->layer(w->graph, op, visit->name, attributes, in, count, &added->value);
    w->graph->frozen = false;
    DD_TRY(status);
    visit->y = added->value;
    added->name = visit->name;
    DD_TRY(count_rows(w, op, rows, added));
    DD_TRY(check_sizes(w->graph, visit->first_value));
    w->layer_count++;
    return DD_OK;
}

/* Says which layer failed. The graph already put 'layer "conv2": ' or 'layer "conv2.bias": ' before
 * its own failures, which the place in the file replaces. */
static dd_status within_layer(dd_status status, size_t index, const char *name) {
    char prefix[128];
    const char *message = dd_message(), *end = strstr(message, "\": ");
    int length = snprintf(prefix, sizeof prefix, "layer \"%s", name);
    bool repeated = strncmp(message, prefix, (size_t)length) == 0 && end &&
                    (message[length] == '"' || message[length] == '.');
    return dd__fail(status, "layer %zu \"%s\": %s", index + 1, name,
                    repeated ? end + strlen("\": ") : message);
}

/* ---- A walk, step by step ------------------------------------------------------------------ */

dd_status dd__walk_start(dd__graph *graph, size_t sources, dd__walker *w) {
    *w = (dd__walker){.graph = graph};
    w->sources = dd__arena_alloc(&graph->arena, sources, sizeof *w->sources);
    w->layers = dd__arena_alloc(&graph->arena, DD__NETWORK_LAYERS, sizeof *w->layers);
    if (!w->sources || !w->layers) return dd__no_memory(DD__NETWORK_LAYERS * sizeof *w->layers);
    return DD_OK;
}

void dd__walk_source(dd__walker *w, const char *name, dd__value *value, bool batched) {
    w->sources[w->source_count++] = (dd__walked){.name = name, .value = value, .rows = batched};
}

dd_status dd__walk_layer(dd__walker *w, const cJSON *layer, dd__layer_visit *visit) {
    size_t index = w->layer_count;
    dd_status status = add_layer(w, layer, visit);
    return status == DD_OK ? DD_OK : within_layer(status, index, text_of(layer, "name"));
}

const dd__walked *dd__walk_find(const dd__walker *w, const char *name) {
    return output_of(w, find(w, name));
}

/* ---- A walk over all layers ---------------------------------------------------------------- */

static dd_status walk_layers(dd__walker *w, const cJSON *network, dd__layer_function *function,
                             void *context, dd__layer_visit *last) {
    const cJSON *layer;
    cJSON_ArrayForEach(layer, cJSON_GetObjectItemCaseSensitive(network, "layers")) {
        DD_TRY(dd__walk_layer(w, layer, last));
        if (!function) continue;
        dd_status status = function(context, w->graph, last);
        if (status != DD_OK) return within_layer(status, last->index, last->name);
    }
    return DD_OK;
}

dd_status dd__network_walk(const cJSON *network, dd__graph *graph, dd__value *x, const bool *frozen,
                           dd__layer_function *function, void *context, dd__value **logits,
                           dd__value **y) {
    dd__walker w;
    dd__layer_visit last = {0};
    DD_TRY(dd__walk_start(graph, 1, &w));
    w.frozen = frozen;
    dd__walk_source(&w, dd__network_image, x, true);
    DD_TRY(walk_layers(&w, network, function, context, &last));
    *y = w.layers[w.layer_count - 1].value;
    *logits = *y;
    if (last.inputs && last.op == &dd__op_softmax) *logits = output_of(&w, last.inputs[0])->value;
    return DD_OK;
}

/* The dims of an input or output as the file has them; a single number where it has none. */
static dd__dims shape_of(const cJSON *tensor) {
    dd__dims dims = {0};
    const cJSON *extent;
    cJSON_ArrayForEach(extent, cJSON_GetObjectItemCaseSensitive(tensor, "shape"))
        dims.d[dims.rank++] = (uint32_t)extent->valuedouble;
    return dims.rank ? dims : DD_DIMS(1);
}

dd_status dd__network_walk_tensors(const cJSON *network, dd__graph *graph,
                                   dd__layer_function *function, void *context) {
    const cJSON *inputs = cJSON_GetObjectItemCaseSensitive(network, "inputs"), *tensor;
    dd__walker w;
    dd__layer_visit last = {0};
    DD_TRY(dd__walk_start(graph, (size_t)cJSON_GetArraySize(inputs), &w));
    cJSON_ArrayForEach(tensor, inputs) {
        dd__value *value;
        const char *name = text_of(tensor, "name");
        DD_TRY(dd__graph_input(graph, name, DD__F32, shape_of(tensor), &value));
        dd__walk_source(&w, name, value, false);
    }
    DD_TRY(walk_layers(&w, network, function, context, &last));
    cJSON_ArrayForEach(tensor, cJSON_GetObjectItemCaseSensitive(network, "outputs")) {
        const char *name = text_of(tensor, "name");
        dd__value *value = output_of(&w, find(&w, text_of(tensor, "layer")))->value;
        dd__dims dims = shape_of(tensor);
        char found[80], expected[80];
        if (dd__dims_count(&dims) != dd__dims_count(&value->dims))
            return dd__fail(DD_SHAPE, "output \"%s\": expected %s, found %s", name,
                            dd__dims_print(&dims, expected), dd__dims_print(&value->dims, found));
        /* Every output has storage of its own, also where two are the same or one is an input. */
        DD_TRY(dd__graph_add1(graph, &dd__op_copy, name, NULL, &value, 1, &value));
        DD_TRY(dd__graph_output(graph, value, name));
    }
    return DD_OK;
}
