/* epoch.c: one epoch. The device does it by itself (train/step.h); the host starts it, looks at the
 * sums now and then, and measures on the validation set.
 */
#include <math.h>

#include "base/clock.h"
#include "base/log.h"
#include "train/loop.h"

enum { CHECKPOINT_SECONDS = 60 };

static void report(const dd__loop *loop, const dd_epoch *e, uint32_t step, bool epoch_done) {
    const dd_train_options *o = &loop->settled.options;
    if (!o->progress) return;
    double finished = (double)loop->at.done * loop->steps + (epoch_done ? 0 : step);
    double seconds = loop->at.trained + (epoch_done ? 0 : e->seconds);
    double all = (double)o->epochs * loop->steps;
    o->progress(o->context, &(dd_train_progress){.epoch = e->epoch,
                                                 .epochs = o->epochs,
                                                 .step = step,
                                                 .steps = loop->steps,
                                                 .epoch_done = epoch_done,
                                                 .learning_rate = e->learning_rate,
                                                 .loss = e->loss,
                                                 .accuracy = e->accuracy,
                                                 .validation_loss = e->validation_loss,
                                                 .validation_accuracy = e->validation_accuracy,
                                                 .images_per_second = e->images_per_second,
                                                 .seconds = seconds,
                                                 .seconds_left = seconds * (all / finished - 1)});
}

/* Waits for the steps so far and takes their sums. */
static dd_status look(dd__loop *loop, dd_epoch *e, double begun, uint32_t position) {
    dd__sums sums;
    dd__step step;
    DD_TRY(dd__plan_read(loop->plan, "sums", &sums, sizeof sums));
    DD_TRY(dd__plan_read(loop->plan, "step", &step, sizeof step));
    e->loss = (double)sums.loss / (double)sums.count;
    e->accuracy = (double)sums.hits / (double)sums.count;
    e->learning_rate = (double)step.learning_rate;
    e->seconds = loop->at.spent + dd__seconds() - begun;
    e->images_per_second = (double)position * loop->batch / e->seconds;
    if (!isfinite(sums.loss))
        return dd__fail(DD_WRONG,
                        "training diverged: the loss is not finite in epoch %u by step %u; a lower "
                        "learning rate than %g may help",
                        e->epoch, position, loop->settled.options.learning_rate);
    loop->at.position = position;
    loop->at.sums = sums;
    return DD_OK;
}

static dd_status save_now(dd__loop *loop, const dd_epoch *e, double *begun) {
    loop->at.spent = e->seconds;
    DD_TRY(dd__checkpoint_save(loop));
    *begun = dd__seconds(); /* saving is not training */
    return DD_OK;
}

/* Runs the steps that are left. The device is left alone for about half a second at a time: waiting
 * costs, but people and Ctrl-C want an answer, and drivers dislike long queues. */
static dd_status run_steps(dd__loop *loop, dd_epoch *e) {
    double begun = dd__seconds();
    uint32_t first = loop->at.position, interval = 1, looked = first;
    for (uint32_t step = first + 1; step <= loop->steps; step++) {
        DD_TRY(dd__plans_step(loop));
        if (step - looked < interval && step < loop->steps) continue;
        DD_TRY(look(loop, e, begun, step));
        report(loop, e, step, false);
        looked = step;
        double a_step = (e->seconds - loop->at.spent) / (step - first);
        interval = a_step > 0.5 ? 1 : (uint32_t)(0.5 / a_step);
        if (step == loop->steps) break;
        if (dd__interrupted()) {
            loop->at.spent = e->seconds;
            return dd__fail(DD_INTERRUPTED, "interrupted in epoch %u after %u of %u steps",
                            e->epoch, step, loop->steps);
        }
        if (loop->settled.options.output && dd__seconds() - loop->saved > CHECKPOINT_SECONDS) {
            DD_TRY(save_now(loop, e, &begun));
            first = step;
        }
    }
    return DD_OK;
}

static dd_status validate(dd__loop *loop, dd_epoch *e) {
    const dd__step start = {.count = (uint32_t)loop->validation.count};
    dd__sums sums;
    e->validation_loss = e->validation_accuracy = (double)NAN;
    if (loop->averaged) DD_TRY(dd__average_take(loop));
    if (!loop->measure) return DD_OK;
    if (loop->averaged) DD_TRY(dd__load_parameters(loop->measure, loop->averaged));
    dd__plan_parameters_changed(loop->measure);
    DD_TRY(dd__set_step(loop->measure, &start, NULL));
    for (size_t done = 0; done < loop->validation.count; done += loop->micro)
        DD_TRY(dd__plan_run(loop->measure));
    DD_TRY(dd__plan_read(loop->measure, "sums", &sums, sizeof sums));
    e->validation_loss = (double)sums.loss / (double)sums.count;
    e->validation_accuracy = (double)sums.hits / (double)sums.count;
    if (isfinite(e->validation_loss)) return DD_OK;
    return dd__fail(DD_WRONG, "training diverged: the validation loss is not finite in epoch %u",
                    e->epoch);
}

static dd_status set_step(const dd__loop *loop, uint32_t epoch) {
    const dd__standing *at = &loop->at;
    uint64_t seed = loop->settled.options.seed;
    const dd__step step = {.seed_low = (uint32_t)seed,
                           .seed_high = (uint32_t)(seed >> 32),
                           .step = (uint32_t)at->done * loop->steps + at->position,
                           .epoch = epoch,
                           .position = at->position * loop->batch,
                           .count = (uint32_t)loop->training.count,
                           .base_rate = (float)at->schedule.rate,
                           .parts = loop->batch / loop->micro};
    return dd__set_step(loop->plan, &step, &at->sums);
}

dd_status dd__epoch_run(dd__loop *loop) {
    dd__standing *at = &loop->at;
    dd_epoch *e = &at->history[at->done];
    *e = (dd_epoch){.epoch = (unsigned)at->done + 1,
                    .validation_loss = (double)NAN,
                    .validation_accuracy = (double)NAN};
    DD_TRY(set_step(loop, e->epoch));
    DD_TRY(run_steps(loop, e));
    DD_TRY(validate(loop, e));
    bool validated = loop->measure != NULL;
    dd__schedule_epoch(&loop->settled.schedule, e->epoch, validated ? e->validation_loss : e->loss,
                       &at->schedule);
    at->trained += e->seconds;
    at->position = 0;
    at->sums = (dd__sums){0};
    at->spent = 0;
    at->done++;
    report(loop, e, loop->steps, true);
    return DD_OK;
}
