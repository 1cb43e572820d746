/* Layers that only move numbers as operators of ONNX. */
#include <string.h>

#include "model/onnx/export_layers.h"
#include "ops/ops.h"

dd_status dd__export_constant(dd__export *e, const dd__layer_visit *v) {
    const char *name;
    DD_TRY(dd__export_tensor(e, v->name, "value", &name));
    return dd__export_give(e, v, DD__OWN, name);
}

dd_status dd__export_same(dd__export *e, const dd__layer_visit *v) {
    e->layers[v->index] = *dd__export_input(e, v, 0);
    return DD_OK;
}

/* The batch is whatever it is: 0 means that an extent stays, -1 that it is what is left over. */
dd_status dd__export_reshape(dd__export *e, const dd__layer_visit *v) {
    const char *in[2], *name;
    bool regroups = v->op == &dd__op_stack_views || v->op == &dd__op_unstack_views;
    int64_t extents[DD__MAX_RANK], batch = regroups ? -1 : 0;
    const dd__dims *y = &v->y->dims;
    for (unsigned i = 0; i < y->rank; i++) extents[i] = i == 0 && e->images ? batch : y->d[i];
    DD_TRY(dd__export_in(e, dd__export_input(e, v, 0), DD__OWN, &in[0]));
    DD_TRY(dd__export_wholes(e, extents, y->rank, &in[1]));
    DD_TRY(dd__export_node(e, "Reshape", in, 2, v->name, NULL, &name));
    return dd__export_give(e, v, DD__OWN, name);
}

dd_status dd__export_transpose(dd__export *e, const dd__layer_visit *v) {
    const char *name;
    const dd__dims *order = dd__told(v, "order");
    int64_t list[DD__MAX_RANK];
    Onnx__NodeProto *node;
    for (unsigned i = 0; i < order->rank; i++) list[i] = order->d[i];
    DD_TRY(dd__export_in(e, dd__export_input(e, v, 0), DD__OWN, &name));
    DD_TRY(dd__export_node(e, "Transpose", &name, 1, v->name, &node, &name));
    DD_TRY(dd__export_ints(e, node, "perm", list, order->rank));
    return dd__export_give(e, v, DD__OWN, name);
}

dd_status dd__export_concat(dd__export *e, const dd__layer_visit *v) {
    const char **in = dd__arena_alloc(&e->arena, v->input_count, sizeof *in), *name;
    if (!in) return dd__no_memory(v->input_count * sizeof *in);
    Onnx__NodeProto *node;
    unsigned rank = v->y->dims.rank;
    int32_t axis = dd__told_int(v, "axis");
    if (axis < 0) axis += (int32_t)rank;
    dd__form form = rank > 2 ? DD__FIRST : DD__OWN;
    for (size_t i = 0; i < v->input_count; i++)
        if (!dd__export_input(e, v, i)->name[DD__FIRST]) form = DD__OWN;
    for (size_t i = 0; i < v->input_count; i++)
        DD_TRY(dd__export_in(e, dd__export_input(e, v, i), form, &in[i]));
    if (form == DD__FIRST && axis > 0) axis = axis == (int32_t)rank - 1 ? 1 : axis + 1;
    DD_TRY(dd__export_node(e, "Concat", in, v->input_count, v->name, &node, &name));
    DD_TRY(dd__export_int(e, node, "axis", axis));
    return dd__export_give(e, v, form, name);
}

dd_status dd__export_slice(dd__export *e, const dd__layer_visit *v) {
    const char *in[5], *name;
    dd__exported *x = dd__export_input(e, v, 0);
    int64_t axis = dd__told_int(v, "axis"), begin = dd__told_int(v, "begin"),
            step = dd__told_int(v, "step");
    if (axis < 0) axis += x->dims.rank;
    int64_t end = begin + dd__told_int(v, "size") * step;
    if (end < 0) end = INT32_MIN; /* up to the first one */
    DD_TRY(dd__export_in(e, x, DD__OWN, &in[0]));
    DD_TRY(dd__export_wholes(e, &begin, 1, &in[1]));
    DD_TRY(dd__export_wholes(e, &end, 1, &in[2]));
    DD_TRY(dd__export_wholes(e, &axis, 1, &in[3]));
    DD_TRY(dd__export_wholes(e, &step, 1, &in[4]));
    DD_TRY(dd__export_node(e, "Slice", in, 5, v->name, NULL, &name));
    return dd__export_give(e, v, DD__OWN, name);
}

dd_status dd__export_pad(dd__export *e, const dd__layer_visit *v) {
    const char *in[3], *name, *mode = dd__told_choice(v, "mode");
    const dd__dims *before = dd__told(v, "before"), *after = dd__told(v, "after");
    int64_t pads[2 * DD__MAX_RANK];
    Onnx__NodeProto *node;
    if (strcmp(mode, "wrap") == 0)
        return dd__fail(DD_FORMAT, "padding in mode wrap is newer than operator set %d",
                        DD__EXPORT_OPSET);
    for (unsigned i = 0; i < before->rank; i++) {
        pads[i] = before->d[i];
        pads[before->rank + i] = after->d[i];
    }
    DD_TRY(dd__export_in(e, dd__export_input(e, v, 0), DD__OWN, &in[0]));
    DD_TRY(dd__export_wholes(e, pads, 2 * (size_t)before->rank, &in[1]));
    DD_TRY(dd__export_number(e, dd__told_float(v, "value"), &in[2]));
    DD_TRY(dd__export_node(e, "Pad", in, 3, v->name, &node, &name));
    DD_TRY(dd__export_text(e, node, "mode", mode));
    return dd__export_give(e, v, DD__OWN, name);
}

/* Our indices are floats. */
dd_status dd__export_take(dd__export *e, const dd__layer_visit *v) {
    const char *in[2], *name;
    Onnx__NodeProto *node;
    DD_TRY(dd__export_in(e, dd__export_input(e, v, 0), DD__OWN, &in[0]));
    DD_TRY(dd__export_in(e, dd__export_input(e, v, 1), DD__OWN, &in[1]));
    DD_TRY(dd__export_node(e, "Cast", &in[1], 1, NULL, &node, &in[1]));
    DD_TRY(dd__export_int(e, node, "to", ONNX__TENSOR_PROTO__DATA_TYPE__INT64));
    DD_TRY(dd__export_node(e, "Gather", in, 2, v->name, &node, &name));
    int64_t axis = dd__told_int(v, "axis");
    DD_TRY(dd__export_int(e, node, "axis", axis));
    return dd__export_give(e, v, DD__OWN, name);
}

dd_status dd__export_resize(dd__export *e, const dd__layer_visit *v) {
    const char *in[4] = {NULL, "", "", ""}, *name;
    const char *coordinates = dd__told_choice(v, "coordinates");
    dd__exported *x = dd__export_input(e, v, 0);
    Onnx__NodeProto *node;
    if (strcmp(coordinates, "half_pixel_symmetric") == 0)
        return dd__fail(DD_FORMAT, "%s is newer than operator set %d", coordinates,
                        DD__EXPORT_OPSET);
    float *scales = dd__arena_alloc(&e->arena, 4, sizeof *scales);
    if (!scales) return dd__no_memory(4 * sizeof *scales);
    const float given[2] = {dd__told_float(v, "scale_height"), dd__told_float(v, "scale_width")};
    for (int i = 0; i < 4; i++) scales[i] = 1;
    for (int i = 0; i < 2; i++)
        scales[2 + i] =
            given[i] != 0 ? given[i] : (float)v->y->dims.d[1 + i] / (float)x->dims.d[1 + i];
    DD_TRY(dd__export_in(e, x, DD__FIRST, &in[0]));
    DD_TRY(dd__export_floats(e, NULL, scales, DD_DIMS(4), &in[2]));
    DD_TRY(dd__export_node(e, "Resize", in, 3, v->name, &node, &name));
    DD_TRY(dd__export_text(e, node, "mode", dd__told_choice(v, "mode")));
    DD_TRY(dd__export_text(e, node, "coordinate_transformation_mode", coordinates));
    DD_TRY(dd__export_text(e, node, "nearest_mode", dd__told_choice(v, "rounding")));
    return dd__export_give(e, v, DD__FIRST, name);
}

dd_status dd__export_views_layer(dd__export *e, const dd__layer_visit *v) {
    dd__exported *x = dd__export_input(e, v, 0);
    const char *name;
    DD_TRY(dd__export_in(e, x, DD__OWN, &name));
    DD_TRY(dd__export_views(e, v->attributes, &x->dims, v->name, &name));
    return dd__export_give(e, v, DD__OWN, name);
}
