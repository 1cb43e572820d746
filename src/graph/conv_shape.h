/* conv_shape.h: the three passes of a convolution, and the numbers they share.
 *
 *   forward            y[n,p,q,o]  = f(b[o] + sum of X w[r,s,c,o] over r,s,c)
 *   backward_data      dx          = for each element, sum of dy[n,p,q,o] w[r,s,c,o] over all
 *                                    p,q,r,s,o whose X it is
 *   backward_weights   dw[r,s,c,o] = sum of X dy[n,p,q,o] over n,p,q
 *
 * where X = x[n, p*SH - PT + r*DH, q*SW - PL + s*DW, c], or 0 where that lies outside.
 * x (N,H,W,C), w (KH,KW,C/groups,O), b (O), y (N,P,Q,O); a fused node's y (N,P/pool,Q/pool,O). With groups, output channel o belongs to
 * group o / (O/groups) and reads that group's C/groups input channels.
 */
#ifndef DD_GRAPH_CONV_SHAPE_H
#define DD_GRAPH_CONV_SHAPE_H

#include "graph/attributes.h"

typedef struct dd__conv_shape {
    int32_t n, h, w, c;     /* input */
    int32_t p, q, o;        /* output rows, columns, channels */
    int32_t kh, kw;         /* kernel */
    int32_t sh, sw, dh, dw; /* stride, dilation */
    int32_t top, left;      /* padding before */
    int32_t groups, cg, og; /* cg = c / groups, og = o / groups */
    int32_t pool;           /* y is the maximum over pool x pool of the p x q pixels; mostly 1 */
} dd__conv_shape;

/* Of x and w under these attributes. DD_SHAPE when they do not fit. */
dd_status dd__conv_shape_make(const dd__conv2d *attributes, const dd__dims *x, const dd__dims *w,
                              dd__conv_shape *shape);
/* Of a conv2d, conv2d_backward_data or conv2d_backward_weights node whose outputs were inferred. */
dd__conv_shape dd__conv_shape_of(const dd__node *node);

#endif
