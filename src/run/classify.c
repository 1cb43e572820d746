/* dd_classify: files and folders through a model, in batches, rows in the order of the input. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "data/files.h"
#include "data/prepare.h"
#include "model/model.h"

typedef struct item { /* one file of a batch */
    const char *path;
    dd_status status;
    char *message; /* why it failed; NULL when it did not */
    size_t slot;   /* of its picture in the batch */
} item;

typedef struct job {
    const dd_model *model;
    dd_classify_options options; /* settled */
    dd_classify_function *function;
    void *context;
    dd_predictor *predictor;
    uint8_t *pixels;      /* (batch, H, W, C) */
    float *probabilities; /* (batch, classes) */
    item *items;          /* (batch) */
    size_t item_count, picture_count, dumped;
    int *classes; /* (top_k), and so on: one row's answer */
    const char **labels;
    float *best;
    dd_classify_result *result;
} job;

static size_t image_bytes(const dd_model *model) {
    return (size_t)model->height * model->width * model->channels;
}

/* ---- One file ----------------------------------------------------------------------------- */

static dd_status dump(job *j, const uint8_t *pixels) {
    if (!j->options.dump_prepared) return DD_OK;
    char name[32], path[4096];
    snprintf(name, sizeof name, "%06zu.png", j->dumped++);
    DD_TRY(dd__path_join(path, sizeof path, j->options.dump_prepared, name));
    dd__image image = {.width = j->model->width,
                       .height = j->model->height,
                       .channels = j->model->channels,
                       .pixels = (uint8_t *)pixels};
    return dd__image_save_png(path, &image);
}

static dd_status load(const job *j, const char *path, uint8_t *pixels) {
    const dd_model *m = j->model;
    dd__image image = {0};
    DD_TRY(dd__image_load(path, m->channels, &image));
    dd_status status =
        dd__prepare(&image, j->options.prepare, m->height, m->width, m->channels, pixels);
    dd__image_clear(&image);
    return status;
}

/* A file that fails is an item with its reason. */
static dd_status add_file(job *j, const char *path) {
    item *it = &j->items[j->item_count++];
    uint8_t *pixels = j->pixels + j->picture_count * image_bytes(j->model);
    *it = (item){.path = path, .slot = j->picture_count};
    it->status = load(j, path, pixels);
    if (it->status == DD_OK) {
        j->picture_count++;
        return dump(j, pixels);
    }
    it->message = dd__copy_string(dd_message());
    return it->message ? DD_OK : dd__no_memory(1);
}

/* ---- Rows --------------------------------------------------------------------------------- */

/* The top_k classes of a row of probabilities, best first; of equals, the first. */
static void rank(const job *j, const float *row) {
    for (unsigned k = 0; k < j->options.top_k; k++) {
        int best = -1;
        for (int c = 0; c < (int)j->model->classes; c++) {
            bool taken = false;
            for (unsigned i = 0; i < k; i++) taken |= j->classes[i] == c;
            if (!taken && (best < 0 || row[c] > row[best])) best = c;
        }
        j->classes[k] = best;
        j->best[k] = row[best];
        j->labels[k] = dd_model_class_name(j->model, (unsigned)best);
    }
    if ((double)j->best[0] < j->options.threshold) j->labels[0] = "?";
}

/* A network that does not give numbers has not classified the file. */
static dd_status check_finite(const job *j, item *it) {
    const float *row = j->probabilities + it->slot * j->model->classes;
    for (unsigned c = 0; it->status == DD_OK && c < j->model->classes; c++) {
        if (isfinite(row[c])) continue;
        it->status = DD_WRONG;
        it->message = dd__copy_string("the network's probabilities are not finite");
        if (!it->message) return dd__no_memory(1);
    }
    return DD_OK;
}

static dd_status hand_over(const job *j, const item *it) {
    if (it->status == DD_OK) rank(j, j->probabilities + it->slot * j->model->classes);
    dd_classify_row row = {.path = it->path,
                           .status = it->status,
                           .message = it->message ? it->message : "ok",
                           .count = it->status == DD_OK ? j->options.top_k : 0,
                           .classes = j->classes,
                           .labels = j->labels,
                           .probabilities = j->best};
    j->result->failed += it->status != DD_OK;
    return j->function(j->context, &row);
}

static dd_status finish_batch(job *j) {
    DD_TRY(dd_predict(j->predictor, j->pixels, j->picture_count, j->probabilities));
    dd_status status = DD_OK;
    for (size_t i = 0; i < j->item_count; i++) {
        if (status == DD_OK) status = check_finite(j, &j->items[i]);
        if (status == DD_OK) status = hand_over(j, &j->items[i]);
        dd__free(j->items[i].message);
        j->items[i].message = NULL;
    }
    j->item_count = j->picture_count = 0;
    return status;
}

static dd_status run(job *j, const dd__names *files) {
    for (size_t i = 0; i < files->count; i++) {
        DD_TRY(add_file(j, files->names[i]));
        j->result->files++;
        if (j->item_count == j->options.batch || i + 1 == files->count) DD_TRY(finish_batch(j));
        if (i + 1 < files->count && dd__interrupted())
            return dd__fail(DD_INTERRUPTED, "interrupted after %zu of %zu files", i + 1,
                            files->count);
    }
    return DD_OK;
}

/* ---- The job ------------------------------------------------------------------------------ */

static dd_status allocate(job *j) {
    size_t batch = j->options.batch, k = j->options.top_k;
    j->pixels = dd__alloc(batch, image_bytes(j->model));
    j->probabilities = dd__alloc(batch * j->model->classes, sizeof(float));
    j->items = dd__alloc(batch, sizeof *j->items);
    j->classes = dd__alloc(k, sizeof *j->classes);
    j->labels = dd__alloc(k, sizeof *j->labels);
    j->best = dd__alloc(k, sizeof *j->best);
    if (j->pixels && j->probabilities && j->items && j->classes && j->labels && j->best)
        return DD_OK;
    return dd__no_memory(batch * image_bytes(j->model));
}

static void release(job *j) {
    for (size_t i = 0; i < j->item_count; i++) dd__free(j->items[i].message);
    dd_predictor_free(j->predictor);
    dd__free(j->pixels);
    dd__free(j->probabilities);
    dd__free(j->items);
    dd__free(j->classes);
    dd__free(j->labels);
    dd__free(j->best);
}

static dd_status settle(const dd_model *model, const dd_classify_options *given, size_t files,
                        dd_classify_options *o) {
    *o = given ? *given : (dd_classify_options){0};
    if (o->batch == 0) o->batch = 64;
    if (o->batch > files) o->batch = (unsigned)files;
    if (o->top_k == 0) o->top_k = 1;
    if (o->top_k > model->classes)
        return dd__fail(DD_USAGE, "expected at most the model's %u classes, found top %u",
                        model->classes, o->top_k);
    if (!(o->threshold >= 0 && o->threshold <= 1))
        return dd__fail(DD_USAGE, "the threshold must be from 0 to 1, found %g", o->threshold);
    return o->dump_prepared ? dd__folder_make(o->dump_prepared) : DD_OK;
}

dd_status dd_classify(dd_device *device, const dd_model *model, const char *const *paths,
                      size_t path_count, const dd_classify_options *options,
                      dd_classify_function *function, void *context, dd_classify_result *result) {
    dd_classify_result unwanted;
    dd__names files = {0};
    job j = {.model = model,
             .function = function,
             .context = context,
             .result = result ? result : &unwanted};
    *j.result = (dd_classify_result){0};
    double begun = dd__seconds();
    dd_status status = dd__files_find(paths, path_count, stdin, &files);
    if (status != DD_OK) goto out;
    if (files.count == 0) {
        status = dd__fail(DD_USAGE, "nothing to classify: no image in what was named");
        goto out;
    }
    DD_TRY_OUT(settle(model, options, files.count, &j.options));
    DD_TRY_OUT(allocate(&j));
    DD_TRY_OUT(dd_predictor_create(device, model, j.options.batch, &j.predictor));
    DD_TRY_OUT(run(&j, &files));
out:
    j.result->seconds = dd__seconds() - begun;
    if (j.result->seconds > 0)
        j.result->images_per_second = (double)j.result->files / j.result->seconds;
    release(&j);
    dd__names_clear(&files);
    return status;
}
