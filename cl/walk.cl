/* walk.cl: a result's elements in order, and where those of the operands that they are made from lie
 * (src/ops/walk.h); included by the programs that have such kernels. There are always 6 axes; those that
 * a result lacks stand in front, with an extent of 1. A kernel takes the axes' extents, and the strides
 * of each operand, as numbers:
 *   kernel void f(.., WALK(extent), WALK(stride)) {
 *       const int extent[] = AXES(extent), stride[] = AXES(stride);
 */
#define ALL_AXES   6
#define WALK(name) int name##0, int name##1, int name##2, int name##3, int name##4, int name##5
#define AXES(name) {name##0, name##1, name##2, name##3, name##4, name##5}

/* The index of element number i, of the first `axes` alone. */
inline void walk_find(int i, int at[ALL_AXES], int axes, const int extent[ALL_AXES]) {
#pragma unroll
    for (int k = axes - 1; k >= 0; k--) {
        at[k] = 0;
        if (extent[k] == 1) continue; /* division is dear */
        at[k] = i % extent[k];
        i /= extent[k];
    }
}

/* Where an operand has the element that the one at this index is made from. */
inline int walk_to(const int at[ALL_AXES], int axes, const int stride[ALL_AXES]) {
    int offset = 0;
#pragma unroll
    for (int k = 0; k < axes; k++) offset += at[k] * stride[k];
    return offset;
}

/* To the next index, in order. */
inline void walk_on(int at[ALL_AXES], int axes, const int extent[ALL_AXES]) {
#pragma unroll
    for (int k = axes - 1; k >= 0; k--) {
        if (++at[k] < extent[k]) return;
        at[k] = 0;
    }
}
