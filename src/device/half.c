/* half.c: whether a device computes in half precision. What drivers say of it (cl_khr_fp16) is wrong
 * both ways, so a small product is computed and compared. */
#include "device/opencl.h"
#include "device/trial.h"

enum { ITEMS = 8, RESULTS = 4 * ITEMS, DEPTH = 16 }; /* as in cl/half_probe.cl */

/* a (RESULTS, DEPTH) of eighths, b (DEPTH, RESULTS) of whole numbers: their sums are exact in half
 * precision. */
static void make_product(float a[RESULTS * DEPTH], float b[DEPTH * RESULTS], float y[RESULTS]) {
    for (int i = 0; i < RESULTS; i++) {
        y[i] = 0;
        for (int k = 0; k < DEPTH; k++) {
            float *left = &a[i * DEPTH + k], *right = &b[k * RESULTS + i];
            *left = (float)((i * 7 + k * 5) % 17 - 8) / 8;
            *right = (float)((i * 3 + k * 11) % 9 - 4);
            y[i] += *left * *right;
        }
    }
}

static bool find_out(dd_device *device) {
    float a[RESULTS * DEPTH], b[DEPTH * RESULTS], expected[RESULTS], y[RESULTS];
    make_product(a, b, expected);
    const dd__trial trial = {.what = "products in half precision",
                             .launch = {.program = "half_probe",
                                        .kernel = "multiply",
                                        .global = {ITEMS},
                                        .local = {ITEMS}},
                             .a = a,
                             .b = b,
                             .expected = expected,
                             .a_count = DD_COUNT(a),
                             .b_count = DD_COUNT(b),
                             .y_count = DD_COUNT(y),
                             .y = y};
    return dd__trial_passes(device, &trial);
}

bool dd__device_computes_half(const dd_device *device) {
    dd_device *known = (dd_device *)device; /* what is remembered of a device does not change it */
    if (!device->id) return false;
    if (!device->half_probed) known->computes_half = find_out(known);
    known->half_probed = true;
    return device->computes_half;
}
