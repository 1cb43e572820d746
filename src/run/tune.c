/* dd_tune: which implementation of each of a model's ops is fastest on a device. Each is judged for
 * its results on a small batch first; only those that are right are timed, at the batch asked for,
 * and the fastest goes to the tuning file (tune/tuning.h).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "check/check.h"
#include "plan/choose.h"
#include "run/predict.h"
#include "train/step.h"
#include "tune/tuning.h"

enum { JUDGED_BATCH = 2, TIMED_RUNS = 5 };
static const double judged_tolerance =
    1e-3; /* relative; float sums of a few thousand terms stay below */

typedef struct tuning_job {
    dd_device *device;
    double ends;
    size_t tuned; /* nodes so far */
    dd_tune_function *function;
    void *context;
} tuning_job;

/* A case with this node's op, attributes and dims. */
static dd__case case_of(const dd__node *node) {
    dd__case c = {.op = node->op->name,
                  .name = node->name,
                  .attributes = node->attributes,
                  .tolerance = judged_tolerance,
                  .why = "float sums"};
    for (size_t i = 0; i < node->in_count; i++) {
        if (!node->in[i]) continue;
        c.in[i].data = DD__DATA_NORMAL;
        c.in[i].dims = node->in[i]->dims;
    }
    return c;
}

/* Ops with whole-number inputs have one implementation a class, or none worth a choice; a case holds
 * so many inputs and outputs and no more. */
static bool worth_tuning(const dd_device *device, const dd__node *node) {
    size_t fitting = 0;
    if (!node->op->implementations || node->op->mutates) return false;
    if (node->in_count > DD__CASE_INPUTS || node->op->outputs > DD__CASE_OUTPUTS) return false;
    for (size_t i = 0; i < node->in_count; i++)
        if (node->in[i] && node->in[i]->type != DD__F32) return false;
    for (const dd__implementation *const *i = node->op->implementations; *i; i++)
        fitting += dd__refusal(device, node, *i) == NULL;
    return fitting > 1;
}

static int by_size(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

/* Median of a few runs after one that does not count. */
static dd_status time_runs(dd_device *device, dd__plan *plan, double *seconds) {
    double times[TIMED_RUNS + 1];
    for (size_t i = 0; i <= TIMED_RUNS; i++) {
        double begun = dd__seconds();
        DD_TRY(dd__plan_run(plan));
        DD_TRY(dd__device_finish(device));
        times[i] = dd__seconds() - begun;
    }
    qsort(times + 1, TIMED_RUNS, sizeof *times, by_size);
    *seconds = times[1 + TIMED_RUNS / 2];
    return DD_OK;
}

static dd_status time_implementation(dd_device *device, const dd__case *c,
                                     const dd__implementation *implementation, double *seconds) {
    dd__case_graph built;
    dd__plan *plan;
    DD_TRY(dd__case_build(c, false, &built));
    built.node->forced = implementation;
    DD_TRY(dd__plan_create(device, built.graph, NULL, 0, &plan));
    dd_status status = dd__case_write(c, &built, plan, 0);
    if (status == DD_OK) status = time_runs(device, plan, seconds);
    dd__plan_free(plan);
    return status;
}

/* `small` is the same node at JUDGED_BATCH. */
static dd_status tune_node(tuning_job *job, const dd__node *node, const dd__node *small) {
    dd__case timed = case_of(node), judged = case_of(small);
    const dd__implementation *best = NULL;
    double best_seconds = 0;
    char shape[512];
    dd__tuning_shape(node, shape, sizeof shape);
    for (const dd__implementation *const *i = node->op->implementations; *i; i++) {
        double seconds = 0;
        if (dd__refusal(job->device, node, *i)) continue;
        if (dd__check_forward(job->device, &judged, (*i)->name, NULL) != DD_OK ||
            time_implementation(job->device, &timed, *i, &seconds) != DD_OK) {
            dd__log(DD_LOG_WARNING, "tune: %s of %s is passed over: %s", (*i)->name, node->op->name,
                    dd_message());
            continue;
        }
        if (job->function)
            job->function(job->context, node->op->name, shape, (*i)->name, seconds, false);
        if (!best || seconds < best_seconds) {
            best = *i;
            best_seconds = seconds;
        }
    }
    job->tuned++;
    if (!best) return DD_OK;
    if (job->function)
        job->function(job->context, node->op->name, shape, best->name, best_seconds, true);
    return dd__tuning_keep(job->device, node, best, best_seconds);
}

/* Nodes that have a choice already, or none, as `chosen` says. */
static dd_status tune_nodes(tuning_job *job, const dd__graph *graph, const dd__graph *small,
                            bool chosen) {
    for (size_t i = 0; i < graph->node_count; i++) {
        const dd__node *node = graph->nodes[i];
        if (dd__interrupted())
            return dd__fail(DD_INTERRUPTED, "interrupted; what is known is kept");
        if (dd__seconds() > job->ends) return DD_OK;
        if (worth_tuning(job->device, node) &&
            (dd__tuning_find(job->device, node) != NULL) == chosen)
            DD_TRY(tune_node(job, node, small->nodes[i]));
    }
    return DD_OK;
}

static dd_status training_graph(const dd_device *device, const dd_model *model, uint32_t batch,
                                dd__graph **graph) {
    const dd__optimizer *adam;
    DD_TRY(dd__optimizer_find("adam", &adam));
    const dd__training training = {
        .count = batch, .batch = batch, .seed = 1, .optimizer = adam, .settings = adam->settings};
    return dd__training_graph(model, &training, device, graph);
}

/* The forward nodes of a training step are those of inference, so one graph has all. */
dd_status dd_tune(dd_device *device, const dd_model *model, unsigned batch, double seconds,
                  dd_tune_function *function, void *context) {
    dd_status status = DD_OK;
    dd__graph *graph = NULL, *small = NULL;
    tuning_job job = {.device = device,
                      .ends = dd__seconds() + (seconds > 0 ? seconds : 60),
                      .function = function,
                      .context = context};
    DD_TRY_OUT(training_graph(device, model, batch ? batch : 128, &graph));
    DD_TRY_OUT(training_graph(device, model, JUDGED_BATCH, &small));
    /* first what an earlier call had no time for; once all is known, everything anew */
    DD_TRY_OUT(tune_nodes(&job, graph, small, false));
    if (job.tuned == 0) DD_TRY_OUT(tune_nodes(&job, graph, small, true));
out:
    dd__graph_free(graph);
    dd__graph_free(small);
    return status;
}
