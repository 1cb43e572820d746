/* reduce: the sum, mean, largest or smallest element over some axes, which stay with the extent 1.
 * reduce_backward: the gradient of a sum or mean, for x (`result`). See cl/axes.cl for the formulas.
 */
#include <stdio.h>

#include "ops/axes.h"
#include "ops/ops.h"
#include "reference/reference.h"

static const char *const kinds[] = {"sum", "mean", "max", "min", NULL};

static const dd__attribute attributes[] = {
    {.name = "kind",
     .type = DD__CHOICE,
     .offset = offsetof(dd__reduce, kind),
     .choices = kinds,
     .required = true,
     .help = "what is made of the elements: sum, mean, max or min"},
    {.name = "axes",
     .type = DD__INT_LIST,
     .offset = offsetof(dd__reduce, axes),
     .max = DD__MAX_RANK - 1,
     .required = true,
     .help = "which axes, counted from 0, the batch; they stay, with one element"},
    {0},
};

/* ---- Shapes ------------------------------------------------------------------------- */

static dd__dims reduced(const dd__dims *x, const dd__dims *axes) {
    dd__dims y = *x;
    for (unsigned i = 0; i < axes->rank; i++) y.d[axes->d[i]] = 1;
    return y;
}

static dd_status infer(dd__graph *graph, dd__node *node) {
    const dd__reduce *a = node->attributes;
    const dd__value *x = node->in[0];
    DD_TRY(dd__axes_check(x, &a->axes));
    return dd__node_output(graph, node, 0, DD__F32, reduced(&x->dims, &a->axes));
}

static dd_status infer_backward(dd__graph *graph, dd__node *node) {
    const dd__reduce *a = node->attributes;
    const dd__value *dy = node->in[0];
    DD_TRY(dd__axes_check(&(dd__value){.type = dy->type, .dims = a->result}, &a->axes));
    dd__dims expected = reduced(&a->result, &a->axes);
    char wanted[80], found[80];
    if (!dd__dims_equal(&dy->dims, &expected))
        return dd__fail(DD_SHAPE, "expected dy %s, found %s", dd__dims_print(&expected, wanted),
                        dd__dims_print(&dy->dims, found));
    return dd__node_output(graph, node, 0, DD__F32, a->result);
}

static const char *refuse_gradient(const dd__node *node) {
    int32_t kind = ((const dd__reduce *)node->attributes)->kind;
    bool linear = kind == DD__REDUCE_SUM || kind == DD__REDUCE_MEAN;
    return linear ? NULL : "only sums and means have one";
}

static dd_status gradient(dd__graph *graph, const dd__node *node, dd__value *const dy[],
                          dd__value *dx[]) {
    dd__reduce a = *(const dd__reduce *)node->attributes;
    char name[256];
    snprintf(name, sizeof name, "%s.backward", node->name);
    a.result = node->in[0]->dims;
    return dd__graph_add1(graph, &dd__op_reduce_backward, name, &a, dy, 1, &dx[0]);
}

/* ---- Launches ----------------------------------------------------------------------- */

dd__axes_work dd__reduce_work(const dd__node *node) {
    /* by kind: what joins two elements; a mean is a sum with a divisor */
    static const char *const options[] = {" -DREDUCE_sum", " -DREDUCE_sum", " -DREDUCE_max",
                                          " -DREDUCE_min"};
    const dd__reduce *a = node->attributes;
    bool backward = node->op == &dd__op_reduce_backward;
    dd__axes axes = dd__axes_of(backward ? &a->result : &node->in[0]->dims, &a->axes);
    return (dd__axes_work){.axes = axes,
                           .items = dd__dims_count(&node->out[0]->dims),
                           .number = a->kind == DD__REDUCE_MEAN ? (float)axes.count : 1,
                           .options = options[a->kind]};
}

const dd__op dd__op_reduce = {
    .name = "reduce",
    .attributes_bytes = sizeof(dd__reduce),
    .attributes = attributes,
    .min_in = 1,
    .max_in = 1,
    .outputs = 1,
    .layer = dd__layer_plain,
    .infer = infer,
    .gradient = gradient,
    .refuse_gradient = refuse_gradient,
    .reference = dd__reference_reduce,
    .implementations = (const dd__implementation *const[]){&dd__axes_vector, &dd__axes_grouped,
                                                           &dd__axes_plain, NULL},
};

const dd__op dd__op_reduce_backward = {
    .name = "reduce_backward",
    .attributes_bytes = sizeof(dd__reduce),
    .attributes = attributes,
    .min_in = 1,
    .max_in = 1,
    .outputs = 1,
    .infer = infer_backward,
    .reference = dd__reference_reduce_backward,
    .implementations = (const dd__implementation *const[]){&dd__axes_plain, NULL},
};
