/* page_data.c: what the page's script reads. Numbers that are not finite are null. */
#include <cjson/cJSON.h>

#include "base/file.h"
#include "report/markup.h"
#include "report/page.h"

enum {
    SAMPLES = 100,  /* images of the grid */
    EACH_CLASS = 10 /* of them, at most */
};

typedef struct page {
    const dd__report *report;
    dd__arena arena;
    bool short_of_memory;
} page;

static cJSON *add_row(cJSON *list) {
    cJSON *row = cJSON_CreateObject();
    cJSON_AddItemToArray(list, row);
    return row;
}

static void add_number(cJSON *object, const char *key, double value) {
    cJSON_AddNumberToObject(object, key, value);
}

/* Seeds have 64 bits, numbers in a page 53: so they are text. */
static void add_seed(cJSON *object, const char *key, uint64_t seed) {
    char text[24];
    snprintf(text, sizeof text, "%llu", (unsigned long long)seed);
    cJSON_AddStringToObject(object, key, text);
}

static void add_text(cJSON *object, const char *key, const char *text) {
    cJSON_AddStringToObject(object, key, text ? text : "");
}

static void add_picture(page *p, cJSON *object, const dd_dataset *data, size_t index) {
    dd_dataset_info info;
    dd_dataset_describe(data, &info);
    const char *text = dd__picture(&p->arena, dd_dataset_pixels(data, index), info.height,
                                   info.width, info.channels);
    if (!text) p->short_of_memory = true;
    cJSON *item = text ? cJSON_CreateStringReference(text) : NULL;
    if (cJSON_IsArray(object))
        cJSON_AddItemToArray(object, item);
    else
        cJSON_AddItemToObject(object, "image", item);
}

/* ---- The run --------------------------------------------------------------------------- */

static void add_options(cJSON *json, const dd_train_options *o) {
    cJSON *options = cJSON_AddObjectToObject(json, "options");
    add_number(options, "epochs", o->epochs);
    add_number(options, "batch", o->batch);
    add_seed(options, "seed", o->seed);
    add_text(options, "optimizer", o->optimizer);
    add_number(options, "learning_rate", o->learning_rate);
    add_number(options, "momentum", o->momentum);
    add_number(options, "weight_decay", o->weight_decay);
    add_text(options, "schedule", o->schedule);
    add_text(options, "augment", o->augment);
    add_number(options, "early_stop", o->early_stop);
    add_text(options, "keep", o->keep == DD_KEEP_LAST ? "last" : "best");
}

static void add_source(cJSON *json, const dd_run *run) {
    const dd_dataset_info *info = &run->data;
    cJSON *data = cJSON_AddObjectToObject(json, "data");
    add_text(data, "source", info->source);
    add_text(data, "split", info->split == DD_SPLIT_TEST ? "test" : "train");
    add_number(data, "count", (double)info->count);
    add_number(data, "validation_count", (double)run->validation_count);
    add_number(data, "fraction", info->fraction);
    add_number(data, "folds", info->folds);
    add_number(data, "fold", info->fold);
    add_seed(data, "division", info->division);
}

static void add_run(cJSON *root, const dd_run *run) {
    cJSON *json = cJSON_AddObjectToObject(root, "run");
    add_text(json, "device", run->device);
    add_text(json, "platform", run->platform);
    add_text(json, "driver", run->driver);
    add_text(json, "version", run->version);
    add_text(json, "written", run->written);
    add_text(json, "outcome", run->outcome);
    add_text(json, "command", run->options.command);
    add_number(json, "best_epoch", run->best_epoch);
    add_options(json, &run->options);
    add_source(json, run);
}

static void add_epochs(cJSON *root, const dd_run *run) {
    cJSON *list = cJSON_AddArrayToObject(root, "epochs");
    for (size_t i = 0; i < run->epoch_count; i++) {
        const dd_epoch *epoch = &run->epochs[i];
        cJSON *row = add_row(list);
        add_number(row, "epoch", epoch->epoch);
        add_number(row, "learning_rate", epoch->learning_rate);
        add_number(row, "loss", epoch->loss);
        add_number(row, "accuracy", epoch->accuracy);
        add_number(row, "validation_loss", epoch->validation_loss);
        add_number(row, "validation_accuracy", epoch->validation_accuracy);
        add_number(row, "images_per_second", epoch->images_per_second);
        add_number(row, "seconds", epoch->seconds);
    }
}

static void add_files(cJSON *root, const char *folder) {
    static const char *const names[] = {"model.safetensors", "last.safetensors", "best.safetensors",
                                        "checkpoint",        "history.csv",      "run.json"};
    char path[4096];
    cJSON *list = cJSON_AddArrayToObject(root, "files");
    for (size_t i = 0; i < DD_COUNT(names); i++)
        if (dd__path_join(path, sizeof path, folder, names[i]) == DD_OK &&
            (dd__is_file(path) || dd__is_folder(path)))
            cJSON_AddItemToArray(list, cJSON_CreateString(names[i]));
}

/* ---- The network ----------------------------------------------------------------------- */

static void add_layer(cJSON *list, const dd_layer_info *layer) {
    cJSON *row = add_row(list);
    add_text(row, "name", layer->name);
    add_text(row, "op", layer->op);
    add_text(row, "settings", layer->settings);
    cJSON *output = cJSON_AddArrayToObject(row, "output");
    for (unsigned i = 0; i < layer->rank; i++)
        cJSON_AddItemToArray(output, cJSON_CreateNumber(layer->output[i]));
    add_number(row, "parameters", (double)layer->parameters);
    add_number(row, "mflop", layer->mflop);
}

static void add_model(cJSON *root, const dd_model *model) {
    dd_model_info info;
    dd_layer_info layer;
    dd_model_describe(model, &info);
    cJSON *json = cJSON_AddObjectToObject(root, "model");
    add_text(json, "name", info.name);
    add_number(json, "height", info.height);
    add_number(json, "width", info.width);
    add_number(json, "channels", info.channels);
    add_number(json, "parameters", (double)info.parameters);
    add_number(json, "statistics", (double)info.statistics);
    add_number(json, "mflop", info.mflop);
    cJSON *classes = cJSON_AddArrayToObject(json, "classes");
    for (unsigned i = 0; i < info.classes; i++)
        cJSON_AddItemToArray(classes, cJSON_CreateString(dd_model_class_name(model, i)));
    cJSON *layers = cJSON_AddArrayToObject(json, "layers");
    for (size_t i = 0; i < info.layers; i++)
        if (dd_model_layer(model, i, &layer) == DD_OK) add_layer(layers, &layer);
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
        p->short_of_memory = true;
        return;
    }
    for (size_t i = 0; i < all; i++) counts[dd_dataset_label(data, i)]++;
    cJSON *list = cJSON_AddArrayToObject(json, key);
    for (unsigned c = 0; c < classes; c++)
        cJSON_AddItemToArray(list, cJSON_CreateNumber((double)counts[c]));
}

static size_t share(size_t limit, unsigned classes, size_t most) {
    size_t each = classes ? limit / classes : most;
    return each == 0 ? 1 : each > most ? most : each;
}

static void add_samples(page *p, cJSON *json, unsigned classes) {
    const dd_dataset *data = p->report->training;
    size_t chosen[SAMPLES];
    size_t count = pick(data, SIZE_MAX, share(SAMPLES, classes, EACH_CLASS), SAMPLES, chosen);
    cJSON *list = cJSON_AddArrayToObject(json, "samples");
    for (size_t i = 0; i < count; i++) {
        cJSON *row = add_row(list);
        add_number(row, "label", dd_dataset_label(data, chosen[i]));
        add_picture(p, row, data, chosen[i]);
    }
}

/* Each image as it is, then as it was in each of the first epochs. */
static void add_augmented(page *p, cJSON *json, unsigned classes) {
    enum { SHOWN = 12 };
    const dd__report *report = p->report;
    size_t chosen[SHOWN], count = 0;
    cJSON *list = cJSON_AddArrayToObject(json, "augmented");
    if (report->augmented[0])
        count = pick(report->training, count_of(report->augmented[0]), share(SHOWN, classes, SHOWN),
                     SHOWN, chosen);
    for (size_t i = 0; i < count; i++) {
        cJSON *row = add_row(list);
        add_number(row, "label", dd_dataset_label(report->training, chosen[i]));
        cJSON *images = cJSON_AddArrayToObject(row, "images");
        add_picture(p, images, report->training, chosen[i]);
        for (int k = 0; k < DD__AUGMENTED_EPOCHS; k++)
            add_picture(p, images, report->augmented[k], chosen[i]);
    }
}

static void add_data(page *p, cJSON *root, unsigned classes) {
    cJSON *json = cJSON_AddObjectToObject(root, "data");
    add_counts(p, json, "training", p->report->training, classes);
    add_counts(p, json, "evaluated", p->report->evaluated, classes);
    add_samples(p, json, classes);
    add_augmented(p, json, classes);
}

/* ---- What the network says ---------------------------------------------------------------- */

static void add_answer(cJSON *list, int class_index, float probability) {
    cJSON *row = add_row(list);
    add_number(row, "class", class_index);
    add_number(row, "probability", (double)probability);
}

/* The classes with the three largest probabilities. */
static void add_answers(cJSON *row, const float *answers, unsigned classes) {
    int best[3] = {-1, -1, -1};
    for (int c = 0; c < (int)classes; c++) {
        int rank = 3;
        while (rank > 0 && (best[rank - 1] < 0 || answers[c] > answers[best[rank - 1]])) rank--;
        for (int k = 2; k > rank; k--) best[k] = best[k - 1];
        if (rank < 3) best[rank] = c;
    }
    cJSON *list = cJSON_AddArrayToObject(row, "answers");
    for (int k = 0; k < 3 && best[k] >= 0; k++) add_answer(list, best[k], answers[best[k]]);
}

static void add_shown(page *p, cJSON *json, const char *key, const dd__shown *shown, size_t count) {
    const dd_dataset *data = p->report->evaluated;
    unsigned classes = p->report->evaluation->classes;
    cJSON *list = cJSON_AddArrayToObject(json, key);
    for (size_t i = 0; i < count; i++) {
        int label = dd_dataset_label(data, shown[i].index);
        cJSON *row = add_row(list);
        add_number(row, "index", (double)shown[i].index);
        add_number(row, "label", label);
        add_number(row, "label_probability", (double)shown[i].answers[label]);
        add_answers(row, shown[i].answers, classes);
        add_picture(p, row, data, shown[i].index);
    }
}

static void add_confusion(cJSON *json, const dd_evaluation *found) {
    cJSON *rows = cJSON_AddArrayToObject(json, "confusion");
    for (size_t i = 0; i < found->classes; i++) {
        cJSON *row = cJSON_CreateArray();
        cJSON_AddItemToArray(rows, row);
        for (size_t k = 0; k < found->classes; k++)
            cJSON_AddItemToArray(
                row, cJSON_CreateNumber((double)found->confusion[i * found->classes + k]));
    }
}

static void add_evaluation(page *p, cJSON *root) {
    const dd__report *report = p->report;
    cJSON *json = cJSON_AddObjectToObject(root, "evaluation");
    add_text(json, "set", report->set);
    add_number(json, "count", (double)report->evaluation->count);
    add_number(json, "loss", report->evaluation->loss);
    add_number(json, "accuracy", report->evaluation->accuracy);
    add_confusion(json, report->evaluation);
    add_shown(p, json, "samples", report->samples, report->sample_count);
    add_shown(p, json, "wrong", report->wrong, report->wrong_count);
}

char *dd__page_data(const dd__report *report) {
    page p = {.report = report};
    dd_model_info info;
    dd_model_describe(report->model, &info);
    cJSON *root = cJSON_CreateObject();
    add_run(root, report->run);
    add_files(root, report->run->options.output ? report->run->options.output : "");
    add_epochs(root, report->run);
    add_model(root, report->model);
    add_text(root, "missing", report->missing);
    if (!report->missing) {
        add_data(&p, root, info.classes);
        add_evaluation(&p, root);
    }
    char *text = p.short_of_memory ? NULL : cJSON_PrintUnformatted(root);
    cJSON_Delete(root);
    dd__arena_free(&p.arena);
    return text;
}
