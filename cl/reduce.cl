/* reduce.cl: sums of columns, in stages: y[p][c] = sum of x[r][c] over the rows r = p * chunk up to
 * (p + 1) * chunk - 1.  x (rows, channels), y (ceil(rows / chunk), channels). A second launch, with
 * chunk = rows, adds up the parts. Each sum has a fixed order and no atomics: two runs give the
 * same bits.
 *
 * Launch
 *   column_sums          groups of DD_GROUP work-items, each `wide` channels of a part: share_of in
 *                        group.cl
 *   column_sums_vector   a work-item a group (p, q): part p, the `width` channels from q * width on
 */
#include "group.cl"

FULL_GROUP void column_sums(global const float *restrict x, global float *restrict y, int rows,
                            int chunk, int channels, int wide) {
    local Sum held[DD_GROUP];
    Share s = share_of((int)get_global_id(0), rows, chunk, channels, wide);
    size_t step = (size_t)s.deep * channels;
    x += (size_t)s.row * channels + s.c;
    Sum sum = sum_of(0, 0);
    for (int row = s.row; row < s.end; row += s.deep, x += step) sum = plus(sum, sum_of(*x, 0));
    sum = fold_sum(held, sum, DOWN);
    if (s.stores) y[s.part * channels + s.c] = total(sum);
}

kernel void column_sums_vector(global const float *restrict x, global float *restrict y, int rows,
                               int channels, int chunk, int width) {
    int part = (int)get_global_id(0), c = (int)get_global_id(1) * width;
    int row = part * chunk, count = min(chunk, rows - row), end = min(c + width, channels);
    x += (size_t)row * channels;
    y += (size_t)part * channels;
    for (; c + 4 * VW <= end; c += 4 * VW) {
        V s0 = 0, s1 = 0, s2 = 0, s3 = 0;
        global const float *from = x + c;
        for (int r = 0; r < count; r++, from += channels) {
            s0 += VLOAD(from);
            s1 += VLOAD(from + VW);
            s2 += VLOAD(from + 2 * VW);
            s3 += VLOAD(from + 3 * VW);
        }
        VSTORE(s0, y + c);
        VSTORE(s1, y + c + VW);
        VSTORE(s2, y + c + 2 * VW);
        VSTORE(s3, y + c + 3 * VW);
    }
    for (; c + VW <= end; c += VW) {
        V sum = 0;
        global const float *from = x + c;
        for (int r = 0; r < count; r++, from += channels) sum += VLOAD(from);
        VSTORE(sum, y + c);
    }
    for (; c < end; c++) {
        float sum = 0;
        global const float *from = x + c;
        for (int r = 0; r < count; r++, from += channels) sum += from[0];
        y[c] = sum;
    }
}
