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
 * sums have a fixed order: no atomics. partial is (chunks, 2, C).
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
 * Launch:  plain   (without -DVW) partial sums: a work-item a channel (first dimension) and chunk
 *                  (second); combination: a work-item a channel; last pass: a work-item an element
 *          vector  (-DVW=8) partial sums and last pass: a work-item a work-group, group g takes the
 *                  rows g * chunk ..; combination: a work-item a work-group, VW channels each
 */

#ifdef VW
#define T V
#define STEP VW
#define LOAD(p) VLOAD(p)
#define STORE(v, p) VSTORE(v, p)
#else
#define T float
#define STEP 1
#define LOAD(p) (*(p))
#define STORE(v, p) (*(p) = (v))
#endif

/* Rows. CPUs: 8 rows are near enough to a plain stream through memory (training, 19 MB of x, on two
 * cores of an AMD EPYC: 1.7 ms; 16 rows 2.1, 32 rows 2.2). Plain: partial sums go through memory,
 * so seldom. */
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

inline Moments join(Moments a, T mean, T squares, float count) {
    Moments joined;
    joined.count = a.count + count;
    float share = count / joined.count;
    T d = mean - a.mean;
    joined.mean = a.mean + d * share;
    joined.squares = a.squares + squares + d * d * (a.count * share);
    return joined;
}

/* Adds rows row .. end - 1 of one channel to `m`. */
inline Moments add_rows(Moments m, const global float *x, int row, int end, int C) {
    T sum = (T)(0), squares = (T)(0);
    for (int r = row; r < end; r++) {
        T d = LOAD(x + r * C) - m.mean;
        sum += d;
        squares = FMA(d, d, squares);
    }
    T shift = sum / (T)(end - row);
    return join(m, m.mean + shift, squares - sum * shift, (float)(end - row));
}

/* Rows row .. end - 1 of channel c into one row of `partial`; at `begin` that row is started. */
inline void statistics_at(const global float *x, global float *partial, int c, int begin, int row,
                          int end, int C) {
    Moments m;
    m.mean = row == begin ? LOAD(x + row * C + c) : LOAD(partial + c);
    m.squares = row == begin ? (T)(0) : LOAD(partial + C + c);
    m.count = (float)(row - begin);
    m = add_rows(m, x + c, row, end, C);
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
#ifdef VW
#define FOR_TILES(AT)                                                                              \
    int group = (int)get_global_id(0), begin = group * chunk, last = min(begin + chunk, rows);     \
    global float *p = partial + group * 2 * C;                                                     \
    for (int row = begin; row < last; row += TILE)                                                 \
        for (int c = 0; c < C; c += VW) AT(c, begin, row, min(row + TILE, last));
#else
#define FOR_TILES(AT)                                                                              \
    int c = (int)get_global_id(0), group = (int)get_global_id(1);                                  \
    int begin = group * chunk, last = min(begin + chunk, rows);                                    \
    global float *p = partial + group * 2 * C;                                                     \
    if (c < C)                                                                                     \
        for (int row = begin; row < last; row += TILE) AT(c, begin, row, min(row + TILE, last));
#endif

#ifdef OP_batch_norm_training
kernel void batch_norm_statistics(const global float *restrict x, global float *partial, int rows,
                                  int chunk, int C) {
#define AT(c, begin, row, end) statistics_at(x, p, c, begin, row, end, C)
    FOR_TILES(AT)
#undef AT
}
#endif

#ifdef OP_batch_norm_backward
kernel void batch_norm_sums(const global float *restrict dy, const global float *restrict x,
                            const global float *restrict mean, global float *partial, int rows,
                            int chunk, int C) {
#define AT(c, begin, row, end) sums_at(dy, x, mean, p, c, begin, row, end, C)
    FOR_TILES(AT)
#undef AT
}
#endif

/* ---- Combination -------------------------------------------------------------------- */

#ifdef OP_batch_norm_training
kernel void batch_norm_combine(const global float *restrict partial,
                               global float *restrict running_mean,
                               global float *restrict running_variance,
                               global float *restrict mean, global float *restrict inverse,
                               global const Step *step, int has_step, int rows, int chunk, int C,
                               float momentum, float log_momentum, float epsilon) {
    int c = (int)get_global_id(0) * STEP;
    if (c >= C) return;
    Moments m;
    m.mean = LOAD(partial + c);
    m.squares = LOAD(partial + C + c);
    m.count = (float)min(chunk, rows);
    for (int row = chunk; row < rows; row += chunk) {
        partial += 2 * C;
        m = join(m, LOAD(partial + c), LOAD(partial + C + c), (float)min(chunk, rows - row));
    }
    T variance = m.squares / (T)(m.count);
    float fresh = 1 - momentum;
    if (has_step) fresh /= -expm1((float)(step->step + 1) * log_momentum);
    STORE(m.mean, mean + c);
    STORE(inverse_deviation(variance, epsilon), inverse + c);
    STORE((1 - fresh) * LOAD(running_mean + c) + fresh * m.mean, running_mean + c);
    STORE((1 - fresh) * LOAD(running_variance + c) + fresh * variance, running_variance + c);
}
#endif

/* Kahan's compensated sum: sums over all rows are small against the parts that cancel in them. */
inline void add_to(T *sum, T *excess, T part) {
    T wanted = part - *excess, next = *sum + wanted;
    *excess = (next - *sum) - wanted;
    *sum = next;
}

#ifdef OP_batch_norm_backward
kernel void batch_norm_combine_sums(const global float *restrict partial,
                                    const global float *restrict inverse,
                                    global float *restrict dgamma, global float *restrict dbeta,
                                    int chunks, int C) {
    int c = (int)get_global_id(0) * STEP;
    if (c >= C) return;
    T sum = (T)(0), products = (T)(0), excess[2] = {(T)(0), (T)(0)};
    for (int i = 0; i < chunks; i++, partial += 2 * C) {
        add_to(&sum, &excess[0], LOAD(partial + c));
        add_to(&products, &excess[1], LOAD(partial + C + c));
    }
    STORE(sum, dbeta + c);
    STORE(products * LOAD(inverse + c), dgamma + c);
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

#define NORMALIZE(i) STORE(FMA(LOAD(x + (i)) - m, factor, b), y + (i));

#ifdef OP_batch_norm
kernel void batch_norm(const global float *restrict x, const global float *restrict gamma,
                       const global float *restrict beta, const global float *restrict mean,
                       const global float *restrict variance, global float *restrict y, int rows,
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
