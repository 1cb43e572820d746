/* The comparer that all other tests of numbers lean on: what must not pass does not. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "check/check.h"

enum { COUNT = 100 };

static void fill(float *values) {
    for (int i = 0; i < COUNT; i++) values[i] = (float)(i - 50) * 0.5f;
}

static void test_equal_values_pass_with_tolerance_zero(void **state) {
    (void)state;
    float found[COUNT], expected[COUNT];
    double worst = -1;
    fill(found);
    fill(expected);
    assert_int_equal(dd__compare(found, expected, COUNT, 0, &worst), DD_OK);
    assert_true(worst == 0);
}

static void test_nan_never_passes(void **state) {
    (void)state;
    float found[COUNT], expected[COUNT];
    double worst = 0;
    fill(found);
    fill(expected);
    found[3] = NAN;
    assert_int_equal(dd__compare(found, expected, COUNT, 0, &worst), DD_WRONG);
    assert_true(isinf(worst));
    assert_int_equal(dd__compare(found, expected, COUNT, 1e30, &worst), DD_WRONG);
    assert_int_equal(dd__compare(found, expected, COUNT, INFINITY, &worst), DD_WRONG);
    expected[3] = NAN; /* "the same NaN" is no agreement either */
    assert_int_equal(dd__compare(found, expected, COUNT, 1e30, NULL), DD_WRONG);
    found[3] = 1;
    assert_int_equal(dd__compare(found, expected, COUNT, 1e30, NULL), DD_WRONG);
}

static void test_infinity_never_passes(void **state) {
    (void)state;
    float found[COUNT], expected[COUNT];
    fill(found);
    fill(expected);
    found[COUNT - 1] = INFINITY;
    assert_int_equal(dd__compare(found, expected, COUNT, 1e30, NULL), DD_WRONG);
    expected[COUNT - 1] = INFINITY;
    assert_int_equal(dd__compare(found, expected, COUNT, 0, NULL), DD_WRONG);
    found[COUNT - 1] = 0;
    assert_int_equal(dd__compare(found, expected, COUNT, 1e-3, NULL), DD_WRONG);
    found[COUNT - 1] = -INFINITY;
    assert_int_equal(dd__compare(found, expected, COUNT, 1e-3, NULL), DD_WRONG);
}

static void test_tolerance_of_nan_passes_only_what_is_equal(void **state) {
    (void)state;
    float found[COUNT], expected[COUNT];
    fill(found);
    fill(expected);
    assert_int_equal(dd__compare(found, expected, COUNT, (double)NAN, NULL), DD_OK);
    found[0] += 1;
    assert_int_equal(dd__compare(found, expected, COUNT, (double)NAN, NULL), DD_WRONG);
}

static void test_one_bad_element_is_named_with_both_values(void **state) {
    (void)state;
    float found[COUNT], expected[COUNT];
    fill(found);
    fill(expected);
    found[71] = 4;
    assert_int_equal(dd__compare(found, expected, COUNT, 1e-6, NULL), DD_WRONG);
    assert_non_null(strstr(dd_message(), "element 71: expected 10.5, found 4"));
    assert_non_null(strstr(dd_message(), "1 of 100 are wrong"));
}

static void test_what_is_not_finite_is_named_first(void **state) {
    (void)state;
    float found[COUNT], expected[COUNT];
    fill(found);
    fill(expected);
    found[2] = 77;
    found[90] = NAN;
    assert_int_equal(dd__compare(found, expected, COUNT, 1e-6, NULL), DD_WRONG);
    assert_non_null(strstr(dd_message(), "element 90"));
    assert_non_null(strstr(dd_message(), "2 of 100 are wrong, 1 not finite"));
}

static void test_two_elements_in_each_others_place_fail(void **state) {
    (void)state;
    float found[COUNT], expected[COUNT];
    fill(found);
    fill(expected);
    found[10] = expected[11];
    found[11] = expected[10];
    assert_int_equal(dd__compare(found, expected, COUNT, 1e-3, NULL), DD_WRONG);
    assert_non_null(strstr(dd_message(), "element 10"));
}

static void test_last_bit_fails_with_tolerance_zero(void **state) {
    (void)state;
    float found = nextafterf(1.0f, 2.0f), expected = 1.0f;
    assert_int_equal(dd__compare(&found, &expected, 1, 0, NULL), DD_WRONG);
    assert_int_equal(dd__compare(&found, &expected, 1, 1e-6, NULL), DD_OK);
}

static void test_tolerance_is_absolute_below_one_and_relative_above(void **state) {
    (void)state;
    float found[] = {0.009f, 1005}, expected[] = {0, 1000};
    double worst;
    assert_int_equal(dd__compare(found, expected, 2, 0.01, &worst), DD_OK);
    assert_true(fabs(worst - 0.9) <= 1e-6);
    assert_int_equal(dd__compare(found, expected, 2, 0.004, &worst), DD_WRONG);
    float beyond[] = {0.011f, 1011};
    assert_int_equal(dd__compare(&beyond[0], &expected[0], 1, 0.01, NULL), DD_WRONG);
    assert_int_equal(dd__compare(&beyond[1], &expected[1], 1, 0.01, NULL), DD_WRONG);
}

static void test_zero_and_minus_zero_are_equal(void **state) {
    (void)state;
    float found = -0.0f, expected = 0.0f;
    assert_int_equal(dd__compare(&found, &expected, 1, 0, NULL), DD_OK);
}

static void test_nothing_compared_is_fine(void **state) {
    (void)state;
    double worst = -1;
    assert_int_equal(dd__compare(NULL, NULL, 0, 0, &worst), DD_OK);
    assert_true(worst == 0);
}

static void test_relative_error_is_judged_over_all_elements(void **state) {
    (void)state;
    float found[COUNT], expected[COUNT];
    double worst = -1;
    fill(found);
    fill(expected);
    assert_int_equal(dd__compare_rms(found, expected, COUNT, 1e-6, &worst), DD_OK);
    assert_true(worst == 0);
    for (int i = 0; i < COUNT; i++) found[i] *= 1 + 1e-4f;
    assert_int_equal(dd__compare_rms(found, expected, COUNT, 2e-4, &worst), DD_OK);
    assert_true(fabs(worst - 0.5) < 0.01);
    assert_int_equal(dd__compare_rms(found, expected, COUNT, 5e-5, NULL), DD_WRONG);
    fill(found);
    found[7] = -found[7]; /* one wrong element is enough */
    assert_int_equal(dd__compare_rms(found, expected, COUNT, 1e-5, NULL), DD_WRONG);
}

static void test_relative_error_of_what_is_not_finite_is_wrong(void **state) {
    (void)state;
    float found[COUNT], expected[COUNT], zeros[COUNT] = {0};
    double worst = 0;
    fill(found);
    fill(expected);
    found[99] = NAN;
    assert_int_equal(dd__compare_rms(found, expected, COUNT, 1e30, &worst), DD_WRONG);
    assert_true(isinf(worst));
    expected[99] = found[99] = INFINITY;
    assert_int_equal(dd__compare_rms(found, expected, COUNT, 1e30, NULL), DD_WRONG);
    fill(found); /* where nothing is expected the error is absolute */
    assert_int_equal(dd__compare_rms(found, zeros, COUNT, 1e-5, NULL), DD_WRONG);
    assert_int_equal(dd__compare_rms(zeros, zeros, COUNT, 1e-5, NULL), DD_OK);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_equal_values_pass_with_tolerance_zero),
        cmocka_unit_test(test_nan_never_passes),
        cmocka_unit_test(test_infinity_never_passes),
        cmocka_unit_test(test_tolerance_of_nan_passes_only_what_is_equal),
        cmocka_unit_test(test_one_bad_element_is_named_with_both_values),
        cmocka_unit_test(test_what_is_not_finite_is_named_first),
        cmocka_unit_test(test_two_elements_in_each_others_place_fail),
        cmocka_unit_test(test_last_bit_fails_with_tolerance_zero),
        cmocka_unit_test(test_tolerance_is_absolute_below_one_and_relative_above),
        cmocka_unit_test(test_zero_and_minus_zero_are_equal),
        cmocka_unit_test(test_nothing_compared_is_fine),
        cmocka_unit_test(test_relative_error_is_judged_over_all_elements),
        cmocka_unit_test(test_relative_error_of_what_is_not_finite_is_wrong),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
