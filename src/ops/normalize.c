/* normalize: y = (x - mean) / sqrt(variance + epsilon), mean and variance over some axes. See
 * cl/axes.cl. What instance and layer normalisation have in common, without their scale and shift.
 */
#include <stdio.h>

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

static dd__axes axes_of(const dd__node *node) {
    return dd__axes_of(&node->in[0]->dims, &((const dd__normalize *)node->attributes)->axes);
}

static dd_status record(dd__recorder *recorder, dd__launch launch) {
    char options[64];
    snprintf(options, sizeof options, "%s -DOP_normalize", launch.options);
    launch.program = "axes";
    launch.options = options;
    return dd__record(recorder, &launch);
}

static dd_status record_plain(dd__recorder *recorder, const dd__node *node, const dd__site *site) {
    dd__axes axes = axes_of(node);
    dd__launch launch = {
        .kernel = "normalize_plain",
        .arguments = {DD_BUFFER(node->in[0]->buffer), DD_BUFFER(node->out[0]->buffer),
                      DD_INT(axes.places),
                      DD_FLOAT(((const dd__normalize *)node->attributes)->epsilon)}};
    dd__launch_axes(&launch, &axes);
    dd__launch_elements(&launch, site->device, axes.places);
    return record(recorder, launch);
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
    dd__launch launch = {
        .options = dd__vector_option(site->device),
        .arguments = {DD_BUFFER(node->in[0]->buffer), DD_BUFFER(node->out[0]->buffer),
                      DD_FLOAT(((const dd__normalize *)node->attributes)->epsilon)}};
    (grouped ? dd__launch_grouped : dd__launch_together)(&launch, site->device, &axes, "normalize",
                                                         kernel);
    return record(recorder, launch);
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
    .implementations = (const dd__implementation *const[]){&vector, &grouped, &plain, NULL},
};
