/* From a picture's file to a network's input. */
#include "data/input.h"

#include "base/memory.h"
#include "data/image.h"
#include "data/prepare.h"
#include "data/sources.h"
#include "scratch.h"

enum { WIDE = 60, HIGH = 40 };

/* (40, 60, 3): red tells the column (4 each), green the row (4 each). */
static void save_places(const char *name) {
    uint8_t *pixels = calloc(WIDE * HIGH, 3);
    for (unsigned row = 0; row < HIGH; row++)
        for (unsigned column = 0; column < WIDE; column++) {
            pixels[(row * WIDE + column) * 3] = (uint8_t)(column * 4);
            pixels[(row * WIDE + column) * 3 + 1] = (uint8_t)(row * 4);
        }
    assert_ok(dd__image_save_png(at(name), &(dd__image){WIDE, HIGH, 3, pixels}));
    free(pixels);
}

/* Pixel (row, column) of an input of this width shows that place of the picture, in its pixels. */
static void assert_shows(const uint8_t *out, unsigned width, unsigned row, unsigned column,
                         double x, double y) {
    const uint8_t *pixel = out + ((size_t)row * width + column) * 3;
    /* the middle of pixel c is c + 0.5 */
    if (abs((int)pixel[0] - (int)(4 * (x - 0.5) + 0.5)) > 2 ||
        abs((int)pixel[1] - (int)(4 * (y - 0.5) + 0.5)) > 2)
        fail_msg("(%u, %u): expected place (%g, %g), found (%g, %g)", row, column, x, y,
                 pixel[0] / 4.0 + 0.5, pixel[1] / 4.0 + 0.5);
}

static void assert_stretches(dd_prepare mode) {
    uint8_t out[10 * 20 * 3];
    save_places("a.png");
    const dd__input input = {10, 20, 3, mode, false, 0, false};
    assert_ok(dd__input_read(&input, at("a.png"), out));
    assert_shows(out, 20, 0, 0, 1.5, 2);
    assert_shows(out, 20, 9, 19, 58.5, 38);
}

static void test_plain_stretches(void **state) {
    (void)state;
    assert_stretches(DD_PREPARE_PLAIN);
}

static void test_auto_is_plain_for_networks_with_colour(void **state) {
    (void)state;
    assert_stretches(DD_PREPARE_AUTO);
}

static void test_crop_covers_the_input_and_keeps_the_middle(void **state) {
    (void)state;
    uint8_t out[20 * 20 * 3];
    save_places("a.png");
    const dd__input input = {20, 20, 3, DD_PREPARE_AUTO, true, 0, false};
    assert_ok(dd__input_read(&input, at("a.png"), out));
    assert_shows(out, 20, 0, 0, 11,
                 1); /* a square of 40 from column 10 on, two pixels become one */
    assert_shows(out, 20, 19, 19, 49, 39);
}

/* The shorter side becomes 20, the picture 30x20, of which rows 5 to 14 and columns 10 to 19 are left. */
static void test_resize_comes_before_the_crop(void **state) {
    (void)state;
    uint8_t out[10 * 10 * 3];
    save_places("a.png");
    const dd__input input = {10, 10, 3, DD_PREPARE_PLAIN, true, 20, false};
    assert_ok(dd__input_read(&input, at("a.png"), out));
    assert_shows(out, 10, 0, 0, 21, 11);
    assert_shows(out, 10, 9, 9, 39, 29);
}

static void test_crop_of_a_picture_that_must_grow(void **state) {
    (void)state;
    uint8_t out[80 * 80 * 3];
    save_places("a.png");
    const dd__input input = {80, 80, 3, DD_PREPARE_PLAIN, true, 0, false};
    assert_ok(dd__input_read(&input, at("a.png"), out));
    assert_shows(out, 80, 40, 40, 30.25, 20.25); /* twice as large, columns 20 to 99 */
    assert_shows(out, 80, 2, 2, 11.25, 1.25);
}

static void test_a_picture_of_the_size_is_taken_as_it_is(void **state) {
    (void)state;
    uint8_t out[HIGH * WIDE * 3];
    dd__image image;
    save_places("a.png");
    const dd__input input = {HIGH, WIDE, 3, DD_PREPARE_AUTO, true, 64, false};
    assert_ok(dd__input_read(&input, at("a.png"), out));
    assert_ok(dd__image_load(at("a.png"), 3, &image));
    assert_memory_equal(out, image.pixels, sizeof out);
    dd__image_clear(&image);
}

static void test_a_grey_network_with_a_crop_takes_no_digits(void **state) {
    (void)state;
    uint8_t out[20 * 20], grey[20 * 20 * 3];
    save_places("a.png");
    dd__input input = {20, 20, 1, DD_PREPARE_AUTO, true, 0, false};
    assert_ok(dd__input_read(&input, at("a.png"), out));
    input.channels = 3;
    assert_ok(dd__input_read(&input, at("a.png"), grey));
    for (size_t i = 0; i < sizeof out; i++) {
        int expected = (grey[3 * i] * 299 + grey[3 * i + 1] * 587 + 500) / 1000;
        assert_true(abs(out[i] - expected) <= 2);
    }
}

static void test_extreme_proportions_leave_no_hole(void **state) {
    (void)state;
    uint8_t line[300], out[16 * 16];
    memset(line, 77, sizeof line);
    assert_ok(dd__image_save_png(at("line.png"), &(dd__image){300, 1, 1, line}));
    for (unsigned resize = 0; resize <= 16; resize += 16) {
        const dd__input input = {16, 16, 1, DD_PREPARE_PLAIN, true, resize, false};
        memset(out, 0, sizeof out);
        assert_ok(dd__input_read(&input, at("line.png"), out));
        for (size_t i = 0; i < sizeof out; i++) assert_int_equal(out[i], 77);
    }
}

static void test_failures_name_the_file(void **state) {
    (void)state;
    uint8_t out[100];
    save_places("a.png");
    const dd__input input = {10, 10, 1, DD_PREPARE_NONE, false, 0, false};
    assert_fails(dd__input_read(&input, at("a.png"), out), DD_SHAPE,
                 "a.png: expected an image of 10x10 (width x height), found 60x40");
    assert_fails(dd__input_read(&input, at("none.png"), out), DD_IO, "none.png: cannot open");
    const dd__input crop = {10, 10, 1, DD_PREPARE_PLAIN, true, 0, false};
    for (size_t i = 1; i < 40; i++) {
        dd__fail_allocation(i);
        dd_status status = dd__input_read(&crop, at("a.png"), out);
        assert_true(status == DD_OK || status == DD_MEMORY);
    }
    dd__fail_allocation(0);
}

/* A digit like MNIST's is taken as it is; for a network that was trained on such ones, the same dark on
 * bright, in a corner, or on grey is made so first, and for another network none is. */
static void test_a_digit_network_looks_at_pictures_of_its_size(void **state) {
    (void)state;
    enum { SIDE = 28, PIXELS = SIDE * SIDE };
    static uint8_t digit[PIXELS], other[4][PIXELS], out[PIXELS];
    dd__synthetic_draw(1, DD_SPLIT_TRAIN, 3, out);
    const dd__image drawn = {SIDE, SIDE, 1, out};
    assert_ok(dd__prepare(&drawn, DD_PREPARE_DIGIT, SIDE, SIDE, 1, digit));
    for (int i = 0; i < PIXELS; i++) {
        other[0][i] = (uint8_t)(255 - digit[i]);
        if (i / SIDE >= 3 && i % SIDE >= 3) other[1][i - 3 * SIDE - 3] = digit[i];
        other[2][i] = (uint8_t)(100 + digit[i] / 2);
    }
    dd__input input = {SIDE, SIDE, 1, DD_PREPARE_AUTO, false, 0, true};
    assert_ok(dd__image_save_png(at("a.png"), &(dd__image){SIDE, SIDE, 1, digit}));
    assert_ok(dd__input_read(&input, at("a.png"), out));
    assert_memory_equal(out, digit, PIXELS);
    for (int k = 0; k < 4; k++) { /* the last one is black */
        assert_ok(dd__image_save_png(at("a.png"), &(dd__image){SIDE, SIDE, 1, other[k]}));
        input.digits = true;
        assert_ok(dd__input_read(&input, at("a.png"), out));
        int difference = 0;
        for (int i = 0; i < PIXELS; i++) difference += abs(out[i] - (k < 3 ? digit[i] : 0));
        assert_true(difference <= 8 * PIXELS);
        input.digits = false;
        assert_ok(dd__input_read(&input, at("a.png"), out));
        assert_memory_equal(out, other[k], PIXELS);
    }
}

#define SCRATCH_TEST(test) cmocka_unit_test_setup_teardown(test, begin_scratch, end_scratch)

int main(void) {
    const struct CMUnitTest tests[] = {
        SCRATCH_TEST(test_plain_stretches),
        SCRATCH_TEST(test_auto_is_plain_for_networks_with_colour),
        SCRATCH_TEST(test_crop_covers_the_input_and_keeps_the_middle),
        SCRATCH_TEST(test_resize_comes_before_the_crop),
        SCRATCH_TEST(test_crop_of_a_picture_that_must_grow),
        SCRATCH_TEST(test_a_picture_of_the_size_is_taken_as_it_is),
        SCRATCH_TEST(test_a_grey_network_with_a_crop_takes_no_digits),
        SCRATCH_TEST(test_a_digit_network_looks_at_pictures_of_its_size),
        SCRATCH_TEST(test_extreme_proportions_leave_no_hole),
        SCRATCH_TEST(test_failures_name_the_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
