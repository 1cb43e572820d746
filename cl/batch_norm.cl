/* batch_norm.cl: batch normalisation over the last axis of x, seen as (rows, C); its statistics and
 * its gradient.
 *
 *   batch_norm    y = (x - mean) gamma / sqrt(variance + epsilon) + beta
 *   training      mean m[c], biased variance v[c] of x[., c]; inverse[c] = 1 / sqrt(v + epsilon);
 *                 running = running + fresh (m - running) (and v); y = (x - m) inverse gamma + beta;
 *                 fresh = 1 - momentum, or where the step is given (1 - momentum) / (1 - momentum^t)
 *                 for step t = 1, 2, ...: src/ops/batch_norm.c says why
 *   backward      xhat = (x - m) inverse; dbeta[c] = sum dy, dgamma[c] = sum dy xhat;
 *                 dx = gamma inverse (dy - dbeta / rows - xhat dgamma / rows)
 *
 * training and backward are three launches each: partial sums of `chunk` rows at a time, their
 * combination for each channel, and a pass that writes y or dx; so x (and dy) are read twice. All
 * sums have a fixed order: no atomics. partial is (chunks, 2, C): means and sums of squared
 * deviations, or sums of dy and of dy (x - mean).
 *
 * Sums run over TILE rows before they join the longer sum of their chunk, which keeps rounding near
 * that of TILE + rows / TILE / chunks additions. Means and sums of squared deviations of tiles and
 * chunks are joined as in Chan, Golub, LeVeque, "Updating formulae and a pairwise algorithm for
 * computing sample variances", 1979; inside a tile deviations are from the mean so far, so nothing
 * cancels when the mean is large against the deviation.
 *
 * -DOP_batch_norm and so on: the op whose kernels are wanted, so that nobody waits for those of the
 * others.
 *
 * Launch:  plain   (without -DVW) partial sums: groups of DD_GROUP work-items, each `wide` channels
 *                  of a chunk; combination: likewise, one group for all chunks (share_of in
 *                  group.cl); last pass: a work-item an element
 *          vector  (-DVW=8) partial sums and last pass: a work-item a work-group, group g takes the
 *                  rows g * chunk ..; combination: a work-item a work-group, VW channels each
 */
#include "group.cl"

#ifdef VW
#define T V
#define LOAD(p) VLOAD(p)
#define STORE(v, p) VSTORE(v, p)
#define LOAD_X(p) VREAD(X_T, p)
#define STORE_Y(v, p) VWRITE(Y_T, v, p)
#else
#define T float
#define LOAD(p) (*(p))
#define STORE(v, p) (*(p) = (v))
#define LOAD_X(p) READ(X_T, p, 0)
#define STORE_Y(v, p) WRITE(Y_T, v, p, 0)
#endif

/* Rows. CPUs: 8 rows are near enough to a plain stream through memory (training, 19 MB of x, on two
 * cores of an AMD EPYC: 1.7 ms; 16 rows 2.1, 32 rows 2.2). Plain: what an item adds up at a time. */
#ifndef TILE
#ifdef VW
#define TILE 8
#else
#define TILE 32
#endif
#endif

inline T inverse_deviation(T variance, float epsilon) { return (T)(1) / sqrt(variance + epsilon); }

/* ---- Partial sums ------------------------------------------------------------------- */

/* A mean, and the sum of squared deviations from it, over `count` values. */
typedef struct {
    T mean, squares;
    float count;
} Moments;

inline Moments moments(T mean, T squares, float count) {
    Moments m = {mean, squares, count};
    return m;
}

inline Moments join(Moments a, Moments b) {
    Moments joined;
    joined.count = a.count + b.count;
    float share = joined.count > 0 ? b.count / joined.count : 0.0f;
    T d = b.mean - a.mean;
    joined.mean = a.mean + d * share;
    joined.squares = a.squares + b.squares + d * d * (a.count * share);
    return joined;
}

/* Adds rows row, row + step, .. before end of one channel to `m`; there is one at least. */
inline Moments add_rows(Moments m, const global float *x, int row, int end, int step, int C) {
    T sum = (T)(0), squares = (T)(0);
    for (int r = row; r < end; r += step) {
        T d = LOAD(x + r * C) - m.mean;
        sum += d;
        squares = FMA(d, d, squares);
    }
    float count = (float)((end - row + step - 1) / step);
    T shift = sum / (T)(count);
    return join(m, moments(m.mean + shift, squares - sum * shift, count));
}

#ifdef VW

/* Rows row .. end - 1 of channel c into one row of `partial`; at `begin` that row is started. */
inline void statistics_at(const global float *x, global float *partial, int c, int begin, int row,
                          int end, int C) {
    Moments m;
    m.mean = row == begin ? LOAD(x + row * C + c) : LOAD(partial + c);
    m.squares = row == begin ? (T)(0) : LOAD(partial + C + c);
    m.count = (float)(row - begin);
    m = add_rows(m, x + c, row, end, 1, C);
    STORE(m.mean, partial + c);
    STORE(m.squares, partial + C + c);
}

inline void sums_at(const global float *dy, const global float *x, const global float *mean,
                    global float *partial, int c, int begin, int row, int end, int C) {
    T m = LOAD(mean + c), sum = (T)(0), products = (T)(0);
    for (int r = row; r < end; r++) {
        T d = LOAD(dy + r * C + c);
        sum += d;
        products = FMA(d, LOAD(x + r * C + c) - m, products);
    }
    if (row > begin) {
        sum += LOAD(partial + c);
        products += LOAD(partial + C + c);
    }
    STORE(sum, partial + c);
    STORE(products, partial + C + c);
}

/* Calls AT for each tile of the work-item's chunk, and there for each of its channels. */
#define FOR_TILES(AT)                                                                              \
    int group = (int)get_global_id(0), begin = group * chunk, last = min(begin + chunk, rows);     \
    global float *p = partial + group * 2 * C;                                                     \
    for (int row = begin; row < last; row += TILE)                                                 \
        for (int c = 0; c < C; c += VW) AT(c, begin, row, min(row + TILE, last));

#ifdef OP_batch_norm_training
kernel void batch_norm_statistics(const global float *restrict x, global float *partial, int rows,
                                  int chunk, int C, int wide) {
#define AT(c, begin, row, end) statistics_at(x, p, c, begin, row, end, C)
    FOR_TILES(AT)
#undef AT
}
#endif

#ifdef OP_batch_norm_backward
kernel void batch_norm_sums(const global float *restrict dy, const global float *restrict x,
                            const global float *restrict mean, global float *partial, int rows,
                            int chunk, int C, int wide) {
#define AT(c, begin, row, end) sums_at(dy, x, mean, p, c, begin, row, end, C)
    FOR_TILES(AT)
#undef AT
}
#endif

#else

FOLD(fold_moments, Moments, join)

#ifdef OP_batch_norm_training
FULL_GROUP void batch_norm_statistics(const global float *restrict x,
                                      global float *restrict partial, int rows, int chunk, int C,
                                      int wide) {
    local Moments held[DD_GROUP];
    Share s = share_of((int)get_global_id(0), rows, chunk, C, wide);
    x += s.c;
    Moments m = moments(s.row < s.end ? x[s.row * C] : 0.0f, 0, 0);
    for (int row = s.row; row < s.end; row += TILE * s.deep)
        m = add_rows(m, x, row, min(row + TILE * s.deep, s.end), s.deep, C);
    m = fold_moments(held, m, DOWN);
    partial += s.part * 2 * C + s.c;
    if (s.stores) partial[0] = m.mean;
    if (s.stores) partial[C] = m.squares;
}
#endif

#ifdef OP_batch_norm_backward
FULL_GROUP void batch_norm_sums(const global float *restrict dy, const global float *restrict x,
                                const global float *restrict mean, global float *restrict partial,
                                int rows, int chunk, int C, int wide) {
    local Sum held[DD_GROUP];
    Share s = share_of((int)get_global_id(0), rows, chunk, C, wide);
    float m = s.c < C ? mean[s.c] : 0.0f;
    Sum sum = sum_of(0, 0), products = sum;
    for (int i = s.row * C + s.c; i < s.end * C; i += s.deep * C) {
        sum = plus(sum, sum_of(dy[i], 0));
        products = plus(products, sum_of(dy[i] * (x[i] - m), 0));
    }
    store_sums(held, sum, products, s, wide, C, partial);
}
#endif
#endif

/* ---- Combination -------------------------------------------------------------------- */

/* An item joins its share of the parts, then a group what its items have. */
#ifdef VW
#define COMBINE kernel
#define HOLD(type)
#define JOINED(m) (m)
#define JOINED_SUM(sum, excess) (sum)
inline Share share_of_parts(int id, int parts, int C, int wide) {
    int c = id * VW;
    Share s = {c, 0, c < C ? parts : 0, 1, 0, c < C};
    return s;
}
#else
#define COMBINE FULL_GROUP
#define HOLD(type) local type held[DD_GROUP];
#define JOINED(m) fold_moments(held, m, DOWN)
#define JOINED_SUM(sum, excess) total(fold_sum(held, sum_of(sum, -excess), DOWN))
#define share_of_parts(id, parts, C, wide) share_of(id, parts, parts, C, wide)
#endif

#ifdef OP_batch_norm_training
inline void blend(global float *running, T value, float fresh) {
    STORE((1 - fresh) * LOAD(running) + fresh * value, running);
}

/* Of a micro-batch: so that behind the last one each has had the same part of `fresh`. */
inline float share_of_part(const global Step *step, float fresh) {
    float parts = (float)max(step->parts, 1u), done = (float)(step->part + 1) / parts;
    return fresh / parts / (1 - fresh * (1 - done));
}

COMBINE void batch_norm_combine(const global float *restrict partial,
                                global float *restrict running_mean,
                                global float *restrict running_variance,
                                global float *restrict mean, global float *restrict inverse,
                                const global Step *step, int has_step, int rows, int chunk, int C,
                                int wide, float momentum, float log_momentum, float epsilon) {
    HOLD(Moments)
    int parts = (rows + chunk - 1) / chunk;
    Share s = share_of_parts((int)get_global_id(0), parts, C, wide);
    Moments m = moments((T)(0), (T)(0), 0);
    for (int i = s.row; i < s.end; i += s.deep) {
        const global float *p = partial + i * 2 * C + s.c;
        m = join(m, moments(LOAD(p), LOAD(p + C), (float)min(chunk, rows - i * chunk)));
    }
    m = JOINED(m);
    if (!s.stores) return;
    T variance = m.squares / (T)(m.count);
    float fresh = 1 - momentum;
    if (has_step) {
        fresh /= -expm1((float)(step->step + 1) * log_momentum);
        fresh = share_of_part(step, fresh);
    }
    STORE(m.mean, mean + s.c);
    STORE(inverse_deviation(variance, epsilon), inverse + s.c);
    blend(running_mean + s.c, m.mean, fresh);
    blend(running_variance + s.c, variance, fresh);
}
#endif

/* Kahan's compensated sum. */
inline void add_to(T *sum, T *excess, T part) {
    T wanted = part - *excess, next = *sum + wanted;
    *excess = (next - *sum) - wanted;
    *sum = next;
}

#ifdef OP_batch_norm_backward
COMBINE void batch_norm_combine_sums(const global float *restrict partial,
                                     const global float *restrict inverse,
                                     global float *restrict dgamma, global float *restrict dbeta,
                                     int rows, int chunk, int C, int wide) {
    HOLD(Sum)
    int parts = (rows + chunk - 1) / chunk;
    Share s = share_of_parts((int)get_global_id(0), parts, C, wide);
    T sum = (T)(0), products = (T)(0), excess[2] = {(T)(0), (T)(0)};
    for (int i = s.row; i < s.end; i += s.deep) {
        const global float *p = partial + i * 2 * C + s.c;
        add_to(&sum, &excess[0], LOAD(p));
        add_to(&products, &excess[1], LOAD(p + C));
    }
    sum = JOINED_SUM(sum, excess[0]);
    products = JOINED_SUM(products, excess[1]);
    if (!s.stores) return;
    STORE(sum, dbeta + s.c);
    STORE(products * LOAD(inverse + s.c), dgamma + s.c);
}
#endif

/* ---- Passes over all elements ------------------------------------------------------- */

/* Calls AT(i, c) for each element i (or VW of them) that is the work-item's. The vector form
 * prepares the factors of VW channels by SET(c) for TILE rows at a time. */
#ifdef VW
#define FOR_ELEMENTS(SET, AT)                                                                      \
    int begin = (int)get_global_id(0) * chunk, last = min(begin + chunk, rows);                    \
    for (int row = begin; row < last; row += TILE)                                                 \
        for (int c = 0; c < C; c += VW) {                                                          \
            SET(c)                                                                                 \
            for (int r = row; r < min(row + TILE, last); r++) AT(r * C + c)                        \
        }
#else
#define FOR_ELEMENTS(SET, AT)                                                                      \
    int i = (int)get_global_id(0), c = i % C;                                                      \
    if (i / C < rows) {                                                                            \
        SET(c)                                                                                     \
        AT(i)                                                                                      \
    }
#endif

#define NORMALIZE(i) STORE_Y(FMA(LOAD_X(x + (i)) - m, factor, b), y + (i));

#ifdef OP_batch_norm
kernel void batch_norm(const global X_T *restrict x, const global float *restrict gamma,
                       const global float *restrict beta, const global float *restrict mean,
                       const global float *restrict variance, global Y_T *restrict y, int rows,
                       int chunk, int C, float epsilon) {
#define SET(c)                                                                                     \
    T m = LOAD(mean + c), b = LOAD(beta + c);                                                      \
    T factor = LOAD(gamma + c) * inverse_deviation(LOAD(variance + c), epsilon);
    FOR_ELEMENTS(SET, NORMALIZE)
#undef SET
}
#endif

#ifdef OP_batch_norm_training
kernel void batch_norm_normalize(const global float *restrict x,
                                 const global float *restrict gamma,
                                 const global float *restrict beta,
                                 const global float *restrict mean,
                                 const global float *restrict inverse, global float *restrict y,
                                 int rows, int chunk, int C) {
#define SET(c)                                                                                     \
    T m = LOAD(mean + c), b = LOAD(beta + c), factor = LOAD(gamma + c) * LOAD(inverse + c);
    FOR_ELEMENTS(SET, NORMALIZE)
#undef SET
}
#endif

#ifdef OP_batch_norm_backward
kernel void batch_norm_backward(const global float *restrict dy, const global float *restrict x,
                                const global float *restrict gamma,
                                const global float *restrict mean,
                                const global float *restrict inverse,
                                const global float *restrict dgamma,
                                const global float *restrict dbeta, global float *restrict dx,
                                int rows, int chunk, int C) {
#define SET(c)                                                                                     \
    T m = LOAD(mean + c), scale = LOAD(inverse + c), factor = LOAD(gamma + c) * scale;             \
    T share = LOAD(dbeta + c) / (T)(rows), slope = LOAD(dgamma + c) * scale / (T)(rows);
#define AT(i)                                                                                      \
    STORE(factor * (LOAD(dy + (i)) - share - (LOAD(x + (i)) - m) * slope), dx + (i));
    FOR_ELEMENTS(SET, AT)
#undef AT
#undef SET
}
#endif
