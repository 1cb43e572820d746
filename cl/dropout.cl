/* dropout.cl: drops each element with probability `rate` and scales the others by 1 / (1 - rate).
 *
 * Random: group g of 8 elements takes the 4 words of philox(seed, stream, g, step), in a micro-batch
 * behind others groups_before + g (common.cl): element e of x has number e % 8 of group e / 8, the low half of word (e % 8) / 2 for even e, the high half for
 * odd e. It is dropped when that number, 0..65535, is below `threshold` = round(rate * 65536).
 *   dropout           y = keep ? x * scale : 0, mask = keep
 *   dropout_backward  dx = mask ? dy * scale : 0
 *
 * Launch:  plain   a work-item an element, in dropout itself in groups of DD_GROUP (group.cl)
 *          vector  a work-item a work-group, elements g * chunk ..; chunk a multiple of 64. Eight
 *                  Philox calls run in the lanes of one vector. For little-endian devices, as CPU
 *                  runtimes are: numbers are words seen as shorts.
 */
#include "group.cl"

FULL_GROUP void dropout_plain(const global float *restrict x, const global Step *restrict step,
                              global float *restrict y, global uchar *restrict mask, int count,
                              int stream, int threshold, float scale) {
    local uint4 words[WORDS];
    int i = (int)get_global_id(0);
    bool keep = deal_number(words, step, (uint)stream, (uint)i, count) >= threshold;
    if (i >= count) return;
    y[i] = keep ? x[i] * scale : 0.0f;
    mask[i] = (uchar)keep;
}

kernel void dropout_backward_plain(const global float *restrict dy,
                                   const global uchar *restrict mask, global float *restrict dx,
                                   int count, float scale) {
    int i = (int)get_global_id(0);
    if (i < count) dx[i] = mask[i] ? dy[i] * scale : 0.0f;
}

/* ---- CPU ---------------------------------------------------------------------------- */

/* Elements first .. end - 1 of one group. */
inline void drop_group(const global float *x, const global Step *step, global float *y,
                       global uchar *mask, int first, int end, uint stream, uint before,
                       int threshold, float scale) {
    uint4 words =
        philox(step->seed_low, step->seed_high, stream, before + (uint)first / 8, step->step);
    for (int i = 0; first + i < end; i++) {
        bool keep = number_of(words, i) >= threshold;
        y[first + i] = keep ? x[first + i] * scale : 0.0f;
        mask[first + i] = (uchar)keep;
    }
}

/* The 8 elements of one group. The mask is clamped, not compared: Oclgrind 21.10 widens a lane that
 * is true to 255. Scalar bounds it misreads. */
inline void drop8(const global float *x, global float *y, global uchar *mask, ulong early,
                  ulong late, int threshold, float scale) {
    int8 excess = convert_int8(as_ushort8((ulong2)(early, late))) - threshold;
    vstore8(excess >= 0 ? vload8(0, x) * scale : (float8)(0), 0, y);
    vstore8(convert_uchar8(clamp(excess + 1, (int8)(0), (int8)(1))), 0, mask);
}

kernel void dropout_vector(const global float *restrict x, const global Step *restrict step,
                           global float *restrict y, global uchar *restrict mask, int count,
                           int chunk, int stream, int threshold, float scale) {
    int i = (int)get_global_id(0) * chunk, end = min(i + chunk, count);
    uint before = groups_before(step, count);
    for (; i + 64 <= end; i += 64) {
        ulong8 early, late;
        philox8(step, (uint)stream, before + (uint)i / 8, &early, &late);
#define DROP(lane)                                                                                 \
    drop8(x + i + 8 * lane, y + i + 8 * lane, mask + i + 8 * lane, early.s##lane, late.s##lane,    \
          threshold, scale);
        DROP(0) DROP(1) DROP(2) DROP(3) DROP(4) DROP(5) DROP(6) DROP(7)
#undef DROP
    }
    for (; i < end; i += 8)
        drop_group(x, step, y, mask, i, min(i + 8, end), (uint)stream, before, threshold, scale);
}

kernel void dropout_backward_vector(const global float *restrict dy,
                                    const global uchar *restrict mask, global float *restrict dx,
                                    int count, int chunk, float scale) {
    int i = (int)get_global_id(0) * chunk, end = min(i + chunk, count);
    for (; i + 8 <= end; i += 8) {
        int8 keep = convert_int8(vload8(0, mask + i)) != 0;
        vstore8(keep ? vload8(0, dy + i) * scale : (float8)(0), 0, dx + i);
    }
    for (; i < end; i++) dx[i] = mask[i] ? dy[i] * scale : 0.0f;
}
