/* dropout.cl: drops each element with probability `rate` and scales the others by 1 / (1 - rate).
 *
 * Random: group g of 8 elements takes the 4 words of philox(seed, stream, g, step): element e of
 * x has number e % 8 of group e / 8, the low half of word (e % 8) / 2 for even e, the high half for
 * odd e. It is dropped when that number, 0..65535, is below `threshold` = round(rate * 65536).
 *   dropout           y = keep ? x * scale : 0, mask = keep
 *   dropout_backward  dx = mask ? dy * scale : 0
 *
 * Launch:  plain   dropout: a work-item a group of 8; backward: a work-item an element
 *          vector  a work-item a work-group, elements g * chunk ..; chunk a multiple of 64. Eight
 *                  Philox calls run in the lanes of one vector. For little-endian devices, as CPU
 *                  runtimes are: numbers are words seen as shorts.
 */

inline uint word_of(uint4 words, int i) {
    return i == 0 ? words.x : i == 1 ? words.y : i == 2 ? words.z : words.w;
}

/* Elements first .. end - 1 of one group. */
inline void drop_group(const global float *x, const global Step *step, global float *y,
                       global uchar *mask, int first, int end, uint stream, int threshold,
                       float scale) {
    uint4 words = philox(step->seed_low, step->seed_high, stream, (uint)first / 8, step->step);
    for (int i = 0; first + i < end; i++) {
        uint word = word_of(words, i / 2);
        int number = (int)(i % 2 ? word >> 16 : word & 0xFFFF);
        bool keep = number >= threshold;
        y[first + i] = keep ? x[first + i] * scale : 0.0f;
        mask[first + i] = (uchar)keep;
    }
}

kernel void dropout_plain(const global float *restrict x, const global Step *restrict step,
                          global float *restrict y, global uchar *restrict mask, int count,
                          int stream, int threshold, float scale) {
    int first = (int)get_global_id(0) * 8;
    if (first < count)
        drop_group(x, step, y, mask, first, min(first + 8, count), (uint)stream, threshold, scale);
}

kernel void dropout_backward_plain(const global float *restrict dy,
                                   const global uchar *restrict mask, global float *restrict dx,
                                   int count, float scale) {
    int i = (int)get_global_id(0);
    if (i < count) dx[i] = mask[i] ? dy[i] * scale : 0.0f;
}

/* ---- CPU ---------------------------------------------------------------------------- */

#define LOW(v) ((v) & 0xFFFFFFFFul)

/* Eight calls with counters c0, c0 + 1, .., one a lane. A word is the low half of a 64-bit lane;
 * the high half is anything: a product of two low halves is then one instruction, and its high half
 * one shift away. Words 0 and 1 of each call go to *early, 2 and 3 to *late. */
inline void philox8(const global Step *step, uint stream, uint c0, ulong8 *early, ulong8 *late) {
    ulong8 w0 = c0 + (ulong8)(0, 1, 2, 3, 4, 5, 6, 7);
    ulong8 w1 = (ulong8)(step->step), w2 = (ulong8)(stream), w3 = (ulong8)(0);
    uint key0 = step->seed_low, key1 = step->seed_high;
    for (int round = 0; round < 10; round++) {
        ulong8 product0 = LOW(w0) * 0xD2511F53ul, product1 = LOW(w2) * 0xCD9E8D57ul;
        w0 = product1 >> 32 ^ w1 ^ key0;
        w2 = product0 >> 32 ^ w3 ^ key1;
        w1 = product1;
        w3 = product0;
        key0 += 0x9E3779B9u;
        key1 += 0xBB67AE85u;
    }
    *early = LOW(w0) | w1 << 32;
    *late = LOW(w2) | w3 << 32;
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
    int i = (int)get_group_id(0) * chunk, end = min(i + chunk, count);
    for (; i + 64 <= end; i += 64) {
        ulong8 early, late;
        philox8(step, (uint)stream, (uint)i / 8, &early, &late);
#define DROP(lane)                                                                                 \
    drop8(x + i + 8 * lane, y + i + 8 * lane, mask + i + 8 * lane, early.s##lane, late.s##lane,    \
          threshold, scale);
        DROP(0) DROP(1) DROP(2) DROP(3) DROP(4) DROP(5) DROP(6) DROP(7)
#undef DROP
    }
    for (; i < end; i += 8)
        drop_group(x, step, y, mask, i, min(i + 8, end), (uint)stream, threshold, scale);
}

kernel void dropout_backward_vector(const global float *restrict dy,
                                    const global uchar *restrict mask, global float *restrict dx,
                                    int count, int chunk, float scale) {
    int i = (int)get_group_id(0) * chunk, end = min(i + chunk, count);
    for (; i + 8 <= end; i += 8) {
        int8 keep = convert_int8(vload8(0, mask + i)) != 0;
        vstore8(keep ? vload8(0, dy + i) * scale : (float8)(0), 0, dx + i);
    }
    for (; i < end; i++) dx[i] = mask[i] ? dy[i] * scale : 0.0f;
}
