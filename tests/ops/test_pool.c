#include <math.h>

#include "graph/window.h"
#include "ops/device_run.h"

static void test_same_padding_puts_the_odd_row_at_the_end(void **state) {
    (void)state;
    dd__padding same = {.same = 1};
    uint32_t out;
    int32_t before;
    assert_int_equal(dd__window(7, 4, 2, 1, &same, 0, &out, &before), DD_OK);
    assert_int_equal(out, 4);
    assert_int_equal(before, 1); /* 3 rows are missing: 1 before, 2 behind */
}

static void test_dilated_kernel_needs_its_whole_extent(void **state) {
    (void)state;
    dd__padding none = {0};
    uint32_t out;
    int32_t before;
    assert_int_equal(dd__window(5, 3, 1, 2, &none, 1, &out, &before), DD_OK);
    assert_int_equal(out, 1);
    assert_int_equal(dd__window(4, 3, 1, 2, &none, 1, &out, &before), DD_SHAPE);
    assert_non_null(strstr(dd_message(), "kernel 3 does not fit 4 columns"));
}

static dd_status add_pool(host *h, const char *op, const dd__pool *a, dd__value *x, dd__value **y) {
    return dd__op_find(op)->layer(h->graph, dd__op_find(op), "pool", a, &x, 1, y);
}

static void test_kernel_larger_than_the_image_is_refused(void **state) {
    (void)state;
    host h;
    host_open(&h);
    dd__value *x = host_input(&h, "x", DD__F32, DD_DIMS(1, 4, 4, 1), NULL), *y;
    assert_int_equal(add_pool(&h, "max_pool", &(dd__pool){.kernel = {5, 5}}, x, &y), DD_SHAPE);
    assert_non_null(strstr(dd_message(), "kernel 5x5 does not fit input 4x4"));
    host_close(&h);
}

static void test_padding_as_wide_as_the_kernel_is_refused(void **state) {
    (void)state;
    host h;
    host_open(&h);
    dd__value *x = host_input(&h, "x", DD__F32, DD_DIMS(1, 4, 4, 1), NULL), *y;
    dd__pool a = {.kernel = {2, 2}, .padding = {.edges = {0, 2, 0, 0}}};
    assert_int_equal(add_pool(&h, "average_pool", &a, x, &y), DD_SHAPE);
    assert_non_null(strstr(dd_message(), "padding 2 is not smaller than kernel 2x2"));
    host_close(&h);
}

static void test_place_of_the_winner_is_a_byte_up_to_256_places(void **state) {
    (void)state;
    host h;
    host_open(&h);
    dd__value *x = host_input(&h, "x", DD__F32, DD_DIMS(1, 17, 17, 1), NULL), *y;
    assert_int_equal(add_pool(&h, "max_pool", &(dd__pool){.kernel = {16, 16}}, x, &y), DD_OK);
    assert_int_equal(h.graph->nodes[0]->out[1]->type, DD__U8);
    assert_int_equal(add_pool(&h, "max_pool", &(dd__pool){.kernel = {17, 16}}, x, &y), DD_OK);
    assert_int_equal(h.graph->nodes[1]->out[1]->type, DD__I32);
    host_close(&h);
}

static void test_global_pool_is_the_mean_of_the_image(void **state) {
    (void)state;
    host h;
    host_open(&h);
    const float pixels[] = {1, 10, 2, 20, 3, 30, 6, 60}; /* (1, 2, 2, 2) */
    dd__value *x = host_input(&h, "x", DD__F32, DD_DIMS(1, 2, 2, 2), pixels), *y;
    assert_int_equal(add_pool(&h, "global_average_pool", NULL, x, &y), DD_OK);
    assert_true(dd__dims_equal(&y->dims, &DD_DIMS(1, 2)));
    host_run(&h, 0);
    const float *mean = host_data(h.graph->nodes[0]->out[0]);
    assert_true(fabsf(mean[0] - 3) <= 1e-6f && fabsf(mean[1] - 30) <= 1e-5f);
    host_close(&h);
}

enum { SIDE = 4, CHANNELS = 8 };

/* One window with a NaN first, in the middle or last; another without. */
static void expect_nan(host *h, const dd__implementation *implementation, size_t place) {
    float x[2 * SIDE * CHANNELS], y[2 * CHANNELS];
    for (size_t i = 0; i < DD_COUNT(x); i++) x[i] = (float)i;
    x[(place / 2 * SIDE + place % 2) * CHANNELS] = NAN;
    assert_int_equal(dd__buffer_write(h->graph->nodes[0]->in[0]->buffer, 0, x, sizeof x), DD_OK);
    if (!device_run(h, 0, implementation)) return;
    device_read(h->graph->nodes[0]->out[0], y);
    uint8_t index[2 * CHANNELS];
    device_read(h->graph->nodes[0]->out[1], index);
    assert_true(isnan(y[0]));
    assert_int_equal(index[0], place);
    for (size_t i = 1; i < DD_COUNT(y); i++) {
        assert_true(!isnan(y[i]));
        assert_int_equal(index[i], 3);
    }
}

static void test_nan_wins_wherever_it_stands(void **state) {
    (void)state;
    host h;
    device_open(&h);
    dd__value *x = host_input(&h, "x", DD__F32, DD_DIMS(1, 2, SIDE, CHANNELS), NULL), *y;
    assert_int_equal(add_pool(&h, "max_pool", &(dd__pool){.kernel = {2, 2}}, x, &y), DD_OK);
    const dd__implementation *const *implementation = dd__op_max_pool.implementations;
    for (; *implementation; implementation++)
        for (size_t place = 0; place < 4; place++) expect_nan(&h, *implementation, place);
    host_close(&h);
}

/* Rows -1 and 1 of an image of one row. */
static void test_maximum_of_nothing_is_minus_infinity(void **state) {
    (void)state;
    host h;
    device_open(&h);
    float x[4] = {1, 2, 3, 4}, found[4];
    dd__value *input = host_input(&h, "x", DD__F32, DD_DIMS(1, 1, 1, 4), x), *y;
    dd__pool a = {.kernel = {2, 1}, .dilation = {2, 1}, .padding = {.edges = {1, 0, 1, 0}}};
    assert_int_equal(add_pool(&h, "max_pool", &a, input, &y), DD_OK);
    const dd__implementation *const *implementation = dd__op_max_pool.implementations;
    for (; *implementation; implementation++) {
        if (!device_run(&h, 0, *implementation)) continue;
        device_read(y, found);
        for (size_t i = 0; i < DD_COUNT(found); i++) assert_true(found[i] == -INFINITY);
    }
    host_close(&h);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_padding_puts_the_odd_row_at_the_end),
        cmocka_unit_test(test_dilated_kernel_needs_its_whole_extent),
        cmocka_unit_test(test_kernel_larger_than_the_image_is_refused),
        cmocka_unit_test(test_padding_as_wide_as_the_kernel_is_refused),
        cmocka_unit_test(test_place_of_the_winner_is_a_byte_up_to_256_places),
        cmocka_unit_test(test_global_pool_is_the_mean_of_the_image),
        cmocka_unit_test(test_maximum_of_nothing_is_minus_infinity),
        cmocka_unit_test(test_nan_wins_wherever_it_stands),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
