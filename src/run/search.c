#include "run/search.h"

#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "plan/choose.h"
#include "run/contest.h"

static const double judged_tolerance =
    1e-3; /* relative; float sums of a few thousand terms stay below */

typedef struct search {
    dd__tuner *tuner;
    const dd__node *node;
    dd__case timed, judged;
    char shape[DD__TUNING_SHAPE];
    dd__choice standard; /* the default */
    dd__entrant best;    /* no plan: none yet */
} search;

/* Ops with whole-number inputs have one implementation a class, or none worth a choice; a case holds
 * so many inputs and outputs and no more. */
static bool can_be_judged(const dd__node *node) {
    if (!node->op->implementations || node->op->mutates) return false;
    if (node->in_count > DD__CASE_INPUTS || node->op->outputs > DD__CASE_OUTPUTS) return false;
    for (size_t i = 0; i < node->in_count; i++)
        if (node->in[i] && node->in[i]->type != DD__F32 && node->in[i]->type != DD__F16)
            return false;
    return true;
}

bool dd__worth_tuning(const dd_device *device, const dd__node *node) {
    size_t choices = 0;
    if (!can_be_judged(node)) return false;
    for (const dd__implementation *const *i = node->op->implementations; *i; i++)
        if (!dd__refusal(device, node, *i)) choices += 1 + dd__tunable_count(*i);
    return choices > 1;
}

bool dd__search_is_complete(const dd__tuning *tuning) {
    const dd__implementation *of = tuning->choice.implementation;
    return of && tuning->stages >= 1 + dd__tunable_count(of);
}

bool dd__tuner_stops(const dd__tuner *tuner) {
    return dd__interrupted() || dd__seconds() > tuner->ends;
}

/* A case with this node's op, attributes and dims. What is one number a channel may be a variance,
 * so it is positive. */
static dd__case case_of(const dd__node *node) {
    dd__case c = {.op = node->op->name,
                  .as = node->op,
                  .name = node->name,
                  .attributes = node->attributes,
                  .half = dd__node_half(node),
                  .tolerance = judged_tolerance,
                  .why = "float sums"};
    for (size_t i = 0; i < node->in_count; i++) {
        if (!node->in[i]) continue;
        c.in[i].data = node->in[i]->dims.rank == 1 ? DD__DATA_POSITIVE : DD__DATA_NORMAL;
        c.in[i].dims = node->in[i]->dims;
    }
    return c;
}

static dd__node with_choice(const dd__node *node, const dd__choice *choice) {
    dd__node copy = *node;
    memcpy(copy.settings, choice->settings, sizeof copy.settings);
    return copy;
}

static void tell(const search *s, dd_tune_event event, const dd__choice *choice, double seconds) {
    char text[DD__CHOICE_TEXT];
    if (!s->tuner->function) return;
    s->tuner->function(s->tuner->context,
                       &(dd_tune_step){.event = event,
                                       .op = s->node->op->name,
                                       .shape = s->shape,
                                       .choice = dd__choice_print(choice, text),
                                       .seconds = seconds,
                                       .reason = event == DD_TUNE_REJECTED ? dd_message() : NULL});
}

/* ---- Candidates ----------------------------------------------------------------------- */

/* Compiles a candidate, if it computes what the reference and the best so far do. */
static dd_status enter(search *s, const dd__choice *choice, dd__entrant *entrant) {
    char text[DD__CHOICE_TEXT];
    dd_device *device = s->tuner->device;
    *entrant = (dd__entrant){0};
    DD_TRY(dd__check_forward(device, &s->judged, dd__choice_print(choice, text), NULL));
    DD_TRY(dd__entrant_make(device, &s->timed, choice, entrant));
    return dd__entrants_agree(entrant, s->best.plan ? &s->best : entrant); /* finite, at least */
}

/* Measures a candidate; it takes the best's place if it wins. */
static void challenge(search *s, const dd__choice *choice) {
    dd__entrant entrant;
    bool won = false;
    dd__node node = with_choice(s->node, choice);
    if (s->best.plan && dd__choices_equal(choice, &s->best.choice)) return;
    if (dd__refusal(s->tuner->device, &node, choice->implementation)) return;
    dd_status status = enter(s, choice, &entrant);
    if (status == DD_OK) status = dd__contest(&s->best, &entrant, &won);
    s->tuner->measured++;
    tell(s, status == DD_OK ? DD_TUNE_TIMED : DD_TUNE_REJECTED, choice, entrant.seconds);
    dd__entrant_free(won ? &s->best : &entrant);
    if (won) s->best = entrant;
}

/* ---- Stages --------------------------------------------------------------------------- */

static void try_implementations(search *s) {
    for (const dd__implementation *const *i = s->node->op->implementations; *i; i++) {
        if (dd__tuner_stops(s->tuner)) return;
        if (*i != s->standard.implementation) challenge(s, &(dd__choice){.implementation = *i});
    }
}

/* The usual value was measured when another took its place, if not as the default's. */
static bool is_worth_a_try(const search *s, size_t tunable, int32_t value) {
    const dd__choice *best = &s->best.choice;
    const dd__tunable *all = best->implementation->tunables;
    dd__node node = with_choice(s->node, best);
    node.settings[tunable] = 0;
    if (value == best->settings[tunable]) return false;
    if (value == dd__setting(&node, s->tuner->device, all, tunable)) return false;
    return !all[tunable].suits || all[tunable].suits(&node, s->tuner->device, value);
}

static void try_values(search *s, size_t tunable) {
    const int32_t *value = s->best.choice.implementation->tunables[tunable].values;
    for (; *value && !dd__tuner_stops(s->tuner); value++) {
        dd__choice choice = s->best.choice;
        choice.settings[tunable] = *value;
        if (is_worth_a_try(s, tunable, *value)) challenge(s, &choice);
    }
}

/* Returns the stages done. The first candidate runs even when the time is over: then at least the
 * default's is known. */
static unsigned run_stages(search *s, const dd__tuning *known) {
    unsigned stages = known->stages;
    challenge(s, stages ? &known->choice : &s->standard);
    if (stages && !s->best.plan) {
        stages = 0; /* what was known is wrong now */
        challenge(s, &s->standard);
    }
    if (stages == 0) {
        try_implementations(s);
        if (!s->best.plan || dd__tuner_stops(s->tuner)) return 0;
        stages = 1;
    }
    for (; stages <= dd__tunable_count(s->best.choice.implementation); stages++) {
        try_values(s, stages - 1);
        if (dd__tuner_stops(s->tuner)) break;
    }
    return stages;
}

/* The best must win against the default, once more; else the default is chosen. */
static void settle(search *s, dd__tuning *tuning) {
    dd__entrant standard;
    bool won = true;
    tuning->choice = s->best.choice;
    tuning->seconds = tuning->default_seconds = s->best.seconds;
    if (dd__choices_equal(&s->standard, &s->best.choice)) return;
    dd_status status = enter(s, &s->standard, &standard);
    if (status == DD_OK) status = dd__contest(&standard, &s->best, &won);
    tuning->seconds = s->best.seconds;
    tuning->default_seconds = status == DD_OK ? standard.seconds : 0; /* 0: it does not work */
    dd__entrant_free(&standard);
    if (status != DD_OK || won) return;
    const unsigned all = 1 + (unsigned)dd__tunable_count(s->standard.implementation);
    if (dd__search_is_complete(tuning))
        tuning->stages = all;
    else if (s->best.choice.implementation != s->standard.implementation)
        tuning->stages = 0;
    tuning->choice = s->standard;
    tuning->seconds = tuning->default_seconds;
}

dd_status dd__search(dd__tuner *tuner, const dd__node *node, const dd__node *small,
                     dd__tuning *tuning) {
    search s = {.tuner = tuner, .node = node, .timed = case_of(node), .judged = case_of(small)};
    dd__node copy = *node;
    dd__tuning_shape(node, s.shape, sizeof s.shape);
    DD_TRY(dd__choose_default(tuner->device, &copy, &s.standard.implementation));
    unsigned stages = run_stages(&s, tuning);
    *tuning = (dd__tuning){.stages = stages};
    if (s.best.plan) {
        settle(&s, tuning);
        tell(&s, DD_TUNE_CHOSEN, &tuning->choice, tuning->seconds);
    }
    dd__entrant_free(&s.best);
    return DD_OK;
}
