/* A runtime that aborts as soon as it is loaded, beside the others: a process of its own. */
#include "device/fixture.h"

#include <dirent.h>

static bool prepared;

/* `folder`/vendors: links to this machine's runtimes, and one that breaks. */
static bool prepare(void) {
    char path[600], command[2048];
    static const char source[] =
        "#include <stdlib.h>\n"
        "__attribute__((constructor)) static void break_down(void) { abort(); }\n";
    snprintf(path, sizeof path, "%s/broken.c", folder);
    if (dd__file_write(path, source, strlen(source)) != DD_OK) return false;
    snprintf(command, sizeof command,
             "cd %s && cc -shared -fPIC broken.c -o broken.so && mkdir vendors && "
             "echo %s/broken.so > vendors/broken.icd && "
             "ln -s /etc/OpenCL/vendors/pocl.icd vendors/ 2>/dev/null",
             folder, folder);
    snprintf(path, sizeof path, "%s/vendors", folder);
    setenv("OCL_ICD_VENDORS", path, 1);
    return system(command) == 0;
}

static void test_a_crashing_runtime_is_named_and_the_others_are_listed(void **state) {
    (void)state;
    dd_device_list *list;
    bool named = false;
    if (!prepared) skip();
    assert_ok(dd_device_list_create(&list));
    assert_false(dd__opencl_started());
    for (size_t i = 0; i < list->skipped_count; i++)
        named = named || (strstr(list->skipped[i], "broken.icd") &&
                          strstr(list->skipped[i], "crashed (signal 6"));
    assert_true(named);
    assert_true(list->count >= 2);
    assert_int_equal(list->devices[list->count - 1].type, DD_DEVICE_REFERENCE);
    dd_device_list_free(list);
}

static void test_a_device_of_another_runtime_opens_all_the_same(void **state) {
    (void)state;
    char vendors[600];
    dd_device *device;
    if (!prepared) skip();
    assert_ok(dd_device_open("0", NULL, &device));
    assert_false(dd__device_is_reference(device));
    dd_device_close(device);
    snprintf(vendors, sizeof vendors, "%s/vendors", folder);
    assert_string_equal(getenv("OCL_ICD_VENDORS"), vendors);
}

int main(void) {
    own_folder();
    prepared = prepare();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_crashing_runtime_is_named_and_the_others_are_listed),
        cmocka_unit_test(test_a_device_of_another_runtime_opens_all_the_same),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    remove_own_folder();
    return failed;
}
