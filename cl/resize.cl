/* resize.cl: images with other numbers of rows and columns; x (N, H, W, C), y (N, OH, OW, C).
 *
 * Output row oh lies in x at h = (oh + before) * factor / divisor + after, which is moved into
 * 0 .. H - 1; columns alike, with numbers of their own.
 *   nearest  y[n, oh, ow, c] = x[n, round(h), round(w), c]; rounding 0: halves down, 1: halves up,
 *            2: always down, 3: always up
 *   linear   y = sum of x over the rows floor(h) and the next and such columns, each times 1 - its
 *            distance from h, w; beyond the last row stands the last
 *
 * Built with -DVW=1 for the first form, with the channels' vectors for the second.
 * Launch:  <mode>         a work-item an element of y, c fastest: count, rounded up to the group
 *          <mode>_vector  for CPU runtimes: a work-item a group does `chunk` of the `count` rows (n, oh)
 *                         of y
 */

/* a / b as the correctly rounded quotient, which OpenCL C does not promise: whether a coordinate is a
 * whole number or just below decides which pixel is nearest. */
inline float quotient(float a, float b) {
    float q = a / b;
#if DD_FMA
    q = FMA(FMA(-q, b, a), 1.0f / b, q);
#endif
    return q;
}

/* Where output o lies along an axis of `extent` elements. */
inline float place_of(int o, int extent, float before, float factor, float divisor, float after) {
    float at = quotient(((float)o + before) * factor, divisor) + after;
    return clamp(at, 0.0f, (float)(extent - 1));
}

inline int nearest_of(float at, int rounding) {
    float below = floor(at), part = at - below;
    bool up = rounding == 0 ? part > 0.5f : rounding == 1 ? part >= 0.5f : rounding == 3 && part > 0;
    return (int)below + up;
}

#define SHAPE                                                                                      \
    int H, int W, int C, int OH, int OW, int rounding, float before_h, float factor_h,             \
        float divisor_h, float after_h, float before_w, float factor_w, float divisor_w, float after_w
#define PASS                                                                                       \
    H, W, C, OH, OW, rounding, before_h, factor_h, divisor_h, after_h, before_w, factor_w,          \
        divisor_w, after_w
#define ROW(oh)    place_of(oh, H, before_h, factor_h, divisor_h, after_h)
#define COLUMN(ow) place_of(ow, W, before_w, factor_w, divisor_w, after_w)

inline V nearest_at(global const float *x, int n, int oh, int ow, int c, SHAPE) {
    int h = nearest_of(ROW(oh), rounding), w = nearest_of(COLUMN(ow), rounding);
    return VLOAD(x + ((n * H + h) * W + w) * C + c);
}

inline V linear_at(global const float *x, int n, int oh, int ow, int c, SHAPE) {
    float h = ROW(oh), w = COLUMN(ow);
    int h0 = (int)h, w0 = (int)w;
    float right = w - (float)w0, low = h - (float)h0;
    global const float *upper = x + (n * H + h0) * W * C + c;
    global const float *lower = h0 + 1 < H ? upper + W * C : upper;
    int near = w0 * C, far = min(w0 + 1, W - 1) * C;
    V above = VLOAD(upper + near) * (1.0f - right) + VLOAD(upper + far) * right;
    V below = VLOAD(lower + near) * (1.0f - right) + VLOAD(lower + far) * right;
    return above * (1.0f - low) + below * low;
}

#define KERNELS(mode)                                                                           \
    kernel void mode(global const float *restrict x, global float *restrict y, SHAPE, int count) { \
        int i = (int)get_global_id(0);                                                          \
        int c = i % C, ow = i / C % OW, oh = i / C / OW % OH, n = i / C / OW / OH;               \
        if (i < count) VSTORE(mode##_at(x, n, oh, ow, c, PASS), y + i);                         \
    }                                                                                           \
    kernel void mode##_vector(global const float *restrict x, global float *restrict y, SHAPE,  \
                              int count, int chunk) {                                           \
        int row = (int)get_global_id(0) * chunk, end = min(row + chunk, count);                 \
        for (; row < end; row++)                                                                \
            for (int ow = 0; ow < OW; ow++)                                                     \
                for (int c = 0; c < C; c += VW)                                                 \
                    VSTORE(mode##_at(x, row / OH, row % OH, ow, c, PASS),                       \
                           y + (row * OW + ow) * C + c);                                        \
    }
KERNELS(nearest)
KERNELS(linear)
