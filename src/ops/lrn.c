/* lrn: local response normalisation across the last axis (Krizhevsky, Sutskever, Hinton 2012). See
 * cl/lrn.cl for the formula, which is ONNX's: alpha is divided by size.
 */
#include <stdio.h>

#include "ops/launch.h"
#include "ops/ops.h"
#include "reference/reference.h"

static const dd__attribute attributes[] = {
    {.name = "size",
     .type = DD__INT,
     .offset = offsetof(dd__lrn, size),
     .min = 1,
     .max = 4096,
     .required = true,
     .help = "channels whose squares are added up, around each"},
    {.name = "alpha",
     .type = DD__FLOAT,
     .offset = offsetof(dd__lrn, alpha),
     .fallback = 1e-4,
     .max = 1e6,
     .help = "factor of the mean of the squares"},
    {.name = "beta",
     .type = DD__FLOAT,
     .offset = offsetof(dd__lrn, beta),
     .fallback = 0.75,
     .min = -1e3,
     .max = 1e3,
     .help = "exponent of the divisor"},
    {.name = "bias",
     .type = DD__FLOAT,
     .offset = offsetof(dd__lrn, bias),
     .fallback = 1,
     .max = 1e6,
     .help = "added to alpha's part of the divisor"},
    {0},
};

static uint32_t channels_of(const dd__value *x) { return x->dims.d[x->dims.rank - 1]; }

static dd_status infer(dd__graph *graph, dd__node *node) {
    const dd__value *x = node->in[0];
    if (x->type != DD__F32 || x->dims.rank == 0 || dd__dims_count(&x->dims) == 0)
        return dd__fail(DD_SHAPE, "expected floats of one dimension or more");
    return dd__node_output(graph, node, 0, DD__F32, x->dims);
}

static dd__launch start(const dd__node *node, const char *kernel) {
    const dd__lrn *a = node->attributes;
    const dd__value *x = node->in[0];
    return (dd__launch){.program = "lrn",
                        .kernel = kernel,
                        .arguments = {DD_BUFFER(x->buffer), DD_BUFFER(node->out[0]->buffer),
                                      DD_INT(dd__dims_count(&x->dims)), DD_INT(channels_of(x)),
                                      DD_INT((a->size - 1) / 2), DD_INT(a->size / 2),
                                      DD_FLOAT(a->alpha / (float)a->size), DD_FLOAT(a->beta),
                                      DD_FLOAT(a->bias)}};
}

static dd_status record_plain(dd__recorder *recorder, const dd__node *node, const dd__site *site) {
    dd__launch launch = start(node, "lrn");
    dd__launch_elements(&launch, site->device, dd__dims_count(&node->in[0]->dims));
    return dd__record(recorder, &launch);
}

static dd_status record_vector(dd__recorder *recorder, const dd__node *node, const dd__site *site) {
    dd__launch launch = start(node, "lrn_vector");
    size_t channels = channels_of(node->in[0]);
    size_t rows = dd__dims_count(&node->in[0]->dims) / channels;
    launch.arguments[2] = DD_INT(rows);
    dd__launch_append(&launch,
                      DD_INT(dd__launch_chunks(&launch, site->device, rows, 8 * channels, 1)));
    return dd__record(recorder, &launch);
}

static const dd__implementation vector = {
    .name = "vector", .classes = DD__ON_CPU, .record = record_vector};
static const dd__implementation plain = {
    .name = "plain", .classes = DD__ANYWHERE, .record = record_plain};

const dd__op dd__op_lrn = {
    .name = "lrn",
    .attributes_bytes = sizeof(dd__lrn),
    .attributes = attributes,
    .min_in = 1,
    .max_in = 1,
    .outputs = 1,
    .layer = dd__layer_plain,
    .infer = infer,
    .reference = dd__reference_lrn,
    .implementations = (const dd__implementation *const[]){&vector, &plain, NULL},
};
