/* conv2d_tiled.cl: the three passes of a convolution as products (cl/tile_local.cl) for the GPU
 * class, whose operands are gathered from the images as panels are loaded: nothing is unfolded in
 * memory. Formulas and letters: cl/conv2d.cl. For each group g of channels:
 *
 *   -DFORWARD           C = y, (N P Q, OG);      A(m, k) = X of pixel m,       k = (r, s, c) of CG
 *   -DBACKWARD_DATA     C = dx, (N H W, CG);     A(m, k) = dy that pixel m reached through r, s;
 *                                                k = (r, s, o) of OG
 *   -DBACKWARD_WEIGHTS  C = dw, (KH KW CG, OG);  A(i, k) = X of i = (r, s, c), k a pixel (n, p, q)
 *
 * -DPOOL=2 (forward): y is the maximum over windows of 2 x 2 pixels; rows of C are then the pixels of
 * one window after those of another, and pixels that no window has are left out.
 */
#ifdef BACKWARD_DATA
#define LEFT_ALONG_K
#define RIGHT_ALONG_K
#elif defined(FORWARD)
#define LEFT_ALONG_K
#endif
#include "finish.cl"
#include "tile_local.cl"
#ifdef MATRIX
#include "matrix.cl"
#include "tile_matrix.cl"
#endif
#ifdef HALF_PRODUCTS
#include "tile_half.cl"
#endif

#define SHAPE                                                                                      \
    const int H, const int W, const int C, const int P, const int Q, const int O, const int KH,    \
        const int KW, const int SH, const int SW, const int DH, const int DW, const int PT,        \
        const int PL, const int CG, const int OG

/* Far outside of every image. */
#define NOWHERE (-(1 << 28))

/* A pixel that is a row of C or a step of K: the first number of its image and its place there, or
 * in the other image the place of its window. */
typedef struct {
    int image, row, column;
} Place;

/* Pixel m of (N, rows, columns), where those of a window follow each other. */
inline Place place_of(const int m, const int count, const int rows, const int columns) {
    Place at;
    const int window = m / PLACES, place = m % PLACES, across = columns / POOL;
    at.column = window % across * POOL + place % POOL;
    at.row = window / across % (rows / POOL) * POOL + place / POOL;
    at.image = window / across / (rows / POOL);
    if (m >= count) at.row = NOWHERE;
    return at;
}

/* The window of pixel `at` of y, in x. */
inline Place window_of(Place at, const int SH, const int SW, const int PT, const int PL,
                       const int size) {
    at.row = at.row == NOWHERE ? NOWHERE : at.row * SH - PT;
    at.column = at.column * SW - PL;
    at.image *= size;
    return at;
}

inline float pixel_at(global const X_T *image, const Place at, const int h, const int w,
                      const int H, const int W, const int C, const int c) {
    const int inside = h >= 0 && h < H && w >= 0 && w < W;
    return inside ? READ(X_T, image, at.image + (h * W + w) * C + c) : 0.0f;
}

/* What all kernels begin with: the item, the tile, the slice of k, the group of channels. */
#define BEGIN                                                                            \
    const int x = get_local_id(0), y = get_local_id(1), item = y * GX + x;               \
    PANELS                                                                               \
    const int tile = get_global_id(0) / GX, across = (N + BN - 1) / BN;                  \
    const int first_row = tile / across * BM, first_column = tile % across * BN;         \
    const int group = get_global_id(2) / slices, z = get_global_id(2) % slices;          \
    const int first = z * slice, end = min(first + slice, K);                            \
    V sum[4 * MV][NV];

/* And end with: C is `result`, its rows LD apart, the group's columns from group * N on. */
#ifdef SLICED
#define END(LD)                                                                             \
    store_sums(sum, result + (size_t)z * M * LD + group * N, first_row, first_column, M, N, LD, x, y);
#else
#define END(LD)                                                                              \
    store_finished(sum, result, PASS_FINISH, group * N, first_row, first_column, M, N, LD, x, y);
#endif

#ifdef FORWARD
GROUP_KERNEL void multiply(global const X_T *restrict image, global const W_T *restrict w,
                           global RESULT_T *restrict result, FINISH, const int M, const int N,
                           const int K, const int slice, const int slices, SHAPE) {
    BEGIN
    Place corner[LEFT_PARTS];
    UNROLL for (int p = 0; p < LEFT_PARTS; p++) corner[p] =
        window_of(place_of(first_row + LEFT_I(p), M, P, Q), SH, SW, PT, PL, H * W * C);
#define LOAD_LEFT(from, part)                                                                   \
    UNROLL for (int p = 0; p < LEFT_PARTS; p++) {                                               \
        const int k = (from) + LEFT_K(p), tap = k / CG, c = group * CG + k % CG;                \
        const int h = corner[p].row + tap / KW * DH, q = corner[p].column + tap % KW * DW;      \
        part[p] = k < end ? pixel_at(image, corner[p], h, q, H, W, C, c) : 0.0f;                \
    }
#define LOAD_RIGHT(from, part)                                                                  \
    UNROLL for (int p = 0; p < RIGHT_PARTS; p++) {                                              \
        const int k = (from) + RIGHT_K(p), j = first_column + RIGHT_J(p);                       \
        part[p] = k < end && j < N ? READ(W_T, w, k * O + group * OG + j) : 0.0f;                          \
    }
    MULTIPLY(sum, LOAD_LEFT, LOAD_RIGHT, first, end)
    END(O)
}
#endif

#ifdef BACKWARD_DATA
/* Place `distance` of the windows' first rows (or columns), of which every S-th is one. */
inline int step_of(const int distance, const int S) {
    if (S == 1) return distance;
    return distance < 0 || distance % S ? -1 : distance / S;
}

/* image: dy; the product's rows are pixels of dx. */
GROUP_KERNEL void multiply(global const float *restrict image, global const float *restrict w,
                           global float *restrict result, FINISH, const int M, const int N,
                           const int K, const int slice, const int slices, SHAPE) {
    BEGIN
    Place pixel[LEFT_PARTS];
    UNROLL for (int p = 0; p < LEFT_PARTS; p++) {
        pixel[p] = place_of(first_row + LEFT_I(p), M, H, W);
        pixel[p].image *= P * Q * O;
    }
#define LOAD_LEFT(from, part)                                                                   \
    UNROLL for (int p = 0; p < LEFT_PARTS; p++) {                                               \
        const int k = (from) + LEFT_K(p), tap = k / OG, o = group * OG + k % OG;                \
        const int h = step_of(pixel[p].row + PT - tap / KW * DH, SH);                           \
        const int q = step_of(pixel[p].column + PL - tap % KW * DW, SW);                        \
        part[p] = k < end ? pixel_at(image, pixel[p], h, q, P, Q, O, o) : 0.0f;                 \
    }
#define LOAD_RIGHT(from, part)                                                                  \
    UNROLL for (int p = 0; p < RIGHT_PARTS; p++) {                                              \
        const int k = (from) + RIGHT_K(p), tap = k / OG, o = group * OG + k % OG;               \
        const int c = first_column + RIGHT_J(p);                                                \
        part[p] = k < end && c < N ? w[(tap * CG + c) * O + o] : 0.0f;                          \
    }
    MULTIPLY(sum, LOAD_LEFT, LOAD_RIGHT, first, end)
    END(C)
}
#endif

#ifdef BACKWARD_WEIGHTS
/* The windows of the DEPTH pixels from k on, which all parts need: worked out once, by the first
 * items, while the group is busy with the panels before. */
inline void put_windows(local Place *window, const int k, const int end, const int item,
                        const int P, const int Q, const int SH, const int SW, const int PT,
                        const int PL, const int size) {
    for (int i = item; i < DEPTH; i += ITEMS)
        window[i] = window_of(place_of(k + i, end, P, Q), SH, SW, PT, PL, size);
}

/* The product's rows are numbers of dw, dy its right operand. */
GROUP_KERNEL void multiply(global const float *restrict image, global const float *restrict dy,
                           global float *restrict result, FINISH, const int M, const int N,
                           const int K, const int slice, const int slices, SHAPE) {
    local Place window[2 * DEPTH];
    BEGIN
    const int size = H * W * C;
    int down[LEFT_PARTS], right[LEFT_PARTS], channel[LEFT_PARTS];
    UNROLL for (int p = 0; p < LEFT_PARTS; p++) {
        const int i = first_row + LEFT_I(p), tap = i / CG;
        down[p] = i < M ? tap / KW * DH : NOWHERE;
        right[p] = tap % KW * DW;
        channel[p] = group * CG + i % CG;
    }
    put_windows(window + first / DEPTH % 2 * DEPTH, first, end, item, P, Q, SH, SW, PT, PL, size);
    barrier(CLK_LOCAL_MEM_FENCE);
#define LOAD_LEFT(from, part)                                                                     \
    {                                                                                             \
        const int now = (from) / DEPTH % 2, next = (from) + DEPTH;                                \
        UNROLL for (int p = 0; p < LEFT_PARTS; p++) {                                             \
            const Place at = window[now * DEPTH + LEFT_K(p)];                                     \
            part[p] = pixel_at(image, at, at.row + down[p], at.column + right[p], H, W, C,        \
                               channel[p]);                                                       \
        }                                                                                         \
        put_windows(window + (1 - now) * DEPTH, next, end, item, P, Q, SH, SW, PT, PL, size);     \
    }
#define LOAD_RIGHT(from, part)                                                                    \
    UNROLL for (int p = 0; p < RIGHT_PARTS; p++) {                                                \
        const int k = (from) + RIGHT_K(p), j = first_column + RIGHT_J(p);                         \
        part[p] = k < end && j < N ? dy[k * O + group * OG + j] : 0.0f;                           \
    }
    MULTIPLY(sum, LOAD_LEFT, LOAD_RIGHT, first, end)
    END(O)
}
#endif
