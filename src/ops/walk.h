/* walk.h: a result's elements in order, and where those of the operands that they are made from lie
 * (cl/walk.cl). Element (i0, i1, ..) is made from element  sum of i[k] * stride[k]  of an operand, whose
 * strides are 0 along the axes that it is repeated along, and may be negative. */
#ifndef DD_OPS_WALK_H
#define DD_OPS_WALK_H

#include "device/recorder.h"
#include "graph/op.h"

enum { DD__OPERANDS = 2 };

typedef struct dd__walk {
    unsigned rank; /* at least 1 once merged */
    int32_t extent[DD__MAX_RANK];
    int32_t stride[DD__OPERANDS][DD__MAX_RANK];
} dd__walk;

/* Over all elements of `dims`, with strides of 0. */
dd__walk dd__walk_over(const dd__dims *dims);
/* The distances between neighbours along each axis of what lies in memory without gaps. */
void dd__strides(const dd__dims *dims, int32_t stride[DD__MAX_RANK]);
/* Leaves out axes of one element and makes one of neighbours that are walked as one. */
void dd__walk_merge(dd__walk *walk);
/* Appends the arguments WALK(numbers) of cl/walk.cl: a number for each axis, behind others for those that
 * are missing in front. */
void dd__launch_walk_axes(dd__launch *launch, const int32_t *numbers, unsigned rank,
                          int32_t missing);
/* Appends WALK(extent) and, for each of the first `operands`, WALK(stride). */
void dd__launch_walk(dd__launch *launch, const dd__walk *walk, unsigned operands);

#endif
