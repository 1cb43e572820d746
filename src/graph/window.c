#include "graph/window.h"

/* False when not even one window fits. */
static bool place(int64_t size, int64_t kernel, int64_t stride, int64_t dilation,
                  const dd__padding *padding, int axis, uint32_t *out, int32_t *before) {
    int64_t extent = (kernel - 1) * dilation + 1;
    if (padding->same) {
        int64_t count = (size + stride - 1) / stride;
        int64_t missing = (count - 1) * stride + extent - size;
        *out = (uint32_t)count;
        *before = (int32_t)(missing > 0 ? missing / 2 : 0);
        return true;
    }
    int64_t room = size + padding->edges[axis] + padding->edges[axis + 2] - extent;
    if (room < 0) return false;
    *out = (uint32_t)(room / stride + 1);
    *before = padding->edges[axis];
    return true;
}

dd_status dd__window(uint32_t size, int32_t kernel, int32_t stride, int32_t dilation,
                     const dd__padding *padding, int axis, uint32_t *out, int32_t *before) {
    if (place(size, kernel, stride, dilation, padding, axis, out, before)) return DD_OK;
    return dd__fail(DD_SHAPE, "kernel %d does not fit %u %s", kernel, size,
                    axis == 0 ? "rows" : "columns");
}

dd_status dd__windows(const uint32_t size[2], const int32_t kernel[2], const int32_t stride[2],
                      const int32_t dilation[2], const dd__padding *padding, uint32_t out[2],
                      int32_t before[2]) {
    for (int axis = 0; axis < 2; axis++)
        if (!place(size[axis], kernel[axis], stride[axis], dilation[axis], padding, axis,
                   &out[axis], &before[axis]))
            return dd__fail(DD_SHAPE, "kernel %dx%d does not fit input %ux%u", kernel[0], kernel[1],
                            size[0], size[1]);
    return DD_OK;
}
