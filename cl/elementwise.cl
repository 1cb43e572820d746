/* elementwise.cl: what is bound by memory alone.
 *
 *   bias        y[i] = x[i] + b[i % channels]      x, y (rows, channels), b (channels)
 *   add         y[i] = a[i] + b[i]
 *   copy        y[i] = x[i]                        words of 32 bits, whatever they mean
 *   accumulate  sum[i] = x[i] in a step's first micro-batch, sum[i] + x[i] in the others
 *   convert     y[i] = x[i]                        to another type
 *   fill        y[i] = value
 *   move_rows   to[r * to_row + to_begin + c] = from[r * from_row + from_begin + c]
 *               for r < rows, c < width: the parts of rows that concat moves
 *
 *        from  |  . . a b c |        to  | . a b c . . . |     from_row 5, from_begin 2,
 *              |  . . d e f |            | . d e f . . . |     to_row 7, to_begin 1, width 3
 *
 * Launch
 *   <name>          a work-item an element: global = count (rows * width) rounded up to the group
 *   <name>_vector   a work-item a group: group k does items k * chunk up to (k + 1) * chunk - 1;
 *                   items are elements, in bias and move_rows rows. Compilers for CPUs do not
 *                   vectorise over work-items, so the loop and its vectors stand here.
 */

kernel void bias(global const X_T *restrict x, global const float *restrict b,
                 global Y_T *restrict y, int count, int channels) {
    int i = (int)get_global_id(0);
    if (i < count) WRITE(Y_T, READ(X_T, x, i) + b[i % channels], y, i);
}

kernel void bias_vector(global const float *restrict x, global const float *restrict b,
                        global float *restrict y, int rows, int channels, int chunk) {
    int row = (int)get_global_id(0) * chunk, end = min(row + chunk, rows);
    x += (size_t)row * channels;
    y += (size_t)row * channels;
    for (; row < end; row++, x += channels, y += channels) {
        int c = 0;
        for (; c + VW <= channels; c += VW) VSTORE(VLOAD(x + c) + VLOAD(b + c), y + c);
        for (; c < channels; c++) y[c] = x[c] + b[c];
    }
}

kernel void add(global const X_T *restrict a, global const W_T *restrict b,
                global Y_T *restrict y, int count) {
    int i = (int)get_global_id(0);
    if (i < count) WRITE(Y_T, READ(X_T, a, i) + READ(W_T, b, i), y, i);
}

kernel void add_vector(global const float *restrict a, global const float *restrict b,
                       global float *restrict y, int count, int chunk) {
    int i = (int)get_global_id(0) * chunk, end = min(i + chunk, count);
    for (; i + VW <= end; i += VW) VSTORE(VLOAD(a + i) + VLOAD(b + i), y + i);
    for (; i < end; i++) y[i] = a[i] + b[i];
}

kernel void copy(global const uint *restrict x, global uint *restrict y, int count) {
    int i = (int)get_global_id(0);
    if (i < count) y[i] = x[i];
}

kernel void copy_vector(global const uint *restrict x, global uint *restrict y, int count,
                        int chunk) {
    int i = (int)get_global_id(0) * chunk, end = min(i + chunk, count);
    for (; i + VW <= end; i += VW) VSTORE(VLOAD(x + i), y + i);
    for (; i < end; i++) y[i] = x[i];
}

kernel void convert(global const X_T *restrict x, global Y_T *restrict y, int count) {
    int i = (int)get_global_id(0);
    if (i < count) WRITE(Y_T, READ(X_T, x, i), y, i);
}

kernel void accumulate(global float *restrict sum, global const float *restrict x,
                       global const Step *restrict step, int count) {
    int i = (int)get_global_id(0);
    if (i < count) sum[i] = step->part ? sum[i] + x[i] : x[i];
}

kernel void accumulate_vector(global float *restrict sum, global const float *restrict x,
                              global const Step *restrict step, int count, int chunk) {
    int i = (int)get_global_id(0) * chunk, end = min(i + chunk, count), adds = step->part != 0;
    for (; i + VW <= end; i += VW)
        VSTORE(adds ? VLOAD(sum + i) + VLOAD(x + i) : VLOAD(x + i), sum + i);
    for (; i < end; i++) sum[i] = adds ? sum[i] + x[i] : x[i];
}

kernel void fill(global float *restrict y, float value, int count) {
    int i = (int)get_global_id(0);
    if (i < count) y[i] = value;
}

kernel void move_rows(global const X_T *restrict from, global Y_T *restrict to, int rows,
                      int width, int from_row, int from_begin, int to_row, int to_begin) {
    int i = (int)get_global_id(0), r = i / width, c = i % width;
    if (r < rows)
        WRITE(Y_T, READ(X_T, from, (size_t)r * from_row + from_begin + c), to,
              (size_t)r * to_row + to_begin + c);
}

kernel void move_rows_vector(global const float *restrict from, global float *restrict to, int rows,
                             int width, int from_row, int from_begin, int to_row, int to_begin,
                             int chunk) {
    int row = (int)get_global_id(0) * chunk, end = min(row + chunk, rows);
    from += (size_t)row * from_row + from_begin;
    to += (size_t)row * to_row + to_begin;
    for (; row < end; row++, from += from_row, to += to_row) {
        int c = 0;
        for (; c + VW <= width; c += VW) VSTORE(VLOAD(from + c), to + c);
        for (; c < width; c++) to[c] = from[c];
    }
}
