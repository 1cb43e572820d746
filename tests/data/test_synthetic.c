#include "data/dataset.h"
#include "scratch.h"

enum { PIXELS = 784 };

static dd_dataset *synthetic(const char *source, dd_split split) {
    dd_dataset *data;
    assert_ok(dd_dataset_load(source, split, &data));
    return data;
}

static void test_synthetic_sizes_are_as_asked(void **state) {
    (void)state;
    dd_dataset *train = synthetic("synthetic", DD_SPLIT_TRAIN);
    dd_dataset *test = synthetic("synthetic", DD_SPLIT_TEST);
    dd_dataset *some = synthetic("synthetic:37:5", DD_SPLIT_TEST);
    assert_int_equal(train->count, 10000);
    assert_int_equal(test->count, 2000);
    assert_int_equal(some->count, 37);
    assert_int_equal(some->height, 28);
    assert_int_equal(some->width, 28);
    assert_int_equal(some->channels, 1);
    assert_int_equal(some->classes, 10);
    dd_dataset_free(train);
    dd_dataset_free(test);
    dd_dataset_free(some);
}

static void test_synthetic_labels_are_balanced_and_mixed(void **state) {
    (void)state;
    dd_dataset *data = synthetic("synthetic:1000", DD_SPLIT_TRAIN);
    unsigned counts[10] = {0}, rising = 0;
    for (size_t i = 0; i < data->count; i++) {
        counts[data->labels[i]]++;
        rising += i && data->labels[i] == (data->labels[i - 1] + 1) % 10;
    }
    for (int digit = 0; digit < 10; digit++) assert_int_equal(counts[digit], 100);
    assert_true(rising < 200);
    dd_dataset_free(data);
}

static void test_synthetic_image_follows_from_seed_split_and_index(void **state) {
    (void)state;
    dd_dataset *few = synthetic("synthetic:20:9", DD_SPLIT_TRAIN);
    dd_dataset *many = synthetic("synthetic:50:9", DD_SPLIT_TRAIN);
    dd_dataset *other = synthetic("synthetic:20:10", DD_SPLIT_TRAIN);
    dd_dataset *test = synthetic("synthetic:20:9", DD_SPLIT_TEST);
    assert_memory_equal(few->pixels, many->pixels, 20 * PIXELS);
    assert_memory_equal(few->labels, many->labels, 20 * sizeof *few->labels);
    assert_memory_not_equal(few->pixels, other->pixels, 20 * PIXELS);
    for (size_t i = 0; i < 20; i++)
        for (size_t j = 0; j < 20; j++)
            assert_memory_not_equal(few->pixels + i * PIXELS, test->pixels + j * PIXELS, PIXELS);
    dd_dataset_free(few);
    dd_dataset_free(many);
    dd_dataset_free(other);
    dd_dataset_free(test);
}

/* As MNIST's: a frame of black, strokes of white, a tenth to a third of them ink. */
static void test_synthetic_images_have_ink_inside_a_black_frame(void **state) {
    (void)state;
    dd_dataset *data = synthetic("synthetic:2000", DD_SPLIT_TRAIN);
    double mean = 0;
    for (size_t i = 0; i < data->count; i++) {
        const uint8_t *image = data->pixels + i * PIXELS;
        unsigned most = 0, sum = 0;
        for (size_t k = 0; k < PIXELS; k++) {
            sum += image[k];
            most = image[k] > most ? image[k] : most;
        }
        for (size_t k = 0; k < 28; k++)
            assert_true(image[k] + image[27 * 28 + k] + image[28 * k] + image[28 * k + 27] < 300);
        assert_true(most > 200);
        mean += sum / (255.0 * PIXELS) / (double)data->count;
    }
    assert_true(mean > 0.08 && mean < 0.2); /* MNIST: 0.13 */
    dd_dataset_free(data);
}

/* Far from enough to be good, but a class that looks like another would show. */
static void test_synthetic_nearest_neighbour_knows_most_digits(void **state) {
    (void)state;
    dd_dataset *train = synthetic("synthetic:2000", DD_SPLIT_TRAIN);
    dd_dataset *test = synthetic("synthetic:300", DD_SPLIT_TEST);
    unsigned right = 0;
    for (size_t i = 0; i < test->count; i++) {
        long best = -1;
        int label = -1;
        for (size_t j = 0; j < train->count; j++) {
            long sum = 0;
            for (size_t k = 0; k < PIXELS; k++) {
                long d = test->pixels[i * PIXELS + k] - train->pixels[j * PIXELS + k];
                sum += d * d;
            }
            if (best < 0 || sum < best) {
                best = sum;
                label = train->labels[j];
            }
        }
        right += label == test->labels[i];
    }
    assert_true(right > 270);
    dd_dataset_free(train);
    dd_dataset_free(test);
}

static void test_synthetic_names_that_are_wrong_are_refused(void **state) {
    (void)state;
    const char *const wrong[] = {"synthetic:",   "synthetic:0",        "synthetic:-5",
                                 "synthetic:x",  "synthetic:10000001", "synthetic:5x",
                                 "synthetic: 5", "synthetic:1.5"};
    dd_dataset *data;
    for (size_t i = 0; i < DD_COUNT(wrong); i++)
        assert_fails(dd_dataset_load(wrong[i], DD_SPLIT_TRAIN, &data), DD_USAGE,
                     "expected a count from 1 to 10000000");
    const char *const seeds[] = {"synthetic:5:", "synthetic:5:x", "synthetic:5:1:2",
                                 "synthetic:5:-1", "synthetic:5:18446744073709551616"};
    for (size_t i = 0; i < DD_COUNT(seeds); i++)
        assert_fails(dd_dataset_load(seeds[i], DD_SPLIT_TRAIN, &data), DD_USAGE,
                     "expected a seed from 0 to 18446744073709551615");
    assert_fails(dd_dataset_load("syntheticx", DD_SPLIT_TRAIN, &data), DD_IO, "cannot open");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_synthetic_sizes_are_as_asked),
        cmocka_unit_test(test_synthetic_labels_are_balanced_and_mixed),
        cmocka_unit_test(test_synthetic_image_follows_from_seed_split_and_index),
        cmocka_unit_test(test_synthetic_images_have_ink_inside_a_black_frame),
        cmocka_unit_test(test_synthetic_nearest_neighbour_knows_most_digits),
        cmocka_unit_test(test_synthetic_names_that_are_wrong_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
