/* recorder.c: launches with their arguments bound once. */
#include "device/recorder.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "device/chain.h"
#include "device/steps.h"

dd_status dd__recorder_create(dd_device *device, dd__recorder **recorder) {
    *recorder = dd__alloc(1, sizeof **recorder);
    if (!*recorder) return dd__no_memory(sizeof **recorder);
    (*recorder)->device = device;
    (*recorder)->label = "";
    return DD_OK;
}

void dd__recorder_free(dd__recorder *recorder) {
    if (!recorder) return;
    dd__recorder_unchain(recorder);
    if (!recorder->device->lost)
        for (size_t i = 0; i < recorder->count; i++)
            if (recorder->steps[i].kernel) clReleaseKernel(recorder->steps[i].kernel);
    dd__free(recorder->steps);
    dd__arena_free(&recorder->arena);
    dd__free(recorder);
}

void dd__recorder_label(dd__recorder *recorder, const char *label) { recorder->label = label; }

static dd_status append(dd__recorder *recorder, const dd__step *step) {
    if (recorder->count == recorder->room) {
        size_t room = recorder->room ? 2 * recorder->room : 64;
        dd__step *larger = dd__resize(recorder->steps, room, sizeof *larger);
        if (!larger) return dd__no_memory(room * sizeof *larger);
        recorder->steps = larger;
        recorder->room = room;
    }
    recorder->steps[recorder->count] = *step;
    recorder->steps[recorder->count++].label = recorder->label;
    return DD_OK;
}

/* ---- Kernels ---------------------------------------------------------------------------- */

static void fill_sizes(const dd_device *device, const dd__launch *launch, dd__step *step) {
    bool chosen = launch->local[0] || launch->local[1] || launch->local[2];
    step->dimensions = 1;
    for (unsigned d = 0; d < 3; d++) {
        step->global[d] = launch->global[d] || d == 0 ? launch->global[d] : 1;
        step->local[d] = launch->local[d] ? launch->local[d] : 1;
        if (step->global[d] > 1) step->dimensions = d + 1;
    }
    /* one work-item a group keeps vectors in registers on PoCL */
    step->has_local = chosen || device->class == DD_CLASS_CPU;
}

static dd_status check_sizes(dd_device *device, const dd__step *step) {
    for (int d = 0; d < 3; d++)
        if (step->global[d] == 0 || step->global[d] % step->local[d])
            return dd__fail(DD_USAGE,
                            "global size %zu x %zu x %zu is not a multiple of the group's "
                            "%zu x %zu x %zu",
                            step->global[0], step->global[1], step->global[2], step->local[0],
                            step->local[1], step->local[2]);
    return dd__check_group(device, step->kernel, step->local);
}

static cl_int set_argument(cl_kernel kernel, cl_uint index, const dd__argument *argument) {
    switch (argument->kind) {
    case DD__ARGUMENT_BUFFER:
        if (!argument->as.buffer) return CL_INVALID_MEM_OBJECT;
        return clSetKernelArg(kernel, index, sizeof(cl_mem), &argument->as.buffer->memory);
    case DD__ARGUMENT_INT:
        return clSetKernelArg(kernel, index, sizeof(cl_int), &argument->as.integer);
    case DD__ARGUMENT_FLOAT:
        return clSetKernelArg(kernel, index, sizeof(cl_float), &argument->as.number);
    default:
        return CL_INVALID_ARG_VALUE;
    }
}

static dd_status bind_arguments(dd_device *device, cl_kernel kernel, const dd__launch *launch) {
    cl_uint count = 0, expected = 0;
    while (count < DD__MAX_ARGUMENTS && launch->arguments[count].kind != DD__ARGUMENT_NONE) count++;
    clGetKernelInfo(kernel, CL_KERNEL_NUM_ARGS, sizeof expected, &expected, NULL);
    if (count != expected)
        return dd__fail(DD_USAGE, "it has %u arguments, %u were given", (unsigned)expected,
                        (unsigned)count);
    for (cl_uint i = 0; i < count; i++) {
        cl_int error = set_argument(kernel, i, &launch->arguments[i]);
        if (error != CL_SUCCESS) return dd__cl_fail(device, error, "argument %u", (unsigned)i);
    }
    return DD_OK;
}

dd_status dd__record(dd__recorder *recorder, const dd__launch *launch) {
    dd_device *device = recorder->device;
    dd__program *program;
    dd__step step = {.kind = DD__STEP_KERNEL, .launch = *launch};
    dd_status status = DD_OK;
    DD_TRY(dd__program_get(device, launch->program, launch->options, &program));
    step.program = program;
    DD_TRY(dd__program_kernel(program, launch->kernel, &step.kernel));
    step.name = dd__arena_print(&recorder->arena, "%s/%s (%s)", launch->program, launch->kernel,
                                launch->options ? launch->options : "");
    fill_sizes(device, launch, &step);
    step.launch.kernel = dd__arena_print(&recorder->arena, "%s", launch->kernel);
    if (!step.name || !step.launch.kernel) status = dd__no_memory(64);
    if (status == DD_OK) status = check_sizes(device, &step);
    if (status == DD_OK) status = bind_arguments(device, step.kernel, launch);
    if (status == DD_OK) status = append(recorder, &step);
    if (status == DD_OK) return DD_OK;
    clReleaseKernel(step.kernel);
    return dd__within(status, "kernel %s/%s (%s)", launch->program, launch->kernel,
                      launch->options ? launch->options : "");
}

/* ---- Host calls and CLBlast ------------------------------------------------------------- */

dd_status dd__record_call(dd__recorder *recorder, dd_status (*call)(const void *context),
                          const void *context) {
    return append(recorder, &(dd__step){.kind = DD__STEP_CALL, .call = call, .context = context});
}

dd_status dd__record_clblast(dd__recorder *recorder, const dd__gemm_shape *shape,
                             const dd__buffer *a, const dd__buffer *b, dd__buffer *c) {
    if (!dd__has_clblast())
        return dd__fail(DD_DEVICE, "this build has no CLBlast (DD_WITH_CLBLAST)");
    if (!recorder->device->id)
        return dd__fail(DD_USAGE, "CLBlast does not run on the reference device");
    return append(recorder,
                  &(dd__step){.kind = DD__STEP_GEMM, .gemm = *shape, .a = a, .b = b, .c = c});
}

/* ---- Running ---------------------------------------------------------------------------- */

static dd_status enqueue_kernel(dd_device *device, const dd__step *step, const dd__range *range,
                                cl_command_queue queue, cl_event *event) {
    const size_t *global = range ? range->global : step->global, *local = step->local;
    cl_int error =
        clEnqueueNDRangeKernel(queue, step->kernel, step->dimensions, range ? range->offset : NULL,
                               global, step->has_local ? local : NULL, 0, NULL, event);
    if (error == CL_SUCCESS) return DD_OK;
    return dd__cl_fail(device, error,
                       "kernel %s, %zu x %zu x %zu work-items in groups of %zu x %zu x %zu%s",
                       step->name, global[0], global[1], global[2], local[0], local[1], local[2],
                       step->has_local ? "" : " (left to the driver)");
}

static dd_status enqueue_product(dd_device *device, const dd__step *step, cl_command_queue queue) {
#ifdef DD_WITH_CLBLAST
    return dd__clblast_sgemm(device, &step->gemm, step->a, step->b, step->c, queue);
#else
    (void)device, (void)step, (void)queue;
    return DD_OK; /* none is recorded */
#endif
}

dd_status dd__step_enqueue(dd_device *device, const dd__step *step, const dd__range *range,
                           cl_command_queue queue, cl_event *event) {
    if (step->kind == DD__STEP_GEMM) return enqueue_product(device, step, queue);
    return enqueue_kernel(device, step, range, queue, event);
}

dd_status dd__step_run(dd_device *device, dd__step *step, cl_command_queue queue) {
    if (step->kind == DD__STEP_CALL) {
        if (device->id) DD_TRY(dd__queue_finish(device, queue));
        return step->call(step->context);
    }
    if (device->part_seconds > 0) return dd__step_run_split(device, step, queue);
    return dd__step_enqueue(device, step, NULL, queue, NULL);
}

dd_status dd__recorder_run(dd__recorder *recorder) {
    dd_device *device = recorder->device;
    DD_TRY(dd__device_usable(device));
    dd__step *steps = recorder->chain ? &recorder->chain->step : recorder->steps;
    size_t count = recorder->chain ? 1 : recorder->count;
    for (size_t i = 0; i < count; i++) DD_TRY(dd__step_run(device, &steps[i], device->queue));
    if (!device->id) return DD_OK;
    cl_int error = clFlush(device->queue);
    return error == CL_SUCCESS ? DD_OK
                               : dd__cl_fail(device, error, "the launches were not started");
}
