/* Fused training graphs: what they compute, and what is left alone. */
#include "plan/fixture.h"

#include <math.h>

#include "base/random.h"
#include "plan/choose.h"
#include "plan/differentiate.h"
#include "plan/fuse.h"

/* Of images of UNEVEN rows and columns the first pool leaves a row and a column over; of EVEN ones none,
 * and the whole first block becomes one node. */
enum { BATCH = 6, UNEVEN = 13, EVEN = 14, CLASSES = 10 };

/* ---- Devices ---------------------------------------------------------------------------- */

/* The reference, the default one, and that one with the kernels of GPUs. */
enum { REFERENCE, USUAL, AS_GPU, DEVICES };

static int close_all(void **state) {
    dd_device **devices = *state;
    for (int d = 0; d < DEVICES; d++) dd_device_close(devices[d]);
    return 0;
}

static int open_all(void **state) {
    static dd_device *devices[DEVICES];
    dd_device_options gpu = {.kernel_class = DD_CLASS_GPU};
    *state = devices;
    return dd_device_open("reference", NULL, &devices[REFERENCE]) != DD_OK ||
           dd_device_open(NULL, NULL, &devices[USUAL]) != DD_OK ||
           dd_device_open(NULL, &gpu, &devices[AS_GPU]) != DD_OK;
}

static bool fuses_tails(const dd_device *device) { return !dd__device_is_reference(device); }

/* ---- Networks --------------------------------------------------------------------------- */

static dd__value *dropout(dd__graph *graph, const char *name, dd__value *x) {
    return layer(graph, &dd__op_dropout, name, &(dd__dropout){.rate = 0.25f}, x);
}

static dd__graph *graph_of(uint32_t side, dd__value **x) {
    dd__graph *graph;
    assert_fine(dd__graph_create(true, 5, &graph));
    assert_fine(dd__graph_input(graph, "x", DD__F32, DD_DIMS(BATCH, side, side, 1), x));
    return graph;
}

static dd__graph *new_graph(dd__value **x) { return graph_of(UNEVEN, x); }

/* What is frozen of add_network, in bits. */
enum { CONV1 = 1, NORM1 = 2, CONV2 = 4, NORM2 = 8, CONV3 = 16, NORM3 = 32 };

/* `frozen` 1: the convolution is, 2: the norm, 3: both. */
static dd__value *conv_norm(dd__graph *graph, const char *conv, const char *normed, int32_t filters,
                            dd__activation activation, unsigned frozen, dd__value *x) {
    graph->frozen = frozen & 1;
    x = convolution(graph, conv, filters, 3, activation, x);
    graph->frozen = frozen & 2;
    x = norm(graph, normed, x);
    graph->frozen = false;
    return x;
}

/* Three blocks: pool and dropout; dropout alone behind a linear convolution; relu alone. */
static void add_network(dd__graph *graph, dd__value *x, unsigned frozen, dd__value **logits) {
    x = conv_norm(graph, "conv1", "norm1", 16, DD__RELU, frozen, x);
    x = dropout(graph, "drop1", pool(graph, "pool1", halves, x));
    assert_fine(dd__graph_output(graph, x, "y1"));
    x = conv_norm(graph, "conv2", "norm2", 12, DD__LINEAR, frozen / CONV2, x);
    x = dropout(graph, "drop2", x);
    x = conv_norm(graph, "conv3", "norm3", 4, DD__RELU, frozen / CONV3, x);
    x = layer(graph, &dd__op_flatten, "flatten", NULL, x);
    x = dropout(graph, "drop3", x);
    dd__value weight = {.dims = DD_DIMS(x->dims.d[1], CLASSES),
                        .initial = DD__GLOROT_UNIFORM,
                        .fan_in = x->dims.d[1],
                        .fan_out = CLASSES};
    dd__value *in[2] = {x};
    assert_fine(dd__graph_parameter(graph, "dense", "weight", &weight, &in[1]));
    assert_fine(dd__graph_add1(graph, &dd__op_gemm, "dense", &(dd__gemm){.activation = DD__LINEAR},
                               in, 2, logits));
}

/* Up to the gradients, fused for `device` when asked. */
static dd__graph *training_graph(const dd_device *device, uint32_t side, unsigned frozen,
                                 bool fused) {
    dd__value *x, *labels, *logits, *loss, *share, *gradients;
    dd__graph *graph = graph_of(side, &x);
    assert_fine(dd__graph_input(graph, "labels", DD__I32, DD_DIMS(BATCH), &labels));
    add_network(graph, x, frozen, &logits);
    assert_fine(dd__graph_add1(graph, &dd__op_cross_entropy, "loss", NULL,
                               (dd__value *[]){logits, labels}, 2, &loss));
    assert_fine(dd__graph_output(graph, loss, "loss"));
    if (fused) assert_fine(dd__graph_fuse(graph, device));
    assert_fine(dd__graph_add1(graph, &dd__op_fill, "mean", &(dd__fill){.value = 1.0f / BATCH},
                               &loss, 1, &share));
    assert_fine(dd__graph_gradients(graph, loss, share, &gradients));
    return graph;
}

static size_t count_nodes(const dd__graph *graph, const dd__op *op) {
    size_t count = 0;
    for (size_t n = 0; n < graph->node_count; n++) count += graph->nodes[n]->op == op;
    return count;
}

/* ---- What is computed ------------------------------------------------------------------- */

static void write_batch(dd__plan *plan, uint32_t side) {
    float x[BATCH * EVEN * EVEN];
    int32_t labels[BATCH];
    dd__step step = {.seed_low = 42, .step = 3, .count = BATCH};
    dd__random random = dd__random_start(1, DD__STREAM_TEST);
    for (size_t i = 0; i < DD_COUNT(x); i++) x[i] = dd__random_uniform(&random);
    for (size_t i = 0; i < BATCH; i++) labels[i] = (int32_t)(3 * i % CLASSES);
    assert_fine(dd__plan_write(plan, "x", x, BATCH * side * side * sizeof *x));
    assert_fine(dd__plan_write(plan, "labels", labels, sizeof labels));
    assert_fine(dd__plan_write(plan, "step", &step, sizeof step));
}

static const char *const compared[] = {"y1", "loss", "gradients", "statistics"};

/* Values of `compared`, each of sizes[i] numbers, which dd__free frees. */
typedef struct outcome {
    float *values[DD_COUNT(compared)];
    size_t sizes[DD_COUNT(compared)];
} outcome;

static outcome run(dd_device *device, uint32_t side, unsigned frozen, bool fused) {
    outcome o;
    dd__plan *plan;
    assert_fine(
        dd__plan_create(device, training_graph(device, side, frozen, fused), NULL, 0, &plan));
    write_batch(plan, side);
    assert_fine(dd__plan_run(plan));
    for (size_t i = 0; i < DD_COUNT(compared); i++) {
        o.sizes[i] = dd__dims_count(&dd__graph_find(dd__plan_graph(plan), compared[i])->dims);
        o.values[i] = dd__alloc(o.sizes[i], sizeof(float));
        assert_non_null(o.values[i]);
        assert_fine(dd__plan_read(plan, compared[i], o.values[i], o.sizes[i] * sizeof(float)));
    }
    dd__plan_free(plan);
    return o;
}

static void outcome_free(outcome *o) {
    for (size_t i = 0; i < DD_COUNT(compared); i++) dd__free(o->values[i]);
}

static void check_fused_as_plain(dd_device *device, uint32_t side, unsigned frozen) {
    outcome plain = run(device, side, frozen, false), fused = run(device, side, frozen, true);
    for (size_t i = 0; i < DD_COUNT(compared); i++) {
        assert_int_equal(plain.sizes[i], fused.sizes[i]);
        for (size_t k = 0; k < plain.sizes[i]; k++) {
            float a = plain.values[i][k], b = fused.values[i][k];
            assert_true(fabsf(a - b) <= 1e-5f * fmaxf(1, fabsf(a)));
            if (i == 0) assert_int_equal(a == 0, b == 0);
        }
    }
    outcome_free(&plain);
    outcome_free(&fused);
}

static void test_fused_steps_give_the_same_gradients_and_drop_the_same(void **state) {
    dd_device **devices = *state;
    for (int d = 0; d < DEVICES; d++) {
        check_fused_as_plain(devices[d], UNEVEN, 0);
        check_fused_as_plain(devices[d], EVEN, 0);
    }
}

/* The first blocks, halves of blocks, a block between trained ones. */
static void test_fused_steps_with_frozen_layers_do_so_too(void **state) {
    dd_device **devices = *state;
    static const unsigned rows[] = {CONV1 | NORM1,
                                    CONV1 | NORM1 | CONV2,
                                    CONV1 | NORM1 | CONV2 | NORM2 | CONV3 | NORM3,
                                    CONV1,
                                    NORM1,
                                    CONV2,
                                    CONV2 | NORM2,
                                    CONV3 | NORM3};
    for (int d = 0; d < DEVICES; d++)
        for (size_t i = 0; i < DD_COUNT(rows); i++) {
            check_fused_as_plain(devices[d], UNEVEN, rows[i]);
            check_fused_as_plain(devices[d], EVEN, rows[i]);
        }
}

static void test_two_fused_runs_give_the_same_bytes(void **state) {
    dd_device **devices = *state;
    for (int d = USUAL; d < DEVICES; d++) {
        outcome a = run(devices[d], EVEN, 0, true), b = run(devices[d], EVEN, 0, true);
        for (size_t i = 0; i < DD_COUNT(compared); i++)
            assert_memory_equal(a.values[i], b.values[i], a.sizes[i] * sizeof(float));
        outcome_free(&a);
        outcome_free(&b);
    }
}

/* ---- What is fused ---------------------------------------------------------------------- */

static void test_a_blocks_tail_becomes_one_node(void **state) {
    dd_device **devices = *state;
    for (int d = 0; d < DEVICES; d++) {
        size_t tails = fuses_tails(devices[d]) ? 3 : 0;
        dd__graph *graph = training_graph(devices[d], UNEVEN, 0, true);
        assert_int_equal(count_nodes(graph, &dd__op_norm_pool_training), tails);
        assert_int_equal(count_nodes(graph, &dd__op_norm_pool_backward), tails);
        assert_int_equal(count_nodes(graph, &dd__op_batch_norm_training), 3 - tails);
        assert_int_equal(count_nodes(graph, &dd__op_max_pool), tails ? 0 : 1);
        assert_int_equal(count_nodes(graph, &dd__op_dropout), tails ? 1 : 3);
        assert_int_equal(count_nodes(graph, &dd__op_activation_backward), tails ? 0 : 2);
        assert_int_equal(count_nodes(graph, &dd__op_column_sums), tails ? 0 : 3);
        for (size_t n = 0; n < graph->node_count; n++) assert_int_equal(graph->nodes[n]->number, n);
        dd__graph_free(graph);
    }
}

static void test_a_first_block_becomes_one_node(void **state) {
    dd_device **devices = *state;
    for (int d = 0; d < DEVICES; d++) {
        size_t whole = fuses(devices[d]), tails = fuses_tails(devices[d]) ? 3 : 0;
        dd__graph *graph = training_graph(devices[d], EVEN, 0, true);
        assert_int_equal(count_nodes(graph, &dd__op_conv2d_norm_pool_training), whole);
        assert_int_equal(count_nodes(graph, &dd__op_conv2d_norm_pool_backward), whole);
        assert_int_equal(count_nodes(graph, &dd__op_norm_pool_training), tails - whole);
        assert_int_equal(count_nodes(graph, &dd__op_conv2d), 3 - whole);
        assert_int_equal(count_nodes(graph, &dd__op_conv2d_backward_weights), 3 - whole);
        dd__graph_free(graph);
    }
}

static void test_a_frozen_first_block_becomes_what_it_is_in_inference(void **state) {
    dd_device **devices = *state;
    for (int d = 0; d < DEVICES; d++) {
        bool tails = fuses_tails(devices[d]);
        dd__graph *graph = training_graph(devices[d], EVEN, CONV1 | NORM1, true);
        assert_int_equal(count_nodes(graph, &dd__op_batch_norm), tails ? 0 : 1);
        assert_int_equal(count_nodes(graph, &dd__op_max_pool), tails ? 0 : 1);
        assert_int_equal(count_nodes(graph, &dd__op_norm_pool_training), tails ? 2 : 0);
        assert_int_equal(count_nodes(graph, &dd__op_conv2d), 3);
        assert_int_equal(count_nodes(graph, &dd__op_conv2d_backward_weights), 2);
        assert_int_equal(count_nodes(graph, &dd__op_conv2d_backward_data), 1);
        dd__graph_free(graph);
    }
}

/* A forced convolution stays by itself, and its tail becomes one node. */
static void test_a_first_block_with_a_forced_convolution_does_not(void **state) {
    (void)state;
    dd_device *device;
    dd_device_options options = {.implementations = "conv2d=plain"};
    assert_fine(dd_device_open(NULL, &options, &device));
    dd__graph *graph = training_graph(device, EVEN, 0, true);
    assert_int_equal(count_nodes(graph, &dd__op_conv2d_norm_pool_training), 0);
    assert_int_equal(count_nodes(graph, &dd__op_norm_pool_training), fuses_tails(device) ? 3 : 0);
    dd__graph_free(graph);
    dd_device_close(device);
}

/* The graph, freed here, has no fused node after fusing; else one whose windows are pool x pool. */
static void assert_fused(dd__graph *graph, const dd_device *device, int32_t pooled) {
    assert_fine(dd__graph_fuse(graph, device));
    const dd__node *found = NULL;
    for (size_t n = 0; n < graph->node_count; n++)
        if (graph->nodes[n]->op == &dd__op_norm_pool_training) found = graph->nodes[n];
    assert_int_equal(found != NULL, pooled > 0 && fuses_tails(device));
    if (found) {
        const dd__norm_pool *a = found->attributes;
        assert_int_equal(a->pool[0], pooled);
        assert_int_equal(a->pool[1], pooled);
    }
    dd__graph_free(graph);
}

static void check_values_that_others_read_stay(dd_device *device) {
    dd__value *x, *y, *sum;
    dd__graph *graph = new_graph(&x);
    y = norm(graph, "norm", convolution(graph, "conv", 8, 3, DD__LINEAR, x));
    pool(graph, "pool", halves, y);
    assert_fine(dd__graph_add1(graph, &dd__op_add, "add", NULL, (dd__value *[]){y, y}, 2, &sum));
    assert_fused(graph, device, 0);

    graph = new_graph(&x);
    y = norm(graph, "norm", convolution(graph, "conv", 8, 3, DD__LINEAR, x));
    assert_fine(dd__graph_output(graph, y, "seen"));
    pool(graph, "pool", halves, y);
    assert_fused(graph, device, 0);
}

static void check_a_convolution_with_two_readers_keeps_its_gradient(dd_device *device) {
    dd__value *x, *y, *sum;
    dd__graph *graph = new_graph(&x);
    y = convolution(graph, "conv", 8, 3, DD__RELU, x);
    const dd__conv2d *conv = y->producer->attributes;
    pool(graph, "pool", halves, norm(graph, "norm", y));
    assert_fine(dd__graph_add1(graph, &dd__op_add, "add", NULL, (dd__value *[]){y, y}, 2, &sum));
    assert_fine(dd__graph_fuse(graph, device));
    assert_false(conv->outer_gradient);
    assert_int_equal(count_nodes(graph, &dd__op_norm_pool_training), fuses_tails(device));
    assert_fused(graph, device, 2);
}

static void check_windows_that_overlap_or_leave_the_image_stay(dd_device *device) {
    const dd__pool others[] = {{.kernel = {3, 3}, .stride = {2, 2}},
                               {.kernel = {2, 2}, .padding = {.same = 1}},
                               {.kernel = {2, 2}, .padding = {.edges = {0, 0, 1, 1}}}};
    for (size_t i = 0; i < DD_COUNT(others); i++) {
        dd__value *x, *y;
        dd__graph *graph = new_graph(&x);
        y = pool(graph, "pool", others[i],
                 norm(graph, "norm", convolution(graph, "conv", 8, 3, DD__RELU, x)));
        dropout(graph, "drop", y);
        const dd__node *kept = y->producer;
        assert_fine(dd__graph_fuse(graph, device));
        assert_int_equal(count_nodes(graph, kept->op), 1);
        assert_int_equal(count_nodes(graph, &dd__op_dropout), 1);
        assert_fused(graph, device, 1);
    }
}

static void check_a_norm_alone_stays(dd_device *device) {
    dd__value *x;
    dd__graph *graph = new_graph(&x);
    norm(graph, "norm", convolution(graph, "conv", 8, 3, DD__LINEAR, x));
    assert_fused(graph, device, 0);
}

static void check_what_no_implementation_computes_stays(dd_device *device) {
    bool gpu = dd__device_class(device) == DD_CLASS_GPU;
    dd__value *x;
    dd__graph *graph = new_graph(&x); /* 3 channels make no vector */
    pool(graph, "pool", halves, norm(graph, "norm", convolution(graph, "conv", 3, 3, DD__RELU, x)));
    assert_fused(graph, device, gpu ? 2 : 0);
    graph = new_graph(&x);
    pool(graph, "pool", (dd__pool){.kernel = {11, 11}},
         norm(graph, "norm", convolution(graph, "conv", 8, 3, DD__RELU, x)));
    assert_fused(graph, device, 0);
}

/* Each of them on both classes. */
#define ON_BOTH(name)                                                   \
    static void test_##name(void **state) {                             \
        dd_device **devices = *state;                                   \
        for (int d = USUAL; d < DEVICES; d++) check_##name(devices[d]); \
    }
ON_BOTH(values_that_others_read_stay)
ON_BOTH(a_convolution_with_two_readers_keeps_its_gradient)
ON_BOTH(windows_that_overlap_or_leave_the_image_stay)
ON_BOTH(a_norm_alone_stays)
ON_BOTH(what_no_implementation_computes_stays)

static void test_forced_implementations_stay(void **state) {
    (void)state;
    const char *const forced[] = {"batch_norm_training=plain", "max_pool=plain"};
    for (size_t i = 0; i < 2 * DD_COUNT(forced); i++) {
        dd_device *device;
        dd_device_options options = {.implementations = forced[i / 2],
                                     .kernel_class = i % 2 ? DD_CLASS_GPU : DD_CLASS_AUTO};
        assert_fine(dd_device_open(NULL, &options, &device));
        dd__value *x;
        dd__graph *graph = new_graph(&x);
        pool(graph, "pool", halves,
             norm(graph, "norm", convolution(graph, "conv", 8, 3, DD__LINEAR, x)));
        assert_fused(graph, device, 0);
        dd_device_close(device);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fused_steps_give_the_same_gradients_and_drop_the_same),
        cmocka_unit_test(test_fused_steps_with_frozen_layers_do_so_too),
        cmocka_unit_test(test_two_fused_runs_give_the_same_bytes),
        cmocka_unit_test(test_a_blocks_tail_becomes_one_node),
        cmocka_unit_test(test_a_first_block_becomes_one_node),
        cmocka_unit_test(test_a_frozen_first_block_becomes_what_it_is_in_inference),
        cmocka_unit_test(test_a_first_block_with_a_forced_convolution_does_not),
        cmocka_unit_test(test_values_that_others_read_stay),
        cmocka_unit_test(test_a_convolution_with_two_readers_keeps_its_gradient),
        cmocka_unit_test(test_windows_that_overlap_or_leave_the_image_stay),
        cmocka_unit_test(test_a_norm_alone_stays),
        cmocka_unit_test(test_what_no_implementation_computes_stays),
        cmocka_unit_test(test_forced_implementations_stay),
    };
    return cmocka_run_group_tests(tests, open_all, close_all);
}
