/* parts.h: what fused ops' references are made of; formulas stand with the parts' own ops. */
#ifndef DD_REFERENCE_PARTS_H
#define DD_REFERENCE_PARTS_H

#include "graph/conv_shape.h"
#include "reference/reference.h"

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

#endif
