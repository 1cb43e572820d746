/* keep.c: what a training leaves in its folder. A file is whole at any time, and they are written in
 * an order in which a run that is killed between two of them can go on: models before the checkpoint
 * that speaks of them. What was written too early is written again, on the same device the same.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "train/history.h"
#include "train/loop.h"
#include "train/run.h"

/* What the epoch brought: its average, or the weights as they are. */
static dd_status take_weights(const dd__loop *loop, dd_model *model) {
    if (!loop->averaged) return dd__fetch_parameters(loop->plan, model);
    if (!model->tensors) DD_TRY(dd_model_initialize(model, loop->settled.options.seed));
    dd__model_take(model, loop->averaged, NULL);
    return DD_OK;
}

static dd_status save_model(const dd__loop *loop, const dd_model *model, const char *name) {
    char path[4096];
    if (!loop->settled.options.output) return DD_OK;
    DD_TRY(dd__path_join(path, sizeof path, loop->settled.options.output, name));
    return dd_model_save(model, path);
}

/* The model takes the plan's weights after every epoch when the last are wanted (or nothing tells
 * which are best), else only when they are the best so far. */
static dd_status keep_weights(dd__loop *loop) {
    dd__standing *at = &loop->at;
    const dd_epoch *e = &at->history[at->done - 1];
    bool better = e->validation_loss < at->best_loss; /* never without validation: NaN */
    if (better || !loop->last) {
        DD_TRY(take_weights(loop, loop->model));
        DD_TRY(save_model(loop, loop->model, "model.safetensors"));
        at->kept_loss = e->validation_loss;
        at->kept_accuracy = e->validation_accuracy;
    }
    if (loop->last) {
        DD_TRY(take_weights(loop, loop->last));
        DD_TRY(save_model(loop, loop->last, "last.safetensors"));
    } else if (better) {
        DD_TRY(save_model(loop, loop->model, "best.safetensors"));
    }
    if (!better) return DD_OK;
    at->best_loss = e->validation_loss;
    at->best_epoch = e->epoch;
    return DD_OK;
}

dd_status dd__keep_records(const dd__loop *loop, const char *outcome) {
    const char *folder = loop->settled.options.output;
    if (!folder) return DD_OK;
    DD_TRY(dd__history_write(folder, loop->at.history, loop->at.done));
    return dd__run_write(loop, outcome);
}

dd_status dd__keep_epoch(dd__loop *loop) {
    const dd__standing before = loop->at;
    dd_status status = keep_weights(loop);
    if (status == DD_OK) status = dd__checkpoint_save(loop);
    if (status == DD_OK) return dd__keep_records(loop, "running");
    loop->at = before; /* what this epoch brought is worth nothing, or lost */
    loop->at.done--;
    return status;
}

dd_status dd__keep_begin(const dd__loop *loop) {
    static const char *const old[] = {DD__CHECKPOINT,     "model.safetensors", "last.safetensors",
                                      "best.safetensors", "report.html",       "history.csv",
                                      "run.json"};
    char path[4096];
    if (!loop->settled.options.output) return DD_OK;
    for (size_t i = 0; i < DD_COUNT(old); i++) {
        DD_TRY(dd__path_join(path, sizeof path, loop->settled.options.output, old[i]));
        if (remove(path) != 0 && errno != ENOENT)
            return dd__fail(DD_IO, "%s: cannot remove: %s", path, strerror(errno));
    }
    return dd__keep_records(loop, "running");
}

/* Before the first epoch ends nothing is kept yet; the weights of the last step are better than
 * none. */
static dd_status keep_interrupted(dd__loop *loop) {
    if (loop->at.done == 0) {
        DD_TRY(dd__fetch_parameters(loop->plan, loop->model));
        DD_TRY(save_model(loop, loop->model, "model.safetensors"));
    }
    DD_TRY(dd__checkpoint_save(loop));
    return dd__keep_records(loop, "interrupted");
}

/* The device gave up, and with it all since the last checkpoint is lost. */
static dd_status fail_with_checkpoint(const dd__loop *loop, dd_status reason, const char *message) {
    if (!loop->settled.options.output) return dd__fail(reason, "%s", message);
    return dd__fail(reason, "%s; %s/%s has epoch %zu up to step %u of %u", message,
                    loop->settled.options.output, DD__CHECKPOINT, loop->last_saved.done + 1,
                    loop->last_saved.position, loop->steps);
}

dd_status dd__keep_stopped(dd__loop *loop, dd_status reason) {
    char message[1024];
    snprintf(message, sizeof message, "%s", dd_message());
    dd_status saved = reason == DD_INTERRUPTED ? keep_interrupted(loop)
                      : reason == DD_WRONG     ? dd__keep_records(loop, "diverged")
                                               : dd__keep_records(loop, "failed");
    if (saved != DD_OK)
        return dd__within(saved, "%s; and what there is could not be saved", message);
    if (reason == DD_INTERRUPTED || reason == DD_WRONG) return dd__fail(reason, "%s", message);
    return fail_with_checkpoint(loop, reason, message);
}
