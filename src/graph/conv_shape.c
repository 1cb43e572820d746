#include "graph/conv_shape.h"

#include <string.h>

#include "graph/window.h"

dd_status dd__conv_shape_make(const dd__conv2d *a, const dd__dims *x, const dd__dims *w,
                              dd__conv_shape *s) {
    char found[80];
    if (x->rank != 4 || dd__dims_count(x) == 0)
        return dd__fail(DD_SHAPE, "expected images (N, H, W, C), found %s",
                        dd__dims_print(x, found));
    uint32_t groups = (uint32_t)a->groups, size[2] = {x->d[1], x->d[2]}, out[2];
    if (x->d[3] % groups || (uint32_t)a->filters % groups)
        return dd__fail(DD_SHAPE, "%d groups do not divide %u channels into %d filters", a->groups,
                        (unsigned)x->d[3], a->filters);
    dd__dims expected = DD_DIMS((uint32_t)a->kernel[0], (uint32_t)a->kernel[1], x->d[3] / groups,
                                (uint32_t)a->filters);
    if (!dd__dims_equal(w, &expected)) {
        char wanted[80];
        return dd__fail(DD_SHAPE, "expected weights %s, found %s",
                        dd__dims_print(&expected, wanted), dd__dims_print(w, found));
    }
    int32_t before[2];
    DD_TRY(dd__windows(size, a->kernel, a->stride, a->dilation, &a->padding, out, before));
    *s = (dd__conv_shape){.n = (int32_t)x->d[0],
                          .h = (int32_t)x->d[1],
                          .w = (int32_t)x->d[2],
                          .c = (int32_t)x->d[3],
                          .p = (int32_t)out[0],
                          .q = (int32_t)out[1],
                          .o = a->filters,
                          .kh = a->kernel[0],
                          .kw = a->kernel[1],
                          .sh = a->stride[0],
                          .sw = a->stride[1],
                          .dh = a->dilation[0],
                          .dw = a->dilation[1],
                          .top = before[0],
                          .left = before[1],
                          .groups = a->groups,
                          .cg = (int32_t)(x->d[3] / groups),
                          .og = (int32_t)((uint32_t)a->filters / groups),
                          .pool = a->pool > 1 ? a->pool : 1};
    return DD_OK;
}

dd__conv_shape dd__conv_shape_of(const dd__node *node) {
    const dd__conv2d *a = node->attributes;
    const dd__dims *x = &node->in[0]->dims, *w = &node->in[1]->dims;
    if (strcmp(node->op->name, "conv2d_backward_data") == 0) x = &a->result;
    if (strcmp(node->op->name, "conv2d_backward_weights") == 0) w = &a->result;
    dd__conv_shape shape = {0};
    dd__conv_shape_make(a, x, w, &shape); /* was checked when the node was added */
    return shape;
}
