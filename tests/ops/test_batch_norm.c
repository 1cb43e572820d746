#include <math.h>

#include "ops/host.h"

static dd__value *add_layer(host *h, dd__value *x) {
    dd__batch_norm a;
    dd__attributes_default(&dd__op_batch_norm, &a);
    dd__value *y;
    assert_int_equal(dd__op_batch_norm.layer(h->graph, &dd__op_batch_norm, "norm", &a, &x, 1, &y),
                     DD_OK);
    return y;
}

static void test_layer_learns_scale_and_offset_and_keeps_statistics(void **state) {
    (void)state;
    host h;
    host_open(&h);
    dd__value *x = host_input(&h, "x", DD__F32, DD_DIMS(2, 3, 3, 4), NULL);
    add_layer(&h, x);
    const char *const names[] = {"norm.gamma", "norm.beta", "norm.mean", "norm.variance"};
    for (size_t i = 0; i < DD_COUNT(names); i++) {
        const dd__value *v = dd__graph_find(h.graph, names[i]);
        assert_non_null(v);
        assert_int_equal(dd__dims_count(&v->dims), 4);
        assert_int_equal(v->initial, i == 0 || i == 3 ? DD__ONES : DD__ZEROS);
        assert_int_equal(v->role == DD__PARAMETER, i < 2);
        assert_false(v->decays);
    }
    host_close(&h);
}

static void test_layer_has_a_form_for_training_and_one_for_inference(void **state) {
    (void)state;
    for (int training = 0; training < 2; training++) {
        host h;
        host_open(&h);
        h.graph->training = training;
        dd__value *x = host_input(&h, "x", DD__F32, DD_DIMS(2, 3), NULL);
        dd__value *y = add_layer(&h, x);
        assert_ptr_equal(y->producer->op,
                         training ? &dd__op_batch_norm_training : &dd__op_batch_norm);
        host_close(&h);
    }
}

/* Two rows 1 and 3: mean 2, biased variance 1 (the unbiased one would be 2). */
static void test_running_values_move_towards_the_biased_variance(void **state) {
    (void)state;
    host h;
    host_open(&h);
    const float x[] = {1, 3}, one[] = {1}, zero[] = {0};
    dd__value *in[] = {host_input(&h, "x", DD__F32, DD_DIMS(2, 1), x),
                       host_input(&h, "gamma", DD__F32, DD_DIMS(1), one),
                       host_input(&h, "beta", DD__F32, DD_DIMS(1), zero),
                       host_input(&h, "mean", DD__F32, DD_DIMS(1), zero),
                       host_input(&h, "variance", DD__F32, DD_DIMS(1), one)};
    dd__value *out[3], **outs[] = {&out[0], &out[1], &out[2]};
    dd__batch_norm a = {.momentum = 0.75f, .epsilon = 1e-6f};
    assert_int_equal(
        dd__graph_add(h.graph, &dd__op_batch_norm_training, "norm", &a, in, 5, outs, 3), DD_OK);
    host_run(&h, 0);
    assert_true(fabsf(*(float *)host_data(in[3]) - 0.5f) <= 1e-6f);
    assert_true(fabsf(*(float *)host_data(in[4]) - 1) <= 1e-6f);
    assert_true(fabsf(((float *)host_data(out[0]))[1] - 1) <= 1e-5f);
    host_close(&h);
}

static void test_the_first_step_sets_the_running_values_to_the_batch(void **state) {
    (void)state;
    host h;
    host_open(&h);
    const float x[] = {1, 3}, one[] = {1}, zero[] = {0};
    const dd__step first_step = {0}, second_step = {.step = 1};
    dd__value *in[] = {host_input(&h, "x", DD__F32, DD_DIMS(2, 1), x),
                       host_input(&h, "gamma", DD__F32, DD_DIMS(1), one),
                       host_input(&h, "beta", DD__F32, DD_DIMS(1), zero),
                       host_input(&h, "mean", DD__F32, DD_DIMS(1), zero),
                       host_input(&h, "variance", DD__F32, DD_DIMS(1), one),
                       host_input(&h, "step", DD__I32, DD_DIMS(DD__STEP_WORDS), &first_step)};
    dd__value *out[3], **outs[] = {&out[0], &out[1], &out[2]};
    dd__batch_norm a = {.momentum = 0.75f, .epsilon = 1e-6f};
    assert_int_equal(
        dd__graph_add(h.graph, &dd__op_batch_norm_training, "norm", &a, in, 6, outs, 3), DD_OK);
    host_run(&h, 0);
    assert_true(fabsf(*(float *)host_data(in[3]) - 2) <= 1e-6f);
    assert_true(fabsf(*(float *)host_data(in[4]) - 1) <= 1e-6f);
    ((float *)host_data(in[0]))[0] = 5; /* the second batch: mean 4, weighted 1 to 0.75 */
    memcpy(host_data(in[5]), &second_step, sizeof second_step);
    host_run(&h, 0);
    assert_true(fabsf(*(float *)host_data(in[3]) - (4 + 0.75f * 2) / 1.75f) <= 1e-5f);
    host_close(&h);
}

static void test_parameters_of_another_width_are_refused(void **state) {
    (void)state;
    host h;
    host_open(&h);
    dd__value *in[5] = {host_input(&h, "x", DD__F32, DD_DIMS(2, 3), NULL)}, *y;
    for (size_t i = 1; i < 5; i++)
        in[i] =
            host_input(&h, (const char *[]){"a", "b", "c", "d"}[i - 1], DD__F32, DD_DIMS(4), NULL);
    assert_int_equal(dd__graph_add1(h.graph, &dd__op_batch_norm, "norm", NULL, in, 5, &y),
                     DD_SHAPE);
    assert_non_null(strstr(dd_message(), "expected 3 numbers as input 1, found 4"));
    host_close(&h);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_layer_learns_scale_and_offset_and_keeps_statistics),
        cmocka_unit_test(test_layer_has_a_form_for_training_and_one_for_inference),
        cmocka_unit_test(test_running_values_move_towards_the_biased_variance),
        cmocka_unit_test(test_the_first_step_sets_the_running_values_to_the_batch),
        cmocka_unit_test(test_parameters_of_another_width_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
