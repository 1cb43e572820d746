/* Plans on the reference device and on the default one: storage, sharing, repetition, errors. */
#include "plan/fixture.h"

#include "device/opencl.h"
#include "plan/differentiate.h"

/* y = relu(x w + b), as a graph with parameters: x (2,3), w (3,4). */
static dd__graph *dense_graph(uint64_t seed) {
    dd__graph *graph;
    dd__value *x, *w, *b, *y;
    assert_int_equal(dd__graph_create(false, seed, &graph), DD_OK);
    assert_int_equal(dd__graph_input(graph, "x", DD__F32, DD_DIMS(2, 3), &x), DD_OK);
    dd__value weights = {
        .dims = DD_DIMS(3, 4), .initial = DD__GLOROT_UNIFORM, .fan_in = 3, .fan_out = 4};
    dd__value biases = {.dims = DD_DIMS(4), .initial = DD__ONES};
    assert_int_equal(dd__graph_parameter(graph, "dense", "weight", &weights, &w), DD_OK);
    assert_int_equal(dd__graph_parameter(graph, "dense", "bias", &biases, &b), DD_OK);
    dd__gemm relu = {.activation = DD__RELU};
    assert_int_equal(
        dd__graph_add1(graph, &dd__op_gemm, "dense", &relu, (dd__value *[]){x, w, b}, 3, &y),
        DD_OK);
    assert_int_equal(dd__graph_output(graph, y, "y"), DD_OK);
    return graph;
}

static const float input[6] = {1, -2, 3, -4, 5, -6};

static void run_dense(dd_device *device, const dd__binding *bindings, size_t count, float y[8]) {
    dd__plan *plan;
    assert_int_equal(dd__plan_create(device, dense_graph(5), bindings, count, &plan), DD_OK);
    assert_int_equal(dd__plan_write(plan, "x", input, sizeof input), DD_OK);
    assert_int_equal(dd__plan_run(plan), DD_OK);
    assert_int_equal(dd__plan_read(plan, "y", y, 8 * sizeof(float)), DD_OK);
    dd__plan_free(plan);
}

static void test_device_agrees_with_reference_from_the_same_seed(void **state) {
    dd_device **devices = *state;
    float a[8], b[8];
    run_dense(devices[0], NULL, 0, a);
    run_dense(devices[1], NULL, 0, b);
    for (int i = 0; i < 8; i++) {
        float difference = a[i] - b[i];
        assert_true(difference <= 1e-5f && difference >= -1e-5f);
        assert_true(a[i] >= 0);
    }
}

static void test_two_plans_share_parameters_through_bindings(void **state) {
    dd_device **devices = *state;
    for (int d = 0; d < 2; d++) {
        dd__plan *owner;
        float y[8];
        assert_int_equal(dd__plan_create(devices[d], dense_graph(5), NULL, 0, &owner), DD_OK);
        size_t bytes = dd__value_bytes(dd__plan_graph(owner)->parameters);
        float *zeros = dd__alloc(1, bytes);
        assert_int_equal(dd__plan_write(owner, "parameters", zeros, bytes), DD_OK);
        dd__free(zeros);
        dd__binding shared = {"parameters", dd__plan_buffer(owner, "parameters")};
        run_dense(devices[d], &shared, 1, y);
        for (int i = 0; i < 8; i++) assert_true(y[i] == 0);
        dd__plan_free(owner);
    }
}

static void test_changed_parameters_are_packed_again(void **state) {
    dd_device **devices = *state;
    dd__plan *plan;
    float before[8], after[8];
    assert_int_equal(dd__plan_create(devices[1], dense_graph(5), NULL, 0, &plan), DD_OK);
    assert_int_equal(dd__plan_write(plan, "x", input, sizeof input), DD_OK);
    assert_int_equal(dd__plan_run(plan), DD_OK);
    assert_int_equal(dd__plan_read(plan, "y", before, sizeof before), DD_OK);
    const float weights[12] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
    assert_int_equal(dd__plan_write(plan, "dense.weight", weights, sizeof weights), DD_OK);
    dd__plan_parameters_changed(plan);
    assert_int_equal(dd__plan_run(plan), DD_OK);
    assert_int_equal(dd__plan_read(plan, "y", after, sizeof after), DD_OK);
    for (int i = 0; i < 4; i++) assert_true(after[i] == 3); /* 1 - 2 + 3, plus bias 1 */
    for (int i = 4; i < 8; i++) assert_true(after[i] == 0); /* -5 + 1, cut by relu */
    assert_memory_not_equal(before, after, sizeof before);
    dd__plan_free(plan);
}

static void test_a_binding_that_is_too_small_is_refused(void **state) {
    dd_device **devices = *state;
    dd__buffer *small;
    dd__plan *plan;
    assert_int_equal(dd__buffer_create(devices[1], 16, &small), DD_OK);
    dd__binding binding = {"parameters", small};
    assert_int_equal(dd__plan_create(devices[1], dense_graph(5), &binding, 1, &plan), DD_SHAPE);
    assert_non_null(strstr(dd_message(), "parameters"));
    dd__buffer_free(small);
}

static void test_reading_an_unknown_value_is_refused(void **state) {
    dd_device **devices = *state;
    dd__plan *plan;
    float y[9];
    assert_int_equal(dd__plan_create(devices[0], dense_graph(5), NULL, 0, &plan), DD_OK);
    assert_int_equal(dd__plan_read(plan, "z", y, 4), DD_USAGE);
    assert_int_equal(dd__plan_read(plan, "y", y, sizeof y), DD_SHAPE);
    dd__plan_free(plan);
}

static void test_every_allocation_may_fail(void **state) {
    dd_device **devices = *state;
    for (size_t countdown = 1; countdown < 1000; countdown++) {
        dd__plan *plan = NULL;
        dd__graph *graph = dense_graph(5);
        dd__fail_allocation(countdown);
        dd_status status = dd__plan_create(devices[0], graph, NULL, 0, &plan);
        bool failed = status != DD_OK;
        dd__fail_allocation(0);
        if (!failed) {
            dd__plan_free(plan);
            assert_true(countdown > 5);
            return;
        }
        assert_int_equal(status, DD_MEMORY);
    }
    fail_msg("creating a plan never succeeded");
}

static void test_a_parameter_used_twice_gets_both_gradients(void **state) {
    dd_device **devices = *state;
    for (int d = 0; d < 2; d++) {
        dd__graph *graph;
        dd__value *p, *y, *seed, *gradients;
        dd__plan *plan;
        float found[3];
        dd__value like = {.dims = DD_DIMS(3), .initial = DD__ONES};
        dd__fill two = {.value = 2};
        assert_int_equal(dd__graph_create(true, 1, &graph), DD_OK);
        assert_int_equal(dd__graph_parameter(graph, "p", "weight", &like, &p), DD_OK);
        assert_int_equal(
            dd__graph_add1(graph, &dd__op_add, "sum", NULL, (dd__value *[]){p, p}, 2, &y), DD_OK);
        assert_int_equal(dd__graph_add1(graph, &dd__op_fill, "two", &two, &y, 1, &seed), DD_OK);
        assert_int_equal(dd__graph_gradients(graph, y, seed, &gradients), DD_OK);
        assert_int_equal(dd__plan_create(devices[d], graph, NULL, 0, &plan), DD_OK);
        assert_int_equal(dd__plan_run(plan), DD_OK);
        assert_int_equal(dd__plan_read(plan, "gradients", found, sizeof found), DD_OK);
        for (int i = 0; i < 3; i++) assert_true(found[i] == 4);
        dd__plan_free(plan);
    }
}

static void expect_no_gradient(const dd__op *op, const void *attributes, const char *message) {
    dd__graph *graph;
    dd__value *p, *y, *seed, *gradients;
    dd__value like = {.dims = DD_DIMS(2, 4), .initial = DD__ONES};
    assert_int_equal(dd__graph_create(true, 1, &graph), DD_OK);
    assert_int_equal(dd__graph_parameter(graph, "p", "weight", &like, &p), DD_OK);
    assert_int_equal(dd__graph_add1(graph, op, "layer", attributes, &p, 1, &y), DD_OK);
    assert_int_equal(dd__graph_add1(graph, &dd__op_fill, "seed", NULL, &y, 1, &seed), DD_OK);
    assert_int_equal(dd__graph_gradients(graph, y, seed, &gradients), DD_USAGE);
    if (!strstr(dd_message(), message)) fail_msg("%s", dd_message());
    dd__graph_free(graph);
}

static void test_an_op_without_gradient_is_named(void **state) {
    (void)state;
    expect_no_gradient(&dd__op_normalize, &(dd__normalize){.axes = DD_DIMS(1)}, "normalize");
    expect_no_gradient(&dd__op_lrn, &(dd__lrn){.size = 3, .bias = 1}, "lrn");
    expect_no_gradient(
        &dd__op_reduce, &(dd__reduce){.kind = DD__REDUCE_MAX, .axes = DD_DIMS(1)},
        "through op \"reduce\" (layer \"layer\"; only sums and means have one): what");
}

/* A convolution and a dense layer, whose weights are packed once. */
static dd__graph *small_network(void) {
    dd__graph *graph;
    dd__value *x, *w, *y;
    assert_fine(dd__graph_create(false, 7, &graph));
    assert_fine(dd__graph_input(graph, "x", DD__F32, DD_DIMS(1, 12, 12, 8), &x));
    x = pool(graph, "pool", halves, convolution(graph, "conv", 16, 5, DD__RELU, x));
    x = layer(graph, &dd__op_flatten, "flatten", NULL, x);
    dd__value weights = {
        .dims = DD_DIMS(256, 10), .initial = DD__GLOROT_UNIFORM, .fan_in = 256, .fan_out = 10};
    assert_fine(dd__graph_parameter(graph, "dense", "weight", &weights, &w));
    assert_fine(
        dd__graph_add1(graph, &dd__op_gemm, "dense", &(dd__gemm){0}, (dd__value *[]){x, w}, 2, &y));
    assert_fine(dd__graph_add1(graph, &dd__op_softmax, "softmax", NULL, &y, 1, &y));
    assert_fine(dd__graph_output(graph, y, "y"));
    return graph;
}

static void run_small(dd__plan *plan, float y[10]) {
    float x[12 * 12 * 8];
    for (size_t i = 0; i < DD_COUNT(x); i++) x[i] = (float)(i % 13) / 13;
    assert_fine(dd__plan_write(plan, "x", x, sizeof x));
    assert_fine(dd__plan_run(plan));
    assert_fine(dd__plan_read(plan, "y", y, 10 * sizeof *y));
}

static void test_a_plan_in_one_launch_follows_its_parameters(void **state) {
    dd_device **devices = *state;
    dd__plan *apart, *joined;
    float a[10], b[10], parameters[8192];
    assert_fine(dd__plan_create(devices[1], small_network(), NULL, 0, &apart));
    assert_fine(dd__plan_create(devices[1], small_network(), NULL, 0, &joined));
    dd_status status = dd__plan_chain(joined);
    if (!fuses(devices[1])) assert_int_equal(status, DD_DEVICE);
    if (fuses(devices[1])) assert_fine(status);
    for (int run = 0; run < 3; run++) {
        run_small(apart, a);
        run_small(joined, b);
        assert_memory_equal(a, b, sizeof a);
        for (size_t i = 0; i < DD_COUNT(parameters); i++)
            parameters[i] = (float)((i * 7 + (size_t)run) % 11) / 100 - 0.05f;
        dd__plan *const both[] = {apart, joined};
        for (int p = 0; p < 2; p++) {
            size_t bytes = dd__value_bytes(dd__plan_graph(both[p])->parameters);
            assert_true(bytes <= sizeof parameters);
            assert_fine(dd__plan_write(both[p], "parameters", parameters, bytes));
            dd__plan_parameters_changed(both[p]);
        }
    }
    dd__plan_free(apart);
    dd__plan_free(joined);
}

static void test_the_reference_and_graphs_that_change_values_have_no_chain(void **state) {
    dd_device **devices = *state;
    dd__plan *plan;
    dd__graph *graph;
    dd__value *x;
    assert_fine(dd__plan_create(devices[0], small_network(), NULL, 0, &plan));
    assert_int_not_equal(dd__plan_chain(plan), DD_OK);
    dd__plan_free(plan);
    assert_fine(dd__graph_create(true, 7, &graph));
    assert_fine(dd__graph_input(graph, "x", DD__F32, DD_DIMS(2, 4, 4, 8), &x));
    assert_fine(dd__graph_output(graph, norm(graph, "norm", x), "y"));
    assert_fine(dd__plan_create(devices[1], graph, NULL, 0, &plan));
    assert_int_equal(dd__plan_chain(plan), DD_USAGE);
    dd__plan_free(plan);
}

/* ---- Limits of memory ------------------------------------------------------------------- */

enum { LONG = 1 << 20 };

static dd__value *sum_of(dd__graph *graph, dd__value *a, dd__value *b) {
    dd__value *y;
    assert_fine(dd__graph_add1(graph, &dd__op_add, "sum", NULL, (dd__value *[]){a, b}, 2, &y));
    return y;
}

/* y = 13 x, of 4.2 MB each; three of the sums in it are alive at a time. */
static dd__graph *sums(void) {
    dd__graph *graph;
    dd__value *x;
    assert_fine(dd__graph_create(false, 7, &graph));
    assert_fine(dd__graph_input(graph, "x", DD__F32, DD_DIMS(LONG), &x));
    dd__value *two = sum_of(graph, x, x), *three = sum_of(graph, two, x);
    dd__value *five = sum_of(graph, three, two), *eight = sum_of(graph, five, three);
    assert_fine(dd__graph_output(graph, sum_of(graph, eight, five), "y"));
    return graph;
}

static void run_sums(dd_device *device) {
    float *numbers = dd__alloc(LONG, sizeof *numbers);
    dd__plan *plan;
    for (size_t i = 0; i < LONG; i++) numbers[i] = (float)(i % 1000);
    assert_fine(dd__plan_create(device, sums(), NULL, 0, &plan));
    assert_fine(dd__plan_write(plan, "x", numbers, LONG * sizeof *numbers));
    assert_fine(dd__plan_run(plan));
    assert_fine(dd__plan_read(plan, "y", numbers, LONG * sizeof *numbers));
    for (size_t i = 0; i < LONG; i++) assert_true(numbers[i] == 13 * (float)(i % 1000));
    dd__plan_free(plan);
    dd__free(numbers);
}

static void test_a_buffer_beyond_the_largest_allocation_is_refused_with_sizes(void **state) {
    dd_device **devices = *state;
    for (int d = 0; d < 2; d++) {
        dd_device *device = devices[d];
        uint64_t largest = device->info.largest_allocation_bytes, bytes = device->bytes;
        dd__plan *plan;
        device->info.largest_allocation_bytes = 4000000;
        dd_status status = dd__plan_create(device, sums(), NULL, 0, &plan);
        device->info.largest_allocation_bytes = largest;
        assert_int_equal(status, DD_MEMORY);
        assert_non_null(
            strstr(dd_message(), "\"x\" needs a buffer of 4.2 MB, the device's largest is 4.0 MB"));
        assert_int_equal(device->bytes, bytes);
    }
}

static void test_a_plan_beyond_the_budget_is_refused_before_anything_is_allocated(void **state) {
    dd_device **devices = *state;
    for (int d = 0; d < 2; d++) {
        dd_device *device = devices[d];
        uint64_t budget = device->budget, bytes = device->bytes;
        dd__graph *graph = small_network();
        dd__plan *plan;
        dd__need need;
        assert_fine(dd__plan_need(device, graph, NULL, 0, &need));
        dd__graph_free(graph);
        assert_int_equal(device->bytes, bytes);
        device->budget = bytes + need.bytes - 1;
        assert_int_equal(dd__plan_create(device, small_network(), NULL, 0, &plan), DD_MEMORY);
        assert_non_null(strstr(dd_message(), "MB are needed"));
        assert_int_equal(device->bytes, bytes);
        device->budget = bytes + need.bytes;
        assert_fine(dd__plan_create(device, small_network(), NULL, 0, &plan));
        assert_int_equal(device->bytes, bytes + need.bytes);
        device->budget = budget;
        dd__plan_free(plan);
    }
}

static void test_what_is_bound_needs_no_memory(void **state) {
    dd_device **devices = *state;
    dd__graph *graph = dense_graph(5);
    dd__need all, beside;
    assert_fine(dd__plan_need(devices[1], graph, NULL, 0, &all));
    assert_fine(dd__plan_need(devices[1], graph, &(dd__binding){"parameters", NULL}, 1, &beside));
    assert_int_equal(all.bytes - beside.bytes, dd__value_bytes(graph->parameters));
    dd__graph_free(graph);
}

/* Pieces as small as the largest block: there are several then. */
static void test_an_arena_in_several_buffers_computes_the_same(void **state) {
    dd_device **devices = *state;
    for (int d = 0; d < 2; d++) {
        dd_device *device = devices[d];
        uint64_t largest = device->info.largest_allocation_bytes;
        dd__graph *graph = sums();
        dd__need need;
        assert_fine(dd__plan_need(device, graph, NULL, 0, &need));
        dd__graph_free(graph);
        assert_int_equal(need.largest, LONG * sizeof(float));
        assert_true(need.bytes >= 4 * need.largest); /* x, and three pieces of the arena */
        device->info.largest_allocation_bytes = need.largest;
        run_sums(device);
        device->info.largest_allocation_bytes = largest;
        run_sums(device);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_device_agrees_with_reference_from_the_same_seed),
        cmocka_unit_test(test_two_plans_share_parameters_through_bindings),
        cmocka_unit_test(test_changed_parameters_are_packed_again),
        cmocka_unit_test(test_a_binding_that_is_too_small_is_refused),
        cmocka_unit_test(test_reading_an_unknown_value_is_refused),
        cmocka_unit_test(test_every_allocation_may_fail),
        cmocka_unit_test(test_a_parameter_used_twice_gets_both_gradients),
        cmocka_unit_test(test_an_op_without_gradient_is_named),
        cmocka_unit_test(test_a_plan_in_one_launch_follows_its_parameters),
        cmocka_unit_test(test_the_reference_and_graphs_that_change_values_have_no_chain),
        cmocka_unit_test(test_a_buffer_beyond_the_largest_allocation_is_refused_with_sizes),
        cmocka_unit_test(test_a_plan_beyond_the_budget_is_refused_before_anything_is_allocated),
        cmocka_unit_test(test_what_is_bound_needs_no_memory),
        cmocka_unit_test(test_an_arena_in_several_buffers_computes_the_same),
    };
    return cmocka_run_group_tests(tests, open_both, close_both);
}
