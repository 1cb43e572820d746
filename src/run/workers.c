#include "run/workers.h"

#include <math.h>
#include <pthread.h>

#include "base/clock.h"
#include "base/log.h"
#include "run/queue.h"

struct dd__workers {
    const dd_model *model;
    unsigned batch;
    dd__queue *queue;
    pthread_t *threads; /* (started) */
    size_t started;

    pthread_mutex_t lock;    /* of all below, and of the batches' `computed` */
    pthread_cond_t progress; /* for the caller: a batch was computed, or a thread ended */
    pthread_cond_t change;   /* for devices that rest: another was left out, or the job ends */
    dd_classify_share *shares;
    double *paces;  /* (count) least seconds that a batch took; 0: not known, or left out */
    size_t count;   /* of devices */
    size_t next;    /* the device that the next thread in want of one gets */
    size_t running; /* threads that have a device */
    size_t left;    /* batches expected that no device has in hand or computed */
    size_t more;    /* batches that come after those */
    bool ending;
    const dd_classify_share *last; /* that failed */
};

/* ---- Who takes the next batch --------------------------------------------------------------- */

/* Not a device that would still be at it when the others had done all that is left: at its end a
 * job does not wait for the slowest. The fastest is always needed. */
static bool is_needed(const dd__workers *w, size_t device) {
    double sooner = 0; /* batches that the others compute in less time than this device one */
    for (size_t i = 0; i < w->count; i++)
        if (w->paces[i] > 0 && w->paces[i] < w->paces[device])
            sooner += ceil(w->paces[device] / w->paces[i]) - 1;
    return (double)w->left + (double)w->more > sooner;
}

/* NULL when the job ends. */
static dd__batch *take(dd__workers *w, size_t device) {
    pthread_mutex_lock(&w->lock);
    while (!w->ending && !is_needed(w, device)) pthread_cond_wait(&w->change, &w->lock);
    pthread_mutex_unlock(&w->lock);
    dd__batch *batch = dd__queue_take(w->queue);
    pthread_mutex_lock(&w->lock);
    w->left -= batch != NULL;
    pthread_mutex_unlock(&w->lock);
    return batch;
}

static void put_back(dd__workers *w, dd__batch *batch) {
    pthread_mutex_lock(&w->lock);
    w->left++;
    pthread_mutex_unlock(&w->lock);
    dd__queue_put_back(w->queue, batch);
}

/* ---- A thread ----------------------------------------------------------------------------- */

/* False when there is none left; then the thread must end. */
static bool next_device(dd__workers *w, size_t *device) {
    pthread_mutex_lock(&w->lock);
    bool there = w->next < w->count;
    if (there) *device = w->next++;
    if (!there && --w->running == 0) dd__queue_close(w->queue);
    pthread_cond_signal(&w->progress);
    pthread_mutex_unlock(&w->lock);
    return there;
}

static void set_computed(dd__workers *w, size_t device, double seconds, dd__batch *batch) {
    double *pace = &w->paces[device];
    pthread_mutex_lock(&w->lock);
    batch->computed = true;
    w->shares[device].images += batch->picture_count;
    if (batch->picture_count && (*pace == 0 || seconds < *pace)) *pace = seconds;
    pthread_cond_signal(&w->progress);
    pthread_mutex_unlock(&w->lock);
}

/* Until the job ends, or the device fails. */
static dd_status serve(dd__workers *w, size_t device) {
    dd_predictor *predictor = NULL;
    dd__batch *batch;
    dd_status status =
        dd_predictor_create(w->shares[device].device, w->model, w->batch, &predictor);
    while (status == DD_OK && (batch = take(w, device)) != NULL) {
        double begun = dd__seconds();
        status = dd_predict(predictor, batch->pixels, batch->picture_count, batch->probabilities);
        if (status == DD_OK)
            set_computed(w, device, dd__seconds() - begun, batch);
        else
            put_back(w, batch);
    }
    dd_predictor_free(predictor);
    return status;
}

/* A single device's failure is the caller's to tell. */
static void leave_out(dd__workers *w, size_t device, dd_status status) {
    dd_classify_share *share = &w->shares[device];
    const dd_device_info *info = dd_device_describe(share->device);
    char *message = dd__copy_string(dd_message());
    if (w->count > 1)
        dd__log(DD_LOG_WARNING, "%s (%s) is left out: %s", info->name, info->platform,
                dd_message());
    pthread_mutex_lock(&w->lock);
    share->status = status;
    share->message = message;
    w->last = share;
    w->paces[device] = 0;
    pthread_cond_broadcast(&w->change);
    pthread_mutex_unlock(&w->lock);
}

static void *work(void *context) {
    dd__workers *w = context;
    size_t device;
    while (next_device(w, &device)) {
        dd_status status = serve(w, device);
        if (status == DD_OK) break;
        leave_out(w, device, status);
    }
    return NULL;
}

/* ---- All of them -------------------------------------------------------------------------- */

static dd_status start(dd__workers *w, size_t threads) {
    w->threads = dd__alloc(threads, sizeof *w->threads);
    if (!w->threads) return dd__no_memory(threads * sizeof *w->threads);
    w->running = threads;
    while (w->started < threads && pthread_create(&w->threads[w->started], NULL, work, w) == 0)
        w->started++;
    if (w->started == threads) return DD_OK;
    return dd__fail(DD_MEMORY, "%zu of %zu devices have no thread: the system gives no more",
                    threads - w->started, threads);
}

dd_status dd__workers_create(dd_classify_share *shares, size_t count, const dd_model *model,
                             unsigned batch, size_t threads, size_t room, dd__workers **out) {
    dd__workers *w = dd__alloc(1, sizeof *w);
    if (!w) return dd__no_memory(sizeof *w);
    w->model = model;
    w->batch = batch;
    w->shares = shares;
    w->count = count;
    w->more = SIZE_MAX;
    w->paces = dd__alloc(count, sizeof *w->paces);
    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->progress, NULL);
    pthread_cond_init(&w->change, NULL);
    dd_status status = w->paces ? DD_OK : dd__no_memory(count * sizeof *w->paces);
    if (status == DD_OK) status = dd__queue_create(room, count, &w->queue);
    if (status == DD_OK) status = start(w, count < threads ? count : threads);
    if (status == DD_OK)
        *out = w;
    else
        dd__workers_free(w);
    return status;
}

void dd__workers_free(dd__workers *w) {
    if (!w) return;
    if (w->queue) dd__queue_close(w->queue);
    pthread_mutex_lock(&w->lock);
    w->ending = true;
    pthread_cond_broadcast(&w->change);
    pthread_mutex_unlock(&w->lock);
    for (size_t i = 0; i < w->started; i++) pthread_join(w->threads[i], NULL);
    pthread_cond_destroy(&w->change);
    pthread_cond_destroy(&w->progress);
    pthread_mutex_destroy(&w->lock);
    dd__queue_free(w->queue);
    dd__free(w->paces);
    dd__free(w->threads);
    dd__free(w);
}

/* ---- The caller's side -------------------------------------------------------------------- */

static dd_status nobody_left(const dd__workers *w) {
    const char *reason = w->last->message ? w->last->message : "there is no memory for the reason";
    if (w->count == 1) return dd__fail(w->last->status, "%s", reason);
    return dd__fail(w->last->status, "none of the %zu devices is left; the last failed with: %s",
                    w->count, reason);
}

void dd__workers_expect(dd__workers *w, size_t more) {
    pthread_mutex_lock(&w->lock);
    w->left++;
    w->more = more;
    pthread_mutex_unlock(&w->lock);
}

void dd__workers_give(dd__workers *w, dd__batch *batch) { (void)dd__queue_put(w->queue, batch); }

bool dd__workers_are_done(dd__workers *w, const dd__batch *batch) {
    pthread_mutex_lock(&w->lock);
    bool computed = batch->computed;
    pthread_mutex_unlock(&w->lock);
    return computed;
}

dd_status dd__workers_wait(dd__workers *w, const dd__batch *batch) {
    pthread_mutex_lock(&w->lock);
    while (!batch->computed && w->running) pthread_cond_wait(&w->progress, &w->lock);
    bool computed = batch->computed;
    pthread_mutex_unlock(&w->lock);
    return computed ? DD_OK : nobody_left(w);
}
