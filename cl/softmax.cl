/* softmax.cl: softmax over the last axis of x, seen as (rows, C), and cross-entropy on logits.
 *
 *   softmax                 y[n, c] = exp(x[n, c] - m) / sum_j exp(x[n, j] - m), m = max_j x[n, j]
 *   softmax_backward        dx = y (dy - sum_j dy[n, j] y[n, j])
 *   cross_entropy           loss[n] = m + log sum_j exp(x[n, j] - m) - x[n, label]; hit[n] = 1 when
 *                           the label is the first largest logit
 *   cross_entropy_backward  dx = (softmax(x) - onehot(label)) dloss[n]
 * A label outside 0 .. C - 1 is not counted: loss, hit and gradient are 0, nothing is read.
 *
 * -DOP_softmax and so on: the op whose kernel is wanted, so that nobody waits for those of the
 * others.
 *
 * Launch: a work-item a row, global rounded up. Rows are short (a class each) and few (a batch).
 */

inline float largest(const global float *x, int C) {
    float m = x[0];
    for (int c = 1; c < C; c++) m = x[c] > m ? x[c] : m;
    return m;
}

inline float sum_exp(const global float *x, float m, int C) {
    float sum = 0;
    for (int c = 0; c < C; c++) sum += exp(x[c] - m);
    return sum;
}

#ifdef OP_softmax
kernel void softmax(const global float *restrict x, global float *restrict y, int rows, int C) {
    int n = (int)get_global_id(0);
    if (n >= rows) return;
    x += n * C;
    y += n * C;
    float m = largest(x, C), sum = 0;
    for (int c = 0; c < C; c++) sum += y[c] = exp(x[c] - m);
    for (int c = 0; c < C; c++) y[c] /= sum;
}
#endif

#ifdef OP_softmax_backward
kernel void softmax_backward(const global float *restrict dy, const global float *restrict y,
                             global float *restrict dx, int rows, int C) {
    int n = (int)get_global_id(0);
    if (n >= rows) return;
    float dot = 0;
    for (int i = n * C; i < (n + 1) * C; i++) dot = FMA(dy[i], y[i], dot);
    for (int i = n * C; i < (n + 1) * C; i++) dx[i] = y[i] * (dy[i] - dot);
}
#endif

#ifdef OP_cross_entropy
kernel void cross_entropy(const global float *restrict x, const global int *restrict labels,
                          global float *restrict loss, global float *restrict hit, int rows,
                          int C) {
    int n = (int)get_global_id(0);
    if (n >= rows) return;
    int label = labels[n];
    bool counted = label >= 0 && label < C;
    if (!counted) {
        loss[n] = hit[n] = 0;
        return;
    }
    x += n * C;
    float m = largest(x, C);
    loss[n] = log(sum_exp(x, m, C)) + (m - x[label]);
    bool first = true;
    for (int c = 0; c < C; c++)
        first &= c < label ? x[c] < x[label] : c == label || x[c] <= x[label];
    hit[n] = first ? 1.0f : 0.0f;
}
#endif

#ifdef OP_cross_entropy_backward
kernel void cross_entropy_backward(const global float *restrict x,
                                   const global int *restrict labels,
                                   const global float *restrict dloss, global float *restrict dx,
                                   int rows, int C) {
    int n = (int)get_global_id(0);
    if (n >= rows) return;
    int label = labels[n];
    x += n * C;
    dx += n * C;
    if (label < 0 || label >= C) {
        for (int c = 0; c < C; c++) dx[c] = 0;
        return;
    }
    float m = largest(x, C), sum = sum_exp(x, m, C);
    for (int c = 0; c < C; c++)
        dx[c] = (exp(x[c] - m) / sum - (c == label ? 1.0f : 0.0f)) * dloss[n];
}
#endif
