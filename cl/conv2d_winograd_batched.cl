/* conv2d_winograd_batched.cl: a convolution of stride 1 by minimal filtering (cl/winograd.cl) for
 * the GPU class: all tiles are transformed, then A * A products (tiles x channels) by (channels x
 * filters) are one launch of gemm_tiled.cl, then their results are transformed back.
 *
 * So that the transformed tiles fit into a workspace, `count` tiles are taken at a time, number
 * `first` and those that follow; matrices lie a * A * A of them, each for `chunk` tiles.
 * The gradient for x is the convolution of dy with w turned round, from its channels to x's.
 *
 * -DVW=1, the options of cl/winograd.cl.
 * Launch: 1-D, an item a tile (or number of weights) and a channel, channels fastest; rounded up.
 */
#include "finish.cl"
/* A GPU has registers enough, and arrays that are indexed in loops would cost it memory. */
#define ROLLED _Pragma("unroll")
#include "winograd.cl"

#define TILES                                                                                  \
    const int chunk, const int first, const int count, const int H, const int W, const int C,  \
        const int P, const int Q, const int O, const int PT, const int PL
/* The item's channel, and of its tile: the number in the chunk, the image, y's first pixel. */
#define BEGIN(channels)                                                                        \
    const int id = get_global_id(0), c = id % channels, t = id / channels, tile = first + t;   \
    const int columns = (Q + WM - 1) / WM, rows = (P + WM - 1) / WM;                           \
    const int n = tile / columns / rows, p = tile / columns % rows * WM, q = tile % columns * WM; \
    if (t >= count) return;

/* packed[xi][k][j] = (G w GT)[xi] of number k * k_step + j * j_step of each of w's R x R, which
 * `turned` takes from the last. Launch: K * J items. */
__kernel void pack(Input w, Output packed, const int K, const int J, const int k_step,
                   const int j_step, const int turned) {
    const int id = get_global_id(0), at = id / J * k_step + id % J * j_step;
    if (id >= K * J) return;
    V columns[WR][A];
    UNROLL for (int s = 0; s < WR; s++) {
        V tap[WR];
        UNROLL for (int r = 0; r < WR; r++) {
            const int place = r * WR + s;
            tap[r] = w[(size_t)(turned ? WR * WR - 1 - place : place) * K * J + at];
        }
        transform_w(tap, columns[s]);
    }
    STORE_ROWS(transform_w, columns, WR, packed + id, (size_t)K * J)
}

/* to[xi][t][c] = BT x B. */
__kernel void transform_input(__global const X_T *restrict x, Output to, TILES) {
    BEGIN(C)
    input_tile(x + (size_t)n * H * W * C + c, p - PT, q - PL, H, W, C, to + t * C + c, chunk * C);
}

/* y = f(AT from[xi][t][o] A), its maxima over POOL x POOL pixels. */
__kernel void transform_output(Input from, __global Y_T *restrict y, FINISH, TILES) {
    BEGIN(O)
    const Finish f = finish_at(PASS_FINISH, c, 1);
    const size_t at = (size_t)n * (P / POOL) * (Q / POOL) * O + c;
    output_tile(from + t * O + c, chunk * O, f, add ? added + at : 0, y + at, p, q, P / POOL,
                Q / POOL, O);
}

/* to[xi][t][o] = A dy AT. */
__kernel void transform_gradient(Input dy, Output to, TILES) {
    BEGIN(O)
    gradient_tile(dy + (size_t)n * P * Q * O + c, p, q, P, Q, O, to + t * O + c, chunk * O);
}

/* dw[r][s][c][o] = (GT [ sum over parts of from[xi][part][c][o] ] G)[r][s], in the order of the
 * parts. Launch: count = C * O items. */
__kernel void finish_weights(Input from, Output dw, const int parts, const int count) {
    const int id = get_global_id(0);
    if (id >= count) return;
    V columns[A][WR];
    UNROLL for (int j = 0; j < A; j++) {
        V column[A];
        UNROLL for (int i = 0; i < A; i++) {
            column[i] = 0;
            for (int part = 0; part < parts; part++)
                column[i] += from[((size_t)(i * A + j) * parts + part) * count + id];
        }
        adjoint_w(column, columns[j]);
    }
    UNROLL for (int r = 0; r < WR; r++) {
        V half_[A], row[WR];
        ROW(columns, r, A, half_)
        adjoint_w(half_, row);
        UNROLL for (int s = 0; s < WR; s++) dw[(size_t)(r * WR + s) * count + id] = row[s];
    }
}
