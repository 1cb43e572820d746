#include <math.h>

#include "base/random.h"
#include "check/check.h"
#include "ops/ops.h"
#include "plan/differentiate.h"
#include "plan/fuse.h"

/* A small network with every kind of layer of the seed's: images (8, 12, 12, 1), ten classes. */
enum { BATCH = 8, SIDE = 12, CLASSES = 10 };

/* Parameters after the step may differ by this from the reference's: the step is 0.1 times a
 * gradient of order 1, which takes a few thousand roundings. Losses are of that order, too. */
static const double TOLERANCE = 1e-4;
/* Where factors are rounded, by root mean square, relative: so much are results off, and then pools
 * have other winners here and there, which changes single gradients altogether. Without the step they would be
 * 0.27 off. */
static const double rounded_tolerance[] = {
    [DD_PRECISION_TF32] = 1e-3, [DD_PRECISION_BF16] = 3e-2, [DD_PRECISION_F16] = 3e-2};

static dd_status add_layer(dd__graph *graph, const dd__op *op, const char *name,
                           const void *attributes, dd__value **x) {
    return op->layer(graph, op, name, attributes, (dd__value *[]){*x}, 1, x);
}

/* y (BATCH, CLASSES) = x W + b: what the layer "dense" adds. */
static dd_status add_dense(dd__graph *graph, dd__value **x) {
    uint32_t inputs = (*x)->dims.d[1];
    dd__value weight = {.dims = DD_DIMS(inputs, CLASSES),
                        .initial = DD__GLOROT_UNIFORM,
                        .fan_in = inputs,
                        .fan_out = CLASSES};
    dd__value bias = {.dims = DD_DIMS(CLASSES)}, *in[3] = {*x};
    dd__gemm gemm = {.activation = DD__LINEAR};
    DD_TRY(dd__graph_parameter(graph, "dense", "weight", &weight, &in[1]));
    DD_TRY(dd__graph_parameter(graph, "dense", "bias", &bias, &in[2]));
    return dd__graph_add1(graph, &dd__op_gemm, "dense", &gemm, in, 3, x);
}

static dd_status add_network(dd__graph *graph, dd__value **x) {
    dd__conv2d conv = {.filters = 16,
                       .kernel = {3, 3},
                       .stride = {1, 1},
                       .dilation = {1, 1},
                       .groups = 1,
                       .bias = true,
                       .activation = DD__RELU};
    dd__batch_norm norm = {.momentum = 0.9f, .epsilon = 1e-3f};
    dd__pool pool = {.kernel = {2, 2}};
    dd__dropout dropout = {.rate = 0.25f};
    DD_TRY(add_layer(graph, &dd__op_conv2d, "conv", &conv, x));
    DD_TRY(add_layer(graph, &dd__op_batch_norm, "norm", &norm, x));
    DD_TRY(add_layer(graph, &dd__op_max_pool, "pool", &pool, x));
    DD_TRY(add_layer(graph, &dd__op_dropout, "drop", &dropout, x));
    DD_TRY(add_layer(graph, &dd__op_flatten, "flatten", NULL, x));
    return add_dense(graph, x);
}

/* Loss (BATCH), its mean's gradient, and sgd with momentum on all parameters; fused before, as for
 * any training on the device. */
static dd_status add_training(dd_device *device, dd__graph *graph, dd__value *logits,
                              dd__value *labels) {
    dd__value *loss, *hit, *dloss, *gradients, *moment, *step;
    dd__fill mean = {.value = 1.0f / BATCH};
    dd__sgd sgd = {.momentum = 0.9f};
    DD_TRY(dd__graph_add(graph, &dd__op_cross_entropy, "loss", NULL,
                         (dd__value *[]){logits, labels}, 2, (dd__value * *[]){&loss, &hit}, 2));
    DD_TRY(dd__graph_add1(graph, &dd__op_fill, "mean", &mean, &loss, 1, &dloss));
    DD_TRY(dd__graph_fuse(graph, device));
    DD_TRY(dd__graph_gradients(graph, loss, dloss, &gradients));
    DD_TRY(dd__graph_state(graph, "moment", DD__F32, graph->parameters->dims, &moment));
    DD_TRY(dd__graph_step(graph, &step));
    DD_TRY(dd__graph_output(graph, loss, "loss"));
    return dd__graph_add(graph, &dd__op_sgd, "sgd", &sgd,
                         (dd__value *[]){graph->parameters, gradients, moment, step}, 4, NULL, 0);
}

static dd_status add_step(dd_device *device, dd__graph *graph) {
    dd__value *x, *labels;
    DD_TRY(dd__graph_input(graph, "x", DD__F32, DD_DIMS(BATCH, SIDE, SIDE, 1), &x));
    DD_TRY(dd__graph_input(graph, "labels", DD__I32, DD_DIMS(BATCH), &labels));
    DD_TRY(add_network(graph, &x));
    return add_training(device, graph, x, labels);
}

static dd_status write_batch(dd__plan *plan) {
    float x[BATCH * SIDE * SIDE];
    int32_t labels[BATCH];
    dd__step step = {.seed_low = 42, .count = BATCH, .learning_rate = 0.1f};
    dd__random random = dd__random_start(1, DD__STREAM_TEST);
    for (size_t i = 0; i < DD_COUNT(x); i++) x[i] = dd__random_uniform(&random);
    for (size_t i = 0; i < BATCH; i++) labels[i] = (int32_t)(3 * i % CLASSES);
    DD_TRY(dd__plan_write(plan, "x", x, sizeof x));
    DD_TRY(dd__plan_write(plan, "labels", labels, sizeof labels));
    return dd__plan_write(plan, "step", &step, sizeof step);
}

/* What is compared afterwards: the losses, then all parameters. */
typedef struct outcome {
    float loss[BATCH], *parameters; /* (count), dd__free */
    size_t count;
} outcome;

static dd_status run_step(dd__plan *plan, outcome *result) {
    result->count = dd__dims_count(&dd__plan_graph(plan)->parameters->dims);
    result->parameters = dd__alloc(result->count, sizeof(float));
    if (!result->parameters) return dd__no_memory(result->count * sizeof(float));
    DD_TRY(write_batch(plan));
    DD_TRY(dd__plan_run(plan));
    DD_TRY(dd__plan_read(plan, "loss", result->loss, sizeof result->loss));
    return dd__plan_read(plan, "parameters", result->parameters, result->count * sizeof(float));
}

static dd_status train_once(dd_device *device, outcome *result) {
    dd__graph *graph;
    dd__plan *plan;
    DD_TRY(dd__graph_create(true, 42, &graph));
    dd_status status = add_step(device, graph);
    if (status != DD_OK) {
        dd__graph_free(graph);
        return status;
    }
    DD_TRY(dd__plan_create(device, graph, NULL, 0, &plan));
    status = run_step(plan, result);
    dd__plan_free(plan);
    return status;
}

static dd_status compare(const float *found, const float *expected, size_t count,
                         dd_precision precision, double *error) {
    if (precision == DD_PRECISION_F32) return dd__compare(found, expected, count, TOLERANCE, error);
    return dd__compare_rms(found, expected, count, rounded_tolerance[precision], error);
}

dd_status dd__check_training_step(dd_device *device, double *worst) {
    dd_device *reference = NULL;
    outcome found = {.count = 0}, expected = {.count = 0};
    double error = 0;
    dd_status status;
    DD_TRY_OUT(train_once(device, &found));
    DD_TRY_OUT(dd_device_open("reference", NULL, &reference));
    DD_TRY_OUT(train_once(reference, &expected));
    dd_precision precision = dd__device_precision(device);
    DD_TRY_OUT(dd__within(compare(found.loss, expected.loss, BATCH, precision, &error),
                          "the losses of one training step"));
    status = dd__within(
        compare(found.parameters, expected.parameters, expected.count, precision, &error),
        "the parameters after one training step");
out:
    if (worst) *worst = error;
    dd__free(found.parameters);
    dd__free(expected.parameters);
    dd_device_close(reference);
    return status;
}
