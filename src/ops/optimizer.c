/* learning_rate, sgd, adam, weight_decay, average. sgd, adam and weight_decay change parameters in place, all
 * of a flat stretch in one launch, with the learning rate of the step buffer, which the first one puts there.
 *
 * learning_rate  step.learning_rate = step.base_rate * share, from s = step.step:
 *                    s < rise        start + (1 - start) (s + 1) / rise          a straight line
 *                    fall = 0        1
 *                    else            end + (1 - end) (1 + cos(pi u)) / 2,
 *                                    u = min((s - rise) / fall, 1)               half a cosine
 * sgd           v = momentum v + g;  p -= rate v                  (PyTorch's, without dampening)
 * adam          m = beta1 m + (1 - beta1) g;  v = beta2 v + (1 - beta2) g^2;
 *               p -= rate sqrt(1 - beta2^t) / (1 - beta1^t) m / (sqrt(v) + epsilon),
 *               t = step + 1: Kingma, Ba 2015, section 2's last form, with epsilon outside the
 *               corrected root as Keras has it (a PyTorch epsilon e acts here as sqrt(1 - beta2^t) e)
 * weight_decay  p *= 1 - rate decay: decoupled from the gradient; Loshchilov, Hutter 2019
 * average       a += (1 - d) (p - a), d = min(decay, s / (s + 10)), s = step.step: an exponential moving
 *               average of the parameters (Polyak, Juditsky 1992), which forgets the first steps faster
 */
#include <math.h>

#include "graph/op.h"
#include "ops/launch.h"
#include "ops/ops.h"
#include "reference/reference.h"

/* Floats of one size, each there or optional (NULL), and the step buffer. */
static dd_status check(const dd__node *node, size_t stretches) {
    const dd__value *p = node->in[0], *step = node->in[stretches];
    for (size_t i = 0; i < stretches; i++) {
        const dd__value *value = node->in[i];
        if (value && (value->type != DD__F32 || !dd__dims_equal(&value->dims, &p->dims)))
            return dd__fail(DD_SHAPE, "what belongs to the parameters must have their dims");
    }
    return dd__check_step(step);
}

static size_t count_of(const dd__node *node) { return dd__dims_count(&node->in[0]->dims); }

/* Records `launch` in the first form, or in the second with the chunk as one argument more. */
static dd_status record(dd__recorder *recorder, const dd__node *node, const dd__site *site,
                        dd__launch *launch, bool vector) {
    size_t count = count_of(node);
    if (!vector) {
        dd__launch_elements(launch, site->device, count);
        return dd__record(recorder, launch);
    }
    size_t chunk = dd__launch_chunks(launch, site->device, count, 1, 64);
    dd__launch_append(launch, DD_INT(chunk));
    return dd__record(recorder, launch);
}

/* ---- learning_rate ----------------------------------------------------------------------- */

static const dd__attribute learning_rate_attributes[] = {
    {.name = "rise",
     .type = DD__INT,
     .offset = offsetof(dd__learning_rate, rise),
     .max = INT32_MAX,
     .help = "steps in which the rate rises"},
    {.name = "fall",
     .type = DD__INT,
     .offset = offsetof(dd__learning_rate, fall),
     .max = INT32_MAX,
     .help = "steps behind these in which it falls; 0: it stays"},
    {.name = "start",
     .type = DD__FLOAT,
     .offset = offsetof(dd__learning_rate, start),
     .max = 1,
     .help = "share of the rate that the rise starts from"},
    {.name = "end",
     .type = DD__FLOAT,
     .offset = offsetof(dd__learning_rate, end),
     .max = 1,
     .help = "share of the rate that the fall ends at"},
    {0},
};

static dd_status infer_learning_rate(dd__graph *graph, dd__node *node) {
    (void)graph;
    return dd__check_step(node->in[0]);
}

static dd_status record_learning_rate(dd__recorder *recorder, const dd__node *node,
                                      const dd__site *site) {
    const dd__learning_rate *rate = node->attributes;
    return dd__record(recorder,
                      &(dd__launch){.program = "optimizer",
                                    .options = dd__vector_option(site->device),
                                    .kernel = "learning_rate",
                                    .global = {1, 1, 1},
                                    .local = {1, 1, 1},
                                    .arguments = {DD_BUFFER(node->in[0]->buffer),
                                                  DD_INT(rate->rise), DD_INT(rate->fall),
                                                  DD_FLOAT(rate->start), DD_FLOAT(rate->end)}});
}

static const dd__implementation learning_rate_plain = {
    .name = "plain", .classes = DD__ANYWHERE, .record = record_learning_rate};

const dd__op dd__op_learning_rate = {
    .name = "learning_rate",
    .attributes_bytes = sizeof(dd__learning_rate),
    .attributes = learning_rate_attributes,
    .min_in = 1,
    .max_in = 1,
    .mutates = 1 << 0,
    .infer = infer_learning_rate,
    .reference = dd__reference_learning_rate,
    .implementations = (const dd__implementation *const[]){&learning_rate_plain, NULL},
};

/* ---- sgd ------------------------------------------------------------------------------ */

static const dd__attribute sgd_attributes[] = {
    {.name = "momentum",
     .type = DD__FLOAT,
     .offset = offsetof(dd__sgd, momentum),
     .max = 1,
     .help = "share of the last update that is kept; 0 needs no moment"},
    {0},
};

static dd_status infer_sgd(dd__graph *graph, dd__node *node) {
    const dd__sgd *sgd = node->attributes;
    (void)graph;
    DD_TRY(check(node, 3));
    if (!node->in[1] || (sgd->momentum != 0 && !node->in[2]))
        return dd__fail(DD_SHAPE, "expected gradients and, with momentum, a moment");
    return DD_OK;
}

static dd_status record_sgd(dd__recorder *recorder, const dd__node *node, const dd__site *site,
                            bool vector) {
    const dd__sgd *sgd = node->attributes;
    dd__buffer *p = node->in[0]->buffer, *g = node->in[1]->buffer, *step = node->in[3]->buffer;
    if (sgd->momentum == 0) {
        dd__launch launch = {
            .program = "optimizer",
            .kernel = vector ? "sgd_vector" : "sgd",
            .arguments = {DD_BUFFER(p), DD_BUFFER(g), DD_BUFFER(step), DD_INT(count_of(node))}};
        return record(recorder, node, site, &launch, vector);
    }
    dd__launch launch = {.program = "optimizer",
                         .kernel = vector ? "sgd_momentum_vector" : "sgd_momentum",
                         .arguments = {DD_BUFFER(p), DD_BUFFER(g), DD_BUFFER(node->in[2]->buffer),
                                       DD_BUFFER(step), DD_INT(count_of(node)),
                                       DD_FLOAT(sgd->momentum)}};
    return record(recorder, node, site, &launch, vector);
}

static dd_status record_sgd_vector(dd__recorder *recorder, const dd__node *node,
                                   const dd__site *site) {
    return record_sgd(recorder, node, site, true);
}

static dd_status record_sgd_plain(dd__recorder *recorder, const dd__node *node,
                                  const dd__site *site) {
    return record_sgd(recorder, node, site, false);
}

static const dd__implementation sgd_vector = {
    .name = "vector", .classes = DD__ON_CPU, .record = record_sgd_vector};
static const dd__implementation sgd_plain = {
    .name = "plain", .classes = DD__ANYWHERE, .record = record_sgd_plain};

const dd__op dd__op_sgd = {
    .name = "sgd",
    .attributes_bytes = sizeof(dd__sgd),
    .attributes = sgd_attributes,
    .min_in = 4,
    .max_in = 4,
    .mutates = 1 << 0 | 1 << 2,
    .infer = infer_sgd,
    .reference = dd__reference_sgd,
    .implementations = (const dd__implementation *const[]){&sgd_vector, &sgd_plain, NULL},
};

/* ---- adam ----------------------------------------------------------------------------- */

static const dd__attribute adam_attributes[] = {
    {.name = "beta1",
     .type = DD__FLOAT,
     .offset = offsetof(dd__adam, beta1),
     .fallback = 0.9,
     .max = 0.999999,
     .help = "decay of the gradients' running mean"},
    {.name = "beta2",
     .type = DD__FLOAT,
     .offset = offsetof(dd__adam, beta2),
     .fallback = 0.999,
     .max = 0.999999,
     .help = "decay of the squared gradients' running mean"},
    {.name = "epsilon",
     .type = DD__FLOAT,
     .offset = offsetof(dd__adam, epsilon),
     .fallback = 1e-7,
     .min = 1e-20,
     .max = 1,
     .help = "added to the root of the second moment"},
    {0},
};

static dd_status infer_adam(dd__graph *graph, dd__node *node) {
    (void)graph;
    DD_TRY(check(node, 4));
    if (!node->in[1] || !node->in[2] || !node->in[3])
        return dd__fail(DD_SHAPE, "expected gradients and two moments");
    return DD_OK;
}

/* log(beta) for the kernel's 1 - beta^t; for beta = 0 a number that makes the power 0 all the same
 * and stays finite. */
static double logarithm(float beta) { return beta > 0 ? log((double)beta) : -1000; }

static dd_status record_adam(dd__recorder *recorder, const dd__node *node, const dd__site *site,
                             bool vector) {
    const dd__adam *adam = node->attributes;
    dd__launch launch = {
        .program = "optimizer",
        .kernel = vector ? "adam_vector" : "adam",
        .arguments = {DD_BUFFER(node->in[0]->buffer), DD_BUFFER(node->in[1]->buffer),
                      DD_BUFFER(node->in[2]->buffer), DD_BUFFER(node->in[3]->buffer),
                      DD_BUFFER(node->in[4]->buffer), DD_INT(count_of(node)), DD_FLOAT(adam->beta1),
                      DD_FLOAT(adam->beta2), DD_FLOAT(logarithm(adam->beta1)),
                      DD_FLOAT(logarithm(adam->beta2)), DD_FLOAT(adam->epsilon)}};
    return record(recorder, node, site, &launch, vector);
}

static dd_status record_adam_vector(dd__recorder *recorder, const dd__node *node,
                                    const dd__site *site) {
    return record_adam(recorder, node, site, true);
}

static dd_status record_adam_plain(dd__recorder *recorder, const dd__node *node,
                                   const dd__site *site) {
    return record_adam(recorder, node, site, false);
}

static const dd__implementation adam_vector = {
    .name = "vector", .classes = DD__ON_CPU, .record = record_adam_vector};
static const dd__implementation adam_plain = {
    .name = "plain", .classes = DD__ANYWHERE, .record = record_adam_plain};

const dd__op dd__op_adam = {
    .name = "adam",
    .attributes_bytes = sizeof(dd__adam),
    .attributes = adam_attributes,
    .min_in = 5,
    .max_in = 5,
    .mutates = 1 << 0 | 1 << 2 | 1 << 3,
    .infer = infer_adam,
    .reference = dd__reference_adam,
    .implementations = (const dd__implementation *const[]){&adam_vector, &adam_plain, NULL},
};

/* ---- weight_decay --------------------------------------------------------------------- */

static const dd__attribute weight_decay_attributes[] = {
    {.name = "decay",
     .type = DD__FLOAT,
     .offset = offsetof(dd__weight_decay, decay),
     .max = 1000,
     .required = true,
     .help = "times the learning rate: the share of a weight that is lost in a step"},
    {0},
};

static dd_status infer_weight_decay(dd__graph *graph, dd__node *node) {
    (void)graph;
    return check(node, 1);
}

static dd_status record_weight_decay(dd__recorder *recorder, const dd__node *node,
                                     const dd__site *site, bool vector) {
    const dd__weight_decay *attributes = node->attributes;
    dd__launch launch = {.program = "optimizer",
                         .kernel = vector ? "weight_decay_vector" : "weight_decay",
                         .arguments = {DD_BUFFER(node->in[0]->buffer),
                                       DD_BUFFER(node->in[1]->buffer), DD_INT(count_of(node)),
                                       DD_FLOAT(attributes->decay)}};
    return record(recorder, node, site, &launch, vector);
}

static dd_status record_weight_decay_vector(dd__recorder *recorder, const dd__node *node,
                                            const dd__site *site) {
    return record_weight_decay(recorder, node, site, true);
}

static dd_status record_weight_decay_plain(dd__recorder *recorder, const dd__node *node,
                                           const dd__site *site) {
    return record_weight_decay(recorder, node, site, false);
}

static const dd__implementation weight_decay_vector = {
    .name = "vector", .classes = DD__ON_CPU, .record = record_weight_decay_vector};
static const dd__implementation weight_decay_plain = {
    .name = "plain", .classes = DD__ANYWHERE, .record = record_weight_decay_plain};

const dd__op dd__op_weight_decay = {
    .name = "weight_decay",
    .attributes_bytes = sizeof(dd__weight_decay),
    .attributes = weight_decay_attributes,
    .min_in = 2,
    .max_in = 2,
    .mutates = 1 << 0,
    .infer = infer_weight_decay,
    .reference = dd__reference_weight_decay,
    .implementations =
        (const dd__implementation *const[]){&weight_decay_vector, &weight_decay_plain, NULL},
};

/* ---- average ---------------------------------------------------------------------------- */

static const dd__attribute average_attributes[] = {
    {.name = "decay",
     .type = DD__FLOAT,
     .offset = offsetof(dd__average, decay),
     .max = 0.9999999,
     .required = true,
     .help = "share of the average that a step keeps, in the end"},
    {0},
};

static dd_status infer_average(dd__graph *graph, dd__node *node) {
    (void)graph;
    DD_TRY(check(node, 2));
    return node->in[1] ? DD_OK : dd__fail(DD_SHAPE, "expected an average and parameters");
}

static dd_status record_average(dd__recorder *recorder, const dd__node *node, const dd__site *site,
                                bool vector) {
    const dd__average *average = node->attributes;
    dd__launch launch = {.program = "optimizer",
                         .kernel = vector ? "average_vector" : "average",
                         .arguments = {DD_BUFFER(node->in[0]->buffer),
                                       DD_BUFFER(node->in[1]->buffer),
                                       DD_BUFFER(node->in[2]->buffer), DD_INT(count_of(node)),
                                       DD_FLOAT(average->decay)}};
    return record(recorder, node, site, &launch, vector);
}

static dd_status record_average_vector(dd__recorder *recorder, const dd__node *node,
                                       const dd__site *site) {
    return record_average(recorder, node, site, true);
}

static dd_status record_average_plain(dd__recorder *recorder, const dd__node *node,
                                      const dd__site *site) {
    return record_average(recorder, node, site, false);
}

static const dd__implementation average_vector = {
    .name = "vector", .classes = DD__ON_CPU, .record = record_average_vector};
static const dd__implementation average_plain = {
    .name = "plain", .classes = DD__ANYWHERE, .record = record_average_plain};

const dd__op dd__op_average = {
    .name = "average",
    .attributes_bytes = sizeof(dd__average),
    .attributes = average_attributes,
    .min_in = 3,
    .max_in = 3,
    .mutates = 1 << 0,
    .infer = infer_average,
    .reference = dd__reference_average,
    .implementations = (const dd__implementation *const[]){&average_vector, &average_plain, NULL},
};
