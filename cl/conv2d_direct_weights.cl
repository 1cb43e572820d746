/* conv2d_direct_weights.cl: the gradient of a convolution for its weights, for CPU runtimes:
 * register tiles (cl/common.cl) of MR rows of weights by NR channels; no local memory, no barrier.
 * Formulas and letters: cl/conv2d.cl; x is padded already (cl/conv2d_pad.cl): H and W are the
 * padded extents.
 */
typedef __global const float *restrict Input;
typedef __global float *restrict Output;

#define PIXELS 128 /* of a chunk: its dy, packed, stays in the first-level cache */
#define TILES 5    /* register tiles of an item at most */

/* where[m] = the number in x of the first element of the chunk's pixel m0 + m. */
inline void find_pixels(int *where, int m0, int pixels, int P, int Q, int H, int W, int C, int SH,
                        int SW) {
    int q = m0 % Q, p = m0 / Q % P, n = m0 / Q / P;
    for (int m = 0; m < pixels; m++) {
        where[m] = ((n * H + p * SH) * W + q * SW) * C;
        if (++q == Q) {
            q = 0;
            if (++p == P) p = 0, n++;
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

/* dw as a product of x^T (K = KH*KW*CG rows, gathered) and dy, of the images from `first` to before
 * `end`. An item computes `tiles` register tiles of rows (at most TILES) from `images` of them and
 * writes them to its part, or adds them to what is there: dw itself when there is one part, else
 * sums that `reduce` adds up in order. It goes through chunks of PIXELS pixels, whose dy it packs
 * first. Launch: (ceil(K / (tiles*MR)), parts, groups): items of one part follow each other and
 * read the same images. */
ONE_ITEM void backward_weights(Input x, Input dy, Output dw, const int first, const int end,
                               const int add, const int images, const int tiles, const int P,
                               const int Q, const int H, const int W, const int C, const int CG,
                               const int O, const int OG, const int KH, const int KW, const int SH,
                               const int SW, const int DH, const int DW) {
    const int K = KH * KW * CG, rows = tiles * MR, k0 = get_global_id(0) * rows;
    const int n0 = first + get_global_id(1) * images, group = get_global_id(2);
    const int M = min(images, end - n0) * P * Q;
    x += (size_t)n0 * H * W * C + group * CG;
    dy += (size_t)n0 * P * Q * O + group * OG;
    dw += (size_t)get_global_id(1) * K * O + group * OG;
    int offset[TILES * MR]; /* of each row's element from its pixel's first */
    for (int i = 0; i < rows; i++) {
        const int k = min(k0 + i, K - 1), c = k % CG, s = k / CG % KW, r = k / CG / KW;
        offset[i] = (r * DH * W + s * DW) * C + c;
    }
    int where[PIXELS];
    float right[PIXELS * NR];
    for (int m0 = 0; m0 < M; m0 += PIXELS) {
        const int pixels = min(PIXELS, M - m0);
        find_pixels(where, m0, pixels, P, Q, H, W, C, SH, SW);
        for (int o = 0; o < OG; o += NR) {
            pack_right(dy + (size_t)m0 * O + o, right, pixels, O, OG - o);
            for (int t = 0; t < tiles; t++) {
                int at[MR];
#pragma unroll
                for (int i = 0; i < MR; i++) at[i] = offset[t * MR + i];
                V sum[MR][NV];
                tile_zero(sum);
                for (int m = 0; m < pixels; m++) {
                    Input pixel = x + where[m];
#define A(i) pixel[at[i]]
                    TILE_STEP(sum, A, right + m * NR)
#undef A
                }
#pragma unroll
                for (int i = 0; i < MR; i++) {
                    const int k = k0 + t * MR + i;
                    if (k >= K) break;
                    Output to = dw + (size_t)k * O + o;
                    if (add || m0 > 0) row_add(sum[i], to, OG - o);
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
