/* What each layer is as operators of ONNX. */
#include <math.h>
#include <string.h>

#include "graph/window.h"
#include "model/onnx/export.h"
#include "ops/ops.h"

/* ---- What a layer is told ----------------------------------------------------------------------- */

/* The attribute of this name, of the type that the op's table says. */
static const void *told(const dd__layer_visit *v, const char *name) {
    for (const dd__attribute *a = v->op->attributes; a && a->name; a++)
        if (strcmp(a->name, name) == 0) return (const char *)v->attributes + a->offset;
    return NULL;
}

static int32_t told_int(const dd__layer_visit *v, const char *name) {
    return *(const int32_t *)told(v, name);
}

static float told_float(const dd__layer_visit *v, const char *name) {
    return *(const float *)told(v, name);
}

static bool told_bool(const dd__layer_visit *v, const char *name) {
    return *(const bool *)told(v, name);
}

static const char *told_choice(const dd__layer_visit *v, const char *name) {
    for (const dd__attribute *a = v->op->attributes; a->name; a++)
        if (strcmp(a->name, name) == 0) return a->choices[told_int(v, name)];
    return "";
}

static dd__exported *input_of(dd__export *e, const dd__layer_visit *v, size_t i) {
    int index = v->inputs[i];
    return index < 0 ? &e->sources[-1 - index] : &e->layers[index];
}

/* The layer gives `name`, in this form. */
static dd_status give(dd__export *e, const dd__layer_visit *v, dd__form form, const char *name) {
    e->layers[v->index] = (dd__exported){.dims = v->y->dims};
    e->layers[v->index].name[form] = name;
    return DD_OK;
}

/* ---- Activations -------------------------------------------------------------------------------- */

/* The form in which an op on single numbers takes a value. */
static dd__form form_of(const dd__exported *value) {
    return value->name[DD__FIRST] ? DD__FIRST : DD__OWN;
}

static dd_status export_activation(dd__export *e, const dd__layer_visit *v) {
    dd__exported *x = input_of(e, v, 0);
    dd__form form = form_of(x);
    const char *name;
    dd__activate a = *(const dd__activate *)v->attributes;
    dd__activation_settle(&a);
    DD_TRY(dd__export_in(e, x, form, &name));
    DD_TRY(dd__export_activate(e, told_choice(v, "kind"), &a, name, &name));
    return give(e, v, form, name);
}

/* What conv2d and dense end with. */
static dd_status close_with_activation(dd__export *e, const dd__layer_visit *v, const char **name) {
    dd__activate a = {.kind = told_int(v, "activation"), .alpha = NAN, .beta = NAN};
    dd__activation_settle(&a);
    return dd__export_activate(e, told_choice(v, "activation"), &a, *name, name);
}

/* ---- Convolutions and pools ----------------------------------------------------------------------- */

typedef struct windows { /* of rows and columns */
    int64_t kernel[2], stride[2], dilation[2];
    int64_t pads[4]; /* top, left, bottom, right */
    int64_t rest[2]; /* of the image, which padding "same" leaves behind the last window */
} windows;

static dd_status find_windows(const dd__layer_visit *v, const dd__dims *image, windows *w) {
    const int32_t *kernel = told(v, "kernel"), *stride = told(v, "stride");
    const int32_t *dilation = told(v, "dilation");
    const dd__padding *padding = told(v, "padding");
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
static dd_status export_conv(dd__export *e, const dd__layer_visit *v) {
    const char *in[3], *name;
    const int32_t *more = told(v, "output_padding"); /* NULL: it is not transposed */
    dd__exported *x = input_of(e, v, 0);
    bool bias = told_bool(v, "bias");
    Onnx__NodeProto *node;
    windows w;
    DD_TRY(find_windows(v, more ? &v->y->dims : &x->dims, &w));
    DD_TRY(dd__export_in(e, x, DD__FIRST, &in[0]));
    DD_TRY(export_weights(e, v, &in[1]));
    if (bias) DD_TRY(dd__export_tensor(e, v->name, "bias", &in[2]));
    DD_TRY(dd__export_node(e, more ? "ConvTranspose" : "Conv", in, bias ? 3 : 2, v->name, &node,
                           &name));
    DD_TRY(put_windows(e, node, &w));
    DD_TRY(dd__export_int(e, node, "group", told_int(v, "groups")));
    if (more) {
        const int64_t all[2] = {more[0] + w.rest[0], more[1] + w.rest[1]};
        DD_TRY(dd__export_ints(e, node, "output_padding", all, 2));
    } else {
        DD_TRY(close_with_activation(e, v, &name));
    }
    return give(e, v, DD__FIRST, name);
}

static dd_status export_pool(dd__export *e, const dd__layer_visit *v) {
    const char *x, *name;
    Onnx__NodeProto *node;
    windows w;
    bool max = strcmp(v->op->name, "max_pool") == 0;
    dd__exported *in = input_of(e, v, 0);
    DD_TRY(find_windows(v, &in->dims, &w));
    if (!max && is_dilated(&w))
        return dd__fail(DD_FORMAT, "an average pool with dilation is newer than operator set %d",
                        DD__EXPORT_OPSET);
    DD_TRY(dd__export_in(e, in, DD__FIRST, &x));
    DD_TRY(dd__export_node(e, max ? "MaxPool" : "AveragePool", &x, 1, v->name, &node, &name));
    DD_TRY(put_windows(e, node, &w));
    if (!max && told_bool(v, "count_padding"))
        DD_TRY(dd__export_int(e, node, "count_include_pad", 1));
    return give(e, v, DD__FIRST, name);
}

static dd_status flatten(dd__export *e, const char *x, const char *layer, const char **name) {
    Onnx__NodeProto *node;
    DD_TRY(dd__export_node(e, "Flatten", &x, 1, layer, &node, name));
    return dd__export_int(e, node, "axis", 1);
}

static dd_status export_global_pool(dd__export *e, const dd__layer_visit *v) {
    const char *name;
    bool max = strcmp(v->op->name, "global_max_pool") == 0;
    DD_TRY(dd__export_in(e, input_of(e, v, 0), DD__FIRST, &name));
    DD_TRY(dd__export_apply(e, max ? "GlobalMaxPool" : "GlobalAveragePool", name, NULL, &name));
    DD_TRY(flatten(e, name, v->name, &name));
    return give(e, v, DD__OWN, name);
}

/* ---- Products and norms ------------------------------------------------------------------------------ */

static dd_status export_dense(dd__export *e, const dd__layer_visit *v) {
    const char *in[3], *name;
    bool bias = told_bool(v, "bias");
    DD_TRY(dd__export_in(e, input_of(e, v, 0), DD__OWN, &in[0]));
    DD_TRY(dd__export_tensor(e, v->name, "weight", &in[1]));
    if (bias) DD_TRY(dd__export_tensor(e, v->name, "bias", &in[2]));
    DD_TRY(dd__export_node(e, "Gemm", in, bias ? 3 : 2, v->name, NULL, &name));
    DD_TRY(close_with_activation(e, v, &name));
    return give(e, v, DD__OWN, name);
}

static dd_status swap_last(dd__export *e, const dd__exported *value, const char **name) {
    int64_t order[DD__MAX_RANK];
    unsigned rank = value->dims.rank;
    Onnx__NodeProto *node;
    for (unsigned i = 0; i < rank; i++) order[i] = i;
    order[rank - 2] = rank - 1;
    order[rank - 1] = rank - 2;
    DD_TRY(dd__export_node(e, "Transpose", name, 1, NULL, &node, name));
    return dd__export_ints(e, node, "perm", order, rank);
}

static dd_status export_matmul(dd__export *e, const dd__layer_visit *v) {
    const char *a, *b, *name;
    DD_TRY(dd__export_in(e, input_of(e, v, 0), DD__OWN, &a));
    DD_TRY(dd__export_in(e, input_of(e, v, 1), DD__OWN, &b));
    if (told_bool(v, "transpose_a")) DD_TRY(swap_last(e, input_of(e, v, 0), &a));
    if (told_bool(v, "transpose_b")) DD_TRY(swap_last(e, input_of(e, v, 1), &b));
    DD_TRY(dd__export_apply(e, "MatMul", a, b, &name));
    if (told_float(v, "alpha") != 1)
        DD_TRY(dd__export_apply_number(e, "Mul", name, told_float(v, "alpha"), &name));
    return give(e, v, DD__OWN, name);
}

static dd_status export_batch_norm(dd__export *e, const dd__layer_visit *v) {
    static const char *const what[] = {"gamma", "beta", "mean", "variance"};
    const char *in[5], *name;
    Onnx__NodeProto *node;
    DD_TRY(dd__export_in(e, input_of(e, v, 0), DD__FIRST, &in[0]));
    for (size_t i = 0; i < 4; i++) DD_TRY(dd__export_tensor(e, v->name, what[i], &in[1 + i]));
    DD_TRY(dd__export_node(e, "BatchNormalization", in, 5, v->name, &node, &name));
    DD_TRY(dd__export_float(e, node, "epsilon", told_float(v, "epsilon")));
    DD_TRY(dd__export_float(e, node, "momentum", told_float(v, "momentum")));
    return give(e, v, DD__FIRST, name);
}

static dd_status reduce_to(dd__export *e, const char *op, const char *x, const dd__dims *axes,
                           const char **out) {
    Onnx__NodeProto *node;
    int64_t list[DD__MAX_RANK];
    const char *in[2] = {x};
    bool sum = strcmp(op, "ReduceSum") == 0; /* the one whose axes are an input by now */
    for (unsigned i = 0; i < axes->rank; i++) list[i] = axes->d[i];
    if (sum) DD_TRY(dd__export_wholes(e, list, axes->rank, &in[1]));
    DD_TRY(dd__export_node(e, op, in, sum ? 2 : 1, NULL, &node, out));
    if (!sum) DD_TRY(dd__export_ints(e, node, "axes", list, axes->rank));
    return dd__export_int(e, node, "keepdims", 1);
}

static dd_status export_reduce(dd__export *e, const dd__layer_visit *v) {
    static const char *const kinds[][2] = {
        {"sum", "ReduceSum"}, {"mean", "ReduceMean"}, {"max", "ReduceMax"}, {"min", "ReduceMin"}};
    const char *name;
    DD_TRY(dd__export_in(e, input_of(e, v, 0), DD__OWN, &name));
    for (size_t i = 0; i < DD_COUNT(kinds); i++)
        if (strcmp(told_choice(v, "kind"), kinds[i][0]) == 0) {
            DD_TRY(reduce_to(e, kinds[i][1], name, told(v, "axes"), &name));
            return give(e, v, DD__OWN, name);
        }
    return dd__fail(DD_FORMAT, "reduction %s is not exported", told_choice(v, "kind"));
}

/* (x - mean) / sqrt(mean of the squares of that + epsilon) */
static dd_status export_normalize(dd__export *e, const dd__layer_visit *v) {
    const char *x, *mean, *variance;
    const dd__dims *axes = told(v, "axes");
    DD_TRY(dd__export_in(e, input_of(e, v, 0), DD__OWN, &x));
    DD_TRY(reduce_to(e, "ReduceMean", x, axes, &mean));
    DD_TRY(dd__export_apply(e, "Sub", x, mean, &x));
    DD_TRY(dd__export_apply(e, "Mul", x, x, &variance));
    DD_TRY(reduce_to(e, "ReduceMean", variance, axes, &variance));
    DD_TRY(dd__export_apply_number(e, "Add", variance, told_float(v, "epsilon"), &variance));
    DD_TRY(dd__export_apply(e, "Sqrt", variance, NULL, &variance));
    DD_TRY(dd__export_apply(e, "Div", x, variance, &x));
    return give(e, v, DD__OWN, x);
}

static dd_status export_lrn(dd__export *e, const dd__layer_visit *v) {
    static const char *const what[] = {"alpha", "beta", "bias"};
    const char *name;
    Onnx__NodeProto *node;
    DD_TRY(dd__export_in(e, input_of(e, v, 0), DD__FIRST, &name));
    DD_TRY(dd__export_node(e, "LRN", &name, 1, v->name, &node, &name));
    DD_TRY(dd__export_int(e, node, "size", told_int(v, "size")));
    for (size_t i = 0; i < DD_COUNT(what); i++)
        DD_TRY(dd__export_float(e, node, what[i], told_float(v, what[i])));
    return give(e, v, DD__FIRST, name);
}

static dd_status export_softmax(dd__export *e, const dd__layer_visit *v) {
    const char *name;
    Onnx__NodeProto *node;
    bool log = strcmp(v->op->name, "log_softmax") == 0;
    DD_TRY(dd__export_in(e, input_of(e, v, 0), DD__OWN, &name));
    DD_TRY(dd__export_node(e, log ? "LogSoftmax" : "Softmax", &name, 1, v->name, &node, &name));
    DD_TRY(dd__export_int(e, node, "axis", -1));
    return give(e, v, DD__OWN, name);
}

/* ---- Pairs --------------------------------------------------------------------------------------------- */

/* Both in the channels' form where both are there in it and it means the same. */
static dd_status pair(dd__export *e, const dd__layer_visit *v, const char *op) {
    dd__exported *a = input_of(e, v, 0), *b = input_of(e, v, 1);
    const char *x, *y, *name;
    bool first = a->name[DD__FIRST] && b->name[DD__FIRST] && a->dims.rank == b->dims.rank;
    dd__form form = first ? DD__FIRST : DD__OWN;
    DD_TRY(dd__export_in(e, a, form, &x));
    DD_TRY(dd__export_in(e, b, form, &y));
    DD_TRY(dd__export_apply(e, op, x, y, &name));
    return give(e, v, form, name);
}

static dd_status export_add(dd__export *e, const dd__layer_visit *v) { return pair(e, v, "Add"); }

static dd_status export_arithmetic(dd__export *e, const dd__layer_visit *v) {
    static const char *const kinds[][2] = {
        {"add", "Add"},   {"subtract", "Sub"}, {"multiply", "Mul"}, {"divide", "Div"},
        {"power", "Pow"}, {"minimum", "Min"},  {"maximum", "Max"},  {"prelu", "PRelu"}};
    for (size_t i = 0; i < DD_COUNT(kinds); i++)
        if (strcmp(told_choice(v, "kind"), kinds[i][0]) == 0) return pair(e, v, kinds[i][1]);
    return dd__fail(DD_FORMAT, "%s is not exported", told_choice(v, "kind"));
}

/* ---- Shapes --------------------------------------------------------------------------------------------- */

static dd_status export_constant(dd__export *e, const dd__layer_visit *v) {
    const char *name;
    DD_TRY(dd__export_tensor(e, v->name, "value", &name));
    return give(e, v, DD__OWN, name);
}

static dd_status export_same(dd__export *e, const dd__layer_visit *v) {
    e->layers[v->index] = *input_of(e, v, 0);
    return DD_OK;
}

/* The batch is whatever it is: 0 means that an extent stays, -1 that it is what is left over. */
static dd_status export_view(dd__export *e, const dd__layer_visit *v) {
    const char *in[2], *name;
    int64_t extents[DD__MAX_RANK], batch = strcmp(v->op->name, "stack_views") == 0 ? -1 : 0;
    const dd__dims *y = &v->y->dims;
    for (unsigned i = 0; i < y->rank; i++) extents[i] = i == 0 && e->images ? batch : y->d[i];
    DD_TRY(dd__export_in(e, input_of(e, v, 0), DD__OWN, &in[0]));
    DD_TRY(dd__export_wholes(e, extents, y->rank, &in[1]));
    DD_TRY(dd__export_node(e, "Reshape", in, 2, v->name, NULL, &name));
    return give(e, v, DD__OWN, name);
}

static dd_status export_transpose(dd__export *e, const dd__layer_visit *v) {
    const char *name;
    const dd__dims *order = told(v, "order");
    int64_t list[DD__MAX_RANK];
    Onnx__NodeProto *node;
    for (unsigned i = 0; i < order->rank; i++) list[i] = order->d[i];
    DD_TRY(dd__export_in(e, input_of(e, v, 0), DD__OWN, &name));
    DD_TRY(dd__export_node(e, "Transpose", &name, 1, v->name, &node, &name));
    DD_TRY(dd__export_ints(e, node, "perm", list, order->rank));
    return give(e, v, DD__OWN, name);
}

static dd_status export_concat(dd__export *e, const dd__layer_visit *v) {
    const char **in = dd__arena_alloc(&e->arena, v->input_count, sizeof *in), *name;
    if (!in) return dd__no_memory(v->input_count * sizeof *in);
    Onnx__NodeProto *node;
    unsigned rank = v->y->dims.rank;
    int32_t axis = told_int(v, "axis");
    if (axis < 0) axis += (int32_t)rank;
    dd__form form = rank > 2 ? DD__FIRST : DD__OWN;
    for (size_t i = 0; i < v->input_count; i++)
        if (!input_of(e, v, i)->name[DD__FIRST]) form = DD__OWN;
    for (size_t i = 0; i < v->input_count; i++)
        DD_TRY(dd__export_in(e, input_of(e, v, i), form, &in[i]));
    if (form == DD__FIRST && axis > 0) axis = axis == (int32_t)rank - 1 ? 1 : axis + 1;
    DD_TRY(dd__export_node(e, "Concat", in, v->input_count, v->name, &node, &name));
    DD_TRY(dd__export_int(e, node, "axis", axis));
    return give(e, v, form, name);
}

static dd_status export_slice(dd__export *e, const dd__layer_visit *v) {
    const char *in[5], *name;
    dd__exported *x = input_of(e, v, 0);
    int64_t axis = told_int(v, "axis"), begin = told_int(v, "begin"), step = told_int(v, "step");
    if (axis < 0) axis += x->dims.rank;
    int64_t end = begin + told_int(v, "size") * step;
    if (end < 0) end = INT32_MIN; /* up to the first one */
    DD_TRY(dd__export_in(e, x, DD__OWN, &in[0]));
    DD_TRY(dd__export_wholes(e, &begin, 1, &in[1]));
    DD_TRY(dd__export_wholes(e, &end, 1, &in[2]));
    DD_TRY(dd__export_wholes(e, &axis, 1, &in[3]));
    DD_TRY(dd__export_wholes(e, &step, 1, &in[4]));
    DD_TRY(dd__export_node(e, "Slice", in, 5, v->name, NULL, &name));
    return give(e, v, DD__OWN, name);
}

static dd_status export_pad(dd__export *e, const dd__layer_visit *v) {
    const char *in[3], *name, *mode = told_choice(v, "mode");
    const dd__dims *before = told(v, "before"), *after = told(v, "after");
    int64_t pads[2 * DD__MAX_RANK];
    Onnx__NodeProto *node;
    if (strcmp(mode, "wrap") == 0)
        return dd__fail(DD_FORMAT, "padding in mode wrap is newer than operator set %d",
                        DD__EXPORT_OPSET);
    for (unsigned i = 0; i < before->rank; i++) {
        pads[i] = before->d[i];
        pads[before->rank + i] = after->d[i];
    }
    DD_TRY(dd__export_in(e, input_of(e, v, 0), DD__OWN, &in[0]));
    DD_TRY(dd__export_wholes(e, pads, 2 * (size_t)before->rank, &in[1]));
    DD_TRY(dd__export_number(e, told_float(v, "value"), &in[2]));
    DD_TRY(dd__export_node(e, "Pad", in, 3, v->name, &node, &name));
    DD_TRY(dd__export_text(e, node, "mode", mode));
    return give(e, v, DD__OWN, name);
}

/* Our indices are floats. */
static dd_status export_take(dd__export *e, const dd__layer_visit *v) {
    const char *in[2], *name;
    Onnx__NodeProto *node;
    DD_TRY(dd__export_in(e, input_of(e, v, 0), DD__OWN, &in[0]));
    DD_TRY(dd__export_in(e, input_of(e, v, 1), DD__OWN, &in[1]));
    DD_TRY(dd__export_node(e, "Cast", &in[1], 1, NULL, &node, &in[1]));
    DD_TRY(dd__export_int(e, node, "to", ONNX__TENSOR_PROTO__DATA_TYPE__INT64));
    DD_TRY(dd__export_node(e, "Gather", in, 2, v->name, &node, &name));
    int64_t axis = told_int(v, "axis");
    DD_TRY(dd__export_int(e, node, "axis", axis));
    return give(e, v, DD__OWN, name);
}

static dd_status export_resize(dd__export *e, const dd__layer_visit *v) {
    const char *in[4] = {NULL, "", "", ""}, *name;
    const char *coordinates = told_choice(v, "coordinates");
    dd__exported *x = input_of(e, v, 0);
    Onnx__NodeProto *node;
    if (strcmp(coordinates, "half_pixel_symmetric") == 0)
        return dd__fail(DD_FORMAT, "%s is newer than operator set %d", coordinates,
                        DD__EXPORT_OPSET);
    float *scales = dd__arena_alloc(&e->arena, 4, sizeof *scales);
    if (!scales) return dd__no_memory(4 * sizeof *scales);
    const float given[2] = {told_float(v, "scale_height"), told_float(v, "scale_width")};
    for (int i = 0; i < 4; i++) scales[i] = 1;
    for (int i = 0; i < 2; i++)
        scales[2 + i] =
            given[i] != 0 ? given[i] : (float)v->y->dims.d[1 + i] / (float)x->dims.d[1 + i];
    DD_TRY(dd__export_in(e, x, DD__FIRST, &in[0]));
    DD_TRY(dd__export_floats(e, NULL, scales, DD_DIMS(4), &in[2]));
    DD_TRY(dd__export_node(e, "Resize", in, 3, v->name, &node, &name));
    DD_TRY(dd__export_text(e, node, "mode", told_choice(v, "mode")));
    DD_TRY(dd__export_text(e, node, "coordinate_transformation_mode", coordinates));
    DD_TRY(dd__export_text(e, node, "nearest_mode", told_choice(v, "rounding")));
    return give(e, v, DD__FIRST, name);
}

static dd_status export_views(dd__export *e, const dd__layer_visit *v) {
    dd__exported *x = input_of(e, v, 0);
    const char *name;
    DD_TRY(dd__export_in(e, x, DD__OWN, &name));
    DD_TRY(dd__export_views(e, v->attributes, &x->dims, v->name, &name));
    return give(e, v, DD__OWN, name);
}

/* ---- Layers --------------------------------------------------------------------------------------------- */

static const struct {
    const char *op;
    dd_status (*function)(dd__export *, const dd__layer_visit *);
} exports[] = {
    {"activation", export_activation},
    {"add", export_add},
    {"arithmetic", export_arithmetic},
    {"average_pool", export_pool},
    {"batch_norm", export_batch_norm},
    {"concat", export_concat},
    {"constant", export_constant},
    {"conv2d", export_conv},
    {"conv2d_transpose", export_conv},
    {"dense", export_dense},
    {"dropout", export_same},
    {"flatten", export_view},
    {"global_average_pool", export_global_pool},
    {"global_max_pool", export_global_pool},
    {"log_softmax", export_softmax},
    {"lrn", export_lrn},
    {"matmul", export_matmul},
    {"max_pool", export_pool},
    {"normalize", export_normalize},
    {"pad", export_pad},
    {"reduce", export_reduce},
    {"reshape", export_view},
    {"resize", export_resize},
    {"slice", export_slice},
    {"softmax", export_softmax},
    {"stack_views", export_view},
    {"take", export_take},
    {"transpose", export_transpose},
    {"views", export_views},
};

dd_status dd__export_layer(void *context, const dd__graph *graph, const dd__layer_visit *v) {
    (void)graph;
    for (size_t i = 0; i < DD_COUNT(exports); i++)
        if (strcmp(exports[i].op, v->op->name) == 0) return exports[i].function(context, v);
    return dd__fail(DD_FORMAT, "ONNX has nothing for a layer \"%s\"", v->op->name);
}
