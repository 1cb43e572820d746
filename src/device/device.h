/* device.h: devices, their memory and their programs. Only this folder includes <CL/cl.h>.
 *
 * The reference device computes with plain C in host memory; to everything above it is one device
 * more, whose launches are function calls.
 */
#ifndef DD_DEVICE_DEVICE_H
#define DD_DEVICE_DEVICE_H

#include "base/status.h"

/* Every value starts at a multiple of this: the largest CL_DEVICE_MEM_BASE_ADDR_ALIGN met so far is
 * 512 bytes; a device that asks for more is refused when it is opened. */
enum { DD__ALIGNMENT = 1024 };

bool dd__device_is_reference(const dd_device *device);
/* What the device was opened with; strings are "" where nothing was given. */
typedef struct dd__opened {
    char *selector, *implementations; /* selector: the default's too, from the environment */
    unsigned threads;
    dd_kernel_class kernel_class;
    dd_precision precision;
    uint64_t memory_bytes;
} dd__opened;
const dd__opened *dd__device_opened(const dd_device *device);
/* Whether the device is used without checking what it computes: the reference, or by request
 * (options.without_selftest, DEEPDIGITS_SELFTEST=off). */
bool dd__device_is_trusted(const dd_device *device);
/* CPU or GPU, never AUTO. */
dd_kernel_class dd__device_class(const dd_device *device);
/* The least precise form that ops may choose. */
dd_precision dd__device_precision(const dd_device *device);
/* Whether it multiplies and adds in half precision, rightly: found out at the first question. Moving such
 * numbers, every device can. */
bool dd__device_computes_half(const dd_device *device);
/* The implementation forced for `op` by the options, or NULL. */
const char *dd__device_forced(const dd_device *device, const char *op);
/* The op of the options' forced implementation number i; NULL after the last. */
const char *dd__device_forced_op(const dd_device *device, size_t i);
/* Largest work-group the device takes, in all and along its first dimension, as far as is known
 * without a kernel; dd__kernel_fits knows more. */
size_t dd__device_group_limit(const dd_device *device);
/* Work-items of a group that computes something together (cl/group.cl): a power of two. */
size_t dd__device_group(const dd_device *device);
/* Names this device and everything that decides what its compiler and its timings yield: device,
 * driver, platform, host processor, version of this library. One line, for keys of caches. */
const char *dd__device_key(const dd_device *device);
/* Options with which kernels multiply on the device's matrix units, factors rounded to TF32 or BF16
 * (cl/matrix.cl): "-DMATRIX -DPTX -DTF32"; NULL where it has none, or they do not compute rightly. Found
 * out at the first question, by a product, and remembered. */
const char *dd__device_matrix(const dd_device *device, dd_precision format);
/* Waits until everything enqueued is done. DD_DEVICE when something failed on the way. */
dd_status dd__device_finish(dd_device *device);
/* From now on launches that are run for the first time are cut into parts of about `seconds` at most
 * (split.c); 0: never. A GPU is opened with a tenth of a second, which no watchdog minds; all others
 * without a limit. Returns what it was. */
double dd__device_limit_launches(dd_device *device, double seconds);
/* False with DEEPDIGITS_CACHE=off: nothing is read from the cache's folder nor written to it. */
bool dd__cache_is_on(void);
/* Bytes in buffers now. */
uint64_t dd__device_bytes(const dd_device *device);

/* ---- Memory ------------------------------------------------------------------------- */

typedef struct dd__buffer dd__buffer;

/* What somebody wants to have in buffers. */
typedef struct dd__need {
    uint64_t bytes;   /* in all */
    uint64_t largest; /* of one buffer */
    char what[64];    /* that one is for */
} dd__need;
/* DD_MEMORY, with the sizes, unless the device takes that beside what it holds: no buffer beyond its
 * largest allocation, all together within its budget (dd_device_options.memory_bytes). */
dd_status dd__device_fits(const dd_device *device, const dd__need *need);

/* DD_MEMORY  as dd__device_fits */
dd_status dd__buffer_create(dd_device *device, size_t bytes, dd__buffer **buffer);
/* A part of `parent`, which must outlive it; `offset` is a multiple of DD__ALIGNMENT. */
dd_status dd__buffer_view(dd__buffer *parent, size_t offset, size_t bytes, dd__buffer **view);
void dd__buffer_free(dd__buffer *buffer);
size_t dd__buffer_bytes(const dd__buffer *buffer);
/* Blocking copies, in order with the launches; `bytes` may be less than the buffer's. */
dd_status dd__buffer_write(dd__buffer *buffer, size_t offset, const void *from, size_t bytes);
/* Does not wait: the bytes must stay as they are until a later read or dd__device_finish is done. A wait
 * costs as much as a small network's layer. */
dd_status dd__buffer_send(dd__buffer *buffer, size_t offset, const void *from, size_t bytes);
dd_status dd__buffer_read(dd__buffer *buffer, size_t offset, void *to, size_t bytes);
dd_status dd__buffer_zero(dd__buffer *buffer);
/* On the reference device, where the bytes are; NULL on others. */
void *dd__buffer_host(const dd__buffer *buffer);

/* ---- Programs ----------------------------------------------------------------------- */

typedef struct dd__program dd__program;

/* The only way to a compiled program: cl/<name>.cl with `options` ("-DVW=8 -DMR=6"), from memory,
 * else from the disk cache, else from source. Belongs to the device. Options that every program
 * gets, and the macros that cl/common.cl takes, are listed in cl/README.md.
 * DD_DEVICE  it does not compile: the message holds the device, the options and the build log */
dd_status dd__program_get(dd_device *device, const char *name, const char *options,
                          dd__program **program);
/* While true, programs that are asked for are only tried out: the disk does not keep them, which can
 * take as long as compiling, unless they are asked for again when it is false. */
void dd__device_try_programs(dd_device *device, bool trying);
/* What programs and their kernels have taken so far, from the cache or from source. */
double dd__device_program_seconds(const dd_device *device);

#endif
