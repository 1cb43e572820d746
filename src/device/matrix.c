/* matrix.c: which of the instructions that cl/matrix.cl lists a device has, asked by a product. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "device/opencl.h"
#include "device/trial.h"

/* a (M, K), b (K, N), c (M, N) of cl/matrix_probe.cl. */
enum { M = 16, N = 16, K = 32, WARP = 32 };

/* ---- The product ------------------------------------------------------------------------- */

/* Small whole numbers are exact in every format, and so are their sums. */
static void fill(float *numbers, size_t count, size_t step) {
    for (size_t i = 0; i < count; i++) numbers[i] = (float)(i * step % 17) - 8;
}

static void multiply(const float *a, const float *b, float *c) {
    for (int i = 0; i < M * N; i++) {
        c[i] = 0;
        for (int k = 0; k < K; k++) c[i] += a[i / N * K + k] * b[k * N + i % N];
    }
}

/* Whether the device has the instruction. */
static bool computes(dd_device *device, const char *options) {
    float a[M * K], b[K * N], expected[M * N], c[M * N];
    char what[64];
    fill(a, DD_COUNT(a), 7);
    fill(b, DD_COUNT(b), 5);
    multiply(a, b, expected);
    snprintf(what, sizeof what, "matrix units (%s)", options);
    const dd__trial trial = {.what = what,
                             .launch = {.program = "matrix_probe",
                                        .options = options,
                                        .kernel = "multiply",
                                        .global = {WARP},
                                        .local = {WARP}},
                             .a = a,
                             .b = b,
                             .expected = expected,
                             .a_count = DD_COUNT(a),
                             .b_count = DD_COUNT(b),
                             .y_count = DD_COUNT(c),
                             .y = c};
    return dd__trial_passes(device, &trial);
}

/* ---- The list ------------------------------------------------------------------------------ */

/* Instructions, in the order in which they are tried. */
static const char *const instructions[] = {"PTX", NULL};

/* DEEPDIGITS_MATRIX=emulated, for tests: none that the device has, but the one in OpenCL C. */
static const char *const *list(void) {
    static const char *const emulated[] = {"EMULATED", NULL};
    const char *wanted = getenv("DEEPDIGITS_MATRIX");
    return wanted && strcmp(wanted, "emulated") == 0 ? emulated : instructions;
}

const char *dd__device_matrix(const dd_device *device, dd_precision format) {
    static const char *const formats[] = {
        [DD_PRECISION_TF32] = "TF32", [DD_PRECISION_BF16] = "BF16"};
    if (!device->id || (format != DD_PRECISION_TF32 && format != DD_PRECISION_BF16)) return NULL;
    /* what is remembered of a device does not change it */
    dd__matrix *found = &((dd_device *)device)->matrix[format];
    for (const char *const *name = list(); !found->asked && *name; name++) {
        snprintf(found->options, sizeof found->options, "-DMATRIX -D%s -D%s", *name,
                 formats[format]);
        if (computes((dd_device *)device, found->options)) break;
        found->options[0] = 0;
    }
    found->asked = true;
    return found->options[0] ? found->options : NULL;
}

bool dd_device_has_matrix_units(dd_device *device, dd_precision format) {
    return dd__device_matrix(device, format) != NULL;
}
