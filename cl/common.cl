/* common.cl: put before every program. The host sets one macro for all (see cl/README.md):
 *   DD_FMA        1 where the device reports a fused multiply-add (CL_FP_FMA), else 0
 * OpenCL C 1.2; compiled with -cl-std=CL1.2 -cl-denorms-are-zero, never with fast math.
 */

/* Without `static` a compiler that does not inline one looks for it in other programs (C99), and some find
 * none. Arguments of such a function are not `restrict`, which Oclgrind does not understand when it inlines
 * it; those of the kernel are. */
#undef inline /* PoCL's own, to the same end */
#define inline static inline

/* a * b + c. mad() is not fused on PoCL, fma() is emulated (a thousand times slower) where the
 * device has none: so one macro, chosen per device. */
#if DD_FMA
#define FMA(a, b, c) fma(a, b, c)
#else
#define FMA(a, b, c) ((a) * (b) + (c))
#endif

#define CAT_(a, b) a##b
#define CAT(a, b)  CAT_(a, b)

/* What a kernel computes with is float, but inference may store it as half (src/plan/half.h): the host
 * says -DX_T=half where a node's input 0 is stored so, -DW_T=half of input 1, -DY_T=half of output 0, and
 * -DADDED_T=half of what a convolution adds (cl/finish.cl).
 * READ, WRITE, and VREAD, VWRITE for vectors, are all that is done with these; they need no extension
 * of OpenCL. */
#ifndef X_T
#define X_T float
#endif
#ifndef W_T
#define W_T float
#endif
#ifndef Y_T
#define Y_T float
#endif
#define READ(type, p, i)     CAT(READ_, type)(p, i)
#define WRITE(type, v, p, i) CAT(WRITE_, type)(v, p, i)
#define READ_float(p, i)     ((p)[i])
#define WRITE_float(v, p, i) ((p)[i] = (v))
#define READ_half(p, i)      vload_half(i, p)
#define WRITE_half(v, p, i)  vstore_half(v, i, p)

/* A vector of VW floats, with its loads and stores: float8 for VW = 8. Programs that use vectors
 * are built with -DVW=4, 8 or 16, or with 1 for items that have one number each. */
#ifdef VW
#if VW == 1
#define V            float
#define VLOAD(p)     (*(p))
#define VSTORE(v, p) (*(p) = (v))
#else
#define V            CAT(float, VW)
#define VLOAD(p)     CAT(vload, VW)(0, p)
#define VSTORE(v, p) CAT(vstore, VW)(v, 0, p)
#endif

#define VREAD_float(p)     VLOAD(p)
#define VWRITE_float(v, p) VSTORE(v, p)
#if VW == 1
#define VREAD_half(p)     vload_half(0, p)
#define VWRITE_half(v, p) vstore_half(v, 0, p)
#else
#define VREAD_half(p)     CAT(vload_half, VW)(0, p)
#define VWRITE_half(v, p) CAT(vstore_half, VW)(v, 0, p)
#endif
#define VREAD(type, p)     CAT(VREAD_, type)(p)
#define VWRITE(type, v, p) CAT(VWRITE_, type)(v, p)

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

/* min(max(v, low), high), lane by lane; a NaN stays. */
inline V between(V v, const float low, const float high) {
    v = v < (V)(low) ? (V)(low) : v;
    return v > (V)(high) ? (V)(high) : v;
}

/* The larger one, lane by lane; a NaN wins. */
inline V larger(V a, V b) { return (!(b <= a) & (a == a)) ? b : a; }
#endif

/* A kernel for CPU runtimes: a work-item a work-group. */
#define ONE_ITEM __kernel __attribute__((reqd_work_group_size(1, 1, 1)))

/* A register tile for CPU runtimes: MR rows by NV vectors, NR columns wide, for programs built with
 * -DMR and -DNV (src/ops/tile.h). One step loads NV vectors, broadcasts MR numbers and does MR * NV
 * fused multiply-adds: with 6 x 2 float8 (AVX2) or 8 x 2 float16 (AVX-512) all of it stays in
 * registers and both FMA units are busy.
 */
#ifdef MR
#define NR (NV * VW)

inline void tile_zero(V tile[MR][NV]) {
#pragma unroll
    for (int i = 0; i < MR; i++)
#pragma unroll
        for (int j = 0; j < NV; j++) tile[i][j] = (V)(0.0f);
}

/* tile[i] += A(i) * b[0 .. NR-1]; a macro, because a and b may lie in any address space. */
#define TILE_STEP(tile, A, b)                                                         \
    {                                                                                 \
        V row_[NV];                                                                   \
        _Pragma("unroll") for (int j = 0; j < NV; j++) row_[j] = VLOAD((b) + j * VW); \
        _Pragma("unroll") for (int i = 0; i < MR; i++) {                              \
            const V a_ = (V)(A(i));                                                   \
            _Pragma("unroll") for (int j = 0; j < NV; j++) tile[i][j] =               \
                FMA(a_, row_[j], tile[i][j]);                                         \
        }                                                                             \
    }

/* One row of a tile from and to memory, of which the first `valid` numbers are there. */
inline void row_load(V row[NV], __global const float *from, int valid) {
#pragma unroll
    for (int j = 0; j < NV; j++)
        if (valid >= (j + 1) * VW)
            row[j] = VLOAD(from + j * VW);
        else
            row[j] = load_some(from + j * VW, valid - j * VW);
}

inline void row_store(const V row[NV], __global float *to, int valid) {
#pragma unroll
    for (int j = 0; j < NV; j++)
        if (valid >= (j + 1) * VW)
            VSTORE(row[j], to + j * VW);
        else
            store_some(row[j], to + j * VW, valid - j * VW);
}

inline void row_add(V row[NV], __global const float *from, int valid) {
    V old[NV];
    row_load(old, from, valid);
#pragma unroll
    for (int j = 0; j < NV; j++) row[j] += old[j];
}

/* What a tile's rows become on their way out: + bias, relu that keeps a NaN, each where it is asked
 * for. */
inline void row_finish(V row[NV], __global const float *bias, int has_bias, int relu, int valid) {
    if (has_bias) row_add(row, bias, valid);
#pragma unroll
    for (int j = 0; j < NV; j++)
        if (relu) row[j] = row[j] < (V)(0.0f) ? (V)(0.0f) : row[j];
}

/* A batch normalisation behind a convolution in inference: row[j] f[j] + f[count + j], with the factors
 * of AFFINE_KERNEL; `count` is a multiple of NR. */
inline void row_affine(V row[NV], __global const float *f, int count) {
#pragma unroll
    for (int j = 0; j < NV; j++)
        row[j] = FMA(row[j], VLOAD(f + j * VW), VLOAD(f + count + j * VW));
}

inline void row_limit(V row[NV], const float low, const float high) {
#pragma unroll
    for (int j = 0; j < NV; j++) row[j] = between(row[j], low, high);
}

/* Those factors, behind the first `weights` numbers of `packed`: f[c] = gamma / sqrt(variance +
 * epsilon), f[count + c] = beta - mean f[c]; 0 beyond C. Launch: (1). */
#define AFFINE_KERNEL                                                                              \
    ONE_ITEM void affine(__global const float *restrict gamma,                                     \
                         __global const float *restrict beta, __global const float *restrict mean, \
                         __global const float *restrict variance, __global float *restrict packed, \
                         const int weights, const int C, const int count, const float epsilon) {   \
        __global float *f = packed + weights;                                                      \
        for (int c = 0; c < count; c++) {                                                          \
            f[c] = c < C ? gamma[c] / sqrt(variance[c] + epsilon) : 0.0f;                          \
            f[count + c] = c < C ? beta[c] - mean[c] * f[c] : 0.0f;                                \
        }                                                                                          \
    }
#endif

/* src/graph/graph.h has the same struct. */
typedef struct {
    uint seed_low, seed_high, step, epoch, position, count;
    float learning_rate, base_rate;
    uint part, parts;
} Step;

/* How many groups of 8 random numbers stand before those of a layer's `count` elements: those of the
 * micro-batches before. Where counts are multiples of 8, an element has the number that it has in the
 * whole batch. */
inline uint groups_before(const global Step *step, int count) {
    return step->part * (((uint)count + 7) / 8);
}

/* Philox4x32-10 (src/base/random.h): four words for a counter (c0, c1) of a stream under a seed. */
inline uint4 philox(uint seed_low, uint seed_high, uint stream, uint c0, uint c1) {
    uint4 c = (uint4)(c0, c1, stream, 0);
    uint2 key = (uint2)(seed_low, seed_high);
    for (int round = 0; round < 10; round++) {
        uint high0 = mul_hi(0xD2511F53u, c.x), low0 = 0xD2511F53u * c.x;
        uint high1 = mul_hi(0xCD9E8D57u, c.z), low1 = 0xCD9E8D57u * c.z;
        c = (uint4)(high1 ^ c.y ^ key.x, low1, high0 ^ c.w ^ key.y, low0);
        key += (uint2)(0x9E3779B9u, 0xBB67AE85u);
    }
    return c;
}

/* Number i, 0 .. 7, of the 8 that four words hold: the low half of word i / 2, then the high one. */
inline int number_of(uint4 words, int i) {
    uint2 pair = i & 4 ? words.zw : words.xy;
    uint word = i & 2 ? pair.y : pair.x;
    return (int)(i & 1 ? word >> 16 : word & 0xFFFF);
}

#define LOW_WORD(v) ((v) & 0xFFFFFFFFul)

/* Eight calls with counters c0, c0 + 1, .., one a lane. A word is the low half of a 64-bit lane;
 * the high half is anything: a product of two low halves is then one instruction, and its high half
 * one shift away. Words 0 and 1 of each call go to *early, 2 and 3 to *late. */
inline void philox8(const global Step *step, uint stream, uint c0, ulong8 *early, ulong8 *late) {
    ulong8 w0 = c0 + (ulong8)(0, 1, 2, 3, 4, 5, 6, 7);
    ulong8 w1 = (ulong8)(step->step), w2 = (ulong8)(stream), w3 = (ulong8)(0);
    uint key0 = step->seed_low, key1 = step->seed_high;
    for (int round = 0; round < 10; round++) {
        ulong8 product0 = LOW_WORD(w0) * 0xD2511F53ul, product1 = LOW_WORD(w2) * 0xCD9E8D57ul;
        w0 = product1 >> 32 ^ w1 ^ key0;
        w2 = product0 >> 32 ^ w3 ^ key1;
        w1 = product1;
        w3 = product0;
        key0 += 0x9E3779B9u;
        key1 += 0xBB67AE85u;
    }
    *early = LOW_WORD(w0) | w1 << 32;
    *late = LOW_WORD(w2) | w3 << 32;
}
