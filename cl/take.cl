/* take.cl: y[o, k, :] = x[o, j, :] for j = indices[k], where x is (O, extent, inner), y (O, numbers, inner).
 * indices (numbers) are whole numbers; below 0 they count from the end, and what lies outside of x is the
 * nearest inside.
 *
 * Launch
 *   take            a work-item an element of y: global = count rounded up to the group
 *   take_vector     a work-item a group: the rows (o, k) g * chunk up to (g + 1) * chunk - 1
 */

inline int inside(float number, int extent) {
    int j = convert_int_sat(number);
    return clamp(j < 0 ? j + extent : j, 0, extent - 1);
}

kernel void take(global const float *restrict x, global const float *restrict indices,
                 global float *restrict y, int count, int extent, int numbers, int inner) {
    int i = (int)get_global_id(0), row = i / inner;
    if (i < count)
        y[i] = x[(row / numbers * extent + inside(indices[row % numbers], extent)) * inner +
                 i % inner];
}

kernel void take_vector(global const float *restrict x, global const float *restrict indices,
                        global float *restrict y, int rows, int extent, int numbers, int inner,
                        int chunk) {
    int row = (int)get_global_id(0) * chunk, end = min(row + chunk, rows);
    int o = row / numbers, k = row % numbers;
    y += row * inner;
    for (; row < end; row++, y += inner) {
        global const float *from = x + (o * extent + inside(indices[k], extent)) * inner;
        int c = 0;
        for (; c + VW <= inner; c += VW) VSTORE(VLOAD(from + c), y + c);
        for (; c < inner; c++) y[c] = from[c];
        if (++k < numbers) continue;
        k = 0;
        o++;
    }
}
