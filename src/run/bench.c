/* dd_bench: how fast a model runs or trains. Whole runs of a plan, host to host: input written,
 * result fetched. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/random.h"
#include "check/check.h"
#include "graph/op.h"
#include "run/predict.h"
#include "run/profile.h"
#include "train/freeze.h"
#include "train/step.h"

enum { MOST_RUNS = 1 << 20, WARM_UP_LEAST = 3 };
static const double warm_up_most = 5; /* seconds */

typedef struct subject { /* what is measured */
    dd__plan *plan;
    dd__examples examples; /* of training */
    bool train;
    const char *freeze; /* of training */
    uint32_t batch;
    float *input, *output; /* of inference: host copies */
    size_t input_bytes, output_bytes;
    uint32_t steps;                              /* of training so far */
    double check_seconds, check_program_seconds; /* the check of new kernels; its programs' part */
} subject;

static void subject_free(subject *s) {
    dd__plan_free(s->plan);
    dd__examples_free(&s->examples);
    dd__free(s->input);
    dd__free(s->output);
}

/* A network without weights is measured with the initial ones that every plan starts from. */
static dd_status load_weights(const subject *s, const dd_model *model) {
    return dd_model_has_tensors(model) ? dd__load_parameters(s->plan, model) : DD_OK;
}

/* dd__verified_plan, with the time that the check takes. */
static dd_status compile(dd_device *device, dd__graph *graph, const dd__binding *bound,
                         size_t bound_count, subject *s) {
    dd_status status = dd__plan_fits(device, graph, bound, bound_count);
    double begun = dd__seconds(), before = dd__device_program_seconds(device);
    if (status == DD_OK) status = dd__verify(device, graph);
    s->check_seconds = dd__seconds() - begun;
    s->check_program_seconds = dd__device_program_seconds(device) - before;
    if (status == DD_OK) return dd__plan_create(device, graph, bound, bound_count, &s->plan);
    dd__graph_free(graph);
    return status;
}

/* ---- Inference ---------------------------------------------------------------------------- */

static dd_status make_inference(dd_device *device, const dd_model *model, subject *s) {
    dd__graph *graph;
    size_t pixels = (size_t)s->batch * model->height * model->width * model->channels;
    s->input_bytes = pixels * sizeof(float);
    s->output_bytes = (size_t)s->batch * model->classes * sizeof(float);
    s->input = dd__alloc(1, s->input_bytes);
    s->output = dd__alloc(1, s->output_bytes);
    if (!s->input || !s->output) return dd__no_memory(s->input_bytes);
    dd__random random = dd__random_start(1, DD__STREAM_TEST);
    for (size_t i = 0; i < pixels; i++) s->input[i] = dd__random_uniform(&random);
    DD_TRY(dd__inference_graph(model, s->batch, device, &graph));
    DD_TRY(compile(device, graph, NULL, 0, s));
    DD_TRY(load_weights(s, model));
    dd__chain_if_small(s->plan);
    return DD_OK;
}

/* ---- Training ----------------------------------------------------------------------------- */

/* Sixteen batches of random pictures: the same work as real ones. */
static dd_status make_data(const dd_model *model, uint32_t batch, dd_dataset **data) {
    DD_TRY(dd__dataset_new((size_t)16 * batch, model->height, model->width, model->channels, true,
                           data));
    dd__random random = dd__random_start(1, DD__STREAM_TEST);
    size_t bytes = (*data)->count * model->height * model->width * model->channels;
    for (size_t i = 0; i < bytes; i++) (*data)->pixels[i] = (uint8_t)dd__random_word(&random);
    for (size_t i = 0; i < (*data)->count; i++)
        (*data)->labels[i] = (int32_t)dd__random_below(&random, model->classes);
    return DD_OK;
}

static dd_status make_training(dd_device *device, const dd_model *model, subject *s) {
    const dd__optimizer *adam;
    dd_dataset *data = NULL;
    dd__graph *graph;
    bool *frozen;
    DD_TRY(dd__optimizer_find("adam", &adam));
    DD_TRY(dd__freeze_layers(model, s->freeze, &frozen));
    dd_status status;
    DD_TRY_OUT(make_data(model, s->batch, &data));
    DD_TRY_OUT(dd__examples_create(device, model, data, &s->examples));
    const dd__training training = {.count = data->count,
                                   .batch = s->batch,
                                   .seed = 1,
                                   .optimizer = adam,
                                   .settings = adam->settings,
                                   .frozen = frozen};
    DD_TRY_OUT(dd__training_graph(model, &training, device, &graph));
    const dd__binding bound[] = {{"images", s->examples.images}, {"labels", s->examples.labels}};
    DD_TRY_OUT(compile(device, graph, bound, 2, s));
    DD_TRY_OUT(load_weights(s, model));
out:
    dd__free(frozen);
    dd_dataset_free(data);
    return status;
}

/* ---- Runs --------------------------------------------------------------------------------- */

static dd_status run_inference(subject *s) {
    DD_TRY(dd__plan_send(s->plan, "input", s->input, s->input_bytes));
    DD_TRY(dd__plan_run(s->plan));
    return dd__plan_read(s->plan, "output", s->output, s->output_bytes);
}

static dd_status run_training(subject *s) {
    dd__sums sums;
    if (s->steps % 16 == 0)
        DD_TRY(dd__set_step(s->plan,
                            &(dd__step){.seed_low = 1,
                                        .step = s->steps,
                                        .epoch = s->steps / 16,
                                        .count = (uint32_t)s->examples.count,
                                        .base_rate = 1e-3f},
                            NULL));
    s->steps++;
    DD_TRY(dd__plan_run(s->plan));
    DD_TRY(dd__plan_read(s->plan, "sums", &sums, sizeof sums));
    return isfinite(sums.loss) ? DD_OK : dd__fail(DD_WRONG, "the loss is not finite");
}

static dd_status timed_run(subject *s, double *seconds) {
    if (dd__interrupted()) return dd__fail(DD_INTERRUPTED, "the measurement was interrupted");
    double begun = dd__seconds();
    DD_TRY(s->train ? run_training(s) : run_inference(s));
    *seconds = dd__seconds() - begun;
    return DD_OK;
}

static int by_size(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static double quantile(const double *sorted, size_t count, double q) {
    size_t i = (size_t)(q * (double)(count - 1) + 0.5);
    return sorted[i];
}

/* Until the medians of two groups of runs that follow each other agree within 2 %, at most five
 * seconds. */
static dd_status warm_up(subject *s) {
    double begun = dd__seconds(), before = 0;
    while (dd__seconds() - begun < warm_up_most) {
        double group[WARM_UP_LEAST];
        for (size_t i = 0; i < WARM_UP_LEAST; i++) DD_TRY(timed_run(s, &group[i]));
        qsort(group, WARM_UP_LEAST, sizeof *group, by_size);
        double median = group[WARM_UP_LEAST / 2];
        if (before > 0 && fabs(median - before) <= 0.02 * before) break;
        before = median;
    }
    return DD_OK;
}

static dd_status measure(subject *s, double seconds, dd_bench_result *result) {
    size_t count = 0, room = 4096;
    double total = 0, *times = dd__alloc(room, sizeof *times);
    dd_status status = times ? DD_OK : dd__no_memory(room * sizeof *times);
    while (status == DD_OK && total < seconds && count < MOST_RUNS) {
        if (count == room) {
            double *larger = dd__resize(times, 2 * room, sizeof *times);
            if (!larger) break; /* enough for any quantile */
            times = larger;
            room *= 2;
        }
        status = timed_run(s, &times[count]);
        if (status == DD_OK) total += times[count++];
    }
    if (status == DD_OK) {
        qsort(times, count, sizeof *times, by_size);
        result->runs = count;
        result->steady_ms = 1e3 * total;
        result->mean_us = 1e6 * total / (double)count;
        result->p50_us = 1e6 * quantile(times, count, 0.5);
        result->p90_us = 1e6 * quantile(times, count, 0.9);
        result->p99_us = 1e6 * quantile(times, count, 0.99);
        result->images_per_second = (double)count * s->batch / total;
    }
    dd__free(times);
    return status;
}

/* ---- Results ------------------------------------------------------------------------------ */

void dd_bench_result_clear(dd_bench_result *result) {
    for (size_t i = 0; i < result->node_count; i++) {
        dd__free((void *)result->nodes[i].name);
        dd__free((void *)result->nodes[i].implementation);
    }
    dd__free(result->nodes);
    result->nodes = NULL;
    result->node_count = 0;
}

static dd_status build(dd_device *device, const dd_model *model, subject *s,
                       dd_bench_result *result) {
    double begun = dd__seconds(), before = dd__device_program_seconds(device);
    DD_TRY(s->train ? make_training(device, model, s) : make_inference(device, model, s));
    DD_TRY(dd__device_finish(device));
    double all = dd__seconds() - begun, programs = dd__device_program_seconds(device) - before;
    double check = s->check_seconds - s->check_program_seconds;
    result->build_ms = 1e3 * all;
    result->programs_ms = 1e3 * programs;
    result->check_ms = 1e3 * check;
    result->plan_ms = 1e3 * (all - programs - check);
    return DD_OK;
}

static dd_status bench(dd_device *device, const dd_model *model, const dd_bench_options *options,
                       subject *s, dd_bench_result *result) {
    double first;
    DD_TRY(build(device, model, s, result));
    DD_TRY(timed_run(s, &first));
    result->first_ms = 1e3 * first;
    double begun = dd__seconds();
    DD_TRY(warm_up(s));
    result->warm_up_ms = 1e3 * (dd__seconds() - begun);
    DD_TRY(measure(s, options->seconds > 0 ? options->seconds : 3, result));
    result->gflops = 1e-9 * dd__plan_flop(s->plan) * 1e6 / result->p50_us;
    result->device_bytes = dd__device_bytes(device);
    return options->profile ? dd__profile(s->plan, result) : DD_OK;
}

dd_status dd_bench(dd_device *device, const dd_model *model, const dd_bench_options *given,
                   dd_bench_result *result) {
    dd_bench_options options = given ? *given : (dd_bench_options){0};
    subject s = {.train = options.train,
                 .freeze = options.freeze,
                 .batch = options.batch ? options.batch : 128};
    *result = (dd_bench_result){0};
    dd_status status = bench(device, model, &options, &s, result);
    subject_free(&s);
    if (status != DD_OK) dd_bench_result_clear(result);
    return status;
}
