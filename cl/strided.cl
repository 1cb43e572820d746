/* strided.cl: y in order from x in steps: y[i0, i1, ..] = x[begin + sum of i[k] * stride[k]], along the
 * axes of walk.cl, of `extent` elements each.
 *
 * Launch
 *   strided         a work-item an element of y: global = count rounded up to the group
 *   strided_rows    a work-item a group: elements g * chunk up to (g + 1) * chunk - 1, row by row of the
 *                   last axis
 *   strided_tiles   where x has its neighbours along the axis before the last one and not along the last:
 *                   a work-item a group, items g * chunk up to (g + 1) * chunk - 1. An item is a strip of
 *                   VW rows of y and a block of their length, in squares of VW x VW that are read along
 *                   one axis, turned in registers and written along the other:
 *
 *                        x | a b c d |  VW neighbours      y | a e . . |
 *                          | e f g h |                       | b f . . |  VW rows
 *                            `block` rows                    | c g . . |
 *                                                            | d h . . |
 */
#include "walk.cl"

kernel void strided(global const float *restrict x, global float *restrict y, int begin, int count,
                    WALK(extent), WALK(stride)) {
    const int extent[] = AXES(extent), stride[] = AXES(stride);
    int i = (int)get_global_id(0), at[ALL_AXES];
    if (i >= count) return;
    walk_find(i, at, ALL_AXES, extent);
    y[i] = x[begin + walk_to(at, ALL_AXES, stride)];
}

kernel void strided_rows(global const float *restrict x, global float *restrict y, int begin,
                         int count, int chunk, WALK(extent), WALK(stride)) {
    const int extent[] = AXES(extent), stride[] = AXES(stride);
    const int width = extent[ALL_AXES - 1], step = stride[ALL_AXES - 1];
    int i = (int)get_global_id(0) * chunk, end = min(i + chunk, count), c = i % width, at[ALL_AXES];
    walk_find(i / width, at, ALL_AXES - 1, extent);
    for (; i < end; c = 0, walk_on(at, ALL_AXES - 1, extent)) {
        const int n = min(width - c, end - i);
        global const float *from = x + begin + walk_to(at, ALL_AXES - 1, stride) + c * step;
        int k = 0;
        if (step == 1)
            for (; k + VW <= n; k += VW) VSTORE(VLOAD(from + k), y + i + k);
        for (; k < n; k++) y[i + k] = from[k * step];
        i += n;
    }
}

/* Rows become columns. A stage moves the number of lane c in row i of the upper half to lane 2 c of the
 * row pair 2 i, and that below it beside: it rotates the bits of (row, lane) by one, so as many stages as
 * a lane has bits exchange the two. */
inline void turn(V rows[VW]) {
#pragma unroll
    for (int stage = 1; stage < VW; stage *= 2) {
        V to[VW];
#pragma unroll
        for (int i = 0; i < VW / 2; i++) {
            to[2 * i].even = rows[i].lo;
            to[2 * i].odd = rows[i + VW / 2].lo;
            to[2 * i + 1].even = rows[i].hi;
            to[2 * i + 1].odd = rows[i + VW / 2].hi;
        }
#pragma unroll
        for (int i = 0; i < VW; i++) rows[i] = to[i];
    }
}

/* One square, of which `high` rows and `wide` columns of y are there. */
inline void turn_square(global const float *x, global float *y, int x_row, int y_row, int high,
                        int wide) {
    if (high < VW || wide < VW) {
        for (int i = 0; i < high; i++)
            for (int k = 0; k < wide; k++) y[i * y_row + k] = x[k * x_row + i];
        return;
    }
    V rows[VW];
#pragma unroll
    for (int i = 0; i < VW; i++) rows[i] = VLOAD(x + i * x_row);
    turn(rows);
#pragma unroll
    for (int i = 0; i < VW; i++) VSTORE(rows[i], y + i * y_row);
}

kernel void strided_tiles(global const float *restrict x, global float *restrict y, int begin,
                          int items, int chunk, int block, WALK(extent), WALK(x_stride),
                          WALK(y_stride)) {
    const int extent[] = AXES(extent), x_stride[] = AXES(x_stride), y_stride[] = AXES(y_stride);
    const int rows = extent[ALL_AXES - 2], width = extent[ALL_AXES - 1];
    const int strips = (rows + VW - 1) / VW, blocks = (width + block - 1) / block;
    int item = (int)get_global_id(0) * chunk, end = min(item + chunk, items), at[ALL_AXES];
    for (; item < end; item++) {
        const int r = item % strips * VW, left = item / strips % blocks * block;
        const int right = min(left + block, width), high = min(rows - r, VW);
        walk_find(item / strips / blocks, at, ALL_AXES - 2, extent);
        global const float *source = x + begin + walk_to(at, ALL_AXES - 2, x_stride) + r;
        global float *to = y + walk_to(at, ALL_AXES - 2, y_stride) + r * y_stride[ALL_AXES - 2];
        for (int c = left; c < right; c += VW)
            turn_square(source + c * x_stride[ALL_AXES - 1], to + c, x_stride[ALL_AXES - 1],
                        y_stride[ALL_AXES - 2], high, min(right - c, VW));
    }
}
