#include "device/fixture.h"

#include "base/memory.h"

static const char scale_text[] = "kernel void scale(global float *x) {\n"
                                 "    size_t i = get_global_id(0);\n"
                                 "    x[i] = FMA(x[i], FACTOR, 1.0f);\n"
                                 "}\n";

/* Compiles `scale` with `options` on a fresh device, runs it on 2.0 and gives the result: what is
 * in memory only is forgotten in between. `key` (33 characters) may be NULL. */
static float run_scale(const char *options, char *key) {
    dd_device *device;
    dd__buffer *x;
    dd__recorder *recorder;
    dd__program *program;
    float value = 2;
    assert_ok(dd_device_open(NULL, NULL, &device));
    assert_ok(dd__buffer_create(device, sizeof value, &x));
    assert_ok(dd__buffer_write(x, 0, &value, sizeof value));
    assert_ok(dd__recorder_create(device, &recorder));
    assert_ok(dd__record(recorder, &(dd__launch){.program = "scale",
                                                 .kernel = "scale",
                                                 .options = options,
                                                 .global = {1},
                                                 .arguments = {DD_BUFFER(x)}}));
    assert_ok(dd__recorder_run(recorder));
    assert_ok(dd__buffer_read(x, 0, &value, sizeof value));
    assert_ok(dd__program_get(device, "scale", options, &program));
    if (key) strcpy(key, program->key);
    dd__recorder_free(recorder);
    dd__buffer_free(x);
    dd_device_close(device);
    return value;
}

static int fresh_folder(void **state) {
    (void)state;
    own_folder();
    write_program("scale", scale_text);
    clear_log();
    return 0;
}

static int clean(void **state) {
    (void)state;
    dd_set_log(NULL, NULL);
    remove_own_folder();
    return 0;
}

static void test_options_change_the_program(void **state) {
    (void)state;
    char first[33], second[33];
    assert_true(run_scale("-DFACTOR=3.0f", first) == 7.0f);
    assert_true(run_scale("-DFACTOR=4.0f", second) == 9.0f);
    assert_string_not_equal(first, second);
    assert_true(run_scale("-DFACTOR=3.0f", NULL) == 7.0f);
}

static void test_a_changed_source_is_built_anew(void **state) {
    (void)state;
    assert_true(run_scale("-DFACTOR=3.0f", NULL) == 7.0f);
    write_program("scale", "kernel void scale(global float *x) { x[0] = FACTOR; }\n");
    assert_true(run_scale("-DFACTOR=3.0f", NULL) == 3.0f);
}

static void test_one_program_is_compiled_once_a_device(void **state) {
    (void)state;
    dd_device *device;
    dd__program *first, *again, *other;
    assert_ok(dd_device_open(NULL, NULL, &device));
    assert_ok(dd__program_get(device, "scale", "-DFACTOR=1", &first));
    assert_ok(dd__program_get(device, "scale", "-DFACTOR=1", &again));
    assert_ok(dd__program_get(device, "scale", "-DFACTOR=2", &other));
    assert_ptr_equal(first, again);
    assert_ptr_not_equal(first, other);
    dd_device_close(device);
}

static void test_the_second_process_finds_the_program_on_disk(void **state) {
    (void)state;
    dd_cache_info info;
    run_scale("-DFACTOR=3.0f", NULL);
    assert_true(was_logged("building kernels: scale (-cl-std=CL1.2 -cl-denorms-are-zero"));
    assert_ok(dd_cache_describe(&info));
    assert_int_equal(info.programs, 1);
    clear_log();
    assert_true(run_scale("-DFACTOR=3.0f", NULL) == 7.0f);
    assert_false(was_logged("building kernels"));
    assert_true(was_logged("kernels from the cache: scale"));
}

/* What may be in a file of the cache that is not a program of ours. */
static void damage(const char *key, const char *how) {
    char path[600], *bytes;
    size_t size;
    snprintf(path, sizeof path, "%s/cache/programs/%s.bin", folder, key);
    assert_ok(dd__file_read(path, 1 << 28, &bytes, &size));
    if (strcmp(how, "cut off") == 0) size /= 2;
    if (strcmp(how, "empty") == 0) size = 0;
    if (strcmp(how, "only a header") == 0) size = 56;
    if (strcmp(how, "one bit") == 0) bytes[size - 1] ^= 1;
    if (strcmp(how, "another version") == 0) bytes[8] = 99;
    if (strcmp(how, "text") == 0) memset(bytes, 'x', size);
    if (strcmp(how, "another key") == 0) bytes[24] = bytes[24] == '0' ? '1' : '0';
    assert_ok(dd__file_write(path, bytes, size));
    dd__free(bytes);
    if (strcmp(how, "another driver's") == 0) dd__program_cache_write(key, "not a binary", 12);
}

static void test_unusable_cache_files_are_rebuilt_and_replaced(void **state) {
    (void)state;
    static const char *const ways[] = {
        "cut off", "empty",           "only a header", "one bit",
        "text",    "another version", "another key",   "another driver's"};
    char key[33];
    run_scale("-DFACTOR=3.0f", key);
    for (size_t i = 0; i < DD_COUNT(ways); i++) {
        /* rusticl of Mesa 22.3 ends the process over such a binary: its key must not let it happen */
        if (was_logged("(rusticl") && strcmp(ways[i], "another driver's") == 0) continue;
        damage(key, ways[i]);
        clear_log();
        if (run_scale("-DFACTOR=3.0f", NULL) != 7.0f) fail_msg("%s: wrong result", ways[i]);
        if (!was_logged("building kernels: scale")) fail_msg("%s: not rebuilt", ways[i]);
        clear_log();
        run_scale("-DFACTOR=3.0f", NULL);
        if (was_logged("building kernels")) fail_msg("%s: not replaced", ways[i]);
    }
}

static void test_a_folder_that_cannot_be_written_means_no_cache(void **state) {
    (void)state;
    char path[512];
    snprintf(path, sizeof path, "%s/kernels/scale.cl/below-a-file", folder);
    setenv("DEEPDIGITS_CACHE_DIR", path, 1);
    assert_true(run_scale("-DFACTOR=3.0f", NULL) == 7.0f);
    assert_true(run_scale("-DFACTOR=3.0f", NULL) == 7.0f);
    assert_true(was_logged("a program is not cached"));
}

static void test_the_cache_can_be_turned_off(void **state) {
    (void)state;
    dd_cache_info info;
    setenv("DEEPDIGITS_CACHE", "off", 1);
    run_scale("-DFACTOR=3.0f", NULL);
    assert_ok(dd_cache_describe(&info));
    assert_int_equal(info.programs, 0);
    assert_int_equal(info.bytes, 0);
}

static void test_clearing_the_cache_removes_only_what_is_ours(void **state) {
    (void)state;
    char path[600];
    dd_cache_info info;
    static const char tunings[] = "deepdigits tuning 1\nfirst\nsecond\n";
    run_scale("-DFACTOR=3.0f", NULL);
    snprintf(path, sizeof path, "%s/cache/tuning.txt", folder);
    assert_ok(dd__file_write(path, tunings, strlen(tunings)));
    snprintf(path, sizeof path, "%s/cache/programs/notes.bin", folder);
    assert_ok(dd__file_write(path, "mine", 4));
    assert_ok(dd_cache_describe(&info));
    assert_int_equal(info.programs, 1);
    assert_int_equal(info.tunings, 2);
    assert_true(info.bytes > sizeof tunings);
    assert_ok(dd_cache_clear());
    assert_ok(dd_cache_describe(&info));
    assert_int_equal(info.programs + info.tunings, 0);
    assert_int_equal(info.bytes, 0);
    assert_true(dd__is_file(path));
    assert_ok(dd_cache_clear());
}

static void test_a_build_error_holds_the_log_the_options_and_the_place(void **state) {
    (void)state;
    dd_device *device;
    dd__program *program;
    write_program("wrong", "kernel void f(global float *x) {\n    x[0] = no_such_name;\n}\n");
    assert_ok(dd_device_open(NULL, NULL, &device));
    assert_int_equal(dd__program_get(device, "wrong", "-DSIZE=5", &program), DD_DEVICE);
    assert_null(program);
    assert_message("no_such_name");
    /* Oclgrind calls every file input.cl */
    if (!strstr(dd_device_describe(device)->platform, "Oclgrind")) assert_message("wrong.cl:2");
    assert_message("-DSIZE=5");
    assert_message(dd_device_describe(device)->name);
    assert_int_equal(dd__program_get(device, "wrong", "-DSIZE=5", &program), DD_DEVICE);
    dd_device_close(device);
}

static void test_an_unknown_program_is_refused_by_name(void **state) {
    (void)state;
    dd_device *device;
    dd__program *program;
    assert_ok(dd_device_open(NULL, NULL, &device));
    assert_int_equal(dd__program_get(device, "nowhere", NULL, &program), DD_USAGE);
    assert_message("cl/nowhere.cl");
    dd_device_close(device);
}

static void test_the_reference_has_no_programs(void **state) {
    (void)state;
    dd_device *device;
    dd__program *program;
    assert_ok(dd_device_open("reference", NULL, &device));
    assert_int_equal(dd__program_get(device, "scale", NULL, &program), DD_USAGE);
    dd_device_close(device);
}

static void test_forced_implementations_are_found_by_op(void **state) {
    (void)state;
    dd_device *device;
    dd_device_options options = {.implementations = "conv2d=plain,gemm=clblast"};
    assert_ok(dd_device_open("reference", &options, &device));
    assert_string_equal(dd__device_forced(device, "conv2d"), "plain");
    assert_string_equal(dd__device_forced(device, "gemm"), "clblast");
    assert_null(dd__device_forced(device, "conv"));
    dd_device_close(device);
    static const char *const wrong[] = {"conv2d", "conv2d=", "=plain", "a=b,c"};
    for (size_t i = 0; i < DD_COUNT(wrong); i++) {
        options.implementations = wrong[i];
        assert_int_equal(dd_device_open("reference", &options, &device), DD_USAGE);
        assert_message("OP=NAME");
    }
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, fresh_folder, clean)
    const struct CMUnitTest tests[] = {
        TEST(test_options_change_the_program),
        TEST(test_a_changed_source_is_built_anew),
        TEST(test_one_program_is_compiled_once_a_device),
        TEST(test_the_second_process_finds_the_program_on_disk),
        TEST(test_unusable_cache_files_are_rebuilt_and_replaced),
        TEST(test_a_folder_that_cannot_be_written_means_no_cache),
        TEST(test_the_cache_can_be_turned_off),
        TEST(test_clearing_the_cache_removes_only_what_is_ours),
        TEST(test_a_build_error_holds_the_log_the_options_and_the_place),
        TEST(test_an_unknown_program_is_refused_by_name),
        TEST(test_the_reference_has_no_programs),
        TEST(test_forced_implementations_are_found_by_op),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
