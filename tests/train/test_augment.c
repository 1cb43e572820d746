/* Augmentation against Keras, and what is drawn: uniform, independent, new each epoch, the same
 * whatever the batches.
 *
 * tests/vectors/make_augment.py has Keras' conventions in words. In short: our centre, (H - 1) / 2,
 * is Keras 3.15's (up to keras-preprocessing 1.1.2 it was a pixel further). Our axes are those of
 * keras-preprocessing: its matrix acts on (row, column). Keras 3.15 exchanges the two, so that its
 * height_shift_range moves columns; for square images and one range for both shifts, that is the
 * same distribution but for the axis that a shear leaves alone. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/random.h"
#include "check/check.h"
#include "ops/ops.h"
#include "train/options.h"
#include "train/step.h"
#include "vectors.h"

static void assert_fine(dd_status status) {
    if (status != DD_OK) print_error("%s: %s\n", dd_status_name(status), dd_message());
    assert_int_equal(status, DD_OK);
}

/* $DEEPDIGITS_DEVICE or the default; `implementations` may be NULL. */
static dd_device *open_device(const char *selector, const char *implementations) {
    const dd_device_options options = {.implementations = implementations,
                                       .without_selftest = true};
    dd_device *device;
    assert_fine(dd_device_open(selector, &options, &device));
    return device;
}

/* ---- Batches -------------------------------------------------------------------------- */

/* Images (d[0], d[1], d[2], d[3]) whose labels are their numbers, and a plan that gathers them. */
typedef struct gathering {
    dd__dims dims;
    dd__plan *plan;
    size_t batch, image; /* image: numbers of one */
    uint64_t seed;
} gathering;

static gathering open_gathering(dd_device *device, const dd__dims *dims, const uint8_t *pixels,
                                const dd__gather *gather, uint64_t seed) {
    gathering g = {.dims = *dims, .batch = (size_t)gather->batch, .seed = seed};
    const dd__dims image = DD_DIMS(dims->d[1], dims->d[2], dims->d[3]);
    dd__graph *graph;
    dd__value *x, *y;
    g.image = dd__dims_count(&image);
    int32_t *labels = dd__alloc(dims->d[0], sizeof *labels);
    assert_non_null(labels);
    for (uint32_t i = 0; i < dims->d[0]; i++) labels[i] = (int32_t)i;
    assert_fine(dd__graph_create(false, 0, &graph));
    assert_fine(dd__add_batch(graph, dims->d[0], &image, gather, &x, &y));
    assert_fine(dd__graph_output(graph, x, "x"));
    assert_fine(dd__graph_output(graph, y, "y"));
    assert_fine(dd__plan_create(device, graph, NULL, 0, &g.plan));
    assert_fine(dd__plan_write(g.plan, "images", pixels, dd__dims_count(dims)));
    assert_fine(dd__plan_write(g.plan, "labels", labels, dims->d[0] * sizeof *labels));
    dd__free(labels);
    return g;
}

/* Runs the batch from `position` on. x (batch, image) and y (batch) may be NULL. */
static void run_batch(const gathering *g, uint32_t epoch, size_t position, float *x, int32_t *y) {
    const dd__step step = {.seed_low = (uint32_t)g->seed,
                           .seed_high = (uint32_t)(g->seed >> 32),
                           .epoch = epoch,
                           .position = (uint32_t)position,
                           .count = g->dims.d[0]};
    assert_fine(dd__plan_write(g->plan, "step", &step, sizeof step));
    assert_fine(dd__plan_run(g->plan));
    assert_fine(dd__plan_read(g->plan, "x", x, g->batch * g->image * sizeof *x));
    assert_fine(dd__plan_read(g->plan, "y", y, g->batch * sizeof *y));
}

/* A whole epoch; image i goes to all[i], wherever in a batch it stood. all (count, image) */
static void run_epoch(const gathering *g, uint32_t epoch, float *all) {
    float *x = dd__alloc(g->batch * g->image, sizeof *x);
    int32_t *y = dd__alloc(g->batch, sizeof *y);
    size_t seen = 0;
    assert_non_null(x);
    assert_non_null(y);
    for (size_t position = 0; position < g->dims.d[0]; position += g->batch) {
        run_batch(g, epoch, position, x, y);
        for (size_t i = 0; i < g->batch; i++) {
            if (y[i] < 0) continue;
            memcpy(all + (size_t)y[i] * g->image, x + i * g->image, g->image * sizeof *x);
            seen++;
        }
    }
    assert_int_equal(seen, g->dims.d[0]);
    dd__free(x);
    dd__free(y);
}

/* ---- As Keras ------------------------------------------------------------------------- */

/* Keras works in double; we place pixels in float, wrong by some 1e-6 of a pixel where neighbours
 * differ by up to 255. Largest found: 4e-4 on PoCL, 6e-5 by the reference, which works in double
 * from ranges in float. A centre half a pixel off, or a wrong fill, is wrong by 1 and more. */
static const double TOLERANCE = 3e-3;

static const dd__stored_tensor *stored(const char *name, const char *tensor) {
    char key[128];
    snprintf(key, sizeof key, "%s/%s", name, tensor);
    const dd__stored_tensor *found = dd__safetensors_find(&vectors, key);
    if (!found) print_error("augment.safetensors has no \"%s\"\n", key);
    assert_non_null(found);
    return found;
}

/* Values are 0..255: the tolerance is of the value itself, not of its share. */
static void compare_pixels(const char *name, const float *found, const float *expected,
                           size_t count) {
    for (size_t i = 0; i < count; i++)
        if (!(fabs((double)found[i] - (double)expected[i]) <= TOLERANCE))
            fail_msg("%s: number %zu: expected %g, found %g", name, i, (double)expected[i],
                     (double)found[i]);
}

/* `name` is "<images>/<case>". */
static void check_case(dd_device *device, const char *name) {
    char images[16];
    int32_t draw[3];
    float ranges[5];
    snprintf(images, sizeof images, "%.*s", (int)strcspn(name, "/"), name);
    const dd__stored_tensor *pixels = stored(images, "images"), *x = stored(name, "x");
    memcpy(draw, stored(name, "draw")->data, sizeof draw);
    dd__safetensors_floats(stored(name, "ranges"), ranges);
    const dd__gather gather = {.batch = (int32_t)pixels->dims.d[0],
                               .scale = {1},
                               .augment = {.rotation = ranges[0],
                                           .shear = ranges[1],
                                           .width = ranges[2],
                                           .height = ranges[3],
                                           .zoom = ranges[4]}};
    uint64_t seed = (uint64_t)(uint32_t)draw[2] << 32 | (uint32_t)draw[1];
    gathering g = open_gathering(device, &pixels->dims, pixels->data, &gather, seed);
    size_t count = dd__dims_count(&x->dims);
    assert_int_equal(count, g.batch * g.image);
    float *found = dd__alloc(count, sizeof *found), *expected = dd__alloc(count, sizeof *expected);
    assert_non_null(found);
    assert_non_null(expected);
    dd__safetensors_floats(x, expected);
    run_epoch(&g, (uint32_t)draw[0], found);
    compare_pixels(name, found, expected, count);
    dd__plan_free(g.plan);
    dd__free(found);
    dd__free(expected);
}

static void check_device(const char *selector, const char *implementations) {
    dd_device *device = open_device(selector, implementations);
    size_t cases = 0;
    for (size_t i = 0; i < vectors.count; i++) {
        char name[64];
        snprintf(name, sizeof name, "%s", vectors.tensors[i].name);
        char *last = strrchr(name, '/');
        if (strcmp(last, "/x") != 0) continue;
        *last = 0;
        check_case(device, name);
        cases++;
    }
    assert_int_equal(cases, 10);
    dd_device_close(device);
}

static void test_images_on_the_device_are_keras(void **state) {
    (void)state;
    check_device(NULL, NULL);
    check_device(NULL, "gather=plain");
}

static void test_images_on_the_reference_are_keras(void **state) {
    (void)state;
    check_device("reference", NULL);
}

/* ---- What is drawn -------------------------------------------------------------------- */

/* Channel 0 of every image is 8 times the row, channel 1 the column: interpolated, that is exactly
 * where the map looked, and some pixels around the centre tell all of it. */
enum { DRAWS = 10000, ROWS = 29, COLUMNS = 27, STEP = 6, PARAMETERS = 6, RAMP = 8 };

static const dd__augment drawn = {
    .rotation = 10, .shear = 8, .width = 0.1f, .height = 0.1f, .zoom = 0.1f};
static const char *const parameter_names[] = {"rotation", "shear",    "height",
                                              "width",    "zoom_row", "zoom_column"};

typedef struct draws {
    double u[PARAMETERS][DRAWS]; /* each parameter over its range: -1..1 */
} draws;

static double place(const float *x, int row, int column, int axis) {
    return (double)x[(row * COLUMNS + column) * 2 + axis] / RAMP;
}

/* From one image (ROWS, COLUMNS, 2) back to what was drawn for it, in the order of the names. */
static void recover(const float *x, double u[PARAMETERS]) {
    const int r = ROWS / 2, c = COLUMNS / 2;
    const double degree = acos(-1) / 180;
    double rr = (place(x, r + STEP, c, 0) - place(x, r - STEP, c, 0)) / (2 * STEP);
    double cr = (place(x, r + STEP, c, 1) - place(x, r - STEP, c, 1)) / (2 * STEP);
    double rc = (place(x, r, c + STEP, 0) - place(x, r, c - STEP, 0)) / (2 * STEP);
    double cc = (place(x, r, c + STEP, 1) - place(x, r, c - STEP, 1)) / (2 * STEP);
    double row = place(x, r, c, 0) - r, column = place(x, r, c, 1) - c;
    double turn = atan2(cr, rr), lean = atan2(-rc, cc) - turn;
    u[0] = turn / degree / (double)drawn.rotation;
    u[1] = lean / degree / (double)drawn.shear;
    u[2] = (cos(turn) * row + sin(turn) * column) / (double)drawn.height / ROWS;
    u[3] = (cos(turn) * column - sin(turn) * row) / (double)drawn.width / COLUMNS;
    u[4] = (hypot(rr, cr) - 1) / (double)drawn.zoom;
    u[5] = (hypot(rc, cc) - 1) / (double)drawn.zoom;
}

static gathering open_ramps(dd_device *device, uint64_t seed) {
    const dd__dims dims = DD_DIMS(DRAWS, ROWS, COLUMNS, 2);
    const dd__gather gather = {.batch = 250, .scale = {1}, .augment = drawn};
    uint8_t *pixels = dd__alloc(DRAWS, ROWS * COLUMNS * 2);
    assert_non_null(pixels);
    for (size_t i = 0; i < (size_t)DRAWS * ROWS * COLUMNS; i++) {
        pixels[2 * i] = (uint8_t)(i / COLUMNS % ROWS * RAMP);
        pixels[2 * i + 1] = (uint8_t)(i % COLUMNS * RAMP);
    }
    gathering g = open_gathering(device, &dims, pixels, &gather, seed);
    dd__free(pixels);
    return g;
}

static draws *measure(const gathering *g, uint32_t epoch) {
    draws *d = dd__alloc(1, sizeof *d);
    float *all = dd__alloc(DRAWS, g->image * sizeof *all);
    assert_non_null(d);
    assert_non_null(all);
    run_epoch(g, epoch, all);
    for (size_t i = 0; i < DRAWS; i++) {
        double u[PARAMETERS];
        recover(all + i * g->image, u);
        for (int p = 0; p < PARAMETERS; p++) d->u[p][i] = u[p];
    }
    dd__free(all);
    return d;
}

static int compare_doubles(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Moments, ends, and the largest distance between the distribution found and the uniform one. The
 * limits are 4 standard errors, and Kolmogorov's for one chance in a thousand: the seeds here are
 * fixed, so that a pass stays a pass. */
static void check_uniform(const double *u, const char *name) {
    double sum = 0, squares = 0, distance = 0;
    double *sorted = dd__alloc(DRAWS, sizeof *sorted);
    assert_non_null(sorted);
    memcpy(sorted, u, DRAWS * sizeof *sorted);
    qsort(sorted, DRAWS, sizeof *sorted, compare_doubles);
    for (size_t i = 0; i < DRAWS; i++) {
        double share = (sorted[i] + 1) / 2;
        distance = fmax(
            distance, fmax(fabs(share - (double)i / DRAWS), fabs(share - (double)(i + 1) / DRAWS)));
        sum += sorted[i];
        squares += sorted[i] * sorted[i];
    }
    double low = sorted[0], high = sorted[DRAWS - 1], mean = sum / DRAWS;
    double variance = squares / DRAWS - mean * mean;
    dd__free(sorted);
    if (!(fabs(mean) <= 4 * sqrt(1.0 / 3 / DRAWS) &&
          fabs(variance - 1.0 / 3) <= 4 * sqrt(4.0 / 45 / DRAWS) &&
          distance * sqrt(DRAWS) <= 1.95 && low >= -1.001 && low < -0.998 && high <= 1.001 &&
          high > 0.998))
        fail_msg("%s is not uniform: mean %g, variance %g, from %g to %g, distance %g", name, mean,
                 variance, low, high, distance);
}

/* Of pairs (a[i], b[i]); for numbers of mean 0 and variance 1/3. 5 standard errors, since a hundred
 * pairs of rows are looked at; the largest found, by chance, is 4.1. */
static void check_unrelated(const double *a, const double *b, size_t count, const char *what,
                            const char *with) {
    double sum = 0;
    for (size_t i = 0; i < count; i++) sum += a[i] * b[i];
    double correlation = sum / (double)count * 3;
    if (!(fabs(correlation) <= 5 / sqrt((double)count)))
        fail_msg("%s and %s are correlated: %g", what, with, correlation);
}

static void test_parameters_are_uniform_and_independent(void **state) {
    (void)state;
    dd_device *device = open_device(NULL, NULL);
    gathering g = open_ramps(device, 42);
    draws *first = measure(&g, 1), *second = measure(&g, 2);
    for (int p = 0; p < PARAMETERS; p++) {
        const double *u = first->u[p];
        const char *name = parameter_names[p];
        check_uniform(u, name);
        check_uniform(second->u[p], name);
        for (int q = 0; q < p; q++)
            check_unrelated(u, first->u[q], DRAWS, name, parameter_names[q]);
        for (int q = 0; q < PARAMETERS; q++)
            check_unrelated(u, second->u[q], DRAWS, name, "the next epoch's");
        check_unrelated(u, u + 1, DRAWS - 1, name, "the next image's");
    }
    dd__free(first);
    dd__free(second);
    dd__plan_free(g.plan);
    dd_device_close(device);
}

static void test_another_seed_draws_other_parameters(void **state) {
    (void)state;
    dd_device *device = open_device(NULL, NULL);
    gathering g = open_ramps(device, 42);
    draws *one = measure(&g, 1);
    static const uint64_t seeds[] = {43, 42 + (UINT64_C(1) << 32)}; /* either word of the key */
    for (size_t i = 0; i < DD_COUNT(seeds); i++) {
        g.seed = seeds[i];
        draws *other = measure(&g, 1);
        for (int p = 0; p < PARAMETERS; p++)
            check_unrelated(one->u[p], other->u[p], DRAWS, parameter_names[p], "another seed's");
        dd__free(other);
    }
    dd__free(one);
    dd__plan_free(g.plan);
    dd_device_close(device);
}

/* ---- What else is drawn ----------------------------------------------------------------- */

enum {
    SIDE = 31,
    THIRD = 10,
    MANY = 2000
}; /* points of the elastic grid are pixels: 0, 10, 20, 30 */

/* MANY images (SIDE, SIDE, channels) of what `fill` says, changed: (MANY * SIDE * SIDE * channels). */
static float *change_all(const dd__augment *augment, uint32_t channels,
                         uint8_t (*fill)(int row, int column, uint32_t channel)) {
    const dd__dims dims = DD_DIMS(MANY, SIDE, SIDE, channels);
    const dd__gather gather = {.batch = 250, .scale = {1}, .augment = *augment};
    dd_device *device = open_device(NULL, NULL);
    size_t count = dd__dims_count(&dims);
    uint8_t *pixels = dd__alloc(count, 1);
    float *x = dd__alloc(count, sizeof *x);
    assert_true(pixels && x);
    for (size_t i = 0; i < count; i++)
        pixels[i] = fill((int)(i / channels / SIDE % SIDE), (int)(i / channels % SIDE),
                         (uint32_t)(i % channels));
    gathering g = open_gathering(device, &dims, pixels, &gather, 42);
    run_epoch(&g, 1, x);
    dd__plan_free(g.plan);
    dd__free(pixels);
    dd_device_close(device);
    return x;
}

static uint8_t ramps(int row, int column, uint32_t channel) {
    return (uint8_t)(RAMP * (channel ? column : row));
}

/* The points inside move by independent normal numbers; between two of them lies what 3 w^2 - 2 w^3
 * makes of both. */
static void test_elastic_moves_the_points_of_a_grid(void **state) {
    (void)state;
    const double deviation = 1.5;
    float *x = change_all(&(dd__augment){.elastic = (float)deviation}, 2, ramps);
    double sum = 0, squares = 0, fourth = 0, product = 0;
    for (size_t i = 0; i < MANY; i++) {
        double moved[3][2];
        for (int k = 0; k < 3; k++) /* two points, and 3 pixels behind the first */
            for (int axis = 0; axis < 2; axis++) {
                int column = THIRD + (int[]){0, THIRD, 3}[k];
                double at =
                    (double)x[((i * SIDE + THIRD) * SIDE + (size_t)column) * 2 + (size_t)axis];
                moved[k][axis] = at / RAMP - (axis ? column : THIRD);
            }
        double u = moved[0][0] / deviation, v = moved[0][1] / deviation;
        sum += u + v;
        squares += u * u + v * v;
        fourth += u * u * u * u + v * v * v * v;
        product += u * v + u * moved[1][0] / deviation;
        double between = moved[0][1] + (3 * 0.09 - 2 * 0.027) * (moved[1][1] - moved[0][1]);
        assert_true(fabs(between - moved[2][1]) < 1e-3);
    }
    const double n = 2.0 * MANY; /* limits are 4 standard errors */
    assert_true(fabs(sum / n) < 4 / sqrt(n));
    assert_true(fabs(squares / n - 1) < 4 * sqrt(2 / n));
    assert_true(fabs(fourth / n - 3) < 4 * sqrt(96 / n));
    assert_true(fabs(product / n) < 4 / sqrt(n));
    dd__free(x);
}

static uint8_t grey(int row, int column, uint32_t channel) {
    (void)row, (void)column, (void)channel;
    return 200;
}

/* In an image that is grey all over, what is erased is a square of black. */
static void test_a_square_is_erased(void **state) {
    (void)state;
    float *x = change_all(&(dd__augment){.erase = 0.5f}, 1, grey);
    double area = 0;
    for (size_t i = 0; i < MANY; i++) {
        int first[2] = {SIDE, SIDE}, last[2] = {-1, -1}, black = 0;
        for (int p = 0; p < SIDE * SIDE; p++) {
            double v = (double)x[i * SIDE * SIDE + (size_t)p];
            assert_true(v == 0 || fabs(v - 200) < 1e-3);
            const int at[2] = {p / SIDE, p % SIDE};
            black += v == 0;
            for (int k = 0; k < 2 && v == 0; k++) {
                first[k] = at[k] < first[k] ? at[k] : first[k];
                last[k] = at[k] > last[k] ? at[k] : last[k];
            }
        }
        int rows = last[0] - first[0] + 1, columns = last[1] - first[1] + 1;
        bool cut = first[0] == 0 || first[1] == 0 || last[0] == SIDE - 1 || last[1] == SIDE - 1;
        assert_true(black == 0 || black == rows * columns);
        assert_true(black == 0 || (rows <= 16 && columns <= 16));
        assert_true(black == 0 || cut || abs(rows - columns) <= 1);
        area += black;
    }
    /* a side uniform in 0 .. 15.5, less what lies outside: measured on the reference 68 */
    assert_true(area / MANY > 55 && area / MANY < 80);
    dd__free(x);
}

/* Black becomes 0 .. 25 % of white, white 60 to 100 %. */
static void test_contrast_and_background_keep_their_ranges(void **state) {
    (void)state;
    float *x = change_all(&(dd__augment){.contrast = 0.4f, .background = 0.25f}, 1, ramps);
    double least[2] = {1e9, 1e9}, most[2] = {-1e9, -1e9};
    for (size_t i = 0; i < MANY; i++) {
        const float *image = x + i * SIDE * SIDE;
        double low = (double)image[0], high = low + ((double)image[30 * SIDE] - low) * 255 / 240;
        const double found[2] = {low / 255, high / 255};
        for (int k = 0; k < 2; k++) {
            least[k] = fmin(least[k], found[k]);
            most[k] = fmax(most[k], found[k]);
        }
    }
    assert_true(least[0] >= 0 && least[0] < 0.01 && most[0] <= 0.25 && most[0] > 0.24);
    assert_true(least[1] >= 0.6 - 1e-5 && least[1] < 0.61 && most[1] <= 1 + 1e-5 && most[1] > 0.99);
    dd__free(x);
}

static uint8_t stroke(int row, int column, uint32_t channel) {
    (void)row, (void)channel;
    return column >= 14 && column < 17 ? 240 : 0;
}

/* A stroke 3 pixels wide gets 1 to 5 pixels' worth of white; blurring leaves its sum alone. */
static void test_strokes_get_thicker_and_thinner(void **state) {
    (void)state;
    float *thick = change_all(&(dd__augment){.thickness = 1}, 1, stroke);
    float *blurred = change_all(&(dd__augment){.blur = 1}, 1, stroke);
    double least = 1e9, most = 0;
    for (size_t i = 0; i < MANY; i++) {
        double widths[2] = {0, 0}, steepest = 0;
        const size_t row = (i * SIDE + 15) * SIDE;
        for (size_t c = 0; c < SIDE; c++) {
            widths[0] += (double)thick[row + c] / 240;
            widths[1] += (double)blurred[row + c] / 240;
            if (c)
                steepest = fmax(steepest, fabs((double)(blurred[row + c] - blurred[row + c - 1])));
        }
        least = fmin(least, widths[0]);
        most = fmax(most, widths[0]);
        assert_true(fabs(widths[1] - 3) < 1e-4);
        assert_true(steepest >= 120 && steepest <= 240 + 1e-3);
    }
    assert_true(least >= 1 && least < 1.02 && most <= 5 && most > 4.98);
    dd__free(thick);
    dd__free(blurred);
}

/* ---- The layout of batches -------------------------------------------------------------- */

enum { IMAGES = 300, HEIGHT = 12, WIDTH = 11, SIZE = HEIGHT * WIDTH };

static const dd__augment all_ranges = {
    .rotation = 10, .shear = 0.2f, .width = 0.1f, .height = 0.1f, .zoom = 0.1f};
static const char all_ranges_text[] = "rotation=10,shear=0.2,width=0.1,height=0.1,zoom=0.1";

/* pixels (IMAGES, HEIGHT, WIDTH, 1) */
static void fill_noise(uint8_t *pixels) {
    dd__random random = dd__random_start(7, DD__STREAM_TEST);
    for (size_t i = 0; i < (size_t)IMAGES * SIZE; i++)
        pixels[i] = (uint8_t)(dd__random_word(&random) >> 24);
}

static void gather_noise(dd_device *device, int batch, bool shuffle, float *all) {
    static uint8_t pixels[IMAGES * SIZE];
    const dd__gather gather = {
        .batch = batch, .shuffle = shuffle, .scale = {1.0f / 255}, .augment = all_ranges};
    fill_noise(pixels);
    gathering g = open_gathering(device, &DD_DIMS(IMAGES, HEIGHT, WIDTH, 1), pixels, &gather, 42);
    run_epoch(&g, 3, all);
    dd__plan_free(g.plan);
}

static void check_layouts(const char *selector) {
    static float expected[IMAGES * SIZE], found[IMAGES * SIZE];
    static const int batches[] = {1, 7, 64, 512};
    dd_device *device = open_device(selector, NULL);
    gather_noise(device, 64, false, expected);
    for (size_t i = 0; i < 2 * DD_COUNT(batches); i++) {
        memset(found, 0, sizeof found);
        gather_noise(device, batches[i / 2], i % 2 != 0, found);
        assert_memory_equal(found, expected, sizeof found);
    }
    dd_device_close(device);
}

static void test_an_image_is_the_same_whatever_the_batches(void **state) {
    (void)state;
    check_layouts(NULL);
}

static void test_an_image_is_the_same_whatever_the_batches_on_the_reference(void **state) {
    (void)state;
    check_layouts("reference");
}

/* Training draws with the ranges asked for; what validation measures on stays as it is. */
static void test_only_training_augments(void **state) {
    (void)state;
    dd_model *model;
    dd__graph *training, *measuring;
    const dd__optimizer *optimizer;
    assert_fine(dd_model_load("models/small.json", &model));
    assert_fine(dd__optimizer_find(NULL, &optimizer));
    dd_device *device = open_device("reference", NULL);
    const dd__training settings = {
        .count = 100, .batch = 10, .optimizer = optimizer, .augment = all_ranges};
    assert_fine(dd__training_graph(model, &settings, device, &training));
    assert_fine(dd__measuring_graph(model, 100, 10, NULL, device, &measuring));
    const dd__node *in_training = training->nodes[0], *in_measuring = measuring->nodes[0];
    assert_ptr_equal(in_training->op, &dd__op_gather);
    assert_ptr_equal(in_measuring->op, &dd__op_gather);
    const dd__gather *one = in_training->attributes, *other = in_measuring->attributes;
    assert_memory_equal(&one->augment, &all_ranges, sizeof all_ranges);
    assert_memory_equal(&other->augment, &(dd__augment){0}, sizeof all_ranges);
    dd__graph_free(training);
    dd__graph_free(measuring);
    dd_device_close(device);
    dd_model_free(model);
}

/* ---- dd_dataset_augment ----------------------------------------------------------------- */

static dd_dataset *noise_dataset(void) {
    static uint8_t pixels[IMAGES * SIZE];
    static int32_t labels[IMAGES];
    dd_dataset *data;
    fill_noise(pixels);
    for (int i = 0; i < IMAGES; i++) labels[i] = i % 4;
    assert_fine(dd_dataset_create(pixels, labels, IMAGES, HEIGHT, WIDTH, 1, 4, &data));
    return data;
}

/* The number of pixels in which two datasets of one size differ. */
static size_t count_differences(const dd_dataset *a, const dd_dataset *b) {
    size_t count = 0;
    for (size_t i = 0; i < IMAGES; i++) {
        const uint8_t *x = dd_dataset_pixels(a, i), *y = dd_dataset_pixels(b, i);
        for (size_t j = 0; j < SIZE; j++) count += x[j] != y[j];
    }
    return count;
}

static void test_dataset_augmented_is_what_training_gathers(void **state) {
    (void)state;
    static float x[IMAGES * SIZE];
    dd_device *device = open_device(NULL, NULL);
    dd_dataset *data = noise_dataset(), *augmented;
    assert_fine(dd_dataset_augment(device, data, all_ranges_text, 42, 3, &augmented));
    gather_noise(device, 64, true, x);
    for (size_t i = 0; i < IMAGES; i++) {
        const uint8_t *pixels = dd_dataset_pixels(augmented, i);
        assert_int_equal(dd_dataset_label(augmented, i), i % 4);
        /* Rounded: at most a half off, but for the rounding of the scale. */
        for (size_t j = 0; j < SIZE; j++)
            assert_true(fabs((double)x[i * SIZE + j] * 255 - pixels[j]) <= 0.5001);
    }
    dd_dataset_info info;
    dd_dataset_describe(augmented, &info);
    assert_int_equal(info.classes, 4);
    assert_int_equal(info.count, IMAGES);
    dd_dataset_free(augmented);
    dd_dataset_free(data);
    dd_device_close(device);
}

static void test_dataset_augmented_follows_seed_and_epoch(void **state) {
    (void)state;
    dd_device *device = open_device(NULL, NULL);
    dd_dataset *data = noise_dataset(), *made[4];
    static const struct {
        uint64_t seed;
        unsigned epoch;
    } how[] = {{42, 1}, {42, 1}, {42, 2}, {43, 1}};
    for (size_t i = 0; i < DD_COUNT(how); i++)
        assert_fine(
            dd_dataset_augment(device, data, "digits", how[i].seed, how[i].epoch, &made[i]));
    assert_int_equal(count_differences(made[0], made[1]), 0);
    assert_true(count_differences(made[0], made[2]) > IMAGES * SIZE / 2);
    assert_true(count_differences(made[0], made[3]) > IMAGES * SIZE / 2);
    for (size_t i = 0; i < DD_COUNT(how); i++) dd_dataset_free(made[i]);
    dd_dataset_free(data);
    dd_device_close(device);
}

static void test_no_augmentation_changes_nothing(void **state) {
    (void)state;
    dd_device *device = open_device(NULL, NULL);
    static const char *const texts[] = {"none", NULL, "", "rotation=0,zoom=0"};
    dd_dataset *data = noise_dataset(), *augmented;
    for (size_t i = 0; i < DD_COUNT(texts); i++) {
        assert_fine(dd_dataset_augment(device, data, texts[i], 42, 3, &augmented));
        assert_int_equal(count_differences(data, augmented), 0);
        dd_dataset_free(augmented);
    }
    assert_fine(dd_dataset_augment(device, data, "rotation=10", 42, 3, &augmented));
    assert_true(count_differences(data, augmented) > 0);
    dd_dataset_free(augmented);
    dd_dataset_free(data);
    dd_device_close(device);
}

static void test_digits_are_the_seeds_ranges(void **state) {
    (void)state;
    dd__augment found;
    assert_fine(dd__augment_parse("digits", &found));
    assert_memory_equal(&found, &all_ranges, sizeof found);
    assert_fine(dd__augment_parse(all_ranges_text, &found));
    assert_memory_equal(&found, &all_ranges, sizeof found);
    assert_fine(dd__augment_parse("elastic=1.5,erase=0.25", &found));
    assert_memory_equal(&found, &((dd__augment){.elastic = 1.5f, .erase = 0.25f}), sizeof found);
}

static void test_wrong_texts_are_refused_with_what_there_is(void **state) {
    (void)state;
    static const char there_are[] =
        "; there are rotation, width, height, shear, zoom, elastic, thickness, "
        "blur, contrast, background, erase";
    static const char *const wrong[][3] = {
        {"rotation=200",
         "augmentation (none, digits, or settings): rotation: expected a number from 0 to 180",
         "\"200\""},
        {"rotation=-1",
         "augmentation (none, digits, or settings): rotation: expected a number from 0 to 180",
         "\"-1\""},
        {"zoom=1",
         "augmentation (none, digits, or settings): zoom: expected a number from 0 to 0.99",
         "\"1\""},
        {"zoom=nan",
         "augmentation (none, digits, or settings): zoom: expected a number from 0 to 0.99",
         "\"nan\""},
        {"width=0.1x",
         "augmentation (none, digits, or settings): width: expected a number from 0 to 1",
         "\"0.1x\""},
        {"turn=3", "augmentation (none, digits, or settings): there is no setting \"turn\"",
         there_are},
        {"Digits", "augmentation (none, digits, or settings): there is no setting \"Digits\"",
         there_are},
        {"digits,zoom=1",
         "augmentation (none, digits, or settings): there is no setting \"digits\"", there_are},
        {"rotation", "augmentation (none, digits, or settings): rotation: expected a number",
         "found \"\""},
        {"rotation=", "augmentation (none, digits, or settings): rotation: expected a number",
         "found \"\""},
        {"rotation=1,",
         "augmentation (none, digits, or settings): expected a setting behind the last comma", ""},
        {",rotation=1", "augmentation (none, digits, or settings): there is no setting \"\"",
         there_are},
    };
    dd_device *device = open_device("reference", NULL);
    dd_dataset *data = noise_dataset(), *augmented;
    for (size_t i = 0; i < DD_COUNT(wrong); i++) {
        dd_status status = dd_dataset_augment(device, data, wrong[i][0], 1, 1, &augmented);
        if (status != DD_USAGE || !strstr(dd_message(), wrong[i][1]) ||
            !strstr(dd_message(), wrong[i][2]))
            fail_msg("\"%s\": %s: %s", wrong[i][0], dd_status_name(status), dd_message());
    }
    dd_dataset_free(data);
    dd_device_close(device);
}

static int load_vectors(void **state) {
    (void)state;
    return load_vectors_from("tests/vectors/augment.safetensors");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_images_on_the_device_are_keras),
        cmocka_unit_test(test_images_on_the_reference_are_keras),
        cmocka_unit_test(test_parameters_are_uniform_and_independent),
        cmocka_unit_test(test_another_seed_draws_other_parameters),
        cmocka_unit_test(test_elastic_moves_the_points_of_a_grid),
        cmocka_unit_test(test_a_square_is_erased),
        cmocka_unit_test(test_contrast_and_background_keep_their_ranges),
        cmocka_unit_test(test_strokes_get_thicker_and_thinner),
        cmocka_unit_test(test_an_image_is_the_same_whatever_the_batches),
        cmocka_unit_test(test_an_image_is_the_same_whatever_the_batches_on_the_reference),
        cmocka_unit_test(test_only_training_augments),
        cmocka_unit_test(test_dataset_augmented_is_what_training_gathers),
        cmocka_unit_test(test_dataset_augmented_follows_seed_and_epoch),
        cmocka_unit_test(test_no_augmentation_changes_nothing),
        cmocka_unit_test(test_digits_are_the_seeds_ranges),
        cmocka_unit_test(test_wrong_texts_are_refused_with_what_there_is),
    };
    return cmocka_run_group_tests(tests, load_vectors, free_vectors);
}
