/* window.h: the windows of convolutions and pools, over one or two spatial axes. */
#ifndef DD_MODEL_ONNX_WINDOW_H
#define DD_MODEL_ONNX_WINDOW_H

#include "model/onnx/import.h"

typedef struct dd__onnx_window {
    unsigned spatial;                                   /* 1 or 2; with 1, axis 1 is one column */
    int64_t size[2], kernel[2], stride[2], dilation[2]; /* rows, columns */
    int64_t edges[4];                                   /* top, left, bottom, right */
} dd__onnx_window;

/* Reads kernel (NULL: the attribute's), strides, dilations and pads. DD_FORMAT */
dd_status dd__onnx_window_begin(const Onnx__NodeProto *node, const dd__dims *x,
                                const uint32_t *kernel, dd__onnx_window *window);
/* Settles the edges where "auto_pad" asks for it, so that there are ceil(size / stride) windows. */
dd_status dd__onnx_window_pad(const Onnx__NodeProto *node, dd__onnx_window *window);
/* With "ceil_mode": enlarges the edges so that there is room for the last windows, which may reach
 * beyond what "pads" says but must begin inside. Whether any edge changed. */
bool dd__onnx_window_ceil(const Onnx__NodeProto *node, dd__onnx_window *window);

/* The value as images (N, H, W, C). */
dd_status dd__onnx_windowed(dd__onnx *m, dd__onnx_value *x, const char **layer);
/* Output 0 of the node, from such images to as many axes as x has. */
dd_status dd__onnx_give_windowed(dd__onnx *m, const Onnx__NodeProto *node, const dd__onnx_value *x,
                                 const char *layer);

#endif
