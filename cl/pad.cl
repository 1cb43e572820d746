/* pad.cl: x inside y, along the axes of walk.cl, of `extent` elements in y and `size` in x, whose first
 * element is number `before` of y's:
 *   y[i0, i1, ..] = x[PLACE(i0 - before0, size0), ..], or `value` where one of these is below 0.
 * PLACE (the host's -DPLACE=edge_place and so on) is the index inside for one that may be outside.
 *
 * Launch
 *   pad             a work-item an element of y: global = count rounded up to the group
 *   pad_vector      a work-item a group: elements g * chunk up to (g + 1) * chunk - 1, row by row of the
 *                   last axis
 */
#include "walk.cl"

inline int constant_place(int i, int size) { return i < size ? i : -1; }
inline int edge_place(int i, int size) { return clamp(i, 0, size - 1); }
inline int wrap_place(int i, int size) { return (i % size + size) % size; }
inline int reflect_place(int i, int size) {
    const int period = max(2 * (size - 1), 1), k = wrap_place(i, period);
    return k < size ? k : period - k;
}

/* Number of the element of x, its first `axes` alone, that the one at at[] of y is; or -1. */
inline int source_of(const int at[ALL_AXES], int axes, const int size[ALL_AXES], const int before[ALL_AXES]) {
    int from = 0, outside = 0;
#pragma unroll
    for (int k = 0; k < axes; k++) {
        const int place = PLACE(at[k] - before[k], size[k]);
        outside |= place < 0;
        from = from * size[k] + place;
    }
    return outside ? -1 : from;
}

kernel void pad(global const float *restrict x, global float *restrict y, float value, int count,
                WALK(extent), WALK(size), WALK(before)) {
    const int extent[] = AXES(extent), size[] = AXES(size), before[] = AXES(before);
    int i = (int)get_global_id(0), at[ALL_AXES];
    if (i >= count) return;
    walk_find(i, at, ALL_AXES, extent);
    const int from = source_of(at, ALL_AXES, size, before);
    y[i] = from < 0 ? value : x[from];
}

kernel void pad_vector(global const float *restrict x, global float *restrict y, float value,
                       int count, int chunk, WALK(extent), WALK(size), WALK(before)) {
    const int extent[] = AXES(extent), size[] = AXES(size), before[] = AXES(before);
    const int width = extent[ALL_AXES - 1], inside = size[ALL_AXES - 1], left = before[ALL_AXES - 1];
    int i = (int)get_global_id(0) * chunk, end = min(i + chunk, count), c = i % width, at[ALL_AXES];
    walk_find(i / width, at, ALL_AXES - 1, extent);
    for (; i < end; walk_on(at, ALL_AXES - 1, extent)) {
        const int stop = min(width, c + end - i), row = source_of(at, ALL_AXES - 1, size, before);
        const int copied = row < 0 ? stop : min(stop, left + inside);
        global float *to = y + i - c;
        global const float *from = x + (row < 0 ? 0 : row * inside);
        for (; c < min(left, copied) && row >= 0; c++) {
            const int place = PLACE(c - left, inside);
            to[c] = place < 0 ? value : from[place];
        }
        for (; c + VW <= copied; c += VW) VSTORE(row < 0 ? (V)(value) : VLOAD(from + c - left), to + c);
        for (; c < copied; c++) to[c] = row < 0 ? value : from[c - left];
        for (; c < stop; c++) {
            const int place = PLACE(c - left, inside);
            to[c] = place < 0 ? value : from[place];
        }
        i = (int)(to - y) + stop;
        c = 0;
    }
}
