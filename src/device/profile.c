/* profile.c: where a run's time goes. */
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "device/steps.h"

static dd_status account(dd__profile_row *rows, size_t capacity, size_t *count, const char *label,
                         double seconds) {
    size_t i = 0;
    while (i < *count && strcmp(rows[i].label, label) != 0) i++;
    if (i == capacity)
        return dd__fail(DD_USAGE, "more than %zu labels in a profile, at \"%s\"", capacity, label);
    if (i == *count) rows[(*count)++] = (dd__profile_row){.label = label};
    rows[i].seconds += seconds;
    rows[i].launches++;
    return DD_OK;
}

/* Seconds a finished event took; negative when the runtime's timers are nonsense, as they are on
 * some (darktable#21122: 7e10 s; leela-zero#1759: always 0). */
static double event_seconds(cl_event event) {
    cl_ulong start = 0, end = 0;
    if (clGetEventProfilingInfo(event, CL_PROFILING_COMMAND_START, sizeof start, &start, NULL) !=
            CL_SUCCESS ||
        clGetEventProfilingInfo(event, CL_PROFILING_COMMAND_END, sizeof end, &end, NULL) !=
            CL_SUCCESS)
        return -1;
    return start && end >= start ? (double)(end - start) * 1e-9 : -1;
}

/* Fills a buffer. When the timers say more than the clock, or a time in which no memory takes 1 MB
 * (rusticl says 1 ns for everything), this device is timed by the clock. */
static dd_status check_timers(dd_device *device, cl_command_queue queue) {
    enum { BYTES = 1 << 20 };
    const double least_seconds = 100e-9;
    cl_int error;
    cl_event event = NULL;
    const cl_uint zero = 0;
    cl_mem memory = clCreateBuffer(device->context, CL_MEM_READ_WRITE, BYTES, NULL, &error);
    if (error != CL_SUCCESS) return dd__cl_fail(device, error, "a buffer of %d bytes", (int)BYTES);
    double began = dd__seconds();
    error = clEnqueueFillBuffer(queue, memory, &zero, sizeof zero, 0, BYTES, 0, NULL, &event);
    if (error == CL_SUCCESS) error = clFinish(queue);
    double wall = dd__seconds() - began, said = event ? event_seconds(event) : -1;
    device->timers_checked = true;
    device->timers_fail = !(said >= least_seconds && said <= 2 * wall);
    if (event) clReleaseEvent(event);
    clReleaseMemObject(memory);
    return error == CL_SUCCESS ? DD_OK : dd__cl_fail(device, error, "a fill on a profiling queue");
}

/* By the clock: alone on the queue. */
static dd_status time_step(dd_device *device, dd__step *step, cl_command_queue queue,
                           double *seconds) {
    if (device->id) DD_TRY(dd__queue_finish(device, queue));
    double began = dd__seconds();
    DD_TRY(dd__step_run(device, step, queue));
    if (device->id) DD_TRY(dd__queue_finish(device, queue));
    *seconds = dd__seconds() - began;
    return DD_OK;
}

dd_status dd__recorder_profile(dd__recorder *recorder, dd__profile_row *rows, size_t capacity,
                               size_t *count) {
    dd_device *device = recorder->device;
    cl_command_queue queue = NULL;
    dd_status status = DD_OK;
    DD_TRY(dd__device_finish(device));
    if (device->id) DD_TRY(dd__device_profiling_queue(device, &queue));
    if (device->id && !device->timers_checked) DD_TRY(check_timers(device, queue));
    cl_event *events = dd__alloc(recorder->count, sizeof *events);
    double *seconds = dd__alloc(recorder->count, sizeof *seconds);
    if (!events || !seconds) DD_TRY_OUT(dd__no_memory(recorder->count * sizeof *events));
    for (size_t i = 0; i < recorder->count; i++) {
        dd__step *step = &recorder->steps[i];
        if (step->kind == DD__STEP_KERNEL && !device->timers_fail &&
            dd__step_is_whole(device, step))
            DD_TRY_OUT(dd__step_enqueue(device, step, NULL, queue, &events[i]));
        else
            DD_TRY_OUT(time_step(device, step, queue, &seconds[i]));
    }
    if (device->id) DD_TRY_OUT(dd__queue_finish(device, queue));
    for (size_t i = 0; i < recorder->count; i++) {
        if (events[i]) seconds[i] = event_seconds(events[i]);
        if (seconds[i] < 0) {
            device->timers_fail =
                true; /* from the next profile on; this launch counts as nothing */
            seconds[i] = 0;
        }
        DD_TRY_OUT(account(rows, capacity, count, recorder->steps[i].label, seconds[i]));
    }
out:
    for (size_t i = 0; events && i < recorder->count; i++)
        if (events[i]) clReleaseEvent(events[i]);
    dd__free(events);
    dd__free(seconds);
    return status;
}
