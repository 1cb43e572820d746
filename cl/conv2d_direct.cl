/* conv2d_direct.cl: a convolution, forward, for CPU runtimes. One work-item a work-group computes a
 * register tile (cl/common.cl) of MR pixels by NR channels; no local memory, no barrier. Formulas
 * and letters: cl/conv2d.cl.
 *
 * x is padded already (cl/conv2d_pad.cl), so that no border is looked at: H and W are the padded
 * extents, PT = PL = 0. The gradients are programs of their own: what only predicts need not
 * compile them.
 *
 * -DPOOL=1, or with -DPOOL=2 y is the maximum over POOL x POOL pixels (those left over at the right and below take
 * no part): pixels are then counted window by window, and MR is a multiple of a window's.
 * -DFACTORS: a batch normalisation comes before the pooling.
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

AFFINE_KERNEL

#define WINDOW (POOL * POOL)

/* Tile t holds pixels t*MR .. of all N*P*Q = M (those in windows; `factors` is where `packed` has those of a batch
 * normalisation, 0 where there is none), block b channels b*NR ... Without dilation a
 * window's row is one run of KW*CG numbers in x (RUNS = 1, LENGTH = KW*CG); else KW runs of CG.
 * Launch: (ceil(M / MR), ceil(O / NR)): tiles of one block follow each other, so its weights stay
 * in cache. */
ONE_ITEM void forward(Input x, Input packed, Input bias, Output y, const int has_bias,
                      const int relu, const int factors, const int M, const int P, const int Q,
                      const int H, const int W, const int C, const int CG, const int O,
                      const int OG, const int KH, const int RUNS, const int LENGTH, const int SH,
                      const int SW, const int DH, const int DW) {
    const int first = get_global_id(0) * MR, o = get_global_id(1) * NR;
    Input pixel[MR];
#pragma unroll
    for (int i = 0; i < MR; i++) {
        const int m = min(first + i, M - 1), window = m / WINDOW, at = m % WINDOW;
        const int q = window % (Q / POOL) * POOL + at % POOL, above = window / (Q / POOL);
        const int p = above % (P / POOL) * POOL + at / POOL, n = above / (P / POOL);
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
    for (int i = 0; i < MR; i += WINDOW) {
        if (first + i >= M) break;
#pragma unroll
        for (int k = 0; k < WINDOW; k++) {
            row_finish(sum[i + k], bias + o, has_bias, relu, O - o);
#ifdef FACTORS
            row_affine(sum[i + k], packed + factors + o, get_global_size(1) * NR);
#endif
        }
#pragma unroll
        for (int k = 1; k < WINDOW; k++)
#pragma unroll
            for (int j = 0; j < NV; j++) sum[i][j] = larger(sum[i][j], sum[i + k][j]);
        row_store(sum[i], y + (size_t)((first + i) / WINDOW) * O + o, O - o);
    }
}
