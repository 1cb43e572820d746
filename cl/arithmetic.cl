/* arithmetic.cl: y = f(a, b), and with -DBACKWARD  y = dy f'(a, b), element by element of y, along the
 * axes of walk.cl; a and b have strides of 0 along those that they are repeated along, else along the
 * last one of 1.
 *
 * Built once for each f, with -DF=f_add, -DF=d_divide_1 (the derivative by b) and so on; with -DVW=8 there
 * is the kernel for CPU runtimes, without it the plain one.
 *
 * Launch
 *   arithmetic          a work-item an element: global = count rounded up to the group
 *   arithmetic_vector   a work-item a group: elements g * chunk up to (g + 1) * chunk - 1, row by row of
 *                       the last axis
 * A NaN in a or b is a NaN in y.
 */
#include "walk.cl"

#ifdef VW
#define T V
#else
#define T float
#endif

inline T f_add(T a, T b) { return a + b; }
inline T d_add_0(T a, T b) { return (T)(1); }
inline T d_add_1(T a, T b) { return (T)(1); }

inline T f_subtract(T a, T b) { return a - b; }
inline T d_subtract_0(T a, T b) { return (T)(1); }
inline T d_subtract_1(T a, T b) { return (T)(-1); }

inline T f_multiply(T a, T b) { return a * b; }
inline T d_multiply_0(T a, T b) { return b; }
inline T d_multiply_1(T a, T b) { return a; }

inline T f_divide(T a, T b) { return a / b; }
inline T d_divide_0(T a, T b) { return (T)(1) / b; }
inline T d_divide_1(T a, T b) { return -a / (b * b); }

inline T f_power(T a, T b) { return pow(a, b); }
inline T d_power_0(T a, T b) { return b * pow(a, b - (T)(1)); }
inline T d_power_1(T a, T b) { return pow(a, b) * log(a); }

/* Of two equal ones it is a. */
inline T f_minimum(T a, T b) { return ((a <= b) | (a != a)) ? a : b; }
inline T d_minimum_0(T a, T b) { return a <= b ? (T)(1) : (T)(0); }
inline T d_minimum_1(T a, T b) { return a <= b ? (T)(0) : (T)(1); }

inline T f_maximum(T a, T b) { return ((a >= b) | (a != a)) ? a : b; }
inline T d_maximum_0(T a, T b) { return a >= b ? (T)(1) : (T)(0); }
inline T d_maximum_1(T a, T b) { return a >= b ? (T)(0) : (T)(1); }

inline T f_prelu(T a, T b) { return a > (T)(0) ? a : a * b; }
inline T d_prelu_0(T a, T b) { return a > (T)(0) ? (T)(1) : b; }
inline T d_prelu_1(T a, T b) { return a > (T)(0) ? (T)(0) : a; }

#ifdef BACKWARD
#define DY               global const float *restrict dy,
#define RESULT(dy, a, b) ((dy)*F(a, b))
#else
#define DY
#define RESULT(dy, a, b) F(a, b)
#endif

#ifdef VW

/* Element k of a row and those behind it; or the only one. */
#define ELEMENTS(p, step, k)   ((step) ? VLOAD((p) + (k)) : (V)(*(p)))
#define LAST(p, step, k, left) ((step) ? load_some((p) + (k), left) : (V)(*(p)))

kernel void arithmetic_vector(DY global const float *restrict a, global const float *restrict b,
                              global float *restrict y, int count, int chunk, WALK(extent),
                              WALK(a_stride), WALK(b_stride)) {
    const int extent[] = AXES(extent), a_stride[] = AXES(a_stride), b_stride[] = AXES(b_stride);
    const int width = extent[ALL_AXES - 1], a_step = a_stride[ALL_AXES - 1];
    const int b_step = b_stride[ALL_AXES - 1];
    int i = (int)get_global_id(0) * chunk, end = min(i + chunk, count), c = i % width, at[ALL_AXES];
    walk_find(i / width, at, ALL_AXES - 1, extent);
    for (; i < end; c = 0, walk_on(at, ALL_AXES - 1, extent)) {
        const int n = min(width - c, end - i);
        global const float *p = a + walk_to(at, ALL_AXES - 1, a_stride) + c * a_step;
        global const float *q = b + walk_to(at, ALL_AXES - 1, b_stride) + c * b_step;
        int k = 0;
        for (; k + VW <= n; k += VW)
            VSTORE(RESULT(VLOAD(dy + i + k), ELEMENTS(p, a_step, k), ELEMENTS(q, b_step, k)),
                   y + i + k);
        if (k < n)
            store_some(RESULT(load_some(dy + i + k, n - k), LAST(p, a_step, k, n - k),
                              LAST(q, b_step, k, n - k)),
                       y + i + k, n - k);
        i += n;
    }
}

#else

kernel void arithmetic(DY global const float *restrict a, global const float *restrict b,
                       global float *restrict y, int count, WALK(extent), WALK(a_stride),
                       WALK(b_stride)) {
    const int extent[] = AXES(extent), a_stride[] = AXES(a_stride), b_stride[] = AXES(b_stride);
    int i = (int)get_global_id(0), at[ALL_AXES];
    if (i >= count) return;
    walk_find(i, at, ALL_AXES, extent);
    y[i] = RESULT(dy[i], a[walk_to(at, ALL_AXES, a_stride)], b[walk_to(at, ALL_AXES, b_stride)]);
}

#endif
