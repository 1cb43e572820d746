/* peak.cl: what a device reaches at best, measured by src/run/peak.c.
 *
 * multiply_add   sums (work-items): each work-item repeats x = x * a + b, `rounds` times, on CHAINS
 *                vectors of VW floats that do not wait for each other, and leaves the sum of them
 *                all. With a = b = 1/2 every x ends as 1 whatever it began as, so the sum is
 *                CHAINS * VW: nothing can be left out by a compiler, and a wrong sum tells.
 * triad          a[i] = b[i] + s * c[i], i < count (STREAM; McCalpin 1995)
 *
 * Launch:   multiply_add  any number of work-items: one a work-group on CPU runtimes, groups on GPUs
 *           triad         one work-item an element, rounded up
 *           triad_vector  one work-item a work-group, each over `chunk` elements, a multiple of VW as
 *                         `count` is
 */
#ifndef CHAINS
/* An FMA takes 4 or 5 cycles and two start in each: 8 to 10 chains; 12 and the two constants fit
 * AVX2's 16 registers. */
#define CHAINS 12
#endif

__kernel void multiply_add(__global float *restrict sums, const float a, const float b,
                           const int rounds) {
    const V by = (V)(a), plus = (V)(b);
    float lanes[CHAINS * VW];
    V x[CHAINS];
    /* lanes and chains that began alike would be computed once */
    for (int i = 0; i < CHAINS * VW; i++) lanes[i] = (float)(i + get_global_id(0) % 16);
#pragma unroll
    for (int i = 0; i < CHAINS; i++) x[i] = VLOAD(lanes + i * VW);
    for (int n = 0; n < rounds; n++) {
#pragma unroll
        for (int i = 0; i < CHAINS; i++) x[i] = FMA(x[i], by, plus);
    }
#pragma unroll
    for (int i = 0; i < CHAINS; i++) VSTORE(x[i], lanes + i * VW);
    float sum = 0.0f;
    for (int i = 0; i < CHAINS * VW; i++) sum += lanes[i];
    sums[get_global_id(0)] = sum;
}

__kernel void triad(__global const float *restrict b, __global const float *restrict c,
                    __global float *restrict a, const float s, const int count) {
    const int i = get_global_id(0);
    if (i < count) a[i] = FMA(s, c[i], b[i]);
}

__kernel void triad_vector(__global const float *restrict b, __global const float *restrict c,
                           __global float *restrict a, const float s, const int count,
                           const int chunk) {
    const int first = get_global_id(0) * chunk, end = min(first + chunk, count);
    for (int i = first; i < end; i += VW) VSTORE(FMA((V)(s), VLOAD(c + i), VLOAD(b + i)), a + i);
}
