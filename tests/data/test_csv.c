/* Kaggle's CSV, made here. */
#include "base/memory.h"
#include "data/dataset.h"
#include "scratch.h"

enum { PIXELS = 784, ROOM = 1 << 16 };

static char text[ROOM];

static void add(const char *more) {
    assert_true(strlen(text) + strlen(more) < ROOM);
    strcat(text, more);
}

static void add_header(const char *label, const char *end) {
    add(label);
    for (int k = 0; k < PIXELS; k++) {
        char name[16];
        snprintf(name, sizeof name, "%spixel%d", k || *label ? "," : "", k);
        add(name);
    }
    add(end);
}

/* A row whose pixels are k % 251 + first. */
static void add_row(const char *label, int first, const char *end) {
    add(label);
    for (int k = 0; k < PIXELS; k++) {
        char number[16];
        snprintf(number, sizeof number, "%s%d", k || *label ? "," : "", k % 251 + first);
        add(number);
    }
    add(end);
}

static dd_status load(dd_dataset **data) {
    write_text("train.csv", text);
    return dd_dataset_load(scratch_folder, DD_SPLIT_TRAIN, data);
}

static void check_two(dd_dataset *data) {
    assert_int_equal(data->count, 2);
    assert_int_equal(data->height, 28);
    assert_int_equal(data->width, 28);
    assert_int_equal(data->classes, 10);
    for (size_t k = 0; k < PIXELS; k++) {
        assert_int_equal(data->pixels[k], k % 251);
        assert_int_equal(data->pixels[PIXELS + k], k % 251 + 4);
    }
    if (data->labels) {
        assert_int_equal(data->labels[0], 7);
        assert_int_equal(data->labels[1], 0);
    }
    dd_dataset_free(data);
}

static int begin(void **state) {
    text[0] = 0;
    return begin_scratch(state);
}

static void test_csv_with_labels_loads(void **state) {
    (void)state;
    dd_dataset *data;
    add_header("label", "\n");
    add_row("7", 0, "\n");
    add_row("0", 4, "\n");
    assert_ok(load(&data));
    assert_non_null(data->labels);
    check_two(data);
    write_gzip("other.csv.gz", text, strlen(text));
    assert_ok(dd_dataset_load(at("other.csv.gz"), DD_SPLIT_TEST, &data));
    check_two(data);
}

static void test_csv_of_kaggles_test_part_has_no_labels(void **state) {
    (void)state;
    dd_dataset *data;
    add_header("", "\n");
    add_row("", 0, "\n");
    add_row("", 4, "\n");
    write_text("test.csv", text);
    assert_ok(dd_dataset_load(scratch_folder, DD_SPLIT_TEST, &data));
    assert_null(data->labels);
    check_two(data);
}

static void test_csv_with_crlf_byte_order_mark_and_open_end_loads(void **state) {
    (void)state;
    dd_dataset *data;
    add_header("\xef\xbb\xbflabel", "\r\n");
    add_row("7", 0, "\r\n");
    add_row("0", 4, "");
    assert_ok(load(&data));
    check_two(data);
    add("\r\n\r\n\n");
    assert_ok(load(&data));
    check_two(data);
}

static void test_csv_whose_first_field_is_a_number_has_no_header(void **state) {
    (void)state;
    dd_dataset *data;
    add_row("7", 0, "\n");
    add_row("0", 4, "\n");
    assert_ok(load(&data));
    assert_non_null(data->labels);
    check_two(data);
    text[0] = 0;
    add_row("", 0, "\n");
    add_row("", 4, "\n");
    assert_ok(load(&data));
    assert_null(data->labels);
    check_two(data);
}

static void test_csv_may_name_pixels_by_row_and_column(void **state) {
    (void)state;
    dd_dataset *data;
    add("label");
    for (int k = 0; k < PIXELS; k++) {
        char name[32];
        snprintf(name, sizeof name, ",%dx%d", k / 28 + 1, k % 28 + 1);
        add(name);
    }
    add("\n");
    add_row("7", 0, "\n");
    add_row("0", 4, "\n");
    assert_ok(load(&data));
    check_two(data);
}

/* The fields of what was written so far, each in quotes. */
static void put_in_quotes(void) {
    static char plain[ROOM];
    memcpy(plain, text, sizeof plain);
    size_t at = 0;
    bool inside = false;
    for (const char *from = plain; *from; from++) {
        bool ends = strchr(",\r\n", *from) != NULL;
        assert_true(at + 4 < ROOM);
        if (ends == inside) text[at++] = '"';
        inside = !ends;
        text[at++] = *from;
    }
    if (inside) text[at++] = '"';
    text[at] = 0;
}

static void test_csv_in_quotes_loads(void **state) {
    (void)state;
    static const char *const ends[] = {"\n", "\r\n"};
    dd_dataset *data;
    for (size_t i = 0; i < DD_COUNT(ends); i++) {
        text[0] = 0; /* names in quotes, numbers without: R's write.csv */
        add_header("label", ends[i]);
        put_in_quotes();
        assert_memory_equal(text, "\"label\",\"pixel0\",", 17);
        add_row("7", 0, ends[i]);
        add_row("0", 4, "");
        assert_ok(load(&data));
        check_two(data);
        text[0] = 0; /* all in quotes */
        add_header("label", ends[i]);
        add_row("7", 0, ends[i]);
        add_row("0", 4, i ? ends[i] : "");
        put_in_quotes();
        assert_ok(load(&data));
        assert_non_null(data->labels);
        check_two(data);
    }
}

static void test_csv_in_quotes_behind_a_byte_order_mark_or_without_header_loads(void **state) {
    (void)state;
    dd_dataset *data;
    add_header("label", "\n");
    add_row("7", 0, "\n");
    add_row("0", 4, "\n");
    put_in_quotes();
    memmove(text + 3, text, strlen(text) + 1);
    memcpy(text, "\xef\xbb\xbf", 3);
    assert_ok(load(&data));
    check_two(data);
    text[0] = 0;
    add_row("", 0, "\n");
    add_row("", 4, "\n");
    put_in_quotes();
    assert_ok(load(&data));
    assert_null(data->labels);
    check_two(data);
}

static void test_csv_quotes_that_are_wrong_are_refused(void **state) {
    (void)state;
    static const struct {
        const char *last, *message; /* field 785 of line 2 */
    } wrong[] = {
        {"\"1\n", "line 2, column 785: expected a closing quote, found the end of the line"},
        {"\"1", "line 2, column 785: expected a closing quote, found the end of the line"},
        {"\"1\r\n\"", "line 2, column 785: expected a closing quote, found the end of the line"},
        {"\"1\"2\n", "line 2, column 785: expected a comma behind the closing quote, found \"2\""},
        {"\"1\" \n", "line 2, column 785: expected a comma behind the closing quote, found \" \""},
        {"\"1\"\xff\n",
         "line 2, column 785: expected a comma behind the closing quote, found \"?\""},
        {"\"1\"\"\"\n", "line 2, column 785 (pixel): expected a whole number from 0 to 255, found "
                        "\"1\"\""},
        {"1\"\n",
         "line 2, column 785 (pixel): expected a whole number from 0 to 255, found \"1\"\""},
        {"\"1,2\"\n", "line 2, column 785 (pixel): expected a whole number from 0 to 255, found "
                      "\"1,2\""},
        {"\"\"\n", "line 2, column 785 (pixel): expected a whole number from 0 to 255, found \"\""},
        {"\"256\"\n", "line 2, column 785 (pixel): expected a whole number from 0 to 255, found "
                      "\"256\""},
        {"1,\"2\n", "line 2, column 786: expected a closing quote, found the end of the line"},
    };
    dd_dataset *data;
    for (size_t i = 0; i < DD_COUNT(wrong); i++) {
        text[0] = 0;
        add_header("label", "\n");
        add_row("7", 0, "");
        *(strrchr(text, ',') + 1) = 0;
        add(wrong[i].last);
        assert_fails(load(&data), DD_FORMAT, wrong[i].message);
    }
}

static void test_csv_rows_of_another_length_are_refused(void **state) {
    (void)state;
    dd_dataset *data;
    add_header("label", "\n");
    add_row("7", 0, "\n");
    add("1,2,3\n");
    assert_fails(load(&data), DD_FORMAT, "train.csv: line 3: expected 785 columns, found 3");
    text[0] = 0;
    add_header("label", "\n");
    add_row("7", 0, ",1\n");
    assert_fails(load(&data), DD_FORMAT, "line 2: expected 785 columns, found 786");
    text[0] = 0;
    add("label,pixel0\n1,2\n");
    assert_fails(load(&data), DD_FORMAT, "line 1: expected 785 columns");
    assert_non_null(strstr(dd_message(), "found 2"));
}

static void test_csv_numbers_that_are_no_pixels_are_refused(void **state) {
    (void)state;
    const char *const wrong[] = {"256", "-1", "1.5", "", " 1", "x", "99999999999", "0x1", "\x01"};
    const char *const shown[] = {"256", "-1", "1.5", "", " 1", "x", "99999999999", "0x1", "?"};
    for (size_t i = 0; i < DD_COUNT(wrong); i++) {
        dd_dataset *data;
        char last[64], message[128];
        text[0] = 0;
        add_header("label", "\n");
        add_row("7", 0, "\n");
        add_row("1", 0, "");
        snprintf(last, sizeof last, "%s\n", wrong[i]);
        *(strrchr(text, ',') + 1) = 0;
        add(last);
        snprintf(message, sizeof message,
                 "line 3, column 785 (pixel): expected a whole number from 0 to 255, found \"%s\"",
                 shown[i]);
        assert_fails(load(&data), DD_FORMAT, message);
        assert_null(data);
    }
}

static void test_csv_labels_out_of_range_are_refused(void **state) {
    (void)state;
    dd_dataset *data;
    add_header("label", "\n");
    add_row("300", 0, "\n");
    assert_fails(load(&data), DD_FORMAT,
                 "line 2, column 1 (label): expected a whole number from 0 to 255, found \"300\"");
}

static void test_csv_header_with_other_names_is_refused(void **state) {
    (void)state;
    dd_dataset *data;
    add_header("digit", "\n");
    assert_fails(load(&data), DD_FORMAT, "line 1, column 1: expected \"label\", found \"digit\"");
    text[0] = 0;
    add_header("label", "\n");
    memcpy(strstr(text, "pixel1,"), "pixel2", 6);
    assert_fails(load(&data), DD_FORMAT, "line 1, column 3: expected \"pixel1\", found \"pixel2\"");
}

static void test_csv_without_images_is_refused(void **state) {
    (void)state;
    dd_dataset *data;
    assert_fails(load(&data), DD_FORMAT, "expected a CSV of images, found an empty file");
    add_header("label", "\n");
    assert_fails(load(&data), DD_FORMAT, "expected images after the header, found none");
}

static void test_csv_with_a_blank_line_between_images_is_refused(void **state) {
    (void)state;
    dd_dataset *data;
    add_header("label", "\n");
    add_row("7", 0, "\n\n");
    add_row("7", 0, "\n");
    assert_fails(load(&data), DD_FORMAT, "line 3: expected an image, found no text");
}

static void test_csv_survives_every_failed_allocation(void **state) {
    (void)state;
    dd_dataset *data;
    add_header("label", "\n");
    add_row("7", 0, "\n");
    add_row("0", 4, "\n");
    write_text("train.csv", text);
    dd_status status = DD_MEMORY;
    size_t failures = 0;
    for (; status == DD_MEMORY; failures++) {
        dd__fail_allocation(failures + 1);
        status = dd_dataset_load(at("train.csv"), DD_SPLIT_TRAIN, &data);
    }
    dd__fail_allocation(0);
    assert_ok(status);
    assert_true(failures > 5);
    check_two(data);
}

#define SCRATCH_TEST(test) cmocka_unit_test_setup_teardown(test, begin, end_scratch)

int main(void) {
    const struct CMUnitTest tests[] = {
        SCRATCH_TEST(test_csv_with_labels_loads),
        SCRATCH_TEST(test_csv_of_kaggles_test_part_has_no_labels),
        SCRATCH_TEST(test_csv_with_crlf_byte_order_mark_and_open_end_loads),
        SCRATCH_TEST(test_csv_whose_first_field_is_a_number_has_no_header),
        SCRATCH_TEST(test_csv_may_name_pixels_by_row_and_column),
        SCRATCH_TEST(test_csv_in_quotes_loads),
        SCRATCH_TEST(test_csv_in_quotes_behind_a_byte_order_mark_or_without_header_loads),
        SCRATCH_TEST(test_csv_quotes_that_are_wrong_are_refused),
        SCRATCH_TEST(test_csv_rows_of_another_length_are_refused),
        SCRATCH_TEST(test_csv_numbers_that_are_no_pixels_are_refused),
        SCRATCH_TEST(test_csv_labels_out_of_range_are_refused),
        SCRATCH_TEST(test_csv_header_with_other_names_is_refused),
        SCRATCH_TEST(test_csv_without_images_is_refused),
        SCRATCH_TEST(test_csv_with_a_blank_line_between_images_is_refused),
        SCRATCH_TEST(test_csv_survives_every_failed_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
