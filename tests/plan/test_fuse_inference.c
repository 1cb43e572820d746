/* Fused inference graphs: what they compute, and what is left alone. */
#include "plan/fixture.h"

#include <math.h>
#include <stdio.h>

#include "base/random.h"
#include "plan/choose.h"
#include "plan/fuse.h"

enum { BATCH = 5, SIDE = 25 };

static dd_device *device;

static dd__graph *new_graph(dd__value **x) {
    dd__graph *graph;
    assert_fine(dd__graph_create(false, 5, &graph));
    assert_fine(dd__graph_input(graph, "x", DD__F32, DD_DIMS(BATCH, SIDE, SIDE, 1), x));
    return graph;
}

static dd__value *act(dd__graph *graph, const char *name, dd__activation kind, float low,
                      float high, dd__value *x) {
    return layer(graph, &dd__op_activation, name,
                 &(dd__activate){.kind = (int32_t)kind, .alpha = low, .beta = high}, x);
}

static dd__value *sum(dd__graph *graph, const char *name, dd__value *a, dd__value *b) {
    dd__value *y;
    assert_fine(dd__graph_add1(graph, &dd__op_add, name, NULL, (dd__value *[]){a, b}, 2, &y));
    return y;
}

/* A residual block: two ways to a sum, which is limited; each summand in turn comes from the convolution
 * that takes the sum in. */
static dd__value *residual(dd__graph *graph, const char *name, dd__value *x) {
    char names[6][16];
    static const char *const parts[] = {"a", "b", "skip", "relu", "add", "clip"};
    for (size_t i = 0; i < DD_COUNT(names); i++)
        snprintf(names[i], sizeof names[i], "%s.%s", name, parts[i]);
    dd__value *a = norm(graph, names[1], convolution(graph, names[0], 16, 1, DD__LINEAR, x));
    dd__value *skip =
        convolution(graph, names[2], 16, 1, DD__LINEAR, act(graph, names[3], DD__RELU, 0, 0, x));
    bool first = name[1] == '1';
    dd__value *both = sum(graph, names[4], first ? a : skip, first ? skip : a);
    return act(graph, names[5], DD__CLIP, -0.5f, 1.0f, both);
}

/* Norm and pool with a row and a column left over (23 to 11); two residual blocks; a pool alone (7 to 3);
 * a norm alone with a number of channels that fills no tile. */
static dd__graph *network(bool fused) {
    dd__value *x;
    dd__graph *graph = new_graph(&x);
    x = pool(graph, "pool1", halves,
             norm(graph, "norm1", convolution(graph, "conv1", 16, 3, DD__RELU, x)));
    x = residual(graph, "r2", residual(graph, "r1", x));
    x = pool(graph, "pool2", halves, convolution(graph, "conv2", 48, 5, DD__RELU, x));
    x = norm(graph, "norm3", convolution(graph, "conv3", 37, 2, DD__RELU, x));
    assert_fine(dd__graph_output(graph, x, "y"));
    if (fused) assert_fine(dd__graph_fuse(graph, device));
    return graph;
}

enum { RESULTS = BATCH * 2 * 2 * 37 };

static void compute(bool fused, float y[RESULTS]) {
    float x[BATCH * SIDE * SIDE], statistics[4096];
    dd__plan *plan;
    dd__random random = dd__random_start(1, DD__STREAM_TEST);
    for (size_t i = 0; i < DD_COUNT(x); i++) x[i] = dd__random_uniform(&random);
    for (size_t i = 0; i < DD_COUNT(statistics); i++)
        statistics[i] = 0.5f + dd__random_uniform(&random);
    assert_fine(dd__plan_create(device, network(fused), NULL, 0, &plan));
    size_t bytes = dd__value_bytes(dd__plan_graph(plan)->statistics);
    assert_true(bytes <= sizeof statistics);
    assert_fine(dd__plan_write(plan, "statistics", statistics, bytes));
    assert_fine(dd__plan_write(plan, "x", x, sizeof x));
    assert_fine(dd__plan_run(plan));
    assert_fine(dd__plan_read(plan, "y", y, RESULTS * sizeof *y));
    dd__plan_free(plan);
}

static void test_fused_blocks_compute_the_same(void **state) {
    (void)state;
    static float expected[RESULTS], found[RESULTS];
    double largest = 0;
    compute(false, expected);
    compute(true, found);
    for (size_t i = 0; i < RESULTS; i++) largest = fmax(largest, fabs((double)expected[i]));
    assert_true(largest > 0.1);
    for (size_t i = 0; i < RESULTS; i++)
        assert_true(fabs((double)found[i] - (double)expected[i]) <= 2e-5 * largest);
}

static void test_blocks_become_one_node(void **state) {
    (void)state;
    dd__graph *graph = network(true);
    assert_int_equal(graph->node_count, fuses(device) ? 9 : 20);
    if (fuses(device)) {
        assert_string_equal(graph->nodes[0]->name, "conv1+norm1+pool1");
        assert_string_equal(graph->nodes[1]->name, "r1.a+r1.b");
        assert_string_equal(graph->nodes[3]->name, "r1.skip+r1.add+r1.clip");
    }
    dd__graph_free(graph);
}

/* How many nodes are left of conv, norm and pool. */
static size_t nodes_left(int32_t size, int32_t stride, bool seen) {
    dd__value *x;
    dd__graph *graph = new_graph(&x);
    x = norm(graph, "norm", convolution(graph, "conv", 16, 3, DD__RELU, x));
    if (seen) assert_fine(dd__graph_output(graph, x, "seen"));
    x = pool(graph, "pool", (dd__pool){.kernel = {size, size}, .stride = {stride, stride}}, x);
    assert_fine(dd__graph_output(graph, x, "y"));
    assert_fine(dd__graph_fuse(graph, device));
    size_t count = graph->node_count;
    dd__graph_free(graph);
    return count;
}

static void test_what_cannot_go_along_stays(void **state) {
    (void)state;
    if (!fuses(device)) skip();
    assert_int_equal(nodes_left(2, 2, false), 1);
    assert_int_equal(nodes_left(2, 2, true), 2);  /* the pool: others see what it reads */
    assert_int_equal(nodes_left(2, 1, false), 2); /* windows overlap */
    assert_int_equal(nodes_left(3, 3, false), 2); /* no implementation */
}

/* Their implementations look at the output of a block that is not there yet. */
static void test_kernels_of_gpus_compute_the_same(void **state) {
    (void)state;
    static float expected[RESULTS], found[RESULTS];
    dd_device_options options = {.kernel_class = DD_CLASS_GPU};
    dd_device *usual = device;
    compute(true, expected);
    assert_fine(dd_device_open(NULL, &options, &device));
    compute(true, found);
    dd_device_close(device);
    device = usual;
    for (size_t i = 0; i < RESULTS; i++) assert_true(fabsf(found[i] - expected[i]) <= 1e-4f);
}

static int open_device(void **state) {
    (void)state;
    return dd_device_open(NULL, NULL, &device) != DD_OK;
}

static int close_device(void **state) {
    (void)state;
    dd_device_close(device);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fused_blocks_compute_the_same),
        cmocka_unit_test(test_blocks_become_one_node),
        cmocka_unit_test(test_kernels_of_gpus_compute_the_same),
        cmocka_unit_test(test_what_cannot_go_along_stays),
    };
    return cmocka_run_group_tests(tests, open_device, close_device);
}
