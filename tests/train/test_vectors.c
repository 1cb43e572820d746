/* Ops and their gradients against vectors made with PyTorch (tests/vectors/make_vectors.py), on the
 * device and on the reference. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/memory.h"
#include "check/check.h"
#include "ops/ops.h"
#include "plan/differentiate.h"
#include "vectors.h"

/* The vectors are rounded from double; sums here are of at most 75 products near 1. */
static const double TOLERANCE = 1e-5;
enum { MOST_INPUTS = 5 };

/* A node whose inputs, output "y" and, where there is a "dy", gradients "d<input>" are stored as
 * "<name>/<tensor>". */
typedef struct vector_case {
    const char *name;
    const dd__op *op;
    const void *attributes;
    const char *in[MOST_INPUTS];
    const char *changed[MOST_INPUTS]; /* what an input that the op changes becomes */
} vector_case;

#define CONV(title, ...)                                                                     \
    {                                                                                        \
        .name = title, .op = &dd__op_conv2d, .attributes = &(const dd__conv2d){__VA_ARGS__}, \
        .in = {                                                                              \
            "x",                                                                             \
            "w",                                                                             \
            "b"                                                                              \
        }                                                                                    \
    }
#define POOL(title, kind, ...)                                                                     \
    {                                                                                              \
        .name = title, .op = &dd__op_##kind, .attributes = &(const dd__pool){__VA_ARGS__}, .in = { \
            "x"                                                                                    \
        }                                                                                          \
    }
#define ACTIVATION(title, kind_, alpha_)                                             \
    {                                                                                \
        .name = title, .op = &dd__op_activation,                                     \
        .attributes = &(const dd__activate){.kind = kind_, .alpha = alpha_}, .in = { \
            "x"                                                                      \
        }                                                                            \
    }
#define NORM \
    .attributes = &(const dd__batch_norm) { .momentum = 0.9f, .epsilon = 1e-3f }

static const vector_case cases[] = {
    CONV("conv2d_plain", .filters = 5, .kernel = {3, 3}, .stride = {1, 1}, .dilation = {1, 1},
         .groups = 1),
    CONV("conv2d_relu", .filters = 4, .kernel = {5, 5}, .stride = {1, 1}, .dilation = {1, 1},
         .groups = 1, .activation = DD__RELU),
    CONV("conv2d_stride", .filters = 6, .kernel = {5, 3}, .stride = {2, 3}, .dilation = {1, 1},
         .groups = 1, .padding = {.edges = {2, 1, 2, 1}}),
    CONV("conv2d_dilation", .filters = 4, .kernel = {3, 3}, .stride = {1, 1}, .dilation = {2, 2},
         .groups = 1, .padding = {.edges = {2, 2, 2, 2}}),
    CONV("conv2d_groups", .filters = 6, .kernel = {3, 3}, .stride = {1, 1}, .dilation = {1, 1},
         .groups = 2, .padding = {.edges = {1, 1, 1, 1}}),
    CONV("conv2d_depthwise", .filters = 5, .kernel = {3, 3}, .stride = {2, 2}, .dilation = {1, 1},
         .groups = 5, .padding = {.edges = {1, 1, 1, 1}}),
    CONV("conv2d_pointwise", .filters = 9, .kernel = {1, 1}, .stride = {1, 1}, .dilation = {1, 1},
         .groups = 1),
    POOL("max_pool_2", max_pool, .kernel = {2, 2}),
    POOL("max_pool_3_stride_2", max_pool, .kernel = {3, 3}, .stride = {2, 2},
         .padding = {.edges = {1, 1, 1, 1}}),
    POOL("average_pool_2", average_pool, .kernel = {2, 2}),
    POOL("average_pool_inside", average_pool, .kernel = {3, 3}, .stride = {2, 2},
         .padding = {.edges = {1, 1, 1, 1}}),
    POOL("average_pool_whole", average_pool, .kernel = {3, 3}, .stride = {2, 2},
         .padding = {.edges = {1, 1, 1, 1}}, .count_padding = true),
    {.name = "batch_norm",
     .op = &dd__op_batch_norm,
     NORM,
     .in = {"x", "gamma", "beta", "mean", "variance"}},
    {.name = "batch_norm_training",
     .op = &dd__op_batch_norm_training,
     NORM,
     .in = {"x", "gamma", "beta", "mean", "variance"},
     .changed = {NULL, NULL, NULL, "new_mean", "new_variance"}},
    {.name = "dense",
     .op = &dd__op_gemm,
     .attributes = &(const dd__gemm){.activation = DD__LINEAR},
     .in = {"x", "w", "b"}},
    ACTIVATION("relu", DD__RELU, 0),
    ACTIVATION("leaky_relu", DD__LEAKY_RELU, 0.2f),
    ACTIVATION("elu", DD__ELU, 0.7f),
    ACTIVATION("sigmoid", DD__SIGMOID, 0),
    ACTIVATION("tanh", DD__TANH, 0),
    ACTIVATION("gelu", DD__GELU, 0),
    ACTIVATION("swish", DD__SWISH, 0),
    ACTIVATION("hard_swish", DD__HARD_SWISH, 0),
    {.name = "softmax", .op = &dd__op_softmax, .in = {"x"}},
    {.name = "cross_entropy", .op = &dd__op_cross_entropy, .in = {"x", "labels"}},
    {.name = "cross_entropy_smoothed",
     .op = &dd__op_cross_entropy,
     .attributes = &(const dd__cross_entropy){.smoothing = 0.1f},
     .in = {"x", "labels"}},
};

static void assert_fine(dd_status status) {
    if (status != DD_OK) print_error("%s: %s\n", dd_status_name(status), dd_message());
    assert_int_equal(status, DD_OK);
}

/* ---- Stored tensors -------------------------------------------------------------- */

/* NULL when there is none. */
static const dd__stored_tensor *find(const char *name, const char *prefix, const char *tensor) {
    char key[128];
    snprintf(key, sizeof key, "%s/%s%s", name, prefix, tensor);
    return dd__safetensors_find(&vectors, key);
}

static const dd__stored_tensor *stored(const char *name, const char *tensor) {
    const dd__stored_tensor *found = find(name, "", tensor);
    if (!found) print_error("ops.safetensors has no \"%s/%s\"\n", name, tensor);
    assert_non_null(found);
    return found;
}

static void write_stored(dd__plan *plan, const char *name, const char *tensor, const char *value) {
    const dd__stored_tensor *from = stored(name, tensor);
    size_t bytes = from->end - from->begin;
    void *copy = dd__alloc(bytes, 1);
    assert_non_null(copy);
    memcpy(copy, from->data, bytes);
    assert_fine(dd__plan_write(plan, value, copy, bytes));
    dd__free(copy);
}

static void compare_stored(dd__plan *plan, const char *name, const dd__stored_tensor *tensor,
                           const char *value) {
    size_t count = dd__dims_count(&tensor->dims);
    float *found = dd__alloc(count, sizeof *found), *expected = dd__alloc(count, sizeof *expected);
    assert_non_null(found);
    assert_non_null(expected);
    dd__safetensors_floats(tensor, expected);
    assert_fine(dd__plan_read(plan, value, found, count * sizeof *found));
    assert_fine(
        dd__within(dd__compare(found, expected, count, TOLERANCE, NULL), "%s: %s", name, value));
    dd__free(found);
    dd__free(expected);
}

/* ---- A node and its gradients ---------------------------------------------------- */

/* Adds the inputs, which are called as in the file; *count of them. */
static void add_inputs(const vector_case *v, dd__graph *graph, dd__value *in[MOST_INPUTS],
                       size_t *count) {
    for (*count = 0; *count < MOST_INPUTS && v->in[*count]; ++*count) {
        const dd__stored_tensor *tensor = stored(v->name, v->in[*count]);
        dd__type type = strcmp(tensor->dtype, "I32") == 0 ? DD__I32 : DD__F32;
        assert_fine((v->changed[*count] ? dd__graph_state : dd__graph_input)(
            graph, v->in[*count], type, tensor->dims, &in[*count]));
        in[*count]->wants_gradient = find(v->name, "d", v->in[*count]) != NULL;
    }
}

static void add_gradients(const vector_case *v, dd__graph *graph, dd__value *y) {
    dd__value *dy, **gradients;
    if (!find(v->name, "", "dy")) return;
    size_t count = graph->value_count;
    assert_fine(dd__graph_input(graph, "dy", DD__F32, y->dims, &dy));
    assert_fine(dd__graph_differentiate(graph, y, dy, &gradients));
    for (size_t i = 0; i < count; i++) {
        const dd__value *value = graph->values[i];
        char name[64];
        if (value->producer || !value->wants_gradient) continue;
        assert_non_null(gradients[i]);
        snprintf(name, sizeof name, "d%s", value->name);
        assert_fine(dd__graph_output(graph, gradients[i], name));
    }
}

static dd__plan *make_plan(dd_device *device, const vector_case *v, size_t *in_count) {
    dd__graph *graph;
    dd__plan *plan;
    dd__value *in[MOST_INPUTS], *y;
    assert_fine(dd__graph_create(true, 1, &graph));
    add_inputs(v, graph, in, in_count);
    assert_fine(dd__graph_add(graph, v->op, v->name, v->attributes, in, *in_count,
                              (dd__value * *[]){&y}, 1));
    assert_fine(dd__graph_output(graph, y, "y"));
    add_gradients(v, graph, y);
    assert_fine(dd__plan_create(device, graph, NULL, 0, &plan));
    return plan;
}

static void check_case(dd_device *device, const vector_case *v) {
    size_t in_count;
    dd__plan *plan = make_plan(device, v, &in_count);
    bool differentiated = find(v->name, "", "dy") != NULL;
    for (size_t i = 0; i < in_count; i++) write_stored(plan, v->name, v->in[i], v->in[i]);
    if (differentiated) write_stored(plan, v->name, "dy", "dy");
    assert_fine(dd__plan_run(plan));
    compare_stored(plan, v->name, stored(v->name, "y"), "y");
    for (size_t i = 0; i < in_count; i++) {
        char gradient[64];
        const dd__stored_tensor *dx = find(v->name, "d", v->in[i]);
        snprintf(gradient, sizeof gradient, "d%s", v->in[i]);
        if (dx) compare_stored(plan, v->name, dx, gradient);
        if (v->changed[i]) compare_stored(plan, v->name, stored(v->name, v->changed[i]), v->in[i]);
    }
    dd__plan_free(plan);
}

/* ---- Optimizers ------------------------------------------------------------------ */

/* Three steps of one parameter, "w" under the gradients "g0".."g2". */
typedef struct optimizer_case {
    const char *name;
    const dd__op *op;
    const void *attributes;
    unsigned moments;
    float learning_rate, decay; /* decay: weight_decay before the update; 0: none */
} optimizer_case;

static const optimizer_case optimizers[] = {
    {"sgd", &dd__op_sgd, &(const dd__sgd){.momentum = 0}, 1, 0.05f, 0},
    {"momentum", &dd__op_sgd, &(const dd__sgd){.momentum = 0.9f}, 1, 0.05f, 0},
    {"adam", &dd__op_adam, &(const dd__adam){0.9f, 0.999f, 1e-7f}, 2, 0.01f, 0},
    {"adamw", &dd__op_adam, &(const dd__adam){0.9f, 0.999f, 1e-7f}, 2, 0.01f, 0.1f},
};

static dd__plan *make_optimizer(dd_device *device, const optimizer_case *o) {
    static const char *const moments[] = {"first", "second"};
    dd__graph *graph;
    dd__plan *plan;
    dd__value *w, *step, *in[5];
    dd__dims dims = stored(o->name, "w")->dims;
    assert_fine(dd__graph_create(true, 1, &graph));
    assert_fine(dd__graph_state(graph, "w", DD__F32, dims, &w));
    assert_fine(dd__graph_input(graph, "g", DD__F32, dims, &in[1]));
    for (unsigned i = 0; i < o->moments; i++)
        assert_fine(dd__graph_state(graph, moments[i], DD__F32, dims, &in[2 + i]));
    assert_fine(dd__graph_step(graph, &step));
    in[0] = w;
    in[2 + o->moments] = step;
    dd__weight_decay decay = {.decay = o->decay};
    if (o->decay != 0)
        assert_fine(dd__graph_add(graph, &dd__op_weight_decay, "decay", &decay,
                                  (dd__value *[]){w, step}, 2, NULL, 0));
    assert_fine(dd__graph_add(graph, o->op, o->name, o->attributes, in, 3 + o->moments, NULL, 0));
    assert_fine(dd__plan_create(device, graph, NULL, 0, &plan));
    return plan;
}

static void check_optimizer(dd_device *device, const optimizer_case *o) {
    static const char *const gradients[] = {"g0", "g1", "g2"};
    dd__plan *plan = make_optimizer(device, o);
    write_stored(plan, o->name, "w", "w");
    for (uint32_t i = 0; i < DD_COUNT(gradients); i++) {
        dd__step step = {.step = i, .learning_rate = o->learning_rate};
        assert_fine(dd__plan_write(plan, "step", &step, sizeof step));
        write_stored(plan, o->name, gradients[i], "g");
        assert_fine(dd__plan_run(plan));
    }
    compare_stored(plan, o->name, stored(o->name, "new_w"), "w");
    dd__plan_free(plan);
}

static void check_device(const char *selector) {
    dd_device *device;
    assert_fine(dd_device_open(selector, NULL, &device));
    for (size_t i = 0; i < DD_COUNT(cases); i++) check_case(device, &cases[i]);
    for (size_t i = 0; i < DD_COUNT(optimizers); i++) check_optimizer(device, &optimizers[i]);
    print_message("%zu ops and %zu optimizers as PyTorch on %s\n", DD_COUNT(cases),
                  DD_COUNT(optimizers), dd_device_describe(device)->name);
    dd_device_close(device);
}

static void test_ops_on_the_device_equal_pytorchs(void **state) {
    (void)state;
    check_device(NULL);
}

static void test_ops_on_the_reference_equal_pytorchs(void **state) {
    (void)state;
    check_device("reference");
}

static int load_vectors(void **state) {
    (void)state;
    return load_vectors_from("tests/vectors/ops.safetensors");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ops_on_the_device_equal_pytorchs),
        cmocka_unit_test(test_ops_on_the_reference_equal_pytorchs),
    };
    return cmocka_run_group_tests(tests, load_vectors, free_vectors);
}
