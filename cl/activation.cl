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

inline T f_linear(T x, float alpha) { return x; }
inline T d_linear(T x, float alpha) { return (T)(1); }

inline T f_relu(T x, float alpha) { return x <= (T)(0) ? (T)(0) : x; }
inline T d_relu(T x, float alpha) { return x <= (T)(0) ? (T)(0) : (T)(1); }

inline T f_leaky_relu(T x, float alpha) { return x > (T)(0) ? x : alpha * x; }
inline T d_leaky_relu(T x, float alpha) { return x > (T)(0) ? (T)(1) : (T)(alpha); }

inline T f_elu(T x, float alpha) { return x > (T)(0) ? x : alpha * expm1(x); }
inline T d_elu(T x, float alpha) { return x > (T)(0) ? (T)(1) : alpha * exp(x); }

inline T f_sigmoid(T x, float alpha) { return (T)(1) / ((T)(1) + exp(-x)); }
inline T d_sigmoid(T x, float alpha) {
    T s = f_sigmoid(x, alpha);
    return s * ((T)(1) - s);
}

inline T f_tanh(T x, float alpha) { return tanh(x); }
inline T d_tanh(T x, float alpha) {
    T t = tanh(x);
    return (T)(1) - t * t;
}

/* x Phi(x); erfc keeps the small values of the negative side, where 1 + erf cancels. */
inline T normal_below(T x) { return 0.5f * erfc(-0.70710678f * x); }
inline T f_gelu(T x, float alpha) { return x * normal_below(x); }
inline T d_gelu(T x, float alpha) {
    return normal_below(x) + x * (0.39894228f * exp(-0.5f * x * x));
}

inline T f_swish(T x, float alpha) { return x * f_sigmoid(x, alpha); }
inline T d_swish(T x, float alpha) {
    T s = f_sigmoid(x, alpha);
    return s + x * s * ((T)(1) - s);
}

inline T f_hard_swish(T x, float alpha) {
    return x * clamp(x + 3.0f, (T)(0), (T)(6)) * (1.0f / 6.0f);
}
inline T d_hard_swish(T x, float alpha) {
    T inside = (2.0f * x + 3.0f) * (1.0f / 6.0f);
    return x < (T)(-3) ? (T)(0) : x > (T)(3) ? (T)(1) : inside;
}

#ifdef VW

/* The last elements, fewer than a vector. */
inline V load_some(const global float *p, int count) {
    float lanes[VW];
    for (int i = 0; i < VW; i++) lanes[i] = i < count ? p[i] : 0.0f;
    return VLOAD(lanes);
}

inline void store_some(V v, global float *p, int count) {
    float lanes[VW];
    VSTORE(v, lanes);
    for (int i = 0; i < count; i++) p[i] = lanes[i];
}

kernel void activation_vector(const global float *restrict x, global float *restrict y, int count,
                              int chunk, float alpha) {
    int i = (int)get_global_id(0) * chunk, end = min(i + chunk, count);
    for (; i + VW <= end; i += VW) VSTORE(F(VLOAD(x + i), alpha), y + i);
    if (i < end) store_some(F(load_some(x + i, end - i), alpha), y + i, end - i);
}

kernel void activation_backward_vector(const global float *restrict dy,
                                       const global float *restrict x, global float *restrict dx,
                                       int count, int chunk, float alpha) {
    int i = (int)get_global_id(0) * chunk, end = min(i + chunk, count);
    for (; i + VW <= end; i += VW) VSTORE(VLOAD(dy + i) * D(VLOAD(x + i), alpha), dx + i);
    if (i < end)
        store_some(load_some(dy + i, end - i) * D(load_some(x + i, end - i), alpha), dx + i,
                   end - i);
}

#else

kernel void activation_plain(const global X_T *restrict x, global Y_T *restrict y, int count,
                             float alpha) {
    int i = (int)get_global_id(0);
    if (i < count) WRITE(Y_T, F(READ(X_T, x, i), alpha), y, i);
}

kernel void activation_backward_plain(const global float *restrict dy,
                                      const global float *restrict x, global float *restrict dx,
                                      int count, float alpha) {
    int i = (int)get_global_id(0);
    if (i < count) dx[i] = dy[i] * D(x[i], alpha);
}

#endif
