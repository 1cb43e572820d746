#include "train/distill.h"

#include "graph/attributes.h"
#include "ops/ops.h"
#include "train/settings.h"

/* ---- Settings ----------------------------------------------------------------------------- */

#define SETTING(field, usual, least, most)                                         \
    {                                                                              \
        .name = #field, .type = DD__FLOAT, .offset = offsetof(dd__distill, field), \
        .fallback = usual, .min = least, .max = most                               \
    }
static const dd__attribute settings[] = {
    SETTING(share, 0.9, 0.001, 1), SETTING(temperature, 2, 0.1, 100), {0}};

dd_status dd__distill_parse(const char *text, dd__distill *distill) {
    return dd__within(dd__settings_parse(text ? text : "", settings, distill), "distillation");
}

void dd__distill_print(const dd__distill *distill, char *out, size_t size) {
    dd__settings_print(settings, distill, out, size);
}

/* ---- The teacher -------------------------------------------------------------------------- */

static dd_status check_teacher(const dd_model *teacher, const dd_model *model) {
    if (!dd_model_has_tensors(teacher))
        return dd__fail(DD_USAGE, "expected a trained model, found a network without weights");
    return dd__within(dd__model_check_alike(teacher, model), "\"%s\" cannot teach network \"%s\"",
                      teacher->name, model->name);
}

dd_status dd__teacher_load(const char *path, const dd_model *model, dd_model **teacher) {
    DD_TRY(dd__within(dd_model_load(path, teacher), "teacher"));
    dd_status status = check_teacher(*teacher, model);
    if (status == DD_OK) return DD_OK;
    dd_model_free(*teacher);
    *teacher = NULL;
    return dd__within(status, "teacher: %s", path);
}

/* ---- Graphs ------------------------------------------------------------------------------- */

static dd_status combine(dd__graph *graph, int32_t kind, dd__value *a, dd__value *b,
                         dd__value **y) {
    return dd__graph_add1(graph, &dd__op_arithmetic, "distill", &(dd__arithmetic){.kind = kind},
                          (dd__value *[]){a, b}, 2, y);
}

static dd_status scale(dd__graph *graph, float factor, dd__value **x) {
    dd__value *factors;
    if (factor == 1) return DD_OK;
    DD_TRY(dd__graph_add1(graph, &dd__op_fill, "distill.factor", &(dd__fill){.value = factor}, x, 1,
                          &factors));
    return combine(graph, DD__MULTIPLY, *x, factors, x);
}

/* The logarithms of softmax(logits / T). */
static dd_status soften(dd__graph *graph, const dd__distill *distill, dd__value *logits,
                        dd__value **logarithms) {
    DD_TRY(scale(graph, 1 / distill->temperature, &logits));
    return dd__graph_add1(graph, &dd__op_log_softmax, "distill.log_softmax", NULL, &logits, 1,
                          logarithms);
}

dd_status dd__distill_targets(dd__graph *graph, const dd__distill *distill, dd__value *logits) {
    dd__value *targets;
    DD_TRY(soften(graph, distill, logits, &targets));
    return dd__graph_output(graph, targets, "targets");
}

/* *divergence (N) = sum of exp(targets) (targets - answers) over the classes. */
static dd_status diverge(dd__graph *graph, dd__value *targets, dd__value *answers,
                         dd__value **divergence) {
    const dd__activate exponential = {.kind = DD__EXP};
    const dd__reduce sum = {.kind = DD__REDUCE_SUM, .axes = DD_DIMS(1)};
    const dd__reshape one_each = {.dims = DD_DIMS(targets->dims.d[0])};
    dd__value *q, *y;
    DD_TRY(dd__graph_add1(graph, &dd__op_activation, "distill.q", &exponential, &targets, 1, &q));
    DD_TRY(combine(graph, DD__SUBTRACT, targets, answers, &y));
    DD_TRY(combine(graph, DD__MULTIPLY, q, y, &y));
    DD_TRY(dd__graph_add1(graph, &dd__op_reduce, "distill.sum", &sum, &y, 1, &y));
    return dd__graph_add1(graph, &dd__op_reshape, "distill.sum", &one_each, &y, 1, divergence);
}

dd_status dd__distill_loss(dd__graph *graph, const dd__distill *distill, dd__value *logits,
                           dd__value **loss) {
    const float T = distill->temperature;
    dd__value *targets, *answers, *divergence;
    DD_TRY(dd__graph_state(graph, "targets", DD__F32, logits->dims, &targets));
    DD_TRY(soften(graph, distill, logits, &answers));
    DD_TRY(diverge(graph, targets, answers, &divergence));
    DD_TRY(scale(graph, distill->share * T * T, &divergence));
    DD_TRY(scale(graph, 1 - distill->share, loss));
    return combine(graph, DD__ADD, *loss, divergence, loss);
}
