#include "device/fixture.h"

enum { VIEW = 3 * DD__ALIGNMENT, SMALL = 8 * DD__ALIGNMENT, LARGE = 5 << 20 };

static dd_device *device;

static int open_default(void **state) {
    (void)state;
    return dd_device_open(NULL, NULL, &device) == DD_OK ? 0 : -1;
}

static int open_reference(void **state) {
    (void)state;
    return dd_device_open("reference", NULL, &device) == DD_OK ? 0 : -1;
}

static int close_it(void **state) {
    (void)state;
    dd_device_close(device);
    return 0;
}

static void fill(unsigned char *bytes, size_t count, unsigned seed) {
    for (size_t i = 0; i < count; i++) bytes[i] = (unsigned char)(i * 7 + seed);
}

static void test_bytes_written_are_read_back(void **state) {
    (void)state;
    static unsigned char out[LARGE], in[LARGE];
    static const size_t sizes[] = {1, 5, DD__ALIGNMENT, SMALL + 3, LARGE};
    for (size_t i = 0; i < DD_COUNT(sizes); i++) {
        dd__buffer *buffer;
        size_t bytes = sizes[i];
        fill(out, bytes, (unsigned)i);
        assert_ok(dd__buffer_create(device, bytes, &buffer));
        assert_int_equal(dd__buffer_bytes(buffer), bytes);
        assert_int_equal(dd__device_bytes(device), bytes);
        assert_ok(dd__buffer_write(buffer, 0, out, bytes));
        assert_ok(dd__buffer_read(buffer, 0, in, bytes));
        assert_memory_equal(in, out, bytes);
        dd__buffer_free(buffer);
        assert_int_equal(dd__device_bytes(device), 0);
    }
}

static void test_zeroing_reaches_every_byte(void **state) {
    (void)state;
    static unsigned char out[LARGE], in[LARGE], none[LARGE];
    static const size_t sizes[] = {1, 7, SMALL, LARGE};
    for (size_t i = 0; i < DD_COUNT(sizes); i++) {
        dd__buffer *buffer;
        memset(out, 255, sizes[i]);
        assert_ok(dd__buffer_create(device, sizes[i], &buffer));
        assert_ok(dd__buffer_write(buffer, 0, out, sizes[i]));
        assert_ok(dd__buffer_zero(buffer));
        assert_ok(dd__buffer_read(buffer, 0, in, sizes[i]));
        assert_memory_equal(in, none, sizes[i]);
        dd__buffer_free(buffer);
    }
}

static void check_views(size_t bytes) {
    unsigned char out[DD__ALIGNMENT], in[DD__ALIGNMENT];
    dd__buffer *whole, *view, *inner;
    assert_ok(dd__buffer_create(device, bytes, &whole));
    assert_ok(dd__buffer_zero(whole));
    assert_ok(dd__buffer_view(whole, VIEW, 4 * DD__ALIGNMENT, &view));
    assert_ok(dd__buffer_view(view, DD__ALIGNMENT, DD__ALIGNMENT, &inner));
    fill(out, sizeof out, 3);
    assert_ok(dd__buffer_write(inner, 0, out, sizeof out));
    assert_ok(dd__buffer_read(whole, VIEW + DD__ALIGNMENT, in, sizeof in));
    assert_memory_equal(in, out, sizeof out);
    assert_ok(dd__buffer_read(view, DD__ALIGNMENT + 10, in, 100));
    assert_memory_equal(in, out + 10, 100);
    assert_ok(dd__buffer_zero(view));
    assert_ok(dd__buffer_read(whole, VIEW + DD__ALIGNMENT, in, sizeof in));
    for (size_t i = 0; i < sizeof in; i++) assert_int_equal(in[i], 0);
    assert_int_equal(dd__device_bytes(device), bytes);
    dd__buffer_free(inner);
    dd__buffer_free(view);
    dd__buffer_free(whole);
}

static void test_views_are_parts_of_their_parent(void **state) {
    (void)state;
    check_views(SMALL);
    check_views(LARGE);
}

static void test_views_that_do_not_fit_are_refused(void **state) {
    (void)state;
    static const struct {
        size_t offset, bytes;
    } rows[] = {{0, SMALL + 1},
                {SMALL, 1},
                {SMALL + DD__ALIGNMENT, 0},
                {DD__ALIGNMENT, SMALL},
                {SIZE_MAX - 1023, 1024},
                {100, 4},
                {0, 0}};
    dd__buffer *whole, *view;
    assert_ok(dd__buffer_create(device, SMALL, &whole));
    for (size_t i = 0; i < DD_COUNT(rows); i++)
        assert_int_equal(dd__buffer_view(whole, rows[i].offset, rows[i].bytes, &view), DD_USAGE);
    dd__buffer_free(whole);
}

static void test_copies_beyond_the_end_are_refused(void **state) {
    (void)state;
    char bytes[16] = {0};
    dd__buffer *buffer;
    assert_ok(dd__buffer_create(device, 16, &buffer));
    assert_int_equal(dd__buffer_write(buffer, 1, bytes, 16), DD_USAGE);
    assert_int_equal(dd__buffer_read(buffer, 17, bytes, 0), DD_USAGE);
    assert_int_equal(dd__buffer_read(buffer, 8, bytes, SIZE_MAX - 4), DD_USAGE);
    assert_ok(dd__buffer_read(buffer, 16, bytes, 0));
    dd__buffer_free(buffer);
}

static void test_buffers_beyond_the_devices_largest_are_refused_in_megabytes(void **state) {
    (void)state;
    dd__buffer *buffer;
    size_t largest = (size_t)dd_device_describe(device)->largest_allocation_bytes;
    assert_int_equal(dd__buffer_create(device, largest + 1, &buffer), DD_MEMORY);
    assert_null(buffer);
    assert_message("MB");
    assert_int_equal(dd__device_bytes(device), 0);
    assert_int_equal(dd__buffer_create(device, 0, &buffer), DD_USAGE);
}

static void test_buffers_together_stay_below_the_devices_memory(void **state) {
    (void)state;
    dd__buffer *buffer;
    device->bytes = dd_device_describe(device)->memory_bytes - 1000;
    assert_int_equal(dd__buffer_create(device, 1001, &buffer), DD_MEMORY);
    assert_message("MB");
    device->bytes = 0;
}

static void test_a_budget_may_be_set_below_the_devices_memory(void **state) {
    (void)state;
    dd_device *other;
    dd__buffer *first, *second;
    dd_device_options options = {.memory_bytes = 2000000};
    assert_ok(dd_device_open(NULL, &options, &other));
    assert_ok(dd__buffer_create(other, 1500000, &first));
    assert_int_equal(dd__buffer_create(other, 500001, &second), DD_MEMORY);
    assert_message("0.5 MB are needed, 1.5 MB are in use of the 2.0 MB that it may use");
    assert_ok(dd__buffer_create(other, 500000, &second));
    dd__buffer_free(first);
    dd__buffer_free(second);
    dd_device_close(other);
    options.memory_bytes = UINT64_MAX; /* more than there is: as without */
    assert_ok(dd_device_open(NULL, &options, &other));
    assert_int_equal(other->budget, other->info.memory_bytes / 5 * 4);
    dd_device_close(other);
}

static void test_a_lost_device_fails_at_once(void **state) {
    (void)state;
    dd_device *other;
    dd__buffer *buffer;
    float number = 0;
    assert_ok(dd_device_open(NULL, NULL, &other));
    assert_ok(dd__buffer_create(other, 64, &buffer));
    other->lost = true;
    assert_int_equal(dd__buffer_read(buffer, 0, &number, 4), DD_DEVICE);
    assert_message("stopped working");
    assert_int_equal(dd__device_finish(other), DD_DEVICE);
    other->lost = false;
    dd__buffer_free(buffer);
    dd_device_close(other);
}

#define COMMON_TESTS                                              \
    cmocka_unit_test(test_bytes_written_are_read_back),           \
        cmocka_unit_test(test_zeroing_reaches_every_byte),        \
        cmocka_unit_test(test_views_are_parts_of_their_parent),   \
        cmocka_unit_test(test_views_that_do_not_fit_are_refused), \
        cmocka_unit_test(test_copies_beyond_the_end_are_refused)

int main(void) {
    own_folder();
    const struct CMUnitTest opencl[] = {
        COMMON_TESTS,
        cmocka_unit_test(test_buffers_beyond_the_devices_largest_are_refused_in_megabytes),
        cmocka_unit_test(test_buffers_together_stay_below_the_devices_memory),
        cmocka_unit_test(test_a_budget_may_be_set_below_the_devices_memory),
        cmocka_unit_test(test_a_lost_device_fails_at_once),
    };
    const struct CMUnitTest reference[] = {COMMON_TESTS};
    int failed = cmocka_run_group_tests(opencl, open_default, close_it) +
                 cmocka_run_group_tests(reference, open_reference, close_it);
    remove_own_folder();
    return failed;
}
