/* slice: y = elements of x along an axis, in steps: y[.., i, ..] = x[.., begin + i * step, ..]. */
#include <stdio.h>

#include "ops/ops.h"
#include "ops/strided.h"
#include "reference/reference.h"

static const dd__attribute attributes[] = {
    {.name = "axis",
     .type = DD__INT,
     .offset = offsetof(dd__slice, axis),
     .fallback = -1,
     .min = -DD__MAX_RANK,
     .max = DD__MAX_RANK - 1,
     .help = "along which elements are taken; 0 is the batch, -1 the last"},
    {.name = "begin",
     .type = DD__INT,
     .offset = offsetof(dd__slice, begin),
     .max = INT32_MAX,
     .help = "the first element"},
    {.name = "size",
     .type = DD__INT,
     .offset = offsetof(dd__slice, size),
     .fallback = 1,
     .min = 1,
     .max = INT32_MAX,
     .required = true,
     .help = "how many elements"},
    {.name = "step",
     .type = DD__INT,
     .offset = offsetof(dd__slice, step),
     .fallback = 1,
     .min = -INT32_MAX,
     .max = INT32_MAX,
     .help = "from one to the next; below 0 backwards"},
    {0},
};

static dd_status infer(dd__graph *graph, dd__node *node) {
    const dd__value *x = node->in[0];
    dd__slice *slice = node->attributes;
    DD_TRY(dd__axis(&slice->axis, &x->dims));
    if (x->type != DD__F32) return dd__fail(DD_SHAPE, "only floats are sliced");
    dd__dims dims = x->dims;
    int64_t extent = dims.d[slice->axis];
    int64_t last = slice->begin + ((int64_t)slice->size - 1) * slice->step;
    bool inside = slice->begin >= 0 && slice->begin < extent && last >= 0 && last < extent;
    if (slice->size < 1 || slice->step == 0 || !inside)
        return dd__fail(DD_SHAPE,
                        "%d elements from %d on in steps of %d are not inside an axis of %lld",
                        slice->size, slice->begin, slice->step, (long long)extent);
    if (slice->size == 1) slice->step = 1;
    dims.d[slice->axis] = (uint32_t)slice->size;
    return dd__node_output(graph, node, 0, DD__F32, dims);
}

static const char *refuse_gradient(const dd__node *node) {
    const dd__slice *slice = node->attributes;
    return slice->step == 1 ? NULL : "only in steps of 1 it has one";
}

/* Zeros before and behind. */
static dd_status gradient(dd__graph *graph, const dd__node *node, dd__value *const dy[],
                          dd__value *dx[]) {
    const dd__slice *slice = node->attributes;
    const dd__dims *x = &node->in[0]->dims;
    dd__pad pad = {.before.rank = x->rank, .after.rank = x->rank, .mode = DD__PAD_CONSTANT};
    pad.before.d[slice->axis] = (uint32_t)slice->begin;
    pad.after.d[slice->axis] = x->d[slice->axis] - (uint32_t)slice->begin - (uint32_t)slice->size;
    char *name = dd__arena_print(&graph->arena, "%s.backward", node->name);
    if (!name) return dd__no_memory(1);
    return dd__graph_add1(graph, &dd__op_pad, name, &pad, dy, 1, dx);
}

static dd__walk walk_of(const dd__node *node, int32_t *begin) {
    const dd__slice *slice = node->attributes;
    dd__walk walk = dd__walk_over(&node->out[0]->dims);
    dd__strides(&node->in[0]->dims, walk.stride[0]);
    *begin = slice->begin * walk.stride[0][slice->axis];
    walk.stride[0][slice->axis] *= slice->step;
    return walk;
}

static dd_status record_vector(dd__recorder *recorder, const dd__node *node, const dd__site *site) {
    int32_t begin;
    dd__walk walk = walk_of(node, &begin);
    return dd__record_strided_vector(recorder, node, site, walk, begin);
}

static dd_status record_plain(dd__recorder *recorder, const dd__node *node, const dd__site *site) {
    int32_t begin;
    dd__walk walk = walk_of(node, &begin);
    return dd__record_strided(recorder, node, site, walk, begin);
}

static const dd__implementation vector = {
    .name = "vector", .classes = DD__ON_CPU, .record = record_vector};
static const dd__implementation plain = {
    .name = "plain", .classes = DD__ANYWHERE, .record = record_plain};

/* What is cut off is not read. */
static double bytes(const dd__node *node) { return 2.0 * (double)dd__value_bytes(node->out[0]); }

const dd__op dd__op_slice = {
    .name = "slice",
    .attributes_bytes = sizeof(dd__slice),
    .attributes = attributes,
    .min_in = 1,
    .max_in = 1,
    .outputs = 1,
    .layer = dd__layer_plain,
    .infer = infer,
    .gradient = gradient,
    .refuse_gradient = refuse_gradient,
    .reference = dd__reference_slice,
    .implementations = (const dd__implementation *const[]){&vector, &plain, NULL},
    .bytes = bytes,
};
