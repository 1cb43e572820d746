/* Batches made on the device, the counters, the metrics. */
#include "ops/host.h"

enum { IMAGES = 10, SIZE = 4 };

/* Image i is full of i, its label is i. */
static void open_dataset(host *h, const dd__step *step, const dd__gather *gather,
                         dd__value *out[2]) {
    uint8_t pixels[IMAGES * SIZE];
    int32_t labels[IMAGES];
    for (int i = 0; i < IMAGES; i++) {
        memset(pixels + i * SIZE, i, SIZE);
        labels[i] = i;
    }
    host_open(h);
    dd__value *in[] = {host_input(h, "images", DD__U8, DD_DIMS(IMAGES, 2, 2, 1), pixels),
                       host_input(h, "labels", DD__I32, DD_DIMS(IMAGES), labels),
                       host_input(h, "step", DD__I32, DD_DIMS(DD__STEP_WORDS), step)};
    dd__value **outs[] = {&out[0], &out[1]};
    assert_int_equal(dd__graph_add(h->graph, &dd__op_gather, "batch", gather, in, 3, outs, 2),
                     DD_OK);
    assert_int_equal(
        dd__graph_add(h->graph, &dd__op_advance, "advance", gather, &in[2], 1, NULL, 0), DD_OK);
    assert_true(dd__dims_equal(&out[0]->dims, &DD_DIMS((uint32_t)gather->batch, 2, 2, 1)));
}

/* Runs gather and advance `steps` times; the labels seen, one after the other. */
static void run_steps(host *h, dd__value *const out[2], int steps, int batch, int32_t *seen) {
    for (int s = 0; s < steps; s++) {
        host_run(h, 0);
        host_run(h, 1);
        memcpy(seen + s * batch, host_data(out[1]), (size_t)batch * sizeof *seen);
        for (int i = 0; i < batch; i++) {
            int32_t label = seen[s * batch + i];
            const float *x = (const float *)host_data(out[0]) + i * SIZE;
            for (int j = 0; j < SIZE; j++)
                assert_true(x[j] == (label < 0 ? 0 : (float)label * 2 + 1));
        }
    }
}

static void test_examples_come_in_order_without_shuffle(void **state) {
    host h;
    (void)state;
    const dd__step step = {.count = IMAGES};
    const dd__gather gather = {.batch = 5, .scale = {2}, .shift = {1}};
    dd__value *out[2];
    int32_t seen[10];
    open_dataset(&h, &step, &gather, out);
    run_steps(&h, out, 2, 5, seen);
    for (int i = 0; i < IMAGES; i++) assert_int_equal(seen[i], i);
    host_close(&h);
}

static void test_shuffled_epoch_visits_every_example_once(void **state) {
    host h;
    (void)state;
    const dd__step step = {.seed_low = 42, .epoch = 3, .count = IMAGES};
    const dd__gather gather = {.batch = 5, .shuffle = true, .scale = {2}, .shift = {1}};
    dd__value *out[2];
    int32_t seen[10];
    unsigned visits = 0;
    open_dataset(&h, &step, &gather, out);
    run_steps(&h, out, 2, 5, seen);
    bool moved = false;
    for (int i = 0; i < IMAGES; i++) {
        visits |= 1u << seen[i];
        moved |= seen[i] != i;
    }
    assert_int_equal(visits, (1u << IMAGES) - 1);
    assert_true(moved);
    host_close(&h);
}

static void test_places_behind_the_last_example_are_empty(void **state) {
    host h;
    (void)state;
    const dd__step step = {.position = 4, .count = 7};
    const dd__gather gather = {.batch = 5, .scale = {2}, .shift = {1}};
    dd__value *out[2];
    int32_t seen[5];
    const int32_t expected[] = {4, 5, 6, -1, -1};
    open_dataset(&h, &step, &gather, out);
    run_steps(&h, out, 1, 5, seen);
    assert_memory_equal(seen, expected, sizeof expected);
    host_close(&h);
}

static void test_count_beyond_the_dataset_is_not_believed(void **state) {
    host h;
    (void)state;
    const dd__step step = {.position = 8, .count = 1000};
    const dd__gather gather = {.batch = 4, .scale = {2}, .shift = {1}};
    dd__value *out[2];
    int32_t seen[4];
    const int32_t expected[] = {8, 9, -1, -1};
    open_dataset(&h, &step, &gather, out);
    run_steps(&h, out, 1, 4, seen);
    assert_memory_equal(seen, expected, sizeof expected);
    host_close(&h);
}

static void test_advance_moves_step_and_position(void **state) {
    host h;
    (void)state;
    const dd__step step = {.step = 9, .epoch = 2, .position = 3, .count = IMAGES};
    const dd__gather gather = {.batch = 5, .scale = {2}, .shift = {1}};
    dd__value *out[2];
    open_dataset(&h, &step, &gather, out);
    host_run(&h, 1);
    const dd__step *after = host_data(dd__graph_find(h.graph, "step"));
    assert_int_equal(after->step, 10);
    assert_int_equal(after->epoch, 2);
    assert_int_equal(after->position, 8);
    assert_int_equal(after->count, IMAGES);
    host_close(&h);
}

static void test_metrics_add_to_what_is_there(void **state) {
    host h;
    (void)state;
    host_open(&h);
    const float loss[] = {0.5f, 0, 2}, hit[] = {1, 0, 1}, sums[] = {10, 20, 30, 0};
    const int32_t labels[] = {0, -1, 9};
    dd__value *in[] = {host_input(&h, "loss", DD__F32, DD_DIMS(3), loss),
                       host_input(&h, "hit", DD__F32, DD_DIMS(3), hit),
                       host_input(&h, "labels", DD__I32, DD_DIMS(3), labels),
                       host_input(&h, "sums", DD__F32, DD_DIMS(4), sums)};
    assert_int_equal(dd__graph_add(h.graph, &dd__op_metrics, "metrics", NULL, in, 4, NULL, 0),
                     DD_OK);
    host_run(&h, 0);
    const float expected[] = {12.5f, 22, 32, 0};
    assert_memory_equal(host_data(in[3]), expected, sizeof expected);
    host_close(&h);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_examples_come_in_order_without_shuffle),
        cmocka_unit_test(test_shuffled_epoch_visits_every_example_once),
        cmocka_unit_test(test_places_behind_the_last_example_are_empty),
        cmocka_unit_test(test_count_beyond_the_dataset_is_not_believed),
        cmocka_unit_test(test_advance_moves_step_and_position),
        cmocka_unit_test(test_metrics_add_to_what_is_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
