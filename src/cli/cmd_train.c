/* cmd_train.c: training, with the seed's recipe as the defaults. */
#include <math.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/folds.h"
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
     .help = "model whose weights to begin with, as far as their\nnames and shapes are NET's; "
             "alone it is NET as well"},
    {.name = "classes",
     .kind = CLI_TEXT,
     .value = "N|auto",
     .fallback_help = "NET's own",
     .offset = offsetof(settings, classes),
     .help = "give NET a new last layer, with an output for each of\nDATA's classes and their "
             "names"},
    {.name = "freeze",
     .kind = CLI_TEXT,
     .value = "LAYERS",
     .fallback_help = "none",
     .offset = offsetof(settings, freeze),
     .help = "layers that keep their weights, separated by commas: names,\nwith * for any "
             "characters (block1.*); until:LAYER, that one\nand all before it; all-but-head, "
             "until the last but one\nthat has weights. They compute as in inference"},
    {.name = "data",
     .kind = CLI_TEXT,
     .value = "DATA",
     .offset = offsetof(settings, data),
     .help = "folder with IDX files, Kaggle CSV, folder of images with\none folder a class, or "
             "synthetic[:COUNT[:SEED]]"},
    {.name = "add",
     .kind = CLI_TEXT,
     .value = "DATA",
     .offset = offsetof(settings, add),
     .help = "more images to train on, none of them for validation"},
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
     .help = "go on with the run in RUN, as it was begun: only\n--epochs, --early-stop, "
             "--micro-batch, --data and\n--teacher (moved) and the device may be new"},
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
    {.name = "micro-batch",
     .kind = CLI_INTEGER,
     .value = "N",
     .min = 0,
     .max = 1e6,
     .fallback_help = "0: as many as fit into memory",
     .offset = offsetof(settings, micro_batch),
     .help =
         "images computed at a time at most: a step's are divided into\nequal parts whose "
         "gradients "
         "are added up; the same training\nbut that batch norm sees the images of a part alone"},
    {.name = "seed",
     .kind = CLI_INTEGER,
     .value = "N",
     .min = 1,
     .max = 9007199254740992,
     .fallback_help = "42",
     .offset = offsetof(settings, seed),
     .help = "of initial weights, shuffle, augmentation and dropout"},
    {.name = "validation",
     .kind = CLI_TEXT,
     .value = "F|FILE",
     .fallback_help = "0.2",
     .offset = offsetof(settings, validation),
     .help =
         "training images kept for validation: a share of them,\n0: none; or those whose numbers, "
         "from 0, are in FILE, one\na line"},
    {.name = "folds",
     .kind = CLI_INTEGER,
     .value = "K",
     .min = 2,
     .max = 1000,
     .offset = offsetof(settings, folds),
     .help = "cross-validation instead: K trainings, into RUN/fold-1 to\nRUN/fold-K, each with "
             "another K-th for validation, and\nRUN/folds.json; the same command again goes on"},
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
     .help =
         "random changes of training images: none, digits, or ranges\nlike those of digits: "
         "rotation=10,width=0.1,height=0.1,\nshear=0.2,zoom=0.1 (degrees, parts of the image);\n"
         "also elastic=1 (pixels), thickness, blur, contrast,\nbackground, erase (0 to 1)"},
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
     .help = "how the learning rate changes: constant, plateau, step,\ncosine, one-cycle; behind "
             "a colon settings other than these:\nplateau:factor=0.5,patience=3,threshold=0.0001,"
             "floor=1e-5\nstep:factor=0.1,every=10  cosine:floor=0\none-cycle:rise=0.3,start=0.04,"
             "end=4e-6; all but this one also\nwarm-up=EPOCHS"},
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
    {.name = "average",
     .kind = CLI_NUMBER,
     .value = "F",
     .min = 0,
     .max = 0.999999,
     .fallback_help = "0: none",
     .offset = offsetof(settings, average),
     .help =
         "keep an average of the weights over the steps in their\nplace, of which a step leaves "
         "this share (0.999), with batch\nnorm's running values anew from images as they are"},
    {.name = "label-smoothing",
     .kind = CLI_NUMBER,
     .value = "S",
     .min = 0,
     .max = 0.99,
     .fallback_help = "0",
     .offset = offsetof(settings, label_smoothing),
     .help = "share of a label's weight that all classes get alike;\nalso in the loss of training, "
             "not in that of validation"},
    {.name = "teacher",
     .kind = CLI_TEXT,
     .value = "MODEL",
     .fallback_help = "none",
     .offset = offsetof(settings, teacher),
     .help =
         "trained model, an ensemble for one, whose answers to the\naugmented images NET learns "
         "beside the labels; also in the\nloss of training, not in that of validation"},
    {.name = "distill",
     .kind = CLI_TEXT,
     .value = "D",
     .fallback_help = "share=0.9,temperature=2",
     .offset = offsetof(settings, distill),
     .help = "how MODEL teaches: its share in the loss (the labels have\nthe rest), and what the "
             "logits of both are divided by"},
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
    const char *wrong = set->output       ? "output"
                        : set->overwrite  ? "overwrite"
                        : set->add        ? "add"
                        : set->model      ? "model"
                        : set->init       ? "init"
                        : set->classes    ? "classes"
                        : set->freeze     ? "freeze"
                        : set->distill    ? "distill"
                        : set->folds      ? "folds"
                        : set->split_seed ? "split-seed"
                        : set->validation ? "validation"
                                          : NULL;
    if (!wrong) return DD_OK;
    return cli_fail(DD_USAGE, "--%s belongs to a new run; --resume goes on as the run was begun",
                    wrong);
}

static dd_status check(const settings *set) {
    dd_dataset_info how;
    CLI_TRY(check_optimizer(set));
    CLI_TRY(cli_read_division(set, &how));
    if (set->resume) return check_resume(set);
    if (!set->data) return cli_fail(DD_USAGE, "expected --data DATA");
    if (!set->output) return cli_fail(DD_USAGE, "expected --output RUN");
    if (set->early_stop && !how.folds && !how.list && how.fraction <= 0)
        return cli_fail(DD_USAGE, "--early-stop measures on validation images, and --validation "
                                  "is 0");
    if (set->folds && set->validation)
        return cli_fail(DD_USAGE, "expected --folds or --validation, found both");
    if (strlen(set->output) + 64 > CLI_PATH_LIMIT)
        return cli_fail(DD_USAGE, "--output: expected a name of less than %d bytes",
                        CLI_PATH_LIMIT - 64);
    return DD_OK;
}

/* ---- The summary --------------------------------------------------------------------- */

static void print_text(const cli_training *t) {
    const dd_train_result *result = &t->result;
    char spent[32];
    printf("trained     %u epoch%s in %s, %.0f images/s\n", result->epochs,
           result->epochs == 1 ? "" : "s", cli_duration(result->seconds, spent, sizeof spent),
           result->images_per_second);
    printf("last epoch  loss %.4f  accuracy %.2f %%\n", result->loss, 100 * result->accuracy);
    if (isfinite(result->validation_loss)) {
        printf("validation  loss %.4f  accuracy %.2f %%  ", result->validation_loss,
               100 * result->validation_accuracy);
        printf(t->keeps_last ? "(last epoch, kept)\n" : "(epoch %u, kept)\n", result->best_epoch);
    }
    printf("model       %s/model.safetensors\nreport      %s/report.html\n", t->output, t->output);
}

static void say_next(const cli_training *t) {
    char output[4 * CLI_PATH_LIMIT + 4];
    cli_shell_word(output, t->output);
    cli_note("next, with images that were not trained on:\n"
             "  deepdigits evaluate --model %s/model.safetensors --data DATA\n"
             "  deepdigits classify --model %s/model.safetensors PATH...",
             output, output);
}

/* ---- One training -------------------------------------------------------------------- */

static dd_status show_one(const cli_training *t) {
    if (t->set->json) {
        cJSON *json = cJSON_CreateObject();
        cli_json_training(json, t);
        return cli_json_end(json, stdout, true);
    }
    print_text(t);
    say_next(t);
    return cli_flush_stdout();
}

static dd_status run_one(const cli_call *call, const settings *set) {
    cli_training t = {.call = call, .set = set, .resume = set->resume != NULL};
    snprintf(t.output, sizeof t.output, "%s", set->resume ? set->resume : set->output);
    if (set->resume) CLI_TRY(cli_run_load(set->resume, &t.run));
    dd_status status = cli_training_run(&t, show_one);
    dd_run_free(t.run);
    cJSON_Delete(t.profile);
    return status;
}

static dd_status run(const cli_call *call, const void *values) {
    const settings *set = values;
    CLI_TRY(check(set));
    return set->folds ? cli_folds_run(call, set) : run_one(call, set);
}

const cli_command cli_command_train = {
    .name = "train",
    .summary = "train a network",
    .usage = "[--model NET] [--init MODEL [--classes N|auto] [--freeze LAYERS]]\n"
             "           --data DATA --output RUN [options] | --resume RUN [--epochs N]",
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
        "      --optimizer sgd --learning-rate 0.05 --schedule cosine:warm-up=1 --device gpu\n"
        "  deepdigits train --model models/tiny.json --teacher models/digits.safetensors \\\n"
        "      --data mnist --output runs/taught\n"
        "  deepdigits train --init models/seed.safetensors --classes auto --freeze all-but-head "
        "\\\n"
        "      --data pictures/ --output runs/tuned --epochs 5\n",
    .options = options,
    .option_count = CLI_COUNT(options),
    .settings_size = sizeof(settings),
    .run = run,
};
