#include "run/queue.h"

#include <pthread.h>

#include "base/memory.h"

struct dd__queue {
    pthread_mutex_t lock;
    pthread_cond_t put, taken; /* what was done, for those who wait for it */
    void **things;             /* a ring of `size` */
    size_t size, room;
    size_t first, count;
    bool closed;
};

dd_status dd__queue_create(size_t room, size_t takers, dd__queue **out) {
    dd__queue *queue = dd__alloc(1, sizeof *queue);
    void **things = dd__alloc(room + takers, sizeof *things);
    if (!queue || !things) {
        dd__free(queue);
        dd__free(things);
        return dd__no_memory((room + takers) * sizeof *things);
    }
    queue->things = things;
    queue->size = room + takers;
    queue->room = room;
    pthread_mutex_init(&queue->lock, NULL);
    pthread_cond_init(&queue->put, NULL);
    pthread_cond_init(&queue->taken, NULL);
    *out = queue;
    return DD_OK;
}

void dd__queue_free(dd__queue *queue) {
    if (!queue) return;
    pthread_cond_destroy(&queue->taken);
    pthread_cond_destroy(&queue->put);
    pthread_mutex_destroy(&queue->lock);
    dd__free(queue->things);
    dd__free(queue);
}

bool dd__queue_put(dd__queue *queue, void *thing) {
    pthread_mutex_lock(&queue->lock);
    while (queue->count >= queue->room && !queue->closed)
        pthread_cond_wait(&queue->taken, &queue->lock);
    bool open = !queue->closed;
    if (open) queue->things[(queue->first + queue->count++) % queue->size] = thing;
    pthread_cond_signal(&queue->put);
    pthread_mutex_unlock(&queue->lock);
    return open;
}

void *dd__queue_take(dd__queue *queue) {
    void *thing = NULL;
    pthread_mutex_lock(&queue->lock);
    while (queue->count == 0 && !queue->closed) pthread_cond_wait(&queue->put, &queue->lock);
    if (!queue->closed) {
        thing = queue->things[queue->first];
        queue->first = (queue->first + 1) % queue->size;
        queue->count--;
    }
    pthread_cond_signal(&queue->taken);
    pthread_mutex_unlock(&queue->lock);
    return thing;
}

void dd__queue_put_back(dd__queue *queue, void *thing) {
    pthread_mutex_lock(&queue->lock);
    queue->first = (queue->first + queue->size - 1) % queue->size;
    queue->things[queue->first] = thing;
    queue->count++;
    pthread_cond_signal(&queue->put);
    pthread_mutex_unlock(&queue->lock);
}

void dd__queue_close(dd__queue *queue) {
    pthread_mutex_lock(&queue->lock);
    queue->closed = true;
    pthread_cond_broadcast(&queue->put);
    pthread_cond_broadcast(&queue->taken);
    pthread_mutex_unlock(&queue->lock);
}
