/* conv2d_direct.cl: the three passes of a convolution for CPU runtimes. One work-item a work-group computes
 * register tiles (cl/common.cl) of MR pixels, or rows of weights, by NR channels; no local memory, no barrier.
 *
 * Formulas and letters: cl/conv2d.cl. For forward and backward_weights x is padded already (kernel `pad`), so
 * that they need not look at borders: H and W are the padded extents, PT = PL = 0.
 */
typedef __global const float *restrict Input;
typedef __global float *restrict Output;

/* Copies x (N,rows,columns,C) into zeros (N,H,W,C), `top` and `left` from the edges; what would lie beyond H or W
 * is cut. Launch: (H, N), one item a row of pixels. */
ONE_ITEM void pad(Input x, Output padded, const int rows, const int columns, const int C, const int H,
                  const int W, const int top, const int left) {
    const int h = get_global_id(0), n = get_global_id(1), source = h - top;
    const int begin = left * C, end = min(W, left + columns) * C;
    Output to = padded + ((size_t)n * H + h) * W * C;
    for (int i = 0; i < W * C; i++) to[i] = 0.0f;
    if (source < 0 || source >= rows) return;
    Input from = x + ((size_t)n * rows + source) * columns * C;
    for (int i = begin; i < end; i++) to[i] = from[i - begin];
}

/* ---- Forward ------------------------------------------------------------------------------------- */

/* packed[b][k][j] = w[k][b*NR + j], zero beyond O; k over the K = KH*KW*CG rows. Launch: (K, blocks). */
ONE_ITEM void pack_forward(Input w, Output packed, const int K, const int O) {
    const int k = get_global_id(0), o = get_global_id(1) * NR;
    Output to = packed + ((size_t)get_global_id(1) * K + k) * NR;
    for (int j = 0; j < NR; j++) to[j] = o + j < O ? w[(size_t)k * O + o + j] : 0.0f;
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
 * dx is not padded: H, W, PT, PL are those of the convolution.
 * Launch: (ceil(N / IMAGES), ceil(C / NR)). */
ONE_ITEM void backward_data(Input dy, Input packed, Output dx, const int N, const int IMAGES,
                            const int P, const int Q, const int H, const int W, const int C,
                            const int CG, const int O, const int OG, const int KH, const int KW,
                            const int SH, const int SW, const int DH, const int DW, const int PT,
                            const int PL) {
    const int n0 = get_global_id(0) * IMAGES, images = min(IMAGES, N - n0), M = images * P * Q;
    const int b = get_global_id(1), c = b * NR, group = c / CG;
    V sum[MR][NV];
    tile_zero(sum);
    dx += (size_t)n0 * H * W * C + c;
    for (int i = 0; i < images * H * W; i++) row_store(sum[0], dx + (size_t)i * C, C - c);
    dy += (size_t)n0 * P * Q * O + group * OG;
    for (int tap = 0; tap < KH * KW; tap++) {
        Input weights = packed + ((size_t)b * KH * KW + tap) * OG * NR;
        const int down = tap / KW * DH - PT, right = tap % KW * DW - PL;
        for (int first = 0; first < M; first += MR) {
            Input pixel[MR];
#pragma unroll
            for (int i = 0; i < MR; i++) pixel[i] = dy + (size_t)min(first + i, M - 1) * O;
            tile_zero(sum);
            for (int o = 0; o < OG; o++) {
#define A(i) pixel[i][o]
                TILE_STEP(sum, A, weights + o * NR)
#undef A
            }
#pragma unroll
            for (int i = 0; i < MR; i++) {
                const int m = first + i, q = m % Q, p = m / Q % P, n = m / Q / P;
                const int h = p * SH + down, w = q * SW + right;
                if (m >= M || h < 0 || h >= H || w < 0 || w >= W) continue;
                Output to = dx + (((size_t)n * H + h) * W + w) * C;
                row_add(sum[i], to, C - c);
                row_store(sum[i], to, C - c);
            }
        }
    }
}

/* ---- Backward weights ---------------------------------------------------------------------------- */

#define PIXELS 128 /* of a chunk: its x and dy, packed, stay in the first-level cache */
#define TILES 5    /* register tiles of an item at most */

/* Copies the elements of x that `rows` rows of weights meet at the chunk's pixels: left[m][i]. Mostly they are one
 * stretch of a window's row; then they go as vectors. */
inline void pack_left(Input x, const int *offset, float *left, int m0, int pixels, int rows, int P,
                      int Q, int H, int W, int C, int SH, int SW) {
    int together = rows >= VW;
    for (int i = 1; i < rows; i++) together = together && offset[i] == offset[0] + i;
    for (int m = 0; m < pixels; m++) {
        const int q = (m0 + m) % Q, p = (m0 + m) / Q % P, n = (m0 + m) / Q / P;
        Input at = x + (((size_t)n * H + p * SH) * W + q * SW) * C;
        float *to = left + m * rows;
        if (together) {
            for (int i = 0; i + VW <= rows; i += VW) VSTORE(VLOAD(at + offset[0] + i), to + i);
            VSTORE(VLOAD(at + offset[rows - VW]), to + rows - VW);
        } else {
            for (int i = 0; i < rows; i++) to[i] = at[offset[i]];
        }
    }
}

/* Copies a block of NR channels of dy at the chunk's pixels: right[m][j], zero beyond `valid`. */
inline void pack_right(Input dy, float *right, int pixels, int O, int valid) {
    for (int m = 0; m < pixels; m++) {
        V row[NV];
        row_load(row, dy + (size_t)m * O, valid);
#pragma unroll
        for (int j = 0; j < NV; j++) VSTORE(row[j], right + m * NR + j * VW);
    }
}

/* dw as a product of x^T (K = KH*KW*CG rows, gathered) and dy. An item computes `tiles` register tiles of rows (at
 * most TILES) from `images` images and writes them to its part: dw itself when there is one part, else sums that
 * `reduce` adds up in order. It goes through chunks of PIXELS pixels, whose x and dy it packs first.
 * Launch: (ceil(K / (tiles*MR)), parts, groups). */
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
    float left[PIXELS * TILES * MR], right[PIXELS * NR];
    for (int m0 = 0; m0 < M; m0 += PIXELS) {
        const int pixels = min(PIXELS, M - m0);
        pack_left(x, offset, left, m0, pixels, rows, P, Q, H, W, C, SH, SW);
        for (int o = 0; o < OG; o += NR) {
            pack_right(dy + (size_t)m0 * O + o, right, pixels, O, OG - o);
            for (int t = 0; t < tiles; t++) {
                const float *a = left + t * MR;
                V sum[MR][NV];
                tile_zero(sum);
                for (int m = 0; m < pixels; m++) {
#define A(i) a[m * rows + i]
                    TILE_STEP(sum, A, right + m * NR)
#undef A
                }
#pragma unroll
                for (int i = 0; i < MR; i++) {
                    const int k = k0 + t * MR + i;
                    if (k >= K) break;
                    Output to = dw + (size_t)k * O + o;
                    if (m0 > 0) row_add(sum[i], to, OG - o);
                    row_store(sum[i], to, OG - o);
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
