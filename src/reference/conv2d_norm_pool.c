/* A convolution with its batch norm, pool and dropout: the parts, one after the other. */
#include "reference/parts.h"

/* z (*dims), what the convolution gives, and room for as much again; dd__free frees it. NULL without
 * memory. */
static float *convolve(const dd__node *node, const dd__value *const in[3], dd__conv_shape *s,
                       dd__dims *dims) {
    const dd__conv2d *a = &((const dd__conv_norm_pool *)node->attributes)->conv;
    if (dd__conv_shape_make(a, &in[0]->dims, &in[1]->dims, s) != DD_OK) return NULL;
    *dims = DD_DIMS((uint32_t)s->n, (uint32_t)s->p, (uint32_t)s->q, (uint32_t)s->o);
    float *z = dd__alloc(2 * dd__dims_count(dims), sizeof *z);
    if (z)
        dd__convolve(s, a->activation == DD__RELU, dd__f32(in[0]), dd__f32(in[1]),
                     in[2] ? dd__f32(in[2]) : NULL, z);
    return z;
}

dd_status dd__reference_conv2d_norm_pool_training(const dd__node *node) {
    dd__conv_shape s;
    dd__dims dims;
    const dd__value *in[] = {node->in[0], node->in[7], node->in[6]};
    float *z = convolve(node, in, &s, &dims);
    if (!z) return dd__no_memory(dd__dims_count(&node->out[0]->dims));
    dd__norm_pool_forward(node, &dims, z);
    dd__free(z);
    return DD_OK;
}

dd_status dd__reference_conv2d_norm_pool_backward(const dd__node *node) {
    dd__conv_shape s;
    dd__dims dims;
    const dd__value *in[] = {node->in[1], node->in[8], node->in[7]};
    float *z = convolve(node, in, &s, &dims);
    if (!z) return dd__no_memory(dd__dims_count(&node->in[0]->dims));
    float *dz = z + dd__dims_count(&dims);
    dd_status status = dd__norm_pool_gradient(node, &dims, z, dz);
    if (status == DD_OK)
        dd__convolution_weights(&s, dd__f32(node->in[1]), dz, dd__f32(node->out[0]));
    dd__free(z);
    return status;
}
