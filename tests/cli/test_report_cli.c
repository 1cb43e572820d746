/* test_report_cli.c: the page that a training leaves, written again by "report". */
#include "cli/program.h"

static size_t size_of(const char *name) {
    char *text = read_text(name);
    size_t size = strlen(text);
    free(text);
    return size;
}

static void test_report_writes_the_page_again_and_prints_its_path(void **state) {
    (void)state;
    need_model();
    run("report \"$T/run\"");
    expect_status(0);
    expect_part(out, "/run/report.html\n");
    assert_int_equal(count_lines(out), 1);
    char *page = read_text("run/report.html");
    expect_part(page, "<title>small: training report</title>");
    expect_part(page, "\"set\":\"validation\"");
    expect_part(page, "</html>\n");
    free(page);
    assert_int_equal(count_entries("run", "report.html"), 1); /* nothing temporary is left */
}

static void test_a_report_again_is_the_same(void **state) {
    (void)state;
    need_model();
    run("report \"$T/run\"");
    expect_status(0);
    char *before = read_text("run/report.html");
    run("report \"$T/run\"");
    expect_status(0);
    char *after = read_text("run/report.html");
    assert_string_equal(before, after);
    free(before);
    free(after);
}

static void test_data_that_have_moved_are_left_out_with_a_warning(void **state) {
    (void)state;
    run("data synthesize \"$T/here\" --count 60");
    run("train --model models/small.json --data \"$T/here\" --epochs 1 --output \"$T/moved\"");
    expect_status(0);
    size_t whole = size_of("moved/report.html");
    assert_int_equal(system("mv \"$T/here\" \"$T/there\""), 0);
    run("report \"$T/moved\"");
    expect_status(0);
    expect_part(err, "warning: the report goes without images: ");
    expect_part(err, "/here");
    assert_true(size_of("moved/report.html") < whole);
    run("report \"$T/moved\" --data \"$T/there\"");
    expect_status(0);
    assert_int_equal(size_of("moved/report.html"), whole);
    run("report \"$T/moved\" --data \"$T/here\"");
    expect_status(2);
    expect_part(err, "/here");
}

static void test_a_folder_that_is_no_run_is_refused(void **state) {
    (void)state;
    run("report");
    expect_status(2);
    expect_part(err, "expected RUN");
    run("report \"$T/nothing\"");
    expect_status(2);
    expect_part(err, "expected the folder of a run");
    assert_false(file_exists("nothing"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_report_writes_the_page_again_and_prints_its_path),
        cmocka_unit_test(test_a_report_again_is_the_same),
        cmocka_unit_test(test_data_that_have_moved_are_left_out_with_a_warning),
        cmocka_unit_test(test_a_folder_that_is_no_run_is_refused),
    };
    return cmocka_run_group_tests(tests, program_setup, program_teardown);
}
