#include <math.h>

#include "ops/device_run.h"

enum { COUNT = 21 }; /* vectors and a rest */

static dd__node *add_activation(host *h, dd__activation kind) {
    dd__value *x = host_input(h, dd__activation_names[kind], DD__F32, DD_DIMS(COUNT), NULL), *y;
    dd__activate a = dd__activation_of((int32_t)kind);
    assert_int_equal(dd__graph_add1(h->graph, &dd__op_activation, "a", &a, &x, 1, &y), DD_OK);
    return h->graph->nodes[h->graph->node_count - 1];
}

/* A diverged network must show: no activation may turn a NaN into a number. */
static void test_nan_stays_nan(void **state) {
    (void)state;
    float x[COUNT], y[COUNT];
    for (size_t i = 0; i < COUNT; i++) x[i] = NAN;
    for (int32_t kind = DD__LINEAR; dd__activation_names[kind]; kind++) {
        host h;
        device_open(&h);
        dd__node *node = add_activation(&h, (dd__activation)kind);
        assert_int_equal(dd__buffer_write(node->in[0]->buffer, 0, x, sizeof x), DD_OK);
        for (size_t k = 0; node->op->implementations[k]; k++) {
            memset(y, 0, sizeof y);
            if (!device_run(&h, 0, node->op->implementations[k])) continue;
            device_read(node->out[0], y);
            for (size_t i = 0; i < COUNT; i++) assert_true(isnan(y[i]));
        }
        host_close(&h);
    }
}

static void assert_usual(host *h, dd__activation kind, double alpha, double beta) {
    const dd__activate *a = add_activation(h, kind)->attributes;
    assert_true(a->alpha == (float)alpha);
    assert_true(a->beta == (float)beta);
}

static void test_numbers_are_the_kinds_own_unless_given(void **state) {
    (void)state;
    host h;
    host_open(&h);
    assert_usual(&h, DD__LEAKY_RELU, 0.01, 0);
    assert_usual(&h, DD__ELU, 1, 0);
    assert_usual(&h, DD__SELU, 1.67326319217681884765625, 1.05070102214813232421875);
    assert_usual(&h, DD__HARD_SIGMOID, 0.2, 0.5);
    assert_usual(&h, DD__CLIP, -3.4028235e38, 3.4028235e38);
    host_close(&h);
}

/* relu6 of x, and a leaky_relu whose slope was given as 0: a given 0 is not "not given". */
static void test_zero_can_be_given(void **state) {
    (void)state;
    host h;
    host_open(&h);
    const float x[] = {-2, 0.5f, 7}, clipped[] = {0, 0.5f, 6}, flat[] = {0, 0.5f, 7};
    dd__value *in = host_input(&h, "x", DD__F32, DD_DIMS(3), x), *y[2];
    const dd__activate given[] = {{.kind = DD__CLIP, .alpha = 0, .beta = 6},
                                  {.kind = DD__LEAKY_RELU, .alpha = 0, .beta = NAN}};
    for (int i = 0; i < 2; i++)
        assert_int_equal(dd__graph_add1(h.graph, &dd__op_activation, "a", &given[i], &in, 1, &y[i]),
                         DD_OK);
    for (size_t i = 0; i < 2; i++) host_run(&h, i);
    for (int i = 0; i < 3; i++) {
        assert_true(((const float *)host_data(y[0]))[i] == clipped[i]);
        assert_true(((const float *)host_data(y[1]))[i] == flat[i]);
    }
    host_close(&h);
}

static void test_relu_has_no_slope_at_zero(void **state) {
    (void)state;
    host h;
    host_open(&h);
    const float x[] = {-1, 0, 1}, dy[] = {5, 6, 7};
    dd__value *in[] = {host_input(&h, "dy", DD__F32, DD_DIMS(3), dy),
                       host_input(&h, "x", DD__F32, DD_DIMS(3), x)};
    dd__value *dx;
    dd__activate a = {.kind = DD__RELU};
    assert_int_equal(dd__graph_add1(h.graph, &dd__op_activation_backward, "a", &a, in, 2, &dx),
                     DD_OK);
    host_run(&h, 0);
    const float expected[] = {0, 0, 7};
    assert_memory_equal(host_data(dx), expected, sizeof expected);
    host_close(&h);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nan_stays_nan),
        cmocka_unit_test(test_numbers_are_the_kinds_own_unless_given),
        cmocka_unit_test(test_zero_can_be_given),
        cmocka_unit_test(test_relu_has_no_slope_at_zero),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
