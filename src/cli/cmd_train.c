/* cmd_train.c: training, with the seed's recipe as the defaults. */
#include <math.h>
#include <string.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/output.h"
#include "cli/progress.h"

enum { PATH_LIMIT = 4096 };

typedef struct settings {
    const char *model, *data, *output;
    int64_t epochs, batch, seed, split_seed;
    double validation, learning_rate, momentum, weight_decay; /* the last three NaN: not given */
    int optimizer, keep;                                      /* keep: dd_keep */
    bool overwrite, json;
} settings;

enum { SGD, ADAM, ADAMW };
static const char *const optimizers[] = {"sgd", "adam", "adamw", NULL};
static const char *const keeps[] = {"best", "last", NULL};

static const cli_option options[] = {
    {.name = "model",
     .kind = CLI_TEXT,
     .value = "NET",
     .offset = offsetof(settings, model),
     .fallback_help = "the seed network",
     .help = "network (.json), or model (.safetensors) to train on"},
    CLI_OPTION_DATA(
        "folder with IDX files, Kaggle CSV, folder of images with\none folder a class, or "
        "synthetic[:COUNT[:SEED]]"),
    {.name = "output",
     .kind = CLI_TEXT,
     .value = "RUN",
     .required = true,
     .offset = offsetof(settings, output),
     .help = "folder for what the training makes"},
    {.name = "overwrite",
     .kind = CLI_FLAG,
     .offset = offsetof(settings, overwrite),
     .help = "replace the model that is in RUN already"},
    {.name = "epochs",
     .kind = CLI_INTEGER,
     .value = "N",
     .min = 1,
     .max = 1e6,
     .fallback = "50",
     .offset = offsetof(settings, epochs),
     .help = "passes over the training images"},
    CLI_OPTION_BATCH("128", "images a step"),
    {.name = "seed",
     .kind = CLI_INTEGER,
     .value = "N",
     .min = 1,
     .max = 9007199254740992,
     .fallback = "42",
     .offset = offsetof(settings, seed),
     .help = "of initial weights, shuffle and dropout"},
    {.name = "validation",
     .kind = CLI_NUMBER,
     .value = "F",
     .min = 0,
     .max = 0.99,
     .fallback = "0.2",
     .offset = offsetof(settings, validation),
     .help = "share of the training images kept for validation; 0: none"},
    {.name = "split-seed",
     .kind = CLI_INTEGER,
     .value = "N",
     .min = 1,
     .max = 9007199254740992,
     .fallback = "42",
     .offset = offsetof(settings, split_seed),
     .help = "of the choice of validation images, apart from --seed\nso that runs can be compared"},
    {.name = "optimizer",
     .kind = CLI_CHOICE,
     .choices = optimizers,
     .fallback = "adam",
     .offset = offsetof(settings, optimizer),
     .help = "how the weights are updated"},
    {.name = "learning-rate",
     .kind = CLI_NUMBER,
     .value = "F",
     .min = 0,
     .above_min = true,
     .max = 1e3,
     .fallback_help = "sgd 0.01, adam and adamw 0.001",
     .offset = offsetof(settings, learning_rate),
     .help = "step size"},
    {.name = "momentum",
     .kind = CLI_NUMBER,
     .value = "F",
     .min = 0,
     .max = 0.9999,
     .fallback_help = "0.9",
     .offset = offsetof(settings, momentum),
     .help = "of sgd"},
    {.name = "weight-decay",
     .kind = CLI_NUMBER,
     .value = "F",
     .min = 0,
     .max = 10,
     .fallback_help = "sgd 0, adamw 0.01",
     .offset = offsetof(settings, weight_decay),
     .help = "of sgd and adamw"},
    {.name = "keep",
     .kind = CLI_CHOICE,
     .choices = keeps,
     .fallback = "best",
     .offset = offsetof(settings, keep),
     .help = "weights of the epoch with the least validation loss,\nor of the last one"},
    CLI_OPTION_JSON("the summary as JSON"),
};

/* ---- Checks before anything long ----------------------------------------------------- */

static dd_status check_optimizer(const settings *set) {
    const char *name = optimizers[set->optimizer];
    if (!isnan(set->momentum) && set->optimizer != SGD)
        return cli_fail(DD_USAGE, "--momentum belongs to --optimizer sgd, found %s", name);
    if (!isnan(set->weight_decay) && set->optimizer == ADAM)
        return cli_fail(DD_USAGE, "--weight-decay belongs to --optimizer sgd or adamw, found %s",
                        name);
    return DD_OK;
}

static dd_status model_path(const settings *set, char *path, size_t size) {
    int length = snprintf(path, size, "%s/model.safetensors", set->output);
    if (length < 0 || (size_t)length >= size)
        return cli_fail(DD_USAGE, "--output: expected a name of less than %zu bytes", size - 20);
    return DD_OK;
}

/* Makes RUN now, so that a training of hours does not end at a folder that cannot be written. */
static dd_status claim_run(const settings *set, const char *path, bool *made) {
    CLI_TRY(cli_folder_make(set->output, made));
    if (access(set->output, W_OK | X_OK) != 0)
        return cli_fail(DD_IO, "%s: expected a folder that can be written to", set->output);
    if (!set->overwrite && access(path, F_OK) == 0)
        return cli_fail(DD_USAGE,
                        "%s is there already: name another --output, or replace it with "
                        "--overwrite",
                        path);
    return DD_OK;
}

/* ---- The work ------------------------------------------------------------------------ */

typedef struct training {
    dd_model *model;
    dd_dataset *all, *data, *validation;
    dd_device *device;
    dd_train_result result;
} training;

static dd_status load(const settings *set, training *train) {
    dd_dataset_info first, second;
    CLI_TRY(cli_load_network(set->model, &train->model));
    CLI_TRY(cli_load_data(set->data, DD_SPLIT_TRAIN, &train->all));
    CLI_TRY(cli_check_size(train->model, train->all, set->data));
    if (set->validation <= 0) return DD_OK;
    CLI_TRY(dd_dataset_divide(train->all, set->validation, (uint64_t)set->split_seed, &train->data,
                              &train->validation));
    dd_dataset_free(train->all);
    train->all = NULL;
    dd_dataset_describe(train->data, &first);
    dd_dataset_describe(train->validation, &second);
    cli_note("split: %zu to train on, %zu for validation (seed %lld)", first.count, second.count,
             (long long)set->split_seed);
    return DD_OK;
}

/* The library takes 0 for "the optimizer's own", so a zero that was asked for is said otherwise:
 * momentum below 0 is none, and AdamW without decay is Adam. */
static dd_train_options make_options(const cli_call *call, const settings *set) {
    bool plain_adam = set->optimizer == ADAMW && set->weight_decay == 0;
    dd_train_options made = {
        .epochs = (unsigned)set->epochs,
        .batch = (unsigned)set->batch,
        .seed = (uint64_t)set->seed,
        .optimizer = optimizers[plain_adam ? ADAM : set->optimizer],
        .learning_rate = isnan(set->learning_rate) ? 0 : set->learning_rate,
        .momentum = isnan(set->momentum) ? 0
                    : set->momentum > 0  ? set->momentum
                                         : -1,
        .weight_decay = isnan(set->weight_decay) ? 0 : set->weight_decay,
        .keep = (dd_keep)set->keep,
        .output = set->output,
        .command = call->line,
        .progress = cli_train_progress,
    };
    return made;
}

static dd_status work(const cli_call *call, const settings *set, training *train) {
    dd_train_options made = make_options(call, set);
    CLI_TRY(cli_open_one_device(&call->common, &train->device));
    const dd_dataset *data = train->data ? train->data : train->all;
    dd_status status =
        dd_train(train->device, train->model, data, train->validation, &made, &train->result);
    if (status == DD_INTERRUPTED)
        return cli_fail(status, "interrupted after %u epochs; what was finished is in %s",
                        train->result.epochs, set->output);
    CLI_TRY(status);
    if (!call->common.profile) return DD_OK;
    return cli_profile(train->device, train->model, true, made.batch);
}

/* ---- The summary --------------------------------------------------------------------- */

static dd_status print_json(const settings *set, const dd_train_result *result, const char *path) {
    cJSON *json = cJSON_CreateObject();
    cli_json_count(json, "epochs", result->epochs);
    cli_json_count(json, "best_epoch", result->best_epoch);
    cli_json_number(json, "loss", result->loss);
    cli_json_number(json, "accuracy", result->accuracy);
    bool validated = set->validation > 0;
    cli_json_number(json, "validation_loss", validated ? result->validation_loss : (double)NAN);
    cli_json_number(json, "validation_accuracy",
                    validated ? result->validation_accuracy : (double)NAN);
    cli_json_number(json, "seconds", result->seconds);
    cli_json_number(json, "images_per_second", result->images_per_second);
    cli_json_text(json, "model", path);
    return cli_json_end(json, stdout, true);
}

static dd_status print_text(const settings *set, const dd_train_result *result, const char *path) {
    char spent[32];
    printf("trained     %u epochs in %s, %.0f images/s\n", result->epochs,
           cli_duration(result->seconds, spent, sizeof spent), result->images_per_second);
    printf("last epoch  loss %.4f  accuracy %.2f %%\n", result->loss, 100 * result->accuracy);
    if (set->validation > 0) {
        printf("validation  loss %.4f  accuracy %.2f %%", result->validation_loss,
               100 * result->validation_accuracy);
        printf(set->keep == DD_KEEP_BEST ? "  (epoch %u, kept)\n" : "  (last epoch, kept)\n",
               result->best_epoch);
    }
    printf("model       %s\nhistory     %s/history.csv\n", path, set->output);
    return DD_OK;
}

static void say_next(const settings *set, const char *path) {
    char model[4 * PATH_LIMIT + 4], data[4 * PATH_LIMIT + 4];
    if (strlen(set->data) >= PATH_LIMIT) return;
    cli_shell_word(model, path);
    cli_shell_word(data, set->data);
    cli_note("next, on images that were not trained on:\n"
             "  deepdigits evaluate --model %s --data %s\n"
             "  deepdigits classify --model %s PATH...",
             model, data, model);
}

static dd_status run(const cli_call *call, const void *values) {
    const settings *set = values;
    training train;
    char path[PATH_LIMIT];
    bool made = false;
    dd_status status;
    memset(&train, 0, sizeof train);
    CLI_TRY(check_optimizer(set));
    CLI_TRY(model_path(set, path, sizeof path));
    CLI_TRY_OUT(load(set, &train));
    CLI_TRY_OUT(claim_run(set, path, &made));
    CLI_TRY_OUT(work(call, set, &train));
    CLI_TRY_OUT(set->json ? print_json(set, &train.result, path)
                          : print_text(set, &train.result, path));
    say_next(set, path);
out:
    if (status != DD_OK && made) (void)rmdir(set->output); /* only if nothing is in it */
    dd_device_close(train.device);
    dd_dataset_free(train.validation);
    dd_dataset_free(train.data);
    dd_dataset_free(train.all);
    dd_model_free(train.model);
    return status;
}

const cli_command cli_command_train = {
    .name = "train",
    .summary = "train a network",
    .usage = "[--model NET] --data DATA --output RUN [options]",
    .about = "RUN gets model.safetensors (network, weights, classes), history.csv\n"
             "(a row an epoch) and run.json (all that is needed to repeat the run). The test\n"
             "images of DATA are not read; see evaluate. Ctrl-C saves and ends; once more ends\n"
             "at once.\n",
    .examples =
        "  deepdigits train --data mnist --output runs/first --epochs 5\n"
        "  deepdigits train --model models/seed.json --data train.csv --output runs/sgd \\\n"
        "      --optimizer sgd --learning-rate 0.05 --validation 0.1 --device gpu\n",
    .options = options,
    .option_count = CLI_COUNT(options),
    .settings_size = sizeof(settings),
    .run = run,
};
