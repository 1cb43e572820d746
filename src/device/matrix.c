/* matrix.c: which of the instructions that cl/matrix.cl lists a device has, asked by a product. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "device/opencl.h"
#include "device/recorder.h"

/* a (M, K), b (K, N), c (M, N) of cl/matrix_probe.cl. */
enum { M = 16, N = 16, K = 32, WARP = 32 };

/* ---- The product ------------------------------------------------------------------------- */

/* Small whole numbers are exact in every format, and so are their sums. */
static void fill(float *numbers, size_t count, size_t step) {
    for (size_t i = 0; i < count; i++) numbers[i] = (float)(i * step % 17) - 8;
}

static bool is_product(const float *a, const float *b, const float *c) {
    bool right = true;
    for (int i = 0; i < M * N; i++) {
        float sum = 0;
        for (int k = 0; k < K; k++) sum += a[i / N * K + k] * b[k * N + i % N];
        right &= c[i] == sum; /* a NaN is wrong */
    }
    return right;
}

static dd_status run(dd_device *device, const dd__launch *launch) {
    dd__recorder *recorder;
    DD_TRY(dd__recorder_create(device, &recorder));
    dd_status status = dd__record(recorder, launch);
    if (status == DD_OK) status = dd__recorder_run(recorder);
    if (status == DD_OK) status = dd__device_finish(device);
    dd__recorder_free(recorder);
    return status;
}

static dd_status multiply(dd_device *device, const dd__launch *launch, bool *right) {
    float a[M * K], b[K * N], c[M * N] = {0};
    dd__launch bound = *launch;
    dd__buffer *buffers[3] = {NULL};
    dd_status status;
    fill(a, DD_COUNT(a), 7);
    fill(b, DD_COUNT(b), 5);
    DD_TRY_OUT(dd__buffer_create(device, sizeof a, &buffers[0]));
    DD_TRY_OUT(dd__buffer_create(device, sizeof b, &buffers[1]));
    DD_TRY_OUT(dd__buffer_create(device, sizeof c, &buffers[2]));
    DD_TRY_OUT(dd__buffer_write(buffers[0], 0, a, sizeof a));
    DD_TRY_OUT(dd__buffer_write(buffers[1], 0, b, sizeof b));
    for (size_t i = 0; i < DD_COUNT(buffers); i++) dd__launch_append(&bound, DD_BUFFER(buffers[i]));
    DD_TRY_OUT(run(device, &bound));
    DD_TRY_OUT(dd__buffer_read(buffers[2], 0, c, sizeof c));
    *right = is_product(a, b, c);
out:
    for (size_t i = 0; i < DD_COUNT(buffers); i++) dd__buffer_free(buffers[i]);
    return status;
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

/* Whether the device has it. That it cannot be asked is a reason to do without. */
static bool computes(dd_device *device, const char *options) {
    const dd__launch launch = {.program = "matrix_probe",
                               .options = options,
                               .kernel = "multiply",
                               .global = {WARP},
                               .local = {WARP}};
    bool fits = false, right = false;
    dd_status status = dd__kernel_fits(device, &launch, &fits);
    if (status == DD_OK && fits) status = multiply(device, &launch, &right);
    dd__log(DD_LOG_VERBOSE, "matrix units (%s): %s", options,
            status != DD_OK ? dd_message()
            : right         ? "a product came out right"
            : fits          ? "a product came out wrong"
                            : "there are none");
    return status == DD_OK && right;
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
