/* plans.c: the plans of a training, and how many images of a batch they compute at a time: all, where
 * that fits into memory; else the most that do, found by planning alone.
 */
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "check/check.h"
#include "train/loop.h"

static dd__training training_of(const dd__loop *loop, uint32_t micro) {
    const dd__settled *s = &loop->settled;
    return (dd__training){.count = loop->training.count,
                          .batch = loop->batch,
                          .micro = micro,
                          .seed = s->options.seed,
                          .optimizer = s->optimizer,
                          .settings = s->settings,
                          .learning_rate = dd__schedule_node(&s->schedule, s->options.learning_rate,
                                                             s->options.epochs, loop->steps),
                          .augment = s->augment,
                          .average = (float)s->options.average,
                          .smoothing = (float)s->options.label_smoothing,
                          .distill = s->distill,
                          .frozen = loop->frozen};
}

/* ---- How many fit ------------------------------------------------------------------------- */

/* What a plan is given; the last two by the teacher's, where there is one. */
static const dd__binding given[] = {
    {"images", NULL}, {"labels", NULL}, {"step", NULL}, {"targets", NULL}};
enum { EXAMPLES = 2, ALL_GIVEN = DD_COUNT(given) };
static size_t count_given(const dd__loop *loop) { return loop->teacher ? ALL_GIVEN : EXAMPLES; }

/* What a plan of `graph` takes; frees that. */
static dd_status add_need(const dd__loop *loop, dd__graph *graph, const dd__binding *bound,
                          size_t count, dd__need *sum) {
    dd__need need, before = *sum;
    dd_status status = dd__plan_need(loop->device, graph, bound, count, &need);
    dd__graph_free(graph);
    DD_TRY(status);
    if (before.largest < need.largest) *sum = need;
    sum->bytes = before.bytes + need.bytes;
    return DD_OK;
}

static dd_status add_step(const dd__loop *loop, uint32_t micro, dd__need *need) {
    static const dd__binding bound[] = {{"parameters", NULL}, {"gradients", NULL}, {"step", NULL}};
    const dd__training training = training_of(loop, micro);
    dd__graph *graph, *update = NULL;
    DD_TRY(dd__training_graph(loop->model, &training, loop->device, &graph));
    dd_status status = DD_OK;
    if (micro < loop->batch) status = dd__update_graph(&training, graph, &update);
    if (update) status = add_need(loop, update, bound, DD_COUNT(bound), need);
    if (status == DD_OK) return add_need(loop, graph, given, count_given(loop), need);
    dd__graph_free(graph);
    return status;
}

static dd_status add_teacher(const dd__loop *loop, uint32_t micro, dd__need *need) {
    const dd__training training = training_of(loop, micro);
    dd__graph *graph;
    if (!loop->teacher) return DD_OK;
    DD_TRY(dd__teacher_graph(loop->teacher, &training, loop->device, &graph));
    return add_need(loop, graph, given, EXAMPLES, need);
}

static dd_status add_measuring(const dd__loop *loop, uint32_t micro, dd__need *need) {
    static const dd__binding bound[] = {
        {"images", NULL}, {"labels", NULL}, {"parameters", NULL}, {"statistics", NULL}};
    size_t shared = loop->settled.options.average > 0 ? 2 : DD_COUNT(bound);
    dd__graph *graph;
    if (loop->validation.count == 0) return DD_OK;
    DD_TRY(dd__measuring_graph(loop->model, loop->validation.count, micro, loop->frozen,
                               loop->device, &graph));
    return add_need(loop, graph, bound, shared, need);
}

static dd_status add_average(const dd__loop *loop, uint32_t micro, dd__need *need) {
    dd__graph *graph;
    if (loop->settled.options.average <= 0) return DD_OK;
    DD_TRY(dd__average_graph(loop, micro, &graph));
    if (!graph) return DD_OK;
    return add_need(loop, graph, given, EXAMPLES, need);
}

/* Of all plans of the training. */
static dd_status need_of(const dd__loop *loop, uint32_t micro, dd__need *need) {
    *need = (dd__need){0};
    DD_TRY(add_teacher(loop, micro, need));
    DD_TRY(add_step(loop, micro, need));
    DD_TRY(add_measuring(loop, micro, need));
    return add_average(loop, micro, need);
}

/* Whether there is a batch norm that normalises by the images at hand. */
static bool sees_batches(const dd__loop *loop) {
    for (size_t i = 0; i < loop->model->layer_count; i++)
        if (strcmp(loop->model->layers[i].op, "batch_norm") == 0 &&
            !(loop->frozen && loop->frozen[i]))
            return true;
    return false;
}

/* `reason`: why not more at a time; "": nothing was refused. */
static void tell(const dd__loop *loop, const char *reason) {
    if (loop->micro == loop->batch) return;
    dd__log(DD_LOG_INFO, "the %u images of a step are computed %u at a time%s: %s", loop->batch,
            loop->micro, sees_batches(loop) ? ", which are all that batch norm sees" : "",
            *reason                        ? reason
            : loop->settled.options.resume ? "as before"
                                           : "as asked for");
}

dd_status dd__plans_fit(dd__loop *loop) {
    char reason[512] = "";
    uint32_t micro = loop->micro && loop->micro < loop->batch ? loop->micro : loop->batch;
    for (; micro > 0; micro--) {
        dd__need need;
        if (loop->batch % micro) continue;
        DD_TRY(need_of(loop, micro, &need));
        if (dd__device_fits(loop->device, &need) == DD_OK) {
            loop->micro = micro;
            tell(loop, reason);
            return DD_OK;
        }
        if (!*reason) snprintf(reason, sizeof reason, "%s", dd_message());
    }
    return dd__fail(DD_MEMORY, "not even one image at a time can be trained on: %s", dd_message());
}

/* ---- The plans ---------------------------------------------------------------------------- */

static dd_status make_teacher(dd__loop *loop, const dd__training *training) {
    const dd__binding examples[] = {{"images", loop->training.images},
                                    {"labels", loop->training.labels}};
    dd__graph *graph;
    DD_TRY(dd__teacher_graph(loop->teacher, training, loop->device, &graph));
    DD_TRY(dd__verified_plan(loop->device, graph, examples, DD_COUNT(examples), &loop->teach));
    return dd__load_parameters(loop->teach, loop->teacher);
}

static dd_status make_step(dd__loop *loop, const dd__training *training) {
    dd__binding examples[ALL_GIVEN] = {{"images", loop->training.images},
                                       {"labels", loop->training.labels}};
    dd__graph *graph;
    for (size_t i = EXAMPLES; i < count_given(loop); i++)
        examples[i] = (dd__binding){given[i].name, dd__plan_buffer(loop->teach, given[i].name)};
    DD_TRY(dd__training_graph(loop->model, training, loop->device, &graph));
    DD_TRY(dd__verified_plan(loop->device, graph, examples, count_given(loop), &loop->plan));
    return dd__load_parameters(loop->plan, loop->model);
}

static dd_status make_update(dd__loop *loop, const dd__training *training) {
    dd__graph *graph;
    DD_TRY(dd__update_graph(training, dd__plan_graph(loop->plan), &graph));
    const dd__binding shared[] = {{"parameters", dd__plan_buffer(loop->plan, "parameters")},
                                  {"gradients", dd__plan_buffer(loop->plan, "gradient_sums")},
                                  {"step", dd__plan_buffer(loop->plan, "step")}};
    return dd__verified_plan(loop->device, graph, shared, DD_COUNT(shared), &loop->update);
}

static dd_status make_measure(dd__loop *loop) {
    dd__graph *graph;
    DD_TRY(dd__measuring_graph(loop->model, loop->validation.count, loop->micro, loop->frozen,
                               loop->device, &graph));
    const dd__binding shared[] = {{"images", loop->validation.images},
                                  {"labels", loop->validation.labels},
                                  {"parameters", dd__plan_buffer(loop->plan, "parameters")},
                                  {"statistics", dd__plan_buffer(loop->plan, "statistics")}};
    size_t count = loop->settled.options.average > 0 ? 2 : shared[3].buffer ? 4 : 3;
    return dd__verified_plan(loop->device, graph, shared, count, &loop->measure);
}

dd_status dd__plans_make(dd__loop *loop) {
    const dd__training training = training_of(loop, loop->micro);
    if (loop->teacher) DD_TRY(make_teacher(loop, &training));
    DD_TRY(make_step(loop, &training));
    if (loop->micro < loop->batch) DD_TRY(make_update(loop, &training));
    if (training.average > 0) DD_TRY(dd__average_prepare(loop));
    return loop->validation.count ? make_measure(loop) : DD_OK;
}

void dd__plans_free(dd__loop *loop) {
    dd__plan_free(loop->statistics);
    dd__plan_free(loop->measure);
    dd__plan_free(loop->update);
    dd__plan_free(loop->plan);
    dd__plan_free(loop->teach);
}

/* ---- Running ------------------------------------------------------------------------------ */

dd_status dd__plans_step(dd__loop *loop) {
    for (uint32_t done = 0; done < loop->batch; done += loop->micro) {
        if (loop->teach) DD_TRY(dd__plan_run(loop->teach));
        DD_TRY(dd__plan_run(loop->plan));
    }
    if (!loop->update) return DD_OK;
    dd__plan_parameters_changed(loop->plan);
    return dd__plan_run(loop->update);
}

dd__plan *dd__plans_holder(const dd__loop *loop, const char *state) {
    bool updates = loop->update && dd__graph_find(dd__plan_graph(loop->update), state);
    return updates ? loop->update : loop->plan;
}
