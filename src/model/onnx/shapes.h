/* shapes.h: what the operators that only change shapes are told, in every version of theirs: as
 * attributes in older operator sets, as inputs that must be known in newer ones.
 */
#ifndef DD_MODEL_ONNX_SHAPES_H
#define DD_MODEL_ONNX_SHAPES_H

#include "model/onnx/known.h"

typedef struct dd__onnx_slice { /* x[begin + i * step], i < size, along axis */
    int64_t axis, begin, step, size;
} dd__onnx_slice;
typedef struct dd__onnx_slices {
    dd__onnx_slice items[DD__MAX_RANK];
    size_t count;
} dd__onnx_slices;

/* in[] are the node's inputs, NULL where one is absent or not known; x is the first one's shape.
 * DD_FORMAT */

/* Slice. */
dd_status dd__onnx_read_slices(const Onnx__NodeProto *node, const dd__known *const in[],
                               size_t count, const dd__dims *x, dd__onnx_slices *slices);
/* Reshape, Flatten, Squeeze, Unsqueeze: the result's shape. */
dd_status dd__onnx_shape_of_view(const Onnx__NodeProto *node, const dd__known *const in[],
                                 size_t count, const dd__dims *x, dd__dims *dims);
/* A list of axes, which is input `index`, or in older operator sets the attribute "axes": bit i is
 * set for axis i. None given: *given is false. */
dd_status dd__onnx_read_axes(const Onnx__NodeProto *node, const dd__known *const in[], size_t count,
                             size_t index, unsigned rank, unsigned *axes, bool *given);
/* A list of whole numbers, which is input `index`, or where there is none the attribute `name`; at
 * most `room`. *found is how many, 0 when there is neither. */
dd_status dd__onnx_read_list(const Onnx__NodeProto *node, const dd__known *const in[], size_t count,
                             size_t index, const char *name, int64_t *list, size_t room,
                             size_t *found);
/* The order of axes that `perm` gives, reversed when it is empty. */
dd_status dd__onnx_order(const int64_t *perm, size_t count, unsigned rank,
                         unsigned order[DD__MAX_RANK]);

#endif
