/* dd_dataset_augment: the batches of a training, kept as pixels. */
#include <math.h>

#include "check/check.h"
#include "ops/ops.h"
#include "train/options.h"
#include "train/step.h"

enum { BATCH = 256 };

static dd_status build(dd_device *device, const dd__examples *examples, const dd_dataset *data,
                       const dd__augment *augment, dd__plan **plan) {
    dd_status status;
    dd__graph *graph;
    dd__value *x, *labels;
    const dd__gather gather = {.batch = BATCH, .scale = {1}, .augment = *augment};
    const dd__dims image = DD_DIMS(data->height, data->width, data->channels);
    const dd__binding bound[] = {{"images", examples->images}, {"labels", examples->labels}};
    DD_TRY(dd__graph_create(false, 0, &graph));
    DD_TRY_OUT(dd__add_batch(graph, data->count, &image, &gather, &x, &labels));
    DD_TRY_OUT(dd__graph_output(graph, x, "x"));
    return dd__verified_plan(device, graph, bound, 2, plan);
out:
    dd__graph_free(graph);
    return status;
}

static dd_status fill(dd__plan *plan, uint64_t seed, unsigned epoch, dd_dataset *out, float *x) {
    size_t size = (size_t)out->height * out->width * out->channels;
    for (size_t done = 0; done < out->count; done += BATCH) {
        size_t some = out->count - done < BATCH ? out->count - done : BATCH;
        const dd__step step = {.seed_low = (uint32_t)seed,
                               .seed_high = (uint32_t)(seed >> 32),
                               .epoch = epoch,
                               .position = (uint32_t)done,
                               .count = (uint32_t)out->count};
        DD_TRY(dd__plan_write(plan, "step", &step, sizeof step));
        DD_TRY(dd__plan_run(plan));
        DD_TRY(dd__plan_read(plan, "x", x, some * size * sizeof *x));
        for (size_t i = 0; i < some * size; i++)
            out->pixels[done * size + i] = (uint8_t)fmaxf(0, fminf(255, x[i] + 0.5f));
    }
    return DD_OK;
}

dd_status dd_dataset_augment(dd_device *device, const dd_dataset *data, const char *augment,
                             uint64_t seed, unsigned epoch, dd_dataset **out) {
    dd__augment ranges;
    dd__examples examples = {0};
    dd__plan *plan = NULL;
    dd_dataset *made = NULL;
    size_t numbers = (size_t)BATCH * data->height * data->width * data->channels;
    DD_TRY(dd__augment_parse(augment, &ranges));
    float *x = dd__alloc(numbers, sizeof *x);
    dd_status status = x ? DD_OK : dd__no_memory(numbers * sizeof *x);
    if (status != DD_OK) goto out;
    DD_TRY_OUT(dd__dataset_copy(data, &made));
    DD_TRY_OUT(dd__examples_upload(device, data, &examples));
    DD_TRY_OUT(build(device, &examples, data, &ranges, &plan));
    DD_TRY_OUT(fill(plan, seed, epoch, made, x));
    *out = made;
    made = NULL;
out:
    dd__plan_free(plan);
    dd__examples_free(&examples);
    dd_dataset_free(made);
    dd__free(x);
    return status;
}
