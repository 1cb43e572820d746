/* finish.cl: what becomes of a product's sums on their way out, VW columns at a time:
 *
 *   f(v) = min(max(relu(v + bias) scale + shift + added, low), high)
 *
 * Included by the forms of convolutions and products. */
typedef struct {
    V bias, scale, shift;
    int relu, limit;
    float low, high;
} Finish;

/* Up to what is added, */
inline V scaled(V value, Finish f) {
    value += f.bias;
    if (f.relu) value = value < (V)(0.0f) ? (V)(0.0f) : value;
    return FMA(value, f.scale, f.shift);
}

/* from there on, */
inline V limited(V value, Finish f) {
    return f.limit ? between(value, f.low, f.high) : value;
}

/* and all of it where nothing is added. */
inline V finish(V value, Finish f) { return limited(scaled(value, f), f); }

#ifndef ADDED_T
#define ADDED_T float
#endif

/* Its arguments, where a kernel has them. normalize: scale = gamma / sqrt(variance + epsilon), shift =
 * beta - mean scale, else 1 and 0. add: `added` lies as the result does. Buffers of what is not asked
 * for are anything. */
#define FINISH                                                                                  \
    const int has_bias, const int relu, const int normalize, const float epsilon,               \
        const int add, const int limit, const float low, const float high,                      \
        global const float *bias, global const float *gamma, global const float *beta,          \
        global const float *mean, global const float *variance, global const ADDED_T *added
#define PASS_FINISH                                                                             \
    has_bias, relu, normalize, epsilon, add, limit, low, high, bias, gamma, beta, mean,         \
        variance, added

/* VW numbers, of which the first `valid` are there; 0 for the others. */
#define LOAD_VALID(name, type)                                    \
    inline V name(global const type *from, const int valid) {     \
        if (valid >= VW) return VREAD(type, from);                \
        float lanes[VW];                                          \
        _Pragma("unroll") for (int j = 0; j < VW; j++) lanes[j] = \
            j < valid ? READ(type, from, j) : 0.0f;               \
        return VLOAD(lanes);                                      \
    }
LOAD_VALID(load_valid, float)
LOAD_VALID(load_added, ADDED_T)

#define STORE_VALID(name, type)                                     \
    inline void name(const V v, global type *to, const int valid) { \
        if (valid >= VW) {                                          \
            VWRITE(type, v, to);                                    \
        } else {                                                    \
            float lanes[VW];                                        \
            VSTORE(v, lanes);                                       \
            _Pragma("unroll") for (int j = 0; j < VW; j++)          \
                if (j < valid) WRITE(type, lanes[j], to, j);        \
        }                                                           \
    }
STORE_VALID(store_valid, float)
STORE_VALID(store_result, Y_T)

/* Of columns column .. column + VW - 1. */
inline Finish finish_at(FINISH, const int column, const int valid) {
    Finish f;
    f.relu = relu;
    f.limit = limit;
    f.low = low;
    f.high = high;
    f.bias = has_bias ? load_valid(bias + column, valid) : (V)(0.0f);
    f.scale = (V)(1.0f);
    f.shift = (V)(0.0f);
    if (normalize) {
        f.scale = load_valid(gamma + column, valid) /
                  sqrt(load_valid(variance + column, valid) + epsilon);
        f.shift = load_valid(beta + column, valid) - load_valid(mean + column, valid) * f.scale;
    }
    return f;
}
