/* Minimal filtering: its matrices give a convolution. How large its error is on a device:
 * tests/check/test_error.c. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "ops/winograd.h"

/* y[k] by A^T [(G w) * (B^T x)] */
static double filtered(const dd__winograd *f, const double *x, const double *w, int k) {
    double y = 0;
    for (int i = 0; i < f->a; i++) {
        double left = 0, right = 0;
        for (int j = 0; j < f->r; j++) left += f->g[i][j] * w[j];
        for (int j = 0; j < f->a; j++) right += f->bt[i][j] * x[j];
        y += f->points[i][k] * left * right;
    }
    return y;
}

static void check_form(int m, int r) {
    static const double x[] = {3, -1, 4, 1, -5, 9, 2, -6}, w[] = {2, 7, -1, 8, 2, -8, 1};
    dd__winograd f;
    assert_true(dd__winograd_make(m, r, &f));
    assert_int_equal(f.a, m + r - 1);
    for (int k = 0; k < m; k++) {
        double direct = 0;
        for (int j = 0; j < r; j++) direct += x[k + j] * w[j];
        double y = filtered(&f, x, w, k);
        if (!(fabs(y - direct) < 1e-10)) print_error("F(%d, %d): %g for %g\n", m, r, y, direct);
        assert_true(fabs(y - direct) < 1e-10);
    }
}

static void test_every_form_is_a_convolution(void **state) {
    (void)state;
    for (int a = 4; a <= DD__WINOGRAD_MOST; a += 2)
        for (int r = 2; r < a; r++) check_form(a + 1 - r, r);
}

/* Kernels compute a pair's rows from the first of them. */
static void test_rows_of_a_pair_mirror_each_other(void **state) {
    (void)state;
    for (int a = 4; a <= DD__WINOGRAD_MOST; a += 2) {
        dd__winograd f;
        assert_true(dd__winograd_make(2, a - 1, &f));
        for (int i = 1; i < a - 1; i += 2)
            for (int j = 0; j < a; j++) {
                double sign = j % 2 ? -1 : 1;
                assert_true(fabs(f.bt[i + 1][j] - sign * f.bt[i][j]) < 1e-12);
                if (j < f.r) assert_true(fabs(f.g[i + 1][j] - sign * f.g[i][j]) < 1e-12);
                if (j < f.m) assert_true(fabs(f.points[i + 1][j] - sign * f.points[i][j]) < 1e-12);
            }
    }
}

static void test_forms_that_there_are_not_are_refused(void **state) {
    (void)state;
    dd__winograd f;
    assert_false(dd__winograd_make(1, 1, &f));
    assert_false(dd__winograd_make(5, 5, &f));
    assert_false(dd__winograd_make(0, 5, &f));
    assert_false(dd__winograd_make(3, 5, &f));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_form_is_a_convolution),
        cmocka_unit_test(test_rows_of_a_pair_mirror_each_other),
        cmocka_unit_test(test_forms_that_there_are_not_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
