/* concat: y = inputs side by side along an axis.
 *
 * Seen from the axis a value is rows: the product of the extents before it, each row as long as the
 * product of the others. Rows of each input are moved to a part of those of y. */
#include <stdio.h>

#include "graph/op.h"
#include "ops/launch.h"
#include "ops/ops.h"
#include "reference/reference.h"

enum { MOST_INPUTS = 16 };

/* Elements of a row that starts at `axis`. */
static size_t row_of(const dd__value *value, int32_t axis) {
    size_t elements = 1;
    for (unsigned i = (unsigned)axis; i < value->dims.rank; i++) elements *= value->dims.d[i];
    return elements;
}

/* Part of the rows of a value, from element `begin` of each. */
typedef struct part {
    const dd__value *value;
    size_t row, begin;
} part;

static dd_status move_rows(dd__recorder *recorder, const dd__site *site, bool vector, part from,
                           part to, size_t rows, size_t width) {
    dd__launch launch = {.program = "elementwise",
                         .kernel = vector ? "move_rows_vector" : "move_rows",
                         .arguments = {DD_BUFFER(from.value->buffer), DD_BUFFER(to.value->buffer),
                                       DD_INT(rows), DD_INT(width), DD_INT(from.row),
                                       DD_INT(from.begin), DD_INT(to.row), DD_INT(to.begin)}};
    char options[2 * sizeof(dd__options)];
    if (vector)
        launch.arguments[8] = DD_INT(dd__launch_chunks(&launch, site->device, rows, width, 1));
    else
        dd__launch_elements(&launch, site->device, rows * width);
    snprintf(options, sizeof options, "%s%s", launch.options,
             dd__half_options_for(from.value, NULL, to.value).text);
    launch.options = options;
    return dd__record(recorder, &launch);
}

static const dd__attribute concat_attributes[] = {
    {.name = "axis",
     .type = DD__INT,
     .offset = offsetof(dd__slice, axis),
     .fallback = -1,
     .min = -DD__MAX_RANK,
     .max = DD__MAX_RANK - 1,
     .help = "along which the inputs are put side by side; -1 is the last"},
    {0},
};

static dd_status infer_concat(dd__graph *graph, dd__node *node) {
    dd__slice *attributes = node->attributes;
    DD_TRY(dd__axis(&attributes->axis, &node->in[0]->dims));
    unsigned axis = (unsigned)attributes->axis;
    dd__dims dims = node->in[0]->dims;
    size_t sum = 0;
    for (size_t i = 0; i < node->in_count; i++) {
        const dd__value *x = node->in[i];
        if (x->type != DD__F32) return dd__fail(DD_SHAPE, "only floats are concatenated");
        dd__dims like = x->dims;
        if (like.rank == dims.rank) like.d[axis] = dims.d[axis];
        if (!dd__dims_equal(&like, &dims)) {
            char first[80], other[80];
            return dd__fail(DD_SHAPE, "%s and %s cannot be put side by side along axis %u",
                            dd__dims_print(&node->in[0]->dims, first),
                            dd__dims_print(&x->dims, other), axis);
        }
        sum += x->dims.d[axis];
    }
    if (sum > INT32_MAX) return dd__fail(DD_SHAPE, "an axis of %zu elements is too long", sum);
    dims.d[axis] = (uint32_t)sum;
    return dd__node_output(graph, node, 0, DD__F32, dims);
}

static dd_status gradient_concat(dd__graph *graph, const dd__node *node, dd__value *const dy[],
                                 dd__value *dx[]) {
    int32_t axis = ((const dd__slice *)node->attributes)->axis, begin = 0;
    for (size_t i = 0; i < node->in_count; i++) {
        int32_t size = (int32_t)node->in[i]->dims.d[axis];
        dd__slice slice = {.axis = axis, .begin = begin, .size = size, .step = 1};
        begin += size;
        if (!node->in[i]->wants_gradient) continue;
        char *name = dd__arena_print(&graph->arena, "%s.backward.%zu", node->name, i);
        if (!name) return dd__no_memory(1);
        DD_TRY(dd__graph_add1(graph, &dd__op_slice, name, &slice, dy, 1, &dx[i]));
    }
    return DD_OK;
}

static dd_status record_concat(dd__recorder *recorder, const dd__node *node, const dd__site *site,
                               bool vector) {
    int32_t axis = ((const dd__slice *)node->attributes)->axis;
    part to = {.value = node->out[0], .row = row_of(node->out[0], axis)};
    size_t rows = dd__dims_count(&node->out[0]->dims) / to.row;
    for (size_t i = 0; i < node->in_count; i++) {
        part from = {.value = node->in[i], .row = row_of(node->in[i], axis)};
        DD_TRY(move_rows(recorder, site, vector, from, to, rows, from.row));
        to.begin += from.row;
    }
    return DD_OK;
}

static dd_status record_concat_vector(dd__recorder *recorder, const dd__node *node,
                                      const dd__site *site) {
    return record_concat(recorder, node, site, true);
}

static dd_status record_concat_plain(dd__recorder *recorder, const dd__node *node,
                                     const dd__site *site) {
    return record_concat(recorder, node, site, false);
}

static const dd__implementation concat_vector = {
    .name = "vector", .classes = DD__ON_CPU, .record = record_concat_vector};
static const dd__implementation concat_plain = {.name = "plain",
                                                .classes = DD__ANYWHERE,
                                                .record = record_concat_plain,
                                                .half = (DD__HALF_IN(MOST_INPUTS) - 1) |
                                                        DD__HALF_OUT(0)};

const dd__op dd__op_concat = {
    .name = "concat",
    .attributes_bytes = sizeof(dd__slice),
    .attributes = concat_attributes,
    .min_in = 1,
    .max_in = MOST_INPUTS,
    .outputs = 1,
    .layer = dd__layer_plain,
    .infer = infer_concat,
    .gradient = gradient_concat,
    .reference = dd__reference_concat,
    .implementations = (const dd__implementation *const[]){&concat_vector, &concat_plain, NULL},
};
