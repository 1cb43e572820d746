/* opencl.h: what the files of this folder share; the only header that includes OpenCL's. */
#ifndef DD_DEVICE_OPENCL_H
#define DD_DEVICE_OPENCL_H

#include <CL/cl.h>

#include "device/device.h"

/* ---- Errors ------------------------------------------------------------------------- */

/* "CL_OUT_OF_RESOURCES"; "unknown OpenCL error" for numbers nobody documents. */
const char *dd__cl_name(cl_int error);
/* Fails with "<device>: <what>: <error in words>": DD_MEMORY when memory ran out, else DD_DEVICE.
 * Remembers errors after which a device answers nothing any more. */
dd_status dd__cl_fail(dd_device *device, cl_int error, const char *format, ...) DD_PRINTF(3, 4);
/* DD_DEVICE once the device is lost: every call into a driver after that may hang for ever
 * (openvinotoolkit/openvino#16724). */
dd_status dd__device_usable(const dd_device *device);

/* ---- What there is ------------------------------------------------------------------ */

typedef struct dd__found {
    dd_device_info info;
    cl_platform_id platform; /* NULL for the reference */
    cl_device_id device;
    int rank; /* among defaults: the highest wins, the first of equals; 0: never by default */
} dd__found;

typedef struct dd__catalogue {
    dd__found *found; /* (count), the reference last */
    size_t count;
    char **skipped; /* (skipped_count) */
    size_t skipped_count;
} dd__catalogue;

/* Asks every runtime, in this process. */
dd_status dd__catalogue_fill(dd__catalogue *catalogue);
dd_status dd__catalogue_skip(dd__catalogue *catalogue, const char *format, ...) DD_PRINTF(2, 3);
dd_status dd__catalogue_add(dd__catalogue *catalogue, const dd__found *found);
void dd__catalogue_clear(dd__catalogue *catalogue);
/* The reference as a device that was found. */
dd__found dd__reference_device(void);
/* The class of kernels that suits a device of this type and native vector width. */
dd_kernel_class dd__natural_class(const dd_device_info *info);

/* The same in a child process, so that a runtime that crashes or hangs takes down only the child;
 * then the runtimes at fault are left out, named in `skipped`, for the rest of this process. */
dd_status dd__probe(dd__catalogue *catalogue);
/* Probes unless these runtimes have passed before; before the first call into OpenCL. */
dd_status dd__probe_once(void);
/* Whether this process has called OpenCL; forking and settings of runtimes are then too late. */
bool dd__opencl_started(void);
/* To be called just before and just after the first call into OpenCL. */
void dd__opencl_starts(void);
void dd__opencl_has_started(void);

/* `selector`, else $DEEPDIGITS_DEVICE unless that is empty, else NULL. */
const char *dd__selector_or_environment(const char *selector);
/* What `selector` names; NULL: $DEEPDIGITS_DEVICE, else the default. */
dd_status dd__select(const dd__catalogue *catalogue, const char *selector, size_t *index);

/* ---- An open device ----------------------------------------------------------------- */

typedef struct dd__forced {
    const char *op, *implementation;
} dd__forced;

typedef struct dd__fit { /* what dd__kernel_fits found */
    char name[33];       /* a hash of what was asked */
    bool fits;
    struct dd__fit *next;
} dd__fit;

typedef struct dd__matrix { /* what dd__device_matrix found */
    bool asked;
    char options[32]; /* "": none */
} dd__matrix;

struct dd_device {
    dd_device_info info;
    dd_kernel_class class;
    dd__opened opened;
    char *key;
    char *forced_text; /* cut up into `forced` */
    dd__forced *forced;
    size_t forced_count;
    size_t group_limit, group; /* the latter as dd__device_group */
    size_t group_sizes[3];     /* largest along each dimension */
    uint64_t bytes;            /* in buffers now */
    uint64_t budget;           /* most that they may be */
    double part_seconds;       /* longest that a launch shall run (split.c); 0: any time */
    double queued_seconds;     /* of such launches, since the queue was last waited for */
    dd__program *programs;     /* a list */
    dd__fit *fits;             /* a list */
    dd__matrix matrix[DD_PRECISION_BF16 + 1]; /* by format */
    double program_seconds;
    bool trying_programs; /* dd__device_try_programs */
    bool trusted;         /* not checked before it is used */
    bool lost;
    bool clblast_used;
    bool timers_checked, timers_fail; /* of a profiling queue's events */
    bool half_probed, computes_half;  /* half.c */

    cl_platform_id platform; /* these are NULL for the reference */
    cl_device_id id;
    cl_context context;
    cl_command_queue queue, profiling_queue; /* the second made on demand */
};

dd_status dd__device_profiling_queue(dd_device *device, cl_command_queue *queue);
dd_status dd__queue_finish(dd_device *device, cl_command_queue queue);

struct dd__buffer {
    dd_device *device;
    size_t bytes;
    dd__buffer *parent; /* of a view, which starts `offset` bytes into it */
    size_t offset;
    cl_mem memory; /* NULL on the reference device */
    char *host;    /* where the bytes are: reference device only */
    void *block;   /* what `host` lies in */
    void *pages;   /* (page_bytes) mapped for the runtime, or NULL when it has its own */
    size_t page_bytes;
    char *lent; /* where in them the buffer is */
};

struct dd__program {
    dd_device *device;
    char *name, *options; /* as asked for */
    char *all_options;    /* as compiled */
    char shown[128];      /* the same for messages, cut off */
    char key[33];         /* of the disk cache */
    cl_program program;
    bool has_kernel; /* one was made: its binary is worth keeping */
    bool from_cache;
    bool tried; /* only: not kept */
    dd__program *next;
};

typedef struct dd__part { /* of a linked program: another's text, between two more */
    dd__program *program;
    const char *prefix, *suffix;
} dd__part;

/* cl/<name>.cl behind `prefix`, linked with the parts, each compiled by itself; kept and cached as
 * other programs are. DD_DEVICE  it does not compile or link */
dd_status dd__program_link(dd_device *device, const char *name, const char *prefix,
                           const dd__part *parts, size_t count, dd__program **program);
/* A kernel of the program; the caller releases it. */
dd_status dd__program_kernel(dd__program *program, const char *name, cl_kernel *kernel);
void dd__programs_free(dd_device *device);
/* DD_DEVICE  the device does not take the kernel in groups of that size; the message has the reason */
dd_status dd__check_group(dd_device *device, cl_kernel kernel, const size_t local[3]);
void dd__fits_free(dd_device *device);

/* ---- Sources ---------------------------------------------------------------------------- */

/* cl/<name>.cl out of $DEEPDIGITS_CL_DIR when it is there, else as built in; to be freed. */
dd_status dd__source_read(const char *name, char **text);
/* The program of that name: cl/common.cl and its own file, in which a line `#include "other.cl"`
 * stands for that file's text; lines are numbered as in their files, for the build log. To be freed. */
dd_status dd__source_make(const char *name, char **text);

/* ---- Disk cache --------------------------------------------------------------------- */

/* The binary stored under `key`, to be freed with dd__free, or NULL, and why not as a verbose
 * notice. */
char *dd__program_cache_read(const char *key, size_t *size);
/* A failure is only a verbose notice. */
void dd__program_cache_write(const char *key, const void *binary, size_t size);

#ifdef DD_WITH_CLBLAST
#include "device/recorder.h"
dd_status dd__clblast_sgemm(dd_device *device, const dd__gemm_shape *shape, const dd__buffer *a,
                            const dd__buffer *b, dd__buffer *c, cl_command_queue queue);
void dd__clblast_close(dd_device *device);
#endif

#endif
