/* What each layer is as operators of ONNX. */
#include "model/onnx/export_layers.h"

#include <math.h>
#include <string.h>

#include "ops/ops.h"

/* ---- What a layer is told ----------------------------------------------------------------------- */

const void *dd__told(const dd__layer_visit *v, const char *name) {
    for (const dd__attribute *a = v->op->attributes; a && a->name; a++)
        if (strcmp(a->name, name) == 0) return (const char *)v->attributes + a->offset;
    return NULL;
}

int32_t dd__told_int(const dd__layer_visit *v, const char *name) {
    return *(const int32_t *)dd__told(v, name);
}

float dd__told_float(const dd__layer_visit *v, const char *name) {
    return *(const float *)dd__told(v, name);
}

bool dd__told_bool(const dd__layer_visit *v, const char *name) {
    return *(const bool *)dd__told(v, name);
}

const char *dd__told_choice(const dd__layer_visit *v, const char *name) {
    for (const dd__attribute *a = v->op->attributes; a->name; a++)
        if (strcmp(a->name, name) == 0) return a->choices[dd__told_int(v, name)];
    return "";
}

dd__exported *dd__export_input(dd__export *e, const dd__layer_visit *v, size_t i) {
    int index = v->inputs[i];
    return index < 0 ? &e->sources[-1 - index] : &e->layers[index];
}

dd_status dd__export_give(dd__export *e, const dd__layer_visit *v, dd__form form,
                          const char *name) {
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
    dd__exported *x = dd__export_input(e, v, 0);
    dd__form form = form_of(x);
    const char *name;
    dd__activate a = *(const dd__activate *)v->attributes;
    dd__activation_settle(&a);
    DD_TRY(dd__export_in(e, x, form, &name));
    DD_TRY(dd__export_activate(e, dd__told_choice(v, "kind"), &a, name, &name));
    return dd__export_give(e, v, form, name);
}

dd_status dd__export_end(dd__export *e, const dd__layer_visit *v, const char **name) {
    dd__activate a = {.kind = dd__told_int(v, "activation"), .alpha = NAN, .beta = NAN};
    dd__activation_settle(&a);
    return dd__export_activate(e, dd__told_choice(v, "activation"), &a, *name, name);
}

/* ---- Products and norms ------------------------------------------------------------------------------ */

static dd_status export_dense(dd__export *e, const dd__layer_visit *v) {
    const char *in[3], *name;
    bool bias = dd__told_bool(v, "bias");
    DD_TRY(dd__export_in(e, dd__export_input(e, v, 0), DD__OWN, &in[0]));
    DD_TRY(dd__export_tensor(e, v->name, "weight", &in[1]));
    if (bias) DD_TRY(dd__export_tensor(e, v->name, "bias", &in[2]));
    DD_TRY(dd__export_node(e, "Gemm", in, bias ? 3 : 2, v->name, NULL, &name));
    DD_TRY(dd__export_end(e, v, &name));
    return dd__export_give(e, v, DD__OWN, name);
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
    DD_TRY(dd__export_in(e, dd__export_input(e, v, 0), DD__OWN, &a));
    DD_TRY(dd__export_in(e, dd__export_input(e, v, 1), DD__OWN, &b));
    if (dd__told_bool(v, "transpose_a")) DD_TRY(swap_last(e, dd__export_input(e, v, 0), &a));
    if (dd__told_bool(v, "transpose_b")) DD_TRY(swap_last(e, dd__export_input(e, v, 1), &b));
    DD_TRY(dd__export_apply(e, "MatMul", a, b, &name));
    if (dd__told_float(v, "alpha") != 1)
        DD_TRY(dd__export_apply_number(e, "Mul", name, dd__told_float(v, "alpha"), &name));
    return dd__export_give(e, v, DD__OWN, name);
}

static dd_status export_batch_norm(dd__export *e, const dd__layer_visit *v) {
    static const char *const what[] = {"gamma", "beta", "mean", "variance"};
    const char *in[5], *name;
    Onnx__NodeProto *node;
    DD_TRY(dd__export_in(e, dd__export_input(e, v, 0), DD__FIRST, &in[0]));
    for (size_t i = 0; i < 4; i++) DD_TRY(dd__export_tensor(e, v->name, what[i], &in[1 + i]));
    DD_TRY(dd__export_node(e, "BatchNormalization", in, 5, v->name, &node, &name));
    DD_TRY(dd__export_float(e, node, "epsilon", dd__told_float(v, "epsilon")));
    DD_TRY(dd__export_float(e, node, "momentum", dd__told_float(v, "momentum")));
    return dd__export_give(e, v, DD__FIRST, name);
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
    DD_TRY(dd__export_in(e, dd__export_input(e, v, 0), DD__OWN, &name));
    for (size_t i = 0; i < DD_COUNT(kinds); i++)
        if (strcmp(dd__told_choice(v, "kind"), kinds[i][0]) == 0) {
            DD_TRY(reduce_to(e, kinds[i][1], name, dd__told(v, "axes"), &name));
            return dd__export_give(e, v, DD__OWN, name);
        }
    return dd__fail(DD_FORMAT, "reduction %s is not exported", dd__told_choice(v, "kind"));
}

/* (x - mean) / sqrt(mean of the squares of that + epsilon) */
static dd_status export_normalize(dd__export *e, const dd__layer_visit *v) {
    const char *x, *mean, *variance;
    const dd__dims *axes = dd__told(v, "axes");
    DD_TRY(dd__export_in(e, dd__export_input(e, v, 0), DD__OWN, &x));
    DD_TRY(reduce_to(e, "ReduceMean", x, axes, &mean));
    DD_TRY(dd__export_apply(e, "Sub", x, mean, &x));
    DD_TRY(dd__export_apply(e, "Mul", x, x, &variance));
    DD_TRY(reduce_to(e, "ReduceMean", variance, axes, &variance));
    DD_TRY(dd__export_apply_number(e, "Add", variance, dd__told_float(v, "epsilon"), &variance));
    DD_TRY(dd__export_apply(e, "Sqrt", variance, NULL, &variance));
    DD_TRY(dd__export_apply(e, "Div", x, variance, &x));
    return dd__export_give(e, v, DD__OWN, x);
}

static dd_status export_lrn(dd__export *e, const dd__layer_visit *v) {
    static const char *const what[] = {"alpha", "beta", "bias"};
    const char *name;
    Onnx__NodeProto *node;
    DD_TRY(dd__export_in(e, dd__export_input(e, v, 0), DD__FIRST, &name));
    DD_TRY(dd__export_node(e, "LRN", &name, 1, v->name, &node, &name));
    DD_TRY(dd__export_int(e, node, "size", dd__told_int(v, "size")));
    for (size_t i = 0; i < DD_COUNT(what); i++)
        DD_TRY(dd__export_float(e, node, what[i], dd__told_float(v, what[i])));
    return dd__export_give(e, v, DD__FIRST, name);
}

static dd_status export_softmax(dd__export *e, const dd__layer_visit *v) {
    const char *name;
    Onnx__NodeProto *node;
    bool log = strcmp(v->op->name, "log_softmax") == 0;
    DD_TRY(dd__export_in(e, dd__export_input(e, v, 0), DD__OWN, &name));
    DD_TRY(dd__export_node(e, log ? "LogSoftmax" : "Softmax", &name, 1, v->name, &node, &name));
    DD_TRY(dd__export_int(e, node, "axis", -1));
    return dd__export_give(e, v, DD__OWN, name);
}

/* ---- Pairs --------------------------------------------------------------------------------------------- */

/* Both in the channels' form where both are there in it and it means the same. */
static dd_status pair(dd__export *e, const dd__layer_visit *v, const char *op) {
    dd__exported *a = dd__export_input(e, v, 0), *b = dd__export_input(e, v, 1);
    const char *x, *y, *name;
    bool first = a->name[DD__FIRST] && b->name[DD__FIRST] && a->dims.rank == b->dims.rank;
    dd__form form = first ? DD__FIRST : DD__OWN;
    DD_TRY(dd__export_in(e, a, form, &x));
    DD_TRY(dd__export_in(e, b, form, &y));
    DD_TRY(dd__export_apply(e, op, x, y, &name));
    return dd__export_give(e, v, form, name);
}

static dd_status export_add(dd__export *e, const dd__layer_visit *v) { return pair(e, v, "Add"); }

static dd_status export_arithmetic(dd__export *e, const dd__layer_visit *v) {
    static const char *const kinds[][2] = {
        {"add", "Add"},   {"subtract", "Sub"}, {"multiply", "Mul"}, {"divide", "Div"},
        {"power", "Pow"}, {"minimum", "Min"},  {"maximum", "Max"},  {"prelu", "PRelu"}};
    for (size_t i = 0; i < DD_COUNT(kinds); i++)
        if (strcmp(dd__told_choice(v, "kind"), kinds[i][0]) == 0) return pair(e, v, kinds[i][1]);
    return dd__fail(DD_FORMAT, "%s is not exported", dd__told_choice(v, "kind"));
}

/* ---- Layers --------------------------------------------------------------------------------------------- */

static const struct {
    const char *op;
    dd_status (*function)(dd__export *, const dd__layer_visit *);
} exports[] = {
    {"activation", export_activation},
    {"add", export_add},
    {"arithmetic", export_arithmetic},
    {"average_pool", dd__export_pool},
    {"batch_norm", export_batch_norm},
    {"concat", dd__export_concat},
    {"constant", dd__export_constant},
    {"conv2d", dd__export_conv},
    {"conv2d_transpose", dd__export_conv},
    {"dense", export_dense},
    {"dropout", dd__export_same},
    {"flatten", dd__export_reshape},
    {"global_average_pool", dd__export_global_pool},
    {"global_max_pool", dd__export_global_pool},
    {"log_softmax", export_softmax},
    {"lrn", export_lrn},
    {"matmul", export_matmul},
    {"max_pool", dd__export_pool},
    {"normalize", export_normalize},
    {"pad", dd__export_pad},
    {"reduce", export_reduce},
    {"reshape", dd__export_reshape},
    {"resize", dd__export_resize},
    {"slice", dd__export_slice},
    {"softmax", export_softmax},
    {"stack_views", dd__export_reshape},
    {"take", dd__export_take},
    {"transpose", dd__export_transpose},
    {"unstack_views", dd__export_reshape},
    {"views", dd__export_views_layer},
};

dd_status dd__export_layer(void *context, const dd__graph *graph, const dd__layer_visit *v) {
    (void)graph;
    for (size_t i = 0; i < DD_COUNT(exports); i++)
        if (strcmp(exports[i].op, v->op->name) == 0) return exports[i].function(context, v);
    return dd__fail(DD_FORMAT, "ONNX has nothing for a layer \"%s\"", v->op->name);
}
