#include <math.h>
#include <string.h>

#include "base/hash.h"
#include "base/random.h"
#include "check/check.h"
#include "plan/differentiate.h"

/* x changes by 1/256 both ways: a power of two, below half a step of DD__DATA_DISTINCT so that no
 * two elements change places, and small enough that the third derivative of the smooth activations
 * stays below what TRUNCATION allows. */
static const double EPSILON = 1.0 / 256;
/* Allowed, relative to max(1, |gradient|): EPSILON^2 / 6 times a third derivative of up to 100 (a
 * normalisation over few elements) and the device's own rounding, 1e-3 together. */
static const double TRUNCATION = 1e-3;

enum { MOST_ELEMENTS = 200, SEED_INPUT = 100 };

/* The gradients that the device computed, by input of the case; and the weights of out[0]. */
typedef struct gradients {
    dd__arena arena;
    float *dx[DD__CASE_INPUTS], *weights;
    size_t weight_count;
} gradients;

/* ---- What the device says -------------------------------------------------------- */

static dd_status make_weights(const dd__case *c, const dd__value *y, gradients *g) {
    g->weight_count = dd__dims_count(&y->dims);
    g->weights = dd__arena_alloc(&g->arena, g->weight_count, sizeof(float));
    if (!g->weights) return dd__no_memory(g->weight_count * sizeof(float));
    uint64_t seed = dd__hash32(c->name, strlen(c->name));
    dd__random random = dd__random_start(seed, DD__STREAM_TEST + SEED_INPUT);
    for (size_t i = 0; i < g->weight_count; i++)
        g->weights[i] = (float)((int)dd__random_below(&random, 9) - 4) * 0.25f;
    return DD_OK;
}

/* Adds the gradients and names them "grad0".. after their inputs. `names` get where each is read:
 * a gradient that is the seed itself (of an addition) has no node to make an output of. */
static dd_status add_gradients(const dd__case *c, dd__case_graph *built,
                               const char *names[DD__CASE_INPUTS]) {
    static const char *const own[] = {"grad0", "grad1", "grad2", "grad3",
                                      "grad4", "grad5", "grad6", "grad7"};
    dd__graph *graph = built->graph;
    dd__value *seed, **all;
    DD_TRY(dd__graph_input(graph, "seed", DD__F32, built->out[0]->dims, &seed));
    size_t count = graph->value_count;
    DD_TRY(dd__graph_differentiate(graph, built->out[0], seed, &all));
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < DD__CASE_INPUTS; k++) {
            if (!(c->gradient >> k & 1) || graph->values[i] != built->in[k]) continue;
            if (!all[i]) return dd__fail(DD_WRONG, "no gradient for input %zu", k);
            names[k] = all[i]->role == DD__TEMPORARY ? own[k] : all[i]->name;
            if (all[i]->role == DD__TEMPORARY) DD_TRY(dd__graph_output(graph, all[i], own[k]));
        }
    return DD_OK;
}

static dd_status run_gradients(dd__plan *plan, const dd__case *c, const dd__case_graph *built,
                               const char *const names[DD__CASE_INPUTS], gradients *g) {
    DD_TRY(dd__case_write(c, built, plan, 0));
    DD_TRY(dd__plan_write(plan, "seed", g->weights, g->weight_count * sizeof(float)));
    DD_TRY(dd__plan_run(plan));
    for (size_t k = 0; k < DD__CASE_INPUTS; k++) {
        if (!names[k]) continue;
        size_t bytes = dd__value_bytes(built->in[k]);
        g->dx[k] = dd__arena_alloc(&g->arena, bytes, 1);
        if (!g->dx[k]) return dd__no_memory(bytes);
        DD_TRY(dd__plan_read(plan, names[k], g->dx[k], bytes));
    }
    return DD_OK;
}

static dd_status device_gradients(dd_device *device, const dd__case *c, gradients *g) {
    dd__case_graph built;
    const char *names[DD__CASE_INPUTS] = {0};
    DD_TRY(dd__case_build(c, true, &built));
    dd_status status = make_weights(c, built.out[0], g);
    if (status == DD_OK) status = add_gradients(c, &built, names);
    if (status != DD_OK) {
        dd__graph_free(built.graph);
        return status;
    }
    dd__plan *plan = NULL;
    DD_TRY(dd__plan_create(device, built.graph, NULL, 0, &plan));
    status = run_gradients(plan, c, &built, names, g);
    dd__plan_free(plan);
    return status;
}

/* ---- What differences say -------------------------------------------------------- */

/* The case's node on the reference device. */
typedef struct differences {
    dd__plan *plan;
    const dd__case_graph *built;
    float *x, *high, *low; /* the input being varied; out[0] on either side */
    const gradients *g;
} differences;

static dd_status evaluate(differences *d, size_t input, float *y) {
    const dd__value *x = d->built->in[input], *out = d->built->out[0];
    DD_TRY(dd__plan_write(d->plan, x->name, d->x, dd__value_bytes(x)));
    DD_TRY(dd__plan_run(d->plan));
    return dd__plan_read(d->plan, out->name, y, dd__value_bytes(out));
}

/* Central difference of element `k`, and how far f32 outputs can put it off: each is rounded by up
 * to 2^-24 of itself, independently of the others, so that squares add up; four deviations. */
static dd_status difference(differences *d, size_t input, size_t k, double *slope, double *noise) {
    float x = d->x[k];
    float above = (float)(x + EPSILON), below = (float)(x - EPSILON);
    d->x[k] = above;
    DD_TRY(evaluate(d, input, d->high));
    d->x[k] = below;
    DD_TRY(evaluate(d, input, d->low));
    d->x[k] = x;
    double sum = 0, squares = 0, width = (double)above - (double)below;
    for (size_t i = 0; i < d->g->weight_count; i++) {
        double weight = d->g->weights[i], high = d->high[i], low = d->low[i];
        sum += weight * (high - low);
        if (high != low) squares += weight * weight * (high * high + low * low);
    }
    *slope = sum / width;
    *noise = 4 * sqrt(squares) * 0x1p-24 / width;
    return DD_OK;
}

static dd_status check_element(differences *d, size_t input, size_t k, double *worst) {
    double slope, noise, found = d->g->dx[input][k];
    DD_TRY(difference(d, input, k, &slope, &noise));
    double allowed = TRUNCATION * fmax(1, fabs(slope)) + noise;
    double error = fabs(found - slope) / allowed;
    *worst = fmax(*worst, error);
    if (isfinite(found) && error <= 1) return DD_OK;
    return dd__fail(DD_WRONG,
                    "gradient for input %zu, element %zu: differences give %.6g, found %.6g "
                    "(allowed %.1g)",
                    input, k, slope, found, allowed);
}

static dd_status check_input(const dd__case *c, differences *d, size_t input, double *worst) {
    size_t count = dd__dims_count(&c->in[input].dims);
    size_t checked = count < MOST_ELEMENTS ? count : MOST_ELEMENTS;
    dd__case_fill(c, input, 0, d->x);
    for (size_t i = 0; i < checked; i++) {
        size_t k = i;
        if (checked < count) k = dd__permute(input, 1, (uint32_t)i, (uint32_t)count);
        DD_TRY(check_element(d, input, k, worst));
    }
    /* The next input is varied around this one's own values. */
    return dd__plan_write(d->plan, d->built->in[input]->name, d->x, count * sizeof(float));
}

static dd_status check_inputs(const dd__case *c, dd__plan *plan, const dd__case_graph *built,
                              gradients *g, double *worst) {
    DD_TRY(dd__case_write(c, built, plan, 0));
    size_t largest = 0;
    for (size_t i = 0; i < DD__CASE_INPUTS; i++) {
        size_t count = built->in[i] ? dd__dims_count(&built->in[i]->dims) : 0;
        if (count > largest) largest = count;
    }
    differences d = {.plan = plan, .built = built, .g = g};
    d.x = dd__arena_alloc(&g->arena, largest, sizeof(float));
    d.high = dd__arena_alloc(&g->arena, g->weight_count, sizeof(float));
    d.low = dd__arena_alloc(&g->arena, g->weight_count, sizeof(float));
    if (!d.x || !d.high || !d.low) return dd__no_memory(largest * sizeof(float));
    for (size_t i = 0; i < DD__CASE_INPUTS; i++)
        if (c->gradient >> i & 1) DD_TRY(check_input(c, &d, i, worst));
    return DD_OK;
}

dd_status dd__check_gradient(dd_device *device, const dd__case *c, double *worst) {
    double ignored, *largest = worst ? worst : &ignored;
    *largest = 0;
    gradients g = {0};
    dd_device *reference = NULL;
    dd__plan *plan = NULL;
    dd__case_graph built;
    dd_status status;
    DD_TRY_OUT(device_gradients(device, c, &g));
    DD_TRY_OUT(dd_device_open("reference", NULL, &reference));
    DD_TRY_OUT(dd__case_build(c, false, &built));
    DD_TRY_OUT(dd__plan_create(reference, built.graph, NULL, 0, &plan));
    status = check_inputs(c, plan, &built, &g, largest);
out:
    dd__plan_free(plan);
    dd_device_close(reference);
    dd__arena_free(&g.arena);
    return status;
}
