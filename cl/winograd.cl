/* winograd.cl: what the forms of minimal filtering F(M x M, R x R) share, tile by tile and VW channels
 * at a time (formulas: src/ops/winograd.h; letters: cl/conv2d.cl). Included by conv2d_winograd.cl and
 * conv2d_winograd_batched.cl, behind finish.cl and ROLLED, the pragma of loops over rows and columns of a
 * tile.
 *
 *   y tile (M, M) = AT [ sum over c of (G w GT) * (BT x B) ] A       x tile (A, A), A = M + R - 1
 *
 * Tiles of y stand M apart, those of x too, and overlap by R - 1.
 *
 * Options: -DVW, src/ops/winograd.c's -DWM -DWR -DWA -DWG -DWBT, and -DPOOL=2 where y is the maximum
 * over windows of so many rows and columns (those left over at the right and below take no part).
 */
typedef __global const float *restrict Input;
typedef __global float *restrict Output;

#define A (WM + WR - 1)
#define UNROLL _Pragma("unroll")
#define ADD_PRODUCT(sum, factor, value) \
    if ((factor) != 0.0f) sum = FMA((V)(factor), value, sum)

/* Two functions of a matrix (A, COUNT), whose rows belong to a point each:
 *   name     to[i] = sum over j of matrix[i][j] from[j]      from (COUNT), to (A)
 *   adjoint  to[j] = sum over i of matrix[i][j] from[i]      from (A), to (COUNT)
 * The points are 0, pairs of p and -p, and infinity, so that the rows of a pair differ in the signs
 * of odd columns: half of their products serve both. What is multiplied by 0 goes when loops are
 * unrolled. */
#define TRANSFORM(name, adjoint, COUNT, ...)                                                \
    static __constant float name##_matrix[A][COUNT] = __VA_ARGS__;                          \
    inline void name(const V from[COUNT], V to[A]) {                                        \
        to[0] = to[A - 1] = 0;                                                              \
        UNROLL for (int j = 0; j < COUNT; j++) {                                            \
            ADD_PRODUCT(to[0], name##_matrix[0][j], from[j]);                               \
            ADD_PRODUCT(to[A - 1], name##_matrix[A - 1][j], from[j]);                       \
        }                                                                                   \
        UNROLL for (int i = 1; i < A - 1; i += 2) {                                         \
            V parts[2] = {0, 0}; /* of even and of odd columns */                           \
            UNROLL for (int j = 0; j < COUNT; j++)                                          \
                ADD_PRODUCT(parts[j % 2], name##_matrix[i][j], from[j]);                    \
            to[i] = parts[0] + parts[1];                                                    \
            to[i + 1] = parts[0] - parts[1];                                                \
        }                                                                                   \
    }                                                                                       \
    inline void adjoint(const V from[A], V to[COUNT]) {                                     \
        V parts[A][2]; /* of a pair: for even and for odd columns */                        \
        UNROLL for (int i = 1; i < A - 1; i += 2) {                                         \
            parts[i][0] = from[i] + from[i + 1];                                            \
            parts[i][1] = from[i] - from[i + 1];                                            \
        }                                                                                   \
        UNROLL for (int j = 0; j < COUNT; j++) {                                            \
            to[j] = 0;                                                                      \
            ADD_PRODUCT(to[j], name##_matrix[0][j], from[0]);                               \
            UNROLL for (int i = 1; i < A - 1; i += 2)                                       \
                ADD_PRODUCT(to[j], name##_matrix[i][j], parts[i][j % 2]);                   \
            ADD_PRODUCT(to[j], name##_matrix[A - 1][j], from[A - 1]);                       \
        }                                                                                   \
    }

TRANSFORM(transform_x, adjoint_x, A, WBT)
TRANSFORM(transform_w, adjoint_w, WR, WG)
TRANSFORM(adjoint_y, transform_y, WM, WA)

/* Row i of a matrix that is kept by columns. */
#define ROW(columns, i, count, row) \
    UNROLL for (int j_ = 0; j_ < count; j_++) row[j_] = columns[j_][i];

/* The columns of a tile (A, A) at from[xi * step], transformed. */
#define LOAD_COLUMNS(transform, from, step, columns)                                            \
    ROLLED for (int j_ = 0; j_ < A; j_++) {                                                     \
        V tap_[A];                                                                              \
        UNROLL for (int i_ = 0; i_ < A; i_++) tap_[i_] = VLOAD((from) + (i_ * A + j_) * (step)); \
        transform(tap_, columns[j_]);                                                           \
    }

/* Rows of `count` numbers, transformed to a tile (A, A) at to[xi * step]. */
#define STORE_ROWS(transform, columns, count, to, step)                                         \
    ROLLED for (int i_ = 0; i_ < A; i_++) {                                                     \
        V half_[count], row_[A];                                                                \
        ROW(columns, i_, count, half_)                                                          \
        transform(half_, row_);                                                                 \
        UNROLL for (int j_ = 0; j_ < A; j_++) VSTORE(row_[j_], (to) + (i_ * A + j_) * (step));  \
    }

/* In all that follows the columns come first, then the rows; neither loop is unrolled, for what is
 * between them does not fit into registers. */

/* One tile and VW channels of x, from row h and column q on, through BT . B into to[xi * step]. */
inline void input_tile(global const X_T *x, const int h, const int q, const int H, const int W,
                       const int C, global float *to, const int step) {
    V columns[A][A];
    ROLLED for (int j = 0; j < A; j++) {
        V tap[A];
        UNROLL for (int i = 0; i < A; i++) {
            const int there = h + i >= 0 && h + i < H && q + j >= 0 && q + j < W;
            tap[i] = there ? VREAD(X_T, x + ((h + i) * W + q + j) * C) : (V)(0.0f);
        }
        transform_x(tap, columns[j]);
    }
    STORE_ROWS(transform_x, columns, A, to, step)
}

#ifndef POOL
#define POOL 1
#endif

/* Row i of a tile of y, finished, to row p + i: its maxima over POOL x POOL pixels, where that is
 * not 1; then `above` keeps them until the last of POOL rows. P and Q are y's extents. */
inline void store_row(V row[WM], V above[WM / POOL], const int i, global Y_T *y, const int p,
                      const int q, const int P, const int Q, const int O) {
#pragma unroll
    for (int j = 0; j < WM / POOL; j++) {
        V best = row[j * POOL];
#pragma unroll
        for (int k = 1; k < POOL; k++) best = larger(best, row[j * POOL + k]);
        above[j] = i % POOL ? larger(above[j], best) : best;
        const int there = (p + i) / POOL < P && q / POOL + j < Q;
        if (i % POOL == POOL - 1 && there)
            VWRITE(Y_T, above[j], y + ((p + i) / POOL * Q + q / POOL + j) * O);
    }
}

/* One tile and VW filters: AT . A of from[xi * step], finished, to y; p and q are the tile's first
 * row and column before pooling. `added` lies as y does, 0: nothing is. */
inline void output_tile(global const float *from, const int step, const Finish f,
                        global const ADDED_T *added, global Y_T *y, const int p, const int q,
                        const int P, const int Q, const int O) {
    V columns[A][WM], above[WM / POOL];
    LOAD_COLUMNS(transform_y, from, step, columns)
    ROLLED for (int i = 0; i < WM; i++) {
        V half_[A], row[WM];
        ROW(columns, i, A, half_)
        transform_y(half_, row);
        UNROLL for (int j = 0; j < WM; j++) row[j] = scaled(row[j], f);
        if (added && p + i < P)
            UNROLL for (int j = 0; j < WM; j++)
                if (q + j < Q) row[j] += VREAD(ADDED_T, added + ((p + i) * Q + q + j) * O);
        UNROLL for (int j = 0; j < WM; j++) row[j] = limited(row[j], f);
        store_row(row, above, i, y, p, q, P, Q, O);
    }
}

/* One tile and VW filters of dy, from row p and column q on, through A . AT into to[xi * step]. */
inline void gradient_tile(global const float *dy, const int p, const int q, const int P,
                          const int Q, const int O, global float *to, const int step) {
    V columns[WM][A];
    ROLLED for (int j = 0; j < WM; j++) {
        V tap[WM];
        UNROLL for (int i = 0; i < WM; i++) tap[i] =
            p + i < P && q + j < Q ? VLOAD(dy + ((p + i) * Q + q + j) * O) : (V)(0.0f);
        adjoint_y(tap, columns[j]);
    }
    STORE_ROWS(adjoint_y, columns, WM, to, step)
}
