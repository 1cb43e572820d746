/* Launches cut into parts: where, how long the parts are, and that nothing else changes. */
#include "device/fixture.h"

#include "base/clock.h"
#include "device/steps.h"

/* Each kernel counts its runs of every place, and leaves the offset of the part it ran in. */
static const char test_text[] =
    "kernel void work(global int *runs, global int *offsets, global float *x, int rounds) {\n"
    "    int i = (int)get_global_id(0);\n"
    "    float sum = x[i];\n"
    "    for (int k = 0; k < rounds; k++) sum = FMA(sum, 0.5f, (float)(i % 7));\n"
    "    x[i] = sum;\n"
    "    runs[i] += 1;\n"
    "    offsets[i] = (int)get_global_offset(0);\n"
    "}\n"
    "kernel void place(global int *runs, global int *offsets) { /* (3, 16, 8) */\n"
    "    int x = get_global_id(0), y = get_global_id(1), z = get_global_id(2);\n"
    "    int i = (z * 16 + y) * 8 + x;\n"
    "    runs[i] += 1;\n"
    "    offsets[i] = (int)(get_global_offset(0) + 100 * get_global_offset(1) +\n"
    "                       10000 * get_global_offset(2));\n"
    "}\n"
    "ONE_ITEM void counted(global int *runs, global int *offsets) {\n"
    "    int i = (int)get_global_id(0);\n"
    "    runs[i] += (int)get_global_size(0);\n"
    "    offsets[i] = (int)get_global_offset(0);\n"
    "}\n";

enum { N = 4096, LOCAL = 8, GROUPS = N / LOCAL };
static dd_device *device;
static dd__recorder *recorder;
static dd__buffer *runs, *offsets, *x; /* (N) */
static int32_t seen_runs[N], seen_offsets[N];

static int open_all(void **state) {
    (void)state;
    return open_with_program("test", test_text, &device);
}

static int close_all(void **state) {
    (void)state;
    return close_with_program(device);
}

static int start(void **state) {
    (void)state;
    dd__buffer **buffers[] = {&runs, &offsets, &x};
    assert_ok(dd__recorder_create(device, &recorder));
    for (int i = 0; i < 3; i++) {
        assert_ok(dd__buffer_create(device, N * sizeof(int32_t), buffers[i]));
        assert_ok(dd__buffer_zero(*buffers[i]));
    }
    return 0;
}

static int end(void **state) {
    (void)state;
    dd__recorder_free(recorder);
    dd__buffer_free(runs);
    dd__buffer_free(offsets);
    dd__buffer_free(x);
    return 0;
}

static void record_work(int rounds) {
    dd__launch launch = {
        .program = "test",
        .kernel = "work",
        .global = {N, 1, 1},
        .local = {LOCAL, 1, 1},
        .arguments = {DD_BUFFER(runs), DD_BUFFER(offsets), DD_BUFFER(x), DD_INT(rounds)}};
    assert_ok(dd__record(recorder, &launch));
}

static void record_places(const char *kernel, size_t x_items, size_t y_items, size_t z_items) {
    assert_ok(
        dd__record(recorder, &(dd__launch){.program = "test",
                                           .kernel = kernel,
                                           .global = {x_items, y_items, z_items},
                                           .local = {1, 1, 1},
                                           .arguments = {DD_BUFFER(runs), DD_BUFFER(offsets)}}));
}

/* After that many runs of all the places once each. */
static void look(int32_t count, size_t places) {
    assert_ok(dd__buffer_read(runs, 0, seen_runs, sizeof seen_runs));
    assert_ok(dd__buffer_read(offsets, 0, seen_offsets, sizeof seen_offsets));
    for (size_t i = 0; i < places; i++) assert_int_equal(seen_runs[i], count);
}

/* The least of some runs. */
static double seconds_of(dd__step *step, const dd__range *range) {
    double least = 1e9;
    assert_ok(dd__device_finish(device));
    for (int i = 0; i < 3; i++) {
        double began = dd__seconds();
        assert_ok(dd__step_enqueue(device, step, range, device->queue, NULL));
        assert_ok(dd__device_finish(device));
        double took = dd__seconds() - began;
        least = took < least ? took : least;
    }
    return least;
}

/* Rounds that make `work` take so long: N work-items of so many dependent multiply-adds. */
static int rounds_of(double wanted) {
    enum { SOME = 20000 };
    dd__recorder *own = recorder;
    assert_ok(dd__recorder_create(device, &recorder));
    record_work(SOME);
    double took = seconds_of(&recorder->steps[0], NULL);
    dd__recorder_free(recorder);
    recorder = own;
    assert_ok(dd__buffer_zero(runs));
    return (int)(SOME * wanted / took);
}

/* The longest of the parts that the offsets of the last run tell of, each run once more alone. */
static double longest_part(dd__step *step, int *parts) {
    double longest = 0;
    *parts = 0;
    for (int i = 0, last; i < N; i = last) {
        for (last = i; last < N && seen_offsets[last] == seen_offsets[i];) last++;
        assert_int_equal(seen_offsets[i], i);
        dd__range range = {.offset = {(size_t)i}, .global = {(size_t)(last - i), 1, 1}};
        double seconds = seconds_of(step, &range);
        longest = seconds > longest ? seconds : longest;
        ++*parts;
    }
    return longest;
}

static void test_a_slow_launch_is_cut_into_parts_that_are_short(void **state) {
    (void)state;
    const double whole = 0.4, limit = 0.04;
    float expected[N], found[N];
    int parts;
    record_work(rounds_of(whole));
    dd__device_limit_launches(device, 0);
    assert_ok(dd__buffer_zero(x));
    assert_ok(dd__recorder_run(recorder));
    assert_ok(dd__buffer_read(x, 0, expected, sizeof expected));
    look(1, N);
    for (int i = 0; i < N; i++) assert_int_equal(seen_offsets[i], 0);
    dd__device_limit_launches(device, limit);
    for (int run = 2; run < 4; run++) { /* the first is measured, the second goes by itself */
        assert_ok(dd__buffer_zero(x));
        assert_ok(dd__recorder_run(recorder));
        assert_ok(dd__buffer_read(x, 0, found, sizeof found));
        assert_memory_equal(found, expected, sizeof found);
        look(run, N);
    }
    double longest = longest_part(&recorder->steps[0], &parts);
    print_message("%d parts, the longest %.0f ms, limit %.0f ms\n", parts, longest * 1e3,
                  limit * 1e3);
    assert_true(parts >= 2 && parts <= 100); /* 10, where nothing else runs */
    assert_true(longest < 3 * limit);
}

static void test_a_fast_launch_stays_whole(void **state) {
    (void)state;
    record_work(1);
    dd__device_limit_launches(device, 0.1);
    assert_ok(dd__recorder_run(recorder));
    look(1, N);
    assert_ok(dd__recorder_run(recorder));
    look(2, N);
    for (int i = 0; i < N; i++) assert_int_equal(seen_offsets[i], 0);
    assert_true(dd__step_is_whole(device, &recorder->steps[0]));
}

static void test_no_part_is_less_than_a_group(void **state) {
    (void)state;
    record_work(1);
    dd__device_limit_launches(device, 1e-9);
    for (int run = 1; run < 3; run++) {
        assert_ok(dd__recorder_run(recorder));
        look(run, N);
        for (int i = 0; i < N; i++) assert_int_equal(seen_offsets[i], i / LOCAL * LOCAL);
    }
}

static void test_the_longest_dimension_is_cut(void **state) {
    (void)state;
    record_places("place", 8, 16, 3);
    dd__device_limit_launches(device, 1e-9);
    for (int run = 1; run < 3; run++) {
        assert_ok(dd__recorder_run(recorder));
        look(run, 8 * 16 * 3);
        for (int i = 0; i < 8 * 16 * 3; i++) assert_int_equal(seen_offsets[i], 100 * (i / 8 % 16));
    }
}

static void test_kernels_that_count_their_groups_stay_whole(void **state) {
    (void)state;
    record_places("counted", 64, 1, 1);
    dd__device_limit_launches(device, 1e-9);
    assert_ok(dd__recorder_run(recorder));
    assert_ok(dd__recorder_run(recorder));
    look(2 * 64, 64);
    for (int i = 0; i < 64; i++) assert_int_equal(seen_offsets[i], 0);
}

/* A part that does not divide the groups leaves a last one that is smaller. */
static void test_the_last_part_takes_what_is_left(void **state) {
    (void)state;
    record_work(1);
    dd__device_limit_launches(device, 1);
    recorder->steps[0].part = 100;
    recorder->steps[0].seconds = 1e-3;
    assert_ok(dd__recorder_run(recorder));
    look(1, N);
    for (int i = 0; i < N; i++) assert_int_equal(seen_offsets[i], i / (100 * LOCAL) * 100 * LOCAL);
}

static void test_the_queue_never_holds_much_more_than_a_second(void **state) {
    (void)state;
    record_work(1);
    dd__device_limit_launches(device, 10);
    recorder->steps[0].part = GROUPS / 8;
    recorder->steps[0].seconds = 4; /* as if each of 8 parts took half a second */
    assert_ok(dd__device_finish(device));
    assert_ok(dd__recorder_run(recorder));
    assert_true(device->queued_seconds == 0); /* waited for after every second part */
    recorder->steps[0].part = GROUPS;
    recorder->steps[0].seconds = 0.4;
    for (int run = 1; run < 8; run++) {
        assert_ok(dd__recorder_run(recorder));
        assert_true(device->queued_seconds < 1);
        assert_true((device->queued_seconds == 0) == (run % 3 == 0));
    }
    look(8, N);
    assert_true(device->queued_seconds == 0);
}

static void test_profiles_take_the_parts_together(void **state) {
    (void)state;
    dd__profile_row row = {0};
    size_t count = 0;
    record_work(1);
    dd__device_limit_launches(device, 1e-9);
    for (int run = 1; run < 3; run++) {
        assert_ok(dd__recorder_profile(recorder, &row, 1, &count));
        look(run, N);
        for (int i = 0; i < N; i++) assert_int_equal(seen_offsets[i], i / LOCAL * LOCAL);
        assert_int_equal(row.launches, run);
        assert_true(row.seconds > 0 && row.seconds < 10);
    }
}

static void test_products_run_whole(void **state) {
    (void)state;
    enum { SIZE = 16 };
    dd__gemm_shape shape = {.m = SIZE, .n = SIZE, .k = SIZE};
    float ones[SIZE * SIZE], found[SIZE * SIZE];
    if (!dd__has_clblast()) skip();
    for (int i = 0; i < SIZE * SIZE; i++) ones[i] = 1;
    assert_ok(dd__buffer_write(x, 0, ones, sizeof ones));
    assert_ok(dd__record_clblast(recorder, &shape, x, x, runs));
    dd__device_limit_launches(device, 10);
    for (int run = 0; run < 3; run++) {
        assert_ok(dd__buffer_zero(runs));
        assert_ok(dd__recorder_run(recorder));
        assert_ok(dd__buffer_read(runs, 0, found, sizeof found));
        for (int i = 0; i < SIZE * SIZE; i++) assert_true(found[i] == SIZE);
    }
}

static void test_only_a_gpu_has_a_limit_from_the_start(void **state) {
    (void)state;
    dd_device *fresh;
    assert_ok(dd_device_open(NULL, NULL, &fresh));
    bool gpu = dd_device_describe(fresh)->type == DD_DEVICE_GPU;
    assert_true(fresh->part_seconds == (gpu ? 0.1 : 0));
    dd_device_close(fresh);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, start, end)
    const struct CMUnitTest tests[] = {
        TEST(test_a_slow_launch_is_cut_into_parts_that_are_short),
        TEST(test_a_fast_launch_stays_whole),
        TEST(test_no_part_is_less_than_a_group),
        TEST(test_the_longest_dimension_is_cut),
        TEST(test_kernels_that_count_their_groups_stay_whole),
        TEST(test_the_last_part_takes_what_is_left),
        TEST(test_the_queue_never_holds_much_more_than_a_second),
        TEST(test_profiles_take_the_parts_together),
        TEST(test_products_run_whole),
        cmocka_unit_test(test_only_a_gpu_has_a_limit_from_the_start),
    };
    return cmocka_run_group_tests(tests, open_all, close_all);
}
