/* transpose: y has x's axes in another order: axis i of y is axis order[i] of x. */
#include <stdio.h>

#include "ops/ops.h"
#include "ops/strided.h"
#include "reference/reference.h"

static const dd__attribute attributes[] = {
    {.name = "order",
     .type = DD__INT_LIST,
     .offset = offsetof(dd__transpose, order),
     .min = 0,
     .max = DD__MAX_RANK - 1,
     .required = true,
     .help = "which axis of the input each axis of the output is, the batch, 0, among them"},
    {0},
};

static dd_status infer(dd__graph *graph, dd__node *node) {
    const dd__dims *order = &((const dd__transpose *)node->attributes)->order;
    const dd__value *x = node->in[0];
    if (x->type != DD__F32) return dd__fail(DD_SHAPE, "only floats are transposed");
    dd__dims dims = {.rank = x->dims.rank};
    unsigned seen = 0;
    for (unsigned i = 0; i < order->rank && order->d[i] < x->dims.rank; i++) {
        dims.d[i] = x->dims.d[order->d[i]];
        seen |= 1u << order->d[i];
    }
    if (order->rank != x->dims.rank || seen != (1u << x->dims.rank) - 1) {
        char found[80], shape[80];
        return dd__fail(DD_SHAPE, "%s is no order of the axes of %s", dd__dims_print(order, found),
                        dd__dims_print(&x->dims, shape));
    }
    return dd__node_output(graph, node, 0, DD__F32, dims);
}

static dd_status gradient(dd__graph *graph, const dd__node *node, dd__value *const dy[],
                          dd__value *dx[]) {
    const dd__dims *order = &((const dd__transpose *)node->attributes)->order;
    dd__transpose back = {.order.rank = order->rank};
    for (unsigned i = 0; i < order->rank; i++) back.order.d[order->d[i]] = i;
    char *name = dd__arena_print(&graph->arena, "%s.backward", node->name);
    if (!name) return dd__no_memory(1);
    return dd__graph_add1(graph, &dd__op_transpose, name, &back, dy, 1, dx);
}

static dd__walk walk_of(const dd__node *node) {
    const dd__dims *order = &((const dd__transpose *)node->attributes)->order;
    dd__walk walk = dd__walk_over(&node->out[0]->dims);
    int32_t stride[DD__MAX_RANK];
    dd__strides(&node->in[0]->dims, stride);
    for (unsigned i = 0; i < order->rank; i++) walk.stride[0][i] = stride[order->d[i]];
    return walk;
}

static dd_status record_plain(dd__recorder *recorder, const dd__node *node, const dd__site *site) {
    return dd__record_strided(recorder, node, site, walk_of(node), 0);
}

static dd_status record_vector(dd__recorder *recorder, const dd__node *node, const dd__site *site) {
    return dd__record_strided_vector(recorder, node, site, walk_of(node), 0);
}

static const dd__implementation vector = {
    .name = "vector", .classes = DD__ON_CPU, .record = record_vector};
static const dd__implementation plain = {
    .name = "plain", .classes = DD__ANYWHERE, .record = record_plain};

const dd__op dd__op_transpose = {
    .name = "transpose",
    .attributes_bytes = sizeof(dd__transpose),
    .attributes = attributes,
    .min_in = 1,
    .max_in = 1,
    .outputs = 1,
    .layer = dd__layer_plain,
    .infer = infer,
    .gradient = gradient,
    .reference = dd__reference_transpose,
    .implementations = (const dd__implementation *const[]){&vector, &plain, NULL},
};
