/* conv2d_direct.cl: a convolution, forward, for CPU runtimes. One work-item a work-group computes a
 * register tile (cl/common.cl) of MR pixels by NR channels; no local memory, no barrier. Formulas
 * and letters: cl/conv2d.cl.
 *
 * x is padded already (cl/conv2d_pad.cl), so that no border is looked at: H and W are the padded
 * extents, PT = PL = 0. The gradients are programs of their own: what only predicts need not
 * compile them.
 *
 * y is the maximum over windows of POOL x POOL pixels (those left over at the right and below take no
 * part); mostly -DPOOL=1. MR is a multiple of WINDOW. -DFACTORS: a batch normalisation comes before.
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

/* Where window number i of all N * (P / POOL) * (Q / POOL) is. */
typedef struct {
    int n, p, q; /* p, q in windows */
} Place;

inline Place place_of(const int i, const int rows, const int columns) {
    Place at;
    at.q = i % columns;
    at.p = i / columns % rows;
    at.n = i / columns / rows;
    return at;
}

inline Place next_place(Place at, const int rows, const int columns) {
    if (++at.q < columns) return at;
    at.q = 0;
    if (++at.p < rows) return at;
    at.p = 0;
    at.n++;
    return at;
}

/* A register tile holds MR / WINDOW windows, an item computes `tiles` such tiles for channels b*NR .. of
 * its block b; there are `windows` in all. Without dilation a window's row is one run of KW*CG
 * numbers in x (RUNS = 1, LENGTH = KW*CG); else KW runs of CG. `factors`: where `packed` has those of
 * a batch normalisation. Launch: (ceil(windows / (tiles * MR / WINDOW)), ceil(O / NR)): items of one
 * block follow each other, so its weights stay in cache. */
ONE_ITEM void forward(Input x, Input packed, Input bias, Output y, Input added, const int has_bias,
                      const int relu, const int factors, const int add, const int limit,
                      const float low, const float high, const int tiles, const int windows,
                      const int P, const int Q, const int H, const int W, const int C, const int CG,
                      const int O, const int OG, const int KH, const int RUNS, const int LENGTH,
                      const int SH, const int SW, const int DH, const int DW) {
    const int o = get_global_id(1) * NR, rows = P / POOL, columns = Q / POOL;
    const int begin = get_global_id(0) * tiles * (MR / WINDOW);
    const int end = min(begin + tiles * (MR / WINDOW), windows);
    Input block = packed + (size_t)get_global_id(1) * KH * RUNS * LENGTH * NR;
    Place at = place_of(begin, rows, columns);
    x += o / OG * CG;
    for (int first = begin; first < end; first += MR / WINDOW) {
        Input pixel[MR], weights = block;
#pragma unroll
        for (int i = 0; i < MR; i += WINDOW) {
            Input corner =
                x + (((size_t)at.n * H + at.p * POOL * SH) * W + at.q * POOL * SW) * C;
#pragma unroll
            for (int k = 0; k < WINDOW; k++)
                pixel[i + k] = corner + (k / POOL * SH * W + k % POOL * SW) * C;
            if (first + i / WINDOW + 1 < windows) at = next_place(at, rows, columns);
        }
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
            if (first + i / WINDOW >= end) break;
#pragma unroll
            for (int k = 0; k < WINDOW; k++) {
                row_finish(sum[i + k], bias + o, has_bias, relu, O - o);
#ifdef FACTORS
                row_affine(sum[i + k], packed + factors + o, get_global_size(1) * NR);
#endif
                if (add) row_add(sum[i + k], added + (size_t)(first + i) * O + o, O - o);
                if (limit) row_limit(sum[i + k], low, high);
            }
#pragma unroll
            for (int k = 1; k < WINDOW; k++)
#pragma unroll
                for (int j = 0; j < NV; j++) sum[i][j] = larger(sum[i][j], sum[i + k][j]);
            row_store(sum[i], y + (size_t)(first + i / WINDOW) * O + o, O - o);
        }
    }
}
