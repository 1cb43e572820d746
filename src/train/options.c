#include "train/options.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Augmentation ------------------------------------------------------------------------- */

#define RANGE(field, most) \
    { .name = #field, .type = DD__FLOAT, .offset = offsetof(dd__augment, field), .max = most }
static const dd__attribute ranges[] = {RANGE(rotation, 180), RANGE(width, 1),   RANGE(height, 1),
                                       RANGE(shear, 89),     RANGE(zoom, 0.99), {0}};

dd_status dd__augment_parse(const char *text, dd__augment *augment) {
    if (!text || strcmp(text, "none") == 0) text = "";
    if (strcmp(text, "digits") == 0) text = "rotation=10,width=0.1,height=0.1,shear=0.2,zoom=0.1";
    return dd__within(dd__settings_parse(text, ranges, augment),
                      "augmentation (none, digits, or settings)");
}

static void print_augment(const dd__augment *augment, char out[DD__SETTINGS_TEXT]) {
    static const dd__augment none;
    if (memcmp(augment, &none, sizeof none) == 0)
        strcpy(out, "none");
    else
        dd__settings_print(ranges, augment, out, DD__SETTINGS_TEXT);
}

/* ---- Settling ----------------------------------------------------------------------------- */

dd_status dd__options_settle(const dd_train_options *given, dd__settled *s) {
    dd_train_options *o = &s->options;
    float learning_rate;
    *s = (dd__settled){.options = given ? *given : (dd_train_options){0}};
    DD_TRY(dd__optimizer_find(o->optimizer, &s->optimizer));
    DD_TRY(dd__optimizer_settle(s->optimizer, o, &s->settings, &learning_rate));
    DD_TRY(dd__schedule_parse(o->schedule, &s->schedule));
    DD_TRY(dd__augment_parse(o->augment, &s->augment));
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
    return DD_OK;
}

/* ---- JSON ----------------------------------------------------------------------------------- */

static const char *const keeps[] = {"best", "last"}; /* by dd_keep */

cJSON *dd__options_json(const dd_train_options *o) {
    cJSON *object = cJSON_CreateObject();
    char seed[32]; /* as text: a JSON number cannot hold 64 bits */
    snprintf(seed, sizeof seed, "%" PRIu64, o->seed);
    cJSON_AddNumberToObject(object, "epochs", o->epochs);
    cJSON_AddNumberToObject(object, "batch", o->batch);
    cJSON_AddStringToObject(object, "seed", seed);
    cJSON_AddStringToObject(object, "optimizer", o->optimizer);
    cJSON_AddNumberToObject(object, "learning_rate", o->learning_rate);
    cJSON_AddNumberToObject(object, "momentum", o->momentum);
    cJSON_AddNumberToObject(object, "weight_decay", o->weight_decay);
    cJSON_AddStringToObject(object, "schedule", o->schedule);
    cJSON_AddStringToObject(object, "augment", o->augment);
    cJSON_AddNumberToObject(object, "early_stop", o->early_stop);
    cJSON_AddStringToObject(object, "keep", keeps[o->keep]);
    return object;
}

static dd_status parse_unsigned(const cJSON *object, const char *key, int64_t min, unsigned *out) {
    int64_t number;
    DD_TRY(dd__json_integer(object, key, min, UINT32_MAX, &number));
    *out = (unsigned)number;
    return DD_OK;
}

dd_status dd__options_parse(const cJSON *object, dd_train_options *o) {
    const char *seed, *keep;
    *o = (dd_train_options){0};
    DD_TRY(parse_unsigned(object, "epochs", 1, &o->epochs));
    DD_TRY(parse_unsigned(object, "batch", 1, &o->batch));
    DD_TRY(parse_unsigned(object, "early_stop", 0, &o->early_stop));
    DD_TRY(dd__json_string(object, "seed", &seed));
    DD_TRY(dd__json_string(object, "optimizer", &o->optimizer));
    DD_TRY(dd__json_number(object, "learning_rate", &o->learning_rate));
    DD_TRY(dd__json_number(object, "momentum", &o->momentum));
    DD_TRY(dd__json_number(object, "weight_decay", &o->weight_decay));
    DD_TRY(dd__json_string(object, "schedule", &o->schedule));
    DD_TRY(dd__json_string(object, "augment", &o->augment));
    DD_TRY(dd__json_string(object, "keep", &keep));
    o->seed = strtoull(seed, NULL, 10);
    o->keep = strcmp(keep, keeps[DD_KEEP_LAST]) == 0 ? DD_KEEP_LAST : DD_KEEP_BEST;
    /* 0 would ask for the optimizer's own */
    if (o->momentum == 0) o->momentum = -1;
    return DD_OK;
}

dd_status dd__options_compare(const cJSON *before, const cJSON *now) {
    const cJSON *item;
    cJSON_ArrayForEach(item, now) {
        const cJSON *old = cJSON_GetObjectItemCaseSensitive(before, item->string);
        if (strcmp(item->string, "epochs") == 0 || strcmp(item->string, "early_stop") == 0)
            continue;
        if (cJSON_Compare(old, item, true)) continue;
        char *was = cJSON_PrintUnformatted(old), *is = cJSON_PrintUnformatted(item);
        dd_status status = dd__fail(DD_USAGE, "%s: the run to go on with has %s, found %s",
                                    item->string, was ? was : "none", is ? is : "none");
        cJSON_free(was);
        cJSON_free(is);
        return status;
    }
    return DD_OK;
}
