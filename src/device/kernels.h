/* kernels.h: the sources of cl/, embedded at build time. */
#ifndef DD_DEVICE_KERNELS_H
#define DD_DEVICE_KERNELS_H

typedef struct dd__kernel_source {
    const char *name; /* "pool" for cl/pool.cl */
    const char *text;
} dd__kernel_source;

/* NULL-named row ends it. */
extern const dd__kernel_source dd__kernel_sources[];

#endif
