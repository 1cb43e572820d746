/* gemm: C (M,N) = f(A B + bias), A (M,K), B (K,N), bias (N) optional; either operand may lie
 * transposed in memory. What dense layers and their gradients are made of. Implementations: our
 * register tiles for CPU runtimes, our tiles in local memory for GPUs and the same on matrix units,
 * CLBlast, and plain. Which one runs is a matter of class, precision and measurement.
 */
#include <stdio.h>

#include "ops/launch.h"
#include "ops/ops.h"
#include "ops/tile.h"
#include "ops/tile_local.h"
#include "reference/reference.h"

static const dd__attribute attributes[] = {
    {.name = "transpose_a",
     .type = DD__BOOL,
     .offset = offsetof(dd__gemm, transpose_a),
     .help = "A lies as (K, M)"},
    {.name = "transpose_b",
     .type = DD__BOOL,
     .offset = offsetof(dd__gemm, transpose_b),
     .help = "B lies as (N, K)"},
    {.name = "activation",
     .type = DD__CHOICE,
     .offset = offsetof(dd__gemm, activation),
     .choices = dd__activation_names,
     .help = "applied to the result"},
    {0},
};

static dd__matrices matrices_of(const dd__node *node) {
    const dd__gemm *g = node->attributes;
    return dd__matrices_of(&node->in[0]->dims, g->transpose_a, &node->in[1]->dims, g->transpose_b);
}

static const dd__value *bias_of(const dd__node *node) {
    return node->in_count > 2 ? node->in[2] : NULL;
}

static bool has_relu(const dd__node *node) {
    return ((const dd__gemm *)node->attributes)->activation == DD__RELU;
}

static dd_status infer(dd__graph *graph, dd__node *node) {
    const dd__gemm *g = node->attributes;
    const dd__dims *a = &node->in[0]->dims, *b = &node->in[1]->dims;
    char left[80], right[80];
    if (a->rank != 2 || b->rank != 2 || a->d[!g->transpose_a] != b->d[g->transpose_b])
        return dd__fail(DD_SHAPE, "cannot multiply %s%s by %s%s", dd__dims_print(a, left),
                        g->transpose_a ? " transposed" : "", dd__dims_print(b, right),
                        g->transpose_b ? " transposed" : "");
    dd__matrices s = matrices_of(node);
    const dd__value *bias = bias_of(node);
    if (bias && (bias->dims.rank != 1 || bias->dims.d[0] != (uint32_t)s.n))
        return dd__fail(DD_SHAPE, "expected a bias of %d numbers, found %s", s.n,
                        dd__dims_print(&bias->dims, left));
    if (g->activation != DD__LINEAR && g->activation != DD__RELU)
        return dd__fail(DD_SHAPE, "a product node computes linear or relu");
    return dd__node_output(graph, node, 0, DD__F32, DD_DIMS((uint32_t)s.m, (uint32_t)s.n));
}

static dd_status product(dd__graph *graph, const dd__node *node, const char *what, dd__value *a,
                         bool transpose_a, dd__value *b, bool transpose_b, dd__value **c) {
    char name[256];
    snprintf(name, sizeof name, "%s.%s", node->name, what);
    dd__gemm g = {.transpose_a = transpose_a, .transpose_b = transpose_b};
    return dd__graph_add1(graph, &dd__op_gemm, name, &g, (dd__value *[]){a, b}, 2, c);
}

/* C = op(A) op(B) gives d op(A) = dC op(B)^T and d op(B) = op(A)^T dC; where an operand lies
 * transposed, so does its gradient. */
static dd_status gradient(dd__graph *graph, const dd__node *node, dd__value *const dy[],
                          dd__value *dx[]) {
    const dd__gemm *g = node->attributes;
    dd__value *a = node->in[0], *b = node->in[1], *dc = dy[0];
    char name[256];
    if (g->activation == DD__RELU) {
        dd__activate relu = dd__activation_of(DD__RELU);
        snprintf(name, sizeof name, "%s.relu_backward", node->name);
        DD_TRY(dd__graph_add1(graph, &dd__op_activation_backward, name, &relu,
                              (dd__value *[]){dc, node->out[0]}, 2, &dc));
    }
    if (node->in_count > 2 && node->in[2] && node->in[2]->wants_gradient) {
        snprintf(name, sizeof name, "%s.backward_bias", node->name);
        DD_TRY(dd__graph_add1(graph, &dd__op_column_sums, name, NULL, &dc, 1, &dx[2]));
    }
    bool ta = g->transpose_a, tb = g->transpose_b;
    if (b->wants_gradient)
        DD_TRY(tb ? product(graph, node, "backward_weights", dc, true, a, ta, &dx[1])
                  : product(graph, node, "backward_weights", a, !ta, dc, false, &dx[1]));
    if (a->wants_gradient)
        DD_TRY(ta ? product(graph, node, "backward_data", b, tb, dc, true, &dx[0])
                  : product(graph, node, "backward_data", dc, false, b, !tb, &dx[0]));
    return DD_OK;
}

static double flop(const dd__node *node) {
    dd__matrices s = matrices_of(node);
    return 2.0 * s.m * s.n * s.k;
}

enum { HALF = DD__HALF_IN(0) | DD__HALF_IN(1) | DD__HALF_OUT(0) };

/* ---- plain -------------------------------------------------------------------------------- */

static dd_status record_plain(dd__recorder *recorder, const dd__node *node, const dd__site *site) {
    dd__matrices s = matrices_of(node);
    const dd__value *bias = bias_of(node);
    dd__buffer *b = node->in[1]->buffer;
    dd__launch launch = {
        .program = "gemm",
        .kernel = "multiply",
        .arguments = {DD_BUFFER(node->in[0]->buffer), DD_BUFFER(b),
                      DD_BUFFER(bias ? bias->buffer : b), DD_BUFFER(node->out[0]->buffer),
                      DD_INT(bias != NULL), DD_INT(has_relu(node)), DD_INT(s.m * s.n), DD_INT(s.n),
                      DD_INT(s.k), DD_INT(s.ai), DD_INT(s.ak), DD_INT(s.bk), DD_INT(s.bj)}};
    dd__options options = dd__element_options(site->device, node);
    dd__launch_elements(&launch, site->device, (size_t)s.m * (size_t)s.n);
    launch.options = options.text;
    return dd__record(recorder, &launch);
}

static const dd__implementation plain = {
    .name = "plain", .classes = DD__ANYWHERE, .record = record_plain, .half = HALF};

/* ---- direct: register tiles for CPU runtimes ---------------------------------------------- */

static void scratch_direct(const dd__node *node, const dd_device *device, dd__scratch *scratch) {
    dd__matrices s = matrices_of(node);
    scratch->packed_bytes = dd__tile_packed_bytes(node, device, &s, 1);
}

static dd_status pack_direct(dd__recorder *recorder, const dd__node *node, const dd__site *site) {
    dd__matrices s = matrices_of(node);
    return dd__tile_pack(recorder, node, site, "gemm_direct", &s, 1);
}

static dd_status record_direct(dd__recorder *recorder, const dd__node *node, const dd__site *site) {
    dd__matrices s = matrices_of(node);
    dd__tile t = dd__tile_of(node, site->device);
    const dd__value *bias = bias_of(node);
    return dd__record(
        recorder,
        &(dd__launch){.program = "gemm_direct",
                      .options = t.options,
                      .kernel = "multiply",
                      .global = {(size_t)dd__divide_up(s.m, t.rows),
                                 (size_t)dd__divide_up(s.n, t.columns), 1},
                      .local = {1, 1, 1},
                      .arguments = {DD_BUFFER(node->in[0]->buffer), DD_BUFFER(site->packed),
                                    DD_BUFFER(bias ? bias->buffer : site->packed),
                                    DD_BUFFER(node->out[0]->buffer), DD_INT(bias != NULL),
                                    DD_INT(has_relu(node)), DD_INT(s.m), DD_INT(s.n), DD_INT(s.k),
                                    DD_INT(s.ai), DD_INT(s.ak)}});
}

static const dd__implementation direct = {.name = "direct",
                                          .classes = DD__ON_CPU,
                                          .scratch = scratch_direct,
                                          .pack = pack_direct,
                                          .record = record_direct,
                                          .tunables = dd__tile_tunables};

/* ---- tiled: local memory, for GPUs; on matrix units where rounding is allowed --------------- */

static dd__product product_of(const dd__matrices *s) {
    return (dd__product){.m = s->m, .n = s->n, .k = s->k, .row = s->n, .count = 1, .places = 1};
}

static void scratch_tiled(const dd__node *node, const dd_device *device, dd__scratch *scratch,
                          const dd__local_form *form) {
    dd__matrices s = matrices_of(node);
    dd__product p = product_of(&s);
    scratch->workspace_bytes[0] = dd__local_slice_bytes(node, device, form, &p);
}

static dd_status record_tiled(dd__recorder *recorder, const dd__node *node, const dd__site *site,
                              const dd__local_form *form) {
    dd__matrices s = matrices_of(node);
    char options[96];
    snprintf(options, sizeof options, "%s%s%s", s.ak == 1 ? " -DLEFT_ALONG_K" : "",
             s.bj == 1 ? "" : " -DRIGHT_ALONG_K", dd__half_options(node).text);
    return dd__local_record(
        recorder, node, site,
        &(dd__local_launch){.form = form,
                            .program = "gemm_tiled",
                            .options = options,
                            .product = product_of(&s),
                            .finish = {.bias = bias_of(node), .relu = has_relu(node)},
                            .left = node->in[0]->buffer,
                            .right = node->in[1]->buffer,
                            .y = node->out[0]->buffer,
                            .numbers = {s.ai, s.ak, s.bk, s.bj},
                            .number_count = 8});
}

static const char *refuse_tiled(const dd__node *node, const dd_device *device,
                                const dd__local_form *form) {
    dd__matrices s = matrices_of(node);
    bool large = (int64_t)s.m * s.k > INT32_MAX || (int64_t)s.k * s.n > INT32_MAX;
    return large ? "an operand has more than 2^31 numbers" : dd__local_refuse(node, device, form);
}

static const char *avoid_matrix(const dd__node *node, const dd_device *device) {
    dd__matrices s = matrices_of(node);
    dd__product p = product_of(&s);
    (void)device;
    return dd__local_avoid_matrix(&p);
}

DD__LOCAL_FUNCTIONS(f32, refuse_tiled, scratch_tiled, record_tiled)
DD__LOCAL_FUNCTIONS(tf32, refuse_tiled, scratch_tiled, record_tiled)
DD__LOCAL_FUNCTIONS(bf16, refuse_tiled, scratch_tiled, record_tiled)
DD__LOCAL_FUNCTIONS(f16, refuse_tiled, scratch_tiled, record_tiled)

static const dd__implementation tiled = {.name = "tiled",
                                         .classes = DD__ON_GPU,
                                         .refuse = refuse_tiled_f32,
                                         .scratch = scratch_tiled_f32,
                                         .record = record_tiled_f32,
                                         .half = HALF,
                                         .tunables = dd__local_tunables};

static const dd__implementation tiled_half = {.name = "tiled_half",
                                              .classes = DD__ON_GPU,
                                              .refuse = refuse_tiled_f16,
                                              .scratch = scratch_tiled_f16,
                                              .record = record_tiled_f16,
                                              .relative_error = DD__HALF_ERROR,
                                              .rounds_factors = true,
                                              .half = HALF,
                                              .tunables = dd__local_tunables};

static const dd__implementation matrix_tf32 = {.name = "matrix_tf32",
                                               .classes = DD__ON_GPU,
                                               .refuse = refuse_tiled_tf32,
                                               .avoid = avoid_matrix,
                                               .scratch = scratch_tiled_tf32,
                                               .record = record_tiled_tf32,
                                               .relative_error = DD__TF32_ERROR,
                                               .rounds_factors = true,
                                               .half = HALF,
                                               .tunables = dd__local_tf32_tunables};

static const dd__implementation matrix_bf16 = {.name = "matrix_bf16",
                                               .classes = DD__ON_GPU,
                                               .refuse = refuse_tiled_bf16,
                                               .avoid = avoid_matrix,
                                               .scratch = scratch_tiled_bf16,
                                               .record = record_tiled_bf16,
                                               .relative_error = DD__BF16_ERROR,
                                               .rounds_factors = true,
                                               .half = HALF,
                                               .tunables = dd__local_bf16_tunables};

/* ---- CLBlast ------------------------------------------------------------------------------ */

static const char *refuse_clblast(const dd__node *node, const dd_device *device) {
    (void)node;
    (void)device;
    return dd__has_clblast() ? NULL : "built without CLBlast";
}

static dd_status record_clblast(dd__recorder *recorder, const dd__node *node,
                                const dd__site *site) {
    const dd__gemm *g = node->attributes;
    dd__matrices s = matrices_of(node);
    const dd__value *bias = bias_of(node);
    dd__buffer *c = node->out[0]->buffer;
    dd__gemm_shape product_shape = {.m = (size_t)s.m,
                                    .n = (size_t)s.n,
                                    .k = (size_t)s.k,
                                    .transpose_a = g->transpose_a,
                                    .transpose_b = g->transpose_b};
    DD_TRY(
        dd__record_clblast(recorder, &product_shape, node->in[0]->buffer, node->in[1]->buffer, c));
    if (!bias && !has_relu(node)) return DD_OK;
    dd__launch launch = {.program = "gemm",
                         .kernel = "finish",
                         .arguments = {DD_BUFFER(bias ? bias->buffer : c), DD_BUFFER(c),
                                       DD_INT(bias != NULL), DD_INT(has_relu(node)),
                                       DD_INT(s.m * s.n), DD_INT(s.n)}};
    dd__launch_elements(&launch, site->device, (size_t)s.m * (size_t)s.n);
    return dd__record(recorder, &launch);
}

static const dd__implementation clblast = {
    .name = "clblast", .classes = DD__ON_GPU, .refuse = refuse_clblast, .record = record_clblast};

static const dd__implementation *const implementations[] = {
    &direct, &matrix_bf16, &matrix_tf32, &tiled, &tiled_half, &clblast, &plain, NULL};

const dd__op dd__op_gemm = {
    .name = "gemm",
    .attributes_bytes = sizeof(dd__gemm),
    .attributes = attributes,
    .min_in = 2,
    .max_in = 3,
    .outputs = 1,
    .infer = infer,
    .gradient = gradient,
    .reference = dd__reference_gemm,
    .implementations = implementations,
    .flop = flop,
};
