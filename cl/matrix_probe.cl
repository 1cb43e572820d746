/* matrix_probe.cl: c (16, 16) = a (16, 32) b (32, 16) by an instruction of cl/matrix.cl alone: whether
 * the device has it, and warps and registers are as the list says.
 *
 * Launch: one group, which is one warp.
 */
#include "matrix.cl"
#ifdef HAS_UNIT /* else there is no kernel, which is an answer */
#define M 16
#define N 16
#define K 32

/* PACKED numbers, `apart` from each other. */
inline uint word_of(global const float *from, const int apart) {
    uint word = to_number(from[0]);
    if (PACKED == 2) word |= (uint)to_number(from[apart]) << 16;
    return word;
}

__kernel __attribute__((reqd_work_group_size(LANES, 1, 1))) void multiply(
    global const float *restrict a, global const float *restrict b, global float *restrict c) {
    local uint scratch[UNIT_SCRATCH + 1];
    const int lane = get_local_id(0);
    for (int block = 0; block < M / UNIT_M * (N / UNIT_N); block++) {
        const int row = block / (N / UNIT_N) * UNIT_M, column = block % (N / UNIT_N) * UNIT_N;
        float sum[C_REGISTERS];
        for (int r = 0; r < C_REGISTERS; r++) sum[r] = 0.0f;
        for (int word = 0; word < K / PACKED; word += UNIT_WORDS) {
            uint left[A_REGISTERS], right[B_REGISTERS];
            for (int r = 0; r < A_REGISTERS; r++)
                left[r] = word_of(
                    a + (row + A_ROW(lane, r)) * K + (word + A_WORD(lane, r)) * PACKED, 1);
            for (int r = 0; r < B_REGISTERS; r++)
                right[r] = word_of(
                    b + (word + B_WORD(lane, r)) * PACKED * N + column + B_COLUMN(lane, r), N);
            multiply_unit(sum, left, right, lane, scratch);
        }
        for (int r = 0; r < C_REGISTERS; r++)
            c[(row + C_ROW(lane, r)) * N + column + C_COLUMN(lane, r)] = sum[r];
    }
}
#endif
