/* dropout: y = x / (1 - rate) where kept, 0 where dropped, with the mask; and its gradient, which
 * drops what was dropped. See cl/dropout.cl for how the random numbers are dealt.
 *
 * dropout           x, step (see dd__step) -> y, mask (u8, 1: kept)
 * dropout_backward  dy, mask -> dx
 */
#include <math.h>
#include <stdio.h>

#include "base/random.h"
#include "ops/launch.h"
#include "ops/ops.h"
#include "reference/reference.h"

static const dd__attribute attributes[] = {
    {.name = "rate",
     .type = DD__FLOAT,
     .offset = offsetof(dd__dropout, rate),
     .fallback = 0.5,
     .max = 0.9999,
     .required = true,
     .help = "share of the elements that is dropped"},
    {0},
};

/* ---- Shapes, layer, gradient -------------------------------------------------------- */

static dd_status infer(dd__graph *graph, dd__node *node) {
    const dd__value *x = node->in[0], *step = node->in[1];
    if (x->type != DD__F32) return dd__fail(DD_SHAPE, "x is not of type f32");
    if (step->type != DD__I32 || dd__value_bytes(step) != sizeof(dd__step))
        return dd__fail(DD_SHAPE, "step is not the graph's step");
    DD_TRY(dd__node_output(graph, node, 0, DD__F32, x->dims));
    return dd__node_output(graph, node, 1, DD__U8, x->dims);
}

static dd_status infer_backward(dd__graph *graph, dd__node *node) {
    const dd__value *dy = node->in[0], *mask = node->in[1];
    if (dy->type != DD__F32 || mask->type != DD__U8 || !dd__dims_equal(&dy->dims, &mask->dims))
        return dd__fail(DD_SHAPE, "expected dy (f32) and mask (u8) of one shape");
    return dd__node_output(graph, node, 0, DD__F32, dy->dims);
}

static dd_status layer(dd__graph *graph, const dd__op *op, const char *name, const void *given,
                       dd__value *const x[], size_t count, dd__value **y) {
    (void)count;
    dd__dropout a = *(const dd__dropout *)given;
    if (!dd__graph_trains(graph)) {
        *y = x[0];
        return DD_OK;
    }
    a.stream = DD__STREAM_DROPOUT + (uint32_t)graph->node_count;
    dd__value *in[2] = {x[0]}, *mask;
    DD_TRY(dd__graph_step(graph, &in[1]));
    dd__value **out[] = {y, &mask};
    return dd__graph_add(graph, op, name, &a, in, 2, out, 2);
}

static dd_status gradient(dd__graph *graph, const dd__node *node, dd__value *const dy[],
                          dd__value *dx[]) {
    if (dy[0] == NULL) return DD_OK;
    char name[256];
    snprintf(name, sizeof name, "%s.backward", node->name);
    dd__value *in[] = {dy[0], node->out[1]};
    return dd__graph_add1(graph, &dd__op_dropout_backward, name, node->attributes, in, 2, &dx[0]);
}

/* ---- Launches ----------------------------------------------------------------------- */

/* Arguments after the buffers; `chunk` 0: the plain form, which has none. */
static void bind(dd__launch *launch, const dd__node *node, size_t chunk) {
    const dd__dropout *a = node->attributes;
    bool forward = node->op == &dd__op_dropout;
    size_t i = 0;
    launch->arguments[i++] = DD_BUFFER(node->in[0]->buffer);
    launch->arguments[i++] = DD_BUFFER(node->in[1]->buffer);
    launch->arguments[i++] = DD_BUFFER(node->out[0]->buffer);
    if (forward) launch->arguments[i++] = DD_BUFFER(node->out[1]->buffer);
    launch->arguments[i++] = DD_INT(dd__dims_count(&node->out[0]->dims));
    if (chunk) launch->arguments[i++] = DD_INT(chunk);
    if (forward) launch->arguments[i++] = DD_INT(a->stream);
    if (forward) launch->arguments[i++] = DD_INT(lrintf(a->rate * 65536));
    launch->arguments[i] = DD_FLOAT(1 / (1 - a->rate));
}

static dd_status record_plain(dd__recorder *recorder, const dd__node *node, const dd__site *site) {
    bool forward = node->op == &dd__op_dropout;
    size_t count = dd__dims_count(&node->out[0]->dims);
    dd__launch launch = {.program = "dropout",
                         .kernel = forward ? "dropout_plain" : "dropout_backward_plain"};
    if (forward)
        dd__launch_groups(&launch, site->device, count);
    else
        dd__launch_elements(&launch, site->device, count);
    launch.options = NULL; /* the same program for both forms and all devices */
    bind(&launch, node, 0);
    return dd__record(recorder, &launch);
}

static dd_status record_vector(dd__recorder *recorder, const dd__node *node, const dd__site *site) {
    bool forward = node->op == &dd__op_dropout;
    size_t count = dd__dims_count(&node->out[0]->dims);
    dd__launch launch = {.program = "dropout",
                         .kernel = forward ? "dropout_vector" : "dropout_backward_vector"};
    size_t chunk = dd__launch_chunks(&launch, site->device, count, 1, 64);
    launch.options = NULL;
    bind(&launch, node, chunk);
    return dd__record(recorder, &launch);
}

static const dd__implementation vector = {
    .name = "vector", .classes = DD__ON_CPU, .record = record_vector};
static const dd__implementation plain = {
    .name = "plain", .classes = DD__ANYWHERE, .record = record_plain};
static const dd__implementation *const implementations[] = {&vector, &plain, NULL};

const dd__op dd__op_dropout = {
    .name = "dropout",
    .attributes_bytes = sizeof(dd__dropout),
    .attributes = attributes,
    .min_in = 2,
    .max_in = 2,
    .outputs = 2,
    .layer = layer,
    .infer = infer,
    .gradient = gradient,
    .reference = dd__reference_dropout,
    .implementations = implementations,
};

const dd__op dd__op_dropout_backward = {
    .name = "dropout_backward",
    .attributes_bytes = sizeof(dd__dropout),
    .attributes = attributes,
    .min_in = 2,
    .max_in = 2,
    .outputs = 1,
    .infer = infer_backward,
    .reference = dd__reference_dropout_backward,
    .implementations = implementations,
};
