/* dd_predictor: a model compiled for a device and a batch size. */
#include "run/predict.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "check/check.h"
#include "ops/ops.h"
#include "plan/fuse.h"
#include "plan/half.h"
#include "train/step.h"

struct dd_predictor {
    dd__plan *plan;
    uint32_t batch;
    size_t pixels; /* of an image */
    unsigned classes;
    dd__preparation preparation;
    float *staging; /* (batch, pixels), what the network reads */
    unsigned runs;
};

/* Of a node, in the mean: some 0.4 ms on two cores, against 30 us a launch. */
static const double SMALL_FLOP = 100e6;
/* Whoever predicts that often waits a second for a chain to be made, once on a machine. */
enum { RUNS_BEFORE_CHAIN = 100 };

dd_status dd__check_trained(const dd_model *model) {
    if (dd_model_has_tensors(model)) return DD_OK;
    return dd__fail(DD_USAGE, "network \"%s\" has no weights: train it first", model->name);
}

dd_status dd__inference_graph(const dd_model *model, uint32_t batch, const dd_device *device,
                              dd__graph **out) {
    dd_status status = DD_OK;
    dd__graph *graph = NULL;
    dd__value *x, *logits, *y;
    DD_TRY(dd__graph_create(false, 0, &graph));
    DD_TRY_OUT(dd__graph_input(graph, "input", DD__F32,
                               DD_DIMS(batch, model->height, model->width, model->channels), &x));
    DD_TRY_OUT(dd__model_build(model, graph, x, NULL, &logits, &y));
    if (y == logits)
        DD_TRY_OUT(dd__graph_add1(graph, &dd__op_softmax, "softmax", NULL, &logits, 1, &y));
    DD_TRY_OUT(dd__graph_output(graph, y, "output"));
    DD_TRY_OUT(dd__graph_fuse(graph, device));
    DD_TRY_OUT(dd__graph_halve(graph, device));
    *out = graph;
out:
    if (status != DD_OK) dd__graph_free(graph);
    return status;
}

void dd__chain_if_small(dd__plan *plan) {
    double nodes = (double)dd__plan_graph(plan)->node_count;
    if (dd__plan_flop(plan) < SMALL_FLOP * nodes && dd__plan_chain(plan) != DD_OK)
        dd__log(DD_LOG_VERBOSE, "launches stay apart: %s", dd_message());
}

/* The graph for the largest of batch, batch / 2, batch / 4, .. that fits into memory. */
static dd_status fitting_graph(dd_device *device, const dd_model *model, uint32_t *batch,
                               dd__graph **graph) {
    char reason[512] = "";
    uint32_t asked = *batch;
    for (;; *batch /= 2) {
        dd__need need;
        DD_TRY(dd__inference_graph(model, *batch, device, graph));
        dd_status status = dd__plan_need(device, *graph, NULL, 0, &need);
        if (status == DD_OK && dd__device_fits(device, &need) == DD_OK) break;
        dd__graph_free(*graph);
        if (status != DD_OK) return status;
        if (*batch == 1)
            return dd__fail(DD_MEMORY, "not even one image at a time can be computed: %s",
                            dd_message());
        if (!*reason) snprintf(reason, sizeof reason, "%s", dd_message());
    }
    if (*reason)
        dd__log(DD_LOG_INFO, "%u images are computed at a time, not %u: %s", *batch, asked, reason);
    return DD_OK;
}

static dd_status create(dd_device *device, const dd_model *model, unsigned batch, dd_predictor *p) {
    dd__graph *graph;
    p->batch = batch ? batch : 64;
    DD_TRY(fitting_graph(device, model, &p->batch, &graph));
    DD_TRY(dd__verified_plan(device, graph, NULL, 0, &p->plan));
    p->pixels = (size_t)model->height * model->width * model->channels;
    p->classes = model->classes;
    p->preparation = model->preparation;
    p->staging = dd__alloc((size_t)p->batch * p->pixels, sizeof *p->staging);
    if (!p->staging) return dd__no_memory((size_t)p->batch * p->pixels * sizeof *p->staging);
    return dd__load_parameters(p->plan, model);
}

dd_status dd_predictor_create(dd_device *device, const dd_model *model, unsigned batch,
                              dd_predictor **out) {
    DD_TRY(dd__check_trained(model));
    dd_predictor *p = dd__alloc(1, sizeof *p);
    if (!p) return dd__no_memory(sizeof *p);
    dd_status status = create(device, model, batch, p);
    if (status == DD_OK)
        *out = p;
    else
        dd_predictor_free(p);
    return status;
}

void dd_predictor_free(dd_predictor *p) {
    if (!p) return;
    dd__plan_free(p->plan);
    dd__free(p->staging);
    dd__free(p);
}

static void prepare(const dd__preparation *by, const uint8_t *pixels, size_t count, float *x) {
    if (by->channels == 0)
        for (size_t i = 0; i < count; i++) x[i] = (float)pixels[i] * by->scale[0] + by->shift[0];
    for (size_t i = 0, c = 0; by->channels && i < count; i++, c = c + 1 < by->channels ? c + 1 : 0)
        x[i] = (float)pixels[i] * by->scale[c] + by->shift[c];
}

/* One batch, of which `count` images are there; the rest of the network's input is zero. */
static dd_status predict_batch(dd_predictor *p, const uint8_t *pixels, size_t count,
                               float *probabilities) {
    size_t numbers = count * p->pixels, all = p->batch * p->pixels;
    if (++p->runs == RUNS_BEFORE_CHAIN) dd__chain_if_small(p->plan);
    prepare(&p->preparation, pixels, numbers, p->staging);
    memset(p->staging + numbers, 0, (all - numbers) * sizeof(float));
    DD_TRY(dd__plan_send(p->plan, "input", p->staging, all * sizeof(float)));
    DD_TRY(dd__plan_run(p->plan));
    return dd__plan_read(p->plan, "output", probabilities, count * p->classes * sizeof(float));
}

dd_status dd_predict(dd_predictor *p, const uint8_t *pixels, size_t count, float *probabilities) {
    for (size_t done = 0; done < count; done += p->batch) {
        size_t some = count - done < p->batch ? count - done : p->batch;
        DD_TRY(
            predict_batch(p, pixels + done * p->pixels, some, probabilities + done * p->classes));
    }
    return DD_OK;
}
