#include "base/half.h"

#include <math.h>
#include <string.h>

enum { SIGN = 0x8000, INFINITE = 0x7C00, NOT_A_NUMBER = 0x7E00, FRACTION_BITS = 10 };
/* Bits of floats: infinity, half way from the largest half to the next one, the smallest normal half. */
static const uint32_t infinite = 0x7F800000, too_large = 0x477FF000, normal = 0x38800000;
/* A float's exponent is biased by 112 more; its fraction has 13 bits more. */
enum { BIAS = 112 << 23, MORE_BITS = 13, ALMOST_HALF = (1 << (MORE_BITS - 1)) - 1 };

uint16_t dd__half_from_float(float number) {
    uint32_t bits;
    memcpy(&bits, &number, sizeof bits);
    uint32_t sign = bits >> 16 & SIGN, size = bits & ~(UINT32_C(1) << 31), half;
    if (size > infinite)
        half = NOT_A_NUMBER;
    else if (size >= too_large)
        half = INFINITE;
    else if (size < normal) /* in units of the smallest, 2^-24; 1024 of them are the first normal */
        half = (uint32_t)lrintf(fabsf(number) * 0x1p24f);
    else /* a carry out of the fraction is the next exponent */
        half = (size - BIAS + ALMOST_HALF + (size >> MORE_BITS & 1)) >> MORE_BITS;
    return (uint16_t)(sign | half);
}

float dd__half_to_float(uint16_t half) {
    uint32_t sign = (uint32_t)(half & SIGN) << 16, size = half & (SIGN - 1), bits;
    float number;
    if (size < 1 << FRACTION_BITS) {
        number = (float)size * 0x1p-24f;
        return sign ? -number : number;
    }
    bits = sign | ((size << MORE_BITS) + (size < INFINITE ? BIAS : 2 * (uint32_t)BIAS));
    memcpy(&number, &bits, sizeof number);
    return number;
}

void dd__halves_from_floats(const float *floats, uint16_t *halves, size_t count) {
    for (size_t i = 0; i < count; i++) halves[i] = dd__half_from_float(floats[i]);
}

void dd__halves_to_floats(const uint16_t *halves, float *floats, size_t count) {
    for (size_t i = 0; i < count; i++) floats[i] = dd__half_to_float(halves[i]);
}
