/* dd_classify: files and folders through a model, rows in the order of the input. The caller's thread
 * reads files into batches, which the devices share (run/workers.h), and hands over the rows of the
 * oldest batch as soon as it is computed. */
#include <stdio.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "data/files.h"
#include "data/image.h"
#include "run/predict.h"
#include "run/workers.h"

typedef struct job {
    const dd_model *model;
    dd_classify_options options; /* settled */
    dd_classify_function *function;
    void *context;
    dd__workers *workers;
    dd__batch
        *batches; /* (room) a ring: from `oldest` on, `under_way` of them are with the workers */
    size_t room, oldest, under_way;
    size_t dumped;
    bool refused; /* the function wants no more rows */
    int *classes; /* (top_k), and so on: one row's answer */
    const char **labels;
    float *best;
    dd_classify_result *result;
} job;

/* ---- Files in ------------------------------------------------------------------------------- */

static dd_status dump(job *j, const uint8_t *pixels) {
    char name[32], path[4096];
    snprintf(name, sizeof name, "%06zu.png", j->dumped++);
    DD_TRY(dd__path_join(path, sizeof path, j->options.dump_prepared, name));
    dd__image image = {.width = j->model->width,
                       .height = j->model->height,
                       .channels = j->model->channels,
                       .pixels = (uint8_t *)pixels};
    return dd__image_save_png(path, &image);
}

static dd_status read_batch(job *j, const dd__names *files, size_t *next, dd__batch *batch) {
    dd__batch_empty(batch);
    while (batch->item_count < j->options.batch && *next < files->count) {
        const uint8_t *pixels;
        if (*next && dd__interrupted())
            return dd__fail(DD_INTERRUPTED, "interrupted after %zu of %zu files", *next,
                            files->count);
        DD_TRY(
            dd__batch_read(batch, j->model, j->options.prepare, files->names[(*next)++], &pixels));
        if (pixels && j->options.dump_prepared) DD_TRY(dump(j, pixels));
    }
    return DD_OK;
}

/* ---- Rows out ------------------------------------------------------------------------------- */

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

static dd_status hand_over(job *j, const dd__batch *batch, dd__item *item) {
    const float *probabilities;
    DD_TRY(dd__batch_row(batch, j->model, item, &probabilities));
    if (probabilities) rank(j, probabilities);
    dd_classify_row row = {.path = item->path,
                           .status = item->status,
                           .message = item->message ? item->message : "ok",
                           .count = probabilities ? j->options.top_k : 0,
                           .classes = j->classes,
                           .labels = j->labels,
                           .probabilities = j->best};
    j->result->files++;
    j->result->failed += item->status != DD_OK;
    dd_status status = j->function(j->context, &row);
    j->refused = status != DD_OK;
    return status;
}

static void skip_oldest(job *j) {
    j->oldest = (j->oldest + 1) % j->room;
    j->under_way--;
}

static dd_status hand_over_oldest(job *j) {
    dd__batch *batch = &j->batches[j->oldest];
    skip_oldest(j);
    for (size_t i = 0; i < batch->item_count; i++) DD_TRY(hand_over(j, batch, &batch->items[i]));
    return DD_OK;
}

static bool oldest_is_done(const job *j) {
    return j->under_way && dd__workers_are_done(j->workers, &j->batches[j->oldest]);
}

/* ---- Both ----------------------------------------------------------------------------------- */

static dd_status read_and_give(job *j, const dd__names *files, size_t *next) {
    dd__batch *batch = &j->batches[(j->oldest + j->under_way) % j->room];
    DD_TRY(read_batch(j, files, next, batch));
    DD_TRY(dd__workers_give(j->workers, batch));
    j->under_way++;
    return DD_OK;
}

static dd_status run(job *j, const dd__names *files) {
    size_t next = 0;
    while (next < files->count || j->under_way) {
        bool must_wait = next == files->count || j->under_way == j->room;
        if (must_wait) DD_TRY(dd__workers_wait(j->workers, &j->batches[j->oldest]));
        while (oldest_is_done(j)) DD_TRY(hand_over_oldest(j));
        if (next < files->count) DD_TRY(read_and_give(j, files, &next));
    }
    return DD_OK;
}

/* What was computed when the job failed is not lost. */
static void hand_over_rest(job *j) {
    while (j->under_way && !j->refused) {
        if (!oldest_is_done(j))
            skip_oldest(j);
        else if (hand_over_oldest(j) != DD_OK)
            return;
    }
}

/* ---- The job ------------------------------------------------------------------------------ */

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

/* One device computes in order. Of several the slowest may have the oldest batch, and what the
 * others computed meanwhile must lie somewhere. */
static size_t wanted_room(const job *j, size_t devices, size_t batches) {
    enum { WINDOW_BYTES = 64 << 20, MOST_A_DEVICE = 32 };
    size_t least = DD__BATCHES_A_DEVICE * devices + 1, most = MOST_A_DEVICE * devices;
    size_t room = WINDOW_BYTES / dd__batch_bytes(j->model, j->options.batch);
    if (room > most) room = most;
    if (room < least || devices == 1) room = least;
    return room < batches ? room : batches;
}

static dd_status allocate(job *j, size_t room) {
    size_t k = j->options.top_k;
    j->classes = dd__alloc(k, sizeof *j->classes);
    j->labels = dd__alloc(k, sizeof *j->labels);
    j->best = dd__alloc(k, sizeof *j->best);
    j->batches = dd__alloc(room, sizeof *j->batches);
    if (!j->classes || !j->labels || !j->best || !j->batches)
        return dd__no_memory(room * sizeof *j->batches);
    for (; j->room < room; j->room++)
        DD_TRY(dd__batch_create(j->model, j->options.batch, &j->batches[j->room]));
    return DD_OK;
}

static void release(job *j) {
    for (size_t i = 0; i < j->room; i++) dd__batch_clear(&j->batches[i]);
    dd__free(j->batches);
    dd__free(j->classes);
    dd__free(j->labels);
    dd__free(j->best);
}

static dd_status classify(job *j, const dd_classify_options *options, const dd__names *files) {
    dd_classify_result *result = j->result;
    DD_TRY(dd__check_trained(j->model));
    DD_TRY(settle(j->model, options, files->count, &j->options));
    size_t batches = (files->count - 1) / j->options.batch + 1;
    DD_TRY(allocate(j, wanted_room(j, result->share_count, batches)));
    DD_TRY(dd__workers_create(result->shares, result->share_count, j->model, j->options.batch,
                              batches, &j->workers));
    dd_status status = run(j, files);
    if (status != DD_OK) hand_over_rest(j);
    dd__workers_free(j->workers);
    return status;
}

static dd_status find_files(const char *const *paths, size_t count, dd__names *files) {
    DD_TRY(dd__files_find(paths, count, stdin, files));
    if (files->count) return DD_OK;
    return dd__fail(DD_USAGE, "nothing to classify: no image in what was named");
}

static dd_status list_shares(dd_device *const *devices, size_t count, dd_classify_result *result) {
    if (count == 0) return dd__fail(DD_USAGE, "expected at least one device");
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < i; k++)
            if (devices[i] == devices[k])
                return dd__fail(DD_USAGE, "device %zu is the same as device %zu: open it twice", k,
                                i);
    result->shares = dd__alloc(count, sizeof *result->shares);
    if (!result->shares) return dd__no_memory(count * sizeof *result->shares);
    result->share_count = count;
    for (size_t i = 0; i < count; i++) result->shares[i].device = devices[i];
    return DD_OK;
}

dd_status dd_classify(dd_device *const *devices, size_t device_count, const dd_model *model,
                      const char *const *paths, size_t path_count,
                      const dd_classify_options *options, dd_classify_function *function,
                      void *context, dd_classify_result *result) {
    dd_classify_result unwanted;
    dd__names files = {0};
    job j = {.model = model,
             .function = function,
             .context = context,
             .result = result ? result : &unwanted};
    *j.result = (dd_classify_result){0};
    double begun = dd__seconds();
    dd_status status = find_files(paths, path_count, &files);
    if (status == DD_OK) status = list_shares(devices, device_count, j.result);
    if (status == DD_OK) status = classify(&j, options, &files);
    j.result->seconds = dd__seconds() - begun;
    if (j.result->seconds > 0)
        j.result->images_per_second = (double)j.result->files / j.result->seconds;
    release(&j);
    dd__names_clear(&files);
    if (!result) dd_classify_result_clear(&unwanted);
    return status;
}

void dd_classify_result_clear(dd_classify_result *result) {
    for (size_t i = 0; i < result->share_count; i++) dd__free((void *)result->shares[i].message);
    dd__free(result->shares);
    result->shares = NULL;
    result->share_count = 0;
}
