/* Conv and ConvTranspose, with one or two spatial axes: with one, an axis of one column is added. */
#include "model/onnx/import.h"
#include "model/onnx/window.h"

/* W (M, C/groups, kH, kW) as our weights lie: (kH, kW, C/groups, M). A ConvTranspose has W
 * (C, M/groups, kH, kW), of which our form is (kH, kW, M/groups, C): the same order. */
static dd_status store_weights(dd__onnx *m, const char *layer, const dd__known *w,
                               const dd__onnx_window *window) {
    uint32_t o = w->dims.d[0], c = w->dims.d[1];
    uint32_t kh = (uint32_t)window->kernel[0], kw = (uint32_t)window->kernel[1];
    float *numbers;
    DD_TRY(dd__onnx_tensor(m, layer, "weight", DD_DIMS(kh, kw, c, o), &numbers));
    const float *from = w->floats;
    for (size_t filter = 0; filter < o; filter++)
        for (size_t channel = 0; channel < c; channel++)
            for (size_t place = 0; place < (size_t)kh * kw; place++)
                numbers[(place * c + channel) * o + filter] = *from++;
    return DD_OK;
}

typedef struct conv { /* what both operators begin with */
    dd__onnx_value *x, *w, *bias;
    dd__onnx_window window;
    uint32_t filters;
    int64_t groups;
} conv;

static dd_status read_conv(dd__onnx *m, const Onnx__NodeProto *node, bool transposed, conv *c) {
    DD_TRY(dd__onnx_need(m, node, 0, &c->x));
    DD_TRY(dd__onnx_need(m, node, 1, &c->w));
    c->bias = dd__onnx_in(m, node, 2);
    c->groups = dd__onnx_int(node, "group", 1);
    const float *unused;
    DD_TRY(dd__onnx_floats(m, c->w, 0, &unused));
    if (c->w->shape.rank != c->x->shape.rank || c->w->known->whole)
        return dd__fail(DD_FORMAT, "weights of %u axes for an input of %u", c->w->shape.rank,
                        c->x->shape.rank);
    if (c->groups < 1 || c->groups > INT32_MAX)
        return dd__fail(DD_FORMAT, "%lld groups", (long long)c->groups);
    DD_TRY(dd__onnx_window_begin(node, &c->x->shape, &c->w->shape.d[2], &c->window));
    uint64_t filters = transposed ? c->w->shape.d[1] * (uint64_t)c->groups : c->w->shape.d[0];
    if (filters > INT32_MAX) return dd__fail(DD_FORMAT, "too many filters");
    c->filters = (uint32_t)filters;
    return DD_OK;
}

static dd_status add_conv(dd__onnx *m, const Onnx__NodeProto *node, const char *op, const conv *c,
                          const int64_t output_padding[2]) {
    dd__onnx_layer layer;
    const char *name;
    DD_TRY(dd__onnx_windowed(m, c->x, &name));
    DD_TRY(dd__onnx_begin(m, op, node, NULL, &layer));
    dd__onnx_reads(&layer, name);
    dd__onnx_number(&layer, "filters", c->filters);
    dd__onnx_list(&layer, "kernel", c->window.kernel, 2);
    dd__onnx_list(&layer, "stride", c->window.stride, 2);
    dd__onnx_list(&layer, "padding", c->window.edges, 4);
    dd__onnx_list(&layer, "dilation", c->window.dilation, 2);
    dd__onnx_number(&layer, "groups", (double)c->groups);
    dd__onnx_bool(&layer, "bias", c->bias != NULL);
    if (output_padding) dd__onnx_list(&layer, "output_padding", output_padding, 2);
    DD_TRY(dd__onnx_end(m, &layer, &name));
    DD_TRY(store_weights(m, name, c->w->known, &c->window));
    if (c->bias) DD_TRY(dd__onnx_copy_tensor(m, name, "bias", c->bias, c->filters));
    return dd__onnx_give_windowed(m, node, c->x, name);
}

dd_status dd__import_conv(dd__onnx *m, const Onnx__NodeProto *node) {
    conv c;
    DD_TRY(read_conv(m, node, false, &c));
    DD_TRY(dd__onnx_window_pad(node, &c.window));
    return add_conv(m, node, "conv2d", &c, NULL);
}

/* The result's extent is (size - 1) * stride + reach - pads + output_padding. Where the extent is
 * asked for, the pads follow from it. */
static void crop(const Onnx__NodeProto *node, dd__onnx_window *w, int64_t extra[2],
                 const int64_t *asked) {
    bool upper = dd__onnx_text_is(node, "auto_pad", "NOTSET", "SAME_UPPER");
    bool lower = dd__onnx_text_is(node, "auto_pad", "NOTSET", "SAME_LOWER");
    for (unsigned axis = 0; axis < 2 && axis < w->spatial; axis++) {
        int64_t reach = (w->kernel[axis] - 1) * w->dilation[axis] + 1;
        int64_t full = (w->size[axis] - 1) * w->stride[axis] + reach + extra[axis];
        if (!asked && !upper && !lower) continue;
        int64_t all = full - (asked ? asked[axis] : w->size[axis] * w->stride[axis]);
        if (all < 0) {
            extra[axis] -= all;
            all = 0;
        }
        w->edges[axis] = upper ? all / 2 : all - all / 2;
        w->edges[axis + 2] = all - w->edges[axis];
    }
}

dd_status dd__import_conv_transpose(dd__onnx *m, const Onnx__NodeProto *node) {
    conv c;
    int64_t extra[2] = {0, 0};
    size_t extras, asked;
    DD_TRY(read_conv(m, node, true, &c));
    const int64_t *more = dd__onnx_ints(node, "output_padding", &extras);
    const int64_t *shape = dd__onnx_ints(node, "output_shape", &asked);
    if ((extras && extras != c.window.spatial) || (asked && asked < c.window.spatial))
        return dd__fail(DD_FORMAT, "output_padding or output_shape of another number of axes");
    const int64_t *target = asked ? shape + asked - c.window.spatial : NULL;
    for (unsigned axis = 0; axis < 2 && axis < c.window.spatial; axis++) {
        if (extras) extra[axis] = more[axis];
        if (extra[axis] < 0 || extra[axis] > INT32_MAX)
            return dd__fail(DD_FORMAT, "\"output_padding\": %lld", (long long)extra[axis]);
        if (target && (target[axis] < 1 || target[axis] > INT32_MAX))
            return dd__fail(DD_FORMAT, "\"output_shape\": %lld", (long long)target[axis]);
    }
    crop(node, &c.window, extra, target);
    return add_conv(m, node, "conv2d_transpose", &c, extra);
}
