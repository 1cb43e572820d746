/* half.h: numbers of 16 bits (IEEE 754 binary16): a sign, 5 bits of exponent, 10 of fraction. On the
 * host they are only moved and converted.
 */
#ifndef DD_BASE_HALF_H
#define DD_BASE_HALF_H

#include <stddef.h>
#include <stdint.h>

/* Rounding to half changes a number by at most so much of itself, or by 2^-25 where it is below
 * 2^-14. */
#define DD__HALF_ROUNDING 0x1p-11

/* The nearest, of two as near the even one; from 65520 on infinity; a NaN stays one. */
uint16_t dd__half_from_float(float number);
/* Exactly. */
float dd__half_to_float(uint16_t half);

void dd__halves_from_floats(const float *floats, uint16_t *halves, size_t count);
void dd__halves_to_floats(const uint16_t *halves, float *floats, size_t count);

#endif
