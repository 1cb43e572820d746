/* batch_norm, batch_norm_training and batch_norm_backward: normalisation over the last axis; x is
 * (..., C), everything else (C). See cl/batch_norm.cl for the formulas.
 *
 * batch_norm           x, gamma, beta, mean, variance -> y
 * batch_norm_training  x, gamma, beta, running mean, running variance (both changed in place), step
 *                      (optional) -> y, the batch's mean, 1 / its deviation
 * batch_norm_backward  dy, x, gamma, mean, 1 / deviation -> dx, dgamma, dbeta
 *
 * As in Keras the running variance is of the biased batch variance (a sum divided by the number of
 * rows), where PyTorch divides by one less, and momentum is what a step keeps.
 *
 * Unlike Keras, a layer forgets the initial 0 and 1: with the step as input, the running values are
 * the average of the batches alone, weighted by momentum^age, as Adam corrects its moments. Without
 * that, momentum 0.99 leaves 2 % of the initial variance 1 after the seed network's first epoch of
 * MNIST, while its first layer's own variance is about 0.001: measured, that epoch ends with a
 * validation accuracy of 11.8 %, though the weights are good. Later the two agree.
 *
 * A step of several micro-batches (dd__step.part) normalises each by its own mean and variance, and is
 * one step for the running values: they move towards the average of the micro-batches' values. Their
 * means' average is the batch's own mean; the variances' average is what the images were normalised
 * with, as with a batch of that size.
 */
#include "ops/batch_norm.h"

#include <math.h>
#include <stdio.h>

#include "ops/lanes.h"
#include "ops/launch.h"
#include "ops/ops.h"
#include "reference/reference.h"

static const dd__attribute attributes[] = {
    {.name = "momentum",
     .type = DD__FLOAT,
     .offset = offsetof(dd__batch_norm, momentum),
     .fallback = 0.99,
     .max = 1,
     .help = "share of the running mean and variance that a step keeps"},
    {.name = "epsilon",
     .type = DD__FLOAT,
     .offset = offsetof(dd__batch_norm, epsilon),
     .fallback = 1e-3,
     .min = 1e-12,
     .max = 1,
     .help = "added to the variance"},
    {0},
};

/* ---- Shapes ------------------------------------------------------------------------- */

static uint32_t channels_of(const dd__value *x) { return x->dims.d[x->dims.rank - 1]; }

/* Inputs from `first` on are one f32 a channel, but for the step of the training form. */
static dd_status expect(const dd__node *node, size_t first) {
    const dd__value *x = node->in[first - 1];
    if (x->type != DD__F32 || x->dims.rank < 2)
        return dd__fail(DD_SHAPE, "expected f32 values (N, ..., C)");
    dd__dims channels = DD_DIMS(channels_of(x));
    for (size_t i = first; i < node->in_count && i < 5; i++) {
        const dd__value *v = node->in[i];
        char found[80];
        if (v->type != DD__F32 || !dd__dims_equal(&v->dims, &channels))
            return dd__fail(DD_SHAPE, "expected %u numbers as input %zu, found %s", channels.d[0],
                            i, dd__dims_print(&v->dims, found));
    }
    return DD_OK;
}

static dd_status infer(dd__graph *graph, dd__node *node) {
    DD_TRY(expect(node, 1));
    const dd__value *x = node->in[0];
    if (node->in_count > 5 && dd__value_bytes(node->in[5]) != sizeof(dd__step))
        return dd__fail(DD_SHAPE, "input 5 is not the step");
    DD_TRY(dd__node_output(graph, node, 0, DD__F32, x->dims));
    for (size_t i = 1; i < node->out_count; i++)
        DD_TRY(dd__node_output(graph, node, i, DD__F32, DD_DIMS(channels_of(x))));
    return DD_OK;
}

static dd_status infer_backward(dd__graph *graph, dd__node *node) {
    DD_TRY(expect(node, 2));
    const dd__value *dy = node->in[0], *x = node->in[1];
    if (dy->type != DD__F32 || !dd__dims_equal(&dy->dims, &x->dims))
        return dd__fail(DD_SHAPE, "dy and x have different shapes");
    DD_TRY(dd__node_output(graph, node, 0, DD__F32, x->dims));
    for (size_t i = 1; i < 3; i++)
        DD_TRY(dd__node_output(graph, node, i, DD__F32, DD_DIMS(channels_of(x))));
    return DD_OK;
}

/* ---- Layer and gradient ------------------------------------------------------------- */

static dd_status layer(dd__graph *graph, const dd__op *op, const char *name, const void *a,
                       dd__value *const x[], size_t count, dd__value **y) {
    (void)op, (void)count;
    if (x[0]->dims.rank < 2) return dd__fail(DD_SHAPE, "batch_norm expects (N, ..., C)");
    dd__value ones = {.dims = DD_DIMS(channels_of(x[0])), .initial = DD__ONES};
    dd__value zeros = {.dims = ones.dims, .initial = DD__ZEROS};
    dd__value *in[6] = {x[0]}, *saved[2];
    DD_TRY(dd__graph_parameter(graph, name, "gamma", &ones, &in[1]));
    DD_TRY(dd__graph_parameter(graph, name, "beta", &zeros, &in[2]));
    DD_TRY(dd__graph_statistic(graph, name, "mean", &zeros, &in[3]));
    DD_TRY(dd__graph_statistic(graph, name, "variance", &ones, &in[4]));
    if (!dd__graph_trains(graph))
        return dd__graph_add1(graph, &dd__op_batch_norm, name, a, in, 5, y);
    DD_TRY(dd__graph_step(graph, &in[5]));
    dd__value **out[] = {y, &saved[0], &saved[1]};
    return dd__graph_add(graph, &dd__op_batch_norm_training, name, a, in, 6, out, 3);
}

/* Of a frozen layer, whose mean and variance do not hang on x: dx = gamma dy / deviation, which is the
 * op itself without beta and mean. */
static dd_status gradient_inference(dd__graph *graph, const dd__node *node, dd__value *const dy[],
                                    dd__value *dx[]) {
    const dd__fill zero = {.value = 0};
    dd__value *gamma = node->in[1], *beta = node->in[2], *zeros;
    char name[256];
    if (gamma->wants_gradient || beta->wants_gradient)
        return dd__fail(DD_USAGE, "%s: batch_norm in its inference form does not learn",
                        node->name);
    snprintf(name, sizeof name, "%s.zeros", node->name);
    DD_TRY(dd__graph_add1(graph, &dd__op_fill, name, &zero, &beta, 1, &zeros));
    snprintf(name, sizeof name, "%s.backward", node->name);
    dd__value *in[] = {dy[0], gamma, zeros, zeros, node->in[4]};
    return dd__graph_add1(graph, &dd__op_batch_norm, name, node->attributes, in, 5, &dx[0]);
}

static dd_status gradient(dd__graph *graph, const dd__node *node, dd__value *const dy[],
                          dd__value *dx[]) {
    if (dy[0] == NULL) return DD_OK;
    char name[256];
    snprintf(name, sizeof name, "%s.backward", node->name);
    dd__value *in[] = {dy[0], node->in[0], node->in[1], node->out[1], node->out[2]};
    dd__value **out[] = {&dx[0], &dx[1], &dx[2]};
    return dd__graph_add(graph, &dd__op_batch_norm_backward, name, node->attributes, in, 5, out, 3);
}

/* ---- Launches ----------------------------------------------------------------------- */

typedef dd__norm_cut cut;

dd__norm_cut dd__norm_cut_rows(const dd__op *op, const dd__dims *x, const dd_device *device,
                               bool vector) {
    cut k = {.device = device, .channels = x->d[x->rank - 1]};
    k.rows = dd__dims_count(x) / k.channels;
    if (vector) {
        dd__launch launch = {0};
        k.lanes = dd__lanes(device, k.channels);
        k.chunk = dd__launch_chunks(&launch, device, k.rows, k.channels, 1);
        snprintf(k.options, sizeof k.options, "-DOP_%s -DVW=%u", op->name, k.lanes);
    } else {
        k.chunk = dd__cut_columns(device, k.rows, k.channels).chunk;
        snprintf(k.options, sizeof k.options, "-DOP_%s", op->name);
    }
    k.chunks = (k.rows + k.chunk - 1) / k.chunk;
    return k;
}

/* What a launch's work-items are for. */
typedef enum pass { PARTIAL, COMBINE, ELEMENTS } pass;

static dd__launch start(const char *kernel) {
    return (dd__launch){.program = "batch_norm", .kernel = kernel};
}

/* One work-item a work-group. */
static void set_vector(dd__launch *launch, const cut *k, pass what) {
    launch->global[0] = what == COMBINE ? k->channels / k->lanes : k->chunks;
    launch->local[0] = launch->local[1] = launch->local[2] = 1;
}

/* Sets the work-items; puts rows, chunk, C behind the arguments, and for sums `wide`. */
static void set_pass(dd__launch *launch, const cut *k, pass what) {
    dd__columns parts = {k->rows, k->channels, k->chunk, k->chunks};
    size_t wide = 0;
    if (what == COMBINE) parts = dd__join_columns(&parts);
    if (k->lanes)
        set_vector(launch, k, what);
    else if (what == ELEMENTS)
        dd__launch_elements(launch, k->device, k->rows * k->channels);
    else
        wide = dd__launch_columns(launch, k->device, &parts);
    launch->options = k->options;
    dd__launch_append(launch, DD_INT(k->rows));
    dd__launch_append(launch, DD_INT(k->chunk));
    dd__launch_append(launch, DD_INT(k->channels));
    if (what != ELEMENTS) dd__launch_append(launch, DD_INT(wide));
}

static dd_status record_inference(dd__recorder *recorder, const dd__node *node, const cut *k) {
    const dd__batch_norm *a = node->attributes;
    dd__launch launch = start("batch_norm");
    dd__launch_values(&launch, node->in, 5);
    dd__launch_values(&launch, node->out, 1);
    set_pass(&launch, k, ELEMENTS);
    char options[sizeof k->options + sizeof(dd__options)];
    snprintf(options, sizeof options, "%s%s", k->options, dd__half_options(node).text);
    launch.options = options;
    dd__launch_append(&launch, DD_FLOAT(a->epsilon));
    return dd__record(recorder, &launch);
}

dd_status dd__norm_record_statistics(dd__recorder *recorder, const dd__norm_cut *k, dd__buffer *x,
                                     dd__buffer *partial) {
    dd__launch launch = start("batch_norm_statistics");
    dd__launch_append(&launch, DD_BUFFER(x));
    dd__launch_append(&launch, DD_BUFFER(partial));
    set_pass(&launch, k, PARTIAL);
    return dd__record(recorder, &launch);
}

/* For the kernel's 1 - momentum^t; for momentum 0 a number that makes the power 0 all the same and stays
 * finite. */
static double logarithm(float momentum) { return momentum > 0 ? log((double)momentum) : -1000; }

dd_status dd__norm_record_combine(dd__recorder *recorder, const dd__norm_cut *k,
                                  const dd__batch_norm *a, const dd__node *node,
                                  dd__buffer *partial) {
    dd__launch launch = start("batch_norm_combine");
    dd__launch_append(&launch, DD_BUFFER(partial));
    dd__launch_values(&launch, node->in + 3, 2);
    dd__launch_values(&launch, node->out + 1, 2);
    bool has_step = node->in_count > 5 && a->momentum < 1;
    dd__launch_values(&launch, node->in + (has_step ? 5 : 0), 1);
    dd__launch_append(&launch, DD_INT(has_step));
    set_pass(&launch, k, COMBINE);
    dd__launch_append(&launch, DD_FLOAT(a->momentum));
    dd__launch_append(&launch, DD_FLOAT(has_step ? logarithm(a->momentum) : 0));
    dd__launch_append(&launch, DD_FLOAT(a->epsilon));
    return dd__record(recorder, &launch);
}

static dd_status record_training(dd__recorder *recorder, const dd__node *node, const cut *k,
                                 dd__buffer *partial) {
    DD_TRY(dd__norm_record_statistics(recorder, k, node->in[0]->buffer, partial));
    DD_TRY(dd__norm_record_combine(recorder, k, node->attributes, node, partial));
    dd__launch launch = start("batch_norm_normalize");
    dd__launch_values(&launch, node->in, 3);
    dd__launch_values(&launch, node->out + 1, 2);
    dd__launch_values(&launch, node->out, 1);
    set_pass(&launch, k, ELEMENTS);
    return dd__record(recorder, &launch);
}

dd_status dd__norm_record_combine_sums(dd__recorder *recorder, const dd__norm_cut *k,
                                       dd__buffer *partial, dd__buffer *inverse, dd__buffer *dgamma,
                                       dd__buffer *dbeta) {
    dd__launch launch = start("batch_norm_combine_sums");
    dd__buffer *const buffers[] = {partial, inverse, dgamma, dbeta};
    for (size_t i = 0; i < DD_COUNT(buffers); i++)
        dd__launch_append(&launch, DD_BUFFER(buffers[i]));
    set_pass(&launch, k, COMBINE);
    return dd__record(recorder, &launch);
}

static dd_status record_backward(dd__recorder *recorder, const dd__node *node, const cut *k,
                                 dd__buffer *partial) {
    dd__value *const *in = node->in;
    dd__launch launch = start("batch_norm_sums");
    dd__launch_values(&launch, (dd__value *[]){in[0], in[1], in[3]}, 3);
    dd__launch_append(&launch, DD_BUFFER(partial));
    set_pass(&launch, k, PARTIAL);
    DD_TRY(dd__record(recorder, &launch));

    DD_TRY(dd__norm_record_combine_sums(recorder, k, partial, in[4]->buffer, node->out[1]->buffer,
                                        node->out[2]->buffer));

    launch = start("batch_norm_backward");
    dd__launch_values(&launch, in, 5);
    dd__launch_values(&launch, node->out + 1, 2);
    dd__launch_values(&launch, node->out, 1);
    set_pass(&launch, k, ELEMENTS);
    return dd__record(recorder, &launch);
}

static dd_status record(dd__recorder *recorder, const dd__node *node, const dd__site *site,
                        bool vector) {
    cut k = dd__norm_cut_rows(node->op, &node->in[0]->dims, site->device, vector);
    if (node->op == &dd__op_batch_norm) return record_inference(recorder, node, &k);
    if (node->op == &dd__op_batch_norm_training)
        return record_training(recorder, node, &k, site->workspace[0]);
    return record_backward(recorder, node, &k, site->workspace[0]);
}

static dd_status record_vector(dd__recorder *recorder, const dd__node *node, const dd__site *site) {
    return record(recorder, node, site, true);
}

static dd_status record_plain(dd__recorder *recorder, const dd__node *node, const dd__site *site) {
    return record(recorder, node, site, false);
}

static void scratch(const dd__node *node, const cut *k, dd__scratch *need) {
    if (node->op != &dd__op_batch_norm)
        need->workspace_bytes[0] = k->chunks * 2 * k->channels * sizeof(float);
}

static void scratch_vector(const dd__node *node, const dd_device *device, dd__scratch *need) {
    cut k = dd__norm_cut_rows(node->op, &node->in[0]->dims, device, true);
    scratch(node, &k, need);
}

static void scratch_plain(const dd__node *node, const dd_device *device, dd__scratch *need) {
    cut k = dd__norm_cut_rows(node->op, &node->in[0]->dims, device, false);
    scratch(node, &k, need);
}

static const char *refuse_vector(const dd__node *node, const dd_device *device) {
    bool fits = dd__lanes(device, channels_of(node->in[0])) > 0;
    return fits ? NULL : "channels are not a multiple of 4";
}

static const dd__implementation vector = {.name = "vector",
                                          .classes = DD__ON_CPU,
                                          .refuse = refuse_vector,
                                          .scratch = scratch_vector,
                                          .record = record_vector};
static const dd__implementation plain = {
    .name = "plain", .classes = DD__ANYWHERE, .scratch = scratch_plain, .record = record_plain};
static const dd__implementation plain_inference = {.name = "plain",
                                                   .classes = DD__ANYWHERE,
                                                   .record = record_plain,
                                                   .half = DD__HALF_IN(0) | DD__HALF_OUT(0)};
static const dd__implementation *const implementations[] = {&vector, &plain, NULL};
static const dd__implementation *const implementations_inference[] = {&vector, &plain_inference,
                                                                      NULL};

/* ---- The ops ------------------------------------------------------------------------ */

const dd__op dd__op_batch_norm = {
    .name = "batch_norm",
    .attributes_bytes = sizeof(dd__batch_norm),
    .attributes = attributes,
    .min_in = 5,
    .max_in = 5,
    .outputs = 1,
    .layer = layer,
    .infer = infer,
    .gradient = gradient_inference,
    .reference = dd__reference_batch_norm,
    .implementations = implementations_inference,
};

const dd__op dd__op_batch_norm_training = {
    .name = "batch_norm_training",
    .attributes_bytes = sizeof(dd__batch_norm),
    .attributes = attributes,
    .min_in = 5,
    .max_in = 6,
    .outputs = 3,
    .mutates = 1u << 3 | 1u << 4,
    .infer = infer,
    .gradient = gradient,
    .reference = dd__reference_batch_norm_training,
    .implementations = implementations,
};

const dd__op dd__op_batch_norm_backward = {
    .name = "batch_norm_backward",
    .attributes_bytes = sizeof(dd__batch_norm),
    .attributes = attributes,
    .min_in = 5,
    .max_in = 5,
    .outputs = 3,
    .infer = infer_backward,
    .reference = dd__reference_batch_norm_backward,
    .implementations = implementations,
};
