/* Convolutions and pools as operators of ONNX. */
#include <string.h>

#include "graph/window.h"
#include "model/onnx/export_layers.h"
#include "ops/ops.h"

typedef struct windows { /* of rows and columns */
    int64_t kernel[2], stride[2], dilation[2];
    int64_t pads[4]; /* top, left, bottom, right */
    int64_t rest[2]; /* of the image, which padding "same" leaves behind the last window */
} windows;

static dd_status find_windows(const dd__layer_visit *v, const dd__dims *image, windows *w) {
    const int32_t *kernel = dd__told(v, "kernel"), *stride = dd__told(v, "stride");
    const int32_t *dilation = dd__told(v, "dilation");
    const dd__padding *padding = dd__told(v, "padding");
    for (int i = 0; i < 2; i++) {
        uint32_t count;
        int32_t step = stride[i] ? stride[i] : kernel[i], before;
        DD_TRY(
            dd__window(image->d[1 + i], kernel[i], step, dilation[i], padding, i, &count, &before));
        int64_t reach = (int64_t)(kernel[i] - 1) * dilation[i] + 1;
        int64_t after = ((int64_t)count - 1) * step + reach - before - image->d[1 + i];
        w->kernel[i] = kernel[i];
        w->stride[i] = step;
        w->dilation[i] = dilation[i];
        w->pads[i] = before;
        w->pads[i + 2] = !padding->same ? padding->edges[i + 2] : after > 0 ? after : 0;
        w->rest[i] = padding->same && after < 0 ? -after : 0;
    }
    return DD_OK;
}

static bool is_dilated(const windows *w) { return w->dilation[0] > 1 || w->dilation[1] > 1; }

static dd_status put_windows(dd__export *e, Onnx__NodeProto *node, const windows *w) {
    DD_TRY(dd__export_ints(e, node, "kernel_shape", w->kernel, 2));
    DD_TRY(dd__export_ints(e, node, "strides", w->stride, 2));
    if (is_dilated(w)) DD_TRY(dd__export_ints(e, node, "dilations", w->dilation, 2));
    return dd__export_ints(e, node, "pads", w->pads, 4);
}

/* Weights (KH, KW, C/groups, O) as (O, C/groups, KH, KW). */
static dd_status export_weights(dd__export *e, const dd__layer_visit *v, const char **out) {
    const dd__tensor *w = dd__export_find(e, v->name, "weight");
    if (!w || w->dims.rank != 4) return dd__fail(DD_FORMAT, "its weights are missing");
    size_t places = (size_t)w->dims.d[0] * w->dims.d[1], channels = w->dims.d[2];
    size_t filters = w->dims.d[3];
    float *numbers = dd__arena_alloc(&e->arena, places * channels * filters, sizeof *numbers), *to;
    if (!numbers) return dd__no_memory(places * channels * filters * sizeof *numbers);
    to = numbers;
    for (size_t o = 0; o < filters; o++)
        for (size_t c = 0; c < channels; c++)
            for (size_t place = 0; place < places; place++)
                *to++ = w->data[(place * channels + c) * filters + o];
    const uint32_t *d = w->dims.d;
    return dd__export_floats(e, w->name, numbers, DD_DIMS(d[3], d[2], d[0], d[1]), out);
}

/* A convolution's windows lie over its input, those of a transposed one over what it gives. */
dd_status dd__export_conv(dd__export *e, const dd__layer_visit *v) {
    const char *in[3], *name;
    const int32_t *more = dd__told(v, "output_padding"); /* NULL: it is not transposed */
    dd__exported *x = dd__export_input(e, v, 0);
    bool bias = dd__told_bool(v, "bias");
    Onnx__NodeProto *node;
    windows w;
    DD_TRY(find_windows(v, more ? &v->y->dims : &x->dims, &w));
    DD_TRY(dd__export_in(e, x, DD__FIRST, &in[0]));
    DD_TRY(export_weights(e, v, &in[1]));
    if (bias) DD_TRY(dd__export_tensor(e, v->name, "bias", &in[2]));
    DD_TRY(dd__export_node(e, more ? "ConvTranspose" : "Conv", in, bias ? 3 : 2, v->name, &node,
                           &name));
    DD_TRY(put_windows(e, node, &w));
    DD_TRY(dd__export_int(e, node, "group", dd__told_int(v, "groups")));
    if (more) {
        const int64_t all[2] = {more[0] + w.rest[0], more[1] + w.rest[1]};
        DD_TRY(dd__export_ints(e, node, "output_padding", all, 2));
    } else {
        DD_TRY(dd__export_end(e, v, &name));
    }
    return dd__export_give(e, v, DD__FIRST, name);
}

dd_status dd__export_pool(dd__export *e, const dd__layer_visit *v) {
    const char *x, *name;
    Onnx__NodeProto *node;
    windows w;
    bool max = strcmp(v->op->name, "max_pool") == 0;
    dd__exported *in = dd__export_input(e, v, 0);
    DD_TRY(find_windows(v, &in->dims, &w));
    if (!max && is_dilated(&w))
        return dd__fail(DD_FORMAT, "an average pool with dilation is newer than operator set %d",
                        DD__EXPORT_OPSET);
    DD_TRY(dd__export_in(e, in, DD__FIRST, &x));
    DD_TRY(dd__export_node(e, max ? "MaxPool" : "AveragePool", &x, 1, v->name, &node, &name));
    DD_TRY(put_windows(e, node, &w));
    if (!max && dd__told_bool(v, "count_padding"))
        DD_TRY(dd__export_int(e, node, "count_include_pad", 1));
    return dd__export_give(e, v, DD__FIRST, name);
}

static dd_status flatten(dd__export *e, const char *x, const char *layer, const char **name) {
    Onnx__NodeProto *node;
    DD_TRY(dd__export_node(e, "Flatten", &x, 1, layer, &node, name));
    return dd__export_int(e, node, "axis", 1);
}

dd_status dd__export_global_pool(dd__export *e, const dd__layer_visit *v) {
    const char *name;
    bool max = strcmp(v->op->name, "global_max_pool") == 0;
    DD_TRY(dd__export_in(e, dd__export_input(e, v, 0), DD__FIRST, &name));
    DD_TRY(dd__export_apply(e, max ? "GlobalMaxPool" : "GlobalAveragePool", name, NULL, &name));
    DD_TRY(flatten(e, name, v->name, &name));
    return dd__export_give(e, v, DD__OWN, name);
}
