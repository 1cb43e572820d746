/* A machine where no OpenCL runtime is installed: a process of its own, since the loader looks
 * once. */
#include "device/fixture.h"

static void test_without_a_runtime_the_list_holds_the_reference_and_the_reason(void **state) {
    (void)state;
    dd_device_list *list;
    assert_ok(dd_device_list_create(&list));
    assert_int_equal(list->count, 1);
    assert_int_equal(list->devices[0].type, DD_DEVICE_REFERENCE);
    assert_false(list->devices[0].is_default);
    assert_int_equal(list->skipped_count, 1);
    assert_non_null(strstr(list->skipped[0], "pocl-opencl-icd"));
    dd_device_list_free(list);
}

static void test_without_a_runtime_the_reference_opens(void **state) {
    (void)state;
    dd_device *device;
    assert_ok(dd_device_open("reference", NULL, &device));
    assert_true(dd__device_is_reference(device));
    assert_int_equal(dd_device_describe(device)->type, DD_DEVICE_REFERENCE);
    assert_false(dd__opencl_started());
    dd_device_close(device);
}

static void test_without_a_runtime_the_default_says_what_to_install(void **state) {
    (void)state;
    dd_device *device;
    assert_int_equal(dd_device_open(NULL, NULL, &device), DD_DEVICE);
    assert_null(device);
    assert_message("pocl-opencl-icd");
    assert_message("CL_PLATFORM_NOT_FOUND_KHR");
    assert_int_equal(dd_device_open("cpu", NULL, &device), DD_USAGE);
    assert_message("reference");
}

int main(void) {
    setenv("OCL_ICD_VENDORS", "/nonexistent", 1);
    unsetenv("DEEPDIGITS_DEVICE");
    own_folder();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_without_a_runtime_the_list_holds_the_reference_and_the_reason),
        cmocka_unit_test(test_without_a_runtime_the_reference_opens),
        cmocka_unit_test(test_without_a_runtime_the_default_says_what_to_install),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    remove_own_folder();
    return failed;
}
