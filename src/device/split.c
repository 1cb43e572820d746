/* split.c: launches that take long are cut into several.
 *
 * Drivers kill a launch that holds the device for too long: Windows and macOS after some seconds,
 * and wherever a GPU draws the screen, which stands still meanwhile. How long is too long nobody can
 * ask, and what a kernel takes on a device, nobody knows beforehand. So the first run of a launch
 * goes in slices that are waited for, the first of one group along the dimension that is cut, each
 * at most twice the one before, until the rest is known to fit. Later runs take as many parts as the
 * pace of the largest slice asks for, without waiting. What it costs to start a small slice makes
 * for more slices, not for longer ones.
 *
 * A launch is cut along the dimension with the most groups, by the global offset: kernels take
 * their place from global ids (cl/README.md). ONE_ITEM kernels, which may count their groups, and
 * CLBlast's products cannot be cut: they run whole, however long.
 */
#include <math.h>

#include "base/clock.h"
#include "device/steps.h"

/* Some drivers lose a device that has more than about 15 s of work in its queue
 * (intel/compute-runtime#904), and nobody can stop what is queued. */
static const double most_queued_seconds = 1;

static size_t groups_along(const dd__step *step, unsigned d) {
    return step->kind == DD__STEP_KERNEL ? step->global[d] / step->local[d] : 1;
}

/* The dimension to cut along; the last of equal ones, for neighbours share the first. */
static unsigned axis_of(const dd__step *step) {
    unsigned axis = 0;
    for (unsigned d = 1; d < 3; d++)
        if (groups_along(step, d) >= groups_along(step, axis)) axis = d;
    return axis;
}

static bool is_one_item(const dd_device *device, const dd__step *step) {
    size_t size[3] = {0};
    if (step->kind != DD__STEP_KERNEL) return true;
    clGetKernelWorkGroupInfo(step->kernel, device->id, CL_KERNEL_COMPILE_WORK_GROUP_SIZE,
                             sizeof size, size, NULL);
    return size[0] == 1 && size[1] == 1 && size[2] == 1;
}

static size_t divide_up(size_t a, size_t b) { return (a + b - 1) / b; }

bool dd__step_is_whole(const dd_device *device, const dd__step *step) {
    return device->part_seconds <= 0 || step->part >= groups_along(step, axis_of(step));
}

/* Groups first .. first + count - 1 along the axis. */
static dd_status enqueue(dd_device *device, const dd__step *step, size_t first, size_t count,
                         cl_command_queue queue) {
    unsigned axis = axis_of(step);
    if (count == groups_along(step, axis)) return dd__step_enqueue(device, step, NULL, queue, NULL);
    dd__range range = {.global = {step->global[0], step->global[1], step->global[2]}};
    range.offset[axis] = first * step->local[axis];
    range.global[axis] = count * step->local[axis];
    DD_TRY(dd__step_enqueue(device, step, &range, queue, NULL));
    cl_int error = clFlush(queue);
    return error == CL_SUCCESS ? DD_OK : dd__cl_fail(device, error, "a part was not started");
}

/* ---- The first run ------------------------------------------------------------------------ */

/* The slice after one of `count` groups that took `seconds`: what is left, when that fits. */
static size_t next_slice(double limit, size_t left, size_t count, double seconds) {
    double fitting = (double)count * limit / seconds;
    if (fitting >= (double)left) return left;
    if (fitting >= 2.0 * (double)count) return 2 * count;
    return fitting > 1 ? (size_t)fitting : 1;
}

/* Of a launch in one slice nothing is concluded when it took too long: that may have been the
 * driver, which compiles at first use. It is measured again. */
static void settle(dd__step *step, double limit, size_t groups, size_t largest, double seconds) {
    if (largest == groups && seconds > limit) return;
    step->seconds = seconds * (double)groups / (double)largest;
    double parts = ceil(step->seconds / limit);
    step->part = parts < (double)groups ? divide_up(groups, (size_t)parts) : 1;
}

static dd_status measure(dd_device *device, dd__step *step, cl_command_queue queue) {
    size_t groups = groups_along(step, axis_of(step)), largest = 0;
    size_t count = is_one_item(device, step) ? groups : 1;
    double limit = device->part_seconds, seconds = 0; /* of the largest slice */
    DD_TRY(dd__queue_finish(device, queue));
    for (size_t first = 0; first < groups;) {
        double began = dd__seconds();
        DD_TRY(enqueue(device, step, first, count, queue));
        DD_TRY(dd__queue_finish(device, queue));
        double took = dd__seconds() - began;
        if (count >= largest) {
            largest = count;
            seconds = took;
        }
        first += count;
        count = next_slice(limit, groups - first, count, took);
    }
    settle(step, limit, groups, largest, seconds);
    return DD_OK;
}

/* ---- Later runs --------------------------------------------------------------------------- */

/* Waits when the queue holds enough with what has been put there. */
static dd_status account(dd_device *device, double seconds, cl_command_queue queue) {
    device->queued_seconds += seconds;
    return device->queued_seconds < most_queued_seconds ? DD_OK : dd__queue_finish(device, queue);
}

dd_status dd__step_run_split(dd_device *device, dd__step *step, cl_command_queue queue) {
    size_t groups = groups_along(step, axis_of(step));
    if (step->part == 0) return measure(device, step, queue);
    for (size_t first = 0; first < groups; first += step->part) {
        size_t count = step->part < groups - first ? step->part : groups - first;
        DD_TRY(enqueue(device, step, first, count, queue));
        DD_TRY(account(device, step->seconds * (double)count / (double)groups, queue));
    }
    return DD_OK;
}

double dd__device_limit_launches(dd_device *device, double seconds) {
    double before = device->part_seconds;
    device->part_seconds = seconds;
    return before;
}
