/* Half precision on the host: all 65536 numbers, and what lies between them. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/half.h"

enum { INFINITE = 0x7C00, SIGN = 0x8000 };

/* What IEEE 754 says of these bits. */
static double value_of(unsigned half) {
    unsigned exponent = half >> 10 & 31, fraction = half & 1023;
    double size = exponent ? ldexp(1024.0 + fraction, (int)exponent - 25) : ldexp(fraction, -24);
    return half & SIGN ? -size : size;
}

static void test_every_half_is_its_value(void **state) {
    (void)state;
    for (unsigned half = 0; half < 65536; half++) {
        float found = dd__half_to_float((uint16_t)half);
        unsigned size = half & (SIGN - 1);
        if (size > INFINITE)
            assert_true(isnan(found));
        else if (size == INFINITE)
            assert_true(isinf(found));
        else
            assert_true((double)found == value_of(half));
        if (size <= INFINITE) assert_int_equal(!signbit(found), !(half & SIGN));
    }
}

static void test_every_half_comes_back(void **state) {
    (void)state;
    for (unsigned half = 0; half < 65536; half++) {
        uint16_t back = dd__half_from_float(dd__half_to_float((uint16_t)half));
        if ((half & (SIGN - 1)) > INFINITE)
            assert_true(isnan(dd__half_to_float(back)) && (back & SIGN) == (half & SIGN));
        else
            assert_int_equal(back, half);
    }
}

/* Between two neighbours: the half way goes to the even one, what is a little off it to the nearer. The
 * neighbour of the largest is infinity, which stands for 65536. */
static void test_what_lies_between_goes_to_the_nearest(void **state) {
    (void)state;
    for (unsigned half = 0; half < INFINITE; half++) {
        float middle = (float)((value_of(half) + value_of(half + 1)) / 2);
        unsigned even = half & 1 ? half + 1 : half;
        assert_int_equal(dd__half_from_float(middle), even);
        assert_int_equal(dd__half_from_float(-middle), even | SIGN);
        assert_int_equal(dd__half_from_float(nextafterf(middle, 0)), half);
        assert_int_equal(dd__half_from_float(nextafterf(middle, INFINITY)), half + 1);
    }
}

static void test_extremes(void **state) {
    (void)state;
    assert_int_equal(dd__half_from_float(65504), 0x7BFF);
    assert_int_equal(dd__half_from_float(1e30f), INFINITE);
    assert_int_equal(dd__half_from_float(-INFINITY), INFINITE | SIGN);
    assert_int_equal(dd__half_from_float(1e-30f), 0);
    assert_int_equal(dd__half_from_float(-0.0f), SIGN);
    assert_true(isnan(dd__half_to_float(dd__half_from_float(NAN))));
}

static void test_rounding_is_as_small_as_promised(void **state) {
    (void)state;
    for (float number = 0x1p-14f; number < 65000; number *= 1.0001f) {
        double rounded = (double)dd__half_to_float(dd__half_from_float(number));
        assert_true(fabs(rounded - (double)number) <= DD__HALF_ROUNDING * (double)number);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_half_is_its_value),
        cmocka_unit_test(test_every_half_comes_back),
        cmocka_unit_test(test_what_lies_between_goes_to_the_nearest),
        cmocka_unit_test(test_extremes),
        cmocka_unit_test(test_rounding_is_as_small_as_promised),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
