/* The table of ops, and the shapes and gradients of those that move numbers. */
#include "ops/host.h"

static dd_status add(host *h, const dd__op *op, const void *attributes, dd__value *a, dd__value *b,
                     dd__value **y) {
    dd__value *in[] = {a, b};
    return dd__graph_add1(h->graph, op, "layer", attributes, in, b ? 2 : 1, y);
}

static void assert_refused(dd_status status, const char *message) {
    assert_int_equal(status, DD_SHAPE);
    assert_string_equal(dd_message(), message);
}

static void test_every_op_is_found_by_its_name(void **state) {
    (void)state;
    size_t count = 0;
    for (const dd__op *op; (op = dd__op_at(count)); count++) {
        assert_ptr_equal(dd__op_find(op->name), op);
        assert_true(op->layer || op->infer);
    }
    assert_int_equal(count, 63);
    assert_null(dd__op_find("conv3d"));
    assert_null(dd__op_find(""));
}

static void test_last_implementation_of_every_op_is_plain_and_runs_anywhere(void **state) {
    (void)state;
    const dd__op *op;
    for (size_t i = 0; (op = dd__op_at(i)); i++) {
        if (!op->implementations || op->fused) continue; /* a view, or made of other ops */
        const dd__implementation *last = NULL;
        for (size_t k = 0; op->implementations[k]; k++) last = op->implementations[k];
        assert_non_null(last);
        assert_string_equal(last->name, "plain");
        assert_int_equal(last->classes, DD__ANYWHERE);
        assert_non_null(op->reference);
    }
}

static void test_bias_of_another_width_is_refused(void **state) {
    host h;
    (void)state;
    host_open(&h);
    dd__value *x = host_input(&h, "x", DD__F32, DD_DIMS(2, 3, 3, 4), NULL), *y;
    dd__value *b = host_input(&h, "b", DD__F32, DD_DIMS(3), NULL);
    assert_refused(add(&h, &dd__op_bias, NULL, x, b, &y),
                   "layer \"layer\": expected 4 biases, found 3");
    host_close(&h);
}

static void test_bias_layer_learns_a_zero_a_channel(void **state) {
    host h;
    (void)state;
    host_open(&h);
    dd__value *x = host_input(&h, "x", DD__F32, DD_DIMS(2, 3, 3, 4), NULL), *y;
    assert_int_equal(dd__op_bias.layer(h.graph, &dd__op_bias, "b1", NULL, &x, 1, &y), DD_OK);
    const dd__value *b = dd__graph_find(h.graph, "b1.bias");
    assert_non_null(b);
    assert_true(dd__dims_equal(&b->dims, &DD_DIMS(4)));
    assert_int_equal(b->initial, DD__ZEROS);
    assert_false(b->decays);
    assert_true(dd__dims_equal(&y->dims, &x->dims));
    host_close(&h);
}

static void test_frozen_bias_gets_no_column_sums(void **state) {
    host h;
    (void)state;
    host_open(&h);
    dd__value *x = host_input(&h, "x", DD__F32, DD_DIMS(5, 4), NULL), *y;
    dd__value *b = host_input(&h, "b", DD__F32, DD_DIMS(4), NULL);
    dd__value *dy = host_input(&h, "dy", DD__F32, DD_DIMS(5, 4), NULL), *dx[2] = {NULL, NULL};
    assert_int_equal(add(&h, &dd__op_bias, NULL, x, b, &y), DD_OK);
    assert_int_equal(dd__op_bias.gradient(h.graph, h.graph->nodes[0], &dy, dx), DD_OK);
    assert_ptr_equal(dx[0], dy);
    assert_null(dx[1]);
    assert_int_equal(h.graph->node_count, 1);
    host_close(&h);
}

static void test_sums_of_two_shapes_are_refused(void **state) {
    host h;
    (void)state;
    host_open(&h);
    dd__value *a = host_input(&h, "a", DD__F32, DD_DIMS(2, 3), NULL), *y;
    dd__value *b = host_input(&h, "b", DD__F32, DD_DIMS(3, 2), NULL);
    assert_refused(add(&h, &dd__op_add, NULL, a, b, &y),
                   "layer \"layer\": 2x3 and 3x2 cannot be added");
    host_close(&h);
}

static void test_concat_counts_negative_axes_from_the_end(void **state) {
    host h;
    (void)state;
    host_open(&h);
    const float first[] = {1, 2, 3, 4}, second[] = {5, 6}, expected[] = {1, 2, 5, 3, 4, 6};
    dd__value *a = host_input(&h, "a", DD__F32, DD_DIMS(2, 2), first), *y;
    dd__value *b = host_input(&h, "b", DD__F32, DD_DIMS(2, 1), second);
    assert_int_equal(add(&h, &dd__op_concat, &(dd__slice){.axis = -1}, a, b, &y), DD_OK);
    assert_true(dd__dims_equal(&y->dims, &DD_DIMS(2, 3)));
    host_run(&h, 0);
    assert_memory_equal(host_data(y), expected, sizeof expected);
    host_close(&h);
}

static void test_concat_of_shapes_that_differ_beside_the_axis_is_refused(void **state) {
    host h;
    (void)state;
    host_open(&h);
    dd__value *a = host_input(&h, "a", DD__F32, DD_DIMS(2, 3, 4), NULL), *y;
    dd__value *b = host_input(&h, "b", DD__F32, DD_DIMS(2, 5, 4), NULL);
    assert_refused(add(&h, &dd__op_concat, &(dd__slice){.axis = -1}, a, b, &y),
                   "layer \"layer\": 2x3x4 and 2x5x4 cannot be put side by side along axis 2");
    assert_refused(add(&h, &dd__op_concat, &(dd__slice){.axis = 3}, a, b, &y),
                   "layer \"layer\": there is no axis 3 of 3 dimensions");
    assert_refused(add(&h, &dd__op_concat, &(dd__slice){.axis = -4}, a, b, &y),
                   "layer \"layer\": there is no axis -4 of 3 dimensions");
    host_close(&h);
}

static void test_gradient_of_concat_takes_each_input_its_stretch(void **state) {
    host h;
    (void)state;
    host_open(&h);
    dd__value *a = host_input(&h, "a", DD__F32, DD_DIMS(2, 3), NULL), *y;
    dd__value *b = host_input(&h, "b", DD__F32, DD_DIMS(2, 2), NULL), *dx[2] = {NULL, NULL};
    b->wants_gradient = true;
    const float seed[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, expected[] = {4, 5, 9, 10};
    dd__value *dy = host_input(&h, "dy", DD__F32, DD_DIMS(2, 5), seed);
    assert_int_equal(add(&h, &dd__op_concat, &(dd__slice){.axis = 1}, a, b, &y), DD_OK);
    assert_int_equal(dd__op_concat.gradient(h.graph, h.graph->nodes[0], &dy, dx), DD_OK);
    assert_null(dx[0]);
    assert_true(dd__dims_equal(&dx[1]->dims, &b->dims));
    host_run(&h, 1);
    assert_memory_equal(host_data(dx[1]), expected, sizeof expected);
    host_close(&h);
}

static void test_slice_beyond_the_axis_is_refused(void **state) {
    host h;
    (void)state;
    host_open(&h);
    dd__value *x = host_input(&h, "x", DD__F32, DD_DIMS(2, 5), NULL), *y;
    assert_refused(
        add(&h, &dd__op_slice, &(dd__slice){.axis = 1, .begin = 3, .size = 3, .step = 1}, x, NULL,
            &y),
        "layer \"layer\": 3 elements from 3 on in steps of 1 are not inside an axis of 5");
    assert_int_equal(add(&h, &dd__op_slice,
                         &(dd__slice){.axis = 1, .begin = 3, .size = 2, .step = 1}, x, NULL, &y),
                     DD_OK);
    host_close(&h);
}

static void test_flatten_is_a_view_that_keeps_the_batch(void **state) {
    host h;
    (void)state;
    host_open(&h);
    dd__value *x = host_input(&h, "x", DD__F32, DD_DIMS(2, 3, 4, 5), NULL), *y, *dx = NULL;
    assert_int_equal(add(&h, &dd__op_flatten, NULL, x, NULL, &y), DD_OK);
    assert_ptr_equal(y->base, x);
    assert_true(dd__dims_equal(&y->dims, &DD_DIMS(2, 60)));
    dd__value *dy = host_input(&h, "dy", DD__F32, DD_DIMS(2, 60), NULL);
    assert_int_equal(dd__op_flatten.gradient(h.graph, h.graph->nodes[0], &dy, &dx), DD_OK);
    assert_true(dd__dims_equal(&dx->dims, &x->dims));
    host_close(&h);
}

static void test_reshape_layer_puts_the_batch_in_front(void **state) {
    host h;
    (void)state;
    host_open(&h);
    dd__value *x = host_input(&h, "x", DD__F32, DD_DIMS(2, 12), NULL), *y;
    const dd__op *op = &dd__op_reshape;
    assert_int_equal(
        op->layer(h.graph, op, "r", &(dd__reshape){.dims = DD_DIMS(3, 2, 2)}, &x, 1, &y), DD_OK);
    assert_true(dd__dims_equal(&y->dims, &DD_DIMS(2, 3, 2, 2)));
    assert_refused(op->layer(h.graph, op, "r", &(dd__reshape){.dims = DD_DIMS(5)}, &x, 1, &y),
                   "layer \"r\": 2x12 elements cannot be seen as 2x5");
    assert_refused(
        op->layer(h.graph, op, "r", &(dd__reshape){.dims = DD_DIMS(1, 1, 1, 1, 1, 12)}, &x, 1, &y),
        "layer \"r\": expected a shape of at most 5 numbers, found 6");
    host_close(&h);
}

static void test_reshape_layer_takes_a_whole_shape(void **state) {
    host h;
    (void)state;
    host_open(&h);
    dd__value *x = host_input(&h, "x", DD__F32, DD_DIMS(2, 12), NULL), *y;
    const dd__op *op = &dd__op_reshape;
    dd__reshape whole = {.dims = DD_DIMS(1, 2, 3, 2, 2, 1), .whole = true};
    assert_int_equal(op->layer(h.graph, op, "r", &whole, &x, 1, &y), DD_OK);
    assert_true(dd__dims_equal(&y->dims, &whole.dims));
    whole.dims = DD_DIMS(2, 2, 12);
    assert_refused(op->layer(h.graph, op, "r", &whole, &x, 1, &y),
                   "layer \"r\": 2x12 elements cannot be seen as 2x2x12");
    host_close(&h);
}

static void assert_product(dd__dims a, dd__dims b, dd__matmul g, dd__dims c, const char *op) {
    host h;
    host_open(&h);
    dd__value *x[] = {host_input(&h, "a", DD__F32, a, NULL), host_input(&h, "b", DD__F32, b, NULL)};
    dd__value *y;
    assert_int_equal(dd__op_matmul.layer(h.graph, &dd__op_matmul, "p", &g, x, 2, &y), DD_OK);
    assert_true(dd__dims_equal(&y->dims, &c));
    assert_non_null(y->base ? y->base->producer : y->producer);
    assert_string_equal((y->base ? y->base->producer : y->producer)->op->name, op);
    host_close(&h);
}

static void test_matmul_layer_with_one_second_matrix_is_a_gemm(void **state) {
    (void)state;
    assert_product(DD_DIMS(2, 3, 4, 5), DD_DIMS(5, 6), (dd__matmul){.alpha = 1},
                   DD_DIMS(2, 3, 4, 6), "gemm");
    assert_product(DD_DIMS(1, 5, 4), DD_DIMS(1, 6, 5),
                   (dd__matmul){.transpose_a = true, .transpose_b = true, .alpha = 1},
                   DD_DIMS(1, 4, 6), "gemm");
    assert_product(DD_DIMS(2, 5, 4), DD_DIMS(5, 6), (dd__matmul){.transpose_a = true, .alpha = 1},
                   DD_DIMS(2, 4, 6), "matmul");
    assert_product(DD_DIMS(4, 5), DD_DIMS(1, 5, 6), (dd__matmul){.alpha = 1}, DD_DIMS(1, 4, 6),
                   "matmul");
    assert_product(DD_DIMS(4, 5), DD_DIMS(5, 6), (dd__matmul){.alpha = 2}, DD_DIMS(4, 6), "matmul");
}

static void test_matmul_of_matrices_that_do_not_fit_is_refused(void **state) {
    host h;
    (void)state;
    host_open(&h);
    dd__value *a = host_input(&h, "a", DD__F32, DD_DIMS(2, 3, 4), NULL), *y;
    dd__value *b = host_input(&h, "b", DD__F32, DD_DIMS(3, 4, 5), NULL);
    dd__value *c = host_input(&h, "c", DD__F32, DD_DIMS(2, 4, 3), NULL);
    dd__value *row = host_input(&h, "row", DD__F32, DD_DIMS(4), NULL);
    dd__matmul g = {.alpha = 1}, transposed = {.alpha = 1, .transpose_b = true};
    assert_refused(add(&h, &dd__op_matmul, &g, a, b, &y),
                   "layer \"layer\": cannot multiply 2x3x4 by 3x4x5");
    assert_refused(add(&h, &dd__op_matmul, &transposed, a, c, &y),
                   "layer \"layer\": cannot multiply 2x3x4 by 2x4x3 transposed");
    assert_refused(add(&h, &dd__op_matmul, &g, a, row, &y),
                   "layer \"layer\": cannot multiply 2x3x4 by 4");
    host_close(&h);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_op_is_found_by_its_name),
        cmocka_unit_test(test_last_implementation_of_every_op_is_plain_and_runs_anywhere),
        cmocka_unit_test(test_bias_of_another_width_is_refused),
        cmocka_unit_test(test_bias_layer_learns_a_zero_a_channel),
        cmocka_unit_test(test_frozen_bias_gets_no_column_sums),
        cmocka_unit_test(test_sums_of_two_shapes_are_refused),
        cmocka_unit_test(test_concat_counts_negative_axes_from_the_end),
        cmocka_unit_test(test_concat_of_shapes_that_differ_beside_the_axis_is_refused),
        cmocka_unit_test(test_gradient_of_concat_takes_each_input_its_stretch),
        cmocka_unit_test(test_slice_beyond_the_axis_is_refused),
        cmocka_unit_test(test_flatten_is_a_view_that_keeps_the_batch),
        cmocka_unit_test(test_reshape_layer_puts_the_batch_in_front),
        cmocka_unit_test(test_reshape_layer_takes_a_whole_shape),
        cmocka_unit_test(test_matmul_layer_with_one_second_matrix_is_a_gemm),
        cmocka_unit_test(test_matmul_of_matrices_that_do_not_fit_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
