/* pack.cl: matrices B (K,N), one behind the other, in blocks of NR columns, as the register tile of
 * common.cl reads them; included by the programs that multiply so. B(k,j) = b[k*BK + j*BJ].
 *
 *   packed[matrix][block][k][j] = B(k, block*NR + j), zero beyond N
 *
 * Launch: (K, blocks, matrices).
 */
ONE_ITEM void pack(global const float *restrict b, global float *restrict packed, const int K,
                   const int N, const int BK, const int BJ) {
    const int k = get_global_id(0), block = get_global_id(1), blocks = get_global_size(1);
    const size_t matrix = get_global_id(2);
    b += matrix * K * N;
    global float *to = packed + ((matrix * blocks + block) * K + k) * NR;
    for (int j = 0; j < NR; j++) {
        const int column = block * NR + j;
        to[j] = column < N ? b[(size_t)k * BK + (size_t)column * BJ] : 0.0f;
    }
}
