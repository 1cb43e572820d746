/* recorder.h: launches with their arguments bound once, to be run again and again in order.
 *
 *     DD_TRY(dd__record(recorder, &(dd__launch){
 *         .program = "pool", .kernel = "max_pool", .options = options,
 *         .global = {channels, width, batch * height},
 *         .arguments = {DD_BUFFER(x), DD_BUFFER(y), DD_INT(channels)}}));
 */
#ifndef DD_DEVICE_RECORDER_H
#define DD_DEVICE_RECORDER_H

#include "device/device.h"

typedef struct dd__argument {
    enum { DD__ARGUMENT_NONE, DD__ARGUMENT_BUFFER, DD__ARGUMENT_INT, DD__ARGUMENT_FLOAT } kind;
    union {
        dd__buffer *buffer;
        int32_t integer;
        float number;
    } as;
} dd__argument;

#define DD_BUFFER(b) ((dd__argument){.kind = DD__ARGUMENT_BUFFER, .as.buffer = (b)})
#define DD_INT(i)    ((dd__argument){.kind = DD__ARGUMENT_INT, .as.integer = (int32_t)(i)})
#define DD_FLOAT(f)  ((dd__argument){.kind = DD__ARGUMENT_FLOAT, .as.number = (float)(f)})

enum { DD__MAX_ARGUMENTS = 40 };

typedef struct dd__launch {
    const char *program, *options, *kernel; /* options may be NULL */
    size_t global[3];                       /* work-items; 0 counts as 1 in the second and third */
    size_t local[3]; /* a work-group; all 0: the driver's choice on a GPU, 1x1x1 on a CPU runtime.
                        `global` must be a multiple. */
    dd__argument arguments[DD__MAX_ARGUMENTS]; /* up to the first without a kind */
} dd__launch;

static inline size_t dd__round_up(size_t n, size_t multiple) {
    return (n + multiple - 1) / multiple * multiple;
}

/* Puts one argument more behind those that there are. */
static inline void dd__launch_append(dd__launch *launch, dd__argument argument) {
    size_t last = 0;
    while (launch->arguments[last].kind != DD__ARGUMENT_NONE) last++;
    launch->arguments[last] = argument;
}

/* Whether the device takes the launch's kernel in groups of its `local`, by the limits of the device
 * and by what the compiled kernel needs; not when it does not compile. Reasons are verbose notices.
 * Compiles the program at the first question, and remembers the answer. Only program, options,
 * kernel and local are read.
 * DD_USAGE  no such program; the reference device */
dd_status dd__kernel_fits(const dd_device *device, const dd__launch *launch, bool *fits);

typedef struct dd__recorder dd__recorder;

dd_status dd__recorder_create(dd_device *device, dd__recorder **recorder);
void dd__recorder_free(dd__recorder *recorder);
/* What follows is accounted to `label` in profiles; the string must outlive the recorder. */
void dd__recorder_label(dd__recorder *recorder, const char *label);

/* Appends a kernel: gets the program, makes a kernel object, binds the arguments, checks the
 * work-group against the kernel's own limit. Names of strings are not kept. */
dd_status dd__record(dd__recorder *recorder, const dd__launch *launch);
/* Appends a call on the host, which runs when the launches before it are done. The reference
 * device's launches are all of this kind. */
dd_status dd__record_call(dd__recorder *recorder, dd_status (*call)(const void *context),
                          const void *context);
/* Appends C (M,N) = A (M,K) B (K,N), row-major, by CLBlast; A^T or B^T on request (then A is (K,M),
 * B is (N,K) in memory). `accumulate` adds to C. DD_DEVICE when built without CLBlast. */
typedef struct dd__gemm_shape {
    size_t m, n, k;
    bool transpose_a, transpose_b, accumulate;
} dd__gemm_shape;
dd_status dd__record_clblast(dd__recorder *recorder, const dd__gemm_shape *shape,
                             const dd__buffer *a, const dd__buffer *b, dd__buffer *c);
bool dd__has_clblast(void);

/* Enqueues everything in order and flushes; does not wait. */
dd_status dd__recorder_run(dd__recorder *recorder);

/* What one label's launches cost in one run. */
typedef struct dd__profile_row {
    const char *label;
    double seconds;
    unsigned launches;
} dd__profile_row;
/* Runs once on a profiling queue, waits, and adds to `rows`, one a label in order of recording:
 * *count of them, at most `capacity`. *count is 0 before the first call. */
dd_status dd__recorder_profile(dd__recorder *recorder, dd__profile_row *rows, size_t capacity,
                               size_t *count);

#endif
