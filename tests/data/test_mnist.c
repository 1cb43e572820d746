/* The real thing, where it is. */
#include "data/digit.h"
#include "scratch.h"

static const char *folder;

/* Loads MNIST's part, or skips the test and says so. */
static dd_dataset *mnist(const char *test, dd_split split) {
    folder = getenv("DEEPDIGITS_DATA");
    if (!folder) folder = "../shared/mnist";
    if (!dd__is_folder(folder)) {
        printf("SKIPPED: %s wants MNIST\n", test);
        skip();
    }
    dd_dataset *data;
    assert_ok(dd_dataset_load(folder, split, &data));
    return data;
}

static void check_shape(const dd_dataset *data, size_t count) {
    assert_int_equal(data->count, count);
    assert_int_equal(data->height, 28);
    assert_int_equal(data->width, 28);
    assert_int_equal(data->channels, 1);
    assert_int_equal(data->classes, 10);
}

static void check_labels(const dd_dataset *data, const int first[5]) {
    for (size_t i = 0; i < 5; i++) assert_int_equal(dd_dataset_label(data, i), first[i]);
}

/* crc32 as zlib's of all pixels. */
static unsigned long checksum(const dd_dataset *data) {
    return crc32(0, data->pixels, (unsigned)(data->count * 784));
}

static void test_mnist_training_images_are_as_published(void **state) {
    (void)state;
    dd_dataset *data = mnist(__func__, DD_SPLIT_TRAIN);
    check_shape(data, 60000);
    check_labels(data, (const int[]){5, 0, 4, 1, 9});
    size_t counts[10] = {0};
    const size_t published[] = {5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949};
    for (size_t i = 0; i < data->count; i++) counts[data->labels[i]]++;
    assert_memory_equal(counts, published, sizeof counts);
    assert_int_equal(checksum(data), 0xf3639b56ul);
    dd_dataset_free(data);
}

static void test_mnist_test_images_are_as_published(void **state) {
    (void)state;
    dd_dataset *data = mnist(__func__, DD_SPLIT_TEST);
    check_shape(data, 10000);
    check_labels(data, (const int[]){7, 2, 1, 0, 4});
    assert_int_equal(checksum(data), 0xe4ca5f57ul);
    dd_dataset_free(data);
}

/* Each of them: none that `classify` would prepare anew. */
static void test_all_of_mnist_is_as_it_is_told_from_others(void **state) {
    (void)state;
    for (int split = DD_SPLIT_TRAIN; split <= DD_SPLIT_TEST; split++) {
        dd_dataset *data = mnist(__func__, (dd_split)split);
        for (size_t i = 0; i < data->count; i++)
            assert_true(dd__is_mnist_digit(data->pixels + i * 784, 28, 28));
        assert_true(dd__is_of_mnist_digits(data));
        size_t others = data->count / 20 + 1;
        for (size_t i = 0; i < 784 * others; i++) data->pixels[i] = 255 - data->pixels[i];
        assert_false(dd__is_of_mnist_digits(data));
        dd_dataset_free(data);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mnist_training_images_are_as_published),
        cmocka_unit_test(test_mnist_test_images_are_as_published),
        cmocka_unit_test(test_all_of_mnist_is_as_it_is_told_from_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
