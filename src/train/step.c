#include "train/step.h"

#include <math.h>
#include <string.h>

#include "ops/ops.h"
#include "plan/differentiate.h"
#include "plan/fuse.h"
#include "plan/half.h"

dd_status dd__add_batch(dd__graph *graph, size_t count, const dd__dims *image,
                        const dd__gather *gather, dd__value **x, dd__value **labels) {
    if (count > INT32_MAX) return dd__fail(DD_SHAPE, "%zu examples are more than fit", count);
    uint32_t n = (uint32_t)count;
    dd__value *in[3];
    DD_TRY(dd__graph_state(graph, "images", DD__U8,
                           DD_DIMS(n, image->d[0], image->d[1], image->d[2]), &in[0]));
    DD_TRY(dd__graph_state(graph, "labels", DD__I32, DD_DIMS(n), &in[1]));
    DD_TRY(dd__graph_step(graph, &in[2]));
    return dd__graph_add(graph, &dd__op_gather, "batch", gather, in, 3,
                         (dd__value * *[]){x, labels}, 2);
}

static dd__dims image_of(const dd_model *model) {
    return DD_DIMS(model->height, model->width, model->channels);
}

/* From the network's logits to the sums; *loss is each example's. */
static dd_status add_loss(dd__graph *graph, dd__value *logits, dd__value *labels, float smoothing,
                          const dd__distill *distill, dd__value **loss) {
    dd__value *hit, *sums;
    dd__cross_entropy attributes = {.smoothing = smoothing};
    DD_TRY(dd__graph_add(graph, &dd__op_cross_entropy, "loss", &attributes,
                         (dd__value *[]){logits, labels}, 2, (dd__value * *[]){loss, &hit}, 2));
    if (distill->share > 0) DD_TRY(dd__distill_loss(graph, distill, logits, loss));
    DD_TRY(dd__graph_state(graph, "sums", DD__F32, DD_DIMS(4), &sums));
    return dd__graph_add(graph, &dd__op_metrics, "metrics", NULL,
                         (dd__value *[]){*loss, hit, labels, sums}, 4, NULL, 0);
}

static dd_status add_advance(dd__graph *graph, uint32_t batch) {
    dd__gather advance = {.batch = (int32_t)batch};
    return dd__graph_add(graph, &dd__op_advance, "advance", &advance, &graph->step, 1, NULL, 0);
}

/* Of the batch's mean loss, also where this is only a part of the batch. */
static dd_status add_gradients(dd__graph *graph, const dd__training *training, dd__value *loss,
                               dd__value **gradients) {
    dd__value *share;
    dd__fill mean = {.value = 1.0f / (float)training->batch};
    DD_TRY(dd__graph_add1(graph, &dd__op_fill, "mean", &mean, &loss, 1, &share));
    return dd__graph_gradients(graph, loss, share, gradients);
}

static dd_status add_average(dd__graph *graph, float decay) {
    dd__value *average;
    DD_TRY(dd__graph_state(graph, "average", DD__F32, graph->parameters->dims, &average));
    return dd__graph_add(graph, &dd__op_average, "average", &(dd__average){.decay = decay},
                         (dd__value *[]){average, graph->parameters, graph->step}, 3, NULL, 0);
}

static dd_status add_update(dd__graph *graph, const dd__training *training, dd__value *gradients,
                            uint32_t advance) {
    DD_TRY(dd__graph_add(graph, &dd__op_learning_rate, "learning_rate", &training->learning_rate,
                         &graph->step, 1, NULL, 0));
    DD_TRY(dd__optimizer_add(training->optimizer, graph, &training->settings, gradients));
    if (training->average > 0) DD_TRY(add_average(graph, training->average));
    return add_advance(graph, advance);
}

static dd_status add_next_part(dd__graph *graph, uint32_t micro) {
    dd__gather part = {.batch = (int32_t)micro};
    return dd__graph_add(graph, &dd__op_next_part, "next_part", &part, &graph->step, 1, NULL, 0);
}

static dd_status add_accumulate(dd__graph *graph, uint32_t micro, dd__value *gradients) {
    dd__value *sums;
    DD_TRY(dd__graph_state(graph, "gradient_sums", DD__F32, gradients->dims, &sums));
    DD_TRY(dd__graph_add(graph, &dd__op_accumulate, "accumulate", NULL,
                         (dd__value *[]){sums, gradients, graph->step}, 3, NULL, 0));
    return add_next_part(graph, micro);
}

/* Images as the model is used to them. */
static void prepare(const dd_model *model, dd__gather *gather) {
    gather->channels = (int32_t)model->preparation.channels;
    memcpy(gather->scale, model->preparation.scale, sizeof gather->scale);
    memcpy(gather->shift, model->preparation.shift, sizeof gather->shift);
}

static uint32_t images_of_a_run(const dd__training *training) {
    return training->micro ? training->micro : training->batch;
}

static dd__gather gather_for(const dd_model *model, const dd__training *training) {
    dd__gather gather = {
        .batch = (int32_t)images_of_a_run(training), .shuffle = true, .augment = training->augment};
    prepare(model, &gather);
    return gather;
}

dd_status dd__training_graph(const dd_model *model, const dd__training *training,
                             const dd_device *device, dd__graph **out) {
    dd_status status = DD_OK;
    dd__graph *graph = NULL;
    dd__value *x, *labels, *logits, *y, *loss, *gradients;
    const uint32_t micro = images_of_a_run(training);
    const dd__gather gather = gather_for(model, training);
    DD_TRY(dd__graph_create(true, training->seed, &graph));
    const dd__dims image = image_of(model);
    DD_TRY_OUT(dd__add_batch(graph, training->count, &image, &gather, &x, &labels));
    DD_TRY_OUT(dd__model_build(model, graph, x, training->frozen, &logits, &y));
    DD_TRY_OUT(add_loss(graph, logits, labels, training->smoothing, &training->distill, &loss));
    DD_TRY_OUT(dd__graph_fuse(graph, device));
    DD_TRY_OUT(add_gradients(graph, training, loss, &gradients));
    DD_TRY_OUT(micro < training->batch ? add_accumulate(graph, micro, gradients)
                                       : add_update(graph, training, gradients, micro));
    *out = graph;
out:
    if (status != DD_OK) dd__graph_free(graph);
    return status;
}

dd_status dd__teacher_graph(const dd_model *teacher, const dd__training *training,
                            const dd_device *device, dd__graph **out) {
    dd_status status = DD_OK;
    dd__graph *graph = NULL;
    dd__value *x, *labels, *logits, *y;
    const dd__gather gather = gather_for(teacher, training);
    DD_TRY(dd__graph_create(false, training->seed, &graph));
    const dd__dims image = image_of(teacher);
    DD_TRY_OUT(dd__add_batch(graph, training->count, &image, &gather, &x, &labels));
    DD_TRY_OUT(dd__model_build(teacher, graph, x, NULL, &logits, &y));
    DD_TRY_OUT(dd__distill_targets(graph, &training->distill, logits));
    DD_TRY_OUT(dd__graph_fuse(graph, device));
    DD_TRY_OUT(dd__graph_halve(graph, device));
    *out = graph;
out:
    if (status != DD_OK) dd__graph_free(graph);
    return status;
}

dd_status dd__update_graph(const dd__training *training, const dd__graph *part, dd__graph **out) {
    dd_status status = DD_OK;
    dd__graph *graph = NULL;
    dd__value *gradients, *step;
    DD_TRY(dd__graph_create(true, training->seed, &graph));
    DD_TRY_OUT(dd__graph_parameters_of(graph, part));
    DD_TRY_OUT(dd__graph_step(graph, &step));
    DD_TRY_OUT(dd__graph_state(graph, "gradients", DD__F32, graph->parameters->dims, &gradients));
    DD_TRY_OUT(add_update(graph, training, gradients, 0)); /* the parts have moved the position */
    *out = graph;
out:
    if (status != DD_OK) dd__graph_free(graph);
    return status;
}

dd_status dd__measuring_graph(const dd_model *model, size_t count, uint32_t batch,
                              const bool *frozen, const dd_device *device, dd__graph **out) {
    dd_status status = DD_OK;
    dd__graph *graph = NULL;
    dd__value *x, *labels, *logits, *y, *loss;
    dd__gather gather = {.batch = (int32_t)batch};
    prepare(model, &gather);
    DD_TRY(dd__graph_create(false, 0, &graph));
    const dd__dims image = image_of(model);
    DD_TRY_OUT(dd__add_batch(graph, count, &image, &gather, &x, &labels));
    DD_TRY_OUT(dd__model_build(model, graph, x, frozen, &logits, &y));
    DD_TRY_OUT(add_loss(graph, logits, labels, 0, &(dd__distill){0}, &loss));
    DD_TRY_OUT(add_advance(graph, batch));
    DD_TRY_OUT(dd__graph_fuse(graph, device));
    DD_TRY_OUT(dd__graph_halve(graph, device));
    *out = graph;
out:
    if (status != DD_OK) dd__graph_free(graph);
    return status;
}

dd_status dd__statistics_graph(const dd_model *model, size_t count, uint32_t batch,
                               const bool *frozen, dd__graph **out) {
    dd_status status = DD_OK;
    dd__graph *graph = NULL;
    dd__value *x, *labels, *logits, *y;
    dd__gather gather = {.batch = (int32_t)batch, .shuffle = true};
    prepare(model, &gather);
    DD_TRY(dd__graph_create(true, 0, &graph));
    const dd__dims image = image_of(model);
    DD_TRY_OUT(dd__add_batch(graph, count, &image, &gather, &x, &labels));
    DD_TRY_OUT(dd__model_build(model, graph, x, frozen, &logits, &y));
    DD_TRY_OUT(add_next_part(graph, batch));
    *out = graph;
out:
    if (status != DD_OK) dd__graph_free(graph);
    return status;
}

/* ---- Examples ----------------------------------------------------------------------------- */

/* Data whose classes have names (folders) must mean the classes that the network means. */
static dd_status check_class_names(const dd_model *model, const dd_dataset *data) {
    for (unsigned i = 0; data->class_names && i < data->classes; i++) {
        const char *found = data->class_names[i], *expected = dd_model_class_name(model, i);
        if (!expected || strcmp(found, expected) != 0)
            return dd__fail(DD_SHAPE,
                            "class %u of the data is \"%s\", of network \"%s\" it is \"%s\": name "
                            "the folders or the network's \"classes\" alike",
                            i, found, model->name, expected ? expected : "(none)");
    }
    return DD_OK;
}

dd_status dd__check_examples(const dd_model *model, const dd_dataset *data) {
    if (data->height != model->height || data->width != model->width ||
        data->channels != model->channels)
        return dd__fail(DD_SHAPE, "network \"%s\" takes images of %ux%ux%u, the data has %ux%ux%u",
                        model->name, model->height, model->width, model->channels, data->height,
                        data->width, data->channels);
    if (!data->labels && data->source)
        return dd__fail(DD_USAGE, "%s has no labels in its %s part", data->source,
                        data->split == DD_SPLIT_TEST ? "test" : "training");
    if (!data->labels) return dd__fail(DD_USAGE, "the data has no labels");
    for (size_t i = 0; i < data->count; i++)
        if (data->labels[i] < 0 || (unsigned)data->labels[i] >= model->classes)
            return dd__fail(DD_SHAPE, "image %zu has label %d, network \"%s\" has classes 0 to %u",
                            i, data->labels[i], model->name, model->classes - 1);
    return check_class_names(model, data);
}

dd_status dd__examples_create(dd_device *device, const dd_model *model, const dd_dataset *data,
                              dd__examples *examples) {
    *examples = (dd__examples){0};
    DD_TRY(dd__check_examples(model, data));
    return dd__examples_upload(device, data, examples);
}

dd_status dd__examples_upload(dd_device *device, const dd_dataset *data, dd__examples *examples) {
    dd_status status = DD_OK;
    size_t bytes = data->count * data->height * data->width * data->channels;
    size_t label_bytes = data->count * sizeof(int32_t);
    *examples = (dd__examples){.count = data->count};
    DD_TRY_OUT(dd__buffer_create(device, bytes, &examples->images));
    DD_TRY_OUT(dd__buffer_create(device, label_bytes, &examples->labels));
    DD_TRY_OUT(dd__buffer_write(examples->images, 0, data->pixels, bytes));
    if (data->labels) DD_TRY_OUT(dd__buffer_write(examples->labels, 0, data->labels, label_bytes));
out:
    if (status != DD_OK) dd__examples_free(examples);
    return dd__within(status, "%zu images on the device", data->count);
}

void dd__examples_free(dd__examples *examples) {
    dd__buffer_free(examples->images);
    dd__buffer_free(examples->labels);
    *examples = (dd__examples){0};
}

dd_status dd__set_step(dd__plan *plan, const dd__step *step, const dd__sums *sums) {
    static const dd__sums zero;
    DD_TRY(dd__plan_write(plan, "sums", sums ? sums : &zero, sizeof zero));
    return dd__plan_write(plan, "step", step, sizeof *step);
}

/* ---- Parameters --------------------------------------------------------------------------- */

/* Host copies of a graph's two stretches. */
typedef struct stretches {
    float *parameters, *statistics;
    size_t parameter_bytes, statistic_bytes;
} stretches;

static dd_status stretches_new(const dd__graph *graph, stretches *s) {
    *s = (stretches){0};
    if (graph->parameters) s->parameter_bytes = dd__value_bytes(graph->parameters);
    if (graph->statistics) s->statistic_bytes = dd__value_bytes(graph->statistics);
    s->parameters = dd__alloc(1, s->parameter_bytes);
    s->statistics = dd__alloc(1, s->statistic_bytes);
    if (s->parameters && s->statistics) return DD_OK;
    return dd__no_memory(s->parameter_bytes + s->statistic_bytes);
}

static void stretches_free(stretches *s) {
    dd__free(s->parameters);
    dd__free(s->statistics);
}

dd_status dd__load_parameters(dd__plan *plan, const dd_model *model) {
    stretches s;
    dd_status status = stretches_new(dd__plan_graph(plan), &s);
    if (status != DD_OK) goto out;
    DD_TRY_OUT(dd__model_store(model, dd__plan_graph(plan), s.parameters, s.statistics));
    if (s.parameter_bytes)
        DD_TRY_OUT(dd__plan_write(plan, "parameters", s.parameters, s.parameter_bytes));
    if (s.statistic_bytes)
        DD_TRY_OUT(dd__plan_write(plan, "statistics", s.statistics, s.statistic_bytes));
    dd__plan_parameters_changed(plan);
out:
    stretches_free(&s);
    return status;
}

dd_status dd__check_finite(const float *numbers, size_t count, const char *what) {
    size_t bad = 0;
    for (size_t i = 0; i < count; i++)
        if (!isfinite(numbers[i])) bad++;
    if (bad == 0) return DD_OK;
    return dd__fail(DD_WRONG, "training diverged: %zu of %zu %s are not finite", bad, count, what);
}

dd_status dd__fetch_parameters(dd__plan *plan, dd_model *model) {
    return dd__fetch_as_parameters(plan, plan, "parameters", model);
}

dd_status dd__fetch_as_parameters(dd__plan *plan, dd__plan *from, const char *name,
                                  dd_model *model) {
    stretches s;
    dd_status status = stretches_new(dd__plan_graph(plan), &s);
    if (status != DD_OK) goto out;
    if (s.parameter_bytes) DD_TRY_OUT(dd__plan_read(from, name, s.parameters, s.parameter_bytes));
    if (s.statistic_bytes)
        DD_TRY_OUT(dd__plan_read(plan, "statistics", s.statistics, s.statistic_bytes));
    DD_TRY_OUT(dd__check_finite(s.parameters, s.parameter_bytes / sizeof(float), "parameters"));
    DD_TRY_OUT(dd__check_finite(s.statistics, s.statistic_bytes / sizeof(float), "statistics"));
    status = dd__model_fetch(model, dd__plan_graph(plan), s.parameters, s.statistics);
out:
    stretches_free(&s);
    return status;
}
