#include "run/contest.h"

#include <math.h>
#include <string.h>

#include "base/clock.h"

enum { ROUNDS = 7, ROUNDS_TO_WIN = 5, FEWEST_ROUNDS = 2, MOST_RUNS = 500 };
static const double batch_seconds = 0.01; /* runs that follow each other without a wait */
static const double to_win = 0.97;        /* of the champion's time */
static const double hopeless = 1.25;      /* times the champion's: given up after FEWEST_ROUNDS */
/* Times the champion's: given up after one run, but for what a driver may take to compile. */
static const double hopeless_at_once = 10, compile_seconds = 2;
/* Relative, root mean square: of float sums of a few thousand terms in any order. */
static const double rounding = 1e-4;

/* Seconds of a run, of `runs` that follow each other. */
static dd_status time_batch(const dd__entrant *e, int runs, double *seconds) {
    double begun = dd__seconds();
    for (int i = 0; i < runs; i++) DD_TRY(dd__plan_run(e->plan));
    DD_TRY(dd__device_finish(e->device));
    *seconds = (dd__seconds() - begun) / runs;
    return DD_OK;
}

dd_status dd__entrant_make(dd_device *device, const dd__case *c, const dd__choice *choice,
                           dd__entrant *e) {
    *e = (dd__entrant){.device = device, .choice = *choice};
    DD_TRY(dd__case_build(c, false, &e->built));
    dd__node_set_half(e->built.node, c->half);
    e->built.node->forced = choice->implementation;
    memcpy(e->built.node->settings, choice->settings, sizeof choice->settings);
    DD_TRY(dd__plan_create(device, e->built.graph, NULL, 0, &e->plan));
    DD_TRY(dd__case_write(c, &e->built, e->plan, 0));
    DD_TRY(dd__case_poison(&e->built, e->plan));
    return time_batch(e, 1, &e->first_seconds);
}

void dd__entrant_free(dd__entrant *e) {
    dd__plan_free(e->plan);
    e->plan = NULL;
}

static dd_status output_agrees(const dd__entrant *found, const dd__entrant *expected, size_t i) {
    const dd__value *out = expected->built.out[i];
    size_t count = dd__dims_count(&out->dims);
    float *these = dd__alloc(count, sizeof *these), *those = dd__alloc(count, sizeof *those);
    dd_status status = DD_OK;
    double tolerance = rounding + 2 * dd__case_rounding(out) +
                       found->choice.implementation->relative_error +
                       expected->choice.implementation->relative_error;
    if (!these || !those) DD_TRY_OUT(dd__no_memory(count * sizeof *these));
    DD_TRY_OUT(dd__case_read(out, found->plan, these));
    DD_TRY_OUT(dd__case_read(out, expected->plan, those));
    if (out->type == DD__F32 || out->type == DD__F16)
        status = dd__compare_rms(these, those, count, tolerance, NULL);
    else if (memcmp(these, those, dd__value_bytes(out)) != 0)
        status = dd__fail(DD_WRONG, "%s differs", out->name);
out:
    dd__free(these);
    dd__free(those);
    return status;
}

dd_status dd__entrants_agree(const dd__entrant *found, const dd__entrant *expected) {
    for (size_t i = 0; i < expected->built.op->outputs; i++)
        DD_TRY(output_agrees(found, expected, i));
    return DD_OK;
}

/* ---- Times ---------------------------------------------------------------------------- */

/* Runs of a batch. */
static dd_status prepare(dd__entrant *e, int *runs) {
    double seconds;
    DD_TRY(time_batch(e, 1, &seconds));
    double wanted = ceil(batch_seconds / fmax(seconds, 1e-9));
    *runs = wanted > MOST_RUNS ? MOST_RUNS : (int)wanted;
    e->seconds = (double)INFINITY;
    return DD_OK;
}

static dd_status run_batch(dd__entrant *e, int runs, double *seconds) {
    DD_TRY(time_batch(e, runs, seconds));
    e->seconds = fmin(e->seconds, *seconds);
    return DD_OK;
}

static dd_status run_alone(dd__entrant *e) {
    double seconds;
    int runs;
    DD_TRY(prepare(e, &runs));
    for (int round = 0; round < ROUNDS; round++) DD_TRY(run_batch(e, runs, &seconds));
    return DD_OK;
}

/* Who begins changes from round to round. */
static dd_status run_both(dd__entrant *both[2], int *rounds_won) {
    int runs[2];
    for (int i = 0; i < 2; i++) DD_TRY(prepare(both[i], &runs[i]));
    for (int round = 0; round < ROUNDS; round++) {
        double seconds[2];
        for (int turn = 0; turn < 2; turn++) {
            int i = (turn + round) % 2;
            DD_TRY(run_batch(both[i], runs[i], &seconds[i]));
        }
        *rounds_won += seconds[1] < seconds[0];
        if (round + 1 >= FEWEST_ROUNDS && both[1]->seconds > hopeless * both[0]->seconds) break;
    }
    return DD_OK;
}

dd_status dd__contest(dd__entrant *champion, dd__entrant *challenger, bool *won) {
    int rounds_won = 0;
    *won = !champion->plan;
    if (!champion->plan) return run_alone(challenger);
    if (champion->seconds > 0 &&
        challenger->first_seconds > hopeless_at_once * champion->seconds + compile_seconds) {
        challenger->seconds = challenger->first_seconds;
        return DD_OK;
    }
    DD_TRY(run_both((dd__entrant *[2]){champion, challenger}, &rounds_won));
    *won = challenger->seconds < to_win * champion->seconds && rounds_won >= ROUNDS_TO_WIN;
    return DD_OK;
}
