/* parts.h: what fused ops' references are made of; formulas stand with the parts' own ops. */
#ifndef DD_REFERENCE_PARTS_H
#define DD_REFERENCE_PARTS_H

#include "graph/conv_shape.h"
#include "reference/reference.h"

/* The share that a (micro-)batch has in the running values of a batch norm with a step: see
 * src/ops/batch_norm.c. */
double dd__norm_share(const dd__batch_norm *norm, const dd__step *step);

/* Whether element i of `count` is dropped: see cl/dropout.cl. */
bool dd__is_dropped(const dd__dropout *dropout, const dd__step *step, size_t count, size_t i);

/* y (n, p, q, o) of x and w; bias may be NULL. */
void dd__convolve(const dd__conv_shape *shape, bool relu, const float *x, const float *w,
                  const float *bias, float *y);
/* dw of x and dy (n, p, q, o). */
void dd__convolution_weights(const dd__conv_shape *shape, const float *x, const float *dy,
                             float *dw);

/* norm_pool_training with x (dims) instead of input 0, and norm_pool_backward with x (dims) instead of
 * input 1 and dz like x instead of output 0; the node's attributes begin with a dd__norm_pool.
 * DD_MEMORY */
void dd__norm_pool_forward(const dd__node *node, const dd__dims *dims, const float *x);
dd_status dd__norm_pool_gradient(const dd__node *node, const dd__dims *dims, const float *x,
                                 float *dz);

/* An image (height, width, channels) of the dataset, changed at random as cl/augment.cl says and
 * prepared: x of `size`. */
void dd__reference_augment(const dd__gather *gather, uint64_t seed, uint32_t example,
                           uint32_t epoch, const uint8_t *pixels, const uint32_t size[3], float *x);

#endif
