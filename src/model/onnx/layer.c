/* Layers of the network that is being made, and the tensors that belong to them. */
#include <stdio.h>
#include <string.h>

#include "model/onnx/import.h"
#include "ops/ops.h"

/* ---- Names ---------------------------------------------------------------------------------- */

static bool is_taken(const dd__onnx *m, const char *name) {
    return dd__onnx_names_find(&m->layer_names, name) != DD__NO_NUMBER;
}

/* "/layer1/conv1/Conv" becomes "layer1.conv1.Conv", and a name that is taken gets a number. */
static dd_status name_layer(dd__onnx *m, const char *hint, const char **name) {
    enum { LENGTH = 80 };
    char text[LENGTH + 1];
    size_t length = 0;
    while (*hint == '/') hint++;
    for (; *hint && length < LENGTH; hint++) {
        bool plain = (*hint >= 'a' && *hint <= 'z') || (*hint >= 'A' && *hint <= 'Z') ||
                     (*hint >= '0' && *hint <= '9') || strchr("_.-", *hint);
        text[length++] = plain ? *hint : *hint == '/' ? '.' : '_';
    }
    text[length] = 0;
    const char *base = length ? text : "layer";
    char found[LENGTH + 16];
    snprintf(found, sizeof found, "%s", base);
    for (unsigned number = 2; is_taken(m, found); number++)
        snprintf(found, sizeof found, "%s.%u", base, number);
    *name = dd__arena_print(&m->arena, "%s", found);
    return *name ? DD_OK : dd__no_memory(length);
}

static const char *hint_of(const Onnx__NodeProto *node) {
    if (!node) return "layer";
    if (node->name && *node->name) return node->name;
    return node->n_output && *node->output[0] ? node->output[0] : node->op_type;
}

/* ---- One layer ------------------------------------------------------------------------------- */

dd_status dd__onnx_begin(dd__onnx *m, const char *op, const Onnx__NodeProto *node, const char *hint,
                         dd__onnx_layer *layer) {
    *layer = (dd__onnx_layer){.object = NULL};
    DD_TRY(name_layer(m, hint ? hint : hint_of(node), &layer->name));
    layer->object = dd__json_add_object(&layer->json, NULL, NULL);
    dd__json_add_text(&layer->json, layer->object, "op", op);
    dd__json_add_text(&layer->json, layer->object, "name", layer->name);
    layer->inputs = dd__json_add_array(&layer->json, layer->object, "inputs");
    return DD_OK;
}

void dd__onnx_reads(dd__onnx_layer *layer, const char *input) {
    dd__json_add_text(&layer->json, layer->inputs, NULL, input);
}

void dd__onnx_number(dd__onnx_layer *layer, const char *key, double number) {
    dd__json_add(&layer->json, layer->object, key, cJSON_CreateNumber(number));
}

void dd__onnx_bool(dd__onnx_layer *layer, const char *key, bool value) {
    dd__json_add(&layer->json, layer->object, key, cJSON_CreateBool(value));
}

void dd__onnx_text(dd__onnx_layer *layer, const char *key, const char *text) {
    dd__json_add_text(&layer->json, layer->object, key, text);
}

void dd__onnx_list(dd__onnx_layer *layer, const char *key, const int64_t *numbers, size_t count) {
    cJSON *list = dd__json_add_array(&layer->json, layer->object, key);
    for (size_t i = 0; i < count; i++)
        dd__json_add(&layer->json, list, NULL, cJSON_CreateNumber((double)numbers[i]));
}

void dd__onnx_dims(dd__onnx_layer *layer, const char *key, const dd__dims *dims, unsigned first) {
    cJSON *list = dd__json_add_array(&layer->json, layer->object, key);
    for (unsigned i = first; i < dims->rank; i++)
        dd__json_add(&layer->json, list, NULL, cJSON_CreateNumber(dims->d[i]));
}

dd_status dd__onnx_end(dd__onnx *m, dd__onnx_layer *layer, const char **name) {
    dd__layer_visit visit;
    cJSON *object = layer->json.root;
    dd_status status = layer->json.failed ? dd__no_memory(sizeof *object) : DD_OK;
    const cJSON *op = status == DD_OK ? cJSON_GetObjectItemCaseSensitive(object, "op") : NULL;
    if (op && (!dd__op_find(op->valuestring) || !dd__op_find(op->valuestring)->layer))
        status = dd__fail(DD_FORMAT, "there is no layer \"%s\" for it", op->valuestring);
    if (m->walker.layer_count >= DD__NETWORK_LAYERS)
        status = dd__fail(DD_FORMAT, "it needs more than %d layers", DD__NETWORK_LAYERS);
    if (status == DD_OK) status = dd__walk_layer(&m->walker, object, &visit);
    if (status != DD_OK) {
        cJSON_Delete(object);
        return status;
    }
    cJSON_AddItemToArray(m->layers, object);
    dd__onnx_names_add(&m->layer_names, layer->name, visit.index);
    *name = layer->name;
    return DD_OK;
}

/* ---- Tensors ---------------------------------------------------------------------------------- */

dd_status dd__onnx_tensor(dd__onnx *m, const char *layer, const char *what, dd__dims dims,
                          float **numbers) {
    size_t bytes = dd__dims_count(&dims) * sizeof(float);
    if (bytes > m->arena.limit - m->tensor_bytes)
        return dd__fail(DD_FORMAT,
                        "the weights of all layers are too many for a file of this size");
    m->tensor_bytes += bytes;
    if (m->tensor_count == m->tensor_room) {
        size_t room = m->tensor_room ? 2 * m->tensor_room : 64;
        dd__tensor *grown = dd__resize(m->tensors, room, sizeof *grown);
        if (!grown) return dd__no_memory(room * sizeof *grown);
        m->tensors = grown;
        m->tensor_room = room;
    }
    char name[256];
    snprintf(name, sizeof name, "%s.%s", layer, what);
    dd__tensor tensor = {.name = dd__copy_string(name), .dims = dims};
    tensor.data = dd__alloc(dd__dims_count(&dims), sizeof(float));
    m->tensors[m->tensor_count++] = tensor;
    if (!tensor.name || !tensor.data) return dd__no_memory(bytes);
    *numbers = tensor.data;
    return DD_OK;
}

dd_status dd__onnx_copy_tensor(dd__onnx *m, const char *layer, const char *what,
                               const dd__onnx_value *value, uint32_t count) {
    const float *from;
    float *numbers;
    DD_TRY(dd__onnx_floats(m, value, count, &from));
    DD_TRY(dd__onnx_tensor(m, layer, what, DD_DIMS(count), &numbers));
    memcpy(numbers, from, count * sizeof *numbers);
    return DD_OK;
}

void dd__onnx_source(dd__onnx *m, const char *name, dd__value *value, bool batched) {
    dd__walk_source(&m->walker, name, value, batched);
    dd__onnx_names_add(&m->layer_names, name, DD__NETWORK_LAYERS);
}

const dd__dims *dd__onnx_dims_of(const dd__onnx *m, const char *layer) {
    return &dd__walk_find(&m->walker, layer)->value->dims;
}

bool dd__onnx_is_batched(const dd__onnx *m, const char *layer) {
    return dd__walk_find(&m->walker, layer)->rows > 0;
}

/* ---- Common layers ----------------------------------------------------------------------------- */

static dd_status reshape(dd__onnx *m, const Onnx__NodeProto *node, const dd__dims *shape,
                         const char **layer) {
    dd__onnx_layer view;
    if (dd__dims_equal(dd__onnx_dims_of(m, *layer), shape)) return DD_OK;
    bool batched = dd__onnx_is_batched(m, *layer);
    DD_TRY(dd__onnx_begin(m, "reshape", node, NULL, &view));
    dd__onnx_reads(&view, *layer);
    dd__onnx_dims(&view, "shape", shape, batched ? 1 : 0);
    if (!batched) dd__onnx_bool(&view, "whole", true);
    return dd__onnx_end(m, &view, layer);
}

/* From so many rows an image to none but its own. */
static dd_status stack(dd__onnx *m, const Onnx__NodeProto *node, uint32_t rows,
                       const char **layer) {
    dd__onnx_layer stacked;
    DD_TRY(dd__onnx_begin(m, "stack_views", node, NULL, &stacked));
    dd__onnx_reads(&stacked, *layer);
    dd__onnx_number(&stacked, "count", rows);
    return dd__onnx_end(m, &stacked, layer);
}

/* An image's axis behind the batch becomes rows of it. */
static dd_status unstack(dd__onnx *m, const Onnx__NodeProto *node, const char **layer) {
    dd__onnx_layer unstacked;
    DD_TRY(dd__onnx_begin(m, "unstack_views", node, NULL, &unstacked));
    dd__onnx_reads(&unstacked, *layer);
    return dd__onnx_end(m, &unstacked, layer);
}

/* With an image alone in its batch the first extent is how many rows are made of it, which are views. */
static dd_status regroup(dd__onnx *m, const Onnx__NodeProto *node, const dd__dims *shape,
                         const char **layer) {
    uint32_t before = dd__onnx_dims_of(m, *layer)->d[0];
    dd__dims whole = DD_DIMS(1);
    if (before > 1) DD_TRY(stack(m, node, before, layer));
    if (shape->d[0] == 1) return reshape(m, node, shape, layer);
    if (shape->rank == DD__MAX_RANK)
        return dd__fail(DD_FORMAT, "into rows of the batch, and %u axes", shape->rank);
    for (unsigned i = 0; i < shape->rank; i++) whole.d[whole.rank++] = shape->d[i];
    DD_TRY(reshape(m, node, &whole, layer));
    return unstack(m, node, layer);
}

dd_status dd__onnx_view(dd__onnx *m, const Onnx__NodeProto *node, const dd__dims *dims,
                        const char **layer) {
    dd__dims shape = dims->rank ? *dims : DD_DIMS(1);
    bool same_rows = shape.d[0] == dd__onnx_dims_of(m, *layer)->d[0];
    bool batched = dd__onnx_is_batched(m, *layer);
    return batched && !same_rows ? regroup(m, node, &shape, layer)
                                 : reshape(m, node, &shape, layer);
}

/* Whether the order moves nothing but axes of one element. */
static bool moves_nothing(const dd__dims *dims, const unsigned order[]) {
    unsigned last = 0;
    for (unsigned i = 0; i < dims->rank; i++) {
        if (dims->d[order[i]] == 1) continue;
        if (order[i] < last) return false;
        last = order[i];
    }
    return true;
}

dd_status dd__onnx_transposed(dd__onnx *m, const Onnx__NodeProto *node, const unsigned order[],
                              const char **layer) {
    dd__onnx_layer transpose;
    const dd__dims *dims = dd__onnx_dims_of(m, *layer);
    dd__dims result = {.rank = dims->rank};
    int64_t list[DD__MAX_RANK];
    for (unsigned i = 0; i < dims->rank; i++) {
        list[i] = order[i];
        result.d[i] = dims->d[order[i]];
    }
    bool batched = dd__onnx_is_batched(m, *layer);
    if (batched && dims->rank && order[0] != 0)
        return dd__fail(DD_FORMAT, "it moves the axis of the batch");
    if (moves_nothing(dims, order)) return dd__onnx_view(m, node, &result, layer);
    DD_TRY(dd__onnx_begin(m, "transpose", node, NULL, &transpose));
    dd__onnx_reads(&transpose, *layer);
    dd__onnx_list(&transpose, "order", list, dims->rank);
    return dd__onnx_end(m, &transpose, layer);
}

dd_status dd__onnx_constant(dd__onnx *m, const char *hint, const dd__known *known,
                            const char **layer) {
    dd__onnx_layer constant;
    float *numbers;
    dd__dims dims = known->dims.rank ? known->dims : DD_DIMS(1);
    if (dd__dims_count(&dims) == 0) return dd__fail(DD_FORMAT, "\"%s\" is empty", hint);
    DD_TRY(dd__onnx_begin(m, "constant", NULL, hint, &constant));
    dd__onnx_dims(&constant, "shape", &dims, 0);
    if (!known->whole) dd__onnx_bool(&constant, "trainable", true);
    DD_TRY(dd__onnx_end(m, &constant, layer));
    DD_TRY(dd__onnx_tensor(m, *layer, "value", dims, &numbers));
    for (size_t i = 0; i < dd__dims_count(&dims); i++)
        numbers[i] = (float)dd__known_number(known, i);
    return DD_OK;
}

dd_status dd__onnx_arithmetic(dd__onnx *m, const Onnx__NodeProto *node, const char *kind,
                              const char *a, const char *b, const char **layer) {
    dd__onnx_layer op;
    bool add =
        strcmp(kind, "add") == 0 && dd__dims_equal(dd__onnx_dims_of(m, a), dd__onnx_dims_of(m, b));
    DD_TRY(dd__onnx_begin(m, add ? "add" : "arithmetic", node, NULL, &op));
    dd__onnx_reads(&op, a);
    dd__onnx_reads(&op, b);
    if (!add) dd__onnx_text(&op, "kind", kind);
    return dd__onnx_end(m, &op, layer);
}

dd_status dd__onnx_activation(dd__onnx *m, const Onnx__NodeProto *node, const char *kind,
                              const char **layer) {
    dd__onnx_layer op;
    DD_TRY(dd__onnx_begin(m, "activation", node, NULL, &op));
    dd__onnx_reads(&op, *layer);
    dd__onnx_text(&op, "kind", kind);
    return dd__onnx_end(m, &op, layer);
}
