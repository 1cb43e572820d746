#include "run/readers.h"

#include <pthread.h>
#include <unistd.h>

struct dd__readers {
    const dd__input *input;
    dd__readers_function *done;
    void *context;
    pthread_t *threads; /* (started) */
    size_t started;

    pthread_mutex_t lock; /* of all below, and of the batches' `begun` and `read` */
    pthread_cond_t given;
    dd__batch *first, *last; /* batches with files that nobody has begun, by `next` */
    bool ending;
};

/* One file of the first batch. False when the threads end. */
static bool take(dd__readers *r, dd__batch **batch, size_t *item) {
    pthread_mutex_lock(&r->lock);
    while (!r->first && !r->ending) pthread_cond_wait(&r->given, &r->lock);
    bool there = !r->ending;
    if (there) {
        *batch = r->first;
        *item = r->first->begun++;
        if (r->first->begun == r->first->item_count) r->first = r->first->next;
    }
    pthread_mutex_unlock(&r->lock);
    return there;
}

/* Whether it was the batch's last. */
static bool was_last(dd__readers *r, dd__batch *batch) {
    pthread_mutex_lock(&r->lock);
    bool last = ++batch->read == batch->item_count;
    pthread_mutex_unlock(&r->lock);
    return last;
}

static void *work(void *context) {
    dd__readers *r = context;
    dd__batch *batch;
    size_t item;
    while (take(r, &batch, &item)) {
        dd__batch_read(batch, item, r->input);
        if (!was_last(r, batch)) continue;
        dd__batch_close(batch, r->input);
        r->done(r->context, batch);
    }
    return NULL;
}

static size_t cores(void) {
    long count = sysconf(_SC_NPROCESSORS_ONLN);
    return count > 0 ? (size_t)count : 1;
}

/* With fewer threads than wanted it goes on. */
static dd_status start(dd__readers *r, size_t threads) {
    r->threads = dd__alloc(threads, sizeof *r->threads);
    if (!r->threads) return dd__no_memory(threads * sizeof *r->threads);
    while (r->started < threads && pthread_create(&r->threads[r->started], NULL, work, r) == 0)
        r->started++;
    if (r->started) return DD_OK;
    return dd__fail(DD_MEMORY, "no thread to read files: the system gives no more");
}

dd_status dd__readers_create(unsigned threads, const dd__input *input, dd__readers_function *done,
                             void *context, dd__readers **out) {
    dd__readers *r = dd__alloc(1, sizeof *r);
    if (!r) return dd__no_memory(sizeof *r);
    r->input = input;
    r->done = done;
    r->context = context;
    pthread_mutex_init(&r->lock, NULL);
    pthread_cond_init(&r->given, NULL);
    dd_status status = start(r, threads ? threads : cores());
    if (status == DD_OK)
        *out = r;
    else
        dd__readers_free(r);
    return status;
}

void dd__readers_free(dd__readers *r) {
    if (!r) return;
    pthread_mutex_lock(&r->lock);
    r->ending = true;
    pthread_cond_broadcast(&r->given);
    pthread_mutex_unlock(&r->lock);
    for (size_t i = 0; i < r->started; i++) pthread_join(r->threads[i], NULL);
    pthread_cond_destroy(&r->given);
    pthread_mutex_destroy(&r->lock);
    dd__free(r->threads);
    dd__free(r);
}

void dd__readers_give(dd__readers *r, dd__batch *batch) {
    batch->begun = batch->read = 0;
    batch->next = NULL;
    pthread_mutex_lock(&r->lock);
    if (r->first)
        r->last->next = batch;
    else
        r->first = batch;
    r->last = batch;
    pthread_cond_broadcast(&r->given);
    pthread_mutex_unlock(&r->lock);
}
