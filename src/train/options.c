#include "train/options.h"

#include <string.h>

#include "train/freeze.h"

/* ---- Augmentation ------------------------------------------------------------------------- */

#define RANGE(field, most) \
    { .name = #field, .type = DD__FLOAT, .offset = offsetof(dd__augment, field), .max = most }
static const dd__attribute ranges[] = {RANGE(rotation, 180), RANGE(width, 1),   RANGE(height, 1),
                                       RANGE(shear, 89),     RANGE(zoom, 0.99), RANGE(elastic, 100),
                                       RANGE(thickness, 1),  RANGE(blur, 1),    RANGE(contrast, 1),
                                       RANGE(background, 1), RANGE(erase, 1),   {0}};
enum { FIRST_RANGES = 5 }; /* that are always printed: older runs have no others */

dd_status dd__augment_parse(const char *text, dd__augment *augment) {
    if (!text || strcmp(text, "none") == 0) text = "";
    if (strcmp(text, "digits") == 0) text = "rotation=10,width=0.1,height=0.1,shear=0.2,zoom=0.1";
    return dd__within(dd__settings_parse(text, ranges, augment),
                      "augmentation (none, digits, or settings)");
}

/* Without the last ones that are 0. */
static void print_augment(const dd__augment *augment, char out[DD__SETTINGS_TEXT]) {
    dd__attribute shown[DD_COUNT(ranges)];
    const char *from = (const char *)augment;
    size_t count = DD_COUNT(ranges) - 1;
    memcpy(shown, ranges, sizeof shown);
    while (count > FIRST_RANGES && *(const float *)(from + ranges[count - 1].offset) == 0) count--;
    shown[count] = (dd__attribute){0};
    if (dd__augments(augment))
        dd__settings_print(shown, augment, out, DD__SETTINGS_TEXT);
    else
        strcpy(out, "none");
}

/* ---- Settling ----------------------------------------------------------------------------- */

static dd_status check_smoothing(double share) {
    if (share >= 0 && (float)share < 1) return DD_OK;
    return dd__fail(DD_USAGE, "the label smoothing must be from 0 to below 1, found %g", share);
}

static dd_status check_average(double decay) {
    if (decay >= 0 && (float)decay < 1) return DD_OK;
    return dd__fail(DD_USAGE, "average: expected a decay from 0 to below 1, found %g", decay);
}

/* Without a teacher there is none of it. */
static dd_status settle_distill(dd__settled *s) {
    dd_train_options *o = &s->options;
    if (!o->teacher) o->teacher = "";
    if (*o->teacher) {
        DD_TRY(dd__distill_parse(o->distill, &s->distill));
        dd__distill_print(&s->distill, s->distill_text, sizeof s->distill_text);
    } else if (o->distill && *o->distill) {
        return dd__fail(DD_USAGE, "distill: expected a teacher as well, found none");
    }
    o->distill = s->distill_text;
    return DD_OK;
}

dd_status dd__options_settle(const dd_train_options *given, dd__settled *s) {
    dd_train_options *o = &s->options;
    float learning_rate;
    *s = (dd__settled){.options = given ? *given : (dd_train_options){0}};
    DD_TRY(dd__optimizer_find(o->optimizer, &s->optimizer));
    DD_TRY(dd__optimizer_settle(s->optimizer, o, &s->settings, &learning_rate));
    DD_TRY(dd__schedule_parse(o->schedule, &s->schedule));
    DD_TRY(dd__augment_parse(o->augment, &s->augment));
    DD_TRY(dd__freeze_check(o->freeze));
    DD_TRY(settle_distill(s));
    DD_TRY(check_smoothing(o->label_smoothing));
    DD_TRY(check_average(o->average));
    if (o->keep != DD_KEEP_BEST && o->keep != DD_KEEP_LAST)
        return dd__fail(DD_USAGE, "keep: expected best (0) or last (1), found %d", (int)o->keep);
    if (o->resume && !o->output)
        return dd__fail(DD_USAGE, "to resume a run, `output` must name its folder");
    dd__schedule_print(&s->schedule, s->schedule_text);
    print_augment(&s->augment, s->augment_text);
    if (o->epochs == 0) o->epochs = 50;
    if (o->batch == 0) o->batch = 128;
    if (o->seed == 0) o->seed = 42;
    o->optimizer = s->optimizer->name;
    o->learning_rate = (double)learning_rate;
    o->momentum = (double)s->settings.momentum;
    o->weight_decay = (double)s->settings.weight_decay;
    o->schedule = s->schedule_text;
    o->augment = s->augment_text;
    if (!o->freeze) o->freeze = "";
    return DD_OK;
}

dd_status dd_train_options_check(const dd_train_options *options) {
    dd__settled settled;
    return dd__options_settle(options, &settled);
}

/* ---- JSON ----------------------------------------------------------------------------------- */

const char *const dd__keep_names[] = {"best", "last"};

void dd__options_json(dd__json *json, cJSON *parent, const dd_train_options *o) {
    cJSON *object = dd__json_add_object(json, parent, parent ? "options" : NULL);
    dd__json_add_number(json, object, "epochs", o->epochs);
    dd__json_add_number(json, object, "batch", o->batch);
    dd__json_add_number(json, object, "micro_batch", o->micro_batch);
    dd__json_add_u64(json, object, "seed", o->seed);
    dd__json_add_text(json, object, "optimizer", o->optimizer);
    dd__json_add_number(json, object, "learning_rate", o->learning_rate);
    dd__json_add_number(json, object, "momentum", o->momentum);
    dd__json_add_number(json, object, "weight_decay", o->weight_decay);
    dd__json_add_number(json, object, "label_smoothing", o->label_smoothing);
    dd__json_add_text(json, object, "schedule", o->schedule);
    dd__json_add_text(json, object, "augment", o->augment);
    dd__json_add_text(json, object, "freeze", o->freeze);
    dd__json_add_text(json, object, "teacher", o->teacher);
    dd__json_add_text(json, object, "distill", o->distill);
    dd__json_add_number(json, object, "average", o->average);
    dd__json_add_number(json, object, "early_stop", o->early_stop);
    dd__json_add_text(json, object, "keep", dd__keep_names[o->keep]);
}

static dd_status parse_keep(const cJSON *object, dd_keep *keep) {
    const char *word;
    DD_TRY(dd__json_string(object, "keep", &word));
    for (int i = DD_KEEP_BEST; i <= DD_KEEP_LAST; i++) {
        *keep = (dd_keep)i;
        if (strcmp(word, dd__keep_names[i]) == 0) return DD_OK;
    }
    return dd__fail(DD_FORMAT, "\"keep\": expected best or last, found \"%.40s\"", word);
}

dd_status dd__options_parse(const cJSON *object, dd_train_options *o) {
    *o = (dd_train_options){0};
    DD_TRY(dd__json_unsigned(object, "epochs", &o->epochs));
    DD_TRY(dd__json_unsigned(object, "batch", &o->batch));
    if (cJSON_GetObjectItem(object, "micro_batch")) /* older runs had none */
        DD_TRY(dd__json_unsigned(object, "micro_batch", &o->micro_batch));
    DD_TRY(dd__json_unsigned(object, "early_stop", &o->early_stop));
    DD_TRY(dd__json_u64(object, "seed", &o->seed));
    DD_TRY(dd__json_string(object, "optimizer", &o->optimizer));
    DD_TRY(dd__json_number(object, "learning_rate", &o->learning_rate));
    DD_TRY(dd__json_number(object, "momentum", &o->momentum));
    DD_TRY(dd__json_number(object, "weight_decay", &o->weight_decay));
    if (cJSON_GetObjectItem(object, "label_smoothing")) /* older runs had none */
        DD_TRY(dd__json_number(object, "label_smoothing", &o->label_smoothing));
    DD_TRY(dd__json_string(object, "schedule", &o->schedule));
    DD_TRY(dd__json_string(object, "augment", &o->augment));
    if (cJSON_GetObjectItem(object, "freeze")) /* older runs had none */
        DD_TRY(dd__json_string(object, "freeze", &o->freeze));
    if (cJSON_GetObjectItem(object, "teacher")) { /* older runs had none */
        DD_TRY(dd__json_string(object, "teacher", &o->teacher));
        DD_TRY(dd__json_string(object, "distill", &o->distill));
    }
    if (cJSON_GetObjectItem(object, "average"))
        DD_TRY(dd__json_number(object, "average", &o->average));
    if (o->momentum == 0) o->momentum = -1; /* 0 would ask for the optimizer's own */
    return parse_keep(object, &o->keep);
}

/* May be another when a run is gone on with. */
static bool may_change(const char *key) {
    return strcmp(key, "epochs") == 0 || strcmp(key, "early_stop") == 0 ||
           strcmp(key, "micro_batch") == 0 ||
           strcmp(key, "teacher") == 0; /* a file, whose weights are compared (checkpoint.c) */
}

/* Whether `old` says the same; an option that older runs did not have was "" or 0 there. */
static bool is_same(const cJSON *old, const cJSON *item) {
    bool is_off = cJSON_IsString(item) ? !*item->valuestring : item->valuedouble == 0;
    return old ? cJSON_Compare(old, item, true) : is_off;
}

static dd_status compare(const cJSON *before, const cJSON *now) {
    const cJSON *item;
    cJSON_ArrayForEach(item, now) {
        const cJSON *old = cJSON_GetObjectItemCaseSensitive(before, item->string);
        if (may_change(item->string) || is_same(old, item)) continue;
        char *was = cJSON_PrintUnformatted(old), *is = cJSON_PrintUnformatted(item);
        dd_status status = dd__fail(DD_USAGE, "%s: the run to go on with has %s, found %s",
                                    item->string, was ? was : "none", is ? is : "none");
        cJSON_free(was);
        cJSON_free(is);
        return status;
    }
    return DD_OK;
}

/* Printed and read again, so that both sides are numbers as a file has them. */
dd_status dd__options_compare(const cJSON *before, const dd_train_options *options) {
    dd__json json = {NULL, false};
    cJSON *now;
    dd__options_json(&json, NULL, options);
    char *text = dd__json_print(&json, false);
    if (!text) return dd__no_memory(1);
    dd_status status = dd__json_parse(text, strlen(text), &now);
    cJSON_free(text);
    if (status != DD_OK) return status;
    status = compare(before, now);
    cJSON_Delete(now);
    return status;
}
