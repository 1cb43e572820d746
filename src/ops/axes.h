/* axes.h: values as the ops see them that work over some of their axes (reduce, normalize). */
#ifndef DD_OPS_AXES_H
#define DD_OPS_AXES_H

#include "ops/launch.h"

/* x as (K0, R0, K1, R1, K2, R2, K3): extents that are kept and extents that one works over, in turn.
 * Neighbours of a kind are one extent; what is not there is 1. */
typedef struct dd__axes {
    size_t kept[4], over[3];
    size_t places; /* the kept ones' product */
    size_t count;  /* elements that belong to a place, the others' product */
    bool together; /* x is (K0, R0, K1) */
} dd__axes;

dd__axes dd__axes_of(const dd__dims *x, const dd__dims *axes);
/* For infer functions: x holds floats and `axes` some of its axes, each once. DD_SHAPE */
dd_status dd__axes_check(const dd__value *x, const dd__dims *axes);
/* Puts K1, K2, K3, R0, R1, R2 behind the arguments that there are. */
void dd__launch_axes(dd__launch *launch, const dd__axes *axes);
/* Geometry and last arguments of the form for CPU runtimes, where axes->together: the kernel
 * <name>_rows where K1 is 1, else <name>_columns. `kernel` gets that name. */
void dd__launch_together(dd__launch *launch, const dd_device *device, const dd__axes *axes,
                         const char *name, char kernel[64]);
/* The same for GPUs: the kernel <name>_grouped. */
void dd__launch_grouped(dd__launch *launch, const dd_device *device, const dd__axes *axes,
                        const char *name, char kernel[64]);
/* For implementations that do so: why they cannot, printable, or NULL. */
const char *dd__refuse_apart(const dd__axes *axes);
/* For those for GPUs: why one item a place is likely faster, or NULL. */
const char *dd__avoid_groups(const dd_device *device, const dd__axes *axes);

#endif
