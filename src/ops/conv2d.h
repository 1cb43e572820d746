/* conv2d.h: the implementations of a convolution's three passes (formulas: graph/conv_shape.h). */
#ifndef DD_OPS_CONV2D_H
#define DD_OPS_CONV2D_H

#include "graph/conv_shape.h"
#include "ops/ops.h"

extern const dd__attribute dd__conv2d_attributes[];

/* Of one pass; the three cost the same. */
double dd__conv_flop(const dd__node *node);

/* One for each pass, in the order forward, backward_data, backward_weights. */
extern const dd__implementation dd__conv2d_plain[3];    /* conv2d_plain.c: any device */
extern const dd__implementation dd__conv2d_direct[3];   /* conv2d_direct.c: for CPU runtimes */
extern const dd__implementation dd__conv2d_winograd[3]; /* conv2d_winograd.c: for CPU runtimes */

#endif
