/* Views: what each of them shows, by maps that are whole pixels and so written down by hand; on the
 * reference, which the self-test compares every device with. */
#include "ops/host.h"

#include "graph/views.h"

enum { SIDE = 3 };
/* 1 2 3
 * 4 5 6
 * 7 8 9, and ten times that in the second image */
static const float images[2][9] = {{1, 2, 3, 4, 5, 6, 7, 8, 9},
                                   {10, 20, 30, 40, 50, 60, 70, 80, 90}};

static dd_status add_views(host *h, dd__dims dims, const void *numbers, dd__views views,
                           dd__value **y) {
    dd__value *x = host_input(h, "x", DD__F32, dims, numbers);
    return dd__graph_add1(h->graph, &dd__op_views, "views", &views, &x, 1, y);
}

/* Views of both images; `expected` are those of the first. */
static void assert_views(dd__views views, size_t count, const float expected[][9]) {
    host h;
    dd__value *y;
    host_open(&h);
    assert_int_equal(add_views(&h, DD_DIMS(2, SIDE, SIDE, 1), images, views, &y), DD_OK);
    assert_true(dd__dims_equal(&y->dims, &DD_DIMS((uint32_t)(2 * count), SIDE, SIDE, 1)));
    host_run(&h, 0);
    const float *found = host_data(y);
    for (size_t n = 0; n < 2; n++)
        for (size_t i = 0; i < count * 9; i++) {
            float wanted = expected[i / 9][i % 9] * (n ? 10.0f : 1.0f);
            float tolerance = 1e-5f * wanted; /* of sines and quotients */
            if (!(fabsf(found[n * count * 9 + i] - wanted) <= tolerance))
                fail_msg("image %zu, view %zu, pixel %zu: expected %g, found %g", n, i / 9, i % 9,
                         (double)wanted, (double)found[n * count * 9 + i]);
        }
    host_close(&h);
}

static void test_moved_views_repeat_the_edge(void **state) {
    (void)state;
    static const float moved[][9] = {
        {1, 2, 3, 4, 5, 6, 7, 8, 9}, {1, 2, 3, 1, 2, 3, 4, 5, 6}, /* down */
        {4, 5, 6, 7, 8, 9, 7, 8, 9},                              /* up */
        {1, 1, 2, 4, 4, 5, 7, 7, 8},                              /* right */
        {2, 3, 3, 5, 6, 6, 8, 9, 9},                              /* left */
    };
    assert_views((dd__views){.shift = 1}, 5, moved);
}

static void test_half_a_pixel_is_between_two(void **state) {
    (void)state;
    static const float moved[][9] = {
        {1, 2, 3, 4, 5, 6, 7, 8, 9},
        {1, 2, 3, 2.5, 3.5, 4.5, 5.5, 6.5, 7.5},
        {2.5, 3.5, 4.5, 5.5, 6.5, 7.5, 7, 8, 9},
        {1, 1.5, 2.5, 4, 4.5, 5.5, 7, 7.5, 8.5},
        {1.5, 2.5, 3, 4.5, 5.5, 6, 7.5, 8.5, 9},
    };
    assert_views((dd__views){.shift = 0.5f}, 5, moved);
}

static void test_turned_views_turn_both_ways(void **state) {
    (void)state;
    static const float turned[][9] = {
        {1, 2, 3, 4, 5, 6, 7, 8, 9},
        {3, 6, 9, 2, 5, 8, 1, 4, 7}, /* counter-clockwise */
        {7, 4, 1, 8, 5, 2, 9, 6, 3},
    };
    assert_views((dd__views){.rotation = 90}, 3, turned);
}

/* 1.5 times: 2/3 of a pixel from the middle. Half: two pixels from it, which is beyond the edge. */
static void test_zoomed_views_are_larger_and_smaller(void **state) {
    (void)state;
    const float a = 5 - 8 / 3.0f, b = 5 - 2, c = 5 - 4 / 3.0f, d = 5 - 2 / 3.0f;
    const float zoomed[][9] = {
        {1, 2, 3, 4, 5, 6, 7, 8, 9},
        {a, b, c, d, 5, 10 - d, 10 - c, 10 - b, 10 - a},
        {1, 2, 3, 4, 5, 6, 7, 8, 9},
    };
    assert_views((dd__views){.zoom = 0.5f}, 3, zoomed);
}

static void test_views_come_in_a_fixed_order(void **state) {
    (void)state;
    const dd__views all = {.shift = 1, .rotation = 6, .zoom = 0.06f}, some = {.zoom = 0.06f};
    dd__view_order order = dd__views_order(&all);
    assert_int_equal(order.turned, 5);
    assert_int_equal(order.zoomed, 7);
    assert_int_equal(order.count, 9);
    assert_true(dd__views_at(&all, 3).right == -1);
    assert_true(dd__views_at(&all, 6).turn < 0);
    assert_true(dd__views_at(&all, 7).keep < 1);
    assert_true(dd__views_at(&all, 8).keep == dd__views_at(&some, 2).keep);
    assert_int_equal(dd__views_order(&some).count, 3);
    assert_int_equal(dd__views_order(&(dd__views){0}).count, 1);
}

static void assert_refused(dd__dims dims, dd__views views, const char *message) {
    host h;
    dd__value *y;
    host_open(&h);
    assert_int_equal(add_views(&h, dims, NULL, views, &y), DD_SHAPE);
    assert_string_equal(dd_message(), message);
    host_close(&h);
}

static void test_what_has_no_views_is_refused(void **state) {
    (void)state;
    assert_refused(DD_DIMS(2, 9), (dd__views){.shift = 1},
                   "layer \"views\": expected images (N, H, W, C) of type f32, found 2x9");
    assert_refused(DD_DIMS(2, 3, 3, 1), (dd__views){0},
                   "layer \"views\": expected a shift, a rotation or a zoom above 0");
}

static void test_views_are_stacked_behind_the_batch(void **state) {
    host h;
    dd__value *y, *dx = NULL;
    const dd__op *op = &dd__op_stack_views;
    const int32_t three = 3, four = 4;
    (void)state;
    host_open(&h);
    dd__value *x = host_input(&h, "x", DD__F32, DD_DIMS(6, 5, 2), NULL);
    assert_int_equal(dd__graph_add1(h.graph, op, "stack", &three, &x, 1, &y), DD_OK);
    assert_ptr_equal(y->base, x);
    assert_true(dd__dims_equal(&y->dims, &DD_DIMS(2, 3, 5, 2)));
    dd__value *dy = host_input(&h, "dy", DD__F32, y->dims, NULL);
    assert_int_equal(op->gradient(h.graph, h.graph->nodes[0], &dy, &dx), DD_OK);
    assert_true(dd__dims_equal(&dx->dims, &x->dims));
    assert_int_equal(dd__graph_add1(h.graph, op, "stack", &four, &x, 1, &y), DD_SHAPE);
    assert_string_equal(dd_message(),
                        "layer \"stack\": expected 4 views of each image, found 6x5x2");
    host_close(&h);
}

static void test_unstacked_views_are_rows_of_the_batch(void **state) {
    host h;
    dd__value *y, *dx = NULL;
    const dd__op *op = &dd__op_unstack_views;
    (void)state;
    host_open(&h);
    dd__value *x = host_input(&h, "x", DD__F32, DD_DIMS(2, 3, 5, 2), NULL);
    assert_int_equal(dd__graph_add1(h.graph, op, "unstack", NULL, &x, 1, &y), DD_OK);
    assert_ptr_equal(y->base, x);
    assert_true(dd__dims_equal(&y->dims, &DD_DIMS(6, 5, 2)));
    dd__value *dy = host_input(&h, "dy", DD__F32, y->dims, NULL);
    assert_int_equal(op->gradient(h.graph, h.graph->nodes[0], &dy, &dx), DD_OK);
    assert_true(dd__dims_equal(&dx->dims, &x->dims));
    dd__value *flat = host_input(&h, "flat", DD__F32, DD_DIMS(6, 5), NULL);
    assert_int_equal(dd__graph_add1(h.graph, op, "unstack", NULL, &flat, 1, &y), DD_SHAPE);
    assert_string_equal(
        dd_message(), "layer \"unstack\": expected views of images, three axes or more, found 6x5");
    host_close(&h);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_moved_views_repeat_the_edge),
        cmocka_unit_test(test_half_a_pixel_is_between_two),
        cmocka_unit_test(test_turned_views_turn_both_ways),
        cmocka_unit_test(test_zoomed_views_are_larger_and_smaller),
        cmocka_unit_test(test_views_come_in_a_fixed_order),
        cmocka_unit_test(test_what_has_no_views_is_refused),
        cmocka_unit_test(test_views_are_stacked_behind_the_batch),
        cmocka_unit_test(test_unstacked_views_are_rows_of_the_batch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
