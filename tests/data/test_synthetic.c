#include <math.h>
#include <time.h>

#include "data/dataset.h"
#include "data/drawing.h"
#include "data/sources.h"
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

static void test_synthetic_image_is_the_same_whatever_was_drawn_before(void **state) {
    (void)state;
    dd_dataset *data = synthetic("synthetic:3000:9", DD_SPLIT_TEST);
    for (size_t i = 2999; i > 2900; i--) {
        uint8_t alone[PIXELS];
        assert_int_equal(dd__synthetic_draw(9, DD_SPLIT_TEST, i, alone), data->labels[i]);
        assert_memory_equal(alone, data->pixels + i * PIXELS, PIXELS);
    }
    dd_dataset_free(data);
}

/* What the eye notes of a picture: how much ink, where, how slanted. */
typedef struct look {
    double ink;          /* share of the picture */
    double x, y;         /* centre of mass, pixels */
    double slant;        /* pixels to the right for each pixel up */
    unsigned wide, high; /* box of what is at least a quarter ink, pixels */
    unsigned brightest;  /* level */
} look;

static look look_at(const uint8_t *image) {
    double mass = 0, x = 0, y = 0, xy = 0, yy = 0;
    unsigned left = 28, right = 0, top = 28, bottom = 0, brightest = 0;
    for (unsigned i = 0; i < PIXELS; i++) {
        unsigned column = i % 28, row = i / 28;
        double level = image[i] / 255.0;
        mass += level;
        x += level * column;
        y += level * row;
        xy += level * column * row;
        yy += level * row * row;
        brightest = image[i] > brightest ? image[i] : brightest;
        if (image[i] < 64) continue;
        left = column < left ? column : left;
        right = column > right ? column : right;
        top = row < top ? row : top;
        bottom = row;
    }
    assert_true(mass > 1);
    x /= mass;
    y /= mass;
    return (look){
        mass / PIXELS,    x,        y, -(xy / mass - x * y) / (yy / mass - y * y), right - left + 1,
        bottom - top + 1, brightest};
}

static void test_synthetic_images_have_ink_inside_a_black_frame(void **state) {
    (void)state;
    dd_dataset *data = synthetic("synthetic:5000", DD_SPLIT_TRAIN);
    for (size_t i = 0; i < data->count; i++) {
        const uint8_t *image = data->pixels + i * PIXELS;
        look seen = look_at(image);
        assert_true(seen.brightest > 180);
        assert_true(seen.ink > 0.01 && seen.ink < 0.5);
        for (size_t k = 0; k < 28; k++)
            assert_int_equal(image[k] + image[27 * 28 + k] + image[28 * k] + image[28 * k + 27], 0);
    }
    dd_dataset_free(data);
}

/* MNIST's training images: ink 0.131 with a deviation of 0.044; box 20 on its longer side, 15.3
 * wide with a deviation of 3.9; slant 0.12 with a deviation of 0.28; centre of mass within half a
 * pixel of (14, 14). */
static void test_synthetic_images_vary_as_mnist_does(void **state) {
    (void)state;
    enum { COUNT = 5000 };
    dd_dataset *data = synthetic("synthetic:5000", DD_SPLIT_TRAIN);
    double sum[3] = {0}, square[3] = {0};
    unsigned full = 0, centered = 0;
    for (size_t i = 0; i < COUNT; i++) {
        look seen = look_at(data->pixels + i * PIXELS);
        double values[3] = {seen.ink, seen.wide, seen.slant};
        for (int k = 0; k < 3; k++) {
            sum[k] += values[k] / COUNT;
            square[k] += values[k] * values[k] / COUNT;
        }
        unsigned longer = seen.wide > seen.high ? seen.wide : seen.high;
        full += longer >= 18 && longer <= 22;
        centered += fabs(seen.x - 14) <= 0.51 && fabs(seen.y - 14) <= 0.51;
    }
    const double means[3][2] = {{0.115, 0.15}, {14, 17}, {0, 0.2}};
    const double deviations[3][2] = {{0.03, 0.06}, {3, 4.8}, {0.22, 0.36}};
    for (int k = 0; k < 3; k++) {
        double deviation = sqrt(square[k] - sum[k] * sum[k]);
        assert_true(sum[k] > means[k][0] && sum[k] < means[k][1]);
        assert_true(deviation > deviations[k][0] && deviation < deviations[k][1]);
    }
    assert_true(full > COUNT * 95 / 100);
    assert_true(centered > COUNT * 90 / 100);
    dd_dataset_free(data);
}

static void test_skeletons_are_whole_and_their_shares_add_up(void **state) {
    (void)state;
    for (int digit = 0; digit < 10; digit++) {
        unsigned shares = 0;
        for (unsigned way = 0; way < dd__skeleton_counts[digit]; way++) {
            const dd__skeleton *skeleton = &dd__skeletons[digit][way];
            shares += skeleton->share;
            assert_in_range(skeleton->share, 1, 100);
            assert_in_range(skeleton->count, 1, DD__SKELETON_STROKES);
            for (unsigned s = 0; s < skeleton->count; s++)
                assert_in_range(skeleton->strokes[s].count, 2, DD__SKELETON_POINTS);
            for (unsigned s = skeleton->count; s < DD__SKELETON_STROKES; s++)
                assert_int_equal(skeleton->strokes[s].count, 0);
        }
        assert_int_equal(shares, 100);
    }
}

/* The mean picture of a way of writing; mean (784), shares of full ink. */
static void average(const dd__skeleton *skeleton, double *mean) {
    enum { COUNT = 200 };
    dd__random random = dd__random_start(1, DD__STREAM_TEST);
    memset(mean, 0, PIXELS * sizeof *mean);
    for (int i = 0; i < COUNT; i++) {
        uint8_t image[PIXELS];
        dd__drawing drawing;
        dd__sketch(&random, skeleton, &drawing);
        dd__warp(&random, &drawing);
        dd__pen_draw(&random, &drawing, image);
        for (int k = 0; k < PIXELS; k++) mean[k] += image[k] / (255.0 * COUNT);
    }
}

static void test_every_digit_is_written_in_ways_that_look_different(void **state) {
    (void)state;
    for (int digit = 0; digit < 10; digit++) {
        double means[16][PIXELS];
        unsigned ways = dd__skeleton_counts[digit];
        assert_in_range(ways, 4, 16);
        for (unsigned way = 0; way < ways; way++) {
            average(&dd__skeletons[digit][way], means[way]);
            for (unsigned other = 0; other < way; other++) {
                double apart = 0, ink = 0;
                for (int k = 0; k < PIXELS; k++) {
                    apart += fabs(means[way][k] - means[other][k]);
                    ink += means[way][k];
                }
                assert_true(apart > 0.12 * ink);
            }
        }
    }
}

/* 60,000 take 2 s; processor time, so that a busy machine does not matter. */
static void test_synthetic_images_are_drawn_fast(void **state) {
    (void)state;
    clock_t start = clock();
    dd_dataset *data = synthetic("synthetic:6000", DD_SPLIT_TRAIN);
    assert_true((double)(clock() - start) / CLOCKS_PER_SEC < 3);
    dd_dataset_free(data);
}

/* Far from enough to be good, but a class that looks like another would show. MNIST's own 2000 know
 * about 270 of 300; these digits are made to differ more, as networks learn from that, and know
 * about 225. */
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
    assert_true(right > 200);
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
        cmocka_unit_test(test_synthetic_image_is_the_same_whatever_was_drawn_before),
        cmocka_unit_test(test_synthetic_images_have_ink_inside_a_black_frame),
        cmocka_unit_test(test_synthetic_images_vary_as_mnist_does),
        cmocka_unit_test(test_skeletons_are_whole_and_their_shares_add_up),
        cmocka_unit_test(test_every_digit_is_written_in_ways_that_look_different),
        cmocka_unit_test(test_synthetic_images_are_drawn_fast),
        cmocka_unit_test(test_synthetic_nearest_neighbour_knows_most_digits),
        cmocka_unit_test(test_synthetic_names_that_are_wrong_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
