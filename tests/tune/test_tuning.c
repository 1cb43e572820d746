/* Choices as text, and the file of measured ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"
#include "tune/tuning.h"

/* ---- An op, and nodes of it ------------------------------------------------------------ */

static const dd__tunable tunables[] = {
    {.name = "rows", .values = {4, 6, 14}, .usual = 6, .help = "rows"},
    {.name = "block", .values = {1, 2}, .usual = 1, .help = "blocks"},
    {0},
};
static const dd__implementation tiled = {.name = "tiled", .tunables = tunables};
static const dd__implementation plain = {.name = "plain"};
static const dd__implementation *const implementations[] = {&tiled, &plain, NULL};
static const dd__op op = {.name = "madeup", .implementations = implementations};

static dd__value wide = {.dims = {2, {8, 16}}}, narrow = {.dims = {2, {8, 3}}};
static dd__value *wide_in[] = {&wide}, *narrow_in[] = {&narrow};
static const dd__node node = {.op = &op, .name = "a", .in = wide_in, .in_count = 1};
static const dd__node other = {.op = &op, .name = "b", .in = narrow_in, .in_count = 1};

static dd_device *device;
static char folder[] = "/tmp/deepdigits-tuning-XXXXXX", path[128];

static int open_all(void **state) {
    (void)state;
    if (!mkdtemp(folder) || setenv("DEEPDIGITS_CACHE_DIR", folder, 1) != 0) return -1;
    snprintf(path, sizeof path, "%s/tuning.txt", folder);
    return dd_device_open("reference", NULL, &device) == DD_OK ? 0 : -1;
}

static int close_all(void **state) {
    (void)state;
    dd_device_close(device);
    remove(path);
    return remove(folder);
}

/* ---- Text ------------------------------------------------------------------------------ */

static void test_a_choice_is_read_as_it_was_printed(void **state) {
    (void)state;
    static const char *const texts[] = {"plain", "tiled", "tiled:rows=14", "tiled:rows=4:block=2"};
    for (size_t i = 0; i < DD_COUNT(texts); i++) {
        dd__choice choice;
        char text[DD__CHOICE_TEXT];
        assert_int_equal(dd__choice_read(&op, texts[i], &choice), DD_OK);
        assert_string_equal(dd__choice_print(&choice, text), texts[i]);
    }
    dd__choice choice;
    assert_int_equal(dd__choice_read(&op, "tiled:block=2", &choice), DD_OK);
    assert_ptr_equal(choice.implementation, &tiled);
    assert_int_equal(choice.settings[0], 0);
    assert_int_equal(choice.settings[1], 2);
}

static void test_what_there_is_not_is_refused_with_what_there_is(void **state) {
    (void)state;
    static const struct {
        const char *text, *found, *known;
    } bad[] = {
        {"tile", "\"tile\"", "tiled, plain"},        {"", "\"\"", "tiled, plain"},
        {"tiled:row=4", "\"row=4\"", "rows, block"}, {"tiled:rows", "\"rows\"", "rows, block"},
        {"tiled:", "\"\"", "rows, block"},           {"tiled:rows=5", "\"5\"", "4, 6, 14"},
        {"tiled:rows=", "\"\"", "4, 6, 14"},         {"tiled:rows=0", "\"0\"", "4, 6, 14"},
        {"tiled:rows=4:block=4x", "\"4x\"", "1, 2"}, {"plain:rows=4", "\"rows=4\"", "it has none"},
    };
    for (size_t i = 0; i < DD_COUNT(bad); i++) {
        dd__choice choice;
        assert_int_equal(dd__choice_read(&op, bad[i].text, &choice), DD_USAGE);
        assert_non_null(strstr(dd_message(), bad[i].found));
        assert_non_null(strstr(dd_message(), bad[i].known));
    }
}

static void test_a_setting_is_what_was_set_or_what_is_usual(void **state) {
    (void)state;
    dd__node set = node;
    assert_int_equal(dd__setting(&set, device, tunables, 0), 6);
    set.settings[0] = 14;
    assert_int_equal(dd__setting(&set, device, tunables, 0), 14);
    assert_int_equal(dd__setting(&set, device, tunables, 1), 1);
}

/* ---- The file -------------------------------------------------------------------------- */

static void keep(const dd__node *of, const char *choice, double seconds, unsigned stages) {
    dd__tuning tuning = {.seconds = seconds, .default_seconds = 2 * seconds, .stages = stages};
    assert_int_equal(dd__choice_read(of->op, choice, &tuning.choice), DD_OK);
    assert_int_equal(dd__tuning_keep(device, of, &tuning), DD_OK);
}

/* What the file says of a node: "" when nothing. */
static const char *known(const dd__node *of) {
    static char text[DD__CHOICE_TEXT];
    dd__tuning tuning;
    if (!dd__tuning_find(device, of, &tuning)) return "";
    return dd__choice_print(&tuning.choice, text);
}

/* Makes the file two lines: the first one, and one for `node` that ends in `rest`. */
static void write_with(const char *first_line, const char *rest) {
    char *text = NULL, made[2048];
    size_t size;
    keep(&node, "plain", 1e-3, 1);
    assert_int_equal(dd__file_read(path, 4096, &text, &size), DD_OK);
    char *end = strstr(text, "8x16"), *line = end;
    assert_non_null(end);
    end = strchr(end, ' ');
    while (line[-1] != '\n') line--;
    int length =
        snprintf(made, sizeof made, "%s\n%.*s%s\n", first_line, (int)(end - line), line, rest);
    assert_int_equal(dd__file_write(path, made, (size_t)length), DD_OK);
    free(text);
}

static void fresh(void **state) {
    (void)state;
    remove(path);
    keep(&other, "plain", 1e-3, 1); /* so that the file is read anew */
}

static void test_what_is_kept_is_found_again(void **state) {
    fresh(state);
    assert_string_equal(known(&node), "");
    keep(&node, "tiled:rows=4:block=2", 25e-6, 3);
    dd__tuning found;
    assert_true(dd__tuning_find(device, &node, &found));
    assert_string_equal(known(&node), "tiled:rows=4:block=2");
    assert_true(found.seconds > 24.9e-6 && found.seconds < 25.1e-6);
    assert_true(found.default_seconds > 49.9e-6 && found.default_seconds < 50.1e-6);
    assert_int_equal(found.stages, 3);
    assert_string_equal(known(&other), "plain");
}

static void test_a_new_choice_replaces_the_old_one_of_the_node(void **state) {
    fresh(state);
    keep(&node, "plain", 1e-3, 1);
    keep(&node, "tiled", 1e-4, 2);
    assert_string_equal(known(&node), "tiled");
    char *text = NULL;
    size_t size, lines = 0;
    assert_int_equal(dd__file_read(path, 4096, &text, &size), DD_OK);
    for (const char *at = text; *at; at++) lines += *at == '\n';
    free(text);
    assert_int_equal(lines, 3);
}

static void test_a_file_of_version_1_is_ignored(void **state) {
    fresh(state);
    write_with("deepdigits tuning 1", " plain 1000.0");
    assert_string_equal(known(&node), "");
    keep(&other, "tiled", 1e-3, 1); /* writes version 2, without what was ignored */
    assert_string_equal(known(&node), "");
    assert_string_equal(known(&other), "tiled");
}

static void test_the_last_of_several_lines_counts(void **state) {
    fresh(state);
    write_with("deepdigits tuning 2", " plain 5 5 1");
    char *text = NULL, made[4096];
    size_t size;
    assert_int_equal(dd__file_read(path, 4096, &text, &size), DD_OK);
    const char *line = strchr(text, '\n') + 1;
    int length = snprintf(made, sizeof made, "%s%.*s tiled 5 5 1\n", text,
                          (int)(strstr(line, " plain") - line), line);
    assert_int_equal(dd__file_write(path, made, (size_t)length), DD_OK);
    free(text);
    assert_string_equal(known(&node), "tiled");
}

static void test_a_line_with_something_unknown_is_ignored(void **state) {
    static const char *const lines[] = {" other 5 5 1", " tiled:depth=2 5 5 1",
                                        " tiled:rows=5 5 5 1", " plain:rows=4 5 5 1", " "};
    for (size_t i = 0; i < DD_COUNT(lines); i++) {
        fresh(state);
        write_with("deepdigits tuning 2", lines[i]);
        assert_string_equal(known(&node), "");
        write_with("deepdigits tuning 2", " tiled:rows=4 5 5 1");
        assert_string_equal(known(&node), "tiled:rows=4");
    }
}

static void test_a_line_written_by_hand_needs_no_numbers(void **state) {
    fresh(state);
    write_with("deepdigits tuning 2", " tiled:rows=14");
    dd__tuning found;
    assert_true(dd__tuning_find(device, &node, &found));
    assert_int_equal(found.choice.settings[0], 14);
    assert_int_equal(found.stages, 0);
    assert_true(found.seconds == 0 && found.default_seconds == 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_choice_is_read_as_it_was_printed),
        cmocka_unit_test(test_what_there_is_not_is_refused_with_what_there_is),
        cmocka_unit_test(test_a_setting_is_what_was_set_or_what_is_usual),
        cmocka_unit_test(test_what_is_kept_is_found_again),
        cmocka_unit_test(test_a_new_choice_replaces_the_old_one_of_the_node),
        cmocka_unit_test(test_a_file_of_version_1_is_ignored),
        cmocka_unit_test(test_the_last_of_several_lines_counts),
        cmocka_unit_test(test_a_line_with_something_unknown_is_ignored),
        cmocka_unit_test(test_a_line_written_by_hand_needs_no_numbers),
    };
    return cmocka_run_group_tests(tests, open_all, close_all);
}
