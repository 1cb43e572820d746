/* norm_pool.cl: the tail of a convolution block in training, so that the large x is read as rarely
 * as can be: batch norm, max pool whose windows neither overlap nor leave the image, dropout.
 *
 * x (N, H, W, C); y, place and winner (N, OH, OW, C), OH = H / KH, OW = W / KW; mean m, inverse and
 * all other vectors (C). Window (n, oh, ow) covers x[n, oh * KH + r, ow * KW + s, c], r < KH, s < KW.
 * Rows and columns that the last windows leave over take part in the statistics alone.
 *   training  z = (x - m) gamma inverse + beta; y = scale times the window's largest z (of equals
 *             the first, and a NaN wins over everything), or 0 where dropped; place = that one's
 *             r * KW + s, 255 where dropped; winner = that one's x - m.
 *             m and inverse come from batch_norm.cl. Dropped: as dropout.cl does, element by element
 *             of y.
 *   backward  g = place == 255 ? 0 : dy scale; dbeta = sum g, dgamma = inverse sum g winner (that
 *             is, the sums of batch_norm.cl's backward, without its many zeros);
 *             dz = gamma inverse (g - dbeta / rows - (x - m) inverse dgamma / rows), with g only at
 *             the window's winner, rows = N H W; where -DRELU, 0 for x <= 0: then x is what a relu
 *             gave, and dz its input's gradient; partial sums of dz over all pixels
 * All sums have a fixed order: no atomics.
 *
 * Options: -DKH=2, -DKW=2, -DDROPS (rate > 0), -DRELU; -DOP_norm_pool_training or _backward.
 * Launch:  vector  (-DVW=8) a work-item a work-group. norm_pool, norm_pool_backward: group g takes
 *                  the rows of windows (n, oh) g * chunk ..; norm_pool_sums: the windows g * chunk
 *                  .., each a row of C numbers.
 *          grouped (without -DVW) groups of DD_GROUP work-items. norm_pool: an item an element of y,
 *                  rounded up; norm_pool_sums, norm_pool_backward: `wide` channels of a chunk of
 *                  windows, or of pixels, a group (share_of in group.cl).
 */
#include "group.cl"

#ifdef VW
#define T                 V
#define I                 CAT(int, VW)
#define LOAD(p)           VLOAD(p)
#define STORE(v, p)       VSTORE(v, p)
#define LOAD_PLACE(p)     CAT(convert_, I)(CAT(vload, VW)(0, p))
#define STORE_PLACE(v, p) CAT(vstore, VW)(CAT(convert_, CAT(uchar, VW))(v), 0, p)
#else
#define T                 float
#define I                 int
#define LOAD(p)           (*(p))
#define STORE(v, p)       (*(p) = (v))
#define LOAD_PLACE(p)     ((int)*(p))
#define STORE_PLACE(v, p) (*(p) = (uchar)(v))
#endif
#define DROPPED 255

/* Windows whose VW channels are computed one after the other, with the channels' factors in
 * registers: few, so that x is read nearly in the order in which it lies. */
#ifndef TILE
#define TILE 4
#endif

#ifdef OP_norm_pool_training

#if defined(DROPS) && defined(VW)
/* The 8 elements of one group. Clamped, not compared: Oclgrind 21.10 widens a lane that is true to
 * 255. */
inline void deal8(global uchar *place, ulong early, ulong late, int threshold) {
    int8 missing = threshold - convert_int8(as_ushort8((ulong2)(early, late)));
    vstore8(convert_uchar8(clamp(missing, (int8)(0), (int8)(1)) * DROPPED), 0, place);
}

/* place[i .. end - 1] = 255 where y's element, of `count`, is dropped, else 0. */
inline void deal(const global Step *step, uint stream, int count, int threshold,
                 global uchar *place, int i, int end) {
    uint before = groups_before(step, count);
    while (i < end) {
        if (i % 8 == 0 && i + 64 <= end) {
            ulong8 early, late;
            philox8(step, stream, before + (uint)i / 8, &early, &late);
#define DEAL(lane) deal8(place + i + 8 * lane, early.s##lane, late.s##lane, threshold);
            DEAL(0) DEAL(1) DEAL(2) DEAL(3) DEAL(4) DEAL(5) DEAL(6) DEAL(7)
#undef DEAL
            i += 64;
        } else {
            uint4 words =
                philox(step->seed_low, step->seed_high, stream, before + (uint)i / 8, step->step);
            for (int stop = min(i / 8 * 8 + 8, end); i < stop; i++)
                place[i] = number_of(words, i % 8) < threshold ? DROPPED : 0;
        }
    }
}
#endif

/* A window's largest z (or those of VW channels), its x - m, and its place: in float, because
 * Oclgrind 21.10 widens an int that is chosen to be 1 to 255. */
typedef struct {
    T z, deviation, place;
} Winner;

inline Winner winner_of(const global float *window, int W, int C, T m, T factor, T b) {
    Winner best;
    best.deviation = LOAD(window) - m;
    best.z = FMA(best.deviation, factor, b);
    best.place = (T)(0);
#pragma unroll
    for (int r = 0; r < KH; r++)
#pragma unroll
        for (int s = 0; s < KW; s++) {
            T d = LOAD(window + (r * W + s) * C) - m, z = FMA(d, factor, b);
            I wins = !(z <= best.z) & (best.z == best.z);
            best.z = wins ? z : best.z;
            best.deviation = wins ? d : best.deviation;
            best.place = wins ? (T)(r * KW + s) : best.place;
        }
    return best;
}

/* Stores a window's winner, unless it is dropped. */
inline void give(Winner w, I dropped, float scale, global float *y, global uchar *place,
                 global float *winner) {
#ifdef DROPS
    w.z = dropped ? (T)(0) : w.z * scale;
    w.place = dropped ? (T)(DROPPED) : w.place;
#endif
    STORE(w.z, y);
    STORE_PLACE(w.place, place);
    STORE(w.deviation, winner);
}

#ifdef VW

#ifdef DROPS
#define DEALT(place) (LOAD_PLACE(place) != 0) /* what deal has left there */
#else
#define DEALT(place) (I)(0)
#endif

kernel void norm_pool(const global float *restrict x, const global float *restrict gamma,
                      const global float *restrict beta, const global float *restrict mean,
                      const global float *restrict inverse, const global Step *restrict step,
                      global float *restrict y, global uchar *restrict place,
                      global float *restrict winner, int rows, int chunk, int H, int W, int C,
                      int OH, int OW, int stream, int threshold, float scale) {
    int row = (int)get_global_id(0) * chunk, end = min(row + chunk, rows);
    for (; row < end; row++) {
        const global float *corner = x + (row / OH * H + row % OH * KH) * W * C;
        int first = row * OW * C;
#ifdef DROPS
        deal(step, (uint)stream, rows * OW * C, threshold, place, first, first + OW * C);
#endif
        for (int tile = 0; tile < OW; tile += TILE)
            for (int c = 0; c < C; c += VW) {
                V m = VLOAD(mean + c), factor = VLOAD(gamma + c) * VLOAD(inverse + c);
                V b = VLOAD(beta + c);
                for (int ow = tile; ow < min(tile + TILE, OW); ow++) {
                    Winner w = winner_of(corner + ow * KW * C + c, W, C, m, factor, b);
                    int o = first + ow * C + c;
                    give(w, DEALT(place + o), scale, y + o, place + o, winner + o);
                }
            }
    }
}

/* Behind a convolution that has chosen the winners already (conv2d_norm_pool.cl): best, the winner
 * of each of `windows` windows, and where, its place. Group g takes windows g * chunk .. */
kernel void norm_chosen(const global float *restrict best, const global uchar *restrict where,
                        const global float *restrict gamma, const global float *restrict beta,
                        const global float *restrict mean, const global float *restrict inverse,
                        const global Step *restrict step, global float *restrict y,
                        global uchar *restrict place, global float *restrict winner, int windows,
                        int chunk, int C, int stream, int threshold, float scale) {
    int begin = (int)get_global_id(0) * chunk, end = min(begin + chunk, windows);
    for (int row = begin; row < end; row += TILE) {
        int stop = min(row + TILE, end);
#ifdef DROPS
        deal(step, (uint)stream, windows * C, threshold, place, row * C, stop * C);
#endif
        for (int c = 0; c < C; c += VW) {
            V m = VLOAD(mean + c), factor = VLOAD(gamma + c) * VLOAD(inverse + c);
            V b = VLOAD(beta + c);
            for (int o = row * C + c; o < stop * C; o += C) {
                Winner w;
                w.deviation = VLOAD(best + o) - m;
                w.z = FMA(w.deviation, factor, b);
                w.place = CAT(convert_, V)(CAT(vload, VW)(0, where + o));
                give(w, DEALT(place + o), scale, y + o, place + o, winner + o);
            }
        }
    }
}

#else

FULL_GROUP void norm_pool(const global float *restrict x, const global float *restrict gamma,
                          const global float *restrict beta, const global float *restrict mean,
                          const global float *restrict inverse, const global Step *restrict step,
                          global float *restrict y, global uchar *restrict place,
                          global float *restrict winner, int rows, int chunk, int H, int W, int C,
                          int OH, int OW, int stream, int threshold, float scale) {
    int dropped = 0;
#ifdef DROPS
    local uint4 words[WORDS];
    uint id = (uint)get_global_id(0);
    dropped = deal_number(words, step, (uint)stream, id, rows * OW * C) < threshold;
#endif
    int o = (int)get_global_id(0), c = o % C, ow = o / C % OW, row = o / C / OW;
    if (row >= rows) return;
    const global float *window = x + ((row / OH * H + row % OH * KH) * W + ow * KW) * C + c;
    Winner w = winner_of(window, W, C, mean[c], gamma[c] * inverse[c], beta[c]);
    give(w, dropped, scale, y + o, place + o, winner + o);
}

#endif
#endif

#ifdef OP_norm_pool_backward

/* What flows back into an element (or VW) of the norm's result from its window; *at: to which
 * place. */
inline T flow(const global float *dy, const global uchar *place, int i, float scale, I *at) {
    *at = LOAD_PLACE(place + i);
#ifdef DROPS
    return *at == DROPPED ? (T)(0) : LOAD(dy + i) * scale;
#else
    return LOAD(dy + i);
#endif
}

/* What the elements of a channel (or of VW) have in common. */
typedef struct {
    T mean, factor, share, slope;
} Channels;

inline Channels channels_at(const global float *gamma, const global float *mean,
                            const global float *inverse, const global float *dgamma,
                            const global float *dbeta, float count) {
    Channels k;
    T scale = LOAD(inverse);
    k.mean = LOAD(mean);
    k.factor = LOAD(gamma) * scale;
    k.share = LOAD(dbeta) / count;
    k.slope = LOAD(dgamma) * scale / count;
    return k;
}
#define CHANNELS(c) channels_at(gamma + c, mean + c, inverse + c, dgamma + c, dbeta + c, count)

/* dz of an element (or of VW), which is returned too. */
inline T gradient(const Channels *k, const global float *x, global float *dz, T g) {
    T v = LOAD(x), d = k->factor * FMA(k->mean - v, k->slope, g - k->share);
#ifdef RELU
    d = v <= (T)(0) ? (T)(0) : d;
#endif
    STORE(d, dz);
    return d;
}

#ifdef VW

inline void add_to(global float *sum, V part, bool first) {
    VSTORE(first ? part : VLOAD(sum) + part, sum);
}

/* partial (chunks, 2, C): sums of g and of g winner. */
kernel void norm_pool_sums(const global float *restrict dy, const global uchar *restrict place,
                           const global float *restrict winner, global float *restrict partial,
                           int windows, int chunk, int C, int wide, float scale) {
    int begin = (int)get_global_id(0) * chunk, end = min(begin + chunk, windows);
    partial += get_global_id(0) * 2 * C;
    for (int row = begin; row < end; row += TILE)
        for (int c = 0; c < C; c += VW) {
            V sum = 0, products = 0;
            for (int i = row; i < min(row + TILE, end); i++) {
                I at;
                V g = flow(dy, place, i * C + c, scale, &at);
                sum += g;
                products = FMA(g, VLOAD(winner + i * C + c), products);
            }
            add_to(partial + c, sum, row == begin);
            add_to(partial + C + c, products, row == begin);
        }
}

/* `pixels` that no window covers. */
#define LEFT_OVER(from, pixels)                                              \
    for (int pixel = 0; pixel < (pixels); pixel++)                           \
        for (int c = 0; c < C; c += VW) {                                    \
            int i = ((from) + pixel) * C + c;                                \
            Channels k = CHANNELS(c);                                        \
            add_to(partial + c, gradient(&k, x + i, dz + i, (V)(0)), false); \
        }

/* partial (groups, C): sums of dz. */
kernel void
norm_pool_backward(const global float *restrict dy, const global float *restrict x,
                   const global uchar *restrict place, const global float *restrict gamma,
                   const global float *restrict mean, const global float *restrict inverse,
                   const global float *restrict dgamma, const global float *restrict dbeta,
                   global float *restrict dz, global float *restrict partial, int rows, int chunk,
                   int H, int W, int C, int OH, int OW, int wide, float count, float scale) {
    int begin = (int)get_global_id(0) * chunk, end = min(begin + chunk, rows);
    partial += get_global_id(0) * C;
    for (int row = begin; row < end; row++) {
        int first = (row / OH * H + row % OH * KH) * W; /* pixel */
        for (int tile = 0; tile < OW; tile += TILE)
            for (int c = 0; c < C; c += VW) {
                Channels k = CHANNELS(c);
                V sum = 0;
                for (int ow = tile; ow < min(tile + TILE, OW); ow++) {
                    I at;
                    V g = flow(dy, place, (row * OW + ow) * C + c, scale, &at);
                    int corner = (first + ow * KW) * C + c;
#pragma unroll
                    for (int r = 0; r < KH; r++)
#pragma unroll
                        for (int s = 0; s < KW; s++) {
                            int i = corner + (r * W + s) * C;
                            V own = at == (I)(r * KW + s) ? g : (V)(0);
                            sum += gradient(&k, x + i, dz + i, own);
                        }
                }
                add_to(partial + c, sum, row == begin && tile == 0);
            }
        for (int r = 0; r < KH; r++) LEFT_OVER(first + r * W + OW * KW, W - OW * KW)
        if (row % OH == OH - 1) LEFT_OVER(first + KH * W, (H - OH * KH) * W)
    }
}

#else

FULL_GROUP void norm_pool_sums(const global float *restrict dy, const global uchar *restrict place,
                               const global float *restrict winner,
                               global float *restrict partial, int windows, int chunk, int C,
                               int wide, float scale) {
    local Sum held[DD_GROUP];
    Share s = share_of((int)get_global_id(0), windows, chunk, C, wide);
    Sum sum = sum_of(0, 0), products = sum;
    for (int i = s.row * C + s.c; i < s.end * C; i += s.deep * C) {
        int at;
        float g = flow(dy, place, i, scale, &at);
        sum = plus(sum, sum_of(g, 0));
        products = plus(products, sum_of(g * winner[i], 0));
    }
    store_sums(held, sum, products, s, wide, C, partial);
}

/* Here `rows` and `chunk` are pixels; partial (chunks, C). */
FULL_GROUP void
norm_pool_backward(const global float *restrict dy, const global float *restrict x,
                   const global uchar *restrict place, const global float *restrict gamma,
                   const global float *restrict mean, const global float *restrict inverse,
                   const global float *restrict dgamma, const global float *restrict dbeta,
                   global float *restrict dz, global float *restrict partial, int rows, int chunk,
                   int H, int W, int C, int OH, int OW, int wide, float count, float scale) {
    local Sum held[DD_GROUP];
    Share s = share_of((int)get_global_id(0), rows, chunk, C, wide);
    int c = min(s.c, C - 1);
    Channels k = CHANNELS(c);
    Sum sum = sum_of(0, 0);
    for (int pixel = s.row; pixel < s.end; pixel += s.deep) {
        int w = pixel % W, row = pixel / W, h = row % H, oh = h / KH, ow = w / KW, at = -1;
        int o = ((row / H * OH + oh) * OW + ow) * C + c, i = pixel * C + c;
        float g = oh < OH && ow < OW ? flow(dy, place, o, scale, &at) : 0.0f;
        if (at != h % KH * KW + w % KW) g = 0;
        sum = plus(sum, sum_of(gradient(&k, x + i, dz + i, g), 0));
    }
    sum = fold_sum(held, sum, DOWN);
    if (s.stores) partial[s.part * C + c] = total(sum);
}

#endif
#endif
