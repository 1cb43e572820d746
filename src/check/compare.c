#include <math.h>

#include "check/check.h"

/* |found - expected| over what is allowed; infinite for what never passes. */
static double error_of(float found, float expected, double tolerance) {
    if (!isfinite(found) || !isfinite(expected)) return INFINITY;
    double error = fabs((double)found - (double)expected);
    if (!(tolerance > 0)) return error;
    return error / (tolerance * fmax(1.0, fabs((double)expected)));
}

/* Written so that a NaN in either operand is bad. */
static bool is_good(double error, double tolerance) {
    return tolerance > 0 ? error <= 1 : error == 0;
}

dd_status dd__compare(const float *found, const float *expected, size_t count, double tolerance,
                      double *worst) {
    size_t bad = 0, not_finite = 0, first = 0;
    double largest = 0;
    for (size_t i = 0; i < count; i++) {
        double error = error_of(found[i], expected[i], tolerance);
        if (error > largest) largest = error;
        if (is_good(error, tolerance)) continue;
        bool finite = isfinite(found[i]) && isfinite(expected[i]);
        if (bad == 0 || (!finite && not_finite == 0)) first = i;
        bad++;
        not_finite += !finite;
    }
    if (worst) *worst = largest;
    if (bad == 0) return DD_OK;
    return dd__fail(DD_WRONG,
                    "element %zu: expected %.9g, found %.9g (tolerance %.1g; %zu of %zu are wrong, "
                    "%zu not finite)",
                    first, (double)expected[first], (double)found[first], tolerance, bad, count,
                    not_finite);
}

dd_status dd__compare_rms(const float *found, const float *expected, size_t count, double tolerance,
                          double *worst) {
    double errors = 0, squares = 0;
    size_t not_finite = 0;
    for (size_t i = 0; i < count; i++) {
        double error = (double)found[i] - (double)expected[i];
        if (!isfinite(error)) not_finite++;
        errors += error * error;
        squares += (double)expected[i] * (double)expected[i];
    }
    double relative = squares > 0 ? sqrt(errors / squares) : sqrt(errors);
    if (worst) *worst = not_finite ? INFINITY : relative / tolerance;
    if (not_finite == 0 && relative <= tolerance) return DD_OK;
    return dd__fail(DD_WRONG,
                    "relative error %.2g (root mean square) is above %.1g; %zu of %zu elements are "
                    "not finite",
                    relative, tolerance, not_finite, count);
}
