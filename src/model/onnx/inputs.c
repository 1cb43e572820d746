/* What the graph of an ONNX model begins with: initializers, and an image or arrays. */
#include <stdio.h>
#include <string.h>

#include "model/onnx/import.h"

dd_status dd__onnx_take_initializers(dd__onnx *m) {
    for (size_t i = 0; i < m->file->n_initializer; i++) {
        const Onnx__TensorProto *tensor = m->file->initializer[i];
        dd__onnx_value *value;
        const char *name = tensor->name ? tensor->name : "";
        dd__known *known = dd__arena_alloc(&m->arena, 1, sizeof *known);
        if (!known) return dd__no_memory(sizeof *known);
        DD_TRY(dd__within(dd__known_read(&m->arena, tensor, known), "initializer \"%s\"", name));
        DD_TRY(dd__onnx_new(m, name, &value));
        value->known = known;
        value->shape = known->dims;
    }
    return DD_OK;
}

/* ---- Inputs as the file has them --------------------------------------------------------------------- */

static const Onnx__TensorShapeProto *shape_of(const Onnx__ValueInfoProto *info) {
    const Onnx__TypeProto__Tensor *tensor =
        info->type && info->type->value_case == ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE
            ? info->type->tensor_type
            : NULL;
    return tensor ? tensor->shape : NULL;
}

/* The extent of an axis; 0: it is not fixed. */
static int64_t extent_of(const Onnx__TensorShapeProto *shape, size_t axis) {
    const Onnx__TensorShapeProto__Dimension *dim = shape->dim[axis];
    return dim->value_case == ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE ? dim->dim_value
                                                                                   : 0;
}

/* Inputs that no initializer gives a value. */
static bool is_open(dd__onnx *m, const Onnx__ValueInfoProto *info) {
    return info->name && !dd__onnx_find(m, info->name);
}

static size_t open_inputs(dd__onnx *m, const Onnx__ValueInfoProto **first) {
    size_t count = 0;
    for (size_t i = m->file->n_input; i-- > 0;) {
        if (!is_open(m, m->file->input[i])) continue;
        *first = m->file->input[i];
        count++;
    }
    return count;
}

/* ---- Images --------------------------------------------------------------------------------------- */

static dd_status not_images(const char *found) {
    return dd__fail(DD_FORMAT,
                    "expected one input of images (N, C, H, W) with fixed C, H and W, found %s; "
                    "`run` takes any inputs",
                    found);
}

/* The only input that is open, and its extents (N, C, H, W), N 1. */
static dd_status find_image(dd__onnx *m, const Onnx__ValueInfoProto **info, int64_t extents[4]) {
    char found[80];
    size_t count = open_inputs(m, info);
    snprintf(found, sizeof found, "%zu inputs", count);
    if (count != 1) return not_images(found);
    const Onnx__TensorShapeProto *shape = shape_of(*info);
    snprintf(found, sizeof found, "an input of %zu axes", shape ? shape->n_dim : 0);
    if (!shape || shape->n_dim != 4) return not_images(found);
    extents[0] = 1;
    for (size_t i = 1; i < 4; i++) {
        extents[i] = extent_of(shape, i);
        snprintf(found, sizeof found, "an axis %zu that is not fixed", i);
        if (extents[i] < 1) return not_images(found);
    }
    return DD_OK;
}

dd_status dd__onnx_take_image(dd__onnx *m) {
    static const char *const names[] = {"height", "width", "channels"};
    const Onnx__ValueInfoProto *info = NULL;
    int64_t extents[4];
    dd__onnx_value *value;
    dd__value *x;
    DD_TRY(find_image(m, &info, extents));
    DD_TRY(dd__onnx_new(m, info->name, &value));
    DD_TRY(dd__known_dims(extents, 4, &value->shape));
    const uint32_t *d = value->shape.d;
    DD_TRY(dd__graph_input(m->graph, dd__network_image, DD__F32, DD_DIMS(1, d[2], d[3], d[1]), &x));
    dd__onnx_source(m, dd__network_image, x, true);
    value->layer[DD__CHANNELS_LAST] = dd__network_image;
    cJSON *input = cJSON_AddObjectToObject(m->network, "input");
    for (size_t i = 0; i < DD_COUNT(names); i++)
        if (!cJSON_AddNumberToObject(input, names[i], x->dims.d[1 + i])) return dd__no_memory(64);
    return DD_OK;
}

/* ---- Arrays -------------------------------------------------------------------------------------- */

/* The array for an input; without a name, where there is only one. */
static const dd_array *array_of(const dd_array *arrays, size_t count, const char *name,
                                size_t open) {
    for (size_t i = 0; i < count; i++)
        if (arrays[i].name && strcmp(arrays[i].name, name) == 0) return &arrays[i];
    bool only = count == 1 && open == 1 && (!arrays[0].name || !*arrays[0].name);
    return only ? &arrays[0] : NULL;
}

static dd_status check_array(const Onnx__ValueInfoProto *info, const dd_array *array) {
    const Onnx__TensorShapeProto *shape = shape_of(info);
    dd__dims found = {.rank = array->rank};
    char text[80];
    if (array->rank > DD__MAX_RANK)
        return dd__fail(DD_SHAPE, "%u axes are more than %d", array->rank, DD__MAX_RANK);
    memcpy(found.d, array->dims, array->rank * sizeof *found.d);
    dd__dims_print(&found, text);
    if (dd__dims_count(&found) == 0) return dd__fail(DD_SHAPE, "%s is empty", text);
    if (shape && shape->n_dim != array->rank)
        return dd__fail(DD_SHAPE, "expected %zu axes, found %s", shape->n_dim, text);
    for (size_t i = 0; shape && i < shape->n_dim; i++) {
        int64_t extent = extent_of(shape, i);
        if (extent && extent != array->dims[i])
            return dd__fail(DD_SHAPE, "expected %lld along axis %zu, found %s", (long long)extent,
                            i, text);
    }
    return DD_OK;
}

static dd_status known_of_array(dd__onnx *m, const dd_array *array, dd__known **out) {
    dd__known *known = dd__arena_alloc(&m->arena, 1, sizeof *known);
    void *numbers;
    if (!known) return dd__no_memory(sizeof *known);
    *known = (dd__known){.dims.rank = array->rank, .whole = array->whole, .floats = array->data};
    memcpy(known->dims.d, array->dims, array->rank * sizeof *known->dims.d);
    *out = known;
    if (!array->whole) return DD_OK;
    dd__known floats = {.dims = known->dims, .floats = array->data};
    DD_TRY(dd__known_alloc(&m->arena, known, &numbers));
    for (size_t i = 0; i < dd__known_count(known); i++)
        ((int64_t *)numbers)[i] = dd__known_whole(&floats, i);
    return DD_OK;
}

static dd_status take_array(dd__onnx *m, const Onnx__ValueInfoProto *info, const dd_array *array,
                            cJSON *inputs) {
    dd__onnx_value *value;
    dd__known *known = NULL;
    dd__value *x;
    DD_TRY(dd__within(check_array(info, array), "input \"%s\"", info->name));
    DD_TRY(dd__onnx_new(m, info->name, &value));
    DD_TRY(known_of_array(m, array, &known));
    value->known = known;
    value->shape = known->dims;
    if (array->whole) return DD_OK; /* settled for good */
    dd__dims dims = value->shape.rank ? value->shape : DD_DIMS(1);
    DD_TRY(dd__graph_input(m->graph, info->name, DD__F32, dims, &x));
    dd__onnx_source(m, info->name, x, false);
    value->layer[DD__PLAIN] = info->name;
    value->run_time = true;
    return dd__onnx_list_tensor(inputs, info->name, NULL, &value->shape);
}

dd_status dd__onnx_take_arrays(dd__onnx *m, const dd_array *arrays, size_t count) {
    const Onnx__ValueInfoProto *first = NULL;
    size_t open = open_inputs(m, &first), taken = 0;
    cJSON *inputs = cJSON_AddArrayToObject(m->network, "inputs");
    for (size_t i = 0; i < m->file->n_input; i++) {
        const Onnx__ValueInfoProto *info = m->file->input[i];
        const dd_array *array = array_of(arrays, count, info->name ? info->name : "", open);
        if (!is_open(m, info)) continue;
        if (!array) return dd__fail(DD_USAGE, "input \"%s\" was not given", info->name);
        DD_TRY(take_array(m, info, array, inputs));
        taken++;
    }
    if (taken == count) return DD_OK;
    return dd__fail(DD_USAGE, "%zu inputs were given, of which the model has %zu", count, taken);
}
