/* gemm_tiled.cl: C (M,N) = f(A B + bias) for the GPU class: cl/tile_local.cl. Operands are read
 * through strides: A(i,k) = a[i*AI + k*AK], B(k,j) = b[k*BK + j*BJ]. `count` such products, whose
 * operands and results lie so many numbers apart, the first result at c_first, are one launch. A place in a
 * matrix is an int: addresses of 64 bits for each number that an item loads are registers.
 *
 * -DLEFT_ALONG_K where AK is 1, -DRIGHT_ALONG_K where BJ is not.
 */
#include "finish.cl"
#include "tile_local.cl"
#ifdef MATRIX
#include "matrix.cl"
#include "tile_matrix.cl"
#endif
#ifdef HALF_PRODUCTS
#include "tile_half.cl"
#endif

/* To c, or with -DSLICED, without f, a slice's share to c (slices, M, N).
 * Launch: (tiles * GX, GY, slices * count). */
GROUP_KERNEL void multiply(global const X_T *restrict a, global const W_T *restrict b,
                           global RESULT_T *restrict c, FINISH, const int M, const int N, const int K,
                           const int slice, const int slices, const int AI, const int AK,
                           const int BK, const int BJ, const int a_apart, const int b_apart,
                           const int c_apart, const int c_first) {
    const int x = get_local_id(0), y = get_local_id(1), item = y * GX + x;
    PANELS
    const int tile = get_global_id(0) / GX, across = (N + BN - 1) / BN;
    const int first_row = tile / across * BM, first_column = tile % across * BN;
    const int number = get_global_id(2) / slices, z = get_global_id(2) % slices;
    const int first = z * slice, end = min(first + slice, K);
    a += (size_t)number * a_apart + (size_t)first_row * AI;
    b += (size_t)number * b_apart + (size_t)first_column * BJ;
    c += (size_t)number * c_apart + c_first;
    V sum[4 * MV][NV];
#define LOAD_LEFT(from, part)                                                            \
    UNROLL for (int p = 0; p < LEFT_PARTS; p++) {                                        \
        const int i = LEFT_I(p), k = (from) + LEFT_K(p);                                 \
        const int there = first_row + i < M && k < end;                                  \
        part[p] = there ? READ(X_T, a, i * AI + k * AK) : 0.0f;          \
    }
#define LOAD_RIGHT(from, part)                                                              \
    UNROLL for (int p = 0; p < RIGHT_PARTS; p++) {                                          \
        const int j = RIGHT_J(p), k = (from) + RIGHT_K(p);                                  \
        const int there = first_column + j < N && k < end;                                  \
        part[p] = there ? READ(W_T, b, k * BK + j * BJ) : 0.0f;             \
    }
    MULTIPLY(sum, LOAD_LEFT, LOAD_RIGHT, first, end)
#ifdef SLICED
    store_sums(sum, c + (size_t)z * M * N, first_row, first_column, M, N, N, x, y);
#else
    store_finished(sum, c, PASS_FINISH, 0, first_row, first_column, M, N, N, x, y);
#endif
}
