/* conv2d_direct.cl: a convolution, forward, for CPU runtimes. One work-item a work-group computes a
 * register tile (cl/common.cl) of MR pixels by NR channels; no local memory, no barrier. Formulas
 * and letters: cl/conv2d.cl.
 *
 * x is padded already (cl/conv2d_pad.cl), so that no border is looked at: H and W are the padded
 * extents, PT = PL = 0. The gradients are programs of their own: what only predicts need not
 * compile them.
 */
typedef __global const float *restrict Input;
typedef __global float *restrict Output;

/* packed[b][k][j] = w[k][b*NR + j], zero beyond O; k over the K = KH*KW*CG rows. Launch: (K,
 * blocks). */
ONE_ITEM void pack(Input w, Output packed, const int K, const int O) {
    const int k = get_global_id(0), o = get_global_id(1) * NR;
    Output to = packed + ((size_t)get_global_id(1) * K + k) * NR;
    for (int j = 0; j < NR; j++) to[j] = o + j < O ? w[(size_t)k * O + o + j] : 0.0f;
}

/* Tile t holds pixels t*MR .. of all N*P*Q = M, block b channels b*NR ... Without dilation a
 * window's row is one run of KW*CG numbers in x (RUNS = 1, LENGTH = KW*CG); else KW runs of CG.
 * Launch: (ceil(M / MR), ceil(O / NR)): tiles of one block follow each other, so its weights stay
 * in cache. */
ONE_ITEM void forward(Input x, Input packed, Input bias, Output y, const int has_bias,
                      const int relu, const int M, const int P, const int Q, const int H,
                      const int W, const int C, const int CG, const int O, const int OG,
                      const int KH, const int RUNS, const int LENGTH, const int SH, const int SW,
                      const int DH, const int DW) {
    const int first = get_global_id(0) * MR, o = get_global_id(1) * NR;
    Input pixel[MR];
#pragma unroll
    for (int i = 0; i < MR; i++) {
        const int m = min(first + i, M - 1), q = m % Q, p = m / Q % P, n = m / Q / P;
        pixel[i] = x + (((size_t)n * H + p * SH) * W + q * SW) * C + o / OG * CG;
    }
    Input weights = packed + (size_t)get_global_id(1) * KH * RUNS * LENGTH * NR;
    V sum[MR][NV];
    tile_zero(sum);
    for (int r = 0; r < KH; r++) {
        for (int run = 0; run < RUNS; run++) {
            const int from = (r * DH * W + run * DW) * C;
            for (int c = from; c < from + LENGTH; c++) {
#define A(i) pixel[i][c]
                TILE_STEP(sum, A, weights)
#undef A
                weights += NR;
            }
        }
    }
#pragma unroll
    for (int i = 0; i < MR; i++) {
        if (first + i >= M) break;
        row_finish(sum[i], bias + o, has_bias, relu, O - o);
        row_store(sum[i], y + (size_t)(first + i) * O + o, O - o);
    }
}
