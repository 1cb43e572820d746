/* Operators that move numbers without changing them. */
#include <math.h>
#include <string.h>

#include "model/onnx/import.h"

/* ---- Known beforehand ---------------------------------------------------------------------- */

dd_status dd__import_constant_node(dd__onnx *m, const Onnx__NodeProto *node) {
    dd__known known = {.dims = {0}};
    const Onnx__AttributeProto *a = node->n_attribute ? node->attribute[0] : NULL;
    const char *name = a && a->name ? a->name : "";
    if (strcmp(name, "value") == 0 && a->t) {
        DD_TRY(dd__known_read(&m->arena, a->t, &known));
    } else if (strcmp(name, "value_ints") == 0) {
        DD_TRY(dd__known_list(&m->arena, a->ints, a->n_ints, &known));
    } else if (strcmp(name, "value_int") == 0) {
        DD_TRY(dd__known_list(&m->arena, &a->i, 1, &known));
        known.dims.rank = 0;
    } else if (strcmp(name, "value_float") == 0 || strcmp(name, "value_floats") == 0) {
        bool list = name[strlen(name) - 1] == 's';
        known.dims = list ? DD_DIMS((uint32_t)a->n_floats) : (dd__dims){0};
        known.floats = list ? a->floats : &a->f;
    } else {
        return dd__fail(DD_FORMAT, "with \"%s\"", name);
    }
    return dd__onnx_give_known(m, node, &known);
}

/* Shape, of which newer operator sets give a part, and Size. */
dd_status dd__import_shape(dd__onnx *m, const Onnx__NodeProto *node) {
    dd__onnx_value *x;
    dd__known known;
    DD_TRY(dd__onnx_need(m, node, 0, &x));
    int64_t extents[DD__MAX_RANK], rank = x->shape.rank, size = (int64_t)dd__dims_count(&x->shape);
    if (strcmp(node->op_type, "Size") == 0) {
        DD_TRY(dd__known_list(&m->arena, &size, 1, &known));
        known.dims.rank = 0;
        return dd__onnx_give_known(m, node, &known);
    }
    int64_t start = dd__onnx_int(node, "start", 0), end = dd__onnx_int(node, "end", rank);
    if (start < 0) start = start + rank < 0 ? 0 : start + rank;
    if (end < 0) end += rank;
    if (end > rank) end = rank;
    for (int64_t i = 0; i < rank; i++) extents[i] = x->shape.d[i];
    bool any = start < end;
    DD_TRY(dd__known_list(&m->arena, any ? extents + start : extents,
                          any ? (size_t)(end - start) : 0, &known));
    return dd__onnx_give_known(m, node, &known);
}

/* ---- Views and orders --------------------------------------------------------------------- */

dd_status dd__import_reshape(dd__onnx *m, const Onnx__NodeProto *node) {
    dd__onnx_value *x;
    const dd__known *known[DD__ONNX_INPUTS];
    size_t count = dd__onnx_knowns(m, node, known, DD_COUNT(known));
    dd__dims shape;
    const char *layer;
    DD_TRY(dd__onnx_need(m, node, 0, &x));
    DD_TRY(dd__onnx_shape_of_view(node, known, count, &x->shape, &shape));
    DD_TRY(dd__onnx_in_layout(m, x, DD__PLAIN, &layer));
    DD_TRY(dd__onnx_view(m, node, &shape, &layer));
    return dd__onnx_give(m, node, 0, layer, DD__PLAIN, &shape);
}

dd_status dd__import_transpose(dd__onnx *m, const Onnx__NodeProto *node) {
    dd__onnx_value *x;
    size_t count;
    const int64_t *perm = dd__onnx_ints(node, "perm", &count);
    unsigned order[DD__MAX_RANK];
    const char *layer;
    DD_TRY(dd__onnx_need(m, node, 0, &x));
    DD_TRY(dd__onnx_order(perm, count, x->shape.rank, order));
    DD_TRY(dd__onnx_in_layout(m, x, DD__PLAIN, &layer));
    if (x->shape.rank > 1) DD_TRY(dd__onnx_transposed(m, node, order, &layer));
    return dd__onnx_give(m, node, 0, layer, DD__PLAIN, x->shape.rank ? NULL : &x->shape);
}

/* ---- Along an axis -------------------------------------------------------------------------- */

static dd_status check_batch_axis(const dd__onnx *m, const char *layer, int64_t axis) {
    if (axis != 0 || !dd__onnx_is_batched(m, layer)) return DD_OK;
    return dd__fail(DD_FORMAT, "along the axis of the batch");
}

static dd_status slice_layer(dd__onnx *m, const Onnx__NodeProto *node, const dd__onnx_slice *s,
                             dd__layout layout, const char **layer) {
    dd__onnx_layer slice;
    const dd__dims *dims = dd__onnx_dims_of(m, *layer);
    int64_t axis = dd__onnx_axis_in(layout, s->axis, dims->rank);
    if (s->begin == 0 && s->step == 1 && s->size == dims->d[axis]) return DD_OK;
    if (s->size == 0) return dd__fail(DD_FORMAT, "whose result is empty");
    DD_TRY(check_batch_axis(m, *layer, axis));
    DD_TRY(dd__onnx_begin(m, "slice", node, NULL, &slice));
    dd__onnx_reads(&slice, *layer);
    dd__onnx_number(&slice, "axis", (double)axis);
    dd__onnx_number(&slice, "begin", (double)s->begin);
    dd__onnx_number(&slice, "size", (double)s->size);
    if (s->step != 1) dd__onnx_number(&slice, "step", (double)s->step);
    return dd__onnx_end(m, &slice, layer);
}

dd_status dd__import_slice(dd__onnx *m, const Onnx__NodeProto *node) {
    dd__onnx_value *x;
    const dd__known *known[DD__ONNX_INPUTS];
    size_t count = dd__onnx_knowns(m, node, known, DD_COUNT(known));
    dd__onnx_slices slices;
    const char *layer;
    DD_TRY(dd__onnx_need(m, node, 0, &x));
    DD_TRY(dd__onnx_read_slices(node, known, count, &x->shape, &slices));
    dd__layout layout = dd__onnx_layout_of(x);
    DD_TRY(dd__onnx_in_layout(m, x, layout, &layer));
    for (size_t i = 0; i < slices.count; i++)
        DD_TRY(slice_layer(m, node, &slices.items[i], layout, &layer));
    return dd__onnx_give(m, node, 0, layer, layout, NULL);
}

/* The sizes of the parts: given, or as equal as can be, the last one smaller. */
static dd_status part_sizes(dd__onnx *m, const Onnx__NodeProto *node, int64_t extent,
                            int64_t *sizes) {
    const dd__known *known[DD__ONNX_INPUTS];
    size_t count = dd__onnx_knowns(m, node, known, DD_COUNT(known)), found, parts = node->n_output;
    DD_TRY(dd__onnx_read_list(node, known, count, 1, "split", sizes, parts, &found));
    int64_t each = (extent + (int64_t)parts - 1) / (int64_t)parts, left = extent;
    for (size_t i = 0; i < parts; i++) {
        if (!found) sizes[i] = each < left ? each : left;
        if (found && found != parts)
            return dd__fail(DD_FORMAT, "%zu parts, %zu outputs", found, parts);
        if (sizes[i] < 1 || sizes[i] > left) return dd__fail(DD_FORMAT, "into an empty part");
        left -= sizes[i];
    }
    return left == 0 ? DD_OK : dd__fail(DD_FORMAT, "into parts of fewer elements");
}

dd_status dd__import_split(dd__onnx *m, const Onnx__NodeProto *node) {
    dd__onnx_value *x;
    const char *whole;
    int64_t axis = dd__onnx_int(node, "axis", 0), begin = 0;
    DD_TRY(dd__onnx_need(m, node, 0, &x));
    DD_TRY(dd__onnx_axis(&axis, x->shape.rank));
    if (node->n_output == 0) return dd__fail(DD_FORMAT, "it has no output");
    int64_t *sizes = dd__arena_alloc(&m->arena, node->n_output, sizeof *sizes);
    if (!sizes) return dd__no_memory(node->n_output * sizeof *sizes);
    DD_TRY(part_sizes(m, node, x->shape.d[axis], sizes));
    dd__layout layout = dd__onnx_layout_of(x);
    DD_TRY(dd__onnx_in_layout(m, x, layout, &whole));
    for (size_t i = 0; i < node->n_output; begin += sizes[i++]) {
        const char *layer = whole;
        dd__onnx_slice part = {.axis = axis, .begin = begin, .step = 1, .size = sizes[i]};
        if (!*node->output[i]) continue;
        DD_TRY(slice_layer(m, node, &part, layout, &layer));
        DD_TRY(dd__onnx_give(m, node, i, layer, layout, NULL));
    }
    return DD_OK;
}

/* At most 16 at a time, which is what the layer takes. */
static dd_status concat_layers(dd__onnx *m, const Onnx__NodeProto *node, const char *const in[],
                               size_t count, int64_t axis, const char **layer) {
    enum { MOST = 16 };
    *layer = in[0];
    for (size_t i = 1; i < count;) {
        dd__onnx_layer concat;
        DD_TRY(dd__onnx_begin(m, "concat", node, NULL, &concat));
        dd__onnx_reads(&concat, *layer);
        for (size_t taken = 1; taken < MOST && i < count; taken++) dd__onnx_reads(&concat, in[i++]);
        dd__onnx_number(&concat, "axis", (double)axis);
        DD_TRY(dd__onnx_end(m, &concat, layer));
    }
    return DD_OK;
}

dd_status dd__import_concat(dd__onnx *m, const Onnx__NodeProto *node) {
    dd__onnx_value *x;
    int64_t axis = dd__onnx_int(node, "axis", 1);
    size_t count = node->n_input;
    const char **in = dd__arena_alloc(&m->arena, count + 1, sizeof *in);
    if (!in) return dd__no_memory(count * sizeof *in);
    dd__layout layout = DD__PLAIN;
    for (size_t i = 0; i < count; i++) {
        DD_TRY(dd__onnx_need(m, node, i, &x));
        if (dd__onnx_layout_of(x) == DD__CHANNELS_LAST) layout = DD__CHANNELS_LAST;
    }
    DD_TRY(dd__onnx_need(m, node, 0, &x));
    DD_TRY(dd__onnx_axis(&axis, x->shape.rank));
    axis = dd__onnx_axis_in(layout, axis, x->shape.rank);
    for (size_t i = 0; i < count; i++) {
        DD_TRY(dd__onnx_need(m, node, i, &x));
        DD_TRY(dd__onnx_in_layout(m, x, layout, &in[i]));
        DD_TRY(check_batch_axis(m, in[i], axis));
    }
    const char *layer;
    DD_TRY(concat_layers(m, node, in, count, axis, &layer));
    return dd__onnx_give(m, node, 0, layer, layout, NULL);
}

/* One index takes its axis away. */
dd_status dd__import_gather(dd__onnx *m, const Onnx__NodeProto *node) {
    dd__onnx_value *x, *indices;
    dd__onnx_layer take;
    const char *layer, *at;
    int64_t axis = dd__onnx_int(node, "axis", 0);
    DD_TRY(dd__onnx_need(m, node, 0, &x));
    DD_TRY(dd__onnx_need(m, node, 1, &indices));
    DD_TRY(dd__onnx_axis(&axis, x->shape.rank));
    DD_TRY(dd__onnx_in_layout(m, x, DD__PLAIN, &layer));
    DD_TRY(check_batch_axis(m, layer, axis));
    DD_TRY(dd__onnx_in_layout(m, indices, DD__PLAIN, &at));
    DD_TRY(dd__onnx_begin(m, "take", node, NULL, &take));
    dd__onnx_reads(&take, layer);
    dd__onnx_reads(&take, at);
    dd__onnx_number(&take, "axis", (double)axis);
    DD_TRY(dd__onnx_end(m, &take, &layer));
    if (indices->shape.rank) return dd__onnx_give(m, node, 0, layer, DD__PLAIN, NULL);
    dd__dims shape = {0};
    for (unsigned i = 0; i < x->shape.rank; i++)
        if (i != (unsigned)axis) shape.d[shape.rank++] = x->shape.d[i];
    DD_TRY(dd__onnx_view(m, node, &shape, &layer));
    return dd__onnx_give(m, node, 0, layer, DD__PLAIN, &shape);
}

/* ---- Larger ---------------------------------------------------------------------------------- */

/* What is added to zeros of a shape takes that shape. */
dd_status dd__import_expand(dd__onnx *m, const Onnx__NodeProto *node) {
    dd__onnx_value *x;
    const dd__known *known[DD__ONNX_INPUTS];
    size_t count = dd__onnx_knowns(m, node, known, DD_COUNT(known)), rank;
    int64_t extents[DD__MAX_RANK];
    dd__known zeros = {.dims = {0}};
    void *numbers;
    const char *layer, *constant;
    DD_TRY(dd__onnx_need(m, node, 0, &x));
    DD_TRY(dd__onnx_read_list(node, known, count, 1, "shape", extents, DD__MAX_RANK, &rank));
    DD_TRY(dd__known_dims(extents, rank, &zeros.dims));
    zeros.whole = true; /* not to be trained */
    DD_TRY(dd__known_alloc(&m->arena, &zeros, &numbers));
    DD_TRY(dd__onnx_in_layout(m, x, DD__PLAIN, &layer));
    DD_TRY(dd__onnx_constant(m, "zeros", &zeros, &constant));
    DD_TRY(dd__onnx_arithmetic(m, node, "add", layer, constant, &layer));
    bool single = rank == 0 && x->shape.rank == 0;
    return dd__onnx_give(m, node, 0, layer, DD__PLAIN, single ? &x->shape : NULL);
}

typedef struct padding {
    int64_t before[DD__MAX_RANK], after[DD__MAX_RANK]; /* by ONNX's axes; negative: cut off */
    double value;
    const char *mode;
} padding;

static dd_status read_mode(const Onnx__NodeProto *node, padding *p) {
    static const char *const modes[] = {"constant", "edge", "reflect", "wrap"};
    for (size_t i = 0; i < DD_COUNT(modes); i++)
        if (dd__onnx_text_is(node, "mode", "constant", modes[i])) p->mode = modes[i];
    return p->mode ? DD_OK : dd__fail(DD_FORMAT, "in a mode that is not known");
}

/* Those of the axes in input 3, or of all. */
static dd_status read_pads(const Onnx__NodeProto *node, const dd__known *const known[],
                           size_t count, unsigned rank, padding *p) {
    int64_t list[2 * DD__MAX_RANK], axes[DD__MAX_RANK];
    size_t found, axis_count = 0;
    bool some = node->n_input > 3 && *node->input[3];
    if (some) DD_TRY(dd__onnx_read_list(node, known, count, 3, "axes", axes, rank, &axis_count));
    for (unsigned i = 0; i < rank && !some; i++) axes[axis_count++] = i;
    DD_TRY(dd__onnx_read_list(node, known, count, 1, "pads", list, DD_COUNT(list), &found));
    if (found != 2 * axis_count)
        return dd__fail(DD_FORMAT, "%zu pads for %zu axes", found, axis_count);
    for (size_t i = 0; i < found; i++)
        if (list[i] < -INT32_MAX || list[i] > INT32_MAX)
            return dd__fail(DD_FORMAT, "\"pads\": %lld", (long long)list[i]);
    for (size_t i = 0; i < axis_count; i++) {
        DD_TRY(dd__onnx_axis(&axes[i], rank));
        p->before[axes[i]] = list[i];
        p->after[axes[i]] = list[i + axis_count];
    }
    return DD_OK;
}

static dd_status read_padding(dd__onnx *m, const Onnx__NodeProto *node, unsigned rank, padding *p) {
    const dd__known *known[DD__ONNX_INPUTS];
    size_t count = dd__onnx_knowns(m, node, known, DD_COUNT(known));
    *p = (padding){.value = dd__onnx_float(node, "value", 0)};
    DD_TRY(read_mode(node, p));
    if (count > 2 && known[2] && dd__known_count(known[2]))
        p->value = dd__known_number(known[2], 0);
    return read_pads(node, known, count, rank, p);
}

/* Negative ones cut off. */
static dd_status cut_off(dd__onnx *m, const Onnx__NodeProto *node, padding *p, unsigned rank,
                         dd__layout layout, const char **layer) {
    for (unsigned i = 0; i < rank; i++) {
        int64_t extent = dd__onnx_dims_of(m, *layer)->d[dd__onnx_axis_in(layout, i, rank)];
        int64_t first = p->before[i] < 0 ? -p->before[i] : 0;
        int64_t last = p->after[i] < 0 ? -p->after[i] : 0;
        dd__onnx_slice keep = {.axis = i, .begin = first, .step = 1, .size = extent - first - last};
        if (keep.size < 1) return dd__fail(DD_FORMAT, "that leaves nothing");
        DD_TRY(slice_layer(m, node, &keep, layout, layer));
        if (first) p->before[i] = 0;
        if (last) p->after[i] = 0;
    }
    return DD_OK;
}

dd_status dd__import_pad(dd__onnx *m, const Onnx__NodeProto *node) {
    dd__onnx_value *x;
    dd__onnx_layer pad;
    const char *layer;
    padding p;
    DD_TRY(dd__onnx_need(m, node, 0, &x));
    unsigned rank = x->shape.rank;
    DD_TRY(read_padding(m, node, rank, &p));
    dd__layout layout = dd__onnx_layout_of(x);
    DD_TRY(dd__onnx_in_layout(m, x, layout, &layer));
    DD_TRY(cut_off(m, node, &p, rank, layout, &layer));
    int64_t before[DD__MAX_RANK], after[DD__MAX_RANK], all = 0;
    for (unsigned i = 0; i < rank; i++) {
        before[dd__onnx_axis_in(layout, i, rank)] = p.before[i];
        after[dd__onnx_axis_in(layout, i, rank)] = p.after[i];
        all |= p.before[i] | p.after[i];
    }
    if (all == 0) return dd__onnx_give(m, node, 0, layer, layout, NULL);
    if (before[0] || after[0]) DD_TRY(check_batch_axis(m, layer, 0));
    DD_TRY(dd__onnx_begin(m, "pad", node, NULL, &pad));
    dd__onnx_reads(&pad, layer);
    dd__onnx_list(&pad, "before", before, rank);
    dd__onnx_list(&pad, "after", after, rank);
    dd__onnx_text(&pad, "mode", p.mode);
    if (p.value != 0)
        dd__onnx_number(&pad, "value", fmin(fmax(p.value, -3.4028235e38), 3.4028235e38));
    DD_TRY(dd__onnx_end(m, &pad, &layer));
    return dd__onnx_give(m, node, 0, layer, layout, NULL);
}
