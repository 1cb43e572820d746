#include "data/prepare.h"

#include <math.h>

#include "data/dataset.h"
#include "data/sources.h"
#include "scratch.h"

enum { SIDE = 28, PIXELS = SIDE * SIDE };
/* What sanitizers look for does not hang on how many there are, and they take their time. */
#ifdef __SANITIZE_ADDRESS__
enum { DIGITS = 8 };
#else
enum { DIGITS = 20 };
#endif

/* A canvas of one level with digit `index`, enlarged `scale` times, at (left, top); dark on light
 * when paper is above ink. */
static dd__image page(uint64_t index, unsigned scale, unsigned width, unsigned height,
                      unsigned left, unsigned top, int paper, int ink) {
    uint8_t digit[PIXELS];
    dd__synthetic_draw(1, DD_SPLIT_TRAIN, index, digit);
    dd__image small = {SIDE, SIDE, 1, digit}, large;
    assert_ok(dd__image_resize(&small, SIDE * scale, SIDE * scale, &large));
    dd__image made = {width, height, 1, malloc((size_t)width * height)};
    memset(made.pixels, paper, (size_t)width * height);
    for (unsigned y = 0; y < large.height; y++)
        for (unsigned x = 0; x < large.width; x++) {
            int level = large.pixels[y * large.width + x];
            made.pixels[(y + top) * width + x + left] =
                (uint8_t)(paper + (ink - paper) * level / 255);
        }
    dd__image_clear(&large);
    return made;
}

static double mean_difference(const uint8_t *a, const uint8_t *b) {
    double sum = 0;
    for (int i = 0; i < PIXELS; i++) sum += abs(a[i] - b[i]);
    return sum / PIXELS;
}

static void check_centered(const uint8_t *image) {
    double mass = 0, x = 0, y = 0;
    for (int i = 0; i < PIXELS; i++) {
        int row = i / SIDE, column = i % SIDE;
        mass += image[i];
        x += image[i] * (column + 0.5);
        y += image[i] * (row + 0.5);
    }
    assert_true(mass > 0);
    assert_true(fabs(x / mass - 14.5) <= 0.51);
    assert_true(fabs(y / mass - 14.5) <= 0.51);
}

static void prepare_page(dd__image image, uint8_t out[PIXELS]) {
    assert_ok(dd__prepare(&image, DD_PREPARE_DIGIT, SIDE, SIDE, 1, out));
    free(image.pixels);
}

static void test_digit_is_the_same_whatever_its_place_size_and_colours(void **state) {
    (void)state;
    double larger = 0,
           fainter = 0; /* on average: the middle is a whole pixel, and may fall either way */
    for (uint64_t index = 0; index < DIGITS; index++) {
        uint8_t plain[PIXELS], dark[PIXELS], large[PIXELS], faint[PIXELS];
        prepare_page(page(index, 4, 200, 200, 40, 40, 0, 255), plain);
        prepare_page(page(index, 4, 300, 150, 150, 20, 255, 0), dark);
        prepare_page(page(index, 20, 700, 900, 100, 200, 0, 255), large);
        prepare_page(page(index, 4, 160, 190, 3, 50, 200, 130), faint);
        check_centered(plain);
        assert_true(mean_difference(plain, dark) <= 1);
        fainter += mean_difference(plain, faint) / DIGITS;
        larger += mean_difference(plain, large) / DIGITS;
    }
    assert_true(larger <= 8);
    assert_true(fainter <= 4);
}

static void test_digit_fills_a_box_of_20_by_20(void **state) {
    (void)state;
    for (uint64_t index = 0; index < DIGITS; index++) {
        uint8_t out[PIXELS];
        prepare_page(page(index, 5, 240, 240, 50, 30, 250, 20), out);
        unsigned left = SIDE, right = 0, top = SIDE, bottom = 0, most = 0;
        for (unsigned i = 0; i < PIXELS; i++) {
            if (out[i] > most) most = out[i];
            if (out[i] < 40) continue;
            if (i % SIDE < left) left = i % SIDE;
            if (i % SIDE > right) right = i % SIDE;
            if (i / SIDE < top) top = i / SIDE;
            bottom = i / SIDE;
        }
        unsigned width = right - left + 1, height = bottom - top + 1;
        assert_in_range(width > height ? width : height, 18, 20);
        assert_int_equal(most, 255);
    }
}

static void test_digit_keeps_grey_levels(void **state) {
    (void)state;
    uint8_t out[PIXELS];
    unsigned between = 0;
    prepare_page(page(3, 3, 120, 120, 20, 20, 255, 0), out);
    for (int i = 0; i < PIXELS; i++) between += out[i] > 20 && out[i] < 235;
    assert_true(between > 20);
}

static void test_digit_leaves_specks_and_grain_out(void **state) {
    (void)state;
    uint8_t clean[PIXELS], dirty[PIXELS];
    prepare_page(page(7, 4, 200, 200, 40, 40, 230, 30), clean);
    dd__image image = page(7, 4, 200, 200, 40, 40, 230, 30);
    for (int i = 0; i < 200 * 200; i++) image.pixels[i] = (uint8_t)(image.pixels[i] + i * 7919 % 9);
    for (int y = 5; y < 8; y++)
        for (int x = 5; x < 8; x++) image.pixels[y * 200 + x] = 20;
    prepare_page(image, dirty);
    assert_true(mean_difference(clean, dirty) <= 6);
}

static void test_blank_pages_give_empty_pictures(void **state) {
    (void)state;
    static const unsigned sizes[][2] = {{1, 1}, {1, 50}, {50, 1}, {2, 2}, {300, 200}};
    for (size_t s = 0; s < DD_COUNT(sizes); s++)
        for (int level = 0; level <= 255; level += 51) {
            unsigned count = sizes[s][0] * sizes[s][1];
            uint8_t *pixels = malloc(count), out[PIXELS], zeros[PIXELS] = {0};
            for (unsigned i = 0; i < count; i++)
                pixels[i] =
                    (uint8_t)((unsigned)level + (level < 240 ? i * 7919 % 10 : 0)); /* grain */
            dd__image image = {sizes[s][0], sizes[s][1], 1, pixels};
            memset(out, 1, PIXELS);
            assert_ok(dd__prepare(&image, DD_PREPARE_DIGIT, SIDE, SIDE, 1, out));
            assert_memory_equal(out, zeros, PIXELS);
            free(pixels);
        }
}

static void test_pages_of_odd_shapes_do_not_crash(void **state) {
    (void)state;
    static const unsigned sizes[][2] = {{2, 1},    {1, 3},    {3, 3},    {5000, 1},
                                        {1, 5000}, {2000, 3}, {29, 1500}};
    for (size_t s = 0; s < DD_COUNT(sizes); s++) {
        unsigned count = sizes[s][0] * sizes[s][1];
        uint8_t *pixels = malloc(3 * count), out[3 * PIXELS];
        for (unsigned i = 0; i < 3 * count; i++) pixels[i] = (uint8_t)(i * 2654435761u >> 24);
        for (unsigned channels = 1; channels <= 3; channels += 2)
            for (int mode = DD_PREPARE_DIGIT; mode <= DD_PREPARE_PLAIN; mode++) {
                dd__image image = {sizes[s][0], sizes[s][1], channels, pixels};
                assert_ok(dd__prepare(&image, (dd_prepare)mode, SIDE, SIDE, 1, out));
                assert_ok(dd__prepare(&image, (dd_prepare)mode, SIDE, SIDE, 3, out));
                assert_ok(dd__prepare(&image, (dd_prepare)mode, 1, 7, 1, out));
            }
        free(pixels);
    }
}

static void test_none_takes_only_the_right_size(void **state) {
    (void)state;
    uint8_t pixels[30 * PIXELS], out[3 * PIXELS];
    for (int i = 0; i < PIXELS; i++) pixels[i] = (uint8_t)i;
    dd__image image = {SIDE, SIDE, 1, pixels};
    assert_ok(dd__prepare(&image, DD_PREPARE_NONE, SIDE, SIDE, 1, out));
    assert_memory_equal(out, pixels, PIXELS);
    assert_ok(dd__prepare(&image, DD_PREPARE_NONE, SIDE, SIDE, 3, out));
    assert_int_equal(out[3 * 5 + 2], 5);
    image = (dd__image){100, 80, 1, pixels};
    assert_fails(dd__prepare(&image, DD_PREPARE_NONE, SIDE, SIDE, 1, out), DD_SHAPE,
                 "expected an image of 28x28 (width x height), found 100x80");
    assert_fails(dd__prepare(&image, DD_PREPARE_AUTO, SIDE, SIDE, 1, out), DD_USAGE,
                 "0 is no way of preparing");
    assert_fails(dd__prepare(&image, (dd_prepare)9, SIDE, SIDE, 1, out), DD_USAGE,
                 "9 is no way of preparing");
}

static double correlation(const uint8_t *a, const uint8_t *b) {
    double n = PIXELS, x = 0, y = 0, xx = 0, yy = 0, xy = 0;
    for (int i = 0; i < PIXELS; i++) {
        x += a[i];
        y += b[i];
        xx += a[i] * a[i];
        yy += b[i] * b[i];
        xy += a[i] * b[i];
    }
    return (xy - x * y / n) / sqrt((xx - x * x / n) * (yy - y * y / n));
}

/* What a camera does to a page of 500 by 400; each returns the level, or a colour's channel. */
typedef double effect(int x, int y, unsigned channel, double level);

static double uneven_light(int x, int y, unsigned channel, double level) {
    (void)channel;
    return level * (1 - 0.0007 * x - 0.0006 * y);
}
static double sharp_shadow(int x, int y, unsigned channel, double level) {
    (void)channel;
    return 3 * x + y < 500 ? level * 0.5 : level;
}
static double table_edge(int x, int y, unsigned channel, double level) {
    (void)channel;
    return y < 30 || x > 470 + y / 50 ? 50 + (x * 7 + y * 3) % 11 : level;
}
static double squared_paper(int x, int y, unsigned channel, double level) {
    bool line = (x + y / 20) % 37 < 2 || (y + x / 25) % 37 < 2;
    return line && level > 160 ? (channel == 2 ? 200 : 160) : level;
}
static double red_on_yellow(int x, int y, unsigned channel, double level) {
    (void)x;
    (void)y;
    double ink = (240 - level) / 200;
    return channel == 0 ? 235 - 25 * ink : channel == 1 ? 220 - 180 * ink : 150 - 110 * ink;
}
static double chalk_on_board(int x, int y, unsigned channel, double level) {
    double ink = (240 - level) / 200;
    return 40 + 20.0 * (channel == 1) + 160 * ink + (x * 31 + y * 17) % 9;
}
static double specks(int x, int y, unsigned channel, double level) {
    (void)channel;
    return (x % 150 < 4 && y % 130 < 4) ? 60 : level;
}
static double grain(int x, int y, unsigned channel, double level) {
    return level + (double)((uint32_t)(x * 7919 + y * 104729 + (int)channel) * 2654435761u >> 28) -
           8;
}

/* The mean, over digits, of how alike a photographed digit is to the digit. */
static double likeness(effect *photograph) {
    double sum = 0;
    for (uint64_t index = 0; index < DIGITS; index++) {
        uint8_t digit[PIXELS], out[PIXELS];
        dd__synthetic_draw(1, DD_SPLIT_TRAIN, index, digit);
        dd__image sheet = page(index, 8, 500, 400, 140, 90, 240, 40);
        dd__image photo = {500, 400, 3, malloc(500 * 400 * 3)};
        for (int i = 0; i < 500 * 400 * 3; i++) {
            int pixel = i / 3, column = pixel % 500, row = pixel / 500;
            double level = photograph(column, row, (unsigned)(i % 3), sheet.pixels[pixel]);
            photo.pixels[i] = (uint8_t)(level < 0 ? 0 : level > 255 ? 255 : level);
        }
        free(sheet.pixels);
        prepare_page(photo, out);
        sum += correlation(out, digit) / DIGITS;
    }
    return sum;
}

static void test_photographs_give_the_digit(void **state) {
    (void)state;
    static const struct {
        const char *name;
        effect *photograph;
    } effects[] = {{"light", uneven_light},    {"shadow", sharp_shadow},
                   {"table", table_edge},      {"lines", squared_paper},
                   {"colours", red_on_yellow}, {"chalk", chalk_on_board},
                   {"specks", specks},         {"grain", grain}};
    for (size_t i = 0; i < DD_COUNT(effects); i++) {
        double alike = likeness(effects[i].photograph);
        printf("%s: %.3f\n", effects[i].name, alike);
        assert_true(alike > 0.85);
    }
}

static void test_lines_alone_and_several_digits_do_not_crash(void **state) {
    (void)state;
    uint8_t out[PIXELS];
    dd__image sheet = page(0, 4, 500, 300, 20, 20, 240, 40);
    dd__image other = page(5, 4, 500, 300, 320, 120, 240, 40);
    for (int i = 0; i < 500 * 300; i++)
        if (other.pixels[i] < sheet.pixels[i]) sheet.pixels[i] = other.pixels[i];
    free(other.pixels);
    prepare_page(sheet, out);
    check_centered(out);
    sheet = page(0, 1, 500, 300, 0, 0, 240, 240);
    for (int i = 0; i < 500 * 300; i++)
        if (i / 500 % 40 < 2) sheet.pixels[i] = 150;
    prepare_page(sheet, out);
}

/* The same where one may be a pixel off: the middle is a whole pixel, and may fall either way. */
static double likeness_nearby(const uint8_t *a, const uint8_t *b) {
    double best = -1;
    for (int by = -SIDE - 1; by <= SIDE + 1; by++) {
        uint8_t moved[PIXELS] = {0};
        if (abs(by) > 1 && abs(by) < SIDE - 1) continue;
        for (int i = 0; i < PIXELS; i++)
            if (i + by >= 0 && i + by < PIXELS) moved[i + by] = b[i];
        best = fmax(best, correlation(a, moved));
    }
    return best;
}

/* Cut so close that nothing is around the digit, whose longer side becomes `side`. */
static dd__image cut_close(uint64_t index, unsigned side, int paper, int ink) {
    dd__image sheet = page(index, 20, 560, 560, 0, 0, paper, ink), cut;
    dd__box box = {560, 560, 0, 0};
    for (int i = 0; i < 560 * 560; i++) {
        int row = i / 560, column = i % 560;
        if (2 * abs(sheet.pixels[i] - paper) < abs(ink - paper)) continue;
        box.left = fmin(box.left, column);
        box.right = fmax(box.right, column + 1);
        box.top = fmin(box.top, row);
        box.bottom = row + 1;
    }
    double width = box.right - box.left, height = box.bottom - box.top;
    double scale = side / fmax(width, height);
    assert_ok(dd__image_resize_part(&sheet, &box, (unsigned)ceil(width * scale),
                                    (unsigned)ceil(height * scale), &cut));
    free(sheet.pixels);
    return cut;
}

static void test_a_digit_may_reach_all_borders(void **state) {
    (void)state;
    static const unsigned sides[] = {16, 27, 60, 200};
    static const int levels[][2] = {{255, 25}, {0, 255}, {230, 40}, {60, 220}}; /* paper, ink */
    for (size_t s = 0; s < DD_COUNT(sides); s++)
        for (size_t l = 0; l < DD_COUNT(levels); l++) {
            double sum = 0;
            int unlike = 0;
            for (uint64_t index = 0; index < DIGITS; index++) {
                uint8_t digit[PIXELS], out[PIXELS];
                dd__synthetic_draw(1, DD_SPLIT_TRAIN, index, digit);
                prepare_page(cut_close(index, sides[s], levels[l][0], levels[l][1]), out);
                double alike = likeness_nearby(out, digit);
                sum += alike / DIGITS;
                unlike += !(alike >= 0.7);
            }
            printf("%u, %d on %d: %.3f, unlike %d\n", sides[s], levels[l][1], levels[l][0], sum,
                   unlike);
            assert_true(sum > (sides[s] < 20 ? 0.87 : 0.92));
            assert_true(unlike <= (sides[s] < 20)); /* thin strokes are half a pixel there */
        }
}

/* What the remains of a form's box on two sides have in common with a digit is the border alone. */
static void test_lines_along_the_border_are_no_digit(void **state) {
    (void)state;
    for (uint64_t index = 0; index < DIGITS; index++) {
        uint8_t digit[PIXELS], out[PIXELS];
        dd__synthetic_draw(1, DD_SPLIT_TRAIN, index, digit);
        dd__image sheet = page(index, 5, 190, 180, 24, 20, 245, 45);
        for (int i = 0; i < 190 * 180; i++)
            if (i % 190 < 3 || i / 190 >= 176) sheet.pixels[i] = 60;
        prepare_page(sheet, out);
        assert_true(likeness_nearby(out, digit) > 0.6);
    }
}

static int flood(const uint8_t *image, bool *seen, int x, int y) {
    if (x < 0 || y < 0 || x >= SIDE || y >= SIDE || seen[y * SIDE + x]) return 0;
    if (image[y * SIDE + x] >= 128) return 0;
    seen[y * SIDE + x] = true;
    return 1 + flood(image, seen, x - 1, y) + flood(image, seen, x + 1, y) +
           flood(image, seen, x, y - 1) + flood(image, seen, x, y + 1);
}

/* 4-connected parts of what is not ink, the surroundings among them; the smallest has `least`
 * pixels. */
static int background_parts(const uint8_t *image, int *least) {
    bool seen[PIXELS] = {false};
    int parts = 0;
    *least = PIXELS;
    for (int i = 0; i < PIXELS; i++) {
        int pixels = flood(image, seen, i % SIDE, i / SIDE);
        parts += pixels > 0;
        if (pixels > 0 && pixels < *least) *least = pixels;
    }
    return parts;
}

static void test_loops_stay_open(void **state) {
    (void)state;
    static const int expected[10] = {[0] = 2, [6] = 2, [8] = 3, [9] = 2};
    int seen[10] = {0}, lost = 0, all = 0, least;
    for (uint64_t index = 0; index < 200; index++) {
        uint8_t digit[PIXELS], out[PIXELS];
        int label = dd__synthetic_draw(1, DD_SPLIT_TRAIN, index, digit);
        if (!expected[label] || background_parts(digit, &least) != expected[label]) continue;
        if (least < 6) continue; /* hardly a loop */
        prepare_page(page(index, 6, 300, 260, 70, 40, 235, 45), out);
        lost += background_parts(out, &least) != expected[label];
        prepare_page(cut_close(index, 90, 235, 45), out);
        lost += background_parts(out, &least) != expected[label];
        seen[label]++;
        all += 2;
    }
    printf("loops lost or made: %d of %d\n", lost, all);
    for (int label = 0; label < 10; label++) assert_true(!expected[label] || seen[label] >= 5);
    assert_true(lost * 20 <= all);
}

static void test_ruled_lines_go(void **state) {
    (void)state;
    for (uint64_t index = 0; index < DIGITS; index++) {
        uint8_t plain[PIXELS], ruled[PIXELS];
        prepare_page(page(index, 6, 420, 300, 120, 60, 240, 40), plain);
        dd__image sheet = page(index, 6, 420, 300, 120, 60, 240, 40);
        for (int i = 0; i < 420 * 300; i++)
            if (i / 420 % 90 < 3 && sheet.pixels[i] > 150) sheet.pixels[i] = 150;
        prepare_page(sheet, ruled);
        assert_true(likeness_nearby(plain, ruled) > 0.9);
    }
}

/* A sheet of 300 by 300 with a digit, on a table: a picture of 420 by 400 whose middle is at (x, y) of the
 * sheet, which is turned by `turn` radians. */
static dd__image on_table(uint64_t index, double turn, double x, double y, int paper, int ink,
                          int table) {
    dd__image sheet = page(index, 7, 300, 300, 52, 52, paper, ink);
    dd__image photo = {420, 400, 1, malloc(420 * 400)};
    for (int i = 0; i < 420 * 400; i++) {
        int across = i % 420 - 210, down = i / 420 - 200;
        double column = x + across * cos(turn) + down * sin(turn);
        double row = y + down * cos(turn) - across * sin(turn);
        bool is_sheet = column >= 0 && column < 300 && row >= 0 && row < 300;
        int level = is_sheet ? sheet.pixels[(int)row * 300 + (int)column] : table + i * 7 % 9;
        photo.pixels[i] = (uint8_t)level;
    }
    free(sheet.pixels);
    return photo;
}

static void test_a_sheet_is_told_from_what_it_lies_on(void **state) {
    (void)state;
    static const struct {
        const char *name;
        double turn, x, y; /* the sheet's middle is at 150, 150 */
        int paper, ink, table;
    } cases[] = {{"dark table", 0, 150, 150, 235, 40, 50},
                 {"turned", 0.2, 150, 150, 235, 40, 50},
                 {"pencil", -0.1, 150, 150, 235, 170, 40},
                 {"chalk on slate", 0.1, 150, 150, 50, 210, 190},
                 {"table on three sides", 0, 150, 200, 235, 40, 50},
                 {"table on two sides", 0, 210, 200, 235, 40, 50},
                 {"table on one side", 0, 90, 150, 235, 40, 50}};
    uint8_t alone[DIGITS][PIXELS], out[PIXELS];
    for (uint64_t index = 0; index < DIGITS; index++)
        prepare_page(page(index, 7, 300, 300, 52, 52, 255, 0), alone[index]);
    for (size_t c = 0; c < DD_COUNT(cases); c++) {
        double sum = 0;
        for (uint64_t index = 0; index < DIGITS; index++) {
            prepare_page(on_table(index, cases[c].turn, cases[c].x, cases[c].y, cases[c].paper,
                                  cases[c].ink, cases[c].table),
                         out);
            sum += likeness_nearby(alone[index], out) / DIGITS;
        }
        printf("%s: %.3f\n", cases[c].name, sum);
        assert_true(sum > 0.93);
    }
}

/* The picture of a program's window: a canvas with an outline, and the digit in it. */
static void test_an_outline_around_the_digit_goes(void **state) {
    (void)state;
    for (uint64_t index = 0; index < DIGITS; index++) {
        uint8_t plain[PIXELS], outlined[PIXELS];
        prepare_page(page(index, 6, 600, 400, 210, 110, 255, 0), plain);
        dd__image sheet = page(index, 6, 600, 400, 210, 110, 255, 0);
        for (int i = 0; i < 600 * 400; i++) {
            int across = abs(i % 600 - 294), down = abs(i / 600 - 194);
            if ((across <= 90 && down <= 90) && (across > 88 || down > 88)) sheet.pixels[i] = 0;
        }
        prepare_page(sheet, outlined);
        assert_true(likeness_nearby(plain, outlined) > 0.9);
    }
}

/* MNIST itself is the yardstick: enlarged, on a page, as dark ink, it comes back. */
static void test_mnist_on_a_page_comes_back_as_it_was(void **state) {
    (void)state;
    const char *folder = getenv("DEEPDIGITS_DATA");
    dd_dataset *data;
    if (!folder) folder = "../shared/mnist";
    if (!dd__is_folder(folder)) {
        printf("SKIPPED: test_mnist_on_a_page_comes_back_as_it_was wants MNIST\n");
        skip();
    }
    assert_ok(dd_dataset_load(folder, DD_SPLIT_TEST, &data));
    double sum = 0;
    for (size_t i = 0; i < 10 * DIGITS; i++) {
        dd__image small = {SIDE, SIDE, 1, data->pixels + i * PIXELS}, large;
        assert_ok(dd__image_resize(&small, SIDE * 5, SIDE * 5, &large));
        uint8_t *pixels = malloc(400 * 300), out[PIXELS];
        memset(pixels, 240, 400 * 300);
        for (unsigned y = 0; y < large.height; y++)
            for (unsigned x = 0; x < large.width; x++)
                pixels[(y + 60) * 400 + x + 200] =
                    (uint8_t)(240 - large.pixels[y * large.width + x] * 200 / 255);
        dd__image_clear(&large);
        dd__image sheet = {400, 300, 1, pixels};
        assert_ok(dd__prepare(&sheet, DD_PREPARE_DIGIT, SIDE, SIDE, 1, out));
        sum += mean_difference(out, data->pixels + i * PIXELS) / (10 * DIGITS);
        free(pixels);
    }
    printf("mean difference from MNIST: %.2f of 255\n", sum);
    assert_true(sum <= 8);
    dd_dataset_free(data);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_digit_is_the_same_whatever_its_place_size_and_colours),
        cmocka_unit_test(test_digit_fills_a_box_of_20_by_20),
        cmocka_unit_test(test_digit_keeps_grey_levels),
        cmocka_unit_test(test_digit_leaves_specks_and_grain_out),
        cmocka_unit_test(test_blank_pages_give_empty_pictures),
        cmocka_unit_test(test_pages_of_odd_shapes_do_not_crash),
        cmocka_unit_test(test_none_takes_only_the_right_size),
        cmocka_unit_test(test_photographs_give_the_digit),
        cmocka_unit_test(test_a_digit_may_reach_all_borders),
        cmocka_unit_test(test_lines_along_the_border_are_no_digit),
        cmocka_unit_test(test_loops_stay_open),
        cmocka_unit_test(test_ruled_lines_go),
        cmocka_unit_test(test_a_sheet_is_told_from_what_it_lies_on),
        cmocka_unit_test(test_an_outline_around_the_digit_goes),
        cmocka_unit_test(test_lines_alone_and_several_digits_do_not_crash),
        cmocka_unit_test(test_mnist_on_a_page_comes_back_as_it_was),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
