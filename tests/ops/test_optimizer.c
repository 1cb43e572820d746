/* What the optimizers compute, by hand and by closed forms. */
#include <math.h>

#include "ops/host.h"

enum { COUNT = 3 };
static const float START[COUNT] = {1, -2, 0.5f}, GRADIENT[COUNT] = {0.5f, -4, 1e-3f};

static dd__value *input(host *h, const char *name, const float *elements) {
    return host_input(h, name, DD__F32, DD_DIMS(COUNT), elements);
}

static dd__value *step_input(host *h, uint32_t number, float rate) {
    dd__step step = {.step = number, .learning_rate = rate};
    return host_input(h, "step", DD__I32, DD_DIMS(DD__STEP_WORDS), &step);
}

static void add(host *h, const dd__op *op, const void *attributes, dd__value *const in[],
                size_t count) {
    assert_int_equal(dd__graph_add(h->graph, op, "update", attributes, in, count, NULL, 0), DD_OK);
}

static void assert_near(double found, double expected, double tolerance) {
    assert_true(fabs(found - expected) <= tolerance * fabs(expected));
}

static void test_sgd_without_momentum_needs_no_moment(void **state) {
    host h;
    (void)state;
    host_open(&h);
    dd__value *in[] = {input(&h, "p", START), input(&h, "g", GRADIENT), NULL,
                       step_input(&h, 0, 0.1f)};
    add(&h, &dd__op_sgd, NULL, in, 4);
    host_run(&h, 0);
    const float *p = host_data(in[0]);
    for (int i = 0; i < COUNT; i++)
        assert_near((double)p[i], (double)START[i] - 0.1 * (double)GRADIENT[i], 1e-6);
    host_close(&h);
}

static void test_sgd_with_momentum_but_no_moment_is_refused(void **state) {
    host h;
    (void)state;
    host_open(&h);
    dd__value *in[] = {input(&h, "p", START), input(&h, "g", GRADIENT), NULL,
                       step_input(&h, 0, 0.1f)};
    assert_int_equal(
        dd__graph_add(h.graph, &dd__op_sgd, "update", &(dd__sgd){0.9f}, in, 4, NULL, 0), DD_SHAPE);
    host_close(&h);
}

/* With a constant gradient, v_t = g (1 - momentum^t) / (1 - momentum). */
static void test_momentum_adds_up_to_the_geometric_sum(void **state) {
    host h;
    (void)state;
    host_open(&h);
    dd__value *in[] = {input(&h, "p", START), input(&h, "g", GRADIENT), input(&h, "v", NULL),
                       step_input(&h, 0, 0.01f)};
    add(&h, &dd__op_sgd, &(dd__sgd){0.5f}, in, 4);
    for (int t = 0; t < 4; t++) host_run(&h, 0);
    const float *p = host_data(in[0]), *v = host_data(in[2]);
    for (int i = 0; i < COUNT; i++) {
        double g = (double)GRADIENT[i];
        assert_near((double)v[i], g * (1 - pow(0.5, 4)) / 0.5, 1e-6);
        assert_near((double)p[i], (double)START[i] - 0.01 * g * (1 + 1.5 + 1.75 + 1.875), 1e-6);
    }
    host_close(&h);
}

/* At t = 1 the corrections undo the averaging: p moves by rate g / (|g| + epsilon'). */
static void test_first_step_of_adam_is_the_learning_rate(void **state) {
    host h;
    (void)state;
    host_open(&h);
    dd__value *in[] = {input(&h, "p", NULL), input(&h, "g", GRADIENT), input(&h, "m", NULL),
                       input(&h, "v", NULL), step_input(&h, 0, 0.001f)};
    add(&h, &dd__op_adam, NULL, in, 5);
    host_run(&h, 0);
    const float *p = host_data(in[0]);
    for (int i = 0; i < COUNT; i++) {
        double g = (double)GRADIENT[i], epsilon = 1e-7 / sqrt(1e-3);
        assert_near((double)p[i], -0.001 * g / (fabs(g) + epsilon), 2e-6);
    }
    host_close(&h);
}

static void test_moment_of_other_dims_is_refused(void **state) {
    host h;
    (void)state;
    host_open(&h);
    dd__value *in[] = {input(&h, "p", START), input(&h, "g", GRADIENT), input(&h, "m", NULL),
                       host_input(&h, "v", DD__F32, DD_DIMS(2), NULL), step_input(&h, 0, 0.1f)};
    assert_int_equal(dd__graph_add(h.graph, &dd__op_adam, "update", NULL, in, 5, NULL, 0),
                     DD_SHAPE);
    host_close(&h);
}

static void test_weight_decay_shrinks_by_rate_times_decay(void **state) {
    host h;
    (void)state;
    host_open(&h);
    dd__value *in[] = {input(&h, "p", START), step_input(&h, 0, 0.1f)};
    add(&h, &dd__op_weight_decay, &(dd__weight_decay){0.5f}, in, 2);
    host_run(&h, 0);
    const float *p = host_data(in[0]);
    for (int i = 0; i < COUNT; i++) assert_near((double)p[i], 0.95 * (double)START[i], 1e-6);
    host_close(&h);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sgd_without_momentum_needs_no_moment),
        cmocka_unit_test(test_sgd_with_momentum_but_no_moment_is_refused),
        cmocka_unit_test(test_momentum_adds_up_to_the_geometric_sum),
        cmocka_unit_test(test_first_step_of_adam_is_the_learning_rate),
        cmocka_unit_test(test_moment_of_other_dims_is_refused),
        cmocka_unit_test(test_weight_decay_shrinks_by_rate_times_decay),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
