/* accumulate, next_part: what makes one step of several micro-batches. Their gradients of the batch's mean
 * loss are summed before the update; dd__step.part counts them, and `advance` ends the step.
 *
 * accumulate  (sum, x, step): sum = x in the first micro-batch, sum + x in the others, so that nobody
 *             need set it to zero
 * next_part   (step): part + 1, position + batch, the micro-batch's images
 */
#include "graph/op.h"
#include "ops/launch.h"
#include "ops/ops.h"
#include "reference/reference.h"

/* ---- accumulate ----------------------------------------------------------------------- */

static dd_status infer_accumulate(dd__graph *graph, dd__node *node) {
    const dd__value *sum = node->in[0], *x = node->in[1];
    (void)graph;
    if (sum->type != DD__F32 || x->type != DD__F32 || !dd__dims_equal(&sum->dims, &x->dims))
        return dd__fail(DD_SHAPE, "expected a sum and floats of its dims");
    return dd__check_step(node->in[2]);
}

static dd__launch launch_accumulate(const dd__node *node, const char *kernel) {
    dd__launch launch = {.program = "elementwise", .kernel = kernel};
    dd__launch_values(&launch, node->in, 3);
    dd__launch_append(&launch, DD_INT(dd__dims_count(&node->in[0]->dims)));
    return launch;
}

static dd_status record_accumulate(dd__recorder *recorder, const dd__node *node,
                                   const dd__site *site) {
    dd__launch launch = launch_accumulate(node, "accumulate");
    dd__launch_elements(&launch, site->device, dd__dims_count(&node->in[0]->dims));
    return dd__record(recorder, &launch);
}

static dd_status record_accumulate_vector(dd__recorder *recorder, const dd__node *node,
                                          const dd__site *site) {
    dd__launch launch = launch_accumulate(node, "accumulate_vector");
    size_t count = dd__dims_count(&node->in[0]->dims);
    dd__launch_append(&launch, DD_INT(dd__launch_chunks(&launch, site->device, count, 1, 64)));
    return dd__record(recorder, &launch);
}

static const dd__implementation accumulate_vector = {
    .name = "vector", .classes = DD__ON_CPU, .record = record_accumulate_vector};
static const dd__implementation accumulate_plain = {
    .name = "plain", .classes = DD__ANYWHERE, .record = record_accumulate};

const dd__op dd__op_accumulate = {
    .name = "accumulate",
    .min_in = 3,
    .max_in = 3,
    .mutates = 1 << 0,
    .infer = infer_accumulate,
    .reference = dd__reference_accumulate,
    .implementations =
        (const dd__implementation *const[]){&accumulate_vector, &accumulate_plain, NULL},
};

/* ---- next_part ------------------------------------------------------------------------ */

static dd_status infer_next_part(dd__graph *graph, dd__node *node) {
    (void)graph;
    return dd__check_step(node->in[0]);
}

static dd_status record_next_part(dd__recorder *recorder, const dd__node *node,
                                  const dd__site *site) {
    const dd__gather *gather = node->attributes;
    return dd__record(recorder, &(dd__launch){.program = "batch",
                                              .options = dd__vector_option(site->device),
                                              .kernel = "next_part",
                                              .global = {1, 1, 1},
                                              .local = {1, 1, 1},
                                              .arguments = {DD_BUFFER(node->in[0]->buffer),
                                                            DD_INT(gather->batch)}});
}

static const dd__implementation next_part_plain = {
    .name = "plain", .classes = DD__ANYWHERE, .record = record_next_part};

const dd__op dd__op_next_part = {
    .name = "next_part",
    .attributes_bytes = sizeof(dd__gather),
    .min_in = 1,
    .max_in = 1,
    .mutates = 1 << 0,
    .infer = infer_next_part,
    .reference = dd__reference_next_part,
    .implementations = (const dd__implementation *const[]){&next_part_plain, NULL},
};
