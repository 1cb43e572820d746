/* pad: x with elements put before and behind it along each axis:
 *   constant   a value                      v v | a b c | v v
 *   edge       the first and the last one   a a | a b c | c c
 *   reflect    what a mirror at them shows  c b | a b c | b a
 *   wrap       x again                      b c | a b c | a b
 */
#include <stdio.h>

#include "ops/launch.h"
#include "ops/ops.h"
#include "ops/walk.h"
#include "reference/reference.h"

static const char *const modes[] = {[DD__PAD_CONSTANT] = "constant",
                                    [DD__PAD_EDGE] = "edge",
                                    [DD__PAD_REFLECT] = "reflect",
                                    [DD__PAD_WRAP] = "wrap",
                                    NULL};

static const dd__attribute attributes[] = {
    {.name = "before",
     .type = DD__INT_LIST,
     .offset = offsetof(dd__pad, before),
     .min = 0,
     .max = INT32_MAX,
     .help = "elements put before each axis, the batch first; none: 0"},
    {.name = "after",
     .type = DD__INT_LIST,
     .offset = offsetof(dd__pad, after),
     .min = 0,
     .max = INT32_MAX,
     .help = "elements put behind each axis; none: 0"},
    {.name = "mode",
     .type = DD__CHOICE,
     .offset = offsetof(dd__pad, mode),
     .choices = modes,
     .help = "what they are: value, or elements of the input"},
    {.name = "value",
     .type = DD__FLOAT,
     .offset = offsetof(dd__pad, value),
     .min = -3.4028235e38,
     .max = 3.4028235e38,
     .help = "of constant"},
    {0},
};

/* ---- Shapes and gradient ---------------------------------------------------------------- */

static dd_status check_list(const char *name, dd__dims *list, const dd__dims *x) {
    if (list->rank == 0) list->rank = x->rank;
    if (list->rank == x->rank) return DD_OK;
    char text[80];
    return dd__fail(DD_SHAPE, "\"%s\" has %u numbers: expected one for each axis of %s", name,
                    list->rank, dd__dims_print(x, text));
}

static dd_status infer(dd__graph *graph, dd__node *node) {
    const dd__value *x = node->in[0];
    dd__pad *pad = node->attributes;
    if (x->type != DD__F32) return dd__fail(DD_SHAPE, "only floats are padded");
    DD_TRY(check_list("before", &pad->before, &x->dims));
    DD_TRY(check_list("after", &pad->after, &x->dims));
    dd__dims dims = x->dims;
    for (unsigned i = 0; i < dims.rank; i++) {
        uint64_t extent = (uint64_t)dims.d[i] + pad->before.d[i] + pad->after.d[i];
        if (extent > INT32_MAX)
            return dd__fail(DD_SHAPE, "an axis of %llu elements is too long",
                            (unsigned long long)extent);
        dims.d[i] = (uint32_t)extent;
    }
    return dd__node_output(graph, node, 0, DD__F32, dims);
}

static const char *refuse_gradient(const dd__node *node) {
    const dd__pad *pad = node->attributes;
    return pad->mode == DD__PAD_CONSTANT ? NULL : "only in mode constant it has one";
}

/* Of a constant: what lies inside, taken out axis by axis. */
static dd_status gradient(dd__graph *graph, const dd__node *node, dd__value *const dy[],
                          dd__value *dx[]) {
    const dd__pad *pad = node->attributes;
    const dd__dims *x = &node->in[0]->dims;
    dx[0] = dy[0];
    for (unsigned i = 0; i < x->rank; i++) {
        if (pad->before.d[i] == 0 && pad->after.d[i] == 0) continue;
        dd__slice slice = {.axis = (int32_t)i,
                           .begin = (int32_t)pad->before.d[i],
                           .size = (int32_t)x->d[i],
                           .step = 1};
        char *name = dd__arena_print(&graph->arena, "%s.backward.%u", node->name, i);
        if (!name) return dd__no_memory(1);
        DD_TRY(dd__graph_add1(graph, &dd__op_slice, name, &slice, &dx[0], 1, &dx[0]));
    }
    return DD_OK;
}

/* ---- Launches ----------------------------------------------------------------------------- */

/* Extents of y and x, and how far into y x begins; neighbours without padding are one axis. */
typedef struct axes {
    unsigned rank;
    int32_t y[DD__MAX_RANK], x[DD__MAX_RANK], before[DD__MAX_RANK];
} axes;

static axes axes_of(const dd__node *node) {
    const dd__pad *pad = node->attributes;
    const dd__dims *y = &node->out[0]->dims, *x = &node->in[0]->dims;
    axes a = {0};
    for (unsigned k = 0; k < y->rank; k++) {
        unsigned last = a.rank - 1;
        if (a.rank > 0 && a.y[last] == a.x[last] && y->d[k] == x->d[k]) {
            a.y[last] *= (int32_t)y->d[k];
            a.x[last] *= (int32_t)x->d[k];
        } else {
            a.y[a.rank] = (int32_t)y->d[k];
            a.x[a.rank] = (int32_t)x->d[k];
            a.before[a.rank++] = (int32_t)pad->before.d[k];
        }
    }
    return a;
}

static dd_status record(dd__recorder *recorder, const dd__node *node, const dd__site *site,
                        bool vector) {
    const dd__pad *pad = node->attributes;
    axes a = axes_of(node);
    size_t count = dd__dims_count(&node->out[0]->dims);
    dd__launch launch = {.program = "pad",
                         .kernel = vector ? "pad_vector" : "pad",
                         .arguments = {DD_BUFFER(node->in[0]->buffer),
                                       DD_BUFFER(node->out[0]->buffer), DD_FLOAT(pad->value),
                                       DD_INT(count)}};
    if (vector)
        dd__launch_append(&launch, DD_INT(dd__launch_chunks(&launch, site->device, count, 1, 64)));
    else
        dd__launch_elements(&launch, site->device, count);
    dd__launch_walk_axes(&launch, a.y, a.rank, 1);
    dd__launch_walk_axes(&launch, a.x, a.rank, 1);
    dd__launch_walk_axes(&launch, a.before, a.rank, 0);
    char options[64];
    snprintf(options, sizeof options, "%s -DPLACE=%s_place", launch.options, modes[pad->mode]);
    launch.options = options;
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

const dd__op dd__op_pad = {
    .name = "pad",
    .attributes_bytes = sizeof(dd__pad),
    .attributes = attributes,
    .min_in = 1,
    .max_in = 1,
    .outputs = 1,
    .layer = dd__layer_plain,
    .infer = infer,
    .gradient = gradient,
    .refuse_gradient = refuse_gradient,
    .reference = dd__reference_pad,
    .implementations = (const dd__implementation *const[]){&vector, &plain, NULL},
};
