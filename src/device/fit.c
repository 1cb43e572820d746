/* fit.c: which work-groups a device takes of a kernel. */
#include <string.h>

#include "base/hash.h"
#include "base/log.h"
#include "base/memory.h"
#include "device/opencl.h"
#include "device/recorder.h"

static unsigned long long bytes_of(cl_ulong bytes) { return bytes; }

/* Its registers and its local memory are known only when it is compiled. */
dd_status dd__check_group(dd_device *device, cl_kernel kernel, const size_t local[3]) {
    const size_t *most = device->group_sizes;
    size_t limit = 0, items = local[0] * local[1] * local[2];
    cl_ulong bytes = 0;
    cl_int error = clGetKernelWorkGroupInfo(kernel, device->id, CL_KERNEL_WORK_GROUP_SIZE,
                                            sizeof limit, &limit, NULL);
    if (error == CL_SUCCESS)
        error = clGetKernelWorkGroupInfo(kernel, device->id, CL_KERNEL_LOCAL_MEM_SIZE, sizeof bytes,
                                         &bytes, NULL);
    if (error != CL_SUCCESS) return dd__cl_fail(device, error, "the limits of its work-group");
    if (items > limit || local[0] > most[0] || local[1] > most[1] || local[2] > most[2])
        return dd__fail(DD_DEVICE,
                        "a work-group of %zu x %zu x %zu is %zu work-items; on %s it takes at most "
                        "%zu (%zu x %zu x %zu)",
                        local[0], local[1], local[2], items, device->info.name, limit, most[0],
                        most[1], most[2]);
    if (bytes <= device->info.local_memory_bytes) return DD_OK;
    return dd__fail(DD_DEVICE, "a work-group has %llu bytes of local memory; %s has %llu",
                    bytes_of(bytes), device->info.name, bytes_of(device->info.local_memory_bytes));
}

/* ---- Asked before it is recorded ---------------------------------------------------------- */

static dd_status try_kernel(dd_device *device, const dd__launch *launch, const size_t local[3]) {
    dd__program *program;
    cl_kernel kernel;
    DD_TRY(dd__program_get(device, launch->program, launch->options, &program));
    DD_TRY(dd__program_kernel(program, launch->kernel, &kernel));
    dd_status status = dd__check_group(device, kernel, local);
    clReleaseKernel(kernel);
    return status;
}

/* What does not compile, or gives no kernel, needs more than the device has, as far as one can know:
 * drivers tell by errors of any kind. */
static dd_status find_out(dd_device *device, const dd__launch *launch, const size_t local[3],
                          const char *what, bool *fits) {
    bool trying = device->trying_programs;
    dd__device_try_programs(device, true);
    dd_status status = try_kernel(device, launch, local);
    dd__device_try_programs(device, trying);
    *fits = status == DD_OK;
    if (*fits) return DD_OK;
    if (device->lost || (status != DD_DEVICE && status != DD_MEMORY)) return status;
    dd__log(DD_LOG_VERBOSE, "%s: no: %s", what, dd_message());
    return DD_OK;
}

/* What was found out before, or else now. */
static dd_status look_up(dd_device *device, const dd__launch *launch, const size_t local[3],
                         const char *what, bool *fits) {
    char name[sizeof device->fits->name];
    dd__hash_name(what, strlen(what), name);
    for (const dd__fit *fit = device->fits; fit; fit = fit->next) {
        if (strcmp(fit->name, name) != 0) continue;
        *fits = fit->fits;
        return DD_OK;
    }
    DD_TRY(find_out(device, launch, local, what, fits));
    dd__fit *fit = dd__alloc(1, sizeof *fit);
    if (!fit) return dd__no_memory(sizeof *fit);
    *fit = (dd__fit){.fits = *fits, .next = device->fits};
    memcpy(fit->name, name, sizeof name);
    device->fits = fit;
    return DD_OK;
}

dd_status dd__kernel_fits(const dd_device *device, const dd__launch *launch, bool *fits) {
    dd__arena arena = {0};
    size_t local[3];
    for (int d = 0; d < 3; d++) local[d] = launch->local[d] ? launch->local[d] : 1;
    const char *what = dd__arena_print(
        &arena, "kernel %s/%s (%s) in groups of %zu x %zu x %zu", launch->program, launch->kernel,
        launch->options ? launch->options : "", local[0], local[1], local[2]);
    /* what is remembered of a device does not change it */
    dd_status status =
        what ? look_up((dd_device *)device, launch, local, what, fits) : dd__no_memory(256);
    dd__arena_free(&arena);
    return status;
}

void dd__fits_free(dd_device *device) {
    while (device->fits) {
        dd__fit *next = device->fits->next;
        dd__free(device->fits);
        device->fits = next;
    }
}
