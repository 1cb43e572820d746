/* conv2d.cl: the three passes of a convolution, one work-item an element of the result. Any device.
 *
 *   forward            y[n,p,q,o]  = f(b[o] + sum of X w[r,k,c,o] over r,k,c)
 *   backward_data      dx[n,h,x,c] = sum of dy[n,p,q,o] w[r,k,c,o] over all p,q,r,k,o whose X it is
 *   backward_weights   dw[r,k,c,o] = sum of X dy[n,p,q,o] over n,p,q
 *
 * where X = x[n, p*SH-PT+r*DH, q*SW-PL+k*DW, g*CG+c], or 0 where that lies outside.
 * x (N,H,W,C), w (KH,KW,CG,O), b (O), y (N,P,Q,O); g = o / OG, CG = C / groups, OG = O / groups.
 * Launch: 1-D, one item an element, rounded up to whole work-groups. No local memory, no barrier.
 */
#define SHAPE                                                                                      \
    const int count, const int H, const int W, const int C, const int P, const int Q, const int O, \
        const int KH, const int KW, const int SH, const int SW, const int DH, const int DW,        \
        const int PT, const int PL, const int CG, const int OG

__kernel void forward(__global const X_T *restrict x, __global const W_T *restrict w,
                      __global const float *restrict bias, __global Y_T *restrict y,
                      const int has_bias, const int relu, SHAPE) {
    const int i = get_global_id(0);
    if (i >= count) return;
    const int o = i % O, q = i / O % Q, p = i / O / Q % P, n = i / O / Q / P;
    float sum = has_bias ? bias[o] : 0.0f;
    for (int r = 0; r < KH; r++) {
        const int row = p * SH - PT + r * DH;
        if (row < 0 || row >= H) continue;
        for (int k = 0; k < KW; k++) {
            const int column = q * SW - PL + k * DW;
            if (column < 0 || column >= W) continue;
            const int from = ((n * H + row) * W + column) * C + o / OG * CG;
            for (int c = 0; c < CG; c++)
                sum = FMA(READ(X_T, x, from + c), READ(W_T, w, ((r * KW + k) * CG + c) * O + o),
                          sum);
        }
    }
    WRITE(Y_T, relu && sum < 0.0f ? 0.0f : sum, y, i);
}

__kernel void backward_data(__global const float *restrict dy, __global const float *restrict w,
                            __global float *restrict dx, SHAPE) {
    const int i = get_global_id(0);
    if (i >= count) return;
    const int c = i % C, column = i / C % W, row = i / C / W % H, n = i / C / W / H;
    const int group = c / CG;
    float sum = 0.0f;
    for (int r = 0; r < KH; r++) {
        const int top = row + PT - r * DH;
        if (top < 0 || top % SH != 0 || top / SH >= P) continue;
        for (int k = 0; k < KW; k++) {
            const int left = column + PL - k * DW;
            if (left < 0 || left % SW != 0 || left / SW >= Q) continue;
            const int from = ((n * P + top / SH) * Q + left / SW) * O;
            const int tap = ((r * KW + k) * CG + c % CG) * O;
            for (int o = group * OG; o < (group + 1) * OG; o++)
                sum = FMA(dy[from + o], w[tap + o], sum);
        }
    }
    dx[i] = sum;
}

/* Adds up row by row, so that the sum's error grows with the rows and not with the pixels. */
__kernel void backward_weights(__global const float *restrict x, __global const float *restrict dy,
                               __global float *restrict dw, const int N, SHAPE) {
    const int i = get_global_id(0);
    if (i >= count) return;
    const int o = i % O, c = i / O % CG, k = i / O / CG % KW, r = i / O / CG / KW;
    float sum = 0.0f;
    for (int n = 0; n < N; n++) {
        for (int p = 0; p < P; p++) {
            const int row = p * SH - PT + r * DH;
            if (row < 0 || row >= H) continue;
            float part = 0.0f;
            for (int q = 0; q < Q; q++) {
                const int column = q * SW - PL + k * DW;
                if (column < 0 || column >= W) continue;
                part = FMA(x[((n * H + row) * W + column) * C + o / OG * CG + c],
                           dy[((n * P + p) * Q + q) * O + o], part);
            }
            sum += part;
        }
    }
    dw[i] = sum;
}
