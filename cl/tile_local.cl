/* tile_local.cl: products of matrices for the GPU class, by work-groups that keep panels of both
 * operands in local memory. Included, behind finish.cl, by gemm_tiled.cl and conv2d_tiled.cl,
 * which say how the elements of the operands are found.
 *
 *   C (M,N) = A (M,K) B (K,N)
 *
 * A group of GX x GY items computes a tile of BM x BN of C, DEPTH numbers of K at a time. Each item
 * loads its share of the next panels, (BM, DEPTH) of A and (DEPTH, BN) of B, into registers while the group
 * multiplies those in local memory; there are two of each, so that a step has one barrier. An item
 * computes MV x NV blocks of 4 x 4, GY blocks apart in rows and GX in columns: its neighbours read
 * and write what lies beside.
 *
 * Options: -DVW=4 -DGX -DGY -DMV -DNV -DBK, all powers of two, such that each item loads at least one
 *          number of each panel; -DLEFT_ALONG_K, -DRIGHT_ALONG_K where neighbouring items load
 *          along k, because an operand lies so in memory, and not along rows of A or columns of B;
 *          -DON_GPU=0 or 1, what the device is.
 * Launch:  (tiles * GX, GY, slices), groups of (GX, GY, 1). Tiles go along the columns of C first.
 *          Slice z takes k from z * slice on.
 */
#define ITEMS (GX * GY)
#define BM (GY * MV * 4)
#define BN (GX * NV * 4)
#define GROUP_KERNEL __kernel __attribute__((reqd_work_group_size(GX, GY, 1)))
#define UNROLL _Pragma("unroll")
/* Of what follows the products: off GPUs compilers take their time over it, and nothing is gained. */
#if ON_GPU
#define UNROLL_REST UNROLL
#else
#define UNROLL_REST
#endif

/* Where part number p of those that an item loads lies in its panel: those of all items follow each
 * other, `along` in a line. Written as what the item gives and what p gives, so that compilers see what is
 * the same for all parts. */
#define PLACE(p, along) ((int)((uint)item % (along)) + (p) * ITEMS % (along))
#define LINE(p, along)  ((int)((uint)item / (along)) + (p) * ITEMS / (along))
#define LEFT_PARTS      (BM * DEPTH / ITEMS)
#define RIGHT_PARTS     (BN * DEPTH / ITEMS)
#ifdef LEFT_ALONG_K
#define LEFT_K(p) PLACE(p, DEPTH)
#define LEFT_I(p) LINE(p, DEPTH)
#else
#define LEFT_K(p) LINE(p, BM)
#define LEFT_I(p) PLACE(p, BM)
#endif
#ifdef RIGHT_ALONG_K
#define RIGHT_K(p) PLACE(p, DEPTH)
#define RIGHT_J(p) LINE(p, DEPTH)
#else
#define RIGHT_K(p) LINE(p, BN)
#define RIGHT_J(p) PLACE(p, BN)
#endif

/* ---- Products by each item alone; with -DMATRIX cl/tile_matrix.cl has this part ---------------- */

#ifndef MATRIX
/* What panels hold; with -DHALF_PRODUCTS cl/tile_half.cl multiplies them. */
#ifdef HALF_PRODUCTS
#pragma OPENCL EXTENSION cl_khr_fp16 : enable
#define PANEL_T half
#else
#define PANEL_T float
#endif
#define PANEL_V CAT(PANEL_T, 4)

/* A panel lies by k; rows of it have 4 numbers more, lest neighbours along k fall on one bank. */
#define LEFT_ROW (BM / 4 + 1)
#define RIGHT_ROW (BN / 4 + 1)
#define LEFT_PANEL (DEPTH * LEFT_ROW)
#define RIGHT_PANEL (DEPTH * RIGHT_ROW)
#define PANELS local PANEL_V left_panel[2 * LEFT_PANEL], right_panel[2 * RIGHT_PANEL];

inline void put_left(local PANEL_V *panel, const float part[LEFT_PARTS], const int item) {
    UNROLL for (int p = 0; p < LEFT_PARTS; p++)
        ((local PANEL_T *)(panel + LEFT_K(p) * LEFT_ROW))[LEFT_I(p)] = part[p];
}

inline void put_right(local PANEL_V *panel, const float part[RIGHT_PARTS], const int item) {
    UNROLL for (int p = 0; p < RIGHT_PARTS; p++)
        ((local PANEL_T *)(panel + RIGHT_K(p) * RIGHT_ROW))[RIGHT_J(p)] = part[p];
}

/* Row r of block i of the item's rows is sum[4 * i + r]. */
inline void tile_clear(V sum[4 * MV][NV]) {
    UNROLL for (int i = 0; i < 4 * MV; i++)
        UNROLL for (int j = 0; j < NV; j++) sum[i][j] = (V)(0.0f);
}

#ifndef HALF_PRODUCTS
/* sum += what two panels give. */
inline void multiply_panels(V sum[4 * MV][NV], const local V *left, const local V *right,
                            const int x, const int y) {
#define ADD_ROW(r, a) UNROLL for (int j = 0; j < NV; j++) sum[r][j] = FMA((V)(a), row[j], sum[r][j]);
    UNROLL for (int k = 0; k < DEPTH; k++) {
        V row[NV];
        UNROLL for (int j = 0; j < NV; j++) row[j] = right[k * RIGHT_ROW + j * GX + x];
        UNROLL for (int i = 0; i < MV; i++) {
            const V a = left[k * LEFT_ROW + i * GY + y];
            ADD_ROW(4 * i, a.s0)
            ADD_ROW(4 * i + 1, a.s1)
            ADD_ROW(4 * i + 2, a.s2)
            ADD_ROW(4 * i + 3, a.s3)
        }
    }
#undef ADD_ROW
}
#endif

#define OPEN_SUMS(sum)               tile_clear(sum);
#define ADD_PANELS(sum, left, right) multiply_panels(sum, left, right, x, y);
#define CLOSE_SUMS(sum)
#endif

/* ---- The product -------------------------------------------------------------------------------- */

/* sum = the product over k = first .. end - 1, in a kernel with PANELS, x, y and item. LOAD_LEFT(k,
 * part) and LOAD_RIGHT(k, part) fill an item's parts of the panels that begin at k, with 0 for what
 * is outside of the operand. All items of a group have the same first and end. */
#define MULTIPLY(sum, LOAD_LEFT, LOAD_RIGHT, first, end)                                     \
    {                                                                                        \
        float left_part_[LEFT_PARTS], right_part_[RIGHT_PARTS];                              \
        int now_ = 0;                                                                        \
        OPEN_SUMS(sum)                                                                       \
        LOAD_LEFT(first, left_part_)                                                         \
        LOAD_RIGHT(first, right_part_)                                                       \
        put_left(left_panel, left_part_, item);                                              \
        put_right(right_panel, right_part_, item);                                           \
        barrier(CLK_LOCAL_MEM_FENCE);                                                        \
        for (int k_ = first; k_ < end; k_ += DEPTH) {                                        \
            const int more_ = k_ + DEPTH < end, next_ = 1 - now_;                            \
            if (more_) {                                                                     \
                LOAD_LEFT(k_ + DEPTH, left_part_)                                            \
                LOAD_RIGHT(k_ + DEPTH, right_part_)                                          \
            }                                                                                \
            ADD_PANELS(sum, left_panel + now_ * LEFT_PANEL, right_panel + now_ * RIGHT_PANEL) \
            if (more_) {                                                                     \
                put_left(left_panel + next_ * LEFT_PANEL, left_part_, item);                 \
                put_right(right_panel + next_ * RIGHT_PANEL, right_part_, item);             \
            }                                                                                \
            barrier(CLK_LOCAL_MEM_FENCE);                                                    \
            now_ = next_;                                                                    \
        }                                                                                    \
        CLOSE_SUMS(sum)                                                                      \
    }

/* ---- Storing ------------------------------------------------------------------------------------ */

/* Windows of a maximum behind the product: each is so many rows of C, one after the other. */
#ifndef POOL
#define POOL 1
#endif
#define PLACES (POOL * POOL)

/* What `multiply` writes: y, or a slice's share of C. */
#ifdef SLICED
#define RESULT_T float
#else
#define RESULT_T Y_T
#endif

/* The tile as it is, to row * LD + column: a slice's share of C. */
inline void store_sums(V sum[4 * MV][NV], global float *to, const int first_row,
                       const int first_column, const int M, const int N, const int LD, const int x,
                       const int y) {
    UNROLL for (int i = 0; i < 4 * MV; i++) {
        const int row = first_row + (i / 4 * GY + y) * 4 + i % 4;
        UNROLL for (int j = 0; j < NV; j++) {
            const int column = first_column + (j * GX + x) * 4;
            if (row < M) store_valid(sum[i][j], to + row * LD + column, N - column);
        }
    }
}

/* The tile with what comes behind it. 4 rows are 1 or 4 windows, of PLACES rows each, or none whole.
 * Column 0 is number `before` of what comes behind, and of the result's rows. Each step is a loop of its
 * own: compilers unroll small ones, and where one loop over `sum` stays, all sums lie in memory. */
inline void store_finished(V sum[4 * MV][NV], global Y_T *to, FINISH, const int before,
                           const int first_row, const int first_column, const int M, const int N,
                           const int LD, const int x, const int y) {
    to += before;
    Finish f[NV];
    UNROLL_REST for (int j = 0; j < NV; j++) {
        const int column = first_column + (j * GX + x) * 4;
        f[j] = finish_at(PASS_FINISH, before + column, N - column);
    }
    UNROLL_REST for (int j = 0; j < NV; j++)
        UNROLL_REST for (int i = 0; i < 4 * MV; i++) sum[i][j] = scaled(sum[i][j], f[j]);
    if (add)
        UNROLL_REST for (int i = 0; i < 4 * MV; i += PLACES) {
            const int row = first_row + (i / 4 * GY + y) * 4 + i % 4;
            UNROLL_REST for (int j = 0; j < NV; j++) {
                const int column = first_column + (j * GX + x) * 4;
                if (row < M)
                    sum[i][j] += load_added(added + before + row / PLACES * LD + column, N - column);
            }
        }
    UNROLL_REST for (int j = 0; j < NV; j++)
        UNROLL_REST for (int i = 0; i < 4 * MV; i++) sum[i][j] = limited(sum[i][j], f[j]);
    UNROLL_REST for (int i = 0; i < 4 * MV; i += PLACES) {
        const int row = first_row + (i / 4 * GY + y) * 4 + i % 4;
        UNROLL_REST for (int j = 0; j < NV; j++) {
            const int column = first_column + (j * GX + x) * 4;
            V best = sum[i][j];
            UNROLL_REST for (int p = 1; p < PLACES; p++) best = larger(best, sum[i + p][j]);
            if (row < M) store_result(best, to + row / PLACES * LD + column, N - column);
        }
    }
}

/* y (M / PLACES, N) from the shares of C of `slices` slices: (slices, M, N), added in their order.
 * Launch: 1-D, an item 4 columns of y, rounded up to whole groups. */
__kernel void add_slices(global const float *restrict parts, global Y_T *restrict y, FINISH,
                         const int slices, const int M, const int N) {
    const int across = (N + 3) / 4, id = get_global_id(0), row = id / across;
    const int column = id % across * 4, valid = N - column;
    if (row >= M / PLACES) return;
    const Finish f = finish_at(PASS_FINISH, column, valid);
    V best = (V)(0.0f);
    for (int p = 0; p < PLACES; p++) {
        V sum = (V)(0.0f);
        for (int z = 0; z < slices; z++)
            sum += load_valid(parts + ((size_t)z * M + row * PLACES + p) * N + column, valid);
        sum = scaled(sum, f);
        if (add) sum += load_added(added + row * N + column, valid);
        sum = limited(sum, f);
        best = p ? larger(best, sum) : sum;
    }
    store_result(best, y + row * N + column, valid);
}
