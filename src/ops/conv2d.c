/* conv2d: y = f(x * w + b); graph/conv_shape.h has the formula. Its gradient is two ops of their
 * own, in conv2d_backward.c. As a layer it makes its weights (Glorot uniform) and bias; relu is
 * computed with the convolution, other activations by a node behind it.
 *
 * in: x, w, bias (may be absent); where inference has fused a batch_norm: gamma, beta, mean, variance;
 * and where it has fused an add: the other summand.
 */
#include "ops/conv2d.h"

#include <stdio.h>
#include <string.h>

#include "reference/reference.h"

const dd__attribute dd__conv2d_attributes[] = {
    DD__CONV2D_ATTRIBUTES("step of the window", "zeros around the input"),
    {.name = "activation",
     .type = DD__CHOICE,
     .offset = offsetof(dd__conv2d, activation),
     .choices = dd__activation_names,
     .help = "applied to the result"},
    {0},
};

double dd__conv_shape_flop(const dd__conv_shape *s) {
    return 2.0 * s->n * s->p * s->q * s->o * s->kh * s->kw * s->cg;
}

double dd__conv_flop(const dd__node *node) {
    dd__conv_shape s = dd__conv_shape_of(node);
    return dd__conv_shape_flop(&s);
}

enum { NORM = 3, ADDED = 7 }; /* inputs of fused nodes: four from NORM on, and one */

/* The inputs behind the bias. */
static dd_status check_fused(const dd__node *node, const dd__dims *y) {
    const dd__conv2d *a = node->attributes;
    size_t plain = node->in_count < NORM ? node->in_count : NORM;
    size_t count = a->add ? ADDED + 1 : a->normalize ? ADDED : plain;
    if (node->in_count != count)
        return dd__fail(DD_SHAPE, "expected %zu inputs, found %zu", count, node->in_count);
    for (size_t i = NORM; a->normalize && i < ADDED; i++)
        if (!node->in[i] || !dd__dims_equal(&node->in[i]->dims, &DD_DIMS(y->d[3])))
            return dd__fail(DD_SHAPE, "expected %u numbers as input %zu", (unsigned)y->d[3], i);
    if (a->add && !dd__dims_equal(&node->in[ADDED]->dims, y))
        return dd__fail(DD_SHAPE, "what is added has other dimensions");
    return DD_OK;
}

static dd_status infer(dd__graph *graph, dd__node *node) {
    const dd__conv2d *a = node->attributes;
    dd__conv_shape s;
    DD_TRY(dd__conv_shape_make(a, &node->in[0]->dims, &node->in[1]->dims, &s));
    const dd__value *bias = node->in_count > 2 ? node->in[2] : NULL;
    if (bias && (bias->dims.rank != 1 || bias->dims.d[0] != (uint32_t)s.o))
        return dd__fail(DD_SHAPE, "expected a bias of %d numbers", s.o);
    if (a->activation != DD__LINEAR && a->activation != DD__RELU)
        return dd__fail(DD_SHAPE, "a convolution node computes linear or relu");
    dd__dims y =
        DD_DIMS((uint32_t)s.n, (uint32_t)(s.p / s.pool), (uint32_t)(s.q / s.pool), (uint32_t)s.o);
    DD_TRY(check_fused(node, &y));
    return dd__node_output(graph, node, 0, DD__F32, y);
}

/* dz = dy f'(z), then three products. The bias, where there is one, sums dz over all pixels. With
 * outer_gradient, dy is dz and the bias's gradient comes from elsewhere. */
static dd_status gradient(dd__graph *graph, const dd__node *node, dd__value *const dy[],
                          dd__value *dx[]) {
    dd__conv2d a = *(const dd__conv2d *)node->attributes;
    dd__value *dz = dy[0];
    char name[256];
    if (a.activation == DD__RELU && !a.outer_gradient) {
        dd__activate relu = dd__activation_of(DD__RELU);
        snprintf(name, sizeof name, "%s.relu_backward", node->name);
        DD_TRY(dd__graph_add1(graph, &dd__op_activation_backward, name, &relu,
                              (dd__value *[]){dz, node->out[0]}, 2, &dz));
    }
    a.activation = DD__LINEAR;
    bool bias = node->in_count > 2 && node->in[2] && node->in[2]->wants_gradient;
    if (bias && !a.outer_gradient) {
        snprintf(name, sizeof name, "%s.backward_bias", node->name);
        DD_TRY(dd__graph_add1(graph, &dd__op_column_sums, name, NULL, &dz, 1, &dx[2]));
    }
    if (node->in[1]->wants_gradient) {
        a.result = node->in[1]->dims;
        snprintf(name, sizeof name, "%s.backward_weights", node->name);
        DD_TRY(dd__graph_add1(graph, &dd__op_conv2d_backward_weights, name, &a,
                              (dd__value *[]){node->in[0], dz}, 2, &dx[1]));
    }
    if (node->in[0]->wants_gradient) {
        a.result = node->in[0]->dims;
        snprintf(name, sizeof name, "%s.backward_data", node->name);
        DD_TRY(dd__graph_add1(graph, &dd__op_conv2d_backward_data, name, &a,
                              (dd__value *[]){dz, node->in[1]}, 2, &dx[0]));
    }
    return DD_OK;
}

static dd_status layer(dd__graph *graph, const dd__op *op, const char *name, const void *given,
                       dd__value *const x[], size_t count, dd__value **y) {
    dd__conv2d a = *(const dd__conv2d *)given;
    const dd__dims *in = &x[0]->dims;
    if (count != 1 || in->rank != 4)
        return dd__fail(DD_SHAPE, "expected one input of images (H, W, C)");
    if (in->d[3] % (uint32_t)a.groups || a.filters % a.groups)
        return dd__fail(DD_SHAPE, "%d groups do not divide %u channels into %d filters", a.groups,
                        (unsigned)in->d[3], a.filters);
    uint32_t kh = (uint32_t)a.kernel[0], kw = (uint32_t)a.kernel[1], filters = (uint32_t)a.filters;
    uint32_t channels = in->d[3] / (uint32_t)a.groups;
    dd__value like = {.dims = DD_DIMS(kh, kw, channels, filters),
                      .initial = DD__GLOROT_UNIFORM,
                      .fan_in = kh * kw * channels,
                      .fan_out = kh * kw * filters,
                      .decays = true};
    dd__value *inputs[3] = {x[0]};
    DD_TRY(dd__graph_parameter(graph, name, "weight", &like, &inputs[1]));
    if (a.bias) {
        dd__value zeros = {.dims = DD_DIMS(filters), .initial = DD__ZEROS};
        DD_TRY(dd__graph_parameter(graph, name, "bias", &zeros, &inputs[2]));
    }
    dd__activate activation = dd__activation_of(a.activation);
    bool fused = a.activation == DD__LINEAR || a.activation == DD__RELU;
    if (!fused) a.activation = DD__LINEAR;
    DD_TRY(dd__graph_add1(graph, op, name, &a, inputs, a.bias ? 3 : 2, y));
    if (fused) return DD_OK;
    char behind[256];
    snprintf(behind, sizeof behind, "%s.activation", name);
    return dd__graph_add1(graph, &dd__op_activation, behind, &activation, y, 1, y);
}

dd__finish dd__conv_finish(const dd__node *node) {
    const dd__conv2d *a = node->attributes;
    return (dd__finish){.bias = node->in_count > 2 ? node->in[2] : NULL,
                        .norm = a->normalize ? node->in + NORM : NULL,
                        .added = a->add ? node->in[ADDED] : NULL,
                        .epsilon = a->epsilon,
                        .relu = a->activation == DD__RELU,
                        .limit = a->limit,
                        .low = a->low,
                        .high = a->high};
}

dd__options dd__conv_half_options(const dd__node *node) {
    dd__options options = dd__half_options(node);
    const dd__conv2d *a = node->attributes;
    size_t used = strlen(options.text);
    if (node->op == &dd__op_conv2d && a->add && node->in[ADDED]->type == DD__F16)
        snprintf(options.text + used, sizeof options.text - used, " -DADDED_T=half");
    return options;
}

dd__buffer *dd__conv_added(const dd__node *node, const dd__site *site) {
    const dd__conv2d *a = node->attributes;
    return a->add ? node->in[ADDED]->buffer : site->packed;
}

static const dd__implementation *const implementations[] = {&dd__conv2d_depthwise_rows,
                                                            &dd__conv2d_depthwise,
                                                            &dd__conv2d_winograd[0],
                                                            &dd__conv2d_direct[0],
                                                            &dd__conv2d_matrix_bf16[0],
                                                            &dd__conv2d_matrix_tf32[0],
                                                            &dd__conv2d_winograd_batched[0],
                                                            &dd__conv2d_tiled[0],
                                                            &dd__conv2d_tiled_half,
                                                            &dd__conv2d_plain[0],
                                                            NULL};

const dd__op dd__op_conv2d = {
    .name = "conv2d",
    .attributes_bytes = sizeof(dd__conv2d),
    .attributes = dd__conv2d_attributes,
    .min_in = 2,
    .max_in = ADDED + 1,
    .outputs = 1,
    .layer = layer,
    .infer = infer,
    .gradient = gradient,
    .reference = dd__reference_conv2d,
    .implementations = implementations,
    .flop = dd__conv_flop,
};
