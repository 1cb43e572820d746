/* Launches joined into one: what they compute, again and again, and what cannot be joined. */
#include "device/chain.h"
#include "device/fixture.h"

#include "device/steps.h"

/* Each launch reads what groups all over the last one wrote: a task that begins too early shows. */
static const char test_text[] =
    "inline int mix(int a, int b) { return FACTOR * a + b; }\n"
    "kernel void turn(global const int *from, global int *to, int n, float a) {\n"
    "    int i = (int)get_global_id(0), size = (int)get_global_size(0);\n"
    "    for (int k = i * n; k < (i + 1) * n; k++)\n"
    "        to[k] = mix(from[size * n - 1 - k], from[(k + n) % (size * n)]) + (int)a;\n"
    "}\n"
    "kernel void unused(global int *to) { to[get_global_id(0)] = 0; }\n"
    "kernel void place(global int *out) { /* (4, 3, 2) */\n"
    "    int x = get_global_id(0), y = get_global_id(1), z = get_global_id(2);\n"
    "    out[(z * 3 + y) * 2 + x] += 100 * z + 10 * y + x;\n"
    "}\n"
    "kernel void items(global int *out, int n) {\n"
    "    int i = (int)get_global_id(0);\n"
    "    if (i < n) out[i] ^= i;\n"
    "}\n";

enum { GROUPS = 64, EACH = 16, N = GROUPS * EACH };
static dd_device *device;
static dd__recorder *recorder;
static dd__buffer *a, *b; /* (N) */

static int open_all(void **state) {
    (void)state;
    return open_with_program("test", test_text, &device);
}

static int close_all(void **state) {
    (void)state;
    return close_with_program(device);
}

static void record_turn(dd__buffer *from, dd__buffer *to, const char *options, float number) {
    assert_ok(dd__record(recorder, &(dd__launch){.program = "test",
                                                 .options = options,
                                                 .kernel = "turn",
                                                 .global = {GROUPS},
                                                 .local = {1},
                                                 .arguments = {DD_BUFFER(from), DD_BUFFER(to),
                                                               DD_INT(EACH), DD_FLOAT(number)}}));
}

/* Nine launches of three kernels from two programs. */
static int start(void **state) {
    (void)state;
    assert_ok(dd__recorder_create(device, &recorder));
    assert_ok(dd__buffer_create(device, N * sizeof(int32_t), &a));
    assert_ok(dd__buffer_create(device, N * sizeof(int32_t), &b));
    for (int i = 0; i < 3; i++) {
        record_turn(a, b, "-DFACTOR=3", 1.5f);
        record_turn(b, a, "-DFACTOR=5", -2.5f);
    }
    assert_ok(dd__record(recorder, &(dd__launch){.program = "test",
                                                 .options = "-DFACTOR=3",
                                                 .kernel = "place",
                                                 .global = {2, 3, 4},
                                                 .local = {1, 1, 1},
                                                 .arguments = {DD_BUFFER(a)}}));
    assert_ok(dd__record(recorder, &(dd__launch){.program = "test",
                                                 .options = "-DFACTOR=3",
                                                 .kernel = "items",
                                                 .global = {96},
                                                 .local = {32},
                                                 .arguments = {DD_BUFFER(a), DD_INT(90)}}));
    record_turn(a, b, "-DFACTOR=3", 0);
    return 0;
}

static int end(void **state) {
    (void)state;
    dd__recorder_free(recorder);
    dd__buffer_free(a);
    dd__buffer_free(b);
    return 0;
}

static void run(int32_t result[N]) {
    int32_t first[N];
    for (int i = 0; i < N; i++) first[i] = i * i % 1009;
    assert_ok(dd__buffer_write(a, 0, first, sizeof first));
    assert_ok(dd__recorder_run(recorder));
    assert_ok(dd__buffer_read(b, 0, result, sizeof first));
}

/* Says why, where the device cannot. */
static bool chained(void) {
    dd_status status = dd__recorder_chain(recorder);
    if (status == DD_OK) return true;
    print_message("SKIPPED: %s\n", dd_message());
    assert_int_equal(status, DD_DEVICE);
    assert_null(recorder->chain);
    return false;
}

static void test_a_chain_computes_what_its_launches_do_each_time(void **state) {
    (void)state;
    int32_t apart[N], joined[N];
    run(apart);
    if (!chained()) skip();
    assert_non_null(recorder->chain);
    for (int i = 0; i < 300; i++) {
        run(joined);
        assert_memory_equal(joined, apart, sizeof apart);
    }
}

static void test_a_chain_can_be_taken_apart_and_joined_again(void **state) {
    (void)state;
    int32_t apart[N], joined[N];
    run(apart);
    for (int i = 0; i < 2; i++) {
        if (!chained()) skip();
        run(joined);
        assert_memory_equal(joined, apart, sizeof apart);
        dd__recorder_unchain(recorder);
        run(joined);
        assert_memory_equal(joined, apart, sizeof apart);
    }
}

static void test_profiles_take_a_chain_apart(void **state) {
    (void)state;
    dd__profile_row rows[4];
    size_t count = 0;
    if (!chained()) skip();
    assert_ok(dd__recorder_profile(recorder, rows, DD_COUNT(rows), &count));
    assert_int_equal(count, 1);
    assert_int_equal(rows[0].launches, 9);
}

static dd_status nothing(const void *context) {
    (void)context;
    return DD_OK;
}

static void test_calls_and_groups_with_rows_stay_apart(void **state) {
    (void)state;
    assert_ok(dd__record_call(recorder, nothing, NULL));
    assert_int_not_equal(dd__recorder_chain(recorder), DD_OK);
    assert_null(recorder->chain);
    dd__recorder *other;
    assert_ok(dd__recorder_create(device, &other));
    assert_int_equal(dd__recorder_chain(other), DD_USAGE); /* there is nothing */
    assert_ok(dd__record(other, &(dd__launch){.program = "test",
                                              .options = "-DFACTOR=3",
                                              .kernel = "place",
                                              .global = {2, 3, 4},
                                              .local = {1, 3, 1},
                                              .arguments = {DD_BUFFER(a)}}));
    assert_int_not_equal(dd__recorder_chain(other), DD_OK);
    assert_null(other->chain);
    dd__recorder_free(other);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_chain_computes_what_its_launches_do_each_time, start,
                                        end),
        cmocka_unit_test_setup_teardown(test_a_chain_can_be_taken_apart_and_joined_again, start,
                                        end),
        cmocka_unit_test_setup_teardown(test_profiles_take_a_chain_apart, start, end),
        cmocka_unit_test_setup_teardown(test_calls_and_groups_with_rows_stay_apart, start, end),
    };
    return cmocka_run_group_tests(tests, open_all, close_all);
}
