/* cmd_train.c: training, with the seed's recipe as the defaults. */
#include <math.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "cli/training.h"

typedef cli_train_settings settings;

static const char *const keeps[] = {"best", "last", NULL}; /* by dd_keep */

static const cli_option options[] = {
    {.name = "model",
     .kind = CLI_TEXT,
     .value = "NET",
     .offset = offsetof(settings, model),
     .fallback_help = "the seed network",
     .help = "network (.json), or model (.safetensors) to train on"},
    {.name = "init",
     .kind = CLI_TEXT,
     .value = "MODEL",
     .offset = offsetof(settings, init),
     .fallback_help = "from the seed",
     .help = "model whose weights to begin with, as far as their\nnames and shapes are NET's"},
    {.name = "data",
     .kind = CLI_TEXT,
     .value = "DATA",
     .offset = offsetof(settings, data),
     .help = "folder with IDX files, Kaggle CSV, folder of images with\none folder a class, or "
             "synthetic[:COUNT[:SEED]]"},
    {.name = "output",
     .kind = CLI_TEXT,
     .value = "RUN",
     .offset = offsetof(settings, output),
     .help = "folder for what the training makes"},
    {.name = "overwrite",
     .kind = CLI_FLAG,
     .offset = offsetof(settings, overwrite),
     .help = "replace the run that is in RUN already"},
    {.name = "resume",
     .kind = CLI_TEXT,
     .value = "RUN",
     .offset = offsetof(settings, resume),
     .help = "go on with the run in RUN, as it was begun: only\n--epochs, --early-stop, --data "
             "(moved) and the device\nmay be new"},
    {.name = "epochs",
     .kind = CLI_INTEGER,
     .value = "N",
     .min = 1,
     .max = 1e6,
     .fallback_help = "50",
     .offset = offsetof(settings, epochs),
     .help = "passes over the training images, in all"},
    {.name = "batch",
     .kind = CLI_INTEGER,
     .value = "N",
     .min = 1,
     .max = 1e6,
     .fallback_help = "128",
     .offset = offsetof(settings, batch),
     .help = "images a step"},
    {.name = "seed",
     .kind = CLI_INTEGER,
     .value = "N",
     .min = 1,
     .max = 9007199254740992,
     .fallback_help = "42",
     .offset = offsetof(settings, seed),
     .help = "of initial weights, shuffle, augmentation and dropout"},
    {.name = "validation",
     .kind = CLI_NUMBER,
     .value = "F",
     .min = 0,
     .max = 0.99,
     .fallback_help = "0.2",
     .offset = offsetof(settings, validation),
     .help = "share of the training images kept for validation; 0: none"},
    {.name = "folds",
     .kind = CLI_INTEGER,
     .value = "K",
     .min = 2,
     .max = 1000,
     .offset = offsetof(settings, folds),
     .help = "cross-validation instead: K trainings, into RUN/fold-1 to\nRUN/fold-K, each with "
             "another K-th for validation; the\nsame command again goes on where it stopped"},
    {.name = "split-seed",
     .kind = CLI_INTEGER,
     .value = "N",
     .min = 1,
     .max = 9007199254740992,
     .fallback_help = "42",
     .offset = offsetof(settings, split_seed),
     .help = "of the choice of validation images, apart from --seed\nso that runs can be compared"},
    {.name = "augment",
     .kind = CLI_TEXT,
     .value = "A",
     .fallback_help = "digits",
     .offset = offsetof(settings, augment),
     .help = "random changes of training images: none, digits, or ranges\nlike those of digits: "
             "rotation=10,width=0.1,height=0.1,\nshear=0.2,zoom=0.1 (degrees, parts of the image)"},
    {.name = "optimizer",
     .kind = CLI_CHOICE,
     .choices = cli_optimizer_names,
     .fallback_help = "adam",
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
     .help = "step size, at its largest"},
    {.name = "schedule",
     .kind = CLI_TEXT,
     .value = "S",
     .fallback_help = "plateau",
     .offset = offsetof(settings, schedule),
     .help = "how the learning rate changes: constant, plateau, step,\ncosine, one-cycle; settings "
             "behind a colon, the usual ones:\nplateau:factor=0.5,patience=3,threshold=0.0001,"
             "floor=1e-5\nstep:factor=0.1,every=10  cosine:floor=0  one-cycle:rise=0.3;\nall "
             "but the last also warm-up=EPOCHS"},
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
    {.name = "early-stop",
     .kind = CLI_INTEGER,
     .value = "N",
     .min = 1,
     .max = 1e6,
     .fallback_help = "never",
     .offset = offsetof(settings, early_stop),
     .help = "end after N epochs without a better validation loss"},
    {.name = "keep",
     .kind = CLI_CHOICE,
     .choices = keeps,
     .fallback_help = "best",
     .offset = offsetof(settings, keep),
     .help = "weights of the epoch with the least validation loss,\nor of the last one"},
    CLI_OPTION_JSON("the summary as JSON"),
};

/* ---- Checks before anything long ----------------------------------------------------- */

static dd_status check_optimizer(const settings *set) {
    int optimizer = set->optimizer < 0 ? CLI_ADAM : set->optimizer;
    const char *name = cli_optimizer_names[optimizer];
    if (set->resume && set->optimizer < 0) return DD_OK;
    if (!isnan(set->momentum) && optimizer != CLI_SGD)
        return cli_fail(DD_USAGE, "--momentum belongs to --optimizer sgd, found %s", name);
    if (!isnan(set->weight_decay) && optimizer == CLI_ADAM)
        return cli_fail(DD_USAGE, "--weight-decay belongs to --optimizer sgd or adamw, found %s",
                        name);
    return DD_OK;
}

/* Options that only begin a run. */
static dd_status check_resume(const settings *set) {
    const char *wrong = set->output               ? "output"
                        : set->overwrite          ? "overwrite"
                        : set->model              ? "model"
                        : set->init               ? "init"
                        : set->folds              ? "folds"
                        : set->split_seed         ? "split-seed"
                        : !isnan(set->validation) ? "validation"
                                                  : NULL;
    if (!wrong) return DD_OK;
    return cli_fail(DD_USAGE, "--%s belongs to a new run; --resume goes on as the run was begun",
                    wrong);
}

static dd_status check(const settings *set) {
    CLI_TRY(check_optimizer(set));
    if (set->resume) return check_resume(set);
    if (!set->data) return cli_fail(DD_USAGE, "expected --data DATA");
    if (!set->output) return cli_fail(DD_USAGE, "expected --output RUN");
    if (set->folds && !isnan(set->validation))
        return cli_fail(DD_USAGE, "expected --folds or --validation, found both");
    if (strlen(set->output) + 64 > CLI_PATH_LIMIT)
        return cli_fail(DD_USAGE, "--output: expected a name of less than %d bytes",
                        CLI_PATH_LIMIT - 64);
    return DD_OK;
}

/* ---- The summary --------------------------------------------------------------------- */

static void add_result(cJSON *json, const cli_training *t) {
    const dd_train_result *result = &t->result;
    char model[CLI_PATH_LIMIT + 64];
    snprintf(model, sizeof model, "%s/model.safetensors", t->output);
    cli_json_count(json, "epochs", result->epochs);
    cli_json_count(json, "best_epoch", result->best_epoch);
    cli_json_number(json, "loss", result->loss);
    cli_json_number(json, "accuracy", result->accuracy);
    cli_json_number(json, "validation_loss", result->validation_loss);
    cli_json_number(json, "validation_accuracy", result->validation_accuracy);
    cli_json_number(json, "seconds", result->seconds);
    cli_json_number(json, "images_per_second", result->images_per_second);
    cli_json_text(json, "model", model);
}

static dd_status print_text(const cli_training *t) {
    const dd_train_result *result = &t->result;
    char spent[32];
    printf("trained     %u epochs in %s, %.0f images/s\n", result->epochs,
           cli_duration(result->seconds, spent, sizeof spent), result->images_per_second);
    printf("last epoch  loss %.4f  accuracy %.2f %%\n", result->loss, 100 * result->accuracy);
    if (isfinite(result->validation_loss)) {
        bool last = t->set->keep == DD_KEEP_LAST;
        printf("validation  loss %.4f  accuracy %.2f %%  ", result->validation_loss,
               100 * result->validation_accuracy);
        printf(last ? "(last epoch, kept)\n" : "(epoch %u, kept)\n", result->best_epoch);
    }
    printf("model       %s/model.safetensors\nreport      %s/report.html\n", t->output, t->output);
    return DD_OK;
}

static dd_status print_one(const cli_training *t) {
    if (!t->set->json) return print_text(t);
    cJSON *json = cJSON_CreateObject();
    add_result(json, t);
    return cli_json_end(json, stdout, true);
}

static void say_next(const cli_training *t) {
    char output[4 * CLI_PATH_LIMIT + 4], data[4 * CLI_PATH_LIMIT + 4];
    if (!t->set->data || strlen(t->set->data) >= CLI_PATH_LIMIT) return;
    cli_shell_word(output, t->output);
    cli_shell_word(data, t->set->data);
    cli_note("next, on images that were not trained on:\n"
             "  deepdigits evaluate --model %s/model.safetensors --data %s\n"
             "  deepdigits classify --model %s/model.safetensors PATH...",
             output, data, output);
}

/* ---- One training -------------------------------------------------------------------- */

static dd_status run_one(const cli_call *call, const settings *set) {
    cli_training t = {.call = call, .set = set};
    snprintf(t.output, sizeof t.output, "%s", set->resume ? set->resume : set->output);
    if (set->resume) CLI_TRY(dd_run_load(set->resume, &t.run));
    dd_status status = cli_training_run(&t);
    dd_run_free(t.run);
    CLI_TRY(status);
    CLI_TRY(print_one(&t));
    say_next(&t);
    return DD_OK;
}

/* ---- Cross-validation ---------------------------------------------------------------- */

typedef struct spread {
    double sum, squares;
    unsigned count;
} spread;

static void add(spread *s, double x) {
    s->sum += x;
    s->squares += x * x;
    s->count++;
}
static double mean(const spread *s) { return s->sum / s->count; }
/* Of the sample: divided by count - 1. */
static double deviation(const spread *s) {
    return sqrt(fmax(0, s->squares - s->sum * s->sum / s->count) / (s->count - 1));
}

/* What a finished fold's run.json says, as if it had been trained now. */
static dd_status recall(cli_training *t) {
    dd_run *run;
    CLI_TRY(dd_run_load(t->output, &run));
    const dd_epoch *last = &run->epochs[run->epoch_count - 1], *kept = last;
    if (run->options.keep == DD_KEEP_BEST && run->best_epoch)
        kept = &run->epochs[run->best_epoch - 1];
    t->result = (dd_train_result){.epochs = last->epoch,
                                  .best_epoch = run->best_epoch,
                                  .loss = last->loss,
                                  .accuracy = last->accuracy,
                                  .validation_loss = kept->validation_loss,
                                  .validation_accuracy = kept->validation_accuracy};
    for (size_t i = 0; i < run->epoch_count; i++) t->result.seconds += run->epochs[i].seconds;
    t->result.images_per_second = last->images_per_second;
    dd_run_free(run);
    return DD_OK;
}

static dd_status run_fold(cli_training *t) {
    bool again = !t->set->overwrite;
    snprintf(t->output, sizeof t->output, "%s/fold-%u", t->set->output, t->fold);
    cli_note("fold %u of %lld: %s", t->fold, (long long)t->set->folds, t->output);
    if (again && cli_run_is_finished(t->output)) return recall(t);
    if (again && cli_run_is_begun(t->output)) CLI_TRY(dd_run_load(t->output, &t->run));
    dd_status status = cli_training_run(t);
    dd_run_free(t->run);
    return status;
}

static dd_status print_folds(const settings *set, const spread *loss, const spread *accuracy,
                             cJSON *rows) {
    if (set->json) {
        cJSON *json = cJSON_CreateObject();
        cJSON_AddItemToObject(json, "folds", rows);
        cli_json_number(json, "validation_loss", mean(loss));
        cli_json_number(json, "validation_loss_deviation", deviation(loss));
        cli_json_number(json, "validation_accuracy", mean(accuracy));
        cli_json_number(json, "validation_accuracy_deviation", deviation(accuracy));
        return cli_json_end(json, stdout, true);
    }
    cJSON_Delete(rows);
    printf("validation  %u folds: loss %.4f +- %.4f  accuracy %.2f +- %.2f %% (mean and standard "
           "deviation)\n",
           loss->count, mean(loss), deviation(loss), 100 * mean(accuracy),
           100 * deviation(accuracy));
    return DD_OK;
}

static dd_status run_folds(const cli_call *call, const settings *set) {
    spread loss = {0, 0, 0}, accuracy = {0, 0, 0};
    cJSON *rows = cJSON_CreateArray();
    for (unsigned fold = 1; fold <= set->folds; fold++) {
        cli_training t = {.call = call, .set = set, .fold = fold};
        dd_status status = run_fold(&t);
        if (status != DD_OK) {
            cJSON_Delete(rows);
            return status;
        }
        add(&loss, t.result.validation_loss);
        add(&accuracy, t.result.validation_accuracy);
        cJSON *row = cJSON_CreateObject();
        add_result(row, &t);
        cJSON_AddItemToArray(rows, row);
        if (!set->json) CLI_TRY(print_text(&t));
    }
    return print_folds(set, &loss, &accuracy, rows);
}

static dd_status run(const cli_call *call, const void *values) {
    const settings *set = values;
    CLI_TRY(check(set));
    return set->folds ? run_folds(call, set) : run_one(call, set);
}

const cli_command cli_command_train = {
    .name = "train",
    .summary = "train a network",
    .usage = "[--model NET] --data DATA --output RUN [options] | --resume RUN [--epochs N]",
    .about =
        "RUN gets model.safetensors (network, weights, classes), last.safetensors (of the last\n"
        "epoch), report.html (to look at), history.csv (a row an epoch), run.json (all that is\n"
        "needed to repeat the run) and checkpoint/ (to go on from). The test images of DATA\n"
        "are not read; see evaluate. Ctrl-C saves and ends, --resume goes on; a second Ctrl-C\n"
        "ends at once.\n",
    .examples =
        "  deepdigits train --data mnist --output runs/first --epochs 5\n"
        "  deepdigits train --resume runs/first --epochs 10\n"
        "  deepdigits train --model models/seed.json --data train.csv --output runs/sgd \\\n"
        "      --optimizer sgd --learning-rate 0.05 --schedule cosine:warm-up=1 --device gpu\n",
    .options = options,
    .option_count = CLI_COUNT(options),
    .settings_size = sizeof(settings),
    .run = run,
};
