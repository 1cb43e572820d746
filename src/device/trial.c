#include "device/trial.h"

#include "base/log.h"

static dd_status run(dd_device *device, const dd__launch *launch) {
    dd__recorder *recorder;
    DD_TRY(dd__recorder_create(device, &recorder));
    dd_status status = dd__record(recorder, launch);
    if (status == DD_OK) status = dd__recorder_run(recorder);
    if (status == DD_OK) status = dd__device_finish(device);
    dd__recorder_free(recorder);
    return status;
}

static bool equal(const float *found, const float *expected, size_t count) {
    bool right = true;
    for (size_t i = 0; i < count; i++) right &= found[i] == expected[i]; /* a NaN is wrong */
    return right;
}

static dd_status multiply(dd_device *device, const dd__trial *t, bool *right) {
    const size_t bytes[] = {t->a_count * sizeof *t->a, t->b_count * sizeof *t->b,
                            t->y_count * sizeof *t->y};
    dd__launch launch = t->launch;
    dd__buffer *buffers[3] = {NULL};
    dd_status status;
    for (size_t i = 0; i < DD_COUNT(buffers); i++) {
        DD_TRY_OUT(dd__buffer_create(device, bytes[i], &buffers[i]));
        dd__launch_append(&launch, DD_BUFFER(buffers[i]));
    }
    DD_TRY_OUT(dd__buffer_write(buffers[0], 0, t->a, bytes[0]));
    DD_TRY_OUT(dd__buffer_write(buffers[1], 0, t->b, bytes[1]));
    DD_TRY_OUT(run(device, &launch));
    DD_TRY_OUT(dd__buffer_read(buffers[2], 0, t->y, bytes[2]));
    *right = equal(t->y, t->expected, t->y_count);
out:
    for (size_t i = 0; i < DD_COUNT(buffers); i++) dd__buffer_free(buffers[i]);
    return status;
}

bool dd__trial_passes(dd_device *device, const dd__trial *trial) {
    bool fits = false, right = false;
    dd_status status = dd__kernel_fits(device, &trial->launch, &fits);
    if (status == DD_OK && fits) status = multiply(device, trial, &right);
    dd__log(DD_LOG_VERBOSE, "%s: %s", trial->what,
            status != DD_OK ? dd_message()
            : right         ? "a product came out right"
            : fits          ? "a product came out wrong"
                            : "there are none");
    return status == DD_OK && right;
}
