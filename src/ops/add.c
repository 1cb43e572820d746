/* add: y = a + b. copy: y = x, in its own storage, which may be half precision where x is not. */
#include "graph/op.h"
#include "ops/launch.h"
#include "ops/ops.h"
#include "reference/reference.h"

/* ---- add ------------------------------------------------------------------------------ */

static dd_status infer_add(dd__graph *graph, dd__node *node) {
    const dd__value *a = node->in[0], *b = node->in[1];
    if (a->type != DD__F32 || b->type != DD__F32)
        return dd__fail(DD_SHAPE, "only floats are added");
    if (!dd__dims_equal(&a->dims, &b->dims)) {
        char first[80], second[80];
        return dd__fail(DD_SHAPE, "%s and %s cannot be added", dd__dims_print(&a->dims, first),
                        dd__dims_print(&b->dims, second));
    }
    return dd__node_output(graph, node, 0, DD__F32, a->dims);
}

static dd_status gradient_add(dd__graph *graph, const dd__node *node, dd__value *const dy[],
                              dd__value *dx[]) {
    (void)graph;
    (void)node;
    dx[0] = dx[1] = dy[0];
    return DD_OK;
}

static dd__launch launch_add(const dd__node *node, const char *kernel) {
    return (dd__launch){.program = "elementwise",
                        .kernel = kernel,
                        .arguments = {DD_BUFFER(node->in[0]->buffer),
                                      DD_BUFFER(node->in[1]->buffer),
                                      DD_BUFFER(node->out[0]->buffer),
                                      DD_INT(dd__dims_count(&node->out[0]->dims))}};
}

static dd_status record_add(dd__recorder *recorder, const dd__node *node, const dd__site *site) {
    dd__launch launch = launch_add(node, "add");
    dd__options options = dd__element_options(site->device, node);
    dd__launch_elements(&launch, site->device, dd__dims_count(&node->out[0]->dims));
    launch.options = options.text;
    return dd__record(recorder, &launch);
}

static dd_status record_add_vector(dd__recorder *recorder, const dd__node *node,
                                   const dd__site *site) {
    dd__launch launch = launch_add(node, "add_vector");
    size_t count = dd__dims_count(&node->out[0]->dims);
    launch.arguments[4] = DD_INT(dd__launch_chunks(&launch, site->device, count, 1, 64));
    return dd__record(recorder, &launch);
}

static const dd__implementation add_vector = {
    .name = "vector", .classes = DD__ON_CPU, .record = record_add_vector};
static const dd__implementation add_plain = {.name = "plain",
                                             .classes = DD__ANYWHERE,
                                             .record = record_add,
                                             .half =
                                                 DD__HALF_IN(0) | DD__HALF_IN(1) | DD__HALF_OUT(0)};

const dd__op dd__op_add = {
    .name = "add",
    .min_in = 2,
    .max_in = 2,
    .outputs = 1,
    .layer = dd__layer_plain,
    .infer = infer_add,
    .gradient = gradient_add,
    .reference = dd__reference_add,
    .implementations = (const dd__implementation *const[]){&add_vector, &add_plain, NULL},
};

/* ---- copy ----------------------------------------------------------------------------- */

static dd_status infer_copy(dd__graph *graph, dd__node *node) {
    const dd__value *x = node->in[0];
    if (dd__type_bytes(x->type) != 4)
        return dd__fail(DD_SHAPE, "only values of 32-bit elements are copied");
    return dd__node_output(graph, node, 0, x->type, x->dims);
}

static dd_status gradient_copy(dd__graph *graph, const dd__node *node, dd__value *const dy[],
                               dd__value *dx[]) {
    (void)graph;
    (void)node;
    dx[0] = dy[0];
    return DD_OK;
}

static dd__launch launch_copy(const dd__node *node, const char *kernel) {
    return (dd__launch){.program = "elementwise",
                        .kernel = kernel,
                        .arguments = {DD_BUFFER(node->in[0]->buffer),
                                      DD_BUFFER(node->out[0]->buffer),
                                      DD_INT(dd__dims_count(&node->out[0]->dims))}};
}

static dd_status record_copy(dd__recorder *recorder, const dd__node *node, const dd__site *site) {
    dd__launch launch = launch_copy(node, dd__node_half(node) ? "convert" : "copy");
    dd__options options = dd__element_options(site->device, node);
    dd__launch_elements(&launch, site->device, dd__dims_count(&node->out[0]->dims));
    launch.options = options.text;
    return dd__record(recorder, &launch);
}

static dd_status record_copy_vector(dd__recorder *recorder, const dd__node *node,
                                    const dd__site *site) {
    dd__launch launch = launch_copy(node, "copy_vector");
    size_t count = dd__dims_count(&node->out[0]->dims);
    launch.arguments[3] = DD_INT(dd__launch_chunks(&launch, site->device, count, 1, 64));
    return dd__record(recorder, &launch);
}

static const dd__implementation copy_vector = {
    .name = "vector", .classes = DD__ON_CPU, .record = record_copy_vector};
static const dd__implementation copy_plain = {.name = "plain",
                                              .classes = DD__ANYWHERE,
                                              .record = record_copy,
                                              .half = DD__HALF_IN(0) | DD__HALF_OUT(0)};

const dd__op dd__op_copy = {
    .name = "copy",
    .min_in = 1,
    .max_in = 1,
    .outputs = 1,
    .infer = infer_copy,
    .gradient = gradient_copy,
    .reference = dd__reference_copy,
    .implementations = (const dd__implementation *const[]){&copy_vector, &copy_plain, NULL},
};
