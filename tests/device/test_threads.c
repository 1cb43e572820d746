/* Threads of a CPU runtime are decided by the first device opened: a process of its own. */
#include "device/fixture.h"

static void test_threads_are_decided_by_the_first_device_opened(void **state) {
    (void)state;
    dd_device *device;
    dd_device_options one = {.threads = 1}, many = {.threads = 7};
    clear_log();
    assert_ok(dd_device_open("pocl", &one, &device));
    assert_int_equal(dd_device_describe(device)->compute_units, 1);
    dd_device_close(device);
    assert_false(was_logged("too late"));
    assert_ok(dd_device_open("pocl", &many, &device));
    assert_int_equal(dd_device_describe(device)->compute_units, 1);
    dd_device_close(device);
    assert_true(was_logged("too late"));
}

int main(void) {
    own_folder();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_threads_are_decided_by_the_first_device_opened),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    remove_own_folder();
    return failed;
}
