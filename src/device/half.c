/* half.c: whether a device computes in half precision. What drivers say of it (cl_khr_fp16) is wrong
 * both ways, so a small product is computed and compared. */
#include "base/log.h"
#include "device/opencl.h"
#include "device/recorder.h"

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

static dd_status run(dd_device *device, const dd__launch *launch) {
    dd__recorder *recorder;
    DD_TRY(dd__recorder_create(device, &recorder));
    dd_status status = dd__record(recorder, launch);
    if (status == DD_OK) status = dd__recorder_run(recorder);
    if (status == DD_OK) status = dd__device_finish(device);
    dd__recorder_free(recorder);
    return status;
}

static bool equal(const float found[RESULTS], const float expected[RESULTS]) {
    bool right = true;
    for (int i = 0; i < RESULTS; i++) right &= found[i] == expected[i]; /* a NaN is wrong */
    return right;
}

static dd_status multiply(dd_device *device, const dd__launch *launch, bool *right) {
    float a[RESULTS * DEPTH], b[DEPTH * RESULTS], expected[RESULTS], found[RESULTS];
    dd__launch bound = *launch;
    dd__buffer *buffers[3] = {NULL};
    dd_status status;
    make_product(a, b, expected);
    DD_TRY_OUT(dd__buffer_create(device, sizeof a, &buffers[0]));
    DD_TRY_OUT(dd__buffer_create(device, sizeof b, &buffers[1]));
    DD_TRY_OUT(dd__buffer_create(device, sizeof found, &buffers[2]));
    DD_TRY_OUT(dd__buffer_write(buffers[0], 0, a, sizeof a));
    DD_TRY_OUT(dd__buffer_write(buffers[1], 0, b, sizeof b));
    for (size_t i = 0; i < DD_COUNT(buffers); i++) dd__launch_append(&bound, DD_BUFFER(buffers[i]));
    DD_TRY_OUT(run(device, &bound));
    DD_TRY_OUT(dd__buffer_read(buffers[2], 0, found, sizeof found));
    *right = equal(found, expected);
out:
    for (size_t i = 0; i < DD_COUNT(buffers); i++) dd__buffer_free(buffers[i]);
    return status;
}

static bool find_out(dd_device *device) {
    const dd__launch launch = {
        .program = "half_probe", .kernel = "multiply", .global = {ITEMS}, .local = {ITEMS}};
    bool fits = false, right = false;
    dd_status status = dd__kernel_fits(device, &launch, &fits);
    if (status == DD_OK && fits) status = multiply(device, &launch, &right);
    dd__log(DD_LOG_VERBOSE, "products in half precision: %s",
            status != DD_OK ? dd_message()
            : right         ? "one came out right"
            : fits          ? "one came out wrong"
                            : "they do not compile");
    return status == DD_OK && right;
}

bool dd__device_computes_half(const dd_device *device) {
    dd_device *known = (dd_device *)device; /* what is remembered of a device does not change it */
    if (!device->id) return false;
    if (!device->half_probed) known->computes_half = find_out(known);
    known->half_probed = true;
    return device->computes_half;
}
