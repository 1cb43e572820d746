#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "graph/attributes.h"
#include "graph/window.h"
#include "model/onnx/export.h"
#include "model/onnx/onnx.h"
#include "ops/ops.h"

enum { OPSET = 13, IR_VERSION = 7 };

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

/* ---- Single numbers ----------------------------------------------------------------------------- */

static dd_status number(dd__export *e, float value, const char **out) {
    float *kept = dd__arena_alloc(&e->arena, 1, sizeof *kept);
    if (!kept) return dd__no_memory(sizeof *kept);
    *kept = value;
    return dd__export_floats(e, NULL, kept, (dd__dims){0}, out);
}

/* op(a, b), or op(a) where b is NULL. */
static dd_status apply(dd__export *e, const char *op, const char *a, const char *b,
                       const char **out) {
    return dd__export_node(e, op, (const char *const[]){a, b}, b ? 2 : 1, NULL, NULL, out);
}

static dd_status apply_number(dd__export *e, const char *op, const char *a, float b,
                              const char **out) {
    const char *constant;
    DD_TRY(number(e, b, &constant));
    return apply(e, op, a, constant, out);
}

/* ---- Activations --------------------------------------------------------------------------------- */

static const struct {
    const char *kind, *op, *alpha, *beta; /* names of its attributes, where it has some */
} activations[] = {
    {"relu", "Relu", NULL, NULL},
    {"leaky_relu", "LeakyRelu", "alpha", NULL},
    {"elu", "Elu", "alpha", NULL},
    {"sigmoid", "Sigmoid", NULL, NULL},
    {"tanh", "Tanh", NULL, NULL},
    {"exp", "Exp", NULL, NULL},
    {"log", "Log", NULL, NULL},
    {"sqrt", "Sqrt", NULL, NULL},
    {"negate", "Neg", NULL, NULL},
    {"abs", "Abs", NULL, NULL},
    {"reciprocal", "Reciprocal", NULL, NULL},
    {"erf", "Erf", NULL, NULL},
    {"selu", "Selu", "alpha", "gamma"},
    {"hard_sigmoid", "HardSigmoid", "alpha", "beta"},
    {"softplus", "Softplus", NULL, NULL},
    {"softsign", "Softsign", NULL, NULL},
    {"floor", "Floor", NULL, NULL},
    {"ceil", "Ceil", NULL, NULL},
};

/* x sigmoid(x), or x hard_sigmoid(x) with a slope of 1/6. */
static dd_status gated(dd__export *e, const char *gate, const char *x, const char **out) {
    Onnx__NodeProto *node;
    DD_TRY(dd__export_node(e, gate, &x, 1, NULL, &node, out));
    if (strcmp(gate, "HardSigmoid") == 0) {
        DD_TRY(dd__export_float(e, node, "alpha", 1.0f / 6));
        DD_TRY(dd__export_float(e, node, "beta", 0.5f));
    }
    return apply(e, "Mul", x, *out, out);
}

/* x (1 + f(u)) / 2: with f = erf, u = x / sqrt(2); or as often approximated, with f = tanh,
 * u = sqrt(2 / pi) (x + 0.044715 x^3). */
static dd_status gelu(dd__export *e, bool approximate, const char *x, const char **out) {
    const char *u = x;
    if (approximate) {
        DD_TRY(apply_number(e, "Pow", x, 3, &u));
        DD_TRY(apply_number(e, "Mul", u, 0.044715f, &u));
        DD_TRY(apply(e, "Add", x, u, &u));
    }
    DD_TRY(apply_number(e, "Mul", u, approximate ? 0.7978845608f : 0.7071067812f, &u));
    DD_TRY(apply(e, approximate ? "Tanh" : "Erf", u, NULL, &u));
    DD_TRY(apply_number(e, "Add", u, 1, &u));
    DD_TRY(apply(e, "Mul", x, u, &u));
    return apply_number(e, "Mul", u, 0.5f, out);
}

static dd_status clip(dd__export *e, const char *x, float low, float high, const char **out) {
    const char *in[3] = {x};
    DD_TRY(number(e, low, &in[1]));
    DD_TRY(number(e, high, &in[2]));
    return dd__export_node(e, "Clip", in, 3, NULL, NULL, out);
}

static dd_status activate(dd__export *e, const char *kind, const dd__activate *a, const char *x,
                          const char **out) {
    Onnx__NodeProto *node;
    *out = x;
    if (strcmp(kind, "linear") == 0) return DD_OK;
    if (strcmp(kind, "swish") == 0) return gated(e, "Sigmoid", x, out);
    if (strcmp(kind, "hard_swish") == 0) return gated(e, "HardSigmoid", x, out);
    if (strncmp(kind, "gelu", 4) == 0) return gelu(e, kind[4] != 0, x, out);
    if (strcmp(kind, "clip") == 0) return clip(e, x, a->alpha, a->beta, out);
    for (size_t i = 0; i < DD_COUNT(activations); i++) {
        if (strcmp(activations[i].kind, kind) != 0) continue;
        DD_TRY(dd__export_node(e, activations[i].op, &x, 1, NULL, &node, out));
        if (activations[i].alpha) DD_TRY(dd__export_float(e, node, activations[i].alpha, a->alpha));
        if (activations[i].beta) DD_TRY(dd__export_float(e, node, activations[i].beta, a->beta));
        return DD_OK;
    }
    return dd__fail(DD_FORMAT, "activation %s is not exported", kind);
}

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
    DD_TRY(activate(e, told_choice(v, "kind"), &a, name, &name));
    return give(e, v, form, name);
}

/* What conv2d and dense end with. */
static dd_status close_with_activation(dd__export *e, const dd__layer_visit *v, const char **name) {
    dd__activate a = {.kind = told_int(v, "activation"), .alpha = NAN, .beta = NAN};
    dd__activation_settle(&a);
    return activate(e, told_choice(v, "activation"), &a, *name, name);
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

static dd_status put_windows(dd__export *e, Onnx__NodeProto *node, const windows *w) {
    DD_TRY(dd__export_ints(e, node, "kernel_shape", w->kernel, 2));
    DD_TRY(dd__export_ints(e, node, "strides", w->stride, 2));
    if (w->dilation[0] > 1 || w->dilation[1] > 1)
        DD_TRY(dd__export_ints(e, node, "dilations", w->dilation, 2));
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
    DD_TRY(apply(e, max ? "GlobalMaxPool" : "GlobalAveragePool", name, NULL, &name));
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
    DD_TRY(apply(e, "MatMul", a, b, &name));
    if (told_float(v, "alpha") != 1)
        DD_TRY(apply_number(e, "Mul", name, told_float(v, "alpha"), &name));
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
    DD_TRY(apply(e, "Sub", x, mean, &x));
    DD_TRY(apply(e, "Mul", x, x, &variance));
    DD_TRY(reduce_to(e, "ReduceMean", variance, axes, &variance));
    DD_TRY(apply_number(e, "Add", variance, told_float(v, "epsilon"), &variance));
    DD_TRY(apply(e, "Sqrt", variance, NULL, &variance));
    DD_TRY(apply(e, "Div", x, variance, &x));
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
    DD_TRY(apply(e, op, x, y, &name));
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

/* The batch is whatever it is: 0 means that an extent stays. */
static dd_status export_view(dd__export *e, const dd__layer_visit *v) {
    const char *in[2], *name;
    int64_t extents[DD__MAX_RANK];
    const dd__dims *y = &v->y->dims;
    for (unsigned i = 0; i < y->rank; i++) extents[i] = i == 0 && e->images ? 0 : y->d[i];
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
        return dd__fail(DD_FORMAT, "padding in mode wrap is newer than operator set %d", OPSET);
    for (unsigned i = 0; i < before->rank; i++) {
        pads[i] = before->d[i];
        pads[before->rank + i] = after->d[i];
    }
    DD_TRY(dd__export_in(e, input_of(e, v, 0), DD__OWN, &in[0]));
    DD_TRY(dd__export_wholes(e, pads, 2 * (size_t)before->rank, &in[1]));
    DD_TRY(number(e, told_float(v, "value"), &in[2]));
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
        return dd__fail(DD_FORMAT, "%s is newer than operator set %d", coordinates, OPSET);
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
    {"take", export_take},
    {"transpose", export_transpose},
};

static dd_status export_layer(void *context, const dd__graph *graph, const dd__layer_visit *v) {
    (void)graph;
    for (size_t i = 0; i < DD_COUNT(exports); i++)
        if (strcmp(exports[i].op, v->op->name) == 0) return exports[i].function(context, v);
    return dd__fail(DD_FORMAT, "ONNX has nothing for a layer \"%s\"", v->op->name);
}

/* ---- Inputs and outputs --------------------------------------------------------------------------------- */

static const char *keep(dd__export *e, const char *text) {
    return dd__arena_print(&e->arena, "%s", text);
}

/* A value's name, type and shape; axis 0 is "N" where it counts images. */
static dd_status value_info(dd__export *e, const char *name, const dd__dims *dims,
                            Onnx__ValueInfoProto **out) {
    struct {
        Onnx__ValueInfoProto info;
        Onnx__TypeProto type;
        Onnx__TypeProto__Tensor tensor;
        Onnx__TensorShapeProto shape;
        Onnx__TensorShapeProto__Dimension dim[DD__MAX_RANK], *list[DD__MAX_RANK];
    } *v = dd__arena_alloc(&e->arena, 1, sizeof *v);
    if (!v) return dd__no_memory(sizeof *v);
    onnx__value_info_proto__init(&v->info);
    onnx__type_proto__init(&v->type);
    onnx__type_proto__tensor__init(&v->tensor);
    onnx__tensor_shape_proto__init(&v->shape);
    for (unsigned i = 0; i < dims->rank; i++) {
        bool batch = i == 0 && e->images;
        v->list[i] = &v->dim[i];
        onnx__tensor_shape_proto__dimension__init(&v->dim[i]);
        v->dim[i].value_case = batch ? ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_PARAM
                                     : ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE;
        if (batch)
            v->dim[i].dim_param = (char *)"N"; /* only read */
        else
            v->dim[i].dim_value = dims->d[i];
    }
    v->shape.n_dim = dims->rank;
    v->shape.dim = v->list;
    v->tensor.has_elem_type = 1;
    v->tensor.elem_type = ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT;
    v->tensor.shape = &v->shape;
    v->type.value_case = ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE;
    v->type.tensor_type = &v->tensor;
    v->info.name = (char *)(uintptr_t)keep(e, name);
    v->info.type = &v->type;
    *out = &v->info;
    return v->info.name ? DD_OK : dd__no_memory(strlen(name));
}

static dd__dims dims_in_file(const cJSON *tensor) {
    dd__dims dims = {0};
    const cJSON *extent;
    cJSON_ArrayForEach(extent, cJSON_GetObjectItemCaseSensitive(tensor, "shape"))
        dims.d[dims.rank++] = (uint32_t)extent->valuedouble;
    return dims;
}

static dd_status begin(dd__export *e, Onnx__ValueInfoProto **inputs) {
    const dd_model *m = e->model;
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(m->network, "inputs"), *item;
    if (e->images) {
        dd__dims first = DD_DIMS(1, m->channels, m->height, m->width);
        e->sources[0].dims = DD_DIMS(1, m->height, m->width, m->channels);
        e->sources[0].name[DD__FIRST] = dd__network_image;
        e->source_count = 1;
        return value_info(e, dd__network_image, &first, &inputs[0]);
    }
    cJSON_ArrayForEach(item, list) {
        dd__dims dims = dims_in_file(item);
        const char *name = cJSON_GetObjectItemCaseSensitive(item, "name")->valuestring;
        e->sources[e->source_count].dims = dims.rank ? dims : DD_DIMS(1);
        e->sources[e->source_count].name[DD__OWN] = keep(e, name);
        DD_TRY(value_info(e, name, &dims, &inputs[e->source_count++]));
    }
    return DD_OK;
}

static dd__exported *find(dd__export *e, const char *name) {
    const cJSON *layers = cJSON_GetObjectItemCaseSensitive(e->model->network, "layers"), *layer;
    size_t index = 0;
    cJSON_ArrayForEach(layer, layers) {
        if (strcmp(cJSON_GetObjectItemCaseSensitive(layer, "name")->valuestring, name) == 0)
            return &e->layers[index];
        index++;
    }
    for (size_t i = 0; i < e->source_count; i++)
        if (strcmp(e->sources[i].name[DD__OWN], name) == 0) return &e->sources[i];
    return NULL;
}

/* The output under its own name and shape. */
static dd_status end_with(dd__export *e, dd__exported *value, const char *name,
                          const dd__dims *dims, Onnx__ValueInfoProto **info) {
    const char *in[2], *out;
    int64_t extents[DD__MAX_RANK];
    bool view = !dd__dims_equal(dims, &value->dims);
    DD_TRY(dd__export_in(e, value, DD__OWN, &in[0]));
    for (unsigned i = 0; i < dims->rank; i++) extents[i] = dims->d[i];
    if (view) DD_TRY(dd__export_wholes(e, extents, dims->rank, &in[1]));
    DD_TRY(dd__export_node(e, view ? "Reshape" : "Identity", in, view ? 2 : 1, name, NULL, &out));
    return value_info(e, name, dims, info);
}

static dd_status end(dd__export *e, Onnx__ValueInfoProto **outputs, size_t *count) {
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(e->model->network, "outputs"), *item;
    *count = 0;
    if (e->images) {
        dd__exported *last = &e->layers[e->model->layer_count - 1];
        *count = 1;
        return end_with(e, last, "output", &last->dims, &outputs[0]);
    }
    cJSON_ArrayForEach(item, list) {
        dd__dims dims = dims_in_file(item);
        const char *name = cJSON_GetObjectItemCaseSensitive(item, "name")->valuestring;
        const char *layer = cJSON_GetObjectItemCaseSensitive(item, "layer")->valuestring;
        DD_TRY(end_with(e, find(e, layer), name, &dims, &outputs[(*count)++]));
    }
    return DD_OK;
}

static dd_status walk(dd__export *e) {
    dd__graph *graph = NULL;
    dd__value *x, *logits, *y;
    const dd_model *m = e->model;
    DD_TRY(dd__graph_create(false, 0, &graph));
    dd_status status;
    if (e->images) {
        status = dd__graph_input(graph, dd__network_image, DD__F32,
                                 DD_DIMS(1, m->height, m->width, m->channels), &x);
        if (status == DD_OK)
            status = dd__network_walk(m->network, graph, x, NULL, export_layer, e, &logits, &y);
    } else {
        status = dd__network_walk_tensors(m->network, graph, export_layer, e);
    }
    dd__graph_free(graph);
    return status;
}

/* ---- The file ------------------------------------------------------------------------------------------- */

static dd_status write_model(const Onnx__ModelProto *model, const char *path) {
    size_t size = onnx__model_proto__get_packed_size(model);
    if (size > INT32_MAX)
        return dd__fail(DD_FORMAT, "%zu bytes are more than an ONNX file may have", size);
    uint8_t *bytes = dd__alloc(size, 1);
    if (!bytes) return dd__no_memory(size);
    onnx__model_proto__pack(model, bytes);
    dd_status status = dd__file_write(path, bytes, size);
    dd__free(bytes);
    return status;
}

/* Classes and preparation, for ourselves and for people. */
static dd_status add_metadata(dd__export *e, Onnx__ModelProto *model) {
    static const char *const keys[][2] = {{"deepdigits.preparation", "preparation"},
                                          {"deepdigits.classes", "classes"}};
    Onnx__StringStringEntryProto *entries =
        dd__arena_alloc(&e->arena, DD_COUNT(keys), sizeof *entries);
    model->metadata_props =
        dd__arena_alloc(&e->arena, DD_COUNT(keys), sizeof *model->metadata_props);
    if (!entries || !model->metadata_props) return dd__no_memory(sizeof *entries);
    for (size_t i = 0; i < DD_COUNT(keys) && e->images; i++) {
        char *text =
            cJSON_PrintUnformatted(cJSON_GetObjectItemCaseSensitive(e->model->network, keys[i][1]));
        onnx__string_string_entry_proto__init(&entries[i]);
        entries[i].key = (char *)(uintptr_t)keys[i][0]; /* only read */
        entries[i].value = text ? dd__arena_print(&e->arena, "%s", text) : NULL;
        cJSON_free(text);
        if (!entries[i].value) return dd__no_memory(64);
        model->metadata_props[model->n_metadata_props++] = &entries[i];
    }
    return DD_OK;
}

static dd_status assemble(dd__export *e, Onnx__GraphProto *graph, const char *path) {
    Onnx__ModelProto model = ONNX__MODEL_PROTO__INIT;
    Onnx__OperatorSetIdProto opset = ONNX__OPERATOR_SET_ID_PROTO__INIT, *opsets[] = {&opset};
    graph->name = e->model->name;
    graph->node = e->nodes;
    graph->n_node = e->node_count;
    graph->initializer = e->tensors;
    graph->n_initializer = e->tensor_count;
    opset.domain = (char[]){""};
    opset.has_version = 1;
    opset.version = OPSET;
    model.has_ir_version = 1;
    model.ir_version = IR_VERSION;
    model.producer_name = (char[]){"deepdigits"};
    model.producer_version = (char *)(uintptr_t)dd_version(); /* only read */
    model.opset_import = opsets;
    model.n_opset_import = 1;
    model.graph = graph;
    DD_TRY(add_metadata(e, &model));
    return write_model(&model, path);
}

static dd_status export_model(dd__export *e, const char *path) {
    const cJSON *inputs = cJSON_GetObjectItemCaseSensitive(e->model->network, "inputs");
    const cJSON *outputs = cJSON_GetObjectItemCaseSensitive(e->model->network, "outputs");
    size_t in = (size_t)cJSON_GetArraySize(inputs) + 1;
    size_t out = (size_t)cJSON_GetArraySize(outputs) + 1;
    Onnx__GraphProto graph = ONNX__GRAPH_PROTO__INIT;
    e->sources = dd__arena_alloc(&e->arena, in, sizeof *e->sources);
    e->layers = dd__arena_alloc(&e->arena, e->model->layer_count + 1, sizeof *e->layers);
    graph.input = dd__arena_alloc(&e->arena, in, sizeof(Onnx__ValueInfoProto *));
    graph.output = dd__arena_alloc(&e->arena, out, sizeof(Onnx__ValueInfoProto *));
    if (!e->sources || !e->layers || !graph.input || !graph.output)
        return dd__no_memory(e->model->layer_count * sizeof *e->layers);
    DD_TRY(begin(e, graph.input));
    graph.n_input = e->source_count;
    DD_TRY(walk(e));
    DD_TRY(end(e, graph.output, &graph.n_output));
    return assemble(e, &graph, path);
}

dd_status dd__onnx_export(const dd_model *model, const char *path) {
    dd__export e = {.model = model, .images = !dd__network_is_of_tensors(model->network)};
    dd_status status = export_model(&e, path);
    dd__free(e.nodes);
    dd__free(e.tensors);
    dd__arena_free(&e.arena);
    return dd__within(status, "%s", path);
}
