/* flatten, reshape, stack_views and unstack_views: the same bytes seen with other dims. Nothing is computed. */
#include "graph/op.h"
#include "ops/ops.h"

/* Back to x's dims. */
static dd_status gradient(dd__graph *graph, const dd__node *node, dd__value *const dy[],
                          dd__value *dx[]) {
    char *name = dd__arena_print(&graph->arena, "%s.backward", node->name);
    if (!name) return dd__no_memory(1);
    return dd__graph_add1(graph, &dd__op_reshape, name, &(dd__reshape){.dims = node->in[0]->dims},
                          dy, 1, dx);
}

/* ---- flatten: (N, ...) -> (N, product of the rest) ------------------------------------- */

static dd_status infer_flatten(dd__graph *graph, dd__node *node) {
    dd__value *x = node->in[0];
    size_t count = dd__dims_count(&x->dims);
    if (x->dims.rank == 0 || count == 0)
        return dd__fail(DD_SHAPE, "expected a batch, found a value without dimensions");
    uint32_t batch = x->dims.d[0];
    return dd__node_view(graph, node, 0, x, DD_DIMS(batch, (uint32_t)(count / batch)));
}

const dd__op dd__op_flatten = {
    .name = "flatten",
    .min_in = 1,
    .max_in = 1,
    .outputs = 1,
    .layer = dd__layer_plain,
    .infer = infer_flatten,
    .gradient = gradient,
};

/* ---- reshape -------------------------------------------------------------------------- */

static const dd__attribute attributes[] = {
    {.name = "shape",
     .type = DD__INT_LIST,
     .offset = offsetof(dd__reshape, dims),
     .min = 1,
     .max = INT32_MAX,
     .required = true,
     .help = "dimensions of the output, in a network file without the batch"},
    {.name = "whole",
     .type = DD__BOOL,
     .offset = offsetof(dd__reshape, whole),
     .help = "shape has all dimensions, the batch's too"},
    {0},
};

static dd_status infer_reshape(dd__graph *graph, dd__node *node) {
    const dd__reshape *reshape = node->attributes;
    return dd__node_view(graph, node, 0, node->in[0], reshape->dims);
}

/* As a layer the attribute has no batch, unless it is whole: x's goes in front. */
static dd_status layer_reshape(dd__graph *graph, const dd__op *op, const char *name,
                               const void *attributes_, dd__value *const x[], size_t count,
                               dd__value **y) {
    const dd__reshape *given = attributes_;
    const dd__dims *shape = &given->dims;
    if (given->whole) return dd__layer_plain(graph, op, name, given, x, count, y);
    if (count != 1 || x[0]->dims.rank == 0)
        return dd__fail(DD_SHAPE, "layer \"%s\": expected one input with a batch", name);
    if (shape->rank >= DD__MAX_RANK)
        return dd__fail(DD_SHAPE, "layer \"%s\": expected a shape of at most %d numbers, found %u",
                        name, DD__MAX_RANK - 1, shape->rank);
    dd__reshape whole = {.dims = DD_DIMS(x[0]->dims.d[0])};
    for (unsigned i = 0; i < shape->rank; i++) whole.dims.d[whole.dims.rank++] = shape->d[i];
    return dd__graph_add1(graph, op, name, &whole, x, count, y);
}

const dd__op dd__op_reshape = {
    .name = "reshape",
    .attributes_bytes = sizeof(dd__reshape),
    .attributes = attributes,
    .min_in = 1,
    .max_in = 1,
    .outputs = 1,
    .layer = layer_reshape,
    .infer = infer_reshape,
    .gradient = gradient,
};

/* ---- stack_views: (N * count, ...) -> (N, count, ...) ---------------------------------- */

typedef struct stacking {
    int32_t count;
} stacking;

static const dd__attribute stack_attributes[] = {
    {.name = "count",
     .type = DD__INT,
     .offset = offsetof(stacking, count),
     .min = 1,
     .max = INT32_MAX,
     .required = true,
     .help = "views of an image, which have been rows of the batch and get an axis behind it"},
    {0},
};

static dd_status infer_stack(dd__graph *graph, dd__node *node) {
    uint32_t count = (uint32_t)((const stacking *)node->attributes)->count;
    const dd__dims *x = &node->in[0]->dims;
    char found[80];
    if (x->rank == 0 || x->rank == DD__MAX_RANK || x->d[0] % count != 0)
        return dd__fail(DD_SHAPE, "expected %u views of each image, found %s", count,
                        dd__dims_print(x, found));
    dd__dims y = DD_DIMS(x->d[0] / count, count);
    for (unsigned i = 1; i < x->rank; i++) y.d[y.rank++] = x->d[i];
    return dd__node_view(graph, node, 0, node->in[0], y);
}

const dd__op dd__op_stack_views = {
    .name = "stack_views",
    .attributes_bytes = sizeof(stacking),
    .attributes = stack_attributes,
    .min_in = 1,
    .max_in = 1,
    .outputs = 1,
    .layer = dd__layer_plain,
    .infer = infer_stack,
    .gradient = gradient,
};

/* ---- unstack_views: (N, count, ...) -> (N * count, ...) --------------------------------- */

static dd_status infer_unstack(dd__graph *graph, dd__node *node) {
    const dd__dims *x = &node->in[0]->dims;
    char found[80];
    if (x->rank < 3 || dd__dims_count(x) == 0)
        return dd__fail(DD_SHAPE, "expected views of images, three axes or more, found %s",
                        dd__dims_print(x, found));
    dd__dims y = DD_DIMS(x->d[0] * x->d[1]);
    for (unsigned i = 2; i < x->rank; i++) y.d[y.rank++] = x->d[i];
    return dd__node_view(graph, node, 0, node->in[0], y);
}

const dd__op dd__op_unstack_views = {
    .name = "unstack_views",
    .min_in = 1,
    .max_in = 1,
    .outputs = 1,
    .layer = dd__layer_plain,
    .infer = infer_unstack,
    .gradient = gradient,
};
