#include <math.h>
#include <string.h>

#include "check/check.h"
#include "plan/choose.h"
#include "tune/choice.h"

enum { MOST_RESULTS = DD__CASE_INPUTS + DD__CASE_OUTPUTS };

/* What a case's node computed: its outputs, then the inputs it changed. */
typedef struct results {
    dd__arena arena;
    double relative_error; /* of the implementation that computed them */
    bool rounds_factors;   /* the same */
    size_t count;
    struct {
        const char *name;
        dd__type type;
        dd__dims dims;
        double rounding; /* of half precision */
        void *data;      /* halves as floats */
    } row[MOST_RESULTS];
} results;

static dd_status force(dd_device *device, dd__case_graph *built, const char *text) {
    dd__choice choice;
    if (!text || dd__device_is_reference(device)) return DD_OK;
    DD_TRY(dd__choice_read(built->op, text, &choice));
    const dd__implementation *found = choice.implementation;
    memcpy(built->node->settings, choice.settings, sizeof choice.settings);
    const char *reason = dd__refusal(device, built->node, found);
    if (reason) return dd__fail(DD_USAGE, "\"%s\" refuses: %s", text, reason);
    built->node->forced = found;
    return DD_OK;
}

static dd_status fetch(const dd__value *value, dd__plan *plan, results *r) {
    size_t numbers = dd__dims_count(&value->dims), i = r->count++;
    r->row[i].name = dd__arena_print(&r->arena, "%s", value->name);
    r->row[i].type = value->type == DD__F16 ? DD__F32 : value->type;
    r->row[i].dims = value->dims;
    r->row[i].rounding = dd__case_rounding(value);
    r->row[i].data = dd__arena_alloc(&r->arena, numbers, dd__type_bytes(r->row[i].type));
    if (!r->row[i].name || !r->row[i].data) return dd__no_memory(numbers);
    return dd__case_read(value, plan, r->row[i].data);
}

static dd_status run_and_fetch(const dd__case *c, const dd__case_graph *built, dd__plan *plan,
                               results *r) {
    unsigned runs = c->runs ? c->runs : built->op->mutates ? 1 : 2;
    DD_TRY(dd__case_poison(built, plan));
    for (unsigned run = 0; run < runs; run++) {
        DD_TRY(dd__case_write(c, built, plan, run));
        DD_TRY(dd__plan_run(plan));
    }
    for (size_t i = 0; i < built->op->outputs; i++) DD_TRY(fetch(built->out[i], plan, r));
    for (size_t i = 0; i < DD__CASE_INPUTS; i++)
        if (built->in[i] && built->in[i]->role == DD__STATE) DD_TRY(fetch(built->in[i], plan, r));
    return DD_OK;
}

/* DD_USAGE means a refusal to the caller; from anywhere else it is a fault. */
static dd_status fault(dd_status status) {
    return status == DD_USAGE ? dd__fail(DD_WRONG, "%s", dd_message()) : status;
}

/* Whole, and with every launch in parts of one group (device/split.c). */
static dd_status run_twice(dd_device *device, const dd__case *c, const dd__case_graph *built,
                           dd__plan *plan, results *whole, results *parts) {
    double limit = dd__device_limit_launches(device, 0);
    dd_status status = run_and_fetch(c, built, plan, whole);
    dd__device_limit_launches(device, 1e-9);
    if (status == DD_OK)
        status = dd__within(run_and_fetch(c, built, plan, parts), "in parts of one group");
    dd__device_limit_launches(device, limit);
    return status;
}

/* What is not split is computed in the same order: every bit is the same. */
static dd_status compare_parts(const results *whole, const results *parts) {
    for (size_t i = 0; i < whole->count; i++) {
        size_t bytes = dd__dims_count(&whole->row[i].dims) * dd__type_bytes(whole->row[i].type);
        if (memcmp(whole->row[i].data, parts->row[i].data, bytes) != 0)
            return dd__fail(DD_WRONG, "%s is another with its launches in parts of one group",
                            whole->row[i].name);
    }
    return DD_OK;
}

static dd_status run_plan(dd_device *device, const dd__case *c, const dd__case_graph *built,
                          dd__plan *plan, bool in_parts, results *r) {
    if (!in_parts) return run_and_fetch(c, built, plan, r);
    results parts = {0};
    dd_status status = run_twice(device, c, built, plan, r, &parts);
    if (status == DD_OK) status = compare_parts(r, &parts);
    dd__arena_free(&parts.arena);
    return status;
}

static dd_status compile_and_run(dd_device *device, const dd__case *c, const dd__case_graph *built,
                                 bool in_parts, results *r) {
    dd__plan *plan;
    DD_TRY(dd__plan_create(device, built->graph, NULL, 0, &plan));
    const dd__implementation *used = dd__plan_implementation(plan, built->node->number);
    r->relative_error = used ? used->relative_error : 0;
    r->rounds_factors = used && used->rounds_factors;
    dd_status status = run_plan(device, c, built, plan, in_parts, r);
    dd__plan_free(plan);
    return status;
}

static dd_status run_case(dd_device *device, const dd__case *c, const char *implementation,
                          bool in_parts, results *r) {
    dd__case_graph built;
    DD_TRY(fault(dd__case_build(c, false, &built)));
    if (!dd__device_is_reference(device)) dd__node_set_half(built.node, c->half);
    dd_status status = force(device, &built, implementation);
    if (status == DD_OK) return fault(compile_and_run(device, c, &built, in_parts, r));
    dd__graph_free(built.graph);
    return status;
}

/* Whole numbers and bytes: equal or wrong. */
static dd_status compare_exactly(const unsigned char *found, const unsigned char *expected,
                                 size_t count, dd__type type) {
    for (size_t i = 0; i < count; i++) {
        int32_t values[2] = {found[i], expected[i]};
        if (type == DD__I32) {
            memcpy(&values[0], found + 4 * i, 4);
            memcpy(&values[1], expected + 4 * i, 4);
        }
        if (values[0] != values[1])
            return dd__fail(DD_WRONG, "element %zu: expected %d, found %d", i, (int)values[1],
                            (int)values[0]);
    }
    return DD_OK;
}

static dd_status compare_row(const results *found, const results *expected, size_t i,
                             double tolerance, double *error) {
    const void *these = found->row[i].data, *those = expected->row[i].data;
    size_t count = dd__dims_count(&expected->row[i].dims);
    dd__type type = expected->row[i].type;
    if (type != DD__F32) return compare_exactly(these, those, count, type);
    double rounding = found->row[i].rounding;
    bool exact = tolerance == 0 && found->rounds_factors;
    if (found->relative_error > 0 && !exact)
        return dd__compare_rms(these, those, count, found->relative_error + rounding, error);
    return dd__compare(these, those, count, tolerance + rounding, error);
}

static dd_status compare_results(const results *found, const results *expected, double tolerance,
                                 double *worst) {
    for (size_t i = 0; i < expected->count; i++) {
        double error = 0;
        dd_status status = compare_row(found, expected, i, tolerance, &error);
        *worst = fmax(*worst, error);
        char dims[80];
        DD_TRY(dd__within(status, "%s (%s)", expected->row[i].name,
                          dd__dims_print(&expected->row[i].dims, dims)));
    }
    return DD_OK;
}

static dd_status run_both(dd_device *device, const dd__case *c, const char *implementation,
                          bool in_parts, results *found, results *expected) {
    dd_device *reference = NULL;
    dd_status status;
    DD_TRY_OUT(run_case(device, c, implementation, in_parts, found));
    DD_TRY_OUT(dd_device_open("reference", NULL, &reference));
    DD_TRY_OUT(run_case(reference, c, NULL, false, expected));
out:
    dd_device_close(reference);
    return status;
}

static dd_status check(dd_device *device, const dd__case *c, const char *implementation,
                       bool in_parts, double *worst) {
    results found = {0}, expected = {0};
    double ignored, *largest = worst ? worst : &ignored;
    *largest = 0;
    dd_status status = run_both(device, c, implementation, in_parts, &found, &expected);
    if (status == DD_OK) status = compare_results(&found, &expected, c->tolerance, largest);
    dd__arena_free(&found.arena);
    dd__arena_free(&expected.arena);
    return status;
}

dd_status dd__check_forward(dd_device *device, const dd__case *c, const char *implementation,
                            double *worst) {
    return check(device, c, implementation, false, worst);
}

dd_status dd__check_parts(dd_device *device, const dd__case *c, const char *implementation,
                          double *worst) {
    return check(device, c, implementation, true, worst);
}

dd_status dd__check_error(dd_device *device, const dd__case *c, const char *implementation,
                          double *error) {
    results found = {0}, expected = {0};
    *error = 0;
    dd_status status = run_both(device, c, implementation, false, &found, &expected);
    if (status == DD_OK)
        status = dd__compare_rms(found.row[0].data, expected.row[0].data,
                                 dd__dims_count(&expected.row[0].dims), 1, error);
    dd__arena_free(&found.arena);
    dd__arena_free(&expected.arena);
    return status;
}
