/* launch.h: how the memory-bound kernels are launched. Each stands in its .cl file in two forms:
 *
 *   <name>          one work-item an element, any device
 *   <name>_vector   one work-item a work-group, each over a chunk of VW-wide vectors: for CPU
 *                   runtimes, whose compilers do not vectorise over work-items
 */
#ifndef DD_OPS_LAUNCH_H
#define DD_OPS_LAUNCH_H

#include "device/recorder.h"
#include "graph/graph.h"

/* "-DVW=8". Every launch of these programs has it, in both forms, so that each file is built once
 * for a device. */
const char *dd__vector_option(const dd_device *device);

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

/* Puts the values' buffers behind the arguments that there are. */
void dd__launch_values(dd__launch *launch, dd__value *const values[], size_t count);

#endif
