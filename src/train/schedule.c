#include "train/schedule.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

struct dd__schedule_kind {
    const char *name;
    const dd__attribute *rows;
    /* NULL where nothing changes between epochs */
    void (*epoch)(const dd__schedule *, unsigned epoch, double loss, dd__schedule_state *);
    /* NULL where nothing but the warm-up changes between steps */
    void (*node)(const dd__schedule *, double rate, double steps, dd__learning_rate *);
};

#define SETTING(field, key, type_, usual, least, most)                                          \
    {                                                                                           \
        .name = key, .type = type_, .offset = offsetof(dd__schedule, field), .fallback = usual, \
        .min = least, .max = most                                                               \
    }
#define WARM_UP SETTING(warm_up, "warm-up", DD__FLOAT, 0, 0, 1e6)

/* ---- constant, step ----------------------------------------------------------------------- */

static const dd__attribute constant_rows[] = {WARM_UP, {0}};

static const dd__attribute step_rows[] = {SETTING(factor, "factor", DD__FLOAT, 0.1, 0, 1),
                                          SETTING(every, "every", DD__INT, 10, 1, 1e6),
                                          WARM_UP,
                                          {0}};

static void step_epoch(const dd__schedule *schedule, unsigned epoch, double loss,
                       dd__schedule_state *state) {
    (void)loss;
    if (epoch % (unsigned)schedule->every == 0) state->rate *= (double)schedule->factor;
}

/* ---- plateau: Keras' ReduceLROnPlateau, mode "min", no cooldown ---------------------------- */

static const dd__attribute plateau_rows[] = {
    SETTING(factor, "factor", DD__FLOAT, 0.5, 0, 1),
    SETTING(patience, "patience", DD__INT, 3, 1, 1e6),
    SETTING(threshold, "threshold", DD__FLOAT, 1e-4, 0, 1e6),
    SETTING(floor, "floor", DD__FLOAT, 1e-5, 0, 1e3),
    WARM_UP,
    {0}};

static void plateau_epoch(const dd__schedule *schedule, unsigned epoch, double loss,
                          dd__schedule_state *state) {
    (void)epoch;
    if (loss < state->best - (double)schedule->threshold) {
        state->best = loss;
        state->waited = 0;
        return;
    }
    state->waited++;
    if (state->waited < schedule->patience) return;
    state->waited = 0;
    if (state->rate > (double)schedule->floor)
        state->rate = fmax(state->rate * (double)schedule->factor, (double)schedule->floor);
}

/* ---- cosine, one-cycle ---------------------------------------------------------------------- */

static const dd__attribute cosine_rows[] = {
    SETTING(floor, "floor", DD__FLOAT, 0, 0, 1e3), WARM_UP, {0}};

static void cosine_node(const dd__schedule *schedule, double rate, double steps,
                        dd__learning_rate *node) {
    node->end = fminf((float)((double)schedule->floor / rate), 1);
    node->fall = (int32_t)fmax(steps - node->rise, 1);
}

static const dd__attribute one_cycle_rows[] = {SETTING(rise, "rise", DD__FLOAT, 0.3, 0, 1),
                                               SETTING(start, "start", DD__FLOAT, 0.04, 0, 1),
                                               SETTING(end, "end", DD__FLOAT, 4e-6, 0, 1),
                                               {0}};

static void one_cycle_node(const dd__schedule *schedule, double rate, double steps,
                           dd__learning_rate *node) {
    (void)rate;
    node->rise = (int32_t)(steps * (double)schedule->rise);
    node->start = schedule->start;
    node->fall = (int32_t)fmax(steps - node->rise, 1);
    node->end = schedule->end;
}

/* ---- All of them ---------------------------------------------------------------------------- */

static const dd__schedule_kind kinds[] = {
    {"plateau", plateau_rows, plateau_epoch, NULL},
    {"constant", constant_rows, NULL, NULL},
    {"step", step_rows, step_epoch, NULL},
    {"cosine", cosine_rows, NULL, cosine_node},
    {"one-cycle", one_cycle_rows, NULL, one_cycle_node},
};

dd_status dd__schedule_parse(const char *text, dd__schedule *schedule) {
    if (!text) text = kinds[0].name;
    size_t length = strcspn(text, ":");
    const char *settings = text + length + (text[length] == ':');
    for (size_t i = 0; i < DD_COUNT(kinds); i++) {
        if (strlen(kinds[i].name) != length || strncmp(kinds[i].name, text, length) != 0) continue;
        *schedule = (dd__schedule){.kind = &kinds[i]};
        return dd__within(dd__settings_parse(settings, kinds[i].rows, schedule), "schedule %s",
                          kinds[i].name);
    }
    return dd__fail(DD_USAGE,
                    "there is no schedule \"%.*s\"; there are plateau, constant, step, cosine and "
                    "one-cycle",
                    (int)length, text);
}

void dd__schedule_print(const dd__schedule *schedule, char out[DD__SETTINGS_TEXT]) {
    char settings[DD__SETTINGS_TEXT - 16];
    dd__settings_print(schedule->kind->rows, schedule, settings, sizeof settings);
    snprintf(out, DD__SETTINGS_TEXT, "%s%s%s", schedule->kind->name, settings[0] ? ":" : "",
             settings);
}

dd__learning_rate dd__schedule_node(const dd__schedule *schedule, double rate, uint32_t epochs,
                                    uint32_t steps) {
    dd__learning_rate node = {.rise = (int32_t)fmin((double)schedule->warm_up * steps, INT32_MAX)};
    double all = fmin((double)epochs * steps, INT32_MAX);
    if (schedule->kind->node) schedule->kind->node(schedule, rate, all, &node);
    return node;
}

dd__schedule_state dd__schedule_start(double rate) {
    return (dd__schedule_state){.rate = rate, .best = (double)INFINITY};
}

void dd__schedule_epoch(const dd__schedule *schedule, unsigned epoch, double loss,
                        dd__schedule_state *state) {
    if (schedule->kind->epoch) schedule->kind->epoch(schedule, epoch, loss, state);
}
