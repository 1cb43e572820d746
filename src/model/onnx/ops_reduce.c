/* ReduceSum, ReduceMean, ReduceMax, ReduceMin. */
#include <string.h>

#include "model/onnx/import.h"

static const char *kind_of(const char *op) {
    if (strcmp(op, "ReduceMean") == 0) return "mean";
    if (strcmp(op, "ReduceMax") == 0) return "max";
    return strcmp(op, "ReduceMin") == 0 ? "min" : "sum";
}

typedef struct axes { /* of a reduction */
    unsigned set;     /* bit i: ONNX's axis i */
    bool keep;        /* they stay, with one element */
} axes;

static dd_status read_axes(dd__onnx *m, const Onnx__NodeProto *node, unsigned rank, axes *a) {
    const dd__known *known[DD__ONNX_INPUTS];
    size_t count = dd__onnx_knowns(m, node, known, DD_COUNT(known));
    bool given;
    a->keep = dd__onnx_int(node, "keepdims", 1) != 0;
    DD_TRY(dd__onnx_read_axes(node, known, count, 1, rank, &a->set, &given));
    if (!given && !dd__onnx_int(node, "noop_with_empty_axes", 0)) a->set = (1u << rank) - 1;
    return DD_OK;
}

/* The layer, which keeps the axes. */
static dd_status reduce_layer(dd__onnx *m, const Onnx__NodeProto *node, const axes *a,
                              dd__layout layout, const char **layer) {
    dd__onnx_layer reduce;
    unsigned rank = dd__onnx_dims_of(m, *layer)->rank, set = 0;
    int64_t list[DD__MAX_RANK] = {0};
    size_t count = 0;
    for (unsigned i = 0; i < rank; i++)
        if (a->set >> i & 1) set |= 1u << dd__onnx_axis_in(layout, i, rank);
    for (unsigned i = 0; i < rank; i++)
        if (set >> i & 1) list[count++] = i;
    if (dd__onnx_is_batched(m, *layer) && list[0] == 0)
        return dd__fail(DD_FORMAT, "along the axis of the batch");
    DD_TRY(dd__onnx_begin(m, "reduce", node, NULL, &reduce));
    dd__onnx_reads(&reduce, *layer);
    dd__onnx_text(&reduce, "kind", kind_of(node->op_type));
    dd__onnx_list(&reduce, "axes", list, count);
    return dd__onnx_end(m, &reduce, layer);
}

dd_status dd__import_reduce(dd__onnx *m, const Onnx__NodeProto *node) {
    dd__onnx_value *x;
    axes a;
    const char *layer;
    dd__dims shape = {0};
    DD_TRY(dd__onnx_need(m, node, 0, &x));
    DD_TRY(read_axes(m, node, x->shape.rank, &a));
    if (a.set == 0) return dd__onnx_give_same(m, node, x);
    dd__layout layout = dd__onnx_layout_of(x);
    DD_TRY(dd__onnx_in_layout(m, x, layout, &layer));
    DD_TRY(reduce_layer(m, node, &a, layout, &layer));
    dd__onnx_value kept = {.name = x->name, .shape = x->shape};
    kept.layer[layout] = layer;
    for (unsigned i = 0; i < x->shape.rank; i++) {
        bool goes = a.set >> i & 1;
        if (goes) kept.shape.d[i] = 1;
        if (!goes || a.keep) shape.d[shape.rank++] = kept.shape.d[i];
    }
    if (a.keep) return dd__onnx_give(m, node, 0, layer, layout, NULL);
    DD_TRY(dd__onnx_in_layout(m, &kept, DD__PLAIN, &layer));
    DD_TRY(dd__onnx_view(m, node, &shape, &layer));
    return dd__onnx_give(m, node, 0, layer, DD__PLAIN, &shape);
}
