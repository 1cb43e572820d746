/* loop.c: dd_train. The device does an epoch by itself (train/step.h); the host starts it, looks at
 * the sums now and then, measures on the validation set, and keeps what is worth keeping.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "check/check.h"
#include "train/history.h"
#include "train/step.h"

typedef struct loop {
    dd_train_options options; /* settled */
    dd_train_result *result;
    dd_model *model;
    dd__examples training, validation; /* validation.count is 0 without */
    dd__plan *plan, *measure; /* measure shares plan's parameters; NULL without validation */
    uint32_t batch, steps;    /* of an epoch */
    dd__epoch *history;       /* (epochs) */
    size_t done;              /* epochs in it */
    double best_loss, started, trained; /* trained: seconds in finished epochs and this one */
} loop;

/* ---- Setting up --------------------------------------------------------------------------- */

static dd_status settle(const dd_train_options *given, const dd__optimizer **optimizer,
                        dd__optimizer_settings *settings, dd_train_options *o) {
    *o = given ? *given : (dd_train_options){0};
    float learning_rate;
    DD_TRY(dd__optimizer_find(o->optimizer, optimizer));
    DD_TRY(dd__optimizer_settle(*optimizer, o, settings, &learning_rate));
    if (o->epochs == 0) o->epochs = 50;
    if (o->batch == 0) o->batch = 128;
    if (o->seed == 0) o->seed = 42;
    o->optimizer = (*optimizer)->name;
    o->learning_rate = (double)learning_rate;
    o->momentum = (double)settings->momentum;
    o->weight_decay = (double)settings->weight_decay;
    return DD_OK;
}

static dd_status make_plans(loop *l, dd_device *device, const dd__optimizer *optimizer,
                            const dd__optimizer_settings *settings) {
    dd__graph *graph;
    DD_TRY(dd__training_graph(l->model, l->training.count, l->batch, l->options.seed, optimizer,
                              settings, &graph));
    const dd__binding examples[] = {{"images", l->training.images}, {"labels", l->training.labels}};
    DD_TRY(dd__verified_plan(device, graph, examples, 2, &l->plan));
    DD_TRY(dd__load_parameters(l->plan, l->model));
    if (l->validation.count == 0) return DD_OK;
    DD_TRY(dd__measuring_graph(l->model, l->validation.count, l->batch, &graph));
    const dd__binding shared[] = {{"images", l->validation.images},
                                  {"labels", l->validation.labels},
                                  {"parameters", dd__plan_buffer(l->plan, "parameters")},
                                  {"statistics", dd__plan_buffer(l->plan, "statistics")}};
    size_t count = shared[3].buffer ? 4 : 3;
    return dd__verified_plan(device, graph, shared, count, &l->measure);
}

static dd_status set_up(loop *l, dd_device *device, const dd_dataset *data,
                        const dd_dataset *validation, const dd_train_options *options) {
    const dd__optimizer *optimizer;
    dd__optimizer_settings settings;
    DD_TRY(settle(options, &optimizer, &settings, &l->options));
    if (l->options.output) DD_TRY(dd__folder_make(l->options.output));
    if (!dd_model_has_tensors(l->model)) DD_TRY(dd_model_initialize(l->model, l->options.seed));
    l->batch = l->options.batch < data->count ? l->options.batch : (uint32_t)data->count;
    l->steps = (uint32_t)(data->count / l->batch);
    l->best_loss = INFINITY;
    l->history = dd__alloc(l->options.epochs, sizeof *l->history);
    if (!l->history) return dd__no_memory(l->options.epochs * sizeof *l->history);
    DD_TRY(dd__within(dd__examples_create(device, l->model, data, &l->training), "training data"));
    if (validation)
        DD_TRY(dd__within(dd__examples_create(device, l->model, validation, &l->validation),
                          "validation data"));
    return make_plans(l, device, optimizer, &settings);
}

static void tear_down(loop *l) {
    dd__plan_free(l->measure);
    dd__plan_free(l->plan);
    dd__examples_free(&l->validation);
    dd__examples_free(&l->training);
    dd__free(l->history);
}

/* ---- One epoch ---------------------------------------------------------------------------- */

static void report(const loop *l, const dd__epoch *e, uint32_t step, bool epoch_done) {
    if (!l->options.progress) return;
    double images = ((e->epoch - 1.0) * l->steps + step) * l->batch;
    double all = (double)l->options.epochs * l->steps * l->batch;
    double seconds = dd__seconds() - l->started;
    l->options.progress(
        l->options.context,
        &(dd_train_progress){.epoch = e->epoch,
                             .epochs = l->options.epochs,
                             .step = step,
                             .steps = l->steps,
                             .epoch_done = epoch_done,
                             .learning_rate = l->options.learning_rate,
                             .loss = e->loss,
                             .accuracy = e->accuracy,
                             .validation_loss = e->validation_loss,
                             .validation_accuracy = e->validation_accuracy,
                             .images_per_second = e->images_per_second,
                             .seconds = seconds,
                             .seconds_left = images > 0 ? seconds * (all / images - 1) : 0});
}

/* Waits for the steps so far and takes their sums. */
static dd_status look(loop *l, dd__epoch *e, double begun, uint32_t step) {
    dd__sums sums;
    DD_TRY(dd__plan_read(l->plan, "sums", &sums, sizeof sums));
    e->loss = (double)sums.loss / (double)sums.count;
    e->accuracy = (double)sums.hits / (double)sums.count;
    e->seconds = dd__seconds() - begun;
    e->images_per_second = (double)step * l->batch / e->seconds;
    if (isfinite(sums.loss)) return DD_OK;
    return dd__fail(
        DD_WRONG,
        "training diverged: the loss is not finite in epoch %u by step %u; a lower learning "
        "rate than %g may help",
        e->epoch, step, l->options.learning_rate);
}

/* Runs the epoch's steps. The device is left alone for about half a second at a time: waiting
 * costs, but people and Ctrl-C want an answer, and drivers dislike long queues. */
static dd_status run_steps(loop *l, dd__epoch *e) {
    double begun = dd__seconds();
    uint32_t interval = 1, looked = 0;
    for (uint32_t step = 1; step <= l->steps; step++) {
        DD_TRY(dd__plan_run(l->plan));
        if (step - looked < interval && step < l->steps) continue;
        DD_TRY(look(l, e, begun, step));
        report(l, e, step, false);
        looked = step;
        double a_step = e->seconds / step;
        interval = a_step > 0.5 ? 1 : (uint32_t)(0.5 / a_step);
        if (step < l->steps && dd__interrupted())
            return dd__fail(DD_INTERRUPTED, "interrupted in epoch %u", e->epoch);
    }
    return DD_OK;
}

static dd_status validate(loop *l, dd__epoch *e) {
    e->validation_loss = e->validation_accuracy = NAN;
    if (!l->measure) return DD_OK;
    dd__plan_parameters_changed(l->measure);
    DD_TRY(dd__start_epoch(l->measure, 0, 0, 0, l->validation.count, 0));
    for (size_t done = 0; done < l->validation.count; done += l->batch)
        DD_TRY(dd__plan_run(l->measure));
    dd__sums sums;
    DD_TRY(dd__plan_read(l->measure, "sums", &sums, sizeof sums));
    e->validation_loss = (double)sums.loss / (double)sums.count;
    e->validation_accuracy = (double)sums.hits / (double)sums.count;
    if (isfinite(e->validation_loss)) return DD_OK;
    return dd__fail(DD_WRONG, "training diverged: the validation loss is not finite in epoch %u",
                    e->epoch);
}

/* ---- Keeping ------------------------------------------------------------------------------ */

static dd_status save_model(const loop *l) {
    char path[4096];
    if (!l->options.output) return DD_OK;
    DD_TRY(dd__path_join(path, sizeof path, l->options.output, "model.safetensors"));
    return dd_model_save(l->model, path);
}

/* The model takes the plan's weights after every epoch when the last are wanted (or nothing tells
 * which are best), else only when they are the best so far. */
static dd_status keep_weights(loop *l, const dd__epoch *e) {
    bool better = e->validation_loss < l->best_loss;
    if (better) {
        l->best_loss = e->validation_loss;
        l->result->best_epoch = e->epoch;
    }
    if (!better && l->measure && l->options.keep == DD_KEEP_BEST) return DD_OK;
    DD_TRY(dd__fetch_parameters(l->plan, l->model));
    l->result->validation_loss = e->validation_loss;
    l->result->validation_accuracy = e->validation_accuracy;
    return save_model(l);
}

static dd_status write_record(const loop *l, const dd_device *device, const char *outcome) {
    if (!l->options.output) return DD_OK;
    dd_model_info info;
    dd_model_describe(l->model, &info);
    DD_TRY(dd__history_write(l->options.output, l->history, l->done));
    return dd__run_record_write(l->options.output,
                                &(dd__run_record){.options = &l->options,
                                                  .device = dd_device_describe(device),
                                                  .model = &info,
                                                  .training_examples = l->training.count,
                                                  .validation_examples = l->validation.count,
                                                  .epochs = l->history,
                                                  .epoch_count = l->done,
                                                  .best_epoch = l->result->best_epoch,
                                                  .outcome = outcome});
}

static dd_status run_epoch(loop *l, const dd_device *device) {
    dd__epoch *e = &l->history[l->done];
    uint32_t before = (uint32_t)l->done * l->steps;
    *e = (dd__epoch){.epoch = (unsigned)l->done + 1,
                     .learning_rate = l->options.learning_rate,
                     .validation_loss = NAN,
                     .validation_accuracy = NAN};
    DD_TRY(dd__start_epoch(l->plan, l->options.seed, e->epoch, before, l->training.count,
                           (float)l->options.learning_rate));
    DD_TRY(run_steps(l, e));
    l->trained += e->seconds;
    DD_TRY(validate(l, e));
    DD_TRY(keep_weights(l, e));
    l->done++;
    DD_TRY(write_record(l, device, l->done == l->options.epochs ? "finished" : "running"));
    report(l, e, l->steps, true);
    return DD_OK;
}

/* An interrupted run keeps what it has: the weights of the step it stopped at, unless better or
 * finished ones were kept before. A diverged one keeps the last epoch's. The reason to stop
 * outlives what this may add. */
static dd_status stop_early(loop *l, const dd_device *device, dd_status reason) {
    char message[1024];
    snprintf(message, sizeof message, "%s", dd_message());
    dd_status saved = DD_OK;
    if (reason == DD_INTERRUPTED && (l->done == 0 || l->options.keep == DD_KEEP_LAST)) {
        saved = dd__fetch_parameters(l->plan, l->model);
        if (saved == DD_OK) {
            l->result->validation_loss = l->result->validation_accuracy = (double)NAN;
            saved = save_model(l);
        }
    }
    if (saved == DD_OK)
        saved = write_record(l, device, reason == DD_INTERRUPTED ? "interrupted" : "diverged");
    if (saved != DD_OK) dd__log(DD_LOG_WARNING, "while saving: %s", dd_message());
    return dd__fail(reason, "%s", message);
}

dd_status dd_train(dd_device *device, dd_model *model, const dd_dataset *data,
                   const dd_dataset *validation, const dd_train_options *options,
                   dd_train_result *result) {
    dd_train_result unwanted;
    loop l = {.model = model, .result = result ? result : &unwanted};
    *l.result = (dd_train_result){.validation_loss = NAN, .validation_accuracy = NAN};
    dd_status status = set_up(&l, device, data, validation, options);
    if (status != DD_OK) goto out;
    l.started = dd__seconds();
    while (l.done < l.options.epochs && status == DD_OK) {
        status = run_epoch(&l, device);
        if (status == DD_OK && l.done < l.options.epochs && dd__interrupted())
            status = dd__fail(DD_INTERRUPTED, "interrupted after epoch %zu", l.done);
    }
    if (status == DD_INTERRUPTED || status == DD_WRONG) status = stop_early(&l, device, status);
    l.result->epochs = (unsigned)l.done;
    if (l.done) {
        l.result->loss = l.history[l.done - 1].loss;
        l.result->accuracy = l.history[l.done - 1].accuracy;
        l.result->seconds = l.trained;
        l.result->images_per_second = (double)l.done * l.steps * l.batch / l.trained;
    }
out:
    tear_down(&l);
    return status;
}
