/* fill: y = value, with the dims of an input of which nothing is read. */
#include "graph/op.h"
#include "ops/launch.h"
#include "ops/ops.h"
#include "reference/reference.h"

static const dd__attribute attributes[] = {
    {.name = "value",
     .type = DD__FLOAT,
     .offset = offsetof(dd__fill, value),
     .min = -3e38,
     .max = 3e38,
     .required = true,
     .help = "what every element is"},
    {0},
};

static dd_status infer(dd__graph *graph, dd__node *node) {
    return dd__node_output(graph, node, 0, DD__F32, node->in[0]->dims);
}

/* y does not depend on x: nothing flows back. */
static dd_status gradient(dd__graph *graph, const dd__node *node, dd__value *const dy[],
                          dd__value *dx[]) {
    (void)graph;
    (void)node;
    (void)dy;
    (void)dx;
    return DD_OK;
}

static dd_status record(dd__recorder *recorder, const dd__node *node, const dd__site *site) {
    const dd__fill *fill = node->attributes;
    const dd__value *y = node->out[0];
    size_t count = dd__dims_count(&y->dims);
    dd__launch launch = {.program = "elementwise",
                         .kernel = "fill",
                         .arguments = {DD_BUFFER(y->buffer), DD_FLOAT(fill->value), DD_INT(count)}};
    dd__launch_elements(&launch, site->device, count);
    return dd__record(recorder, &launch);
}

static const dd__implementation plain = {
    .name = "plain", .classes = DD__ANYWHERE, .record = record};

const dd__op dd__op_fill = {
    .name = "fill",
    .attributes_bytes = sizeof(dd__fill),
    .attributes = attributes,
    .min_in = 1,
    .max_in = 1,
    .outputs = 1,
    .infer = infer,
    .gradient = gradient,
    .reference = dd__reference_fill,
    .implementations = (const dd__implementation *const[]){&plain, NULL},
};
