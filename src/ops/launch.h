/* launch.h: how the memory-bound kernels are launched. Each stands in its .cl file in two forms:
 *
 *   <name>          one work-item an element, any device; what is summed over rows, by groups of
 *                   work-items that share local memory (cl/group.cl)
 *   <name>_vector   one work-item a work-group, each over a chunk of VW-wide vectors: for CPU
 *                   runtimes, whose compilers do not vectorise over work-items
 */
#ifndef DD_OPS_LAUNCH_H
#define DD_OPS_LAUNCH_H

#include "device/recorder.h"
#include "graph/op.h"

/* "-DVW=8". Every launch of these programs has it, in both forms, so that each file is built once
 * for a device. */
const char *dd__vector_option(const dd_device *device);

/* " -DX_T=half -DW_T=half -DY_T=half" (cl/common.cl), to put behind other options: which of x, w and y,
 * of a node its input 0, input 1 and output 0, are stored in half precision. NULL: no such value. */
typedef struct dd__options {
    char text[64];
} dd__options;
dd__options dd__half_options_for(const dd__value *x, const dd__value *w, const dd__value *y);
dd__options dd__half_options(const dd__node *node);
/* With dd__vector_option in front. */
dd__options dd__element_options(const dd_device *device, const dd__node *node);

/* Work-groups that the device runs at a time. */
static inline int32_t dd__threads(const dd_device *device) {
    return (int32_t)dd_device_describe(device)->compute_units;
}

/* Geometry of the first form: at least `count` work-items, work-groups of at most 64. */
void dd__launch_elements(dd__launch *launch, const dd_device *device, size_t count);

/* Geometry of the second form for `count` items (elements, rows) of `width` elements each. Returns
 * the items of a chunk, a multiple of `multiple`. */
size_t dd__launch_chunks(dd__launch *launch, const dd_device *device, size_t count, size_t width,
                         size_t multiple);

/* How the rows of (rows, channels) are cut for sums by groups of dd__device_group work-items, each
 * with `wide` channels of a part: share_of in cl/group.cl. */
typedef struct dd__columns {
    size_t rows, channels, chunk, parts; /* part p: the `chunk` rows from p * chunk on */
} dd__columns;
/* So many parts that a GPU is full, or one if it has few rows. Follows from shape and group alone. */
dd__columns dd__cut_columns(const dd_device *device, size_t rows, size_t channels);
/* The sum over those parts, (parts, channels) in memory. */
static inline dd__columns dd__join_columns(const dd__columns *cut) {
    return (dd__columns){cut->parts, cut->channels, cut->parts, 1};
}
/* Geometry of these groups. Returns `wide`, a power of two. */
size_t dd__launch_columns(dd__launch *launch, const dd_device *device, const dd__columns *cut);

/* Geometry of `count` work-items in groups of dd__device_group. */
void dd__launch_groups(dd__launch *launch, const dd_device *device, size_t count);
/* The power of two that is not less than `count`, at most `most` and a group. */
size_t dd__group_width(const dd_device *device, size_t count, size_t most);

/* Puts the values' buffers behind the arguments that there are. */
void dd__launch_values(dd__launch *launch, dd__value *const values[], size_t count);

#endif
