#include "data/dataset.h"

#include <math.h>

#include "base/memory.h"
#include "scratch.h"

/* Images of 1x2x1 whose pixels are their index. */
static dd_dataset *count_up(size_t count, bool labelled) {
    uint8_t *pixels = malloc(count * 2);
    int32_t *labels = malloc(count * sizeof *labels);
    for (size_t i = 0; i < count; i++) {
        pixels[2 * i] = (uint8_t)(i >> 8);
        pixels[2 * i + 1] = (uint8_t)i;
        labels[i] = (int32_t)(i % 10);
    }
    dd_dataset *made;
    assert_ok(dd_dataset_create(pixels, labelled ? labels : NULL, count, 1, 2, 1, 10, &made));
    free(pixels);
    free(labels);
    return made;
}

static size_t index_of(const dd_dataset *data, size_t i) {
    const uint8_t *pixels = dd_dataset_pixels(data, i);
    return (size_t)pixels[0] << 8 | pixels[1];
}

static void test_created_dataset_copies_its_input(void **state) {
    (void)state;
    uint8_t pixels[] = {1, 2, 3, 4, 5, 6};
    int32_t labels[] = {2, 0};
    dd_dataset *data;
    assert_ok(dd_dataset_create(pixels, labels, 2, 1, 1, 3, 3, &data));
    pixels[0] = 9;
    labels[0] = 1;
    assert_int_equal(dd_dataset_pixels(data, 0)[0], 1);
    assert_int_equal(dd_dataset_pixels(data, 1)[2], 6);
    assert_null(dd_dataset_pixels(data, 2));
    assert_int_equal(dd_dataset_label(data, 0), 2);
    assert_int_equal(dd_dataset_label(data, 2), -1);
    assert_string_equal(dd_dataset_class_name(data, 2), "2");
    assert_null(dd_dataset_class_name(data, 3));
    dd_dataset_info info;
    dd_dataset_describe(data, &info);
    assert_int_equal(info.count, 2);
    assert_int_equal(info.channels, 3);
    assert_int_equal(info.classes, 3);
    assert_true(info.has_labels);
    dd_dataset_free(data);
}

static void test_dataset_without_labels_has_label_minus_one(void **state) {
    (void)state;
    dd_dataset *data = count_up(3, false);
    assert_int_equal(dd_dataset_label(data, 1), -1);
    dd_dataset_free(data);
}

static void test_create_refuses_what_cannot_be(void **state) {
    (void)state;
    uint8_t pixels[4] = {0};
    int32_t low[] = {0, -1}, high[] = {0, 10};
    dd_dataset *data = (dd_dataset *)pixels;
    assert_fails(dd_dataset_create(pixels, low, 2, 1, 2, 1, 10, &data), DD_USAGE,
                 "image 1: expected a label below 10, found -1");
    assert_null(data);
    assert_fails(dd_dataset_create(pixels, high, 2, 1, 2, 1, 10, &data), DD_USAGE, "found 10");
    assert_fails(dd_dataset_create(pixels, NULL, 0, 1, 2, 1, 10, &data), DD_SHAPE,
                 "at least one image, found none");
    assert_fails(dd_dataset_create(pixels, NULL, 1, 0, 2, 1, 10, &data), DD_SHAPE, "no pixels");
    assert_fails(dd_dataset_create(pixels, NULL, 4, UINT32_MAX, UINT32_MAX, 1, 10, &data), DD_SHAPE,
                 "do not fit into memory");
    assert_fails(dd_dataset_create(NULL, NULL, 1, 1, 1, 1, 10, &data), DD_USAGE, "found NULL");
}

static void test_divide_puts_each_example_into_one_part_in_order(void **state) {
    (void)state;
    enum { COUNT = 1003, SECOND = 201 };
    dd_dataset *data = count_up(COUNT, true), *first, *second;
    assert_ok(dd_dataset_divide(data, 0.2, 42, &first, &second));
    assert_int_equal(first->count, COUNT - SECOND);
    assert_int_equal(second->count, SECOND);
    unsigned seen[COUNT] = {0}, low = 0;
    for (int part = 0; part < 2; part++) {
        const dd_dataset *now = part ? second : first;
        for (size_t i = 0; i < now->count; i++) {
            size_t index = index_of(now, i);
            assert_true(i == 0 || index > index_of(now, i - 1));
            assert_int_equal(now->labels[i], index % 10);
            seen[index]++;
            low += part && index < COUNT / 2;
        }
    }
    for (size_t i = 0; i < COUNT; i++) assert_int_equal(seen[i], 1);
    assert_in_range(low, SECOND / 2 - 35, SECOND / 2 + 35); /* 5 standard deviations */
    assert_string_equal(dd_dataset_class_name(second, 9), "9");
    dd_dataset_free(first);
    dd_dataset_free(second);
    dd_dataset_free(data);
}

static void test_divide_follows_from_the_seed(void **state) {
    (void)state;
    dd_dataset *data = count_up(500, true), *first[3], *second[3];
    uint64_t seeds[] = {7, 7, 8};
    for (int i = 0; i < 3; i++)
        assert_ok(dd_dataset_divide(data, 0.5, seeds[i], &first[i], &second[i]));
    assert_memory_equal(second[0]->pixels, second[1]->pixels, 500);
    assert_memory_not_equal(second[0]->pixels, second[2]->pixels, 500);
    for (int i = 0; i < 3; i++) {
        dd_dataset_free(first[i]);
        dd_dataset_free(second[i]);
    }
    dd_dataset_free(data);
}

static void test_divide_refuses_fractions_that_leave_a_part_empty(void **state) {
    (void)state;
    dd_dataset *data = count_up(10, true), *first, *second;
    double outside[] = {0, 1, -0.5, 2, NAN};
    for (size_t i = 0; i < DD_COUNT(outside); i++)
        assert_fails(dd_dataset_divide(data, outside[i], 1, &first, &second), DD_USAGE,
                     "expected a fraction between 0 and 1");
    assert_fails(dd_dataset_divide(data, 0.04, 1, &first, &second), DD_USAGE,
                 "a fraction of 0.04 of 10 images leaves one part empty: 10 and 0");
    assert_fails(dd_dataset_divide(data, 0.96, 1, &first, &second), DD_USAGE, "0 and 10");
    assert_null(first);
    assert_null(second);
    dd_dataset_free(data);
}

/* `text` as a list of the images of `data` that go to the second part. */
static dd_status divide_by(const dd_dataset *data, const char *text, dd_dataset **first,
                           dd_dataset **second) {
    write_text("list.txt", text);
    return dd_dataset_divide_by(data, at("list.txt"), first, second);
}

static void test_a_list_says_what_goes_to_the_second_part(void **state) {
    (void)state;
    dd_dataset *data = count_up(8, true), *first, *second, *again[2];
    assert_ok(divide_by(data, "# two of them\n6\r\n\n 1 # the second\n", &first, &second));
    dd_dataset_info info;
    dd_dataset_describe(second, &info);
    assert_int_equal(info.count, 2);
    assert_int_equal(index_of(second, 0), 1);
    assert_int_equal(index_of(second, 1), 6);
    assert_int_equal(dd_dataset_origin(second, 1), 6);
    assert_int_equal(index_of(first, 1), 2);
    assert_string_equal(info.list, at("list.txt"));
    assert_ok(dd_dataset_divide_as(data, &info, &again[0], &again[1]));
    assert_int_equal(index_of(again[1], 1), 6);
    dd_dataset_free(again[0]);
    dd_dataset_free(again[1]);
    dd_dataset_free(first);
    dd_dataset_free(second);
    dd_dataset_free(data);
}

static void test_wrong_lists_are_refused(void **state) {
    (void)state;
    dd_dataset *data = count_up(8, true), *first, *second;
    static const char *const wrong[][2] = {
        {"1\n8\n", "line 2: expected the number of an image, 0 to 7, found \"8\""},
        {"-1\n", "found \"-1\""},
        {"1 2\n", "found \"1 2\""},
        {"three", "found \"three\""},
        {"99999999999999999999", "found \"99999999999999999999\""},
        {"1\n2\n1\n", "line 3: image 1 is there twice"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_fails(divide_by(data, wrong[i][0], &first, &second), DD_FORMAT, wrong[i][1]);
    assert_fails(divide_by(data, "# none\n", &first, &second), DD_USAGE,
                 "expected some of the 8 images, found 0");
    assert_fails(divide_by(data, "0\n1\n2\n3\n4\n5\n6\n7\n", &first, &second), DD_USAGE, "found 8");
    assert_fails(dd_dataset_divide_by(data, "/nowhere/list", &first, &second), DD_IO,
                 "/nowhere/list");
    assert_null(first);
    dd_dataset_free(data);
}

/* Over all folds each example is once in the second part, whatever the sizes. */
static void test_folds_share_the_examples_evenly(void **state) {
    (void)state;
    enum { COUNT = 103, FOLDS = 5 };
    dd_dataset *data = count_up(COUNT, true), *first, *second;
    unsigned seen[COUNT] = {0};
    for (unsigned fold = 1; fold <= FOLDS; fold++) {
        dd_dataset_info info;
        assert_ok(dd_dataset_fold(data, FOLDS, fold, 42, &first, &second));
        assert_in_range(second->count, COUNT / FOLDS, COUNT / FOLDS + 1);
        assert_int_equal(first->count + second->count, COUNT);
        for (size_t i = 0; i < second->count; i++) seen[index_of(second, i)]++;
        dd_dataset_describe(second, &info);
        assert_int_equal(info.folds, FOLDS);
        assert_int_equal(info.fold, fold);
        assert_int_equal(info.division, 42);
        assert_true(info.fraction == 0);
        dd_dataset_free(first);
        dd_dataset_free(second);
    }
    for (size_t i = 0; i < COUNT; i++) assert_int_equal(seen[i], 1);
    assert_fails(dd_dataset_fold(data, 1, 1, 1, &first, &second), DD_USAGE,
                 "expected 2 to 103 folds for 103 images, found 1");
    assert_fails(dd_dataset_fold(data, 104, 1, 1, &first, &second), DD_USAGE, "found 104");
    assert_fails(dd_dataset_fold(data, 5, 0, 1, &first, &second), DD_USAGE,
                 "expected a fold from 1 to 5, found 0");
    assert_fails(dd_dataset_fold(data, 5, 6, 1, &first, &second), DD_USAGE, "found 6");
    dd_dataset_free(data);
}

static void test_parts_know_where_they_came_from(void **state) {
    (void)state;
    dd_dataset *data, *first, *second;
    dd_dataset_info info;
    assert_ok(dd_dataset_load("synthetic:50:3", DD_SPLIT_TEST, &data));
    assert_ok(dd_dataset_divide(data, 0.2, 7, &first, &second));
    dd_dataset_free(data);
    dd_dataset_describe(first, &info);
    assert_string_equal(info.source, "synthetic:50:3");
    assert_int_equal(info.split, DD_SPLIT_TEST);
    assert_true(info.fraction == 0.2);
    assert_int_equal(info.division, 7);
    assert_int_equal(info.folds, 0);
    dd_dataset_free(first);
    dd_dataset_free(second);
    data = count_up(3, false);
    dd_dataset_describe(data, &info);
    assert_null(info.source);
    dd_dataset_free(data);
}

/* More examples come last; the rest is known of those before. */
static void test_more_is_put_behind(void **state) {
    (void)state;
    dd_dataset *one, *first, *second, *before, *more;
    dd_dataset_info info;
    assert_ok(dd_dataset_load("synthetic:20:3", DD_SPLIT_TRAIN, &one));
    assert_ok(dd_dataset_load("synthetic:5:4", DD_SPLIT_TRAIN, &more));
    assert_ok(dd_dataset_divide(one, 0.5, 7, &first, &second));
    assert_ok(dd__dataset_copy(first, &before));
    dd_status status = DD_MEMORY;
    for (size_t i = 1; status == DD_MEMORY; i++) {
        assert_int_equal(first->count, 10);
        assert_null(first->added);
        dd__fail_allocation(i);
        status = dd_dataset_append(first, more);
    }
    dd__fail_allocation(0);
    assert_ok(status);
    dd_dataset_describe(first, &info);
    assert_int_equal(info.count, 15);
    assert_string_equal(info.source, "synthetic:20:3");
    assert_string_equal(info.added, "synthetic:5:4");
    assert_true(info.fraction == 0.5);
    for (size_t i = 0; i < 15; i++) {
        const dd_dataset *from = i < 10 ? before : more;
        size_t k = i < 10 ? i : i - 10;
        assert_memory_equal(dd_dataset_pixels(first, i), dd_dataset_pixels(from, k), 784);
        assert_int_equal(dd_dataset_label(first, i), dd_dataset_label(from, k));
        assert_int_equal(dd_dataset_origin(first, i), i < 10 ? dd_dataset_origin(before, k) : i);
    }
    dd_dataset_free(more);
    dd_dataset_free(before);
    dd_dataset_free(second);
    dd_dataset_free(first);
    dd_dataset_free(one);
}

static void test_what_does_not_fit_is_not_put_behind(void **state) {
    (void)state;
    static const uint8_t pixels[8] = {0};
    static const int32_t labels[] = {0, 11};
    dd_dataset *data = count_up(4, true), *other;
    assert_ok(dd_dataset_create(pixels, labels, 1, 2, 1, 1, 10, &other));
    assert_fails(dd_dataset_append(data, other), DD_SHAPE,
                 "expected images of 1x2x1 as the others, found 2x1x1");
    dd_dataset_free(other);
    assert_ok(dd_dataset_create(pixels, NULL, 2, 1, 2, 1, 10, &other));
    assert_fails(dd_dataset_append(data, other), DD_SHAPE, "all labelled or all not");
    dd_dataset_free(other);
    assert_ok(dd_dataset_create(pixels, labels, 2, 1, 2, 1, 12, &other));
    assert_fails(dd_dataset_append(data, other), DD_SHAPE,
                 "at most the 10 classes of the others, found 12");
    const char *names[] = {"0", "1", "two"};
    other->labels[1] = 2;
    assert_ok(dd__dataset_name_classes(other, names, 3));
    assert_fails(dd_dataset_append(data, other), DD_SHAPE,
                 "class 2: expected \"2\" as the others, found \"two\"");
    dd_dataset_free(other);
    dd_dataset_free(data);
}

static void test_divide_survives_every_failed_allocation(void **state) {
    (void)state;
    dd_dataset *data = count_up(20, true), *first, *second;
    dd_status status = DD_MEMORY;
    size_t failures = 0;
    for (; status == DD_MEMORY; failures++) {
        dd__fail_allocation(failures + 1);
        status = dd_dataset_divide(data, 0.5, 1, &first, &second);
        if (status == DD_MEMORY) assert_true(!first && !second);
    }
    dd__fail_allocation(0);
    assert_ok(status);
    assert_true(failures > 8);
    dd_dataset_free(first);
    dd_dataset_free(second);
    dd_dataset_free(data);
}

static void test_labels_decide_the_number_of_classes(void **state) {
    (void)state;
    dd_dataset *data;
    assert_ok(dd__dataset_new(2, 1, 1, 1, true, &data));
    assert_fails(dd__dataset_check_labels(data, 10), DD_FORMAT,
                 "image 0: expected a label from 0 up, found -1");
    data->labels[0] = 3;
    data->labels[1] = 9;
    assert_ok(dd__dataset_check_labels(data, 10));
    assert_int_equal(data->classes, 10);
    data->labels[1] = 11;
    assert_ok(dd__dataset_check_labels(data, 10));
    assert_int_equal(data->classes, 12);
    assert_string_equal(dd_dataset_class_name(data, 11), "11");
    dd_dataset_free(data);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_created_dataset_copies_its_input),
        cmocka_unit_test(test_dataset_without_labels_has_label_minus_one),
        cmocka_unit_test(test_create_refuses_what_cannot_be),
        cmocka_unit_test(test_divide_puts_each_example_into_one_part_in_order),
        cmocka_unit_test(test_divide_follows_from_the_seed),
        cmocka_unit_test(test_divide_refuses_fractions_that_leave_a_part_empty),
        cmocka_unit_test(test_a_list_says_what_goes_to_the_second_part),
        cmocka_unit_test(test_wrong_lists_are_refused),
        cmocka_unit_test(test_folds_share_the_examples_evenly),
        cmocka_unit_test(test_parts_know_where_they_came_from),
        cmocka_unit_test(test_more_is_put_behind),
        cmocka_unit_test(test_what_does_not_fit_is_not_put_behind),
        cmocka_unit_test(test_divide_survives_every_failed_allocation),
        cmocka_unit_test(test_labels_decide_the_number_of_classes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
