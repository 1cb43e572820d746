#include "cli/training.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/output.h"
#include "cli/progress.h"

const char *const cli_optimizer_names[] = {"sgd", "adam", "adamw", NULL};

typedef struct work {
    dd_model *model;
    dd_dataset *all, *data, *validation;
    dd_device *device;
} work;

/* ---- The folder ---------------------------------------------------------------------- */

static bool has_file(const char *folder, const char *name) {
    char path[CLI_PATH_LIMIT + 64];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return access(path, F_OK) == 0;
}

bool cli_run_is_begun(const char *folder) {
    return has_file(folder, "checkpoint/state.safetensors");
}

dd_status cli_run_load(const char *folder, dd_run **run) {
    if (has_file(folder, "run.json")) return dd_run_load(folder, run);
    if (has_file(folder, "fold-1/run.json"))
        return cli_fail(DD_USAGE,
                        "%s holds the folds of a cross-validation: name one of them, as "
                        "%s/fold-1",
                        folder, folder);
    return cli_fail(DD_IO, "%s: expected the folder of a run, which has a run.json", folder);
}

/* Makes RUN now, so that a training of hours does not end at a folder that cannot be written. */
static dd_status claim(const cli_training *t, bool *made) {
    const char *output = t->output;
    CLI_TRY(cli_folder_make(output, made));
    if (access(output, W_OK | X_OK) != 0)
        return cli_fail(DD_IO, "%s: expected a folder that can be written to", output);
    if (t->resume || t->set->overwrite) return DD_OK;
    if (has_file(output, "model.safetensors"))
        return cli_fail(DD_USAGE,
                        "%s/model.safetensors is there already: name another --output, go on "
                        "with --resume, or replace it with --overwrite",
                        output);
    if (cli_run_is_begun(output))
        return cli_fail(DD_USAGE,
                        "%s has a run that was begun: name another --output, go on with "
                        "--resume, or replace it with --overwrite",
                        output);
    return DD_OK;
}

/* ---- Network and data ---------------------------------------------------------------- */

static uint64_t seed_of(const cli_train_settings *set) {
    return set->seed ? (uint64_t)set->seed : 42;
}

static dd_status load_model(const cli_training *t, dd_model **model) {
    const cli_train_settings *set = t->set;
    dd_model *from;
    size_t taken, all;
    if (t->run) {
        *model = t->run->model; /* which is freed with *model from here on */
        t->run->model = NULL;
        return DD_OK;
    }
    CLI_TRY(cli_load_network(set->model ? set->model : set->init, model));
    if (!set->init) return DD_OK;
    CLI_TRY(dd_model_load(set->init, &from));
    dd_status status = dd_model_initialize(*model, seed_of(set));
    if (status == DD_OK) status = dd_model_transfer(*model, from, &taken, &all);
    dd_model_free(from);
    if (status == DD_OK)
        cli_note("initial weights: %zu of %zu tensors from %s%s", taken, all, set->init,
                 taken < all ? ", the others from the seed" : "");
    return status;
}

/* ---- Classes ------------------------------------------------------------------------- */

/* "cat, dog, 7 more" in `out`, which is returned. */
static const char *list_classes(const dd_dataset *data, unsigned classes, char out[256]) {
    size_t used = 0;
    unsigned i;
    for (i = 0; i < classes && used < 100; i++)
        used += (size_t)snprintf(out + used, 128, "%s%.100s", i ? ", " : "",
                                 dd_dataset_class_name(data, i));
    if (i < classes) snprintf(out + used, 256 - used, ", %u more", classes - i);
    return out;
}

/* Whether the data's classes are called "0", "1", ..., as those of data without names are. */
static bool are_numbers(const dd_dataset *data, unsigned classes) {
    for (unsigned i = 0; i < classes; i++) {
        char number[16];
        snprintf(number, sizeof number, "%u", i);
        if (strcmp(dd_dataset_class_name(data, i), number) != 0) return false;
    }
    return true;
}

/* --classes: how many the network is to have. More than the data's only where further names are known. */
static dd_status count_classes(const cli_training *t, const work *w, unsigned *classes) {
    dd_dataset_info info;
    char list[256], *end;
    dd_dataset_describe(w->all, &info);
    *classes = info.classes;
    if (strcmp(t->set->classes, "auto") == 0) return DD_OK;
    unsigned long wanted = strtoul(t->set->classes, &end, 10);
    if (*end || end == t->set->classes || wanted == 0 || wanted > 1000000)
        return cli_fail(DD_USAGE, "--classes: expected auto or a number from 1, found %s",
                        t->set->classes);
    *classes = (unsigned)wanted;
    if (wanted == info.classes || (wanted > info.classes && are_numbers(w->all, info.classes)))
        return DD_OK;
    return cli_fail(DD_USAGE, "--classes %lu: the data has %u classes (%s): expected %u, or auto",
                    wanted, info.classes, list_classes(w->all, info.classes, list), info.classes);
}

/* Gives the network a new last layer for the data's classes. */
static dd_status set_classes(const cli_training *t, work *w) {
    unsigned classes;
    dd_dataset_info info;
    dd_model *model;
    char list[256];
    dd_dataset_describe(w->all, &info);
    if (!info.has_labels) return DD_OK; /* which the training has to say something about */
    CLI_TRY(count_classes(t, w, &classes));
    bool named = classes == info.classes;
    const char **names = calloc(classes, sizeof *names);
    if (!names) return cli_fail(DD_MEMORY, "no memory for the names of %u classes", classes);
    for (unsigned i = 0; i < classes && named; i++) names[i] = dd_dataset_class_name(w->all, i);
    dd_status status =
        dd_model_for_classes(w->model, classes, named ? names : NULL, seed_of(t->set), &model);
    free(names);
    CLI_TRY(status);
    dd_model_free(w->model);
    w->model = model;
    cli_note("new last layer for %u classes: %s%s", classes,
             list_classes(w->all, info.classes, list), named ? "" : ", ...");
    return DD_OK;
}

/* Images of classes that the network does not have, or has by another name: what to do then. */
static dd_status check_classes(const work *w) {
    dd_dataset_info info;
    dd_model_info network;
    char list[256];
    dd_dataset_describe(w->all, &info);
    dd_model_describe(w->model, &network);
    bool fits = info.classes <= network.classes;
    for (unsigned i = 0; fits && i < info.classes; i++)
        fits = strcmp(dd_dataset_class_name(w->all, i), dd_model_class_name(w->model, i)) == 0;
    if (fits) return DD_OK;
    return cli_fail(DD_SHAPE,
                    "the data has %u classes (%s), which are not the first of the %u of network "
                    "%s: --classes auto gives it a new last layer for them",
                    info.classes, list_classes(w->all, info.classes, list), network.classes,
                    network.name);
}

/* Frozen layers of a network that has learnt nothing would stay random. */
static dd_status check_weights(const cli_training *t, const work *w) {
    if (!t->set->freeze || dd_model_has_tensors(w->model)) return DD_OK;
    return cli_fail(DD_USAGE, "--freeze keeps what layers have learnt: expected --init MODEL");
}

dd_status cli_read_division(const cli_train_settings *set, dd_dataset_info *how) {
    const char *text = set->validation ? set->validation : "0.2";
    char *end;
    *how = (dd_dataset_info){.folds = (unsigned)set->folds,
                             .division = set->split_seed ? (uint64_t)set->split_seed : 42};
    if (how->folds) return DD_OK;
    double fraction = strtod(text, &end);
    if (end == text || *end) {
        how->list = text;
        return DD_OK;
    }
    how->fraction = fraction;
    if (fraction >= 0 && fraction <= 0.99) return DD_OK;
    return cli_fail(DD_USAGE,
                    "--validation: expected a number from 0 to 0.99 or a file, found \"%s\"", text);
}

static dd_status divide(const cli_training *t, work *w) {
    dd_dataset_info how, first, second;
    CLI_TRY(cli_read_division(t->set, &how));
    how.fold = t->fold;
    if (t->run) how = t->run->data;
    if (!how.list && !how.folds && how.fraction <= 0) return DD_OK;
    CLI_TRY(dd_dataset_divide_as(w->all, &how, &w->data, &w->validation));
    dd_dataset_free(w->all);
    w->all = NULL;
    dd_dataset_describe(w->data, &first);
    dd_dataset_describe(w->validation, &second);
    if (how.list)
        cli_note("split: %zu to train on, %zu for validation (%s)", first.count, second.count,
                 how.list);
    else
        cli_note("split: %zu to train on, %zu for validation (seed %llu)", first.count,
                 second.count, (unsigned long long)how.division);
    return DD_OK;
}

/* More to train on, and nothing to validate on. */
static dd_status add(const cli_training *t, work *w) {
    const char *source = t->run ? t->run->data.added : t->set->add;
    dd_dataset *more;
    if (!source) return DD_OK;
    CLI_TRY(cli_load_data(w->model, source, DD_SPLIT_TRAIN, false, &more));
    dd_status status = dd_dataset_append(w->data ? w->data : w->all, more);
    dd_dataset_free(more);
    return status == DD_OK ? DD_OK : cli_fail(status, "--add %s: %s", source, dd_message());
}

static dd_status load(const cli_training *t, work *w) {
    const char *source = t->set->data;
    int split = t->run ? (int)t->run->data.split : DD_SPLIT_TRAIN;
    if (!source && t->run) source = t->run->data.source;
    if (!source)
        return cli_fail(DD_USAGE, "expected --data DATA%s",
                        t->run ? ": the run does not say where its data came from" : "");
    CLI_TRY(load_model(t, &w->model));
    CLI_TRY(cli_load_data(w->model, source, split, t->set->classes && !t->run, &w->all));
    CLI_TRY(cli_check_size(w->model, w->all, source));
    CLI_TRY(check_weights(t, w));
    CLI_TRY(t->set->classes ? set_classes(t, w) : check_classes(w));
    CLI_TRY(divide(t, w));
    return add(t, w);
}

/* ---- Training ------------------------------------------------------------------------ */

/* The library takes 0 for "the optimizer's own", so a zero that was asked for is said otherwise:
 * momentum below 0 is none, and AdamW without decay is Adam. */
static void set_optimizer(const cli_train_settings *set, dd_train_options *o) {
    if (set->optimizer >= 0) o->optimizer = cli_optimizer_names[set->optimizer];
    if (!isnan(set->learning_rate)) o->learning_rate = set->learning_rate;
    if (!isnan(set->momentum)) o->momentum = set->momentum > 0 ? set->momentum : -1;
    if (!isnan(set->weight_decay)) o->weight_decay = set->weight_decay;
    bool adamw = o->optimizer && strcmp(o->optimizer, "adamw") == 0;
    if (adamw && set->weight_decay == 0) o->optimizer = "adam";
}

/* The recipe's, or those of the run to go on with; on top of them what was asked for. */
static dd_train_options make_options(const cli_training *t) {
    const cli_train_settings *set = t->set;
    dd_train_options o = {.augment = "digits"};
    if (t->run) o = t->run->options;
    o.output = t->output;
    o.resume = t->resume;
    o.command = t->call->line;
    o.progress = cli_train_progress;
    if (set->epochs) o.epochs = (unsigned)set->epochs;
    if (set->batch) o.batch = (unsigned)set->batch;
    if (set->micro_batch) o.micro_batch = (unsigned)set->micro_batch;
    if (set->seed) o.seed = (uint64_t)set->seed;
    if (set->early_stop) o.early_stop = (unsigned)set->early_stop;
    if (set->schedule) o.schedule = set->schedule;
    if (set->augment) o.augment = set->augment;
    if (set->freeze) o.freeze = set->freeze;
    if (set->teacher) o.teacher = set->teacher;
    if (set->distill) o.distill = set->distill;
    if (!isnan(set->average)) o.average = set->average;
    if (set->keep >= 0) o.keep = (dd_keep)set->keep;
    if (!isnan(set->label_smoothing)) o.label_smoothing = set->label_smoothing;
    set_optimizer(set, &o);
    return o;
}

/* What was given, else what the run was begun with. */
static dd_status open_device(const cli_training *t, dd_device **device) {
    const cli_common *common = &t->call->common;
    bool given = cli_selector(common) || common->threads || common->kernel_class ||
                 common->precision || common->implementations.count;
    if (!t->run || given) return cli_open_one_device(common, device);
    const char *selector = *t->run->selector ? t->run->selector : NULL;
    dd_device_options options = t->run->device_options;
    if (common->memory) options.memory_bytes = (uint64_t)common->memory;
    return dd_device_open(selector, &options, device);
}

/* The failure's message, and how to go on. */
static dd_status fail_going_on(const cli_training *t, dd_status status) {
    char folder[4 * CLI_PATH_LIMIT + 4];
    const char *saved = status == DD_INTERRUPTED ? "; saved" : "";
    cli_shell_word(folder, t->output);
    if (t->fold) return cli_fail(status, "%s%s: the same command goes on", dd_message(), saved);
    return cli_fail(status, "%s%s: go on with  deepdigits train --resume %s", dd_message(), saved,
                    folder);
}

/* What a training that goes on may do better with. */
static bool can_go_on(const cli_training *t, dd_status status) {
    return status == DD_INTERRUPTED || (status == DD_DEVICE && cli_run_is_begun(t->output));
}

static void note_outcome(const cli_training *t, const dd_train_options *options) {
    const dd_train_result *result = &t->result;
    if (t->resume && result->epochs == result->epochs_before)
        cli_note("nothing to do: the run has had its %u epochs; --epochs N, or after early "
                 "stopping --early-stop N, goes on",
                 result->epochs);
    else if (result->stopped_early)
        cli_note("stopped early: %u epochs without a better validation loss", options->early_stop);
}

/* What a teacher adds to each step: its inference of the same batch. */
static dd_status profile_teacher(cli_training *t, const char *path, dd_device *device) {
    const dd_bench_options inference = {.batch = t->result.micro_batch};
    cJSON *json = NULL;
    dd_model *teacher;
    CLI_TRY(dd_model_load(path, &teacher));
    cli_note("the teacher, %s:", path);
    dd_status status = cli_profile(device, teacher, &inference, t->profile ? &json : NULL);
    if (json) cJSON_AddItemToObject(t->profile, "teacher", json);
    dd_model_free(teacher);
    return status;
}

static dd_status profile(cli_training *t, const dd_train_options *options, const work *w) {
    const dd_bench_options step = {
        .train = true, .freeze = options->freeze, .batch = t->result.micro_batch};
    CLI_TRY(cli_profile(w->device, w->model, &step, t->set->json ? &t->profile : NULL));
    bool is_taught = options->teacher && *options->teacher;
    return is_taught ? profile_teacher(t, options->teacher, w->device) : DD_OK;
}

static dd_status train(cli_training *t, const dd_train_options *options, work *w) {
    CLI_TRY(open_device(t, &w->device));
    const dd_dataset *data = w->data ? w->data : w->all;
    t->keeps_last = options->keep == DD_KEEP_LAST;
    dd_status status = dd_train(w->device, w->model, data, w->validation, options, &t->result);
    if (can_go_on(t, status)) return fail_going_on(t, status);
    CLI_TRY(status);
    note_outcome(t, options);
    return t->call->common.profile ? profile(t, options, w) : DD_OK;
}

static void forget_images(work *w) {
    dd_dataset_free(w->validation);
    dd_dataset_free(w->data);
    dd_dataset_free(w->all);
    w->validation = w->data = w->all = NULL;
}

/* The training is done, whatever becomes of its page. */
static dd_status report(const cli_training *t, work *w) {
    forget_images(w);
    dd_status status = dd_report(w->device, t->output, t->set->data);
    if (status == DD_OK) return DD_OK;
    return cli_fail(status,
                    "%s; the training is done and saved: deepdigits report %s writes its "
                    "page",
                    dd_message(), t->output);
}

dd_status cli_training_run(cli_training *t, cli_training_done *done) {
    work w = {NULL, NULL, NULL, NULL, NULL};
    bool made = false;
    dd_train_options options = make_options(t);
    dd_status status;
    CLI_TRY_OUT(dd_train_options_check(&options));
    CLI_TRY_OUT(load(t, &w));
    CLI_TRY_OUT(claim(t, &made));
    CLI_TRY_OUT(train(t, &options, &w));
    CLI_TRY_OUT(done(t));
    CLI_TRY_OUT(report(t, &w));
out:
    if (status != DD_OK && made) (void)rmdir(t->output); /* only if nothing is in it */
    forget_images(&w);
    dd_device_close(w.device);
    dd_model_free(w.model);
    return status;
}

void cli_json_training(cJSON *json, const cli_training *t) {
    const dd_train_result *result = &t->result;
    char model[CLI_PATH_LIMIT + 64];
    snprintf(model, sizeof model, "%s/model.safetensors", t->output);
    cli_json_text(json, "outcome", result->stopped_early ? "stopped early" : "finished");
    cli_json_count(json, "epochs", result->epochs);
    cli_json_count(json, "micro_batch", result->micro_batch);
    cli_json_count(json, "best_epoch", result->best_epoch);
    cli_json_number(json, "loss", result->loss);
    cli_json_number(json, "accuracy", result->accuracy);
    cli_json_number(json, "validation_loss", result->validation_loss);
    cli_json_number(json, "validation_accuracy", result->validation_accuracy);
    cli_json_number(json, "seconds", result->seconds);
    cli_json_number(json, "images_per_second", result->images_per_second);
    cli_json_text(json, "run", t->output);
    cli_json_text(json, "model", model);
    if (t->profile) cJSON_AddItemToObject(json, "profile", cJSON_Duplicate(t->profile, true));
}
