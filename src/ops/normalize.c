/* normalize: y = (x - mean) / sqrt(variance + epsilon), mean and variance over some axes. See
 * cl/axes.cl. What instance and layer normalisation have in common, without their scale and shift.
 */
#include "ops/axes.h"
#include "ops/ops.h"
#include "reference/reference.h"

static const dd__attribute attributes[] = {
    {.name = "axes",
     .type = DD__INT_LIST,
     .offset = offsetof(dd__normalize, axes),
     .max = DD__MAX_RANK - 1,
     .required = true,
     .help = "mean and variance are over these, counted from 0, the batch"},
    {.name = "epsilon",
     .type = DD__FLOAT,
     .offset = offsetof(dd__normalize, epsilon),
     .fallback = 1e-5,
     .max = 1,
     .help = "added to the variance"},
    {0},
};

static dd_status infer(dd__graph *graph, dd__node *node) {
    const dd__normalize *a = node->attributes;
    DD_TRY(dd__axes_check(node->in[0], &a->axes));
    return dd__node_output(graph, node, 0, DD__F32, node->in[0]->dims);
}

dd__axes_work dd__normalize_work(const dd__node *node) {
    const dd__normalize *a = node->attributes;
    dd__axes axes = dd__axes_of(&node->in[0]->dims, &a->axes);
    return (dd__axes_work){.axes = axes, .items = axes.places, .number = a->epsilon, .options = ""};
}

const dd__op dd__op_normalize = {
    .name = "normalize",
    .attributes_bytes = sizeof(dd__normalize),
    .attributes = attributes,
    .min_in = 1,
    .max_in = 1,
    .outputs = 1,
    .layer = dd__layer_plain,
    .infer = infer,
    .reference = dd__reference_normalize,
    .implementations = (const dd__implementation *const[]){&dd__axes_vector, &dd__axes_grouped,
                                                           &dd__axes_plain, NULL},
};
