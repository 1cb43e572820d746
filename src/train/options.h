/* options.h: what dd_train was asked for, settled: no zero that means a default, texts taken apart.
 */
#ifndef DD_TRAIN_OPTIONS_H
#define DD_TRAIN_OPTIONS_H

#include "base/json.h"
#include "train/distill.h"
#include "train/optimizer.h"
#include "train/schedule.h"

typedef struct dd__settled {
    dd_train_options
        options; /* schedule, augment and distill point to the texts below: not to be copied */
    const dd__optimizer *optimizer;
    dd__optimizer_settings settings;
    dd__schedule schedule;
    dd__augment augment;
    dd__distill distill;
    char schedule_text[DD__SETTINGS_TEXT], augment_text[DD__SETTINGS_TEXT],
        distill_text[DD__SETTINGS_TEXT];
} dd__settled;

/* DD_USAGE with the option that makes no sense */
dd_status dd__options_settle(const dd_train_options *given, dd__settled *settled);

/* Reads "none", "digits", "rotation=10,zoom=0.1"; NULL: "none". DD_USAGE */
dd_status dd__augment_parse(const char *text, dd__augment *augment);

extern const char *const dd__keep_names[]; /* by dd_keep */

/* Adds settled options as the member "options" of `parent`, or as the value itself. What belongs to a
 * machine or a call (output, resume, command, progress) is left out. */
void dd__options_json(dd__json *json, cJSON *parent, const dd_train_options *options);
/* The same back; strings belong to the object. DD_FORMAT */
dd_status dd__options_parse(const cJSON *object, dd_train_options *options);
/* Whether a run with options `before` can be gone on with by `options`, which are settled. DD_USAGE
 * names the first that differs; epochs, early_stop and micro_batch may. */
dd_status dd__options_compare(const cJSON *before, const dd_train_options *options);

#endif
