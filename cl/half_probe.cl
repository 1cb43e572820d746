/* half_probe.cl: whether a device computes in half precision (src/device/half.c), in the way of
 * cl/tile_half.cl: from local memory, in vectors, with sums that are added to float ones.
 *
 *   y[i] = sum over k of a[i * DEPTH + k] * b[k * ITEMS * 4 + i]      i < 4 * ITEMS
 *
 * Launch: one group of ITEMS work-items, each with four neighbours of y.
 */
#pragma OPENCL EXTENSION cl_khr_fp16 : enable

#define ITEMS 8
#define DEPTH 16

__kernel __attribute__((reqd_work_group_size(ITEMS, 1, 1))) void multiply(
    __global const float *restrict a, __global const float *restrict b, __global float *restrict y) {
    local half4 left[DEPTH * ITEMS], right[DEPTH * ITEMS];
    const int x = get_global_id(0);
    for (int i = x; i < 4 * DEPTH * ITEMS; i += ITEMS) {
        ((local half *)(left + i % DEPTH * ITEMS))[i / DEPTH] = (half)a[i];
        ((local half *)right)[i] = (half)b[i];
    }
    barrier(CLK_LOCAL_MEM_FENCE);
    half4 part = (half4)(0);
    for (int k = 0; k < DEPTH; k++) part = left[k * ITEMS + x] * right[k * ITEMS + x] + part;
    float4 sum = (float4)(0.0f);
    sum += convert_float4(part);
    vstore4(sum, x, y);
}
