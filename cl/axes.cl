/* axes.cl: what goes over some axes of a value, in each place of the others. x is (K0, R0, K1, R1, K2,
 * R2, K3): axes that are kept and axes that one goes over, in turn; what is not there is 1. A place is
 * (k0, k1, k2, k3), number p, with the `count` = R0 R1 R2 elements (r0, r1, r2).
 *
 *   reduce           y[p] = the sum of its elements / divisor, or their largest, or their smallest;
 *                    a NaN wins. divisor is 1, or for a mean `count`
 *   reduce_backward  dx[p, r] = dy[p] / divisor
 *   normalize        y[p, r] = (x[p, r] - mean) / sqrt(variance + epsilon), mean and variance those of
 *                    the place's elements. The variance is that of x - mean, not a difference of squares
 *
 * -DOP_reduce and so on: the op whose kernels are wanted; of reduce also the kind, -DREDUCE_sum,
 * -DREDUCE_max or -DREDUCE_min.
 *
 * Launch
 *   <name>_plain    a work-item a place, reduce_backward an element; rounded up to the group
 *   <name>_rows     for CPU runtimes and x (rows, R): a work-item a group does `chunk` rows
 *   <name>_columns  the same for x (K0, R, K): group (k0, q) does the `width` columns from q * width on
 *   <name>_grouped  for GPUs and x (K0, R, K): a group of DD_GROUP items (group.cl) for each k0 and
 *                   each `wide` columns, whose lines share the elements of a column. Only with
 *                   -DGROUPED: a program with local memory cannot be chained
 */
#include "group.cl"

/* Both for a float and for a V. */
#ifdef REDUCE_max
#define START      (-INFINITY)
#define JOIN(a, b) ((!((b) <= (a)) & ((a) == (a))) ? (b) : (a))
#elif defined(REDUCE_min)
#define START      INFINITY
#define JOIN(a, b) ((!((b) >= (a)) & ((a) == (a))) ? (b) : (a))
#else
#define START      0.0f
#define JOIN(a, b) ((a) + (b))
#endif

#define SHAPE int K1, int K2, int K3, int R0, int R1, int R2

/* How far neighbours along R0, R1 and R2 lie apart. */
#define STEP2 K3
#define STEP1 (R2 * K3 * K2)
#define STEP0 (R1 * STEP1 * K1)

/* The first element of place p. */
#define FIRST(p)                                                                          \
    ((p) / K3 / K2 / K1 * R0 * STEP0 + (p) / K3 / K2 % K1 * R1 * STEP1 + (p) / K3 % K2 * R2 * STEP2 + \
     (p) % K3)

/* DO for the index i of each element of the place whose first is `first`. */
#define EACH(i, first, DO)                                       \
    for (int r0 = 0; r0 < R0; r0++)                              \
        for (int r1 = 0; r1 < R1; r1++)                          \
            for (int r2 = 0; r2 < R2; r2++) {                    \
                int i = first + r0 * STEP0 + r1 * STEP1 + r2 * STEP2; \
                DO;                                              \
            }

#if defined(OP_reduce) || defined(OP_normalize)
inline float join_lanes(V v) {
    float lanes[VW], sum = START;
    VSTORE(v, lanes);
    for (int i = 0; i < VW; i++) sum = JOIN(sum, lanes[i]);
    return sum;
}
#endif

#ifdef GROUPED

/* An item's share of (K0, R, K): elements r = line, line + deep, .. of column c of k0, from `first` on; none
 * where there is no such column. */
typedef struct {
    int place, first, line, end, deep;
} Part;

inline Part part_of(int id, int R, int K, int wide) {
    int item = id % DD_GROUP, group = id / DD_GROUP, strips = (K + wide - 1) / wide;
    int c = group % strips * wide + item % wide, k0 = group / strips;
    Part p = {k0 * K + c, k0 * R * K + c, item / wide, c < K ? R : 0, DD_GROUP / wide};
    return p;
}

inline float join(float a, float b) { return JOIN(a, b); }
FOLD(fold_join, float, join)

#endif

#ifdef OP_reduce

kernel void reduce_plain(const global float *restrict x, global float *restrict y, int places,
                         float divisor, SHAPE) {
    int p = (int)get_global_id(0);
    if (p >= places) return;
    int first = FIRST(p);
    float sum = START;
    EACH(i, first, sum = JOIN(sum, x[i]))
    y[p] = sum / divisor;
}

#ifdef GROUPED
FULL_GROUP void reduce_grouped(const global float *restrict x, global float *restrict y,
                               float divisor, int R, int K, int wide) {
    local float held[DD_GROUP];
    Part p = part_of((int)get_global_id(0), R, K, wide);
    float sum = START;
    for (int r = p.line; r < p.end; r += p.deep) sum = JOIN(sum, x[p.first + r * K]);
    sum = fold_join(held, sum, DOWN);
    if (p.line == 0 && p.end > 0) y[p.place] = sum / divisor;
}
#endif

kernel void reduce_rows(const global float *restrict x, global float *restrict y, float divisor,
                        int R, int rows, int chunk) {
    int row = (int)get_global_id(0) * chunk, end = min(row + chunk, rows);
    for (; row < end; row++) {
        const global float *from = x + row * R;
        V even = (V)(START), odd = (V)(START);
        int r = 0;
        for (; r + 2 * VW <= R; r += 2 * VW) {
            V a = VLOAD(from + r), b = VLOAD(from + r + VW);
            even = JOIN(even, a);
            odd = JOIN(odd, b);
        }
        float sum = join_lanes(JOIN(even, odd));
        for (; r < R; r++) sum = JOIN(sum, from[r]);
        y[row] = sum / divisor;
    }
}

kernel void reduce_columns(const global float *restrict x, global float *restrict y, float divisor,
                           int R, int K, int width) {
    int k0 = (int)get_global_id(0), c = (int)get_global_id(1) * width, end = min(c + width, K);
    x += k0 * R * K;
    y += k0 * K;
    for (; c + 4 * VW <= end; c += 4 * VW) {
        V s0 = (V)(START), s1 = s0, s2 = s0, s3 = s0;
        const global float *from = x + c;
        for (int r = 0; r < R; r++, from += K) {
            V a = VLOAD(from), b = VLOAD(from + VW);
            s0 = JOIN(s0, a);
            s1 = JOIN(s1, b);
            a = VLOAD(from + 2 * VW);
            b = VLOAD(from + 3 * VW);
            s2 = JOIN(s2, a);
            s3 = JOIN(s3, b);
        }
        VSTORE(s0 / divisor, y + c);
        VSTORE(s1 / divisor, y + c + VW);
        VSTORE(s2 / divisor, y + c + 2 * VW);
        VSTORE(s3 / divisor, y + c + 3 * VW);
    }
    for (; c + VW <= end; c += VW) {
        V sum = (V)(START);
        for (int r = 0; r < R; r++) {
            V a = VLOAD(x + r * K + c);
            sum = JOIN(sum, a);
        }
        VSTORE(sum / divisor, y + c);
    }
    for (; c < end; c++) {
        float sum = START;
        for (int r = 0; r < R; r++) sum = JOIN(sum, x[r * K + c]);
        y[c] = sum / divisor;
    }
}

#endif

#ifdef OP_reduce_backward

kernel void reduce_backward_plain(const global float *restrict dy, global float *restrict dx,
                                  int count, float divisor, SHAPE) {
    int i = (int)get_global_id(0);
    if (i >= count) return;
    int k3 = i % K3, k2 = i / STEP2 / R2 % K2, k1 = i / STEP1 / R1 % K1, k0 = i / STEP0 / R0;
    dx[i] = dy[((k0 * K1 + k1) * K2 + k2) * K3 + k3] / divisor;
}

#endif

#ifdef OP_normalize

kernel void normalize_plain(const global float *restrict x, global float *restrict y, int places,
                            float epsilon, SHAPE) {
    int p = (int)get_global_id(0);
    if (p >= places) return;
    int first = FIRST(p);
    float count = (float)(R0 * R1 * R2), mean = 0, squares = 0;
    EACH(i, first, mean += x[i])
    mean /= count;
    EACH(i, first, squares = FMA(x[i] - mean, x[i] - mean, squares))
    float deviation = sqrt(squares / count + epsilon);
    EACH(i, first, y[i] = (x[i] - mean) / deviation)
}

#ifdef GROUPED
FULL_GROUP void normalize_grouped(const global float *restrict x, global float *restrict y,
                                  float epsilon, int R, int K, int wide) {
    local float held[DD_GROUP];
    Part p = part_of((int)get_global_id(0), R, K, wide);
    float sum = 0, squares = 0;
    for (int r = p.line; r < p.end; r += p.deep) sum += x[p.first + r * K];
    float mean = fold_join(held, sum, DOWN) / (float)R;
    for (int r = p.line; r < p.end; r += p.deep) {
        float d = x[p.first + r * K] - mean;
        squares = FMA(d, d, squares);
    }
    float variance = fold_join(held, squares, DOWN) / (float)R;
    float deviation = sqrt(variance + epsilon);
    for (int r = p.line; r < p.end; r += p.deep)
        y[p.first + r * K] = (x[p.first + r * K] - mean) / deviation;
}
#endif

kernel void normalize_rows(const global float *restrict x, global float *restrict y, float epsilon,
                           int R, int rows, int chunk) {
    int row = (int)get_global_id(0) * chunk, end = min(row + chunk, rows);
    for (; row < end; row++) {
        const global float *from = x + row * R;
        global float *to = y + row * R;
        V sums = (V)(0.0f), squares = (V)(0.0f);
        int vectors = R / VW * VW;
        for (int r = 0; r < vectors; r += VW) sums += VLOAD(from + r);
        float mean = join_lanes(sums);
        for (int r = vectors; r < R; r++) mean += from[r];
        mean /= (float)R;
        for (int r = 0; r < vectors; r += VW) {
            V d = VLOAD(from + r) - mean;
            squares = FMA(d, d, squares);
        }
        float variance = join_lanes(squares);
        for (int r = vectors; r < R; r++)
            variance = FMA(from[r] - mean, from[r] - mean, variance);
        float factor = 1.0f / sqrt(variance / (float)R + epsilon);
        for (int r = 0; r < vectors; r += VW) VSTORE((VLOAD(from + r) - mean) * factor, to + r);
        for (int r = vectors; r < R; r++) to[r] = (from[r] - mean) * factor;
    }
}

/* T is V or float: the columns from c on. */
#define NORMALIZE(T, LOAD, STORE)                                            \
    {                                                                        \
        T mean = (T)(0.0f), squares = (T)(0.0f);                             \
        for (int r = 0; r < R; r++) mean += LOAD(x + r * K + c);             \
        mean /= (float)R;                                                    \
        for (int r = 0; r < R; r++) {                                        \
            T d = LOAD(x + r * K + c) - mean;                                \
            squares = FMA(d, d, squares);                                    \
        }                                                                    \
        T factor = 1.0f / sqrt(squares / (float)R + epsilon);                \
        for (int r = 0; r < R; r++)                                          \
            STORE((LOAD(x + r * K + c) - mean) * factor, y + r * K + c);     \
    }
#define LOAD_ONE(p)     (*(p))
#define STORE_ONE(v, p) (*(p) = (v))

kernel void normalize_columns(const global float *restrict x, global float *restrict y,
                              float epsilon, int R, int K, int width) {
    int k0 = (int)get_global_id(0), c = (int)get_global_id(1) * width, end = min(c + width, K);
    x += k0 * R * K;
    y += k0 * R * K;
    for (; c + VW <= end; c += VW) NORMALIZE(V, VLOAD, VSTORE)
    for (; c < end; c++) NORMALIZE(float, LOAD_ONE, STORE_ONE)
}

#endif
