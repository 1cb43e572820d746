/* loop.c: dd_train, from setting up to tearing down. */
#include "train/loop.h"

#include <math.h>

#include "base/file.h"
#include "base/log.h"
#include "data/digit.h"
#include "train/freeze.h"

/* ---- Setting up --------------------------------------------------------------------------- */

static dd_status take_examples(dd__loop *loop, const dd_dataset *validation) {
    DD_TRY(dd__within(dd__examples_create(loop->device, loop->model, loop->data, &loop->training),
                      "training data"));
    if (validation)
        DD_TRY(dd__within(
            dd__examples_create(loop->device, loop->model, validation, &loop->validation),
            "validation data"));
    dd__datasets_hash(loop->data, validation, loop->hash);
    return DD_OK;
}

static dd_status take_weights(dd__loop *loop) {
    if (dd_model_has_tensors(loop->model))
        dd__model_hash(loop->model, loop->initial);
    else
        DD_TRY(dd_model_initialize(loop->model, loop->settled.options.seed));
    bool best = loop->validation.count && loop->settled.options.keep == DD_KEEP_BEST;
    return best ? dd__model_twin(loop->model, &loop->last) : DD_OK;
}

static dd_status take_teacher(dd__loop *loop) {
    const char *path = loop->settled.options.teacher;
    if (!*path) return DD_OK;
    DD_TRY(dd__teacher_load(path, loop->model, &loop->teacher));
    dd__model_hash(loop->teacher, loop->taught);
    return DD_OK;
}

static void tell_frozen(const dd__loop *loop) {
    const dd_model *model = loop->model;
    uint64_t parameters = 0;
    size_t layers = 0, all = 0;
    if (!loop->frozen) return;
    for (size_t i = 0; i < model->layer_count; i++) {
        if (model->layers[i].parameters == 0) continue;
        all++;
        layers += loop->frozen[i];
        if (loop->frozen[i]) parameters += model->layers[i].parameters;
    }
    dd__log(DD_LOG_INFO, "frozen: %llu of %llu parameters, %zu of the %zu layers that have some",
            (unsigned long long)parameters, (unsigned long long)model->info.parameters, layers,
            all);
}

static dd_status set_up(dd__loop *loop, const dd_dataset *validation,
                        const dd_train_options *options) {
    const dd_train_options *o = &loop->settled.options;
    size_t count = loop->data->count;
    DD_TRY(dd__options_settle(options, &loop->settled));
    if (o->early_stop && !validation)
        return dd__fail(DD_USAGE, "early stopping needs a validation set to measure on");
    DD_TRY(dd__model_set_digits(loop->model, dd__is_of_mnist_digits(loop->data)));
    DD_TRY(dd__freeze_layers(loop->model, o->freeze, &loop->frozen));
    tell_frozen(loop);
    DD_TRY(take_teacher(loop));
    loop->batch = o->batch < count ? o->batch : (uint32_t)count;
    loop->steps = (uint32_t)(count / loop->batch);
    loop->at = (dd__standing){.schedule = dd__schedule_start(o->learning_rate),
                              .best_loss = (double)INFINITY,
                              .kept_loss = (double)NAN,
                              .kept_accuracy = (double)NAN};
    if (o->command && !(loop->command = dd__copy_string(o->command))) return dd__no_memory(1);
    loop->at.history = dd__alloc(o->epochs, sizeof *loop->at.history);
    if (!loop->at.history) return dd__no_memory(o->epochs * sizeof *loop->at.history);
    DD_TRY(take_examples(loop, validation));
    if (o->output && !o->resume) DD_TRY(dd__folder_make(o->output));
    DD_TRY(take_weights(loop));
    loop->micro = o->micro_batch;
    if (o->resume) DD_TRY(dd__checkpoint_micro(loop));
    DD_TRY(dd__plans_fit(loop));
    DD_TRY(dd__plans_make(loop));
    if (o->resume) return dd__checkpoint_load(loop);
    DD_TRY(dd__keep_begin(loop));
    return dd__checkpoint_save(loop);
}

static void tear_down(dd__loop *loop) {
    dd__plans_free(loop);
    dd__examples_free(&loop->validation);
    dd__examples_free(&loop->training);
    dd_model_free(loop->teacher);
    dd_model_free(loop->averaged);
    dd_model_free(loop->last);
    dd__free(loop->frozen);
    dd__free(loop->at.history);
    dd__free(loop->command);
}

/* ---- Running ------------------------------------------------------------------------------ */

static bool should_stop_early(const dd__loop *loop) {
    unsigned patience = loop->settled.options.early_stop;
    return patience && loop->at.best_epoch && loop->at.done - loop->at.best_epoch >= patience;
}

static dd_status run_epochs(dd__loop *loop) {
    const dd_train_options *o = &loop->settled.options;
    while (loop->at.done < o->epochs && !should_stop_early(loop)) {
        if (loop->at.done && dd__interrupted())
            return dd__fail(DD_INTERRUPTED, "interrupted after epoch %zu", loop->at.done);
        DD_TRY(dd__epoch_run(loop));
        DD_TRY(dd__keep_epoch(loop));
    }
    return dd__keep_records(loop, loop->at.done < o->epochs ? "stopped early" : "finished");
}

static void summarize(const dd__loop *loop, dd_train_result *result) {
    const dd__standing *at = &loop->at;
    result->micro_batch = loop->micro;
    result->epochs = (unsigned)at->done;
    result->stopped_early = at->done < loop->settled.options.epochs && should_stop_early(loop);
    result->best_epoch = at->best_epoch;
    result->validation_loss = at->kept_loss;
    result->validation_accuracy = at->kept_accuracy;
    if (at->done == 0) return;
    result->loss = at->history[at->done - 1].loss;
    result->accuracy = at->history[at->done - 1].accuracy;
    result->seconds = at->trained;
    result->images_per_second = (double)at->done * loop->steps * loop->batch / at->trained;
}

dd_status dd_train(dd_device *device, dd_model *model, const dd_dataset *data,
                   const dd_dataset *validation, const dd_train_options *options,
                   dd_train_result *result) {
    dd__loop loop = {.device = device, .model = model, .data = data};
    dd_train_result unwanted;
    if (!result) result = &unwanted;
    *result = (dd_train_result){.validation_loss = (double)NAN, .validation_accuracy = (double)NAN};
    dd_status status = set_up(&loop, validation, options);
    if (status == DD_OK) {
        result->epochs_before = (unsigned)loop.at.done;
        status = run_epochs(&loop);
        if (status != DD_OK && status != DD_IO) status = dd__keep_stopped(&loop, status);
        summarize(&loop, result);
    }
    tear_down(&loop);
    return status;
}
