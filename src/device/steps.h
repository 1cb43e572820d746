/* steps.h: what a recorder holds; shared by recorder.c, split.c, chain.c and profile.c. */
#ifndef DD_DEVICE_STEPS_H
#define DD_DEVICE_STEPS_H

#include "base/memory.h"
#include "device/opencl.h"
#include "device/recorder.h"

typedef struct dd__step {
    enum { DD__STEP_KERNEL, DD__STEP_CALL, DD__STEP_GEMM } kind;
    const char *label;
    /* KERNEL */
    cl_kernel kernel;
    const char *name;  /* program/kernel (options), for messages */
    dd__launch launch; /* as recorded; its kernel's name is kept, the other strings are not */
    dd__program *program;
    cl_uint dimensions;
    size_t global[3], local[3];
    bool has_local; /* else the driver chooses */
    /* KERNEL and GEMM, where launches are limited (split.c) */
    size_t part;    /* groups of one, along the longest dimension; 0: not measured yet */
    double seconds; /* of all of them */
    /* CALL */
    dd_status (*call)(const void *context);
    const void *context;
    /* GEMM */
    dd__gemm_shape gemm;
    const dd__buffer *a, *b;
    dd__buffer *c;
} dd__step;

typedef struct dd__chain { /* chain.h */
    dd__step step;
    dd__buffer *counters, *table;
} dd__chain;

struct dd__recorder {
    dd_device *device;
    const char *label;
    dd__step *steps; /* (count), with space for `room` */
    size_t count, room;
    dd__chain *chain; /* all steps in one launch, or NULL */
    dd__arena arena;  /* names */
};

typedef struct dd__range { /* of a launch's work-items */
    size_t offset[3], global[3];
} dd__range;

/* Enqueues a kernel, or those of its work-items that are in `range`; or a product, whole and without
 * an event. `range` and `event` may be NULL. */
dd_status dd__step_enqueue(dd_device *device, const dd__step *step, const dd__range *range,
                           cl_command_queue queue, cl_event *event);
/* Any step, without waiting for it; but a call on the host waits for what is before it, and what
 * split.c does not know yet is waited for. */
dd_status dd__step_run(dd_device *device, dd__step *step, cl_command_queue queue);
/* The same for kernels and products on a device with a limit. */
dd_status dd__step_run_split(dd_device *device, dd__step *step, cl_command_queue queue);
/* Whether the step is one launch, as far as one knows. */
bool dd__step_is_whole(const dd_device *device, const dd__step *step);

#endif
