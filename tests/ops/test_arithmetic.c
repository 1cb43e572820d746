/* What arithmetic means where its cases do not tell: shapes, ties, NaN, which nodes a gradient has. */
#include <math.h>

#include "ops/device_run.h"

static dd_status add(host *h, dd__arithmetic_kind kind, dd__value *a, dd__value *b, dd__value **y) {
    dd__value *in[] = {a, b};
    return dd__graph_add1(h->graph, &dd__op_arithmetic, "layer",
                          &(dd__arithmetic){.kind = (int32_t)kind}, in, 2, y);
}

static void test_shapes_are_aligned_at_the_end(void **state) {
    (void)state;
    host h;
    host_open(&h);
    dd__value *a = host_input(&h, "a", DD__F32, DD_DIMS(4, 1, 5), NULL), *y;
    dd__value *b = host_input(&h, "b", DD__F32, DD_DIMS(7, 1, 3, 1), NULL);
    assert_int_equal(add(&h, DD__ADD, a, b, &y), DD_OK);
    assert_true(dd__dims_equal(&y->dims, &DD_DIMS(7, 4, 3, 5)));
    dd__value *c = host_input(&h, "c", DD__F32, DD_DIMS(3, 5), NULL);
    dd__value *d = host_input(&h, "d", DD__F32, DD_DIMS(3), NULL);
    assert_int_equal(add(&h, DD__ADD, c, d, &y), DD_SHAPE);
    assert_string_equal(dd_message(), "layer \"layer\": 3x5 and 3 do not fit each other");
    dd__value *bytes = host_input(&h, "bytes", DD__U8, DD_DIMS(3, 5), NULL);
    assert_int_equal(add(&h, DD__ADD, c, bytes, &y), DD_SHAPE);
    assert_string_equal(dd_message(), "layer \"layer\": input 1 is not of type f32");
    host_close(&h);
}

static float at(const dd__value *value, size_t i) { return ((const float *)host_data(value))[i]; }

static void test_kinds_are_what_their_names_say(void **state) {
    (void)state;
    host h;
    host_open(&h);
    const float first[] = {-3, 2}, second[] = {2, 4};
    const float expected[][2] = {
        [DD__ADD] = {-1, 6},       [DD__SUBTRACT] = {-5, -2}, [DD__MULTIPLY] = {-6, 8},
        [DD__DIVIDE] = {-1.5, .5}, [DD__POWER] = {9, 16},     [DD__MINIMUM] = {-3, 2},
        [DD__MAXIMUM] = {2, 4},    [DD__PRELU] = {-6, 2}};
    dd__value *a = host_input(&h, "a", DD__F32, DD_DIMS(2), first), *y;
    dd__value *b = host_input(&h, "b", DD__F32, DD_DIMS(2), second);
    for (dd__arithmetic_kind kind = DD__ADD; kind <= DD__PRELU; kind++) {
        assert_int_equal(add(&h, kind, a, b, &y), DD_OK);
        host_run(&h, kind);
        for (size_t i = 0; i < 2; i++) assert_true(at(y, i) == expected[kind][i]);
    }
    host_close(&h);
}

/* An extreme with a NaN on either side, by every implementation. */
static void test_extremes_keep_nan(void **state) {
    (void)state;
    enum { COUNT = 21 };
    const dd__arithmetic_kind kinds[] = {DD__MINIMUM, DD__MAXIMUM};
    float numbers[2][COUNT], y[COUNT];
    for (int kind = 0; kind < 2; kind++)
        for (int side = 0; side < 2; side++) {
            host h;
            device_open(&h);
            for (int i = 0; i < COUNT; i++) {
                numbers[side][i] = NAN;
                numbers[1 - side][i] = 1;
            }
            dd__value *a = host_input(&h, "a", DD__F32, DD_DIMS(COUNT), numbers[0]), *out;
            dd__value *b = host_input(&h, "b", DD__F32, DD_DIMS(COUNT), numbers[1]);
            assert_int_equal(add(&h, kinds[kind], a, b, &out), DD_OK);
            for (size_t k = 0; dd__op_arithmetic.implementations[k]; k++) {
                memset(y, 0, sizeof y);
                if (!device_run(&h, 0, dd__op_arithmetic.implementations[k])) continue;
                device_read(out, y);
                for (int i = 0; i < COUNT; i++) assert_true(isnan(y[i]));
            }
            host_close(&h);
        }
}

/* Of two equal numbers it is the first whose gradient flows, and all of it. */
static void test_gradient_of_a_tie_goes_to_the_first(void **state) {
    (void)state;
    host h;
    host_open(&h);
    const float two[] = {2}, seed[] = {5};
    dd__value *a = host_input(&h, "a", DD__F32, DD_DIMS(1), two), *y, *dx[2] = {NULL, NULL};
    dd__value *b = host_input(&h, "b", DD__F32, DD_DIMS(1), two);
    dd__value *dy = host_input(&h, "dy", DD__F32, DD_DIMS(1), seed);
    a->wants_gradient = b->wants_gradient = true;
    assert_int_equal(add(&h, DD__MAXIMUM, a, b, &y), DD_OK);
    assert_int_equal(dd__op_arithmetic.gradient(h.graph, h.graph->nodes[0], &dy, dx), DD_OK);
    for (size_t i = 0; i < h.graph->node_count; i++) host_run(&h, i);
    assert_true(at(dx[0], 0) == 5);
    assert_true(at(dx[1], 0) == 0);
    host_close(&h);
}

static void test_gradient_of_channels_is_summed_where_it_lies(void **state) {
    (void)state;
    host h;
    host_open(&h);
    dd__value *x = host_input(&h, "x", DD__F32, DD_DIMS(2, 3, 4, 5), NULL), *y;
    dd__value *channels = host_input(&h, "channels", DD__F32, DD_DIMS(5), NULL);
    dd__value *dy = host_input(&h, "dy", DD__F32, DD_DIMS(2, 3, 4, 5), NULL);
    dd__value *dx[2] = {NULL, NULL};
    x->wants_gradient = channels->wants_gradient = true;
    assert_int_equal(add(&h, DD__ADD, x, channels, &y), DD_OK);
    assert_int_equal(dd__op_arithmetic.gradient(h.graph, h.graph->nodes[0], &dy, dx), DD_OK);
    assert_ptr_equal(dx[0], dy);
    for (size_t i = 0; i < h.graph->node_count; i++)
        assert_string_not_equal(h.graph->nodes[i]->op->name, "transpose");
    assert_true(dd__dims_equal(&dx[1]->dims, &DD_DIMS(5)));
    host_close(&h);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shapes_are_aligned_at_the_end),
        cmocka_unit_test(test_kinds_are_what_their_names_say),
        cmocka_unit_test(test_extremes_keep_nan),
        cmocka_unit_test(test_gradient_of_a_tie_goes_to_the_first),
        cmocka_unit_test(test_gradient_of_channels_is_summed_where_it_lies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
