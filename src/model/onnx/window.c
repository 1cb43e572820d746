#include "model/onnx/window.h"

static dd_status read_axes(const Onnx__NodeProto *node, const char *name, unsigned spatial,
                           int64_t out[2]) {
    size_t count;
    const int64_t *list = dd__onnx_ints(node, name, &count);
    out[0] = out[1] = 1;
    if (count && count != spatial)
        return dd__fail(DD_FORMAT, "\"%s\" has %zu numbers for %u axes", name, count, spatial);
    for (unsigned i = 0; i < spatial && list; i++) {
        if (list[i] < 1 || list[i] > INT32_MAX)
            return dd__fail(DD_FORMAT, "\"%s\": %lld", name, (long long)list[i]);
        out[i] = list[i];
    }
    return DD_OK;
}

static dd_status read_pads(const Onnx__NodeProto *node, dd__onnx_window *w) {
    size_t count;
    const int64_t *pads = dd__onnx_ints(node, "pads", &count);
    if (!count) return DD_OK;
    if (count != 2 * w->spatial)
        return dd__fail(DD_FORMAT, "\"pads\" has %zu numbers for %u axes", count, w->spatial);
    for (unsigned axis = 0; axis < w->spatial; axis++) {
        w->edges[axis] = pads[axis];
        w->edges[axis + 2] = pads[axis + w->spatial];
    }
    for (unsigned i = 0; i < 4; i++)
        if (w->edges[i] < 0 || w->edges[i] > INT32_MAX)
            return dd__fail(DD_FORMAT, "\"pads\": %lld", (long long)w->edges[i]);
    return DD_OK;
}

dd_status dd__onnx_window_begin(const Onnx__NodeProto *node, const dd__dims *x,
                                const uint32_t *kernel, dd__onnx_window *w) {
    *w = (dd__onnx_window){.spatial = x->rank - 2, .size = {1, 1}};
    if (x->rank != 3 && x->rank != 4)
        return dd__fail(DD_FORMAT, "%d spatial axes; there may be 1 or 2", (int)x->rank - 2);
    for (unsigned axis = 0; axis < w->spatial; axis++) w->size[axis] = x->d[2 + axis];
    DD_TRY(read_axes(node, "kernel_shape", w->spatial, w->kernel));
    for (unsigned axis = 0; axis < w->spatial && kernel; axis++) w->kernel[axis] = kernel[axis];
    DD_TRY(read_axes(node, "strides", w->spatial, w->stride));
    DD_TRY(read_axes(node, "dilations", w->spatial, w->dilation));
    return read_pads(node, w);
}

static int64_t reach(const dd__onnx_window *w, unsigned axis) {
    return (w->kernel[axis] - 1) * w->dilation[axis] + 1;
}

dd_status dd__onnx_window_pad(const Onnx__NodeProto *node, dd__onnx_window *w) {
    bool upper = dd__onnx_text_is(node, "auto_pad", "NOTSET", "SAME_UPPER");
    bool lower = dd__onnx_text_is(node, "auto_pad", "NOTSET", "SAME_LOWER");
    bool valid = dd__onnx_text_is(node, "auto_pad", "NOTSET", "VALID");
    for (unsigned axis = 0; axis < w->spatial; axis++) {
        if (valid) w->edges[axis] = w->edges[axis + 2] = 0;
        if (!upper && !lower) continue;
        int64_t count = (w->size[axis] + w->stride[axis] - 1) / w->stride[axis];
        int64_t all = (count - 1) * w->stride[axis] + reach(w, axis) - w->size[axis];
        if (all < 0) all = 0;
        w->edges[axis] = upper ? all / 2 : all - all / 2;
        w->edges[axis + 2] = all - w->edges[axis];
    }
    return DD_OK;
}

bool dd__onnx_window_ceil(const Onnx__NodeProto *node, dd__onnx_window *w) {
    bool changed = false;
    for (unsigned axis = 0; axis < w->spatial && dd__onnx_int(node, "ceil_mode", 0); axis++) {
        int64_t before = w->edges[axis], stride = w->stride[axis];
        int64_t room = w->size[axis] + before + w->edges[axis + 2] - reach(w, axis);
        if (room < 0) continue;
        int64_t count = (room + stride - 1) / stride + 1;
        if ((count - 1) * stride >= w->size[axis] + before) count--;
        int64_t after = (count - 1) * stride + reach(w, axis) - w->size[axis] - before;
        if (after <= w->edges[axis + 2]) continue;
        w->edges[axis + 2] = after;
        changed = true;
    }
    return changed;
}

dd_status dd__onnx_windowed(dd__onnx *m, dd__onnx_value *x, const char **layer) {
    Onnx__NodeProto named = ONNX__NODE_PROTO__INIT;
    named.name = (char *)x->name; /* only read */
    DD_TRY(dd__onnx_in_layout(m, x, DD__CHANNELS_LAST, layer));
    if (x->shape.rank == 4) return DD_OK;
    dd__dims image = DD_DIMS(x->shape.d[0], x->shape.d[2], 1, x->shape.d[1]);
    return dd__onnx_view(m, &named, &image, layer);
}

dd_status dd__onnx_give_windowed(dd__onnx *m, const Onnx__NodeProto *node, const dd__onnx_value *x,
                                 const char *layer) {
    const dd__dims *y = dd__onnx_dims_of(m, layer);
    if (x->shape.rank == 3)
        DD_TRY(dd__onnx_view(m, node, &DD_DIMS(y->d[0], y->d[1], y->d[3]), &layer));
    return dd__onnx_give(m, node, 0, layer, DD__CHANNELS_LAST, NULL);
}
