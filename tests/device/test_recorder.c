#include "device/fixture.h"

#include <math.h>

#include "base/memory.h"

static const char test_text[] =
    "kernel void add(global float *x, global const float *y, float a, int n) {\n"
    "    int i = (int)get_global_id(0);\n"
    "    if (i < n) x[i] = FMA(a, y[i], x[i]);\n"
    "}\n"
    "kernel void place(global int *out) { /* (4, 3, 2) */\n"
    "    int x = get_global_id(0), y = get_global_id(1), z = get_global_id(2);\n"
    "    out[(z * 3 + y) * 2 + x] = 100 * z + 10 * y + x;\n"
    "}\n"
    "kernel void group(global int *out) { out[get_global_id(0)] = (int)get_local_size(0); }\n"
    "kernel void slow(global float *x, int n) {\n"
    "    float sum = x[0];\n"
    "    for (int i = 0; i < n; i++) sum = FMA(sum, 0.5f, 1.0f);\n"
    "    x[0] = sum;\n"
    "}\n"
    "kernel __attribute__((reqd_work_group_size(4, 1, 1))) void four(global int *out) {\n"
    "    out[get_global_id(0)] = 4;\n"
    "}\n";

static const char shared_text[] =
    "kernel void shared(global float *x) {\n"
    "    local float all[FLOATS];\n"
    "    for (int i = get_local_id(0); i < FLOATS; i += get_local_size(0)) all[i] = x[i];\n"
    "    barrier(CLK_LOCAL_MEM_FENCE);\n"
    "    x[get_global_id(0)] = all[FLOATS - 1 - get_local_id(0)];\n"
    "}\n";

enum { N = 256 };
static dd_device *device;
static dd__recorder *recorder;
static dd__buffer *x, *y; /* (N) */

static int open_all(void **state) {
    (void)state;
    if (open_with_program("test", test_text, &device) != 0) return -1;
    write_program("shared", shared_text);
    return 0;
}

static int close_all(void **state) {
    (void)state;
    return close_with_program(device);
}

static int start(void **state) {
    (void)state;
    float ones[N];
    for (int i = 0; i < N; i++) ones[i] = 1;
    assert_ok(dd__recorder_create(device, &recorder));
    assert_ok(dd__buffer_create(device, N * sizeof(float), &x));
    assert_ok(dd__buffer_create(device, N * sizeof(float), &y));
    assert_ok(dd__buffer_write(x, 0, ones, sizeof ones));
    assert_ok(dd__buffer_write(y, 0, ones, sizeof ones));
    return 0;
}

static int end(void **state) {
    (void)state;
    dd__recorder_free(recorder);
    dd__buffer_free(x);
    dd__buffer_free(y);
    return 0;
}

static dd_status record_add(float a, size_t global, size_t local) {
    return dd__record(
        recorder, &(dd__launch){.program = "test",
                                .kernel = "add",
                                .global = {global},
                                .local = {local},
                                .arguments = {DD_BUFFER(x), DD_BUFFER(y), DD_FLOAT(a), DD_INT(N)}});
}

static float first_of(dd__buffer *buffer) {
    float value = NAN;
    assert_ok(dd__buffer_read(buffer, 0, &value, sizeof value));
    return value;
}

static void test_launches_run_in_order_and_again(void **state) {
    (void)state;
    float values[N];
    assert_ok(record_add(2, N, 1));
    assert_ok(record_add(0.5f, N, 8));
    assert_ok(dd__recorder_run(recorder));
    assert_ok(dd__buffer_read(x, 0, values, sizeof values));
    for (int i = 0; i < N; i++) assert_true(values[i] == 3.5f);
    assert_ok(dd__recorder_run(recorder));
    assert_ok(dd__recorder_run(recorder));
    assert_ok(dd__device_finish(device));
    assert_true(first_of(x) == 8.5f);
}

static void test_three_dimensions_reach_every_item(void **state) {
    (void)state;
    int out[24];
    assert_ok(dd__record(recorder, &(dd__launch){.program = "test",
                                                 .kernel = "place",
                                                 .global = {2, 3, 4},
                                                 .arguments = {DD_BUFFER(x)}}));
    assert_ok(dd__recorder_run(recorder));
    assert_ok(dd__buffer_read(x, 0, out, sizeof out));
    for (int i = 0; i < 24; i++) assert_int_equal(out[i], 100 * (i / 6) + 10 * (i / 2 % 3) + i % 2);
}

static void test_views_are_arguments(void **state) {
    (void)state;
    dd__buffer *whole, *view;
    float ones[N], value;
    for (int i = 0; i < N; i++) ones[i] = 1;
    assert_ok(dd__buffer_create(device, 4 * DD__ALIGNMENT, &whole));
    assert_ok(dd__buffer_zero(whole));
    assert_ok(dd__buffer_view(whole, 2 * DD__ALIGNMENT, sizeof ones, &view));
    assert_ok(dd__buffer_write(view, 0, ones, sizeof ones));
    assert_ok(dd__record(recorder, &(dd__launch){.program = "test",
                                                 .kernel = "add",
                                                 .global = {N},
                                                 .arguments = {DD_BUFFER(view), DD_BUFFER(y),
                                                               DD_FLOAT(1), DD_INT(1)}}));
    assert_ok(dd__recorder_run(recorder));
    assert_ok(dd__buffer_read(whole, 2 * DD__ALIGNMENT, &value, sizeof value));
    assert_true(value == 2);
    assert_ok(dd__buffer_read(whole, 2 * DD__ALIGNMENT + 4, &value, sizeof value));
    assert_true(value == 1);
    dd__buffer_free(view);
    dd__buffer_free(whole);
}

static void test_a_cpu_runtime_gets_groups_of_one_unless_told(void **state) {
    (void)state;
    int size = 0;
    if (dd__device_class(device) != DD_CLASS_CPU) skip();
    assert_ok(dd__record(recorder, &(dd__launch){.program = "test",
                                                 .kernel = "group",
                                                 .global = {N},
                                                 .arguments = {DD_BUFFER(x)}}));
    assert_ok(dd__recorder_run(recorder));
    assert_ok(dd__buffer_read(x, 0, &size, sizeof size));
    assert_int_equal(size, 1);
}

static void test_a_group_larger_than_the_kernels_limit_is_refused(void **state) {
    (void)state;
    size_t limit = dd__device_group_limit(device);
    assert_true(limit >= 1);
    assert_int_equal(record_add(1, 2 * limit, 2 * limit), DD_DEVICE);
    assert_message("test/add");
    assert_message("at most");
    assert_message(dd_device_describe(device)->name);
    dd__launch flat = {.program = "test",
                       .kernel = "place",
                       .global = {limit, 2},
                       .local = {limit, 2},
                       .arguments = {DD_BUFFER(x)}};
    assert_int_equal(dd__record(recorder, &flat), DD_DEVICE);
    assert_message("test/place");
    assert_ok(dd__recorder_run(recorder));
    assert_true(first_of(x) == 1);
}

/* Whether kernel `shared` fits with so much local memory, and that recording it says the same. */
static bool shared_fits(size_t bytes, size_t items) {
    char options[64];
    bool fits = false;
    snprintf(options, sizeof options, "-DFLOATS=%zu", bytes / sizeof(float));
    dd__launch launch = {.program = "shared",
                         .options = options,
                         .kernel = "shared",
                         .global = {items, 1, 1},
                         .local = {items, 1, 1},
                         .arguments = {DD_BUFFER(x)}};
    assert_ok(dd__kernel_fits(device, &launch, &fits));
    assert_int_equal(dd__record(recorder, &launch), fits ? DD_OK : DD_DEVICE);
    return fits;
}

static void test_what_fits_is_known_before_it_is_recorded(void **state) {
    (void)state;
    size_t local = dd_device_describe(device)->local_memory_bytes;
    size_t limit = dd__device_group_limit(device);
    assert_true(shared_fits(256, 1));
    assert_true(shared_fits(256, limit < 32 ? limit : 32));
    assert_false(shared_fits(256, 2 * device->group_limit * device->group_sizes[0]));
    assert_true(shared_fits(local / 2, 1));
    assert_false(shared_fits(2 * local, 1));
}

static void test_a_program_that_does_not_compile_does_not_fit_and_is_tried_once(void **state) {
    (void)state;
    dd__launch launch = {
        .program = "shared", .kernel = "shared", .global = {1}, .local = {1, 1, 1}};
    bool fits = true;
    clear_log();
    assert_ok(dd__kernel_fits(device, &launch, &fits)); /* FLOATS is missing */
    assert_false(fits);
    assert_true(was_logged("kernel shared/shared () in groups of 1 x 1 x 1: no: "));
    clear_log();
    fits = true;
    assert_ok(dd__kernel_fits(device, &launch, &fits));
    assert_false(fits);
    assert_string_equal(log_text, "");
    launch.options = "-DFLOATS=64";
    launch.kernel = "unheard_of";
    assert_ok(dd__kernel_fits(device, &launch, &fits));
    assert_false(fits);
    launch.program = "unheard_of";
    assert_int_equal(dd__kernel_fits(device, &launch, &fits), DD_USAGE);
    dd_set_log(NULL, NULL);
}

static void test_a_global_size_that_is_no_multiple_is_refused(void **state) {
    (void)state;
    assert_int_equal(record_add(1, 10, 4), DD_USAGE);
    assert_message("not a multiple");
    assert_int_equal(record_add(1, 0, 0), DD_USAGE);
}

static void test_a_launch_that_fails_names_kernel_sizes_and_error(void **state) {
    (void)state;
    assert_ok(dd__record(recorder, &(dd__launch){.program = "test",
                                                 .kernel = "four",
                                                 .global = {8},
                                                 .local = {8},
                                                 .arguments = {DD_BUFFER(x)}}));
    assert_int_equal(dd__recorder_run(recorder), DD_DEVICE);
    assert_message("test/four");
    assert_message("8 x 1 x 1");
    assert_message("CL_INVALID_WORK_GROUP_SIZE");
}

static void test_wrong_arguments_are_refused_by_count_and_number(void **state) {
    (void)state;
    dd__launch launch = {.program = "test", .kernel = "add", .global = {N}};
    launch.arguments[0] = DD_BUFFER(x);
    assert_int_equal(dd__record(recorder, &launch), DD_USAGE);
    assert_message("has 4 arguments, 1 were given");
    launch.arguments[1] = DD_BUFFER(NULL);
    launch.arguments[2] = DD_FLOAT(1);
    launch.arguments[3] = DD_INT(1);
    assert_int_equal(dd__record(recorder, &launch), DD_DEVICE);
    assert_message("argument 1");
    launch.kernel = "subtract";
    assert_int_equal(dd__record(recorder, &launch), DD_DEVICE);
    assert_message("subtract");
    assert_message("CL_INVALID_KERNEL_NAME");
}

/* Reads x[0] through another queue, which waits for nothing. */
static float seen;
static dd_status look(const void *context) {
    (void)context;
    cl_command_queue queue;
    DD_TRY(dd__device_profiling_queue(device, &queue));
    if (clEnqueueReadBuffer(queue, x->memory, CL_TRUE, 0, sizeof seen, &seen, 0, NULL, NULL) !=
        CL_SUCCESS)
        return dd__fail(DD_DEVICE, "the other queue cannot read");
    return DD_OK;
}
static dd_status give_up(const void *context) {
    return dd__fail(DD_WRONG, "%s", (const char *)context);
}

static void test_host_calls_see_what_was_launched_before_them(void **state) {
    (void)state;
    const int steps = 20 * 1000 * 1000; /* some 50 ms */
    assert_ok(dd__record(recorder, &(dd__launch){.program = "test",
                                                 .kernel = "slow",
                                                 .global = {1},
                                                 .arguments = {DD_BUFFER(x), DD_INT(steps)}}));
    assert_ok(record_add(1, N, 0));
    assert_ok(dd__record_call(recorder, look, NULL));
    assert_ok(record_add(1, N, 0));
    assert_ok(dd__recorder_run(recorder));
    assert_true(seen == 3);
    assert_true(first_of(x) == 4);
    assert_ok(dd__record_call(recorder, give_up, "no more"));
    assert_int_equal(dd__recorder_run(recorder), DD_WRONG);
    assert_message("no more");
}

static void test_profiles_add_up_by_label(void **state) {
    (void)state;
    dd__profile_row rows[2] = {{0}};
    size_t count = 0;
    char again[] = "first"; /* the same label at another address */
    dd__recorder_label(recorder, "first");
    assert_ok(record_add(1, N, 0));
    dd__recorder_label(recorder, "second");
    assert_ok(record_add(1, N, 0));
    assert_ok(dd__record_call(recorder, look, NULL));
    dd__recorder_label(recorder, again);
    assert_ok(record_add(1, N, 0));
    assert_ok(dd__recorder_profile(recorder, rows, 2, &count));
    assert_int_equal(count, 2);
    assert_string_equal(rows[0].label, "first");
    assert_string_equal(rows[1].label, "second");
    assert_int_equal(rows[0].launches, 2);
    assert_int_equal(rows[1].launches, 2);
    assert_true(rows[0].seconds > 0 && rows[0].seconds < 10);
    assert_true(rows[1].seconds > 0 && rows[1].seconds < 10);
    assert_true(first_of(x) == 4);
    device->timers_fail = true;
    assert_ok(dd__recorder_profile(recorder, rows, 2, &count));
    device->timers_fail = false;
    assert_int_equal(rows[0].launches, 4);
    assert_true(first_of(x) == 7);
    count = 0;
    assert_int_equal(dd__recorder_profile(recorder, rows, 1, &count), DD_USAGE);
}

static void test_calls_are_the_launches_of_the_reference(void **state) {
    (void)state;
    dd_device *reference;
    dd__recorder *calls;
    dd__profile_row row = {0};
    size_t count = 0;
    assert_ok(dd_device_open("reference", NULL, &reference));
    assert_ok(dd__recorder_create(reference, &calls));
    assert_ok(dd__record_call(calls, look, NULL));
    assert_ok(dd__recorder_run(calls));
    assert_ok(dd__recorder_profile(calls, &row, 1, &count));
    assert_int_equal(row.launches, 1);
    assert_int_equal(dd__record(calls, &(dd__launch){.program = "test", .kernel = "add"}),
                     DD_USAGE);
    dd__recorder_free(calls);
    dd_device_close(reference);
}

static void test_recording_survives_every_failing_allocation(void **state) {
    (void)state;
    size_t n = 1;
    for (;; n++) {
        dd__recorder *other = NULL;
        dd__fail_allocation(n);
        dd_status status = dd__recorder_create(device, &other);
        if (status == DD_OK)
            status = dd__record(other, &(dd__launch){.program = "test",
                                                     .kernel = "add",
                                                     .options = "-DAGAIN",
                                                     .global = {N},
                                                     .arguments = {DD_BUFFER(x), DD_BUFFER(y),
                                                                   DD_FLOAT(1), DD_INT(N)}});
        dd__fail_allocation(0);
        dd__recorder_free(other);
        if (status == DD_OK && n > 12) break;
        if (status != DD_OK) assert_int_equal(status, DD_MEMORY);
        assert_true(n < 200);
    }
}

/* Row-major products of small whole numbers: exact. */
static void check_product(bool transpose_a, bool transpose_b, bool accumulate) {
    enum { M = 5, C = 7, K = 3 };
    float a[M * K], b[K * C], c[M * C];
    dd__gemm_shape shape = {M, C, K, transpose_a, transpose_b, accumulate};
    for (int i = 0; i < M * K; i++) a[i] = (float)(i % 4 - 1);
    for (int i = 0; i < K * C; i++) b[i] = (float)(i % 5 - 2);
    for (int i = 0; i < M * C; i++) c[i] = accumulate ? 10 : NAN;
    dd__buffer *buffers[3];
    const float *const from[] = {a, b, c};
    const size_t sizes[] = {sizeof a, sizeof b, sizeof c};
    for (int i = 0; i < 3; i++) {
        assert_ok(dd__buffer_create(device, sizes[i], &buffers[i]));
        assert_ok(dd__buffer_write(buffers[i], 0, from[i], sizes[i]));
    }
    dd__recorder *product;
    assert_ok(dd__recorder_create(device, &product));
    assert_ok(dd__record_clblast(product, &shape, buffers[0], buffers[1], buffers[2]));
    assert_ok(dd__recorder_run(product));
    assert_ok(dd__buffer_read(buffers[2], 0, c, sizeof c));
    for (int m = 0; m < M; m++)
        for (int n = 0; n < C; n++) {
            float sum = accumulate ? 10 : 0;
            for (int k = 0; k < K; k++)
                sum += (transpose_a ? a[k * M + m] : a[m * K + k]) *
                       (transpose_b ? b[n * K + k] : b[k * C + n]);
            assert_true(c[m * C + n] == sum);
        }
    dd__recorder_free(product);
    for (int i = 0; i < 3; i++) dd__buffer_free(buffers[i]);
}

static void test_clblast_multiplies_in_all_transposes(void **state) {
    (void)state;
    if (!dd__has_clblast()) skip();
    for (int i = 0; i < 8; i++) check_product(i & 1, i & 2, i & 4);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, start, end)
    const struct CMUnitTest tests[] = {
        TEST(test_launches_run_in_order_and_again),
        TEST(test_three_dimensions_reach_every_item),
        TEST(test_views_are_arguments),
        TEST(test_a_cpu_runtime_gets_groups_of_one_unless_told),
        TEST(test_a_group_larger_than_the_kernels_limit_is_refused),
        TEST(test_what_fits_is_known_before_it_is_recorded),
        TEST(test_a_program_that_does_not_compile_does_not_fit_and_is_tried_once),
        TEST(test_a_global_size_that_is_no_multiple_is_refused),
        TEST(test_a_launch_that_fails_names_kernel_sizes_and_error),
        TEST(test_wrong_arguments_are_refused_by_count_and_number),
        TEST(test_host_calls_see_what_was_launched_before_them),
        TEST(test_profiles_add_up_by_label),
        TEST(test_calls_are_the_launches_of_the_reference),
        TEST(test_recording_survives_every_failing_allocation),
        TEST(test_clblast_multiplies_in_all_transposes),
    };
    return cmocka_run_group_tests(tests, open_all, close_all);
}
