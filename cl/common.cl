/* common.cl: put before every program. The macros below are set by the host (see cl/README.md):
 *   DD_FMA        1 where the device reports a fused multiply-add (CL_FP_FMA), else 0
 *   DD_CPU        1 for the CPU class of kernels, 0 for the GPU class
 * OpenCL C 1.2; compiled with -cl-std=CL1.2 -cl-denorms-are-zero, never with fast math.
 */

/* a * b + c. mad() is not fused on PoCL, fma() is emulated (a thousand times slower) where the device
 * has none: so one macro, chosen per device. */
#if DD_FMA
#define FMA(a, b, c) fma(a, b, c)
#else
#define FMA(a, b, c) ((a) * (b) + (c))
#endif

#define CAT_(a, b) a##b
#define CAT(a, b) CAT_(a, b)

/* A vector of VW floats, with its loads and stores: float8 for VW = 8. Programs that use vectors are
 * built with -DVW=4, 8 or 16. */
#ifdef VW
#define V CAT(float, VW)
#define VLOAD(p) CAT(vload, VW)(0, p)
#define VSTORE(v, p) CAT(vstore, VW)(v, 0, p)
#endif

/* src/graph/graph.h has the same struct. */
typedef struct {
    uint seed_low, seed_high, step, epoch, position, count;
    float learning_rate;
    uint reserved;
} Step;

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
