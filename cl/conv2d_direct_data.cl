/* conv2d_direct_data.cl: the gradient of a convolution for its input, for CPU runtimes: register
 * tiles (cl/common.cl) of MR pixels by NR channels; no local memory, no barrier. Formulas and
 * letters: cl/conv2d.cl.
 */
typedef __global const float *restrict Input;
typedef __global float *restrict Output;

/* packed[b][tap][i][j] = w[tap][c][g*OG + i] for input channel b*NR + j = g*CG + c, zero beyond C;
 * tap over KH*KW. Launch: (KH*KW, blocks). */
ONE_ITEM void pack(Input w, Output packed, const int taps, const int C, const int CG, const int O,
                   const int OG) {
    const int tap = get_global_id(0), b = get_global_id(1);
    const int group = b * NR / CG, c = b * NR - group * CG;
    Output to = packed + ((size_t)b * taps + tap) * OG * NR;
    for (int j = 0; j < NR; j++) {
        const int there = b * NR + j < C;
        Input from = w + ((size_t)tap * CG + c + j) * O + group * OG;
        for (int i = 0; i < OG; i++) to[i * NR + j] = there ? from[i] : 0.0f;
    }
}

/* Scatters: for each tap, the product of MR pixels of dy with the tap's weights is added to dx
 * where the tap lies. This needs exactly the forward pass's multiplications, where gathering over a
 * padded dy needs up to four times as many on the seed network. One item owns IMAGES images by NR
 * channels of dx, so nothing is shared. dx is not padded: H, W, PT, PL are those of the
 * convolution. Launch: (ceil(N / IMAGES), ceil(C / NR)). */
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
        int n = 0, p = 0, q = 0; /* the place of the next pixel */
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
                const int h = p * SH + down, w = q * SW + right;
                Output to = dx + (((size_t)n * H + h) * W + w) * C;
                if (first + i < M && h >= 0 && h < H && w >= 0 && w < W) {
                    row_add(sum[i], to, C - c);
                    row_store(sum[i], to, C - c);
                }
                if (++q == Q) {
                    q = 0;
                    if (++p == P) p = 0, n++;
                }
            }
        }
    }
}
