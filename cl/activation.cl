/* activation.cl: y = f(x), and dx = dy f'(x), element by element.
 *
 * Built once for each kind of f, with -DF=f_relu -DD=d_relu and so on (whole names: tanh is a macro
 * on some runtimes); with -DVW=8 there are the kernels for CPU runtimes, without it the plain ones.
 *
 * Launch:  plain   a work-item an element, global rounded up to the work-group
 *          vector  a work-item a work-group, global ceil(count / chunk): group g computes the
 *                  elements g * chunk .. (g + 1) * chunk - 1
 * A NaN in x is a NaN in y: the comparisons are written so that it falls through.
 */

#ifdef VW
#define T V
#else
#define T float
#endif

inline T f_linear(T x, float alpha, float beta) { return x; }
inline T d_linear(T x, float alpha, float beta) { return (T)(1); }

inline T f_relu(T x, float alpha, float beta) { return x <= (T)(0) ? (T)(0) : x; }
inline T d_relu(T x, float alpha, float beta) { return x <= (T)(0) ? (T)(0) : (T)(1); }

inline T f_leaky_relu(T x, float alpha, float beta) { return x > (T)(0) ? x : alpha * x; }
inline T d_leaky_relu(T x, float alpha, float beta) { return x > (T)(0) ? (T)(1) : (T)(alpha); }

inline T f_elu(T x, float alpha, float beta) { return x > (T)(0) ? x : alpha * expm1(x); }
inline T d_elu(T x, float alpha, float beta) { return x > (T)(0) ? (T)(1) : alpha * exp(x); }

inline T f_sigmoid(T x, float alpha, float beta) { return (T)(1) / ((T)(1) + exp(-x)); }
inline T d_sigmoid(T x, float alpha, float beta) {
    T s = f_sigmoid(x, alpha, beta);
    return s * ((T)(1) - s);
}

inline T f_tanh(T x, float alpha, float beta) { return tanh(x); }
inline T d_tanh(T x, float alpha, float beta) {
    T t = tanh(x);
    return (T)(1) - t * t;
}

/* x Phi(x); erfc keeps the small values of the negative side, where 1 + erf cancels. */
inline T normal_below(T x) { return 0.5f * erfc(-0.70710678f * x); }
inline T f_gelu(T x, float alpha, float beta) { return x * normal_below(x); }
inline T d_gelu(T x, float alpha, float beta) {
    return normal_below(x) + x * (0.39894228f * exp(-0.5f * x * x));
}

inline T f_swish(T x, float alpha, float beta) { return x * f_sigmoid(x, alpha, beta); }
inline T d_swish(T x, float alpha, float beta) {
    T s = f_sigmoid(x, alpha, beta);
    return s + x * s * ((T)(1) - s);
}

inline T f_hard_swish(T x, float alpha, float beta) {
    return x * clamp(x + 3.0f, (T)(0), (T)(6)) * (1.0f / 6.0f);
}
inline T d_hard_swish(T x, float alpha, float beta) {
    T inside = (2.0f * x + 3.0f) * (1.0f / 6.0f);
    return x < (T)(-3) ? (T)(0) : x > (T)(3) ? (T)(1) : inside;
}

inline T f_exp(T x, float alpha, float beta) { return exp(x); }
inline T d_exp(T x, float alpha, float beta) { return exp(x); }

inline T f_log(T x, float alpha, float beta) { return log(x); }
inline T d_log(T x, float alpha, float beta) { return (T)(1) / x; }

inline T f_sqrt(T x, float alpha, float beta) { return sqrt(x); }
inline T d_sqrt(T x, float alpha, float beta) { return (T)(0.5f) / sqrt(x); }

inline T f_negate(T x, float alpha, float beta) { return -x; }
inline T d_negate(T x, float alpha, float beta) { return (T)(-1); }

inline T f_abs(T x, float alpha, float beta) { return fabs(x); }
inline T d_abs(T x, float alpha, float beta) {
    return x > (T)(0) ? (T)(1) : x < (T)(0) ? (T)(-1) : (T)(0);
}

inline T f_reciprocal(T x, float alpha, float beta) { return (T)(1) / x; }
inline T d_reciprocal(T x, float alpha, float beta) { return (T)(-1) / (x * x); }

inline T f_erf(T x, float alpha, float beta) { return erf(x); }
inline T d_erf(T x, float alpha, float beta) { return 1.1283792f * exp(-x * x); }

inline T f_selu(T x, float alpha, float beta) { return beta * f_elu(x, alpha, beta); }
inline T d_selu(T x, float alpha, float beta) { return beta * d_elu(x, alpha, beta); }

inline T f_clip(T x, float alpha, float beta) {
    T above = x < (T)(alpha) ? (T)(alpha) : x;
    return above > (T)(beta) ? (T)(beta) : above;
}
inline T d_clip(T x, float alpha, float beta) {
    return ((x > (T)(alpha)) & (x < (T)(beta))) ? (T)(1) : (T)(0);
}

inline T f_hard_sigmoid(T x, float alpha, float beta) { return f_clip(alpha * x + beta, 0, 1); }
inline T d_hard_sigmoid(T x, float alpha, float beta) {
    return alpha * d_clip(alpha * x + beta, 0, 1);
}

inline T f_softplus(T x, float alpha, float beta) {
    return (x < (T)(0) ? (T)(0) : x) + log1p(exp(-fabs(x)));
}
inline T d_softplus(T x, float alpha, float beta) { return f_sigmoid(x, alpha, beta); }

inline T f_softsign(T x, float alpha, float beta) { return x / ((T)(1) + fabs(x)); }
inline T d_softsign(T x, float alpha, float beta) {
    T below = (T)(1) + fabs(x);
    return (T)(1) / (below * below);
}

inline T f_floor(T x, float alpha, float beta) { return floor(x); }
inline T d_floor(T x, float alpha, float beta) { return (T)(0); }

inline T f_ceil(T x, float alpha, float beta) { return ceil(x); }
inline T d_ceil(T x, float alpha, float beta) { return (T)(0); }

/* 0.5 (1 + tanh(u)) is sigmoid(2 u), in which nothing cancels. */
inline T normal_about(T x) {
    return (T)(1) / ((T)(1) + exp(-1.5957691f * (x + 0.044715f * x * x * x)));
}
inline T f_gelu_tanh(T x, float alpha, float beta) { return x * normal_about(x); }
inline T d_gelu_tanh(T x, float alpha, float beta) {
    T s = normal_about(x);
    return s + x * s * ((T)(1) - s) * (1.5957691f * ((T)(1) + 0.134145f * x * x));
}

#ifdef VW

kernel void activation_vector(const global float *restrict x, global float *restrict y, int count,
                              int chunk, float alpha, float beta) {
    int i = (int)get_global_id(0) * chunk, end = min(i + chunk, count);
    for (; i + VW <= end; i += VW) VSTORE(F(VLOAD(x + i), alpha, beta), y + i);
    if (i < end) store_some(F(load_some(x + i, end - i), alpha, beta), y + i, end - i);
}

kernel void activation_backward_vector(const global float *restrict dy,
                                       const global float *restrict x, global float *restrict dx,
                                       int count, int chunk, float alpha, float beta) {
    int i = (int)get_global_id(0) * chunk, end = min(i + chunk, count);
    for (; i + VW <= end; i += VW) VSTORE(VLOAD(dy + i) * D(VLOAD(x + i), alpha, beta), dx + i);
    if (i < end)
        store_some(load_some(dy + i, end - i) * D(load_some(x + i, end - i), alpha, beta), dx + i,
                   end - i);
}

#else

kernel void activation_plain(const global X_T *restrict x, global Y_T *restrict y, int count,
                             float alpha, float beta) {
    int i = (int)get_global_id(0);
    if (i < count) WRITE(Y_T, F(READ(X_T, x, i), alpha, beta), y, i);
}

kernel void activation_backward_plain(const global float *restrict dy,
                                      const global float *restrict x, global float *restrict dx,
                                      int count, float alpha, float beta) {
    int i = (int)get_global_id(0);
    if (i < count) dx[i] = dy[i] * D(x[i], alpha, beta);
}

#endif
