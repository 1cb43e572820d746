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

static dd__axes axes_of(const dd__node *node) {
    const dd__reduce *a = node->attributes;
    bool backward = node->op == &dd__op_reduce_backward;
    return dd__axes_of(backward ? &a->result : &node->in[0]->dims, &a->axes);
}

/* By kind: what joins two elements. A mean is a sum with a divisor. */
static const char *const joins[] = {"sum", "sum", "max", "min"};

static dd_status record(dd__recorder *recorder, const dd__node *node, dd__launch launch) {
    char options[96];
    snprintf(options, sizeof options, "%s -DOP_%s -DREDUCE_%s", launch.options, node->op->name,
             joins[((const dd__reduce *)node->attributes)->kind]);
    launch.program = "axes";
    launch.options = options;
    return dd__record(recorder, &launch);
}

static double divisor_of(const dd__node *node, const dd__axes *axes) {
    bool mean = ((const dd__reduce *)node->attributes)->kind == DD__REDUCE_MEAN;
    return mean ? (double)axes->count : 1;
}

static dd_status record_plain(dd__recorder *recorder, const dd__node *node, const dd__site *site) {
    dd__axes axes = axes_of(node);
    size_t count = dd__dims_count(&node->out[0]->dims);
    bool backward = node->op == &dd__op_reduce_backward;
    dd__launch launch = {.kernel = backward ? "reduce_backward_plain" : "reduce_plain",
                         .arguments = {DD_BUFFER(node->in[0]->buffer),
                                       DD_BUFFER(node->out[0]->buffer), DD_INT(count),
                                       DD_FLOAT(divisor_of(node, &axes))}};
    dd__launch_axes(&launch, &axes);
    dd__launch_elements(&launch, site->device, count);
    return record(recorder, node, launch);
}

static const char *refuse_together(const dd__node *node, const dd_device *device) {
    (void)device;
    dd__axes axes = axes_of(node);
    return dd__refuse_apart(&axes);
}

static const char *avoid_grouped(const dd__node *node, const dd_device *device) {
    dd__axes axes = axes_of(node);
    return dd__avoid_groups(device, &axes);
}

static dd_status record_together(dd__recorder *recorder, const dd__node *node, const dd__site *site,
                                 bool grouped) {
    dd__axes axes = axes_of(node);
    char kernel[64];
    dd__launch launch = {.options = dd__vector_option(site->device),
                         .arguments = {DD_BUFFER(node->in[0]->buffer),
                                       DD_BUFFER(node->out[0]->buffer),
                                       DD_FLOAT(divisor_of(node, &axes))}};
    (grouped ? dd__launch_grouped : dd__launch_together)(&launch, site->device, &axes, "reduce",
                                                         kernel);
    return record(recorder, node, launch);
}

static dd_status record_vector(dd__recorder *recorder, const dd__node *node, const dd__site *site) {
    return record_together(recorder, node, site, false);
}

static dd_status record_grouped(dd__recorder *recorder, const dd__node *node,
                                const dd__site *site) {
    return record_together(recorder, node, site, true);
}

static const dd__implementation grouped = {.name = "grouped",
                                           .classes = DD__ON_GPU,
                                           .refuse = refuse_together,
                                           .avoid = avoid_grouped,
                                           .record = record_grouped};
static const dd__implementation vector = {
    .name = "vector", .classes = DD__ON_CPU, .refuse = refuse_together, .record = record_vector};
static const dd__implementation plain = {
    .name = "plain", .classes = DD__ANYWHERE, .record = record_plain};

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
    .implementations = (const dd__implementation *const[]){&vector, &grouped, &plain, NULL},
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
    .implementations = (const dd__implementation *const[]){&plain, NULL},
};
