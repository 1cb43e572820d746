/* conv2d_winograd.cl: a convolution of stride 1 by minimal filtering F(M x M, R x R), for CPU
 * runtimes (formulas: cl/winograd.cl).
 *
 * Products of the A * A elements of tiles are independent of each other: A * A products of (tiles x channels) by (channels x filters). An
 * item takes `block` tiles (a multiple of MR) at a time: their x goes through BT . B into scratch,
 * of one item and so small that it stays in the second-level cache; then for each block of NR
 * filters the A * A products and AT . A. Channels and filters are multiples of VW.
 *
 * Built with -DVW -DMR -DNV (cl/common.cl), the options of cl/winograd.cl and the pass (-DFORWARD,
 * -DBACKWARD_DATA or -DBACKWARD_WEIGHTS).
 */
#include "finish.cl"
/* What does not fit into the registers of a CPU lies in an array at once instead of being spilled. */
#define ROLLED _Pragma("unroll 1")
#include "winograd.cl"

/* From one of the A * A matrices of tiles to the next, each of n numbers, a multiple of 2 * VW: a
 * line of the cache more, lest all fall on the same places of it. */
#define APART(n) ((n) + 16)

/* product[t][j] = sum over c of left[t][c] right[c][j] for `tiles` tiles, a multiple of MR, and NR
 * channels of the product. */
inline void multiply(Input left, Input right, Output product, const int tiles, const int C) {
    for (int t = 0; t < tiles; t += MR) {
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

#ifndef BACKWARD_WEIGHTS
/* Cores are not equally fast, least of all those that others use as well: items take what is to be
 * done piece by piece. This gives the next of 0 .. pieces - 1, and at last more than that, once to
 * each item. `packed` begins with the counter, in a line of its own; it is 0 between launches. */
#define COUNTER 16
inline int next_piece(volatile __global int *counter, const int pieces, const int items) {
    const int piece = atomic_inc(counter);
    if (piece == pieces + items - 1) *counter = 0;
    return piece;
}

/* Numbers first .. first + VW - 1 of w, `step` apart; the last of all, `count`, instead of those
 * beyond. */
inline V load_weights(Input w, const int step, const int first, const int count) {
    if (step == 1 && first + VW <= count) return VLOAD(w + first);
    float lanes[VW];
    UNROLL for (int j = 0; j < VW; j++) lanes[j] = w[min(first + j, count - 1) * step];
    return VLOAD(lanes);
}

/* packed[b][xi][k][j], behind the counter, = (G w GT)[xi] of channel k and filter b * NR + j
 * forward, of filter k and channel b * NR + j backward; anything beyond J. In w numbers k are
 * k_step apart, numbers j j_step. K is a multiple of VW. Launch: (K / VW, blocks of NR). */
ONE_ITEM void pack(Input w, Output packed, const int K, const int J, const int k_step,
                   const int j_step) {
    const int first = get_global_id(0) * VW, b = get_global_id(1);
    if (first == 0 && b == 0) *(__global int *)packed = 0;
    packed += COUNTER;
    for (int k = first; k < first + VW; k++) {
        V columns[NV][WR][A];
        for (int v = 0; v < NV; v++) {
            const int j = b * NR + v * VW;
            for (int s = 0; s < WR; s++) {
                V tap[WR];
                UNROLL for (int r = 0; r < WR; r++) tap[r] =
                    load_weights(w + (size_t)(r * WR + s) * K * J + k * k_step, j_step, j, J);
                transform_w(tap, columns[v][s]);
            }
        }
        for (int i = 0; i < A; i++) {
            for (int v = 0; v < NV; v++) {
                V half_[WR], row[A];
                ROW(columns[v], i, WR, half_)
                transform_w(half_, row);
                UNROLL for (int j = 0; j < A; j++) VSTORE(
                    row[j], packed + (((size_t)b * A * A + i * A + j) * K + k) * NR + v * VW);
            }
        }
    }
}
#endif

#ifdef FORWARD
AFFINE_KERNEL

/* A piece is a block of tiles with every parts-th block of filters, from number piece % parts on.
 * scratch: for each item (A*A*(APART(block*C) + APART(block*NR))). P and Q are those of the
 * convolution; `factors` is where `packed` has those of a batch normalisation, 0 where there is
 * none. Launch: (items). */
ONE_ITEM void forward(Input x, Input packed, volatile __global int *counter, Input bias, Output y,
                      Output scratch, Input added, const int block, const int parts,
                      const int has_bias, const int relu, const int factors, const int add,
                      const int limit, const float low, const float high, const int N, const int H, const int W,
                      const int C, const int P, const int Q, const int O, const int PT,
                      const int PL) {
    const int rows = (P + WM - 1) / WM, columns = (Q + WM - 1) / WM, tiles = N * rows * columns;
    const int blocks = (O + NR - 1) / NR, pieces = (tiles + block - 1) / block * parts;
    Input weights = packed + COUNTER;
    Output left =
        scratch + get_global_id(0) * (size_t)(A * A * (APART(block * C) + APART(block * NR)));
    Output product = left + A * A * APART(block * C);
    for (int piece; (piece = next_piece(counter, pieces, get_global_size(0))) < pieces;) {
        const int first = piece / parts * block;
        const int count = min(block, tiles - first), filled = (count + MR - 1) / MR * MR;
        for (int t = 0; t < filled; t++) {
            const int tile = min(first + t, tiles - 1), n = tile / (rows * columns);
            const int h = tile / columns % rows * WM - PT, q = tile % columns * WM - PL;
            for (int c = 0; c < C; c += VW)
                input_tile(x + (size_t)n * H * W * C + c, h, q, H, W, C, left + t * C + c,
                           APART(block * C));
        }
        for (int b = piece % parts; b < blocks; b += parts) {
            for (int xi = 0; xi < A * A; xi++)
                multiply(left + xi * APART(block * C), weights + (size_t)(b * A * A + xi) * C * NR,
                         product + xi * APART(block * NR), filled, C);
            for (int v = 0; v < NV; v++) {
                const int o = b * NR + v * VW;
                if (o >= O) break;
                Finish f;
                f.bias = has_bias ? VLOAD(bias + o) : (V)(0.0f);
                f.scale = factors ? VLOAD(packed + factors + o) : (V)(1.0f);
                f.shift = factors ? VLOAD(packed + factors + blocks * NR + o) : (V)(0.0f);
                f.relu = relu;
                f.limit = limit;
                f.low = low;
                f.high = high;
                for (int t = 0; t < count; t++) {
                    const int tile = first + t, n = tile / (rows * columns);
                    const size_t at = (size_t)n * (P / POOL) * (Q / POOL) * O + o;
                    output_tile(product + t * NR + v * VW, APART(block * NR), f,
                                add ? added + at : 0, y + at, tile / columns % rows * WM, tile % columns * WM, P / POOL, Q / POOL,
                                O);
                }
            }
        }
    }
}
#endif

/* ---- Backward data: the adjoint, dx = B [ (G w GT)T (A dy AT) ] BT, tiles of dx added where they
 *      overlap -------------------------------------------------------------------------------- */

#ifdef BACKWARD_DATA
/* One tile and VW channels: B . BT of from[xi * step] to dx from row h and column q on, added where
 * a tile above or to the left has been already. */
inline void add_tile(Input from, const int step, Output dx, const int h, const int q, const int H,
                     const int W, const int C, const int below, const int right) {
    V columns[A][A];
    LOAD_COLUMNS(adjoint_x, from, step, columns)
    ROLLED for (int i = 0; i < A; i++) {
        V half_[A], row[A];
        if (h + i < 0 || h + i >= H) continue;
        ROW(columns, i, A, half_)
        adjoint_x(half_, row);
        UNROLL for (int j = 0; j < A; j++) {
            if (q + j < 0 || q + j >= W) continue;
            const int shared = (below && i < WR - 1) || (right && j < WR - 1);
            Output at = dx + ((h + i) * W + q + j) * C;
            VSTORE(shared ? VLOAD(at) + row[j] : row[j], at);
        }
    }
}

/* A piece is IMAGES images, which have `room` tiles, rounded up to a multiple of MR. scratch: for
 * each item (A*A*(APART(room*O) + APART(room*NR))). Launch: (items). */
ONE_ITEM void backward_data(Input dy, Input packed, volatile __global int *counter, Output dx,
                            Output scratch, const int IMAGES, const int room, const int N,
                            const int H, const int W, const int C, const int P, const int Q,
                            const int O, const int PT, const int PL) {
    const int rows = (P + WM - 1) / WM, columns = (Q + WM - 1) / WM, each = rows * columns;
    const int blocks = (C + NR - 1) / NR, pieces = (N + IMAGES - 1) / IMAGES;
    Input weights = packed + COUNTER;
    Output left =
        scratch + get_global_id(0) * (size_t)(A * A * (APART(room * O) + APART(room * NR)));
    Output product = left + A * A * APART(room * O);
    for (int piece; (piece = next_piece(counter, pieces, get_global_size(0))) < pieces;) {
        const int n0 = piece * IMAGES;
        const int images = min(IMAGES, N - n0), tiles = images * each;
        for (int t = 0; t < room; t++) {
            const int tile = min(t, tiles - 1), n = n0 + tile / each;
            const int p = tile / columns % rows * WM, q = tile % columns * WM;
            for (int o = 0; o < O; o += VW)
                gradient_tile(dy + (size_t)n * P * Q * O + o, p, q, P, Q, O, left + t * O + o,
                              APART(room * O));
        }
        for (int b = 0; b < blocks; b++) {
            for (int xi = 0; xi < A * A; xi++)
                multiply(left + xi * APART(room * O), weights + (size_t)(b * A * A + xi) * O * NR,
                         product + xi * APART(room * NR), room, O);
            for (int v = 0; v < NV; v++) {
                const int c = b * NR + v * VW;
                if (c >= C) break;
                Output to = dx + (size_t)n0 * H * W * C + c;
                for (int t = 0; t < tiles; t++) {
                    const int p = t / columns % rows * WM, q = t % columns * WM;
                    add_tile(product + t * NR + v * VW, APART(room * NR),
                             to + (size_t)(t / each) * H * W * C, p - PT, q - PL, H, W, C, p > 0,
                             q > 0);
                }
            }
        }
    }
}
#endif

/* ---- Backward weights: dw = GT [ sum over tiles of (BT x B)T (A dy AT) ] G, chunk tiles at a
 * time: so
 * many that what is transformed stays in the last-level cache --------------------------------- */

#ifdef BACKWARD_WEIGHTS
/* left[xi][t][c] = BT x B and right[xi][b][t][j] = A dy AT, filter b * NR + j, of the chunk's tiles
 * t = first .. first + count - 1. Item (t, 0) makes left's, (t, 1) right's. Launch: (count, 2). */
ONE_ITEM void transform_both(Input x, Input dy, Output left, Output right, const int chunk,
                             const int first, const int count, const int H, const int W,
                             const int C, const int P, const int Q, const int O, const int PT,
                             const int PL) {
    const int rows = (P + WM - 1) / WM, columns = (Q + WM - 1) / WM;
    const int blocks = (O + NR - 1) / NR;
    const int t = get_global_id(0), tile = first + t, n = tile / (rows * columns);
    const int p = tile / columns % rows * WM, q = tile % columns * WM;
    if (get_global_id(1) == 0) {
        for (int c = 0; c < C; c += VW)
            input_tile(x + (size_t)n * H * W * C + c, p - PT, q - PL, H, W, C, left + t * C + c,
                       APART(chunk * C));
    } else {
        for (int o = 0; o < O; o += VW)
            gradient_tile(dy + (size_t)n * P * Q * O + o, p, q, P, Q, O,
                          right + (o / NR * chunk + t) * NR + o % NR, APART(blocks * chunk * NR));
    }
}

/* sums[xi][c][o] += sum over t < count of left[xi][t][c] right[xi][b][t][o % NR], or = in the
 * first chunk, for the filters o of block b. Items of one xi follow each other: they read the same
 * of left. Launch: (blocks, A * A). */
ONE_ITEM void accumulate(Input left, Input right, Output sums, const int chunk, const int add,
                         const int count, const int C, const int O) {
    const int b = get_global_id(0), xi = get_global_id(1), valid = O - b * NR;
    left += (size_t)xi * APART(chunk * C);
    right += (size_t)xi * APART(get_global_size(0) * chunk * NR) + (size_t)b * chunk * NR;
    sums += (size_t)xi * APART(C * O) + b * NR;
    for (int c = 0; c < C; c += MR) {
        V sum[MR][NV];
        int at[MR];
#pragma unroll
        for (int i = 0; i < MR; i++) at[i] = min(c + i, C - 1);
        tile_zero(sum);
        for (int t = 0; t < count; t++) {
#define LEFT(i) left[t * C + at[i]]
            TILE_STEP(sum, LEFT, right + t * NR)
#undef LEFT
        }
#pragma unroll
        for (int i = 0; i < MR; i++) {
            if (c + i >= C) break;
            Output to = sums + (size_t)(c + i) * O;
            if (add) row_add(sum[i], to, valid);
            row_store(sum[i], to, valid);
        }
    }
}

/* dw[r][s][c][o] = (GT sums G)[r][s]. Launch: (C). */
ONE_ITEM void finish_weights(Input sums, Output dw, const int C, const int O) {
    const int c = get_global_id(0);
    for (int o = 0; o < O; o += VW) {
        V columns[A][WR];
        for (int j = 0; j < A; j++) {
            V column[A];
            for (int i = 0; i < A; i++)
                column[i] = VLOAD(sums + (size_t)(i * A + j) * APART(C * O) + c * O + o);
            adjoint_w(column, columns[j]);
        }
        for (int r = 0; r < WR; r++) {
            V half_[A], row[WR];
            ROW(columns, r, A, half_)
            adjoint_w(half_, row);
            for (int s = 0; s < WR; s++)
                VSTORE(row[s], dw + ((size_t)(r * WR + s) * C + c) * O + o);
        }
    }
}
#endif
