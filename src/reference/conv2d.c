/* The three passes of a convolution (formulas: graph/conv_shape.h). */
#include <math.h>

#include "reference/parts.h"

/* Where tap (r, s) of output pixel (n, p, q) falls in x: the index of its channel 0 of the group,
 * or -1 in the padding. */
static ptrdiff_t tap(const dd__conv_shape *s, int n, int p, int q, int r, int c, int group) {
    int row = p * s->sh - s->top + r * s->dh, column = q * s->sw - s->left + c * s->dw;
    if (row < 0 || row >= s->h || column < 0 || column >= s->w) return -1;
    return (((ptrdiff_t)n * s->h + row) * s->w + column) * s->c + group * s->cg;
}

static double forward_sum(const dd__conv_shape *s, const float *x, const float *w, int n, int p,
                          int q, int o) {
    double sum = 0;
    for (int r = 0; r < s->kh; r++) {
        for (int k = 0; k < s->kw; k++) {
            ptrdiff_t at = tap(s, n, p, q, r, k, o / s->og);
            if (at < 0) continue;
            for (int c = 0; c < s->cg; c++)
                sum += (double)x[at + c] * (double)w[((r * s->kw + k) * s->cg + c) * s->o + o];
        }
    }
    return sum;
}

void dd__convolve(const dd__conv_shape *s, bool relu, const float *x, const float *w,
                  const float *bias, float *y) {
    for (int n = 0; n < s->n; n++)
        for (int p = 0; p < s->p; p++)
            for (int q = 0; q < s->q; q++)
                for (int o = 0; o < s->o; o++) {
                    double sum = forward_sum(s, x, w, n, p, q, o) + (bias ? (double)bias[o] : 0);
                    *y++ = relu && sum < 0 ? 0 : (float)sum;
                }
}

/* What a fused node makes of a pixel of channel o: batch_norm, + element `at` of what is added, limits. */
static double fused(const dd__node *node, int o, size_t at, double y) {
    const dd__conv2d *a = node->attributes;
    if (a->normalize) {
        double gamma = (double)dd__f32(node->in[3])[o], beta = (double)dd__f32(node->in[4])[o];
        double mean = (double)dd__f32(node->in[5])[o], variance = (double)dd__f32(node->in[6])[o];
        y = (y - mean) / sqrt(variance + (double)a->epsilon) * gamma + beta;
    }
    if (a->add) y += (double)dd__f32(node->in[7])[at];
    if (a->limit && y < (double)a->low) y = (double)a->low;
    if (a->limit && y > (double)a->high) y = (double)a->high;
    return y;
}

/* One pixel of channel o, with all that comes behind its sum but pooling. */
static double forward_pixel(const dd__node *node, const dd__conv_shape *s, int n, int p, int q,
                            int o) {
    const dd__conv2d *a = node->attributes;
    double y = forward_sum(s, dd__f32(node->in[0]), dd__f32(node->in[1]), n, p, q, o);
    if (node->in_count > 2 && node->in[2]) y += (double)dd__f32(node->in[2])[o];
    if (a->activation == DD__RELU && y < 0) y = 0;
    return fused(node, o,
                 (((size_t)n * (size_t)s->p + (size_t)p) * (size_t)s->q + (size_t)q) *
                         (size_t)s->o +
                     (size_t)o,
                 y);
}

/* The largest of pool x pool pixels; a NaN wins. */
static double forward_window(const dd__node *node, const dd__conv_shape *s, int n, int p, int q,
                             int o) {
    double best = -INFINITY;
    for (int r = 0; r < s->pool; r++) {
        for (int k = 0; k < s->pool; k++) {
            double y = forward_pixel(node, s, n, p * s->pool + r, q * s->pool + k, o);
            if (y > best || isnan(y)) best = y;
        }
    }
    return best;
}

dd_status dd__reference_conv2d(const dd__node *node) {
    dd__conv_shape s = dd__conv_shape_of(node);
    float *y = dd__f32(node->out[0]);
    for (int n = 0; n < s.n; n++)
        for (int p = 0; p < s.p / s.pool; p++)
            for (int q = 0; q < s.q / s.pool; q++)
                for (int o = 0; o < s.o; o++) *y++ = (float)forward_window(node, &s, n, p, q, o);
    return DD_OK;
}

/* What flows back through tap (r, k) into channel c of x from one output pixel. */
static double backward_sum(const dd__conv_shape *s, const float *dy, const float *w, int r, int k,
                           int c) {
    int group = c / s->cg;
    double sum = 0;
    for (int o = group * s->og; o < (group + 1) * s->og; o++)
        sum += (double)dy[o] * (double)w[((r * s->kw + k) * s->cg + c % s->cg) * s->o + o];
    return sum;
}

/* Gathers dx[n, h, x, c] from every output pixel whose window covers it. */
static double gather_data(const dd__conv_shape *s, const float *dy, const float *w, int n, int h,
                          int x, int c) {
    double sum = 0;
    for (int r = 0; r < s->kh; r++) {
        int row = h + s->top - r * s->dh;
        if (row < 0 || row % s->sh || row / s->sh >= s->p) continue;
        for (int k = 0; k < s->kw; k++) {
            int column = x + s->left - k * s->dw;
            if (column < 0 || column % s->sw || column / s->sw >= s->q) continue;
            ptrdiff_t pixel = ((ptrdiff_t)n * s->p + row / s->sh) * s->q + column / s->sw;
            sum += backward_sum(s, dy + pixel * s->o, w, r, k, c);
        }
    }
    return sum;
}

dd_status dd__reference_conv2d_backward_data(const dd__node *node) {
    dd__conv_shape s = dd__conv_shape_of(node);
    const float *dy = dd__f32(node->in[0]), *w = dd__f32(node->in[1]);
    float *dx = dd__f32(node->out[0]);
    for (int n = 0; n < s.n; n++)
        for (int h = 0; h < s.h; h++)
            for (int x = 0; x < s.w; x++)
                for (int c = 0; c < s.c; c++) *dx++ = (float)gather_data(&s, dy, w, n, h, x, c);
    return DD_OK;
}

static double weight_sum(const dd__conv_shape *s, const float *x, const float *dy, int r, int k,
                         int c, int o) {
    double sum = 0;
    for (int n = 0; n < s->n; n++) {
        for (int p = 0; p < s->p; p++) {
            for (int q = 0; q < s->q; q++) {
                ptrdiff_t at = tap(s, n, p, q, r, k, o / s->og);
                ptrdiff_t pixel = ((ptrdiff_t)n * s->p + p) * s->q + q;
                if (at >= 0) sum += (double)x[at + c] * (double)dy[pixel * s->o + o];
            }
        }
    }
    return sum;
}

void dd__convolution_weights(const dd__conv_shape *s, const float *x, const float *dy, float *dw) {
    for (int r = 0; r < s->kh; r++)
        for (int k = 0; k < s->kw; k++)
            for (int c = 0; c < s->cg; c++)
                for (int o = 0; o < s->o; o++) *dw++ = (float)weight_sum(s, x, dy, r, k, c, o);
}

dd_status dd__reference_conv2d_backward_weights(const dd__node *node) {
    dd__conv_shape s = dd__conv_shape_of(node);
    dd__convolution_weights(&s, dd__f32(node->in[0]), dd__f32(node->in[1]), dd__f32(node->out[0]));
    return DD_OK;
}
