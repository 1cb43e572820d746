/* training.h: what `train` does once its options are read; cmd_train.c has the options. */
#ifndef DD_CLI_TRAINING_H
#define DD_CLI_TRAINING_H

#include "cli/cli.h"

enum { CLI_PATH_LIMIT = 4096 };

typedef enum cli_optimizer { CLI_SGD, CLI_ADAM, CLI_ADAMW } cli_optimizer;
extern const char *const cli_optimizer_names[]; /* ended by NULL */

/* The options of `train`. NULL, 0 or NaN: not given. */
typedef struct cli_train_settings {
    const char *model, *init, *data, *add, *output, *resume, *classes, *freeze, *teacher, *distill;
    int64_t epochs, batch, micro_batch, seed, split_seed, folds, early_stop;
    const char *validation; /* a share, or a list's path */
    double learning_rate, momentum, weight_decay, average, label_smoothing;
    const char *schedule, *augment;
    int optimizer, keep; /* cli_optimizer, dd_keep; -1: not given */
    bool overwrite, json;
} cli_train_settings;

/* One training: of a network on one part of the data, into one folder. */
typedef struct cli_training {
    const cli_call *call;
    const cli_train_settings *set;
    char output[CLI_PATH_LIMIT];
    unsigned fold; /* from 1; 0: the data are divided in two */
    bool resume;   /* go on with the run in `output` */
    dd_run *run;   /* what it was begun with, where the options do not say it; or NULL */
    dd_train_result result;
    bool keeps_last; /* weights of the last epoch, not the best one */
    cJSON *profile;  /* of a step, in it "teacher"; with --profile and --json, or NULL */
} cli_training;

/* What --validation, --split-seed and --folds ask for. DD_USAGE */
dd_status cli_read_division(const cli_train_settings *set, dd_dataset_info *how);

/* Told when a training is done, before its page is written. */
typedef dd_status cli_training_done(const cli_training *training);

/* Whether the folder has a run that was begun. */
bool cli_run_is_begun(const char *folder);
/* dd_run_load, with more to say of a folder that has no run. */
dd_status cli_run_load(const char *folder, dd_run **run);

/* Checks, loads, divides, trains, calls `done`, writes the page. On failure `output` is gone again if
 * nothing is in it. The caller deletes `profile`, also then. */
dd_status cli_training_run(cli_training *training, cli_training_done *done);
/* Adds what came of it to the object. */
void cli_json_training(cJSON *json, const cli_training *training);

#endif
