/* matmul.cl: C[z] (M,N) = alpha A[z] B[z] for each matrix z of C, row-major.
 *
 * Operands are read through strides: A(i,k) = a[i*AI + k*AK], B(k,j) = b[k*BK + j*BJ]. The matrices of C
 * lie along four axes, z = ((e0 * E1 + e1) * E2 + e2) * E3 + e3; A[z] begins e0*A0 + e1*A1 + e2*A2 +
 * e3*A3 numbers from a on, B[z] is matrix number e0*B0 + e1*B1 + e2*B2 + e3*B3 of b.
 *
 * Launch
 *   multiply         any device: a work-item an element of C; count, rounded up to the group
 *   multiply_direct  (-DMR, -DNV, -DVW) for CPU runtimes: one work-item a work-group computes a register
 *                    tile (cl/common.cl), with all matrices B packed by pack.cl first
 */
#define LEADING                                                                                  \
    const int E1, const int E2, const int E3, const int A0, const int A1, const int A2,          \
        const int A3, const int B0, const int B1, const int B2, const int B3
#define ALONG(z, S0, S1, S2, S3)                                                                 \
    ((z) / E3 / E2 / E1 * S0 + (z) / E3 / E2 % E1 * S1 + (z) / E3 % E2 * S2 + (z) % E3 * S3)
#define OF_A(z) ALONG(z, A0, A1, A2, A3)
#define OF_B(z) ALONG(z, B0, B1, B2, B3)

#ifndef MR

kernel void multiply(global const float *restrict a, global const float *restrict b,
                     global float *restrict c, const int count, const float alpha, const int M,
                     const int N, const int K, const int AI, const int AK, const int BK,
                     const int BJ, LEADING) {
    const int index = (int)get_global_id(0);
    if (index >= count) return;
    const int j = index % N, i = index / N % M, z = index / N / M;
    a += OF_A(z) + i * AI;
    b += OF_B(z) * K * N + j * BJ;
    float sum = 0.0f;
    for (int k = 0; k < K; k++) sum = FMA(a[k * AK], b[k * BK], sum);
    c[index] = alpha * sum;
}

#else

#include "pack.cl"

/* Launch: (ceil(M / MR), ceil(N / NR), matrices of C). */
ONE_ITEM void multiply_direct(global const float *restrict a, global const float *restrict packed,
                              global float *restrict c, const float alpha, const int M,
                              const int N, const int K, const int AI, const int AK, LEADING) {
    const int first = get_global_id(0) * MR, block = get_global_id(1), column = block * NR;
    const int z = get_global_id(2), blocks = get_global_size(1);
    a += OF_A(z);
    packed += ((size_t)OF_B(z) * blocks + block) * K * NR;
    c += (size_t)z * M * N;
    global const float *row[MR];
    for (int i = 0; i < MR; i++) row[i] = a + (size_t)min(first + i, M - 1) * AI;
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
#pragma unroll
        for (int j = 0; j < NV; j++) sum[i][j] *= alpha;
        row_store(sum[i], c + (size_t)(first + i) * N + column, N - column);
    }
}

#endif
