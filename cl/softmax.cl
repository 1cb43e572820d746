/* softmax.cl: softmax and its logarithm over the last axis of x, seen as (rows, C), and cross-entropy on logits.
 *
 *   softmax                 y[n, c] = exp(x[n, c] - m) / sum_j exp(x[n, j] - m), m = max_j x[n, j]
 *   softmax_backward        dx = y (dy - sum_j dy[n, j] y[n, j])
 *   log_softmax             y[n, c] = x[n, c] - m - log sum_j exp(x[n, j] - m)
 *   log_softmax_backward    dx = dy - exp(y) sum_j dy[n, j]
 *   cross_entropy           loss[n] = m + log sum_j exp(x[n, j] - m) - sum_j t[n, j] x[n, j]; hit[n] = 1
 *                           when the label is the first largest logit
 *   cross_entropy_backward  dx = (softmax(x) - t) dloss[n]
 * where the target t = (1 - smoothing) onehot(label) + smoothing / C; Szegedy et al., "Rethinking the Inception
 * Architecture", 2016. A label outside 0 .. C - 1 is not counted: loss, hit and gradient are 0.
 *
 * -DOP_softmax and so on: the op whose kernel is wanted, so that nobody waits for those of the
 * others.
 *
 * Launch:  plain    a work-item a row, `wide` = 1, global rounded up: where rows are short (a class
 *                   each) and few (a batch)
 *          grouped  (-DGROUPED) `wide` work-items a row, in groups of DD_GROUP (group.cl), so that
 *                   neighbours read neighbours
 *          vector   (<op>_vector, with -DVW) for CPU runtimes: a work-item a group does `chunk` rows, VW
 *                   classes at a time
 * Items behind the last row have no classes.
 */
#include "group.cl"

#ifdef GROUPED
#define KERNEL            FULL_GROUP
#define HOLD              local float held[DD_GROUP];
#define OF_ROW(fold, own) fold(held, own, ALONG)
inline float add(float a, float b) { return a + b; }
FOLD(fold_add, float, add)
FOLD(fold_largest, float, fmax)
#else
#define KERNEL            kernel
#define HOLD
#define OF_ROW(fold, own) (own)
#endif

/* The item's row, and the first of its classes, which are `wide` apart. */
#define ROW  ((int)get_global_id(0) / wide)
#define LANE ((int)get_global_id(0) % wide)

inline float largest(const global float *x, int c, int C, int wide) {
    float m = -INFINITY;
    for (; c < C; c += wide) m = x[c] > m ? x[c] : m;
    return m;
}

inline float sum_exp(const global float *x, float m, int c, int C, int wide) {
    float sum = 0;
    for (; c < C; c += wide) sum += exp(x[c] - m);
    return sum;
}

/* How far the row is below its largest, in all. */
inline float sum_below(const global float *x, float m, int c, int C, int wide) {
    float sum = 0;
    for (; c < C; c += wide) sum += m - x[c];
    return sum;
}

inline void divide(global float *y, float sum, int c, int C, int wide) {
    for (; c < C; c += wide) y[c] /= sum;
}

#ifdef VW

inline float sum_lanes(V v) {
    float lanes[VW], sum = 0;
    VSTORE(v, lanes);
    for (int i = 0; i < VW; i++) sum += lanes[i];
    return sum;
}

inline float largest_of_row(const global float *x, int C) {
    V m = (V)(-INFINITY);
    int c = 0;
    for (; c + VW <= C; c += VW) {
        V v = VLOAD(x + c);
        m = v > m ? v : m;
    }
    float lanes[VW], most = largest(x, c, C, 1);
    VSTORE(m, lanes);
    for (int i = 0; i < VW; i++) most = lanes[i] > most ? lanes[i] : most;
    return most;
}

kernel void softmax_vector(const global float *restrict x, global float *restrict y, int rows,
                           int C, int chunk) {
    int n = (int)get_global_id(0) * chunk, end = min(n + chunk, rows);
    x += n * C;
    y += n * C;
    for (; n < end; n++, x += C, y += C) {
        float m = largest_of_row(x, C);
        V sums = (V)(0.0f);
        int vectors = C / VW * VW;
        for (int c = 0; c < vectors; c += VW) {
            V e = exp(VLOAD(x + c) - m);
            sums += e;
            VSTORE(e, y + c);
        }
        float sum = sum_lanes(sums);
        for (int c = vectors; c < C; c++) sum += y[c] = exp(x[c] - m);
        for (int c = 0; c < vectors; c += VW) VSTORE(VLOAD(y + c) / sum, y + c);
        divide(y, sum, vectors, C, 1);
    }
}

kernel void log_softmax_vector(const global float *restrict x, global float *restrict y, int rows,
                               int C, int chunk) {
    int n = (int)get_global_id(0) * chunk, end = min(n + chunk, rows);
    x += n * C;
    y += n * C;
    for (; n < end; n++, x += C, y += C) {
        float m = largest_of_row(x, C);
        V sums = (V)(0.0f);
        int vectors = C / VW * VW;
        for (int c = 0; c < vectors; c += VW) sums += exp(VLOAD(x + c) - m);
        float rest = log(sum_lanes(sums) + sum_exp(x, m, vectors, C, 1));
        for (int c = 0; c < vectors; c += VW) VSTORE((VLOAD(x + c) - m) - rest, y + c);
        for (int c = vectors; c < C; c++) y[c] = (x[c] - m) - rest;
    }
}

#else

#ifdef OP_softmax
KERNEL void softmax(const global float *restrict x, global float *restrict y, int rows, int C,
                    int wide) {
    HOLD
    int n = ROW, lane = LANE, count = n < rows ? C : 0;
    x += n * C;
    y += n * C;
    float m = OF_ROW(fold_largest, largest(x, lane, count, wide)), sum = 0;
    for (int c = lane; c < count; c += wide) sum += y[c] = exp(x[c] - m);
    sum = OF_ROW(fold_add, sum);
    divide(y, sum, lane, count, wide);
}
#endif

#ifdef OP_softmax_backward
KERNEL void softmax_backward(const global float *restrict dy, const global float *restrict y,
                             global float *restrict dx, int rows, int C, int wide) {
    HOLD
    int n = ROW, first = n * C + LANE, end = n < rows ? (n + 1) * C : 0;
    float dot = 0;
    for (int i = first; i < end; i += wide) dot = FMA(dy[i], y[i], dot);
    dot = OF_ROW(fold_add, dot);
    for (int i = first; i < end; i += wide) dx[i] = y[i] * (dy[i] - dot);
}
#endif

#ifdef OP_log_softmax
KERNEL void log_softmax(const global float *restrict x, global float *restrict y, int rows, int C,
                        int wide) {
    HOLD
    int n = ROW, lane = LANE, count = n < rows ? C : 0;
    x += n * C;
    y += n * C;
    float m = OF_ROW(fold_largest, largest(x, lane, count, wide));
    float sum = OF_ROW(fold_add, sum_exp(x, m, lane, count, wide));
    for (int c = lane; c < count; c += wide) y[c] = (x[c] - m) - log(sum);
}
#endif

#ifdef OP_log_softmax_backward
KERNEL void log_softmax_backward(const global float *restrict dy, const global float *restrict y,
                                 global float *restrict dx, int rows, int C, int wide) {
    HOLD
    int n = ROW, first = n * C + LANE, end = n < rows ? (n + 1) * C : 0;
    float sum = 0;
    for (int i = first; i < end; i += wide) sum += dy[i];
    sum = OF_ROW(fold_add, sum);
    for (int i = first; i < end; i += wide) dx[i] = dy[i] - exp(y[i]) * sum;
}
#endif

#ifdef OP_cross_entropy
KERNEL void cross_entropy(const global float *restrict x, const global int *restrict labels,
                          global float *restrict loss, global float *restrict hit, int rows, int C,
                          float smoothing, int wide) {
    HOLD
    int n = ROW, lane = LANE, label = n < rows ? labels[n] : -1;
    bool counted = label >= 0 && label < C;
    int count = counted ? C : 0;
    x += n * C;
    float m = OF_ROW(fold_largest, largest(x, lane, count, wide));
    float sum = OF_ROW(fold_add, sum_exp(x, m, lane, count, wide)), beaten = 0;
    for (int c = lane; c < count; c += wide)
        if (!(c < label ? x[c] < x[label] : c == label || x[c] <= x[label])) beaten = 1;
    beaten = OF_ROW(fold_largest, beaten);
    float below = OF_ROW(fold_add, sum_below(x, m, lane, smoothing > 0 ? count : 0, wide));
    if (n >= rows || lane > 0) return;
    float miss = (1 - smoothing) * (m - x[label]) + smoothing / C * below;
    loss[n] = counted ? log(sum) + miss : 0.0f;
    hit[n] = counted && beaten == 0 ? 1.0f : 0.0f;
}
#endif

#ifdef OP_cross_entropy_backward
KERNEL void cross_entropy_backward(const global float *restrict x,
                                   const global int *restrict labels,
                                   const global float *restrict dloss, global float *restrict dx,
                                   int rows, int C, float smoothing, int wide) {
    HOLD
    int n = ROW, lane = LANE, count = n < rows ? C : 0, label = n < rows ? labels[n] : -1;
    bool counted = label >= 0 && label < C;
    x += n * C;
    dx += n * C;
    float m = OF_ROW(fold_largest, largest(x, lane, count, wide));
    float sum = OF_ROW(fold_add, sum_exp(x, m, lane, count, wide));
    for (int c = lane; c < count; c += wide) {
        float target = (c == label ? 1 - smoothing : 0.0f) + smoothing / C;
        dx[c] = counted ? (exp(x[c] - m) / sum - target) * dloss[n] : 0.0f;
    }
}
#endif

#endif
