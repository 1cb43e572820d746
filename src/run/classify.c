/* dd_classify: files and folders through a model, rows in the order of the input.
 *
 *     list (a thread) -> readers (threads) -> workers (a thread a device) -> rows
 *
 * The caller's thread fills batches with names, which the readers turn into pictures and the devices share, and
 * hands over the rows of the oldest batch as soon as it is computed. Batches are a ring, which bounds memory. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "data/image.h"
#include "run/input.h"
#include "run/list.h"
#include "run/predict.h"
#include "run/readers.h"
#include "run/workers.h"

typedef struct job {
    const dd_model *model;
    dd_classify_options options; /* settled */
    dd__input input;
    dd_classify_function *function;
    void *context;
    dd__list *list;
    dd__readers *readers;
    dd__workers *workers;
    char **names;             /* (options.batch) the next batch's */
    size_t name_count, ahead; /* how many there are; and behind them, as dd__list_take says */
    dd__batch *
        batches; /* (room) a ring: from `oldest` on, `under_way` of them are being read or computed */
    size_t room, oldest, under_way;
    size_t dumped;
    bool refused; /* the function wants no more rows */
    int *classes; /* (top_k), and so on: one row's answer */
    const char **labels;
    float *best;
    dd_classify_result *result;
} job;

/* ---- Files in ------------------------------------------------------------------------------- */

static size_t batches_of(const job *j, size_t files) {
    if (files == SIZE_MAX) return SIZE_MAX;
    return files / j->options.batch + (files % j->options.batch != 0);
}

/* Called by a reader. */
static void give_to_devices(void *context, dd__batch *batch) {
    const job *j = context;
    dd__workers_give(j->workers, batch);
}

/* The names that were taken become a batch that is read. */
static void begin_batch(job *j) {
    dd__batch *batch = &j->batches[(j->oldest + j->under_way++) % j->room];
    dd__batch_empty(batch);
    for (size_t i = 0; i < j->name_count; i++) batch->items[i] = (dd__item){.path = j->names[i]};
    batch->item_count = j->name_count;
    j->name_count = 0;
    dd__workers_expect(j->workers, batches_of(j, j->ahead));
    dd__readers_give(j->readers, batch);
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

static const char *message_of(const dd__item *item) {
    if (item->status == DD_OK) return item->blank ? "no ink" : "ok";
    return item->message ? item->message : "failed, and there is no memory for the reason";
}

static dd_status hand_over(job *j, const dd__batch *batch, dd__item *item) {
    if (j->options.dump_prepared && item->status == DD_OK)
        DD_TRY(dump(j, batch->pixels + item->picture * dd__input_bytes(&j->input)));
    const float *probabilities = dd__batch_row(batch, j->model, item);
    if (probabilities) rank(j, probabilities);
    if (item->blank) {
        j->labels[0] = "?";
        j->best[0] = 0;
    }
    dd_classify_row row = {.path = item->path,
                           .status = item->status,
                           .message = message_of(item),
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

/* Names for the next batch, where there are none yet: as many as it holds, unless the list ends before. */
static dd_status take_names(job *j, bool wait) {
    if (j->name_count) return DD_OK;
    return dd__list_take(j->list, j->options.batch, wait, j->names, &j->name_count, &j->ahead);
}

static dd_status run(job *j) {
    do {
        while (oldest_is_done(j)) DD_TRY(hand_over_oldest(j));
        if (dd__interrupted())
            return dd__fail(DD_INTERRUPTED, "interrupted after %zu files", j->result->files);
        if (j->under_way < j->room) DD_TRY(take_names(j, j->under_way == 0));
        if (j->under_way < j->room && j->name_count)
            begin_batch(j);
        else if (j->under_way)
            DD_TRY(dd__workers_wait(j->workers, &j->batches[j->oldest]));
    } while (j->under_way);
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

static dd_status settle(const dd_model *model, const dd_classify_options *given,
                        dd_classify_options *o) {
    *o = given ? *given : (dd_classify_options){0};
    if (o->batch == 0) o->batch = 64;
    if (o->batch > DD__LIST_ROOM) o->batch = DD__LIST_ROOM;
    if (o->top_k == 0) o->top_k = 1;
    if (o->top_k > model->classes)
        return dd__fail(DD_USAGE, "expected at most the model's %u classes, found top %u",
                        model->classes, o->top_k);
    if (!(o->threshold >= 0 && o->threshold <= 1))
        return dd__fail(DD_USAGE, "the threshold must be from 0 to 1, found %g", o->threshold);
    return o->dump_prepared ? dd__folder_make(o->dump_prepared) : DD_OK;
}

/* The first names say whether the job is smaller than a batch. */
static dd_status take_first(job *j) {
    j->names = dd__alloc(j->options.batch, sizeof *j->names);
    if (!j->names) return dd__no_memory(j->options.batch * sizeof *j->names);
    DD_TRY(take_names(j, true));
    if (j->name_count == 0)
        return dd__fail(DD_USAGE, "nothing to classify: no image in what was named");
    if (j->name_count < j->options.batch) j->options.batch = (unsigned)j->name_count;
    return DD_OK;
}

/* A batch is handed over while a device has one in hand, one waits for it, and one is read. Of several devices
 * the slowest may have the oldest batch, and what the others computed meanwhile must lie somewhere. */
static size_t wanted_room(const job *j, size_t devices, size_t batches) {
    enum { WINDOW_BYTES = 64 << 20, MOST_A_DEVICE = 32 };
    size_t least = 2 * devices + 2, most = MOST_A_DEVICE * devices;
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
    for (size_t i = 0; i < j->name_count; i++) dd__free(j->names[i]);
    dd__free(j->names);
    for (size_t i = 0; i < j->room; i++) dd__batch_clear(&j->batches[i]);
    dd__free(j->batches);
    dd__free(j->classes);
    dd__free(j->labels);
    dd__free(j->best);
}

static dd_status classify(job *j, const dd_classify_options *options, const char *const *paths,
                          size_t count) {
    dd_classify_result *result = j->result;
    dd_status status;
    DD_TRY(dd__check_trained(j->model));
    DD_TRY(settle(j->model, options, &j->options));
    DD_TRY(dd__model_input(j->model, j->options.prepare, &j->input));
    DD_TRY(dd__list_start(paths, count, j->options.null_ended ? 0 : '\n', &j->list));
    DD_TRY_OUT(take_first(j));
    size_t batches = batches_of(j, j->ahead == SIZE_MAX ? SIZE_MAX : j->ahead + j->name_count);
    DD_TRY_OUT(allocate(j, wanted_room(j, result->share_count, batches)));
    DD_TRY_OUT(dd__workers_create(result->shares, result->share_count, j->model, j->options.batch,
                                  batches, j->room, &j->workers));
    DD_TRY_OUT(
        dd__readers_create(j->options.decode_threads, &j->input, give_to_devices, j, &j->readers));
    DD_TRY_OUT(run(j));
out:
    if (status != DD_OK && j->workers) hand_over_rest(j);
    dd__list_free(j->list);
    dd__readers_free(j->readers);
    dd__workers_free(j->workers);
    return status;
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
    job j = {.model = model,
             .function = function,
             .context = context,
             .result = result ? result : &unwanted};
    *j.result = (dd_classify_result){0};
    double begun = dd__seconds();
    dd_status status = list_shares(devices, device_count, j.result);
    if (status == DD_OK) status = classify(&j, options, paths, path_count);
    j.result->seconds = dd__seconds() - begun;
    if (j.result->seconds > 0)
        j.result->images_per_second = (double)j.result->files / j.result->seconds;
    release(&j);
    if (!result) dd_classify_result_clear(&unwanted);
    return status;
}

void dd_classify_result_clear(dd_classify_result *result) {
    for (size_t i = 0; i < result->share_count; i++) dd__free((void *)result->shares[i].message);
    dd__free(result->shares);
    result->shares = NULL;
    result->share_count = 0;
}
