/* transpose, slice, pad and take: what they refuse, and results that NumPy gives. */
#include "ops/host.h"

static dd__value *ramp(host *h, const char *name, dd__dims dims) {
    float numbers[64];
    for (int i = 0; i < 64; i++) numbers[i] = (float)i;
    return host_input(h, name, DD__F32, dims, numbers);
}

static void assert_refused(dd_status status, const char *message) {
    assert_int_equal(status, DD_SHAPE);
    assert_string_equal(dd_message(), message);
}

/* y, the output of the node that was added last, has these dims and elements. */
static void assert_gives(host *h, const dd__value *y, dd__dims dims, const float *elements) {
    assert_true(dd__dims_equal(&y->dims, &dims));
    host_run(h, h->graph->node_count - 1);
    for (size_t i = 0; i < dd__dims_count(&dims); i++)
        assert_true(((const float *)host_data(y))[i] == elements[i]);
}

static void test_transpose_takes_any_order_and_nothing_else(void **state) {
    (void)state;
    host h;
    host_open(&h);
    dd__value *x = ramp(&h, "x", DD_DIMS(1, 2, 3)), *y;
    const dd__op *op = &dd__op_transpose;
    dd__transpose order = {DD_DIMS(2, 0, 1)};
    assert_int_equal(dd__graph_add1(h.graph, op, "t", &order, &x, 1, &y), DD_OK);
    assert_gives(&h, y, DD_DIMS(3, 1, 2), (float[]){0, 3, 1, 4, 2, 5});
    const dd__dims wrong[] = {DD_DIMS(0, 1), DD_DIMS(0, 1, 1), DD_DIMS(0, 1, 3),
                              DD_DIMS(0, 1, 2, 3), DD_DIMS(0, 1, UINT32_MAX)};
    for (size_t i = 0; i < DD_COUNT(wrong); i++) {
        order.order = wrong[i];
        assert_int_equal(dd__graph_add1(h.graph, op, "t", &order, &x, 1, &y), DD_SHAPE);
    }
    order.order = DD_DIMS(0, 1, 1);
    assert_refused(dd__graph_add1(h.graph, op, "t", &order, &x, 1, &y),
                   "layer \"t\": 0x1x1 is no order of the axes of 1x2x3");
    host_close(&h);
}

static void test_slice_goes_backwards_and_stays_inside(void **state) {
    (void)state;
    host h;
    host_open(&h);
    dd__value *x = ramp(&h, "x", DD_DIMS(2, 5)), *y;
    const dd__op *op = &dd__op_slice;
    dd__slice slice = {.axis = -1, .begin = 4, .size = 3, .step = -2};
    assert_int_equal(dd__graph_add1(h.graph, op, "s", &slice, &x, 1, &y), DD_OK);
    assert_gives(&h, y, DD_DIMS(2, 3), (float[]){4, 2, 0, 9, 7, 5});
    const dd__slice wrong[] = {{.axis = 1, .begin = 4, .size = 4, .step = -2},
                               {.axis = 1, .begin = 5, .size = 1, .step = 1},
                               {.axis = 1, .begin = 0, .size = 2, .step = INT32_MAX},
                               {.axis = 1, .begin = 0, .size = INT32_MAX, .step = INT32_MAX},
                               {.axis = 1, .begin = 0, .size = 2, .step = -INT32_MAX},
                               {.axis = 1, .begin = 0, .size = 2, .step = 0}};
    for (size_t i = 0; i < DD_COUNT(wrong); i++)
        assert_int_equal(dd__graph_add1(h.graph, op, "s", &wrong[i], &x, 1, &y), DD_SHAPE);
    assert_refused(dd__graph_add1(h.graph, op, "s", &wrong[0], &x, 1, &y),
                   "layer \"s\": 4 elements from 4 on in steps of -2 are not inside an axis of 5");
    host_close(&h);
}

static void test_slice_in_steps_says_that_it_has_no_gradient(void **state) {
    (void)state;
    host h;
    host_open(&h);
    dd__value *x = ramp(&h, "x", DD_DIMS(2, 5)), *y;
    dd__slice slice = {.axis = 1, .size = 3, .step = 2};
    assert_int_equal(dd__graph_add1(h.graph, &dd__op_slice, "s", &slice, &x, 1, &y), DD_OK);
    assert_string_equal(dd__op_slice.refuse_gradient(h.graph->nodes[0]),
                        "only in steps of 1 it has one");
    host_close(&h);
}

static void test_pad_has_four_modes(void **state) {
    (void)state;
    host h;
    host_open(&h);
    dd__value *x = ramp(&h, "x", DD_DIMS(1, 3)), *y;
    const float expected[][7] = {[DD__PAD_CONSTANT] = {9, 9, 0, 1, 2, 9, 9},
                                 [DD__PAD_EDGE] = {0, 0, 0, 1, 2, 2, 2},
                                 [DD__PAD_REFLECT] = {2, 1, 0, 1, 2, 1, 0},
                                 [DD__PAD_WRAP] = {1, 2, 0, 1, 2, 0, 1}};
    for (int32_t mode = DD__PAD_CONSTANT; mode <= DD__PAD_WRAP; mode++) {
        dd__pad pad = {DD_DIMS(0, 2), DD_DIMS(0, 2), mode, 9};
        assert_int_equal(dd__graph_add1(h.graph, &dd__op_pad, "p", &pad, &x, 1, &y), DD_OK);
        assert_gives(&h, y, DD_DIMS(1, 7), expected[mode]);
    }
    dd__pad pad = {.before = DD_DIMS(1)};
    assert_refused(dd__graph_add1(h.graph, &dd__op_pad, "p", &pad, &x, 1, &y),
                   "layer \"p\": \"before\" has 1 numbers: expected one for each axis of 1x3");
    pad = (dd__pad){.after = DD_DIMS(0, INT32_MAX)};
    assert_refused(dd__graph_add1(h.graph, &dd__op_pad, "p", &pad, &x, 1, &y),
                   "layer \"p\": an axis of 2147483650 elements is too long");
    host_close(&h);
}

static void test_take_puts_the_numbers_axes_in_the_place_of_its_own(void **state) {
    (void)state;
    host h;
    host_open(&h);
    const float numbers[] = {1, -1, 9, -9};
    dd__value *in[] = {ramp(&h, "x", DD_DIMS(2, 3, 2)),
                       host_input(&h, "numbers", DD__F32, DD_DIMS(2, 2), numbers)};
    dd__value *y;
    dd__take take = {.axis = 1};
    assert_int_equal(dd__graph_add1(h.graph, &dd__op_take, "t", &take, in, 2, &y), DD_OK);
    assert_gives(&h, y, DD_DIMS(2, 2, 2, 2),
                 (float[]){2, 3, 4, 5, 4, 5, 0, 1, 8, 9, 10, 11, 10, 11, 6, 7});
    dd__value *many[] = {in[0], ramp(&h, "many", DD_DIMS(1, 1, 1, 1, 1))};
    assert_refused(dd__graph_add1(h.graph, &dd__op_take, "t", &take, many, 2, &y),
                   "layer \"t\": 7 dimensions are more than 6");
    host_close(&h);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_transpose_takes_any_order_and_nothing_else),
        cmocka_unit_test(test_slice_goes_backwards_and_stays_inside),
        cmocka_unit_test(test_slice_in_steps_says_that_it_has_no_gradient),
        cmocka_unit_test(test_pad_has_four_modes),
        cmocka_unit_test(test_take_puts_the_numbers_axes_in_the_place_of_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
