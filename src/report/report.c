/* dd_report: gathers what the page shows. The images are divided again as the training divided
 * them, so that those it shows and counts were not trained on. */
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "data/dataset.h"
#include "report/page.h"
#include "train/step.h"

enum {
    SAMPLES = 24,     /* predictions shown */
    WRONG = 300,      /* mistakes shown, at most */
    AUGMENTED = 4096, /* the first training images, augmented to choose from */
};

typedef struct gathering {
    dd__report report;
    dd_run *run;
    dd_model *model;
    dd_dataset *training, *validation, *test; /* the last two may be NULL */
    dd_dataset *augmented[DD__AUGMENTED_EPOCHS];
    dd_evaluation *evaluation;
    dd__arena arena;
} gathering;

/* ---- The images -------------------------------------------------------------------------- */

static dd_status check_images(const gathering *g, const char *source) {
    const dd_run *run = g->run;
    size_t validation = g->validation ? g->validation->count : 0;
    char hash[33];
    if (g->training->count != run->data.count || validation != run->validation_count)
        return dd__fail(DD_FORMAT,
                        "%s: expected the %zu images to train on and %zu for validation that "
                        "run.json has, found %zu and %zu",
                        source, run->data.count, run->validation_count, g->training->count,
                        validation);
    dd__datasets_hash(g->training, g->validation, hash);
    if (strcmp(hash, run->hash) == 0) return DD_OK;
    return dd__fail(DD_FORMAT,
                    "%s: expected the images and labels that the run was trained on (hash %s), "
                    "found as many others (hash %s)",
                    source, run->hash, hash);
}

static dd_status divide(gathering *g, dd_dataset *all) {
    if (g->run->validation_count == 0) {
        g->training = all;
        return DD_OK;
    }
    dd_status status = dd_dataset_divide_as(all, &g->run->data, &g->training, &g->validation);
    dd_dataset_free(all);
    return status;
}

static dd_status add(gathering *g, const char *source) {
    dd_dataset *more;
    DD_TRY(dd_dataset_load_for(g->model, source, DD_SPLIT_TRAIN, false, &more));
    dd_status status = dd__within(dd_dataset_append(g->training, more), "%s", source);
    dd_dataset_free(more);
    return status;
}

static dd_status load_training(gathering *g, const char *source) {
    const dd_dataset_info *how = &g->run->data;
    dd_dataset *all;
    DD_TRY(dd_dataset_load_for(g->model, source, how->split, false, &all));
    DD_TRY(divide(g, all));
    if (how->added) DD_TRY(add(g, how->added));
    DD_TRY(check_images(g, source));
    DD_TRY(dd__within(dd__check_examples(g->model, g->training), "%s", source));
    return g->validation ? dd__check_examples(g->model, g->validation) : DD_OK;
}

/* A source of one part gives the training images for its test part too. */
static bool same_images(const dd_dataset *a, const dd_dataset *b) {
    size_t bytes = a->count * a->height * a->width * a->channels;
    return a->count == b->count && memcmp(a->pixels, b->pixels, bytes) == 0;
}

/* Without validation: the test part, if the source has one that can be measured on. */
static void load_test(gathering *g, const char *source) {
    if (g->validation || g->run->data.split == DD_SPLIT_TEST) return;
    if (dd_dataset_load_for(g->model, source, DD_SPLIT_TEST, false, &g->test) != DD_OK) {
        g->test = NULL;
        return;
    }
    if (dd__check_examples(g->model, g->test) == DD_OK && !same_images(g->training, g->test))
        return;
    dd_dataset_free(g->test);
    g->test = NULL;
}

static void choose_evaluated(gathering *g) {
    dd__report *report = &g->report;
    report->training = g->training;
    report->evaluated = g->validation ? g->validation : g->test ? g->test : g->training;
    report->set = g->validation ? "validation" : g->test ? "test" : "training";
}

/* DD_OK with `missing` set when the images cannot be had from where run.json says. */
static dd_status load_images(gathering *g, const char *data) {
    const char *source = data ? data : g->run->data.source;
    dd_status status =
        source && *source
            ? load_training(g, source)
            : dd__fail(DD_FORMAT, "run.json names no source: the images were made in memory");
    if (status == DD_MEMORY || status == DD_INTERRUPTED || (data && status != DD_OK)) return status;
    if (status == DD_OK) {
        load_test(g, source);
        choose_evaluated(g);
        return DD_OK;
    }
    dd__log(DD_LOG_WARNING, "the report goes without images: %s", dd_message());
    g->report.missing = dd__arena_print(&g->arena, "%s", dd_message());
    return g->report.missing ? DD_OK : dd__no_memory(1);
}

static dd_status augment(gathering *g, dd_device *device) {
    const dd_train_options *options = &g->run->options;
    if (!options->augment || strcmp(options->augment, "none") == 0) return DD_OK;
    /* How an image changes depends on its place in the data: the first ones keep theirs. */
    const dd_dataset *from = g->training;
    size_t count = from->count < AUGMENTED ? from->count : AUGMENTED;
    dd_dataset *first;
    DD_TRY(dd_dataset_create(from->pixels, from->labels, count, from->height, from->width,
                             from->channels, from->classes, &first));
    dd_status status = DD_OK;
    for (unsigned k = 0; k < DD__AUGMENTED_EPOCHS && status == DD_OK; k++) {
        status = dd_dataset_augment(device, first, options->augment, options->seed, k + 1,
                                    &g->augmented[k]);
        if (status == DD_OK) g->report.augmented[k] = g->augmented[k];
    }
    dd_dataset_free(first);
    return status;
}

/* ---- Predictions ------------------------------------------------------------------------- */

typedef struct guess {
    size_t index;
    float probability;
} guess;

static int by_probability(const void *a, const void *b) {
    const guess *x = a, *y = b;
    if (x->probability != y->probability) return x->probability > y->probability ? -1 : 1;
    return x->index < y->index ? -1 : x->index > y->index;
}

/* Predicts the images of `guesses` again, for all their probabilities. */
static dd_status answer(gathering *g, dd_predictor *predictor, const guess *guesses, size_t count,
                        const dd__shown **out) {
    const dd_dataset *data = g->report.evaluated;
    size_t bytes = (size_t)data->height * data->width * data->channels;
    size_t classes = g->evaluation->classes;
    uint8_t *pixels = dd__arena_alloc(&g->arena, count + 1, bytes);
    float *answers = dd__arena_alloc(&g->arena, count + 1, classes * sizeof *answers);
    dd__shown *shown = dd__arena_alloc(&g->arena, count + 1, sizeof *shown);
    if (!pixels || !answers || !shown) return dd__no_memory((count + 1) * bytes);
    for (size_t i = 0; i < count; i++) {
        memcpy(pixels + i * bytes, data->pixels + guesses[i].index * bytes, bytes);
        shown[i] = (dd__shown){guesses[i].index, answers + i * classes};
    }
    *out = shown;
    return dd_predict(predictor, pixels, count, answers);
}

static dd_status show_samples(gathering *g, dd_predictor *predictor) {
    guess guesses[SAMPLES];
    size_t all = g->evaluation->count, count = all < SAMPLES ? all : SAMPLES;
    for (size_t i = 0; i < count; i++) guesses[i] = (guess){i * all / count, 0};
    g->report.sample_count = count;
    return answer(g, predictor, guesses, count, &g->report.samples);
}

static dd_status show_wrong(gathering *g, dd_predictor *predictor) {
    const dd_evaluation *found = g->evaluation;
    size_t count = 0;
    guess *guesses = dd__arena_alloc(&g->arena, found->count, sizeof *guesses);
    if (!guesses) return dd__no_memory(found->count * sizeof *guesses);
    for (size_t i = 0; i < found->count; i++)
        if (found->predicted[i] != g->report.evaluated->labels[i])
            guesses[count++] = (guess){i, found->probability[i]};
    qsort(guesses, count, sizeof *guesses, by_probability);
    g->report.wrong_count = count < WRONG ? count : WRONG;
    return answer(g, predictor, guesses, g->report.wrong_count, &g->report.wrong);
}

static dd_status predict(gathering *g, dd_device *device) {
    dd_predictor *predictor;
    DD_TRY(dd_evaluate(device, g->model, g->report.evaluated, 0, &g->evaluation));
    g->report.evaluation = g->evaluation;
    DD_TRY(dd_predictor_create(device, g->model, 0, &predictor));
    dd_status status = show_samples(g, predictor);
    if (status == DD_OK) status = show_wrong(g, predictor);
    dd_predictor_free(predictor);
    return status;
}

/* ---- The page ---------------------------------------------------------------------------- */

static dd_status gather(gathering *g, dd_device *device, const char *folder, const char *data) {
    char path[4096];
    DD_TRY(dd_run_load(folder, &g->run));
    DD_TRY(dd__path_join(path, sizeof path, folder, "model.safetensors"));
    DD_TRY(dd_model_load(path, &g->model));
    g->report.run = g->run;
    g->report.model = g->model;
    DD_TRY(load_images(g, data));
    if (g->report.missing) return DD_OK;
    DD_TRY(augment(g, device));
    return predict(g, device);
}

static dd_status write_page(const dd__report *report, const char *folder) {
    char path[4096];
    dd__writer writer;
    DD_TRY(dd__path_join(path, sizeof path, folder, "report.html"));
    DD_TRY(dd__writer_open(&writer, path));
    return dd__writer_close(&writer, dd__page_write(writer.stream, report));
}

dd_status dd_report(dd_device *device, const char *folder, const char *data) {
    gathering g = {.run = NULL};
    dd_status status = gather(&g, device, folder, data);
    if (status == DD_OK) status = write_page(&g.report, folder);
    for (unsigned k = 0; k < DD__AUGMENTED_EPOCHS; k++) dd_dataset_free(g.augmented[k]);
    dd_evaluation_free(g.evaluation);
    dd_dataset_free(g.test);
    dd_dataset_free(g.validation);
    dd_dataset_free(g.training);
    dd_model_free(g.model);
    dd_run_free(g.run);
    dd__arena_free(&g.arena);
    return status;
}
