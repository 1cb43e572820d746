/* conv2d_direct.cl: the three passes of a convolution for CPU runtimes. One work-item a work-group
 * computes a register tile of MR pixels (or weight rows) by NV vectors of VW channels; no local memory,
 * no barrier. The inner loop loads NV vectors, broadcasts MR numbers and does MR * NV fused multiply-adds:
 * with 6 x 2 float8 (AVX2) or 8 x 2 float16 (AVX-512) it stays in registers and keeps both FMA units busy.
 *
 * Formulas and letters: cl/conv2d.cl. x is padded already (kernel `pad`), so no pass looks at borders:
 * H and W are the padded extents, PT = PL = 0.
 */
#ifndef MR
#define MR 6 /* rows of the register tile */
#endif
#ifndef NV
#define NV 2 /* its vectors */
#endif
#define NR (NV * VW)
#define ONE_ITEM __kernel __attribute__((reqd_work_group_size(1, 1, 1)))

typedef __global const float *restrict Input;
typedef __global float *restrict Output;

/* Stores the first `valid` of NR channels. */
inline void store_tile(const V *v, __global float *to, int valid) {
    if (valid >= NR) {
#pragma unroll
        for (int j = 0; j < NV; j++) VSTORE(v[j], to + j * VW);
    } else {
        float lanes[NR];
#pragma unroll
        for (int j = 0; j < NV; j++) VSTORE(v[j], lanes + j * VW);
        for (int j = 0; j < valid; j++) to[j] = lanes[j];
    }
}

inline void load_tile(V *v, __global const float *from, int valid) {
    if (valid >= NR) {
#pragma unroll
        for (int j = 0; j < NV; j++) v[j] = VLOAD(from + j * VW);
    } else {
        float lanes[NR];
        for (int j = 0; j < NR; j++) lanes[j] = j < valid ? from[j] : 0.0f;
#pragma unroll
        for (int j = 0; j < NV; j++) v[j] = VLOAD(lanes + j * VW);
    }
}

/* Copies x (N,SH,SW,C) into the middle of zeros: to (N,H,W,C), TOP and LEFT before; what lies beyond H or
 * W is cut. Launch: (H, N), one item a row of pixels. */
ONE_ITEM void pad(Input from, Output to, const int rows, const int columns, const int C, const int H,
                  const int W, const int top, const int left) {
    const int h = get_global_id(0), n = get_global_id(1);
    Output row = to + ((size_t)n * H + h) * W * C;
    const int source = h - top, begin = left * C;
    const int end = min(W, left + columns) * C;
    for (int i = 0; i < W * C; i++) row[i] = 0.0f;
    if (source < 0 || source >= rows) return;
    Input line = from + ((size_t)n * rows + source) * columns * C;
    for (int i = begin; i < end; i++) row[i] = line[i - begin];
}

/* ---- Forward ------------------------------------------------------------------------------------- */

/* packed[b][i][j] = w[i][b*NR + j], zero beyond O; i over the K = KH*KW*CG rows. Launch: (K, blocks). */
ONE_ITEM void pack_forward(Input w, Output packed, const int K, const int O) {
    const int i = get_global_id(0), b = get_global_id(1);
    for (int j = 0; j < NR; j++)
        packed[((size_t)b * K + i) * NR + j] = b * NR + j < O ? w[(size_t)i * O + b * NR + j] : 0.0f;
}

/* Tile t holds pixels t*MR .. of all N*P*Q = M, block b channels b*NR ... Without dilation a window's row is
 * one run of KW*CG numbers in x (RUNS = 1, LENGTH = KW*CG); else KW runs of CG.
 * Launch: (ceil(M / MR), ceil(O / NR)): tiles of one block follow each other, so its weights stay in cache. */
ONE_ITEM void forward(Input x, Input packed, Input bias, Output y, const int has_bias, const int relu,
                      const int M, const int P, const int Q, const int H, const int W, const int C,
                      const int CG, const int O, const int OG, const int KH, const int RUNS,
                      const int LENGTH, const int SH, const int SW, const int DH, const int DW) {
    const int first = get_global_id(0) * MR, o = get_global_id(1) * NR;
    Input pixel[MR];
#pragma unroll
    for (int i = 0; i < MR; i++) {
        const int m = min(first + i, M - 1), q = m % Q, p = m / Q % P, n = m / Q / P;
        pixel[i] = x + (((size_t)n * H + p * SH) * W + q * SW) * C + o / OG * CG;
    }
    V sum[MR][NV];
#pragma unroll
    for (int i = 0; i < MR; i++)
#pragma unroll
        for (int j = 0; j < NV; j++) sum[i][j] = (V)(0.0f);
    Input weights = packed + (size_t)get_global_id(1) * KH * RUNS * LENGTH * NR;
    for (int r = 0; r < KH; r++) {
        for (int run = 0; run < RUNS; run++) {
            const int from = (r * DH * W + run * DW) * C;
            for (int c = from; c < from + LENGTH; c++) {
                V w[NV];
#pragma unroll
                for (int j = 0; j < NV; j++) w[j] = VLOAD(weights + j * VW);
                weights += NR;
#pragma unroll
                for (int i = 0; i < MR; i++) {
                    const V a = (V)(pixel[i][c]);
#pragma unroll
                    for (int j = 0; j < NV; j++) sum[i][j] = FMA(a, w[j], sum[i][j]);
                }
            }
        }
    }
    V add[NV];
#pragma unroll
    for (int j = 0; j < NV; j++) add[j] = (V)(0.0f);
    if (has_bias) load_tile(add, bias + o, O - o);
#pragma unroll
    for (int i = 0; i < MR; i++) {
        if (first + i >= M) break;
#pragma unroll
        for (int j = 0; j < NV; j++) {
            sum[i][j] += add[j];
            if (relu) sum[i][j] = sum[i][j] < (V)(0.0f) ? (V)(0.0f) : sum[i][j]; /* keeps a NaN */
        }
        store_tile(sum[i], y + (size_t)(first + i) * O + o, O - o);
    }
}

/* ---- Backward data ------------------------------------------------------------------------------- */

/* packed[b][tap][i][j] = w[tap][c][g*OG + i] for input channel b*NR + j = g*CG + c, zero beyond C; tap over KH*KW.
 * Launch: (KH*KW, blocks). */
ONE_ITEM void pack_backward(Input w, Output packed, const int taps, const int C, const int CG,
                            const int O, const int OG) {
    const int tap = get_global_id(0), b = get_global_id(1);
    const int group = b * NR / CG, c = b * NR - group * CG;
    Output to = packed + ((size_t)b * taps + tap) * OG * NR;
    for (int j = 0; j < NR; j++) {
        const int there = b * NR + j < C;
        Input from = w + ((size_t)tap * CG + c + j) * O + group * OG;
        for (int i = 0; i < OG; i++) to[i * NR + j] = there ? from[i] : 0.0f;
    }
}

/* Scatters: for each tap, the product of MR pixels of dy with the tap's weights is added to dx where the tap lies.
 * This needs exactly the forward pass's multiplications, where gathering over a padded dy needs up to four times
 * as many on the seed network. One item owns IMAGES images by NR channels of dx, so nothing is shared.
 * dx is not padded here: H, W, PT, PL are those of the convolution.
 * Launch: (ceil(N / IMAGES), ceil(C / NR)). */
ONE_ITEM void backward_data(Input dy, Input packed, Output dx, const int N, const int IMAGES,
                            const int P, const int Q, const int H, const int W, const int C,
                            const int CG, const int O, const int OG, const int KH, const int KW,
                            const int SH, const int SW, const int DH, const int DW, const int PT,
                            const int PL) {
    const int n0 = get_global_id(0) * IMAGES, images = min(IMAGES, N - n0);
    const int b = get_global_id(1), c = b * NR, valid = C - c;
    const int M = images * P * Q, group = c / CG;
    V zero[NV];
#pragma unroll
    for (int j = 0; j < NV; j++) zero[j] = (V)(0.0f);
    Output mine = dx + (size_t)n0 * H * W * C + c;
    for (int i = 0; i < images * H * W; i++) store_tile(zero, mine + (size_t)i * C, valid);
    dy += (size_t)n0 * P * Q * O + group * OG;
    for (int tap = 0; tap < KH * KW; tap++) {
        Input weights = packed + ((size_t)b * KH * KW + tap) * OG * NR;
        const int down = tap / KW * DH - PT, right = tap % KW * DW - PL;
        for (int first = 0; first < M; first += MR) {
            V sum[MR][NV];
            Input pixel[MR];
#pragma unroll
            for (int i = 0; i < MR; i++) {
                pixel[i] = dy + (size_t)min(first + i, M - 1) * O;
#pragma unroll
                for (int j = 0; j < NV; j++) sum[i][j] = (V)(0.0f);
            }
            for (int o = 0; o < OG; o++) {
                V w[NV];
#pragma unroll
                for (int j = 0; j < NV; j++) w[j] = VLOAD(weights + o * NR + j * VW);
#pragma unroll
                for (int i = 0; i < MR; i++) {
                    const V a = (V)(pixel[i][o]);
#pragma unroll
                    for (int j = 0; j < NV; j++) sum[i][j] = FMA(a, w[j], sum[i][j]);
                }
            }
#pragma unroll
            for (int i = 0; i < MR; i++) {
                const int m = first + i, q = m % Q, p = m / Q % P, n = m / Q / P;
                const int h = p * SH + down, x = q * SW + right;
                if (m >= M || h < 0 || h >= H || x < 0 || x >= W) continue;
                Output to = mine + (((size_t)n * H + h) * W + x) * C;
                V old[NV];
                load_tile(old, to, valid);
#pragma unroll
                for (int j = 0; j < NV; j++) sum[i][j] += old[j];
                store_tile(sum[i], to, valid);
            }
        }
    }
}

/* ---- Backward weights ---------------------------------------------------------------------------- */

#define PIXELS 128 /* of a chunk: its x and dy, packed, stay in the first-level cache */
#define TILES 5    /* register tiles of an item at most */

/* dw as a product of x^T (K rows, gathered) and dy: an item computes TILES' rows of dw, K = KH*KW*CG in all, from
 * `images` images, and writes them to its part: dw itself when there is one part, else `parts` sums that `reduce`
 * adds up in order. Chunks of PIXELS pixels are packed first: x's rows side by side, dy's blocks likewise.
 * tiles: register tiles of an item, at most TILES. Launch: (ceil(K / (tiles*MR)), parts, groups). */
ONE_ITEM void backward_weights(Input x, Input dy, Output dw, const int N, const int images,
                               const int tiles, const int P, const int Q, const int H, const int W,
                               const int C, const int CG, const int O, const int OG, const int KH,
                               const int KW, const int SH, const int SW, const int DH,
                               const int DW) {
    const int K = KH * KW * CG, rows = tiles * MR, k0 = get_global_id(0) * rows;
    const int n0 = get_global_id(1) * images, group = get_global_id(2);
    const int M = min(images, N - n0) * P * Q;
    x += (size_t)n0 * H * W * C + group * CG;
    dy += (size_t)n0 * P * Q * O + group * OG;
    dw += (size_t)get_global_id(1) * K * O + group * OG;
    int offset[TILES * MR]; /* of each row's element from its pixel's first */
    for (int i = 0; i < rows; i++) {
        const int k = min(k0 + i, K - 1), c = k % CG, s = k / CG % KW, r = k / CG / KW;
        offset[i] = (r * DH * W + s * DW) * C + c;
    }
    /* Mostly an item's rows are one stretch of a window's row: then they are copied as vectors. */
    const int together = rows >= VW && offset[rows - 1] - offset[0] == rows - 1;
    float left[PIXELS * TILES * MR], right[PIXELS * NR];
    for (int m0 = 0; m0 < M; m0 += PIXELS) {
        const int pixels = min(PIXELS, M - m0);
        for (int m = 0; m < pixels; m++) {
            const int q = (m0 + m) % Q, p = (m0 + m) / Q % P, n = (m0 + m) / Q / P;
            Input at = x + (((size_t)n * H + p * SH) * W + q * SW) * C;
            if (together) {
                for (int i = 0; i + VW <= rows; i += VW)
                    VSTORE(VLOAD(at + offset[0] + i), left + m * rows + i);
                VSTORE(VLOAD(at + offset[rows - VW]), left + m * rows + rows - VW);
            } else {
                for (int i = 0; i < rows; i++) left[m * rows + i] = at[offset[i]];
            }
        }
        for (int o = 0; o < OG; o += NR) {
            for (int m = 0; m < pixels; m++) {
                V v[NV];
                load_tile(v, dy + (size_t)(m0 + m) * O + o, OG - o);
#pragma unroll
                for (int j = 0; j < NV; j++) VSTORE(v[j], right + m * NR + j * VW);
            }
            for (int t = 0; t < tiles; t++) {
                V sum[MR][NV];
#pragma unroll
                for (int i = 0; i < MR; i++)
#pragma unroll
                    for (int j = 0; j < NV; j++) sum[i][j] = (V)(0.0f);
                const float *a = left + t * MR;
                for (int m = 0; m < pixels; m++) {
                    V b[NV];
#pragma unroll
                    for (int j = 0; j < NV; j++) b[j] = VLOAD(right + m * NR + j * VW);
#pragma unroll
                    for (int i = 0; i < MR; i++) {
                        const V v = (V)(a[m * rows + i]);
#pragma unroll
                        for (int j = 0; j < NV; j++) sum[i][j] = FMA(v, b[j], sum[i][j]);
                    }
                }
#pragma unroll
                for (int i = 0; i < MR; i++) {
                    const int k = k0 + t * MR + i;
                    if (k >= K) break;
                    Output to = dw + (size_t)k * O + o;
                    if (m0 > 0) {
                        V old[NV];
                        load_tile(old, to, OG - o);
#pragma unroll
                        for (int j = 0; j < NV; j++) sum[i][j] += old[j];
                    }
                    store_tile(sum[i], to, OG - o);
                }
            }
        }
    }
}

/* sum[i] = parts[0][i] + parts[1][i] + ..., in this order. Launch: (ceil(count / CHUNK)). */
#define CHUNK 1024
ONE_ITEM void reduce(Input parts, Output sum, const int count, const int part_count) {
    const int begin = get_global_id(0) * CHUNK, end = min(begin + CHUNK, count);
    for (int i = begin; i < end; i++) sum[i] = parts[i];
    for (int part = 1; part < part_count; part++)
        for (int i = begin; i < end; i++) sum[i] += parts[(size_t)part * count + i];
}
