/* The values of an ONNX model, by name, in the layouts that were asked for. */
#include <string.h>

#include "model/onnx/import.h"

dd__onnx_value *dd__onnx_find(dd__onnx *m, const char *name) {
    size_t i = dd__onnx_names_find(&m->value_names, name);
    return i == DD__NO_NUMBER ? NULL : &m->values[i];
}

/* Room for all values was made before, so that pointers to them stay. */
dd_status dd__onnx_new(dd__onnx *m, const char *name, dd__onnx_value **value) {
    if (dd__onnx_find(m, name)) return dd__fail(DD_FORMAT, "two values are called \"%s\"", name);
    if (m->value_count == m->value_room) return dd__fail(DD_FORMAT, "too many values");
    dd__onnx_names_add(&m->value_names, name, m->value_count);
    *value = &m->values[m->value_count++];
    **value = (dd__onnx_value){.name = name};
    return DD_OK;
}

dd__onnx_value *dd__onnx_in(dd__onnx *m, const Onnx__NodeProto *node, size_t i) {
    if (i >= node->n_input || !*node->input[i]) return NULL;
    return dd__onnx_find(m, node->input[i]);
}

dd_status dd__onnx_need(dd__onnx *m, const Onnx__NodeProto *node, size_t i,
                        dd__onnx_value **value) {
    *value = dd__onnx_in(m, node, i);
    return *value ? DD_OK : dd__fail(DD_FORMAT, "its input %zu is missing", i);
}

static bool is_read(const dd__onnx *m, const char *name) {
    return dd__onnx_names_find(&m->read_names, name) != DD__NO_NUMBER;
}

dd_status dd__onnx_no_others(dd__onnx *m, const Onnx__NodeProto *node, size_t first) {
    for (size_t i = first; i < node->n_output; i++)
        if (*node->output[i] && is_read(m, node->output[i]))
            return dd__fail(DD_FORMAT, "its output \"%s\"", node->output[i]);
    return DD_OK;
}

size_t dd__onnx_knowns(dd__onnx *m, const Onnx__NodeProto *node, const dd__known *known[],
                       size_t room) {
    size_t count = node->n_input < room ? node->n_input : room;
    for (size_t i = 0; i < count; i++) {
        const dd__onnx_value *value = dd__onnx_in(m, node, i);
        known[i] = value ? value->known : NULL;
    }
    return count;
}

dd_status dd__onnx_floats(dd__onnx *m, const dd__onnx_value *value, size_t count,
                          const float **floats) {
    const dd__known *known = value->known;
    if (!known) return dd__fail(DD_FORMAT, "its input \"%s\" is computed at run time", value->name);
    if (count && dd__known_count(known) != count)
        return dd__fail(DD_FORMAT, "its input \"%s\" has %zu numbers, not %zu", value->name,
                        dd__known_count(known), count);
    *floats = known->floats;
    if (!known->whole) return DD_OK;
    void *numbers;
    dd__known copy = {.dims = known->dims};
    DD_TRY(dd__known_alloc(&m->arena, &copy, &numbers));
    for (size_t i = 0; i < dd__known_count(known); i++)
        ((float *)numbers)[i] = (float)known->wholes[i];
    *floats = numbers;
    return DD_OK;
}

/* ---- Layouts --------------------------------------------------------------------------------- */

/* Axis i of the layout is axis order[i] of the other one. */
static void order_for(dd__layout layout, unsigned rank, unsigned order[DD__MAX_RANK]) {
    for (unsigned i = 0; i < rank; i++) order[i] = i;
    if (rank < 3) return;
    if (layout == DD__CHANNELS_LAST) {
        for (unsigned i = 1; i + 1 < rank; i++) order[i] = i + 1;
        order[rank - 1] = 1;
    } else {
        order[1] = rank - 1;
        for (unsigned i = 2; i < rank; i++) order[i] = i - 1;
    }
}

static dd_status constant_in(dd__onnx *m, dd__onnx_value *value, dd__layout layout) {
    unsigned order[DD__MAX_RANK];
    dd__known moved = *value->known;
    order_for(layout, value->shape.rank, order);
    if (layout == DD__CHANNELS_LAST && value->shape.rank > 2)
        DD_TRY(dd__known_transpose(&m->arena, value->known, order, &moved));
    return dd__onnx_constant(m, value->name, &moved, &value->layer[layout]);
}

dd_status dd__onnx_in_layout(dd__onnx *m, dd__onnx_value *value, dd__layout layout,
                             const char **layer) {
    dd__layout other = layout == DD__PLAIN ? DD__CHANNELS_LAST : DD__PLAIN;
    unsigned order[DD__MAX_RANK];
    if (!value->layer[layout] && value->layer[other]) {
        const char *moved = value->layer[other];
        order_for(layout, value->shape.rank, order);
        Onnx__NodeProto named = ONNX__NODE_PROTO__INIT;
        named.name = (char *)value->name; /* only read */
        if (value->shape.rank > 2) DD_TRY(dd__onnx_transposed(m, &named, order, &moved));
        value->layer[layout] = moved;
    }
    if (!value->layer[layout]) DD_TRY(constant_in(m, value, layout));
    *layer = value->layer[layout];
    return DD_OK;
}

int64_t dd__onnx_axis_in(dd__layout layout, int64_t axis, unsigned rank) {
    if (layout == DD__PLAIN || axis == 0 || rank < 3) return axis;
    return axis == 1 ? (int64_t)rank - 1 : axis - 1;
}

dd__layout dd__onnx_layout_of(const dd__onnx_value *value) {
    return value->layer[DD__CHANNELS_LAST] ? DD__CHANNELS_LAST : DD__PLAIN;
}

/* ---- Outputs --------------------------------------------------------------------------------- */

static dd_status new_output(dd__onnx *m, const Onnx__NodeProto *node, size_t i,
                            dd__onnx_value **value) {
    if (i >= node->n_output || !*node->output[i]) return dd__fail(DD_FORMAT, "it has no output");
    return dd__onnx_new(m, node->output[i], value);
}

dd_status dd__onnx_give(dd__onnx *m, const Onnx__NodeProto *node, size_t i, const char *layer,
                        dd__layout layout, const dd__dims *shape) {
    dd__onnx_value *value;
    DD_TRY(new_output(m, node, i, &value));
    const dd__dims *dims = dd__onnx_dims_of(m, layer);
    unsigned order[DD__MAX_RANK];
    order_for(layout == DD__CHANNELS_LAST ? DD__PLAIN : DD__CHANNELS_LAST, dims->rank, order);
    value->shape.rank = dims->rank;
    for (unsigned axis = 0; axis < dims->rank; axis++)
        value->shape.d[axis] = dims->d[layout == DD__CHANNELS_LAST ? order[axis] : axis];
    if (shape) value->shape = *shape;
    value->layer[layout] = layer;
    return DD_OK;
}

dd_status dd__onnx_give_known(dd__onnx *m, const Onnx__NodeProto *node, const dd__known *known) {
    dd__onnx_value *value;
    dd__known *copy = dd__arena_alloc(&m->arena, 1, sizeof *copy);
    if (!copy) return dd__no_memory(sizeof *copy);
    DD_TRY(new_output(m, node, 0, &value));
    *copy = *known;
    value->known = copy;
    value->shape = known->dims;
    return DD_OK;
}

dd_status dd__onnx_give_same(dd__onnx *m, const Onnx__NodeProto *node, const dd__onnx_value *same) {
    dd__onnx_value *value;
    DD_TRY(new_output(m, node, 0, &value));
    const char *name = value->name;
    *value = *same;
    value->name = name;
    return DD_OK;
}
