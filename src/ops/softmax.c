/* softmax and its logarithm over the last axis and cross_entropy on logits, with their gradients.
 * See cl/softmax.cl for the formulas.
 *
 * softmax                 x (..., C) -> y
 * softmax_backward        dy, y -> dx
 * log_softmax             x (..., C) -> y
 * log_softmax_backward    dy, y -> dx
 * cross_entropy           logits (N, C), labels (N) i32 -> loss (N), hit (N) f32
 * cross_entropy_backward  logits, labels, dloss (N) -> dlogits
 *
 * A label of -1 marks an example that is not counted: the filling of a last, smaller batch. With smoothing
 * the loss is that of a target which gives every class a part of what is the label's.
 */
#include <stdio.h>

#include "ops/launch.h"
#include "ops/ops.h"
#include "reference/reference.h"

static const dd__attribute cross_entropy_attributes[] = {
    {.name = "smoothing",
     .type = DD__FLOAT,
     .offset = offsetof(dd__cross_entropy, smoothing),
     .max = 0.9999,
     .help = "share of the label's weight that all classes get alike"},
    {0},
};

/* ---- Shapes ------------------------------------------------------------------------- */

static dd_status infer_softmax(dd__graph *graph, dd__node *node) {
    const dd__value *x = node->in[0];
    for (size_t i = 0; i < node->in_count; i++)
        if (node->in[i]->type != DD__F32 || x->dims.rank == 0 || dd__dims_count(&x->dims) == 0 ||
            !dd__dims_equal(&node->in[i]->dims, &x->dims))
            return dd__fail(DD_SHAPE, "expected f32 values (..., C) of one shape");
    return dd__node_output(graph, node, 0, DD__F32, x->dims);
}

static dd_status expect_labels(const dd__node *node) {
    const dd__value *x = node->in[0], *labels = node->in[1];
    char found[80];
    if (x->type != DD__F32 || x->dims.rank != 2)
        return dd__fail(DD_SHAPE, "expected logits (N, classes) of type f32, found %s",
                        dd__dims_print(&x->dims, found));
    if (labels->type != DD__I32 || dd__dims_count(&labels->dims) != x->dims.d[0])
        return dd__fail(DD_SHAPE, "expected %u labels of type i32, found %s", x->dims.d[0],
                        dd__dims_print(&labels->dims, found));
    return DD_OK;
}

static dd_status infer_cross_entropy(dd__graph *graph, dd__node *node) {
    DD_TRY(expect_labels(node));
    dd__dims rows = DD_DIMS(node->in[0]->dims.d[0]);
    DD_TRY(dd__node_output(graph, node, 0, DD__F32, rows));
    return dd__node_output(graph, node, 1, DD__F32, rows);
}

static dd_status infer_cross_entropy_backward(dd__graph *graph, dd__node *node) {
    DD_TRY(expect_labels(node));
    const dd__value *x = node->in[0], *dloss = node->in[2];
    if (dloss->type != DD__F32 || dd__dims_count(&dloss->dims) != x->dims.d[0])
        return dd__fail(DD_SHAPE, "expected dloss of %u numbers", x->dims.d[0]);
    return dd__node_output(graph, node, 0, DD__F32, x->dims);
}

/* ---- Gradients ---------------------------------------------------------------------- */

static dd_status gradient_softmax(dd__graph *graph, const dd__node *node, dd__value *const dy[],
                                  dd__value *dx[]) {
    if (dy[0] == NULL) return DD_OK;
    char name[256];
    snprintf(name, sizeof name, "%s.backward", node->name);
    dd__value *in[] = {dy[0], node->out[0]};
    bool log = node->op == &dd__op_log_softmax;
    return dd__graph_add1(graph, log ? &dd__op_log_softmax_backward : &dd__op_softmax_backward,
                          name, NULL, in, 2, &dx[0]);
}

/* `hit` is a step function: nothing flows through it. */
static dd_status gradient_cross_entropy(dd__graph *graph, const dd__node *node,
                                        dd__value *const dy[], dd__value *dx[]) {
    if (dy[0] == NULL) return DD_OK;
    char name[256];
    snprintf(name, sizeof name, "%s.backward", node->name);
    dd__value *in[] = {node->in[0], node->in[1], dy[0]};
    return dd__graph_add1(graph, &dd__op_cross_entropy_backward, name, node->attributes, in, 3,
                          &dx[0]);
}

/* ---- Launch ------------------------------------------------------------------------- */

/* All kernels take the node's inputs, its outputs, the rows, C, those of cross-entropy the smoothing,
 * and how many work-items have a row; this and the geometry are set by the caller. */
static dd__launch start(const dd__node *node, size_t *rows, size_t *channels) {
    const dd__dims *x = &node->in[0]->dims;
    dd__launch launch = {.program = "softmax", .kernel = node->op->name};
    *channels = x->d[x->rank - 1];
    *rows = dd__dims_count(x) / *channels;
    dd__launch_values(&launch, node->in, node->in_count);
    dd__launch_values(&launch, node->out, node->out_count);
    dd__launch_append(&launch, DD_INT(*rows));
    dd__launch_append(&launch, DD_INT(*channels));
    if (node->op->attributes == cross_entropy_attributes) {
        const dd__cross_entropy *attributes = node->attributes;
        dd__launch_append(&launch, DD_FLOAT(attributes->smoothing));
    }
    return launch;
}

static dd_status record(dd__recorder *recorder, const dd__node *node, dd__launch launch,
                        size_t wide, const char *form) {
    char options[64];
    snprintf(options, sizeof options, "-DOP_%s%s", node->op->name, form);
    launch.options = options; /* no vectors */
    dd__launch_append(&launch, DD_INT(wide));
    return dd__record(recorder, &launch);
}

static dd_status record_plain(dd__recorder *recorder, const dd__node *node, const dd__site *site) {
    size_t rows, channels;
    dd__launch launch = start(node, &rows, &channels);
    dd__launch_elements(&launch, site->device, rows);
    return record(recorder, node, launch, 1, "");
}

static dd_status record_grouped(dd__recorder *recorder, const dd__node *node,
                                const dd__site *site) {
    size_t rows, channels;
    dd__launch launch = start(node, &rows, &channels);
    size_t wide = dd__group_width(site->device, channels, channels);
    dd__launch_groups(&launch, site->device, rows * wide);
    return record(recorder, node, launch, wide, " -DGROUPED");
}

static const char *refuse_vector(const dd__node *node, const dd_device *device) {
    const dd__dims *x = &node->in[0]->dims;
    bool fits = x->d[x->rank - 1] >= dd_device_describe(device)->vector_width;
    return fits ? NULL : "there are fewer classes than a vector has lanes";
}

/* Both of them take a chunk of rows where the others take how many items have a row. */
static dd_status record_vector(dd__recorder *recorder, const dd__node *node, const dd__site *site) {
    enum { AN_EXPONENTIAL = 8 }; /* is worth so many of the elements that chunks are counted in */
    size_t rows, channels;
    char kernel[64];
    dd__launch launch = start(node, &rows, &channels);
    snprintf(kernel, sizeof kernel, "%s_vector", node->op->name);
    launch.kernel = kernel;
    dd__launch_append(&launch, DD_INT(dd__launch_chunks(&launch, site->device, rows,
                                                        AN_EXPONENTIAL * channels, 1)));
    return dd__record(recorder, &launch);
}

static const dd__implementation vector = {
    .name = "vector", .classes = DD__ON_CPU, .refuse = refuse_vector, .record = record_vector};
static const dd__implementation grouped = {
    .name = "grouped", .classes = DD__ON_GPU, .record = record_grouped};
static const dd__implementation plain = {
    .name = "plain", .classes = DD__ANYWHERE, .record = record_plain};
static const dd__implementation *const implementations[] = {&grouped, &plain, NULL};
static const dd__implementation *const implementations_forward[] = {&vector, &grouped, &plain,
                                                                    NULL};

const dd__op dd__op_softmax = {
    .name = "softmax",
    .min_in = 1,
    .max_in = 1,
    .outputs = 1,
    .layer = dd__layer_plain,
    .infer = infer_softmax,
    .gradient = gradient_softmax,
    .reference = dd__reference_softmax,
    .implementations = implementations_forward,
};

const dd__op dd__op_softmax_backward = {
    .name = "softmax_backward",
    .min_in = 2,
    .max_in = 2,
    .outputs = 1,
    .infer = infer_softmax,
    .reference = dd__reference_softmax_backward,
    .implementations = implementations,
};

const dd__op dd__op_log_softmax = {
    .name = "log_softmax",
    .min_in = 1,
    .max_in = 1,
    .outputs = 1,
    .layer = dd__layer_plain,
    .infer = infer_softmax,
    .gradient = gradient_softmax,
    .reference = dd__reference_log_softmax,
    .implementations = implementations_forward,
};

const dd__op dd__op_log_softmax_backward = {
    .name = "log_softmax_backward",
    .min_in = 2,
    .max_in = 2,
    .outputs = 1,
    .infer = infer_softmax,
    .reference = dd__reference_log_softmax_backward,
    .implementations = implementations,
};

const dd__op dd__op_cross_entropy = {
    .name = "cross_entropy",
    .attributes_bytes = sizeof(dd__cross_entropy),
    .attributes = cross_entropy_attributes,
    .min_in = 2,
    .max_in = 2,
    .outputs = 2,
    .infer = infer_cross_entropy,
    .gradient = gradient_cross_entropy,
    .reference = dd__reference_cross_entropy,
    .implementations = implementations,
};

const dd__op dd__op_cross_entropy_backward = {
    .name = "cross_entropy_backward",
    .attributes_bytes = sizeof(dd__cross_entropy),
    .attributes = cross_entropy_attributes,
    .min_in = 3,
    .max_in = 3,
    .outputs = 1,
    .infer = infer_cross_entropy_backward,
    .reference = dd__reference_cross_entropy_backward,
    .implementations = implementations,
};
