/* gemm.cl: C (M,N) = f(A B + bias), A (M,K), B (K,N), row-major. Any device.
 *
 * An operand that is transposed in memory is read through its strides: A(i,k) = a[i*AI + k*AK],
 * B(k,j) = b[k*BK + j*BJ].
 */

/* One work-item an element. Launch: 1-D, count = M*N rounded up to whole work-groups. */
__kernel void multiply(__global const X_T *restrict a, __global const W_T *restrict b,
                       __global const float *restrict bias, __global Y_T *restrict c,
                       const int has_bias, const int relu, const int count, const int N,
                       const int K, const int AI, const int AK, const int BK, const int BJ) {
    const int index = get_global_id(0);
    if (index >= count) return;
    const int i = index / N, j = index % N;
    float sum = 0.0f;
    for (int k = 0; k < K; k++)
        sum = FMA(READ(X_T, a, (size_t)i * AI + (size_t)k * AK),
                  READ(W_T, b, (size_t)k * BK + (size_t)j * BJ), sum);
    if (has_bias) sum += bias[j];
    WRITE(Y_T, relu && sum < 0.0f ? 0.0f : sum, c, index);
}

/* What a product by another library leaves to do: c = f(c + bias). Launch: as multiply. */
__kernel void finish(__global const float *restrict bias, __global float *restrict c,
                     const int has_bias, const int relu, const int count, const int N) {
    const int index = get_global_id(0);
    if (index >= count) return;
    float sum = c[index];
    if (has_bias) sum += bias[index % N];
    c[index] = relu && sum < 0.0f ? 0.0f : sum;
}
