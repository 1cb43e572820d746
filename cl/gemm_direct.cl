/* gemm_direct.cl: C (M,N) = f(A B + bias) for CPU runtimes: one work-item a work-group computes a
 * register tile (cl/common.cl). No local memory, no barrier. Strides as in cl/gemm.cl; B is packed
 * by pack.cl first.
 */

#include "pack.cl"

/* Launch: (ceil(M / MR), ceil(N / NR)). */
ONE_ITEM void multiply(__global const float *restrict a, __global const float *restrict packed,
                       __global const float *restrict bias, __global float *restrict c,
                       const int has_bias, const int relu, const int M, const int N, const int K,
                       const int AI, const int AK) {
    const int first = get_global_id(0) * MR, column = get_global_id(1) * NR;
    __global const float *row[MR];
    for (int i = 0; i < MR; i++) row[i] = a + (size_t)min(first + i, M - 1) * AI;
    packed += (size_t)get_global_id(1) * K * NR;
    V sum[MR][NV];
    tile_zero(sum);
    for (int k = 0; k < K; k++) {
        const size_t at = (size_t)k * AK;
#define A(i) row[i][at]
        TILE_STEP(sum, A, packed + (size_t)k * NR)
#undef A
    }
#pragma unroll
    for (int i = 0; i < MR; i++) {
        if (first + i >= M) break;
        row_finish(sum[i], bias + column, has_bias, relu, N - column);
        row_store(sum[i], c + (size_t)(first + i) * N + column, N - column);
    }
}
