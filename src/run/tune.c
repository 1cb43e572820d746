/* dd_tune: which implementation and settings of each of a model's ops are fastest on a device. What
 * takes longest comes first; nodes that are alike are searched once (run/search.h) and the outcome
 * goes to the tuning file (tune/tuning.h) after each, so that nothing is lost and the next call goes
 * on there.
 */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "plan/choose.h"
#include "run/predict.h"
#include "run/search.h"
#include "train/step.h"

enum { JUDGED_BATCH = 2, PROFILED_RUNS = 2 };

/* Nodes that are alike. */
typedef struct item {
    const dd__node *node, *small; /* the first of them; the same at JUDGED_BATCH */
    unsigned training, inference; /* how many in a training step, in inference */
    double seconds;               /* of both, as profiled */
} item;

typedef struct job {
    dd__tuner tuner;
    const dd_tune_options *options;
    uint32_t batch;
    dd__graph *graphs[2], *small[2]; /* of training, of inference */
    item *items;                     /* (count) */
    size_t count;
} job;

static dd_status make_graph(const dd_device *device, const dd_model *model, uint32_t batch,
                            bool training, dd__graph **graph) {
    const dd__optimizer *adam;
    if (!training) return dd__inference_graph(model, batch, device, graph);
    DD_TRY(dd__optimizer_find("adam", &adam));
    return dd__training_graph(model,
                              &(dd__training){.count = batch,
                                              .batch = batch,
                                              .seed = 1,
                                              .optimizer = adam,
                                              .settings = adam->settings},
                              device, graph);
}

/* ---- What there is to tune ------------------------------------------------------------ */

static bool alike(const dd__node *a, const dd__node *b) {
    char these[DD__TUNING_SHAPE], those[DD__TUNING_SHAPE];
    return a->op == b->op && strcmp(dd__tuning_shape(a, these, sizeof these),
                                    dd__tuning_shape(b, those, sizeof those)) == 0;
}

static void add_node(job *j, const dd__node *node, const dd__node *small, bool training,
                     double seconds) {
    size_t i = 0;
    while (i < j->count && !alike(j->items[i].node, node)) i++;
    if (i == j->count) j->items[j->count++] = (item){.node = node, .small = small};
    j->items[i].training += training;
    j->items[i].inference += !training;
    j->items[i].seconds += seconds;
}

/* How long each node takes now; which data it works on does not matter. */
static dd_status profile(dd_device *device, dd__graph *graph, dd__node_time *times) {
    dd__plan *plan;
    bool training = graph->training;
    DD_TRY(dd__plan_create(device, graph, NULL, 0, &plan));
    dd_status status = DD_OK;
    for (int i = 0; i < PROFILED_RUNS && status == DD_OK; i++) {
        if (training) status = dd__set_step(plan, &(dd__step){.seed_low = 1, .count = 1}, NULL);
        memset(times, 0, dd__plan_graph(plan)->node_count * sizeof *times); /* the last counts */
        if (status == DD_OK) status = dd__plan_profile(plan, times);
    }
    dd__plan_free(plan);
    return status;
}

static dd_status add_graph(job *j, const dd_model *model, bool training) {
    dd__graph *graph, *profiled, *small;
    dd_device *device = j->tuner.device;
    DD_TRY(make_graph(device, model, j->batch, training, &j->graphs[training]));
    DD_TRY(make_graph(device, model, JUDGED_BATCH, training, &j->small[training]));
    graph = j->graphs[training];
    small = j->small[training];
    item *larger = dd__resize(j->items, j->count + graph->node_count, sizeof *larger);
    if (!larger) return dd__no_memory((j->count + graph->node_count) * sizeof *larger);
    j->items = larger;
    dd__node_time *times = dd__alloc(graph->node_count, sizeof *times);
    if (!times) return dd__no_memory(graph->node_count * sizeof *times);
    dd_status status = make_graph(device, model, j->batch, training, &profiled);
    if (status == DD_OK) status = profile(device, profiled, times);
    for (size_t i = 0; status == DD_OK && i < graph->node_count; i++)
        if (dd__worth_tuning(device, graph->nodes[i]))
            add_node(j, graph->nodes[i], small->nodes[i], training, times[i].seconds);
    dd__free(times);
    return status;
}

static int by_time(const void *a, const void *b) {
    const item *x = a, *y = b;
    if (x->seconds != y->seconds) return x->seconds < y->seconds ? 1 : -1;
    return (x->node->number > y->node->number) - (x->node->number < y->node->number);
}

/* ---- The search ----------------------------------------------------------------------- */

static dd_status tune_item(job *j, const item *it) {
    dd_device *device = j->tuner.device;
    dd__tuning tuning = {0};
    bool known = dd__tuning_find(device, it->node, &tuning);
    if (known && !j->options->again && dd__search_is_complete(&tuning)) return DD_OK;
    if (j->options->again) tuning = (dd__tuning){0};
    DD_TRY(dd__search(&j->tuner, it->node, it->small, &tuning));
    return tuning.choice.implementation ? dd__tuning_keep(device, it->node, &tuning) : DD_OK;
}

static dd_status tune_items(job *j) {
    for (size_t i = 0; i < j->count && !dd__tuner_stops(&j->tuner); i++)
        DD_TRY(tune_item(j, &j->items[i]));
    return DD_OK;
}

/* ---- The report ----------------------------------------------------------------------- */

static void add_total(dd_tune_total *total, unsigned nodes, const dd_tune_row *row) {
    if (!(row->default_seconds > 0)) return;
    total->default_seconds += nodes * row->default_seconds;
    total->tuned_seconds += nodes * row->tuned_seconds;
}

static dd_status add_row(const job *j, const item *it, dd_tune_result *result) {
    char shape[DD__TUNING_SHAPE], choice[DD__CHOICE_TEXT];
    const dd__implementation *standard;
    dd__tuning tuning = {0};
    dd__node copy = *it->node;
    DD_TRY(dd__choose_default(j->tuner.device, &copy, &standard));
    bool known = dd__tuning_find(j->tuner.device, it->node, &tuning);
    dd_tune_row *row = &result->rows[result->row_count++];
    *row = (dd_tune_row){.name = dd__copy_string(it->node->name),
                         .op = it->node->op->name,
                         .shape = dd__copy_string(dd__tuning_shape(it->node, shape, sizeof shape)),
                         .standard = standard->name,
                         .choice =
                             dd__copy_string(known ? dd__choice_print(&tuning.choice, choice) : ""),
                         .default_seconds = tuning.default_seconds,
                         .tuned_seconds = tuning.seconds,
                         .training = it->training,
                         .inference = it->inference,
                         .complete = known && dd__search_is_complete(&tuning)};
    if (!row->name || !row->shape || !row->choice) return dd__no_memory(sizeof shape);
    add_total(&result->training, it->training, row);
    add_total(&result->inference, it->inference, row);
    result->incomplete += !row->complete;
    return DD_OK;
}

static dd_status report(const job *j, dd_tune_result *result) {
    result->measured = j->tuner.measured;
    result->rows = dd__alloc(j->count, sizeof *result->rows);
    if (!result->rows) return dd__no_memory(j->count * sizeof *result->rows);
    for (size_t i = 0; i < j->count; i++) DD_TRY(add_row(j, &j->items[i], result));
    return DD_OK;
}

void dd_tune_result_clear(dd_tune_result *result) {
    for (size_t i = 0; i < result->row_count; i++) {
        dd__free((void *)result->rows[i].name);
        dd__free((void *)result->rows[i].shape);
        dd__free((void *)result->rows[i].choice);
    }
    dd__free(result->rows);
    *result = (dd_tune_result){0};
}

static dd_status tune(job *j, const dd_model *model, dd_tune_result *result) {
    DD_TRY(add_graph(j, model, true));
    DD_TRY(add_graph(j, model, false));
    qsort(j->items, j->count, sizeof *j->items, by_time);
    DD_TRY(tune_items(j));
    DD_TRY(report(j, result));
    return dd__interrupted() ? dd__fail(DD_INTERRUPTED, "interrupted; what is known is kept")
                             : DD_OK;
}

dd_status dd_tune(dd_device *device, const dd_model *model, const dd_tune_options *options,
                  dd_tune_function *function, void *context, dd_tune_result *result) {
    static const dd_tune_options defaults = {0};
    const dd_tune_options *set = options ? options : &defaults;
    job j = {.tuner = {.device = device,
                       .ends = dd__seconds() + (set->seconds > 0 ? set->seconds : 60),
                       .function = function,
                       .context = context},
             .options = set,
             .batch = set->batch ? set->batch : 128};
    *result = (dd_tune_result){0};
    if (dd__device_is_reference(device))
        return dd__fail(DD_USAGE, "the reference has nothing to tune: it computes in one way");
    dd__device_try_programs(device, true); /* most candidates lose */
    dd_status status = tune(&j, model, result);
    dd__device_try_programs(device, false);
    for (size_t i = 0; i < 2; i++) {
        dd__graph_free(j.graphs[i]);
        dd__graph_free(j.small[i]);
    }
    dd__free(j.items);
    return status;
}
