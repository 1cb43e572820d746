/* take: elements of x along an axis by number: y[.., k, ..] = x[.., indices[k], ..], where the axis of y
 * is as many as indices has. Numbers below 0 count from the end; what lies outside is the nearest inside. */
#include "ops/launch.h"
#include "ops/ops.h"
#include "reference/reference.h"

static const dd__attribute attributes[] = {
    {.name = "axis",
     .type = DD__INT,
     .offset = offsetof(dd__take, axis),
     .min = -DD__MAX_RANK,
     .max = DD__MAX_RANK - 1,
     .help = "of the first input, along which elements are taken; 0 is the batch, -1 the last"},
    {0},
};

static dd_status infer(dd__graph *graph, dd__node *node) {
    const dd__value *x = node->in[0], *indices = node->in[1];
    dd__take *take = node->attributes;
    if (x->type != DD__F32 || indices->type != DD__F32)
        return dd__fail(DD_SHAPE, "only floats are taken, by numbers that are floats");
    DD_TRY(dd__axis(&take->axis, &x->dims));
    unsigned axis = (unsigned)take->axis, rank = x->dims.rank - 1 + indices->dims.rank;
    if (rank > DD__MAX_RANK)
        return dd__fail(DD_SHAPE, "%u dimensions are more than %d", rank, DD__MAX_RANK);
    dd__dims dims = {.rank = rank};
    for (unsigned i = 0; i < rank; i++) {
        unsigned behind = axis + indices->dims.rank;
        dims.d[i] = i < axis     ? x->dims.d[i]
                    : i < behind ? indices->dims.d[i - axis]
                                 : x->dims.d[i - behind + axis + 1];
    }
    return dd__node_output(graph, node, 0, DD__F32, dims);
}

static dd_status record(dd__recorder *recorder, const dd__node *node, const dd__site *site,
                        bool vector) {
    const dd__take *take = node->attributes;
    const dd__value *x = node->in[0];
    size_t inner = 1, count = dd__dims_count(&node->out[0]->dims);
    for (unsigned i = (unsigned)take->axis + 1; i < x->dims.rank; i++) inner *= x->dims.d[i];
    dd__launch launch = {.program = "take", .kernel = vector ? "take_vector" : "take"};
    size_t chunk = 0;
    if (vector)
        chunk = dd__launch_chunks(&launch, site->device, count / inner, inner, 1);
    else
        dd__launch_elements(&launch, site->device, count);
    dd__launch_values(&launch, node->in, 2);
    dd__launch_values(&launch, node->out, 1);
    dd__launch_append(&launch, DD_INT(vector ? count / inner : count));
    dd__launch_append(&launch, DD_INT(x->dims.d[take->axis]));
    dd__launch_append(&launch, DD_INT(dd__dims_count(&node->in[1]->dims)));
    dd__launch_append(&launch, DD_INT(inner));
    if (vector) dd__launch_append(&launch, DD_INT(chunk));
    return dd__record(recorder, &launch);
}

static dd_status record_vector(dd__recorder *recorder, const dd__node *node, const dd__site *site) {
    return record(recorder, node, site, true);
}

static dd_status record_plain(dd__recorder *recorder, const dd__node *node, const dd__site *site) {
    return record(recorder, node, site, false);
}

static const dd__implementation vector = {
    .name = "vector", .classes = DD__ON_CPU, .record = record_vector};
static const dd__implementation plain = {
    .name = "plain", .classes = DD__ANYWHERE, .record = record_plain};

/* What is not taken is not read. */
static double bytes(const dd__node *node) {
    return 2.0 * (double)dd__value_bytes(node->out[0]) + (double)dd__value_bytes(node->in[1]);
}

const dd__op dd__op_take = {
    .name = "take",
    .attributes_bytes = sizeof(dd__take),
    .attributes = attributes,
    .min_in = 2,
    .max_in = 2,
    .outputs = 1,
    .layer = dd__layer_plain,
    .infer = infer,
    .reference = dd__reference_take,
    .implementations = (const dd__implementation *const[]){&vector, &plain, NULL},
    .bytes = bytes,
};
