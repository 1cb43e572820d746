/* The queue between threads: order, room, what was put back, the end. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>

#include "run/queue.h"

static dd__queue *new_queue(size_t room, size_t takers) {
    dd__queue *queue;
    assert_int_equal(dd__queue_create(room, takers, &queue), DD_OK);
    return queue;
}

static void assert_takes(dd__queue *queue, const int *thing) {
    assert_ptr_equal(dd__queue_take(queue), thing);
}

static void test_things_come_out_in_order(void **state) {
    (void)state;
    int things[5];
    dd__queue *queue = new_queue(3, 1);
    for (int round = 0; round < 4; round++) { /* around the ring */
        for (int i = 0; i < 3; i++) assert_true(dd__queue_put(queue, &things[i]));
        for (int i = 0; i < 3; i++) assert_takes(queue, &things[i]);
    }
    dd__queue_free(queue);
}

static void test_what_was_put_back_comes_first_and_finds_room(void **state) {
    (void)state;
    int things[4];
    dd__queue *queue = new_queue(2, 2);
    for (int i = 0; i < 2; i++) assert_true(dd__queue_put(queue, &things[i]));
    assert_takes(queue, &things[0]);
    assert_takes(queue, &things[1]);
    for (int i = 2; i < 4; i++) assert_true(dd__queue_put(queue, &things[i]));
    dd__queue_put_back(queue, &things[1]);
    dd__queue_put_back(queue, &things[0]);
    for (int i = 0; i < 4; i++) assert_takes(queue, &things[i]);
    dd__queue_free(queue);
}

static void test_a_closed_queue_keeps_nobody_waiting(void **state) {
    (void)state;
    int thing;
    dd__queue *queue = new_queue(1, 1);
    assert_true(dd__queue_put(queue, &thing));
    dd__queue_close(queue);
    assert_false(dd__queue_put(queue, &thing));
    assert_null(dd__queue_take(queue));
    dd__queue_free(queue);
}

/* ---- Threads ---------------------------------------------------------------------------- */

enum { MANY = 20000 };

typedef struct traffic {
    dd__queue *queue;
    pthread_mutex_t lock;
    size_t ahead, most_ahead; /* put and not taken yet, as the threads count it */
    unsigned char seen[MANY];
} traffic;

static void *take_all(void *context) {
    traffic *t = context;
    for (unsigned char *thing; (thing = dd__queue_take(t->queue)) != NULL;) {
        pthread_mutex_lock(&t->lock);
        t->ahead--;
        ++*thing;
        pthread_mutex_unlock(&t->lock);
    }
    return NULL;
}

static void put_all(traffic *t) {
    for (size_t i = 0; i < MANY; i++) {
        assert_true(dd__queue_put(t->queue, &t->seen[i]));
        pthread_mutex_lock(&t->lock);
        t->ahead++;
        if ((ptrdiff_t)t->ahead > (ptrdiff_t)t->most_ahead) t->most_ahead = t->ahead;
        pthread_mutex_unlock(&t->lock);
    }
}

/* Each thing once, and never more before the takers than fit: 4, one in each taker's hand, one more
 * in that of the thread that counts. */
static void test_threads_take_each_thing_once_and_makers_wait(void **state) {
    (void)state;
    enum { ROOM = 4, TAKERS = 3 };
    static traffic t = {.lock = PTHREAD_MUTEX_INITIALIZER};
    pthread_t threads[TAKERS];
    t.queue = new_queue(ROOM, TAKERS);
    for (int i = 0; i < TAKERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, take_all, &t), 0);
    put_all(&t);
    for (bool done = false; !done;) { /* closing drops what is still in it */
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
        pthread_mutex_lock(&t.lock);
        done = t.ahead == 0;
        pthread_mutex_unlock(&t.lock);
    }
    dd__queue_close(t.queue);
    for (int i = 0; i < TAKERS; i++) pthread_join(threads[i], NULL);
    for (size_t i = 0; i < MANY; i++) assert_int_equal(t.seen[i], 1);
    assert_in_range(t.most_ahead, 1, ROOM + TAKERS + 1);
    dd__queue_free(t.queue);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_things_come_out_in_order),
        cmocka_unit_test(test_what_was_put_back_comes_first_and_finds_room),
        cmocka_unit_test(test_a_closed_queue_keeps_nobody_waiting),
        cmocka_unit_test(test_threads_take_each_thing_once_and_makers_wait),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
