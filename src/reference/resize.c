/* Coordinates are computed in float, step by step, as src/ops/resize.c says: which pixel is nearest
 * depends on it. */
#include <math.h>

#include "reference/reference.h"

/* Where output o lies along an axis of x with `extent` elements. */
static float coordinate(const dd__resizing *a, int axis, uint32_t extent, size_t o) {
    float in = (float)extent, out = (float)a->size[axis], at = (float)o;
    float scale = a->scale[axis] > 0 ? a->scale[axis] : out / in;
    float half = (at + 0.5f) / scale;
    switch (a->coordinates) {
    case DD__ASYMMETRIC:
        return at / scale;
    case DD__ALIGN_CORNERS:
        return a->size[axis] == 1 ? 0 : at * (in - 1) / (out - 1);
    case DD__PYTORCH_HALF_PIXEL:
        return a->size[axis] == 1 ? 0 : half - 0.5f;
    case DD__HALF_PIXEL_SYMMETRIC:
        return half + (in / 2 * (1 - out / (scale * in)) - 0.5f);
    default:
        return half - 0.5f;
    }
}

static double nearest(double at, int32_t rounding) {
    switch (rounding) {
    case DD__ROUND_PREFER_FLOOR:
        return ceil(at - 0.5);
    case DD__ROUND_PREFER_CEIL:
        return floor(at + 0.5);
    case DD__ROUND_FLOOR:
        return floor(at);
    default:
        return ceil(at);
    }
}

/* The elements that output o is made of along an axis, and the share of each. */
typedef struct mixture {
    size_t at[2];
    double share[2];
} mixture;

static size_t inside(double at, uint32_t extent) {
    return (size_t)fmin(fmax(at, 0), (double)extent - 1);
}

static mixture mix(const dd__resizing *a, int axis, uint32_t extent, size_t o) {
    double at = (double)coordinate(a, axis, extent, o);
    if (a->mode == DD__RESIZE_NEAREST) {
        size_t one = inside(nearest(at, a->rounding), extent);
        return (mixture){{one, one}, {1, 0}};
    }
    at = fmin(fmax(at, 0), (double)extent - 1);
    double below = floor(at);
    return (mixture){{inside(below, extent), inside(below + 1, extent)},
                     {1 - (at - below), at - below}};
}

static double mixed(const dd__dims *x, const float *image, const mixture *rows,
                    const mixture *columns, size_t c) {
    double sum = 0;
    for (int r = 0; r < 2; r++)
        for (int s = 0; s < 2; s++) {
            double share = rows->share[r] * columns->share[s];
            if (share > 0)
                sum +=
                    share * (double)image[(rows->at[r] * x->d[2] + columns->at[s]) * x->d[3] + c];
        }
    return sum;
}

dd_status dd__reference_resize(const dd__node *node) {
    const dd__resizing *a = node->attributes;
    const dd__dims *x = &node->in[0]->dims, *y = &node->out[0]->dims;
    float *to = dd__f32(node->out[0]);
    for (size_t n = 0; n < y->d[0]; n++) {
        const float *image = dd__f32(node->in[0]) + n * x->d[1] * x->d[2] * x->d[3];
        for (size_t oh = 0; oh < y->d[1]; oh++) {
            mixture rows = mix(a, 0, x->d[1], oh);
            for (size_t ow = 0; ow < y->d[2]; ow++) {
                mixture columns = mix(a, 1, x->d[2], ow);
                for (size_t c = 0; c < x->d[3]; c++)
                    *to++ = (float)mixed(x, image, &rows, &columns, c);
            }
        }
    }
    return DD_OK;
}
