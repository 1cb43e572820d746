/* window.h: where the windows of a convolution or a pool lie. */
#ifndef DD_GRAPH_WINDOW_H
#define DD_GRAPH_WINDOW_H

#include "graph/op.h"

/* Along one axis (0: rows, 1: columns) of `size` elements: *out windows, of which window o covers
 * the elements o * stride - *before + k * dilation, k = 0 .. kernel - 1; those outside the image
 * are padding. stride, dilation and kernel are at least 1.
 * DD_SHAPE  'kernel 5 does not fit 4 rows' */
dd_status dd__window(uint32_t size, int32_t kernel, int32_t stride, int32_t dilation,
                     const dd__padding *padding, int axis, uint32_t *out, int32_t *before);
/* Both axes at once: size, kernel, stride, dilation, out and before are (rows, columns).
 * DD_SHAPE  'kernel 5x5 does not fit input 4x4' */
dd_status dd__windows(const uint32_t size[2], const int32_t kernel[2], const int32_t stride[2],
                      const int32_t dilation[2], const dd__padding *padding, uint32_t out[2],
                      int32_t before[2]);

#endif
