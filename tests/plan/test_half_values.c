/* What inference stores in half precision, and what it computes then. */
#include "plan/fixture.h"

#include <math.h>

#include "base/random.h"
#include "plan/fuse.h"
#include "plan/half.h"

enum { BATCH = 5, SIDE = 12, CLASSES = 10 };

static dd_device *device; /* the default one, with the GPU's kernels, in half precision */

static dd_device *open(dd_kernel_class class, dd_precision precision, const char *implementations) {
    dd_device *opened;
    assert_fine(dd_device_open(NULL,
                               &(dd_device_options){.kernel_class = class,
                                                    .precision = precision,
                                                    .implementations = implementations},
                               &opened));
    return opened;
}

static dd__value *dense(dd__graph *graph, const char *name, uint32_t units, dd__value *x) {
    dd__value *in[2] = {x}, *y;
    dd__value like = {.dims = DD_DIMS(x->dims.d[1], units),
                      .initial = DD__GLOROT_UNIFORM,
                      .fan_in = x->dims.d[1],
                      .fan_out = units};
    assert_fine(dd__graph_parameter(graph, name, "weight", &like, &in[1]));
    assert_fine(dd__graph_add1(graph, &dd__op_gemm, name, NULL, in, 2, &y));
    return y;
}

/* Convolutions whose x is an image, by tiles and by minimal filtering; all that may stand between them;
 * a view; products, the last for a softmax. */
static dd__graph *network(bool training, const dd_device *on) {
    dd__graph *graph;
    dd__value *x, *a, *b;
    assert_fine(dd__graph_create(training, 5, &graph));
    assert_fine(dd__graph_input(graph, "x", DD__F32, DD_DIMS(BATCH, SIDE, SIDE, 1), &x));
    x = norm(graph, "norm", convolution(graph, "conv1", 16, 3, DD__RELU, x));
    a = layer(graph, &dd__op_activation, "swish",
              &(dd__activate){.kind = DD__SWISH, .alpha = NAN, .beta = NAN}, x);
    b = layer(graph, &dd__op_bias, "bias", NULL, x);
    assert_fine(dd__graph_add1(graph, &dd__op_add, "add", NULL, (dd__value *[]){a, b}, 2, &x));
    assert_fine(dd__graph_add1(graph, &dd__op_concat, "concat", &(dd__slice){.axis = 3},
                               (dd__value *[]){a, x}, 2, &x));
    x = convolution(graph, "conv2", 32, 3, DD__RELU, x);
    x = pool(graph, "pool", (dd__pool){.kernel = {2, 2}, .stride = {1, 1}}, x);
    x = layer(graph, &dd__op_global_average_pool, "mean", NULL, x);
    x = dense(graph, "dense1", 24, x);
    x = dense(graph, "dense2", CLASSES, x);
    assert_fine(dd__graph_add1(graph, &dd__op_softmax, "softmax", NULL, &x, 1, &x));
    assert_fine(dd__graph_output(graph, x, "y"));
    assert_fine(dd__graph_fuse(graph, on));
    assert_fine(dd__graph_halve(graph, on));
    return graph;
}

static const dd__node *node_named(const dd__graph *graph, const char *name) {
    for (size_t n = 0; n < graph->node_count; n++)
        if (strcmp(graph->nodes[n]->name, name) == 0) return graph->nodes[n];
    fail_msg("no node is called \"%s\"", name);
    return NULL;
}

static size_t count_halves(const dd__graph *graph) {
    size_t count = 0;
    for (size_t i = 0; i < graph->value_count; i++) count += graph->values[i]->type == DD__F16;
    return count;
}

/* ---- What becomes half -------------------------------------------------------------------- */

static const unsigned first = DD__HALF_IN(0), second = DD__HALF_IN(1), result = DD__HALF_OUT(0);

static void test_what_nodes_hand_on_is_half_and_what_others_see_is_not(void **state) {
    (void)state;
    dd__graph *graph = network(false, device);
    const struct {
        const char *name;
        unsigned half;
    } expected[] = {
        {"conv1+norm", second | result},
        {"swish", first | result},
        {"bias", first | result},
        {"add", first | second | result},
        {"concat", first | second | result},
        {"conv2", first | result},
        {"pool", first | result},
        {"mean", first | result},
        {"mean.view", first | result},
        {"dense1", first | second | result},
        {"dense2", first | second},
        {"softmax", 0},
        {"conv1.weight.half", result},
        {"dense1.weight.half", result},
        {"dense2.weight.half", result},
    };
    assert_int_equal(graph->node_count, DD_COUNT(expected));
    for (size_t i = 0; i < DD_COUNT(expected); i++) {
        unsigned found = dd__node_half(node_named(graph, expected[i].name));
        if (found != expected[i].half) print_error("%s: %x\n", expected[i].name, found);
        assert_int_equal(found, expected[i].half);
    }
    dd__graph_free(graph);
}

/* The forms by minimal filtering transform weights: those stay as they are. */
static void test_copies_of_weights_come_first(void **state) {
    (void)state;
    dd__graph *graph = network(false, device);
    for (size_t n = 0; n < graph->node_count; n++) {
        const dd__node *node = graph->nodes[n];
        assert_int_equal(node->number, n);
        assert_true((node->op == &dd__op_copy) == (n < 3));
        assert_true(n >= 3 || node->in[0]->role == DD__PARAMETER);
    }
    assert_int_equal(node_named(graph, "conv2")->in[1]->role, DD__PARAMETER);
    dd__graph_free(graph);
}

static size_t halves_of(bool training, dd_kernel_class class, dd_precision precision) {
    dd_device *other = open(class, precision, NULL);
    dd__graph *graph = network(training, other);
    size_t count = count_halves(graph);
    dd__graph_free(graph);
    dd_device_close(other);
    return count;
}

static void test_only_inference_by_kernels_for_gpus_that_may_is_half(void **state) {
    (void)state;
    assert_true(halves_of(false, DD_CLASS_GPU, DD_PRECISION_F16) > 0);
    assert_int_equal(halves_of(true, DD_CLASS_GPU, DD_PRECISION_F16), 0);
    assert_int_equal(halves_of(false, DD_CLASS_CPU, DD_PRECISION_F16), 0);
    assert_int_equal(halves_of(false, DD_CLASS_GPU, DD_PRECISION_F32), 0);
    assert_int_equal(halves_of(false, DD_CLASS_GPU, DD_PRECISION_BF16), 0);
}

static void test_a_forced_implementation_for_floats_keeps_its_values(void **state) {
    (void)state;
    dd_device *other = open(DD_CLASS_GPU, DD_PRECISION_F16, "gemm=clblast");
    if (!dd__has_clblast()) skip();
    dd__graph *graph = network(false, other);
    assert_int_equal(dd__node_half(node_named(graph, "dense1")), 0);
    assert_int_equal(dd__node_half(node_named(graph, "mean")), first);
    assert_int_equal(dd__node_half(node_named(graph, "conv2")), first | result);
    dd__graph_free(graph);
    dd_device_close(other);
}

/* It refuses floats, so it must be asked when the values are half; and where the device cannot, the plan
 * says so. */
static void test_products_in_half_precision_can_be_forced(void **state) {
    (void)state;
    dd_device *other = open(DD_CLASS_GPU, DD_PRECISION_F16, "gemm=tiled_half");
    dd__graph *graph = network(false, other);
    dd__plan *plan;
    assert_int_equal(dd__node_half(node_named(graph, "dense1")), first | second | result);
    dd_status status = dd__plan_create(other, graph, NULL, 0, &plan);
    if (dd__device_computes_half(other)) {
        assert_fine(status);
        dd__plan_free(plan);
    } else {
        assert_int_equal(status, DD_USAGE);
        assert_non_null(strstr(dd_message(), "does not compute in half precision"));
    }
    dd_device_close(other);
}

static void test_a_value_that_the_host_reads_stays_float(void **state) {
    (void)state;
    dd__graph *graph;
    dd__value *x;
    assert_fine(dd__graph_create(false, 5, &graph));
    assert_fine(dd__graph_input(graph, "x", DD__F32, DD_DIMS(BATCH, SIDE, SIDE, 1), &x));
    x = convolution(graph, "conv1", 16, 3, DD__RELU, x);
    assert_fine(dd__graph_output(graph, x, "seen"));
    x = convolution(graph, "conv2", 16, 3, DD__RELU, x);
    x = layer(graph, &dd__op_flatten, "flat", NULL, x);
    assert_fine(dd__graph_output(graph, x, "view"));
    assert_fine(dd__graph_halve(graph, device));
    assert_int_equal(dd__node_half(node_named(graph, "conv1")), second);
    assert_int_equal(dd__node_half(node_named(graph, "conv2")) & ~second, 0);
    assert_int_equal(dd__node_half(node_named(graph, "flat")), 0);
    dd__graph_free(graph);
}

/* ---- What it computes ------------------------------------------------------------------------ */

/* The memory that the plan takes on the device. */
static uint64_t compute(dd_device *on, float y[BATCH * CLASSES]) {
    float x[BATCH * SIDE * SIDE];
    dd__plan *plan;
    dd__random random = dd__random_start(1, DD__STREAM_TEST);
    for (size_t i = 0; i < DD_COUNT(x); i++) x[i] = dd__random_uniform(&random);
    assert_fine(dd__plan_create(on, network(false, on), NULL, 0, &plan));
    assert_fine(dd__plan_write(plan, "x", x, sizeof x));
    for (int run = 0; run < 2; run++) assert_fine(dd__plan_run(plan));
    assert_fine(dd__plan_read(plan, "y", y, BATCH * CLASSES * sizeof *y));
    uint64_t bytes = dd__device_bytes(on);
    dd__plan_free(plan);
    return bytes;
}

static void test_less_memory_gives_nearly_the_same(void **state) {
    (void)state;
    float expected[BATCH * CLASSES], found[BATCH * CLASSES];
    dd_device *exact = open(DD_CLASS_GPU, DD_PRECISION_F32, NULL);
    uint64_t more = compute(exact, expected), less = compute(device, found);
    print_message("%llu bytes, %llu in half precision\n", (unsigned long long)more,
                  (unsigned long long)less);
    assert_true(less < more);
    double largest = 0;
    for (size_t i = 0; i < DD_COUNT(found); i++) {
        double error = fabs((double)found[i] - (double)expected[i]);
        assert_true(error <= 2e-3); /* ten layers, each rounded by 2^-11 of itself */
        largest = fmax(largest, error);
    }
    assert_true(largest > 0); /* else nothing was rounded */
    dd_device_close(exact);
}

/* The copies are made when the plan is first run, and again for other weights. */
static void test_new_weights_are_copied(void **state) {
    (void)state;
    float weights[64 * 8], y[8], x[64] = {1};
    dd__graph *graph;
    dd__value *in;
    dd__plan *plan;
    assert_fine(dd__graph_create(false, 5, &graph));
    assert_fine(dd__graph_input(graph, "x", DD__F32, DD_DIMS(1, 64), &in));
    assert_fine(dd__graph_output(graph, dense(graph, "dense", 8, in), "y"));
    assert_fine(dd__graph_halve(graph, device));
    assert_fine(dd__plan_create(device, graph, NULL, 0, &plan));
    assert_fine(dd__plan_write(plan, "x", x, sizeof x));
    for (int run = 1; run <= 2; run++) {
        for (size_t i = 0; i < DD_COUNT(weights); i++) weights[i] = (float)run / 4;
        assert_fine(dd__plan_write(plan, "parameters", weights, sizeof weights));
        dd__plan_parameters_changed(plan);
        assert_fine(dd__plan_run(plan));
        assert_fine(dd__plan_read(plan, "y", y, sizeof y));
        for (size_t i = 0; i < DD_COUNT(y); i++) assert_true(y[i] == (float)run / 4);
    }
    dd__plan_free(plan);
}

static int open_device(void **state) {
    (void)state;
    if (dd_device_open(
            NULL, &(dd_device_options){.kernel_class = DD_CLASS_GPU, .precision = DD_PRECISION_F16},
            &device) != DD_OK)
        return 1;
    return 0;
}

static int close_device(void **state) {
    (void)state;
    dd_device_close(device);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_nodes_hand_on_is_half_and_what_others_see_is_not),
        cmocka_unit_test(test_copies_of_weights_come_first),
        cmocka_unit_test(test_only_inference_by_kernels_for_gpus_that_may_is_half),
        cmocka_unit_test(test_a_forced_implementation_for_floats_keeps_its_values),
        cmocka_unit_test(test_products_in_half_precision_can_be_forced),
        cmocka_unit_test(test_a_value_that_the_host_reads_stays_float),
        cmocka_unit_test(test_less_memory_gives_nearly_the_same),
        cmocka_unit_test(test_new_weights_are_copied),
    };
    return cmocka_run_group_tests(tests, open_device, close_device);
}
