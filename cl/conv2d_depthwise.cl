/* conv2d_depthwise.cl: a convolution in which each channel reads one of its own, forward. Formulas and
 * letters: cl/conv2d.cl, with groups = C = O.
 *
 *   y[n,p,q,c] = f(sum of x[n, p*SH-PT+r*DH, q*SW-PL+k*DW, c] w[r,k,c] over r,k)
 *
 * A vector holds VW channels, a divisor of C, of one pixel (-DVW=16, 8, 4 or 1). What comes behind the
 * sums: cl/finish.cl. No local memory, no barrier.
 *
 * Launch:  rows    for CPU runtimes, a work-item a work-group: `chunk` of the N * P rows of y, BLOCK
 *                  vectors of each pixel. Pixels side by side share the weights that a step loads, so
 *                  that a multiply-add loads little more than what it multiplies; where windows hang
 *                  over the left or right edge, they are computed one by one with the taps inside.
 *          pixels  for GPUs: a work-item VW channels of a pixel, channels fastest; rounded up
 */
#include "finish.cl"

#define STRIP 4 /* pixels side by side: a unit's multiply-adds take as long as so many of them */
#define BLOCK 4 /* vectors of an item, side by side in memory */

#define SHAPE                                                                                    \
    const int N, const int H, const int W, const int C, const int P, const int Q, const int KH,  \
        const int KW, const int SH, const int SW, const int DH, const int DW, const int PT,      \
        const int PL

/* First number i with start + i * step >= 0, and how many there are of 0 .. count - 1 until
 * start + i * step >= end. */
inline int first_inside(const int start, const int step) {
    return start < 0 ? (step - 1 - start) / step : 0;
}
inline int last_inside(const int start, const int step, const int end, const int count) {
    return min(count, start < end ? (end - 1 - start) / step + 1 : 0);
}

/* `count` pixels side by side from (n, p, q) on, of which all have the taps r0 .. r1 - 1 by
 * k0 .. k1 - 1 inside the image, and no others. */
#define PIXELS(count, n, p, q)                                                                     \
    {                                                                                              \
        V sum[count];                                                                              \
        const int h = (p) * SH - PT, column = (q) * SW - PL;                                       \
        const size_t at = (((size_t)(n) * P + (p)) * Q + (q)) * C + c;                             \
        _Pragma("unroll") for (int i = 0; i < count; i++) sum[i] = (V)(0.0f);                      \
        for (int r = r0; r < r1; r++) {                                                            \
            for (int k = k0; k < k1; k++) {                                                        \
                const V weight = VREAD(W_T, w + (r * KW + k) * C + c);                             \
                const global X_T *tap =                                                            \
                    x + (((size_t)(n) * H + h + r * DH) * W + column + k * DW) * C + c;            \
                _Pragma("unroll") for (int i = 0; i < count; i++) sum[i] =                         \
                    FMA(VREAD(X_T, tap + i * SW * C), weight, sum[i]);                             \
            }                                                                                      \
        }                                                                                          \
        _Pragma("unroll") for (int i = 0; i < count; i++) {                                        \
            V value = scaled(sum[i], f);                                                           \
            if (add) value += VREAD(ADDED_T, added + at + i * C);                                    \
            VWRITE(Y_T, limited(value, f), y + at + i * C);                                        \
        }                                                                                          \
    }

ONE_ITEM void rows(const global X_T *restrict x, const global W_T *restrict w,
                   global Y_T *restrict y, FINISH, const int chunk, SHAPE) {
    const int first = get_global_id(1) * chunk, end = min(first + chunk, N * P);
    const int c0 = get_global_id(0) * BLOCK * VW, c1 = min(c0 + BLOCK * VW, C);
    const int left = first_inside(-PL, SW); /* whole windows: left .. right - 1 */
    const int right = max(left, last_inside((KW - 1) * DW - PL, SW, W, Q));
    for (int c = c0; c < c1; c += VW) {
        const Finish f = finish_at(PASS_FINISH, c, VW);
        for (int row = first; row < end; row++) {
            const int n = row / P, p = row % P;
            const int r0 = first_inside(p * SH - PT, DH), r1 = last_inside(p * SH - PT, DH, H, KH);
            for (int q = 0; q < Q;) {
                const int inside = q >= left && q < right;
                const int k0 = inside ? 0 : first_inside(q * SW - PL, DW);
                const int k1 = inside ? KW : last_inside(q * SW - PL, DW, W, KW);
                if (inside && right - left >= STRIP) {
                    const int from = min(q, right - STRIP);
                    PIXELS(STRIP, n, p, from)
                    q = from + STRIP;
                } else {
                    PIXELS(1, n, p, q)
                    q++;
                }
            }
        }
    }
}

__kernel void pixels(const global X_T *restrict x, const global W_T *restrict w,
                     global Y_T *restrict y, FINISH, SHAPE) {
    const int i = get_global_id(0), across = C / VW;
    if (i >= N * P * Q * across) return;
    const int c = i % across * VW, q = i / across % Q, p = i / across / Q % P, n = i / across / Q / P;
    const Finish f = finish_at(PASS_FINISH, c, VW);
    const int r0 = first_inside(p * SH - PT, DH), r1 = last_inside(p * SH - PT, DH, H, KH);
    const int k0 = first_inside(q * SW - PL, DW), k1 = last_inside(q * SW - PL, DW, W, KW);
    PIXELS(1, n, p, q)
}
