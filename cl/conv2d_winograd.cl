/* conv2d_winograd.cl: a convolution of stride 1 by minimal filtering F(M x M, R x R), for CPU runtimes
 * (formulas: src/ops/winograd.h; letters: cl/conv2d.cl).
 *
 *   y tile (M, M) = AT [ sum over c of (G w GT) * (BT x B) ] A       x tile (A, A), A = M + R - 1
 *
 * Tiles of y stand M apart, those of x too, and overlap by R - 1. Products of the A * A elements are
 * independent of each other: A * A products of (tiles x channels) by (channels x filters).
 * An item takes TB tiles at a time: their x goes through BT . B into scratch, of one item and so small
 * that it stays in the second-level cache; then for each block of NR filters the A * A products and
 * AT . A. Channels and filters are multiples of VW.
 *
 * Built with -DVW -DMR -DNV (cl/common.cl), -DTB, a multiple of MR, and src/ops/winograd.c's -DWM -DWR
 * -DWAT -DWG -DWBT.
 */
typedef __global const float *restrict Input;
typedef __global float *restrict Output;

#define A (WM + WR - 1)
__constant float AT[WM][A] = WAT;
__constant float G[A][WR] = WG;
__constant float BT[A][A] = WBT;

/* out[i] = sum of MATRIX[i][j] in(j) over j < COUNT, i < ROWS; what is multiplied by 0 is left out when
 * the loops are unrolled. */
#define TRANSFORM(MATRIX, ROWS, COUNT, in, out)                                                    \
    _Pragma("unroll") for (int i_ = 0; i_ < ROWS; i_++) {                                          \
        V sum_ = (V)(0.0f);                                                                        \
        _Pragma("unroll") for (int j_ = 0; j_ < COUNT; j_++) if (MATRIX[i_][j_] != 0.0f)           \
            sum_ = FMA((V)(MATRIX[i_][j_]), in(j_), sum_);                                         \
        out(i_) = sum_;                                                                            \
    }

/* packed[xi][b][c][j] = (G w GT)[xi] of channel c and filter b * NR + j, 0 beyond O; xi over A * A.
 * Launch: (C, blocks of NR filters). */
ONE_ITEM void pack(Input w, Output packed, const int C, const int O) {
    const int c = get_global_id(0), b = get_global_id(1), blocks = get_global_size(1);
    for (int v = 0; v < NV; v++) {
        const int o = b * NR + v * VW;
        V half_[A][WR];
        for (int s = 0; s < WR; s++) {
            V tap[WR];
            for (int r = 0; r < WR; r++) {
                if (o + VW <= O) {
                    tap[r] = VLOAD(w + ((size_t)(r * WR + s) * C + c) * O + o);
                } else {
                    float lanes[VW];
                    for (int j = 0; j < VW; j++)
                        lanes[j] = o + j < O ? w[((size_t)(r * WR + s) * C + c) * O + o + j] : 0.0f;
                    tap[r] = VLOAD(lanes);
                }
            }
#define IN(j)  tap[j]
#define OUT(i) half_[i][s]
            TRANSFORM(G, A, WR, IN, OUT)
#undef IN
#undef OUT
        }
        for (int i = 0; i < A; i++) {
            V row[A];
#define IN(j)  half_[i][j]
#define OUT(k) row[k]
            TRANSFORM(G, A, WR, IN, OUT)
#undef IN
#undef OUT
            for (int j = 0; j < A; j++)
                VSTORE(row[j], packed + (((size_t)(i * A + j) * blocks + b) * C + c) * NR + v * VW);
        }
    }
}

/* One tile and VW channels of x, from row h and column q on, through BT . B into to[xi * step]. */
inline void input_tile(Input x, const int h, const int q, const int H, const int W, const int C,
                       Output to, const int step) {
    V columns[A][A];
#pragma unroll
    for (int j = 0; j < A; j++) {
        V tap[A];
#pragma unroll
        for (int i = 0; i < A; i++) {
            const int there = h + i >= 0 && h + i < H && q + j >= 0 && q + j < W;
            tap[i] = there ? VLOAD(x + ((h + i) * W + q + j) * C) : (V)(0.0f);
        }
#define IN(k)  tap[k]
#define OUT(i) columns[i][j]
        TRANSFORM(BT, A, A, IN, OUT)
#undef IN
#undef OUT
    }
#pragma unroll
    for (int i = 0; i < A; i++) {
        V row[A];
#define IN(k)  columns[i][k]
#define OUT(j) row[j]
        TRANSFORM(BT, A, A, IN, OUT)
#undef IN
#undef OUT
#pragma unroll
        for (int j = 0; j < A; j++) VSTORE(row[j], to + (i * A + j) * step);
    }
}

/* product[t][j] = sum over c of left[t][c] right[c][j] for TB tiles, NR filters. */
inline void multiply(Input left, Input right, Output product, const int C) {
    for (int t = 0; t < TB; t += MR) {
        V sum[MR][NV];
        tile_zero(sum);
        for (int c = 0; c < C; c++) {
#define LEFT(i) left[(t + i) * C + c]
            TILE_STEP(sum, LEFT, right + c * NR)
#undef LEFT
        }
#pragma unroll
        for (int i = 0; i < MR; i++)
#pragma unroll
            for (int j = 0; j < NV; j++) VSTORE(sum[i][j], product + (t + i) * NR + j * VW);
    }
}

/* One tile and VW filters: AT . A of from[xi * step], bias, relu, to y at row p, column q. */
inline void output_tile(Input from, const int step, const V bias, const int relu, Output y,
                        const int p, const int q, const int P, const int Q, const int O) {
    V columns[WM][A];
#pragma unroll
    for (int j = 0; j < A; j++) {
#define IN(k)  VLOAD(from + (k * A + j) * step)
#define OUT(i) columns[i][j]
        TRANSFORM(AT, WM, A, IN, OUT)
#undef IN
#undef OUT
    }
#pragma unroll
    for (int i = 0; i < WM; i++) {
        V row[WM];
#define IN(k)  columns[i][k]
#define OUT(j) row[j]
        TRANSFORM(AT, WM, A, IN, OUT)
#undef IN
#undef OUT
#pragma unroll
        for (int j = 0; j < WM; j++) {
            V value = row[j] + bias;
            if (relu) value = value < (V)(0.0f) ? (V)(0.0f) : value;
            if (p + i < P && q + j < Q) VSTORE(value, y + ((p + i) * Q + q + j) * O);
        }
    }
}

/* scratch: for each item (A*A*TB*(C + NR)). Item g takes blocks of TB tiles g, g + items, ..
 * Launch: (items). */
ONE_ITEM void forward(Input x, Input packed, Input bias, Output y, Output scratch,
                      const int has_bias, const int relu, const int N, const int H, const int W,
                      const int C, const int P, const int Q, const int O, const int PT,
                      const int PL) {
    const int rows = (P + WM - 1) / WM, columns = (Q + WM - 1) / WM, tiles = N * rows * columns;
    const int blocks = (O + NR - 1) / NR;
    Output left = scratch + (size_t)get_global_id(0) * (A * A * TB * (C + NR));
    Output product = left + A * A * TB * C;
    for (int first = get_global_id(0) * TB; first < tiles; first += get_global_size(0) * TB) {
        for (int t = 0; t < TB; t++) {
            const int tile = min(first + t, tiles - 1), n = tile / (rows * columns);
            const int h = tile / columns % rows * WM - PT, q = tile % columns * WM - PL;
            for (int c = 0; c < C; c += VW)
                input_tile(x + (size_t)n * H * W * C + c, h, q, H, W, C, left + t * C + c, TB * C);
        }
        for (int b = 0; b < blocks; b++) {
            for (int xi = 0; xi < A * A; xi++)
                multiply(left + xi * TB * C, packed + ((size_t)xi * blocks + b) * C * NR,
                         product + xi * TB * NR, C);
            for (int t = 0; t < TB && first + t < tiles; t++) {
                const int tile = first + t, n = tile / (rows * columns);
                const int p = tile / columns % rows * WM, q = tile % columns * WM;
                for (int v = 0; v < NV; v++) {
                    const int o = b * NR + v * VW;
                    if (o >= O) break;
                    const V add = has_bias ? VLOAD(bias + o) : (V)(0.0f);
                    output_tile(product + t * NR + v * VW, TB * NR, add, relu,
                                y + (size_t)n * P * Q * O + o, p, q, P, Q, O);
                }
            }
        }
    }
}
