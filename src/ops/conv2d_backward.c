/* conv2d_backward_data (dy, w) -> dx and conv2d_backward_weights (x, dy) -> dw; formulas in
 * graph/conv_shape.h. Their attributes are the convolution's, with the dims of what they compute in
 * `result`.
 */
#include "ops/conv2d.h"

#include <stdio.h>

#include "reference/reference.h"

static dd_status check_dy(const dd__conv_shape *s, const dd__dims *dy) {
    dd__dims expected = DD_DIMS((uint32_t)s->n, (uint32_t)s->p, (uint32_t)s->q, (uint32_t)s->o);
    if (dd__dims_equal(dy, &expected)) return DD_OK;
    char wanted[80], found[80];
    return dd__fail(DD_SHAPE, "expected dy %s, found %s", dd__dims_print(&expected, wanted),
                    dd__dims_print(dy, found));
}

static dd_status infer_data(dd__graph *graph, dd__node *node) {
    const dd__conv2d *a = node->attributes;
    dd__conv_shape s;
    DD_TRY(dd__conv_shape_make(a, &a->result, &node->in[1]->dims, &s));
    DD_TRY(check_dy(&s, &node->in[0]->dims));
    return dd__node_output(graph, node, 0, DD__F32, a->result);
}

/* dx is linear in dy, whose gradient g is for: the convolution of g, and what its weights' gradient
 * would be. conv2d_transpose is trained with it. */
static dd_status gradient_data(dd__graph *graph, const dd__node *node, dd__value *const g[],
                               dd__value *dx[]) {
    dd__conv2d a = *(const dd__conv2d *)node->attributes;
    dd__value *dy = node->in[0], *w = node->in[1];
    char name[256];
    a.result = w->dims;
    if (w->wants_gradient) {
        snprintf(name, sizeof name, "%s.backward_weights", node->name);
        DD_TRY(dd__graph_add1(graph, &dd__op_conv2d_backward_weights, name, &a,
                              (dd__value *[]){g[0], dy}, 2, &dx[1]));
    }
    if (dy->wants_gradient) {
        snprintf(name, sizeof name, "%s.backward_data", node->name);
        DD_TRY(
            dd__graph_add1(graph, &dd__op_conv2d, name, &a, (dd__value *[]){g[0], w}, 2, &dx[0]));
    }
    return DD_OK;
}

static dd_status infer_weights(dd__graph *graph, dd__node *node) {
    const dd__conv2d *a = node->attributes;
    dd__conv_shape s;
    DD_TRY(dd__conv_shape_make(a, &node->in[0]->dims, &a->result, &s));
    DD_TRY(check_dy(&s, &node->in[1]->dims));
    return dd__node_output(graph, node, 0, DD__F32, a->result);
}

static const dd__implementation *const data_implementations[] = {&dd__conv2d_winograd[1],
                                                                 &dd__conv2d_direct[1],
                                                                 &dd__conv2d_matrix_bf16[1],
                                                                 &dd__conv2d_matrix_tf32[1],
                                                                 &dd__conv2d_winograd_batched[1],
                                                                 &dd__conv2d_tiled[1],
                                                                 &dd__conv2d_plain[1],
                                                                 NULL};

const dd__op dd__op_conv2d_backward_data = {
    .name = "conv2d_backward_data",
    .attributes_bytes = sizeof(dd__conv2d),
    .attributes = dd__conv2d_attributes,
    .min_in = 2,
    .max_in = 2,
    .outputs = 1,
    .infer = infer_data,
    .gradient = gradient_data,
    .reference = dd__reference_conv2d_backward_data,
    .implementations = data_implementations,
    .flop = dd__conv_flop,
};

static const dd__implementation *const weights_implementations[] = {&dd__conv2d_winograd[2],
                                                                    &dd__conv2d_direct[2],
                                                                    &dd__conv2d_matrix_bf16[2],
                                                                    &dd__conv2d_matrix_tf32[2],
                                                                    &dd__conv2d_winograd_batched[2],
                                                                    &dd__conv2d_tiled[2],
                                                                    &dd__conv2d_plain[2],
                                                                    NULL};

const dd__op dd__op_conv2d_backward_weights = {
    .name = "conv2d_backward_weights",
    .attributes_bytes = sizeof(dd__conv2d),
    .attributes = dd__conv2d_attributes,
    .min_in = 2,
    .max_in = 2,
    .outputs = 1,
    .infer = infer_weights,
    .reference = dd__reference_conv2d_backward_weights,
    .implementations = weights_implementations,
    .flop = dd__conv_flop,
};
