/* test_several_cli.c: classify on several devices at once. The kernels' device is number 0 of the list, the
 * other one the reference. */
#include <math.h>

#include "cli/program.h"

#define CLASSIFY "classify --model \"$T/run/model.safetensors\" --format csv --batch 2 "

/* Digits, and two files that are none. */
static void need_images(void) {
    if (file_exists("images")) return;
    run("data synthesize \"$T/images\" --count 25 --seed 7");
    expect_status(0);
    make_file("images/broken.png", "\x89PNG\r\n\x1A\nno", 10);
    make_file("images/0-none.png", "", 0);
}

/* Kernels that do not compile: every OpenCL device fails, the reference does not. */
static const char *with_broken_kernels(void) {
    assert_int_equal(system("mkdir -p \"$T/broken\""), 0);
    make_file("broken/softmax.cl", "no kernel", 9);
    return "DEEPDIGITS_CL_DIR=\"$T/broken\" DEEPDIGITS_CACHE=off";
}

/* The same rows, but for what devices may differ by. */
static void expect_rows(const char *expected) {
    char *given = strdup(expected), *found = strdup(out), *ends[2];
    assert_int_equal(count_lines(out), count_lines(expected));
    char *a = strtok_r(given, "\n", &ends[0]), *b = strtok_r(found, "\n", &ends[1]);
    for (; a && b; a = strtok_r(NULL, "\n", &ends[0]), b = strtok_r(NULL, "\n", &ends[1])) {
        char rest[2][512] = {"", ""};
        double probability[2] = {0, 0};
        size_t same = strcspn(a, ","); /* path,label,probability,status */
        same += 1 + strcspn(a + same + 1, ",");
        assert_memory_equal(a, b, same + 1);
        if (sscanf(a + same, ",%lf,%511[^\n]", &probability[0], rest[0]) < 2) {
            assert_string_equal(a, b); /* a failed file, or the head */
            continue;
        }
        assert_int_equal(sscanf(b + same, ",%lf,%511[^\n]", &probability[1], rest[1]), 2);
        assert_string_equal(rest[0], rest[1]);
        assert_true(fabs(probability[0] - probability[1]) <= 1e-4);
    }
    assert_true(!a && !b);
    free(given);
    free(found);
}

/* The rows of the reference alone; the caller frees them. */
static char *rows_of_one(void) {
    need_model();
    need_images();
    run(CLASSIFY "--device reference \"$T/images\"");
    expect_status(0);
    assert_int_equal(count_lines(out), 1 + 25 + 2);
    return strdup(out);
}

static void test_a_list_of_devices_gives_the_rows_of_one(void **state) {
    (void)state;
    char *expected = rows_of_one();
    run(CLASSIFY "--device 0,reference \"$T/images\"");
    expect_status(0);
    expect_rows(expected);
    expect_part(err, "classified 27 files, 2 failed");
    expect_part(err, " images: reference (plain C)\n");
    assert_null(strstr(err, "left out"));
    free(expected);
}

static void test_all_devices_come_from_the_list_or_the_environment(void **state) {
    (void)state;
    char *expected = rows_of_one();
    run(CLASSIFY "--device all \"$T/images\"");
    expect_status(0);
    expect_rows(expected);
    assert_null(strstr(err, "reference")); /* which all leaves out */
    run_with("DEEPDIGITS_DEVICE=ALL", CLASSIFY "\"$T/images\"");
    expect_status(0);
    expect_rows(expected);
    free(expected);
}

static void test_a_device_that_fails_is_named_and_the_others_go_on(void **state) {
    (void)state;
    char *expected = rows_of_one();
    run_with(with_broken_kernels(), CLASSIFY "--device 0,reference \"$T/images\"");
    expect_status(0);
    expect_rows(expected);
    expect_part(err, " is left out: ");
    expect_part(err, "softmax");
    expect_part(err, "  0 images: ");
    expect_part(err, ", until it was left out\n");
    expect_part(err, "  25 images: reference (plain C)\n");
    free(expected);
}

static void test_when_no_device_is_left_the_job_fails(void **state) {
    (void)state;
    need_model();
    need_images();
    run_with(with_broken_kernels(), CLASSIFY "--device all \"$T/images\"");
    expect_status(1);
    expect_part(err, "softmax");
    run_with(with_broken_kernels(), CLASSIFY "--device 0,0 \"$T/images\"");
    expect_status(1);
    expect_part(err, "none of the 2 devices is left");
    assert_int_equal(count_lines(out), 1); /* the head */
    run_with("OCL_ICD_VENDORS=/nonexistent", CLASSIFY "--device all \"$T/images\"");
    expect_status(1);
    expect_part(err, "no OpenCL device");
}

static void test_bad_lists_and_empty_folders_are_bad_usage(void **state) {
    (void)state;
    need_model();
    need_images();
    run(CLASSIFY "--device reference,nowhere \"$T/images\"");
    expect_status(2);
    expect_part(err, "nowhere");
    run(CLASSIFY "--device reference, \"$T/images\"");
    expect_status(2);
    expect_part(err, "between commas");
    assert_int_equal(system("mkdir \"$T/empty\""), 0);
    run(CLASSIFY "--device all \"$T/empty\"");
    expect_status(2);
    expect_part(err, "nothing to classify");
}

static void test_help_says_which_commands_take_several(void **state) {
    (void)state;
    static const char *const names[] = {"classify", "bench", "selftest"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char line[64];
        snprintf(line, sizeof line, "%s --help", names[i]);
        run(line);
        expect_status(0);
        expect_part(out, "[--device SEL,SEL..|all]");
    }
    run("evaluate --device all --model x --data y");
    expect_status(2);
}

static void test_selftest_takes_a_list(void **state) {
    (void)state;
    run_with(with_broken_kernels(), "selftest --quick --device 0,reference");
    expect_status(1);
    expect_part(err, "1 of 2 devices failed");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_list_of_devices_gives_the_rows_of_one),
        cmocka_unit_test(test_all_devices_come_from_the_list_or_the_environment),
        cmocka_unit_test(test_a_device_that_fails_is_named_and_the_others_go_on),
        cmocka_unit_test(test_when_no_device_is_left_the_job_fails),
        cmocka_unit_test(test_bad_lists_and_empty_folders_are_bad_usage),
        cmocka_unit_test(test_help_says_which_commands_take_several),
        cmocka_unit_test(test_selftest_takes_a_list),
    };
    return cmocka_run_group_tests(tests, program_setup, program_teardown);
}
