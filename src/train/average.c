/* average.c: the exponential moving average of a training's parameters (src/ops/optimizer.c), made a model.
 *
 * An average of weights is a network whose activations no batch has seen, so batch norm's running
 * values are taken anew: as the mean over images as they are, which is also how it will be used. (On
 * MNIST that matters as much as the average itself: ../docs/notes.md.)
 */
#include <string.h>

#include "check/check.h"
#include "train/loop.h"

enum { IMAGES = 10000 }; /* that batch norm's values are taken from, at most */

static bool is_batch_norm(const dd_model *model, size_t layer) {
    return strcmp(model->layers[layer].op, "batch_norm") == 0;
}

/* Which layers do not learn statistics: all but trained batch norm. How many do. */
static size_t mark_others(const dd__loop *loop, bool *others) {
    size_t left = 0;
    for (size_t i = 0; i < loop->model->layer_count; i++) {
        others[i] = !is_batch_norm(loop->model, i) || (loop->frozen && loop->frozen[i]);
        left += !others[i];
    }
    return left;
}

/* Batches that hold so many. */
static uint32_t count_runs(const dd__loop *loop) {
    size_t images = loop->training.count < IMAGES ? loop->training.count : IMAGES;
    return images < loop->micro ? 1 : (uint32_t)(images / loop->micro);
}

dd_status dd__average_graph(const dd__loop *loop, uint32_t micro, dd__graph **graph) {
    *graph = NULL;
    bool *others = dd__alloc(loop->model->layer_count, sizeof *others);
    if (!others) return dd__no_memory(loop->model->layer_count);
    dd_status status = DD_OK;
    if (mark_others(loop, others) > 0)
        status = dd__statistics_graph(loop->model, loop->training.count, micro, others, graph);
    dd__free(others);
    return status;
}

dd_status dd__average_prepare(dd__loop *loop) {
    dd__graph *graph;
    const dd__binding examples[] = {{"images", loop->training.images},
                                    {"labels", loop->training.labels}};
    DD_TRY(dd__model_twin(loop->model, &loop->averaged));
    DD_TRY(dd__average_graph(loop, loop->micro, &graph));
    if (!graph) return DD_OK;
    return dd__verified_plan(loop->device, graph, examples, DD_COUNT(examples), &loop->statistics);
}

static dd_status take_statistics(dd__loop *loop) {
    const dd__step start = {.count = (uint32_t)loop->training.count, .parts = count_runs(loop)};
    DD_TRY(dd__load_parameters(loop->statistics, loop->averaged));
    DD_TRY(dd__plan_write(loop->statistics, "step", &start, sizeof start));
    for (uint32_t run = 0; run < start.parts; run++) DD_TRY(dd__plan_run(loop->statistics));
    return dd__fetch_parameters(loop->statistics, loop->averaged);
}

dd_status dd__average_take(dd__loop *loop) {
    dd__plan *holder = dd__plans_holder(loop, "average");
    DD_TRY(dd__fetch_as_parameters(loop->plan, holder, "average", loop->averaged));
    return loop->statistics ? take_statistics(loop) : DD_OK;
}
