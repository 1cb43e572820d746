/* reduce.cl: sums of columns, in stages: y[p][c] = sum of x[r][c] over the rows r = p * chunk up to
 * (p + 1) * chunk - 1.  x (rows, channels), y (ceil(rows / chunk), channels). A second launch, with
 * chunk = rows, adds up the parts. Each sum has a fixed order and no atomics: two runs give the
 * same bits.
 *
 * Launch
 *   column_sums          a work-item an element of y, neighbours along channels, so that their
 *                        loads lie side by side
 *   column_sums_vector   a work-item a group (p, q): part p, the `width` channels from q * width on
 */

kernel void column_sums(global const float *restrict x, global float *restrict y, int rows,
                        int channels, int chunk) {
    int i = (int)get_global_id(0), part = i / channels, c = i % channels;
    int row = part * chunk, end = min(row + chunk, rows);
    if (row >= rows) return;
    x += (size_t)row * channels + c;
    float4 sum = 0; /* four loads under way at a time */
    for (; row + 4 <= end; row += 4, x += 4 * (size_t)channels)
        sum += (float4)(x[0], x[channels], x[2 * (size_t)channels], x[3 * (size_t)channels]);
    for (; row < end; row++, x += channels) sum.x += x[0];
    y[i] = (sum.x + sum.y) + (sum.z + sum.w);
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
