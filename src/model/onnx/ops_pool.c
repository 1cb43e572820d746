/* MaxPool, AveragePool and the global pools. */
#include <string.h>

#include "model/onnx/window.h"

/* Zeros around the image that count as a part of it. */
static dd_status pad_with_zeros(dd__onnx *m, const Onnx__NodeProto *node, dd__onnx_window *w,
                                const int64_t edges[4], const char **layer) {
    dd__onnx_layer pad;
    DD_TRY(dd__onnx_begin(m, "pad", node, NULL, &pad));
    dd__onnx_reads(&pad, *layer);
    dd__onnx_list(&pad, "before", (int64_t[]){0, edges[0], edges[1], 0}, 4);
    dd__onnx_list(&pad, "after", (int64_t[]){0, edges[2], edges[3], 0}, 4);
    for (unsigned i = 0; i < 4; i++) w->edges[i] -= edges[i];
    return dd__onnx_end(m, &pad, layer);
}

/* Edges that are counted are part of each window's mean; what "ceil_mode" adds to them is not. Where
 * both happen, the former becomes part of the image. */
static dd_status settle_edges(dd__onnx *m, const Onnx__NodeProto *node, dd__onnx_window *w,
                              bool *count_padding, const char **layer) {
    int64_t edges[4];
    DD_TRY(dd__onnx_window_pad(node, w));
    memcpy(edges, w->edges, sizeof edges);
    if (dd__onnx_window_ceil(node, w) && *count_padding) {
        *count_padding = false;
        DD_TRY(pad_with_zeros(m, node, w, edges, layer));
    }
    return DD_OK;
}

dd_status dd__import_pool(dd__onnx *m, const Onnx__NodeProto *node) {
    dd__onnx_value *x;
    dd__onnx_layer pool;
    dd__onnx_window w;
    const char *layer;
    bool max = strcmp(node->op_type, "MaxPool") == 0;
    bool count_padding = !max && dd__onnx_int(node, "count_include_pad", 0) != 0;
    DD_TRY(dd__onnx_need(m, node, 0, &x));
    DD_TRY(dd__onnx_no_others(m, node, 1));
    DD_TRY(dd__onnx_window_begin(node, &x->shape, NULL, &w));
    DD_TRY(dd__onnx_windowed(m, x, &layer));
    DD_TRY(settle_edges(m, node, &w, &count_padding, &layer));
    DD_TRY(dd__onnx_begin(m, max ? "max_pool" : "average_pool", node, NULL, &pool));
    dd__onnx_reads(&pool, layer);
    dd__onnx_list(&pool, "kernel", w.kernel, 2);
    dd__onnx_list(&pool, "stride", w.stride, 2);
    dd__onnx_list(&pool, "padding", w.edges, 4);
    dd__onnx_list(&pool, "dilation", w.dilation, 2);
    if (count_padding) dd__onnx_bool(&pool, "count_padding", true);
    DD_TRY(dd__onnx_end(m, &pool, &layer));
    return dd__onnx_give_windowed(m, node, x, layer);
}

dd_status dd__import_global_pool(dd__onnx *m, const Onnx__NodeProto *node) {
    dd__onnx_value *x;
    dd__onnx_layer pool;
    const char *layer;
    bool max = strcmp(node->op_type, "GlobalMaxPool") == 0;
    DD_TRY(dd__onnx_need(m, node, 0, &x));
    if (x->shape.rank != 3 && x->shape.rank != 4)
        return dd__fail(DD_FORMAT, "%d spatial axes; there may be 1 or 2", (int)x->shape.rank - 2);
    DD_TRY(dd__onnx_windowed(m, x, &layer));
    DD_TRY(dd__onnx_begin(m, max ? "global_max_pool" : "global_average_pool", node, NULL, &pool));
    dd__onnx_reads(&pool, layer);
    DD_TRY(dd__onnx_end(m, &pool, &layer));
    dd__dims shape = {.rank = x->shape.rank, .d = {x->shape.d[0], x->shape.d[1], 1, 1}};
    DD_TRY(dd__onnx_view(m, node, &shape, &layer)); /* one pixel: the same in both layouts */
    return dd__onnx_give(m, node, 0, layer, DD__PLAIN, &shape);
}
