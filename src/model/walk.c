/* The walk over a parsed network's layers, which makes a graph of it. */
#include <stdio.h>
#include <string.h>

#include "model/attributes.h"
#include "model/network.h"
#include "ops/ops.h"

typedef struct walker {
    dd__graph *graph;
    dd__value *x;
    const cJSON *layers;
    dd__value **outputs; /* (layers): what each layer gave, so far */
} walker;

static const char *text_of(const cJSON *object, const char *key) {
    return cJSON_GetObjectItemCaseSensitive(object, key)->valuestring;
}

/* The index of the layer of this name; -1, the image, for "input". The parser saw that it is there. */
static int find_layer(const walker *w, const char *name) {
    int index = 0;
    const cJSON *layer;
    cJSON_ArrayForEach(layer, w->layers) {
        if (strcmp(text_of(layer, "name"), name) == 0) return index;
        index++;
    }
    return -1;
}

/* The layers that a layer reads, and how many. */
static dd_status inputs_of(const walker *w, const cJSON *layer, size_t index, int **inputs,
                           size_t *count) {
    const cJSON *names = cJSON_GetObjectItemCaseSensitive(layer, "inputs"), *name;
    *count = names ? (size_t)cJSON_GetArraySize(names) : 1;
    *inputs = dd__arena_alloc(&w->graph->arena, *count, sizeof **inputs);
    if (!*inputs) return dd__no_memory(*count * sizeof **inputs);
    size_t i = 0;
    cJSON_ArrayForEach(name, names)(*inputs)[i++] = find_layer(w, name->valuestring);
    if (!names) (*inputs)[0] = (int)index - 1;
    return DD_OK;
}

static dd__value *output_of(const walker *w, int index) {
    return index < 0 ? w->x : w->outputs[index];
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

/* A layer may do what it likes but mix images: concat along the batch would. */
static dd_status check_batch(const dd__value *x, const dd__value *y) {
    if (y->dims.rank >= 2 && y->dims.d[0] == x->dims.d[0]) return DD_OK;
    char found[80];
    return dd__fail(DD_SHAPE, "its output is %s: expected a batch of %u",
                    dd__dims_print(&y->dims, found), (unsigned)x->dims.d[0]);
}

static dd_status add_layer(walker *w, const cJSON *layer, size_t index, dd__layer_visit *visit) {
    const dd__op *op = dd__op_find(text_of(layer, "op"));
    *visit = (dd__layer_visit){.index = index,
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
    DD_TRY(inputs_of(w, layer, index, &inputs, &count));
    if (count > op->max_in)
        return dd__fail(DD_SHAPE, "\"inputs\": expected at most %zu, found %zu", op->max_in, count);
    dd__value **in = dd__arena_alloc(&w->graph->arena, count, sizeof *in);
    if (!in) return dd__no_memory(count * sizeof *in);
    for (size_t i = 0; i < count; i++) in[i] = output_of(w, inputs[i]);
    visit->inputs = inputs;
    visit->input_count = count;
    DD_TRY(op->layer(w->graph, op, visit->name, attributes, in, count, &w->outputs[index]));
    visit->y = w->outputs[index];
    DD_TRY(check_batch(w->x, visit->y));
    return check_sizes(w->graph, visit->first_value);
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

dd_status dd__network_walk(const cJSON *network, dd__graph *graph, dd__value *x,
                           dd__layer_function *function, void *context, dd__value **logits,
                           dd__value **y) {
    const cJSON *layers = cJSON_GetObjectItemCaseSensitive(network, "layers"), *layer;
    size_t count = (size_t)cJSON_GetArraySize(layers), index = 0;
    dd__value **outputs = dd__arena_alloc(&graph->arena, count, sizeof(dd__value *));
    if (!outputs) return dd__no_memory(count * sizeof(dd__value *));
    walker w = {.graph = graph, .x = x, .layers = layers, .outputs = outputs};
    dd__layer_visit visit = {0};
    cJSON_ArrayForEach(layer, layers) {
        dd_status status = add_layer(&w, layer, index, &visit);
        if (status == DD_OK && function) status = function(context, graph, &visit);
        if (status != DD_OK) return within_layer(status, index, text_of(layer, "name"));
        index++;
    }
    *y = outputs[count - 1];
    *logits = *y;
    if (visit.inputs && visit.op == dd__op_find("softmax"))
        *logits = output_of(&w, visit.inputs[0]);
    return DD_OK;
}
