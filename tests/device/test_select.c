#include "device/fixture.h"

#include "base/memory.h"

/* A machine with much in it. */
static const dd__found machine[] = {
    {.info = {.platform_index = 0,
              .device_index = 0,
              .name = "pthread-haswell-AMD EPYC",
              .platform = "Portable Computing Language",
              .platform_version = "OpenCL 3.0 PoCL 3.1",
              .driver = "3.1+debian",
              .type = DD_DEVICE_CPU},
     .rank = 4},
    {.info = {.platform_index = 1,
              .device_index = 0,
              .name = "Intel(R) Arc(TM) A770",
              .platform = "Intel(R) OpenCL Graphics",
              .driver = "23.43",
              .type = DD_DEVICE_GPU},
     .rank = 8},
    {.info = {.platform_index = 1,
              .device_index = 1,
              .name = "Intel(R) Arc(TM) A770M",
              .platform = "Intel(R) OpenCL Graphics",
              .driver = "23.43",
              .type = DD_DEVICE_GPU},
     .rank = 8},
    {.info = {.platform_index = 2,
              .device_index = 0,
              .name = "AMD EPYC 7B13",
              .platform = "Intel(R) OpenCL",
              .driver = "2026.2",
              .type = DD_DEVICE_CPU},
     .rank = 4},
    {.info = {.platform_index = 3,
              .device_index = 0,
              .name = "Oclgrind Simulator",
              .platform = "Oclgrind",
              .driver = "Oclgrind 21.10",
              .type = DD_DEVICE_GPU},
     .rank = 0},
};

static dd__catalogue catalogue_of(size_t count) {
    dd__catalogue catalogue = {0};
    dd__found reference = dd__reference_device();
    for (size_t i = 0; i < count; i++) assert_ok(dd__catalogue_add(&catalogue, &machine[i]));
    assert_ok(dd__catalogue_add(&catalogue, &reference));
    return catalogue;
}

static void test_selectors_find_one_device(void **state) {
    (void)state;
    static const struct {
        const char *selector;
        size_t index;
    } rows[] = {
        {"0", 0},        {"3", 3},         {"5", 5},
        {"1:1", 2},      {"2:0", 3},       {"pocl", 0},
        {"PORTABLE", 0}, {"a770m", 2},     {"2026.2", 3},
        {"oclgrind", 4}, {"reference", 5}, {"Reference", 5},
        {"plain c", 5},  {"7b13", 3},      {"Intel(R) Arc(TM) A770", 1},
        {"pthread", 0},  {"haswell", 0},   {"+debian", 0},
    };
    dd__catalogue catalogue = catalogue_of(DD_COUNT(machine));
    for (size_t i = 0; i < DD_COUNT(rows); i++) {
        size_t index = 99;
        if (dd__select(&catalogue, rows[i].selector, &index) != DD_OK || index != rows[i].index)
            fail_msg("\"%s\": expected %zu, found %zu: %s", rows[i].selector, rows[i].index, index,
                     dd_message());
    }
    dd__catalogue_clear(&catalogue);
}

static void test_selectors_without_a_match_list_all_devices(void **state) {
    (void)state;
    static const char *const selectors[] = {"6",  "99999999999999999999", "4:0",   "1:2", "1:",
                                            ":1", "accelerator9",         "1:1:1", "-1",  "-1:-1"};
    dd__catalogue catalogue = catalogue_of(DD_COUNT(machine));
    for (size_t i = 0; i < DD_COUNT(selectors); i++) {
        size_t index;
        assert_int_equal(dd__select(&catalogue, selectors[i], &index), DD_USAGE);
        assert_message(selectors[i]);
        assert_message("0 = pthread-haswell-AMD EPYC (Portable Computing Language)");
        assert_message("5 = reference");
    }
    dd__catalogue_clear(&catalogue);
}

static void test_ambiguous_selectors_list_only_the_candidates(void **state) {
    (void)state;
    static const struct {
        const char *selector, *listed, *not_listed;
    } rows[] = {
        {"cpu", "3 = AMD EPYC 7B13", "Arc"},
        {"GPU", "4 = Oclgrind", "EPYC"},
        {"a770", "2 = Intel(R) Arc(TM) A770M", "EPYC"},
        {"amd epyc", "0 = pthread", "Arc"},
        {"", "5 = reference", "6 ="},
    };
    dd__catalogue catalogue = catalogue_of(DD_COUNT(machine));
    for (size_t i = 0; i < DD_COUNT(rows); i++) {
        size_t index;
        assert_int_equal(dd__select(&catalogue, rows[i].selector, &index), DD_USAGE);
        assert_message("could be any of");
        assert_message(rows[i].listed);
        assert_null(strstr(dd_message(), rows[i].not_listed));
    }
    dd__catalogue_clear(&catalogue);
}

static void test_type_words_take_the_only_device_of_the_type(void **state) {
    (void)state;
    size_t index = 99;
    dd__catalogue catalogue = catalogue_of(2);
    assert_ok(dd__select(&catalogue, "cpu", &index));
    assert_int_equal(index, 0);
    assert_ok(dd__select(&catalogue, "gpu", &index));
    assert_int_equal(index, 1);
    dd__catalogue_clear(&catalogue);
}

static void test_the_default_is_the_first_of_the_highest_rank(void **state) {
    (void)state;
    size_t index = 99;
    dd__catalogue catalogue = catalogue_of(DD_COUNT(machine));
    unsetenv("DEEPDIGITS_DEVICE");
    assert_ok(dd__select(&catalogue, NULL, &index));
    assert_int_equal(index, 1);
    dd__catalogue_clear(&catalogue);
}

static void test_the_environment_names_the_default(void **state) {
    (void)state;
    size_t index = 99;
    dd__catalogue catalogue = catalogue_of(DD_COUNT(machine));
    setenv("DEEPDIGITS_DEVICE", "2:0", 1);
    assert_ok(dd__select(&catalogue, NULL, &index));
    assert_int_equal(index, 3);
    setenv("DEEPDIGITS_DEVICE", "nothing", 1);
    assert_int_equal(dd__select(&catalogue, NULL, &index), DD_USAGE);
    unsetenv("DEEPDIGITS_DEVICE");
    dd__catalogue_clear(&catalogue);
}

static void test_emulators_and_the_reference_are_never_the_default(void **state) {
    (void)state;
    size_t index = 99;
    dd__catalogue catalogue = {0};
    dd__found reference = dd__reference_device();
    assert_ok(dd__catalogue_add(&catalogue, &machine[4]));
    assert_ok(dd__catalogue_add(&catalogue, &reference));
    assert_int_equal(dd__select(&catalogue, NULL, &index), DD_DEVICE);
    assert_message("reference");
    dd__catalogue_clear(&catalogue);
}

static void test_kernels_follow_how_a_runtime_vectorises(void **state) {
    (void)state;
    dd_device_info pocl = {.type = DD_DEVICE_CPU, .vector_width = 8};
    dd_device_info rusticl = {.type = DD_DEVICE_CPU, .vector_width = 1};
    dd_device_info gpu = {.type = DD_DEVICE_GPU, .vector_width = 4};
    assert_int_equal(dd__natural_class(&pocl), DD_CLASS_CPU);
    assert_int_equal(dd__natural_class(&rusticl), DD_CLASS_GPU);
    assert_int_equal(dd__natural_class(&gpu), DD_CLASS_GPU);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_selectors_find_one_device),
        cmocka_unit_test(test_selectors_without_a_match_list_all_devices),
        cmocka_unit_test(test_ambiguous_selectors_list_only_the_candidates),
        cmocka_unit_test(test_type_words_take_the_only_device_of_the_type),
        cmocka_unit_test(test_the_default_is_the_first_of_the_highest_rank),
        cmocka_unit_test(test_the_environment_names_the_default),
        cmocka_unit_test(test_emulators_and_the_reference_are_never_the_default),
        cmocka_unit_test(test_kernels_follow_how_a_runtime_vectorises),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
