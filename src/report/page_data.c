/* page_data.c: what the page's script reads. Numbers that are not finite are null. */
#include "base/file.h"
#include "base/json.h"
#include "report/markup.h"
#include "report/page.h"
#include "train/history.h"
#include "train/options.h"

enum {
    SAMPLES = 100,  /* images of the grid */
    EACH_CLASS = 10 /* of them, at most */
};

typedef struct page {
    const dd__report *report;
    dd__json json;
    dd__arena arena; /* of pictures, which `json` only refers to */
} page;

static cJSON *add_object(page *p, cJSON *parent, const char *key) {
    return dd__json_add_object(&p->json, parent, key);
}

static cJSON *add_array(page *p, cJSON *parent, const char *key) {
    return dd__json_add_array(&p->json, parent, key);
}

static void add_number(page *p, cJSON *parent, const char *key, double value) {
    dd__json_add_number(&p->json, parent, key, value);
}

static void add_text(page *p, cJSON *parent, const char *key, const char *text) {
    dd__json_add_text(&p->json, parent, key, text);
}

static void add_picture(page *p, cJSON *parent, const char *key, const dd_dataset *data,
                        size_t index) {
    dd_dataset_info info;
    dd_dataset_describe(data, &info);
    const char *text = dd__picture(&p->arena, dd_dataset_pixels(data, index), info.height,
                                   info.width, info.channels);
    dd__json_add(&p->json, parent, key, text ? cJSON_CreateStringReference(text) : NULL);
}

/* ---- The run --------------------------------------------------------------------------- */

static void add_source(page *p, cJSON *json, const dd_run *run) {
    const dd_dataset_info *info = &run->data;
    cJSON *data = add_object(p, json, "data");
    add_text(p, data, "source", info->source);
    add_text(p, data, "split", info->split == DD_SPLIT_TEST ? "test" : "train");
    add_number(p, data, "count", (double)info->count);
    add_number(p, data, "validation_count", (double)run->validation_count);
    add_number(p, data, "fraction", info->fraction);
    add_number(p, data, "folds", info->folds);
    add_number(p, data, "fold", info->fold);
    dd__json_add_u64(&p->json, data, "division", info->division);
    add_text(p, data, "list", info->list);
    add_text(p, data, "added", info->added);
}

static void add_run(page *p, cJSON *root, const dd_run *run) {
    cJSON *json = add_object(p, root, "run");
    add_text(p, json, "device", run->device);
    add_text(p, json, "platform", run->platform);
    add_text(p, json, "driver", run->driver);
    add_text(p, json, "version", run->version);
    add_text(p, json, "written", run->written);
    add_text(p, json, "outcome", run->outcome);
    add_text(p, json, "command", run->options.command);
    add_text(p, json, "folder", run->options.output);
    add_number(p, json, "best_epoch", run->best_epoch);
    dd__options_json(&p->json, json, &run->options);
    add_source(p, json, run);
}

static void add_files(page *p, cJSON *root, const char *folder) {
    static const char *const names[] = {"model.safetensors", "last.safetensors", "best.safetensors",
                                        "checkpoint",        "history.csv",      "run.json"};
    char path[4096];
    cJSON *list = add_array(p, root, "files");
    for (size_t i = 0; i < DD_COUNT(names); i++)
        if (dd__path_join(path, sizeof path, folder ? folder : "", names[i]) == DD_OK &&
            (dd__is_file(path) || dd__is_folder(path)))
            add_text(p, list, NULL, names[i]);
}

/* ---- The network ----------------------------------------------------------------------- */

static void add_layer(page *p, cJSON *list, const dd_layer_info *layer) {
    cJSON *row = add_object(p, list, NULL);
    add_text(p, row, "name", layer->name);
    add_text(p, row, "op", layer->op);
    add_text(p, row, "settings", layer->settings);
    cJSON *output = add_array(p, row, "output");
    for (unsigned i = 0; i < layer->rank; i++) add_number(p, output, NULL, layer->output[i]);
    add_number(p, row, "parameters", (double)layer->parameters);
    add_number(p, row, "mflop", layer->mflop);
}

static void add_model(page *p, cJSON *root, const dd_model *model) {
    dd_model_info info;
    dd_layer_info layer;
    dd_model_describe(model, &info);
    cJSON *json = add_object(p, root, "model");
    add_text(p, json, "name", info.name);
    add_number(p, json, "height", info.height);
    add_number(p, json, "width", info.width);
    add_number(p, json, "channels", info.channels);
    add_number(p, json, "parameters", (double)info.parameters);
    add_number(p, json, "statistics", (double)info.statistics);
    add_number(p, json, "mflop", info.mflop);
    cJSON *classes = add_array(p, json, "classes");
    for (unsigned i = 0; i < info.classes; i++)
        add_text(p, classes, NULL, dd_model_class_name(model, i));
    cJSON *layers = add_array(p, json, "layers");
    for (size_t i = 0; i < info.layers; i++)
        if (dd_model_layer(model, i, &layer) == DD_OK) add_layer(p, layers, &layer);
}

/* ---- The data -------------------------------------------------------------------------- */

static size_t count_of(const dd_dataset *data) {
    dd_dataset_info info;
    dd_dataset_describe(data, &info);
    return info.count;
}

/* Indices into `chosen` (room for `limit`) of images of each class, at most `each` of one, in the
 * order of the classes, among the first `among`. Returns how many. */
static size_t pick(const dd_dataset *dataset, size_t among, size_t each, size_t limit,
                   size_t *chosen) {
    dd_dataset_info info;
    size_t found = 0;
    dd_dataset_describe(dataset, &info);
    if (among > info.count) among = info.count;
    for (unsigned c = 0; c < info.classes && found < limit; c++) {
        size_t of_class = 0;
        for (size_t i = 0; i < among && of_class < each && found < limit; i++) {
            if (dd_dataset_label(dataset, i) != (int)c) continue;
            chosen[found++] = i;
            of_class++;
        }
    }
    return found;
}

static void add_counts(page *p, cJSON *json, const char *key, const dd_dataset *data,
                       unsigned classes) {
    size_t all = count_of(data), *counts = dd__arena_alloc(&p->arena, classes, sizeof *counts);
    if (!counts) {
        p->json.failed = true;
        return;
    }
    for (size_t i = 0; i < all; i++) counts[dd_dataset_label(data, i)]++;
    cJSON *list = add_array(p, json, key);
    for (unsigned c = 0; c < classes; c++) add_number(p, list, NULL, (double)counts[c]);
}

static size_t share(size_t limit, unsigned classes, size_t most) {
    size_t each = classes ? limit / classes : most;
    return each == 0 ? 1 : each > most ? most : each;
}

static void add_samples(page *p, cJSON *json, unsigned classes) {
    const dd_dataset *data = p->report->training;
    size_t chosen[SAMPLES];
    size_t count = pick(data, SIZE_MAX, share(SAMPLES, classes, EACH_CLASS), SAMPLES, chosen);
    cJSON *list = add_array(p, json, "samples");
    for (size_t i = 0; i < count; i++) {
        cJSON *row = add_object(p, list, NULL);
        add_number(p, row, "label", dd_dataset_label(data, chosen[i]));
        add_picture(p, row, "image", data, chosen[i]);
    }
}

/* Each image as it is, then as it was in each of the first epochs. */
static void add_augmented(page *p, cJSON *json, unsigned classes) {
    enum { SHOWN = 12 };
    const dd__report *report = p->report;
    size_t chosen[SHOWN], count = 0;
    cJSON *list = add_array(p, json, "augmented");
    if (report->augmented[0])
        count = pick(report->training, count_of(report->augmented[0]), share(SHOWN, classes, SHOWN),
                     SHOWN, chosen);
    for (size_t i = 0; i < count; i++) {
        cJSON *row = add_object(p, list, NULL);
        add_number(p, row, "label", dd_dataset_label(report->training, chosen[i]));
        cJSON *images = add_array(p, row, "images");
        add_picture(p, images, NULL, report->training, chosen[i]);
        for (int k = 0; k < DD__AUGMENTED_EPOCHS; k++)
            add_picture(p, images, NULL, report->augmented[k], chosen[i]);
    }
}

static void add_data(page *p, cJSON *root, unsigned classes) {
    cJSON *json = add_object(p, root, "data");
    add_counts(p, json, "training", p->report->training, classes);
    add_counts(p, json, "evaluated", p->report->evaluated, classes);
    add_samples(p, json, classes);
    add_augmented(p, json, classes);
}

/* ---- What the network says ---------------------------------------------------------------- */

static void add_answer(page *p, cJSON *list, int class_index, float probability) {
    cJSON *row = add_object(p, list, NULL);
    add_number(p, row, "class", class_index);
    add_number(p, row, "probability", (double)probability);
}

/* The classes with the three largest probabilities. */
static void add_answers(page *p, cJSON *row, const float *answers, unsigned classes) {
    int best[3] = {-1, -1, -1};
    for (int c = 0; c < (int)classes; c++) {
        int rank = 3;
        while (rank > 0 && (best[rank - 1] < 0 || answers[c] > answers[best[rank - 1]])) rank--;
        for (int k = 2; k > rank; k--) best[k] = best[k - 1];
        if (rank < 3) best[rank] = c;
    }
    cJSON *list = add_array(p, row, "answers");
    for (int k = 0; k < 3 && best[k] >= 0; k++) add_answer(p, list, best[k], answers[best[k]]);
}

static void add_shown(page *p, cJSON *json, const char *key, const dd__shown *shown, size_t count) {
    const dd_dataset *data = p->report->evaluated;
    unsigned classes = p->report->evaluation->classes;
    cJSON *list = add_array(p, json, key);
    for (size_t i = 0; i < count; i++) {
        int label = dd_dataset_label(data, shown[i].index);
        cJSON *row = add_object(p, list, NULL);
        add_number(p, row, "number", (double)dd_dataset_origin(data, shown[i].index));
        add_number(p, row, "label", label);
        add_number(p, row, "label_probability", (double)shown[i].answers[label]);
        add_answers(p, row, shown[i].answers, classes);
        add_picture(p, row, "image", data, shown[i].index);
    }
}

static void add_confusion(page *p, cJSON *json, const dd_evaluation *found) {
    const uint64_t *at = found->confusion;
    cJSON *rows = add_array(p, json, "confusion");
    for (size_t i = 0; i < found->classes; i++) {
        cJSON *row = add_array(p, rows, NULL);
        for (size_t k = 0; k < found->classes; k++) add_number(p, row, NULL, (double)*at++);
    }
}

static void add_calibration(page *p, cJSON *json, const dd_evaluation *found) {
    add_number(p, json, "calibration_error", found->calibration_error);
    cJSON *bins = add_array(p, json, "calibration");
    for (int i = 0; i < DD_CALIBRATION_BINS; i++) {
        const dd_calibration_bin *bin = &found->calibration[i];
        cJSON *row = add_object(p, bins, NULL);
        add_number(p, row, "count", (double)bin->count);
        add_number(p, row, "confidence", bin->confidence);
        add_number(p, row, "accuracy", bin->accuracy);
    }
}

static void add_evaluation(page *p, cJSON *root) {
    const dd__report *report = p->report;
    cJSON *json = add_object(p, root, "evaluation");
    add_text(p, json, "set", report->set);
    add_number(p, json, "count", (double)report->evaluation->count);
    add_number(p, json, "loss", report->evaluation->loss);
    add_number(p, json, "accuracy", report->evaluation->accuracy);
    add_calibration(p, json, report->evaluation);
    add_confusion(p, json, report->evaluation);
    add_shown(p, json, "samples", report->samples, report->sample_count);
    add_shown(p, json, "wrong", report->wrong, report->wrong_count);
}

char *dd__page_data(const dd__report *report) {
    page p = {.report = report};
    dd_model_info info;
    dd_model_describe(report->model, &info);
    cJSON *root = add_object(&p, NULL, NULL);
    add_run(&p, root, report->run);
    add_files(&p, root, report->run->options.output);
    dd__history_json(&p.json, root, "epochs", report->run->epochs, report->run->epoch_count);
    add_model(&p, root, report->model);
    add_text(&p, root, "missing", report->missing);
    if (!report->missing) {
        add_data(&p, root, info.classes);
        add_evaluation(&p, root);
    }
    char *text = dd__json_print(&p.json, false);
    dd__arena_free(&p.arena);
    return text;
}
