/* gemm_direct.cl: C (M,N) = f(A B + bias) for CPU runtimes: one work-item a work-group computes a register
 * tile of MR rows by NV vectors, as cl/conv2d_direct.cl does. No local memory, no barrier.
 * Strides as in cl/gemm.cl; B is packed into blocks of NR columns first.
 */
#ifndef MR
#define MR 6 /* rows of the register tile */
#endif
#ifndef NV
#define NV 2 /* its vectors */
#endif
#define NR (NV * VW)
#define ONE_ITEM __kernel __attribute__((reqd_work_group_size(1, 1, 1)))

/* packed[block][k][j] = B(k, block*NR + j), zero beyond N. Launch: (K, blocks). */
ONE_ITEM void pack(__global const float *restrict b, __global float *restrict packed, const int K,
                   const int N, const int BK, const int BJ) {
    const int k = get_global_id(0), block = get_global_id(1);
    __global float *to = packed + ((size_t)block * K + k) * NR;
    for (int j = 0; j < NR; j++) {
        const int column = block * NR + j;
        to[j] = column < N ? b[(size_t)k * BK + (size_t)column * BJ] : 0.0f;
    }
}

/* Launch: (ceil(M / MR), ceil(N / NR)). */
ONE_ITEM void multiply(__global const float *restrict a, __global const float *restrict packed,
                       __global const float *restrict bias, __global float *restrict c,
                       const int has_bias, const int relu, const int M, const int N, const int K,
                       const int AI, const int AK) {
    const int first = get_global_id(0) * MR, column = get_global_id(1) * NR;
    __global const float *row[MR];
    V sum[MR][NV];
#pragma unroll
    for (int i = 0; i < MR; i++) {
        row[i] = a + (size_t)min(first + i, M - 1) * AI;
#pragma unroll
        for (int j = 0; j < NV; j++) sum[i][j] = (V)(0.0f);
    }
    packed += (size_t)get_global_id(1) * K * NR;
    for (int k = 0; k < K; k++) {
        V b[NV];
#pragma unroll
        for (int j = 0; j < NV; j++) b[j] = VLOAD(packed + (size_t)k * NR + j * VW);
        const size_t at = (size_t)k * AK;
#pragma unroll
        for (int i = 0; i < MR; i++) {
            const V v = (V)(row[i][at]);
#pragma unroll
            for (int j = 0; j < NV; j++) sum[i][j] = FMA(v, b[j], sum[i][j]);
        }
    }
    const int valid = min(NR, N - column);
    float lanes[MR][NR];
#pragma unroll
    for (int i = 0; i < MR; i++)
#pragma unroll
        for (int j = 0; j < NV; j++) VSTORE(sum[i][j], lanes[i] + j * VW);
    for (int i = 0; i < MR && first + i < M; i++) {
        for (int j = 0; j < valid; j++) {
            const float value = has_bias ? lanes[i][j] + bias[column + j] : lanes[i][j];
            c[(size_t)(first + i) * N + column + j] = relu && value < 0.0f ? 0.0f : value;
        }
    }
}
