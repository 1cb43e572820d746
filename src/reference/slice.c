#include "reference/reference.h"

dd_status dd__reference_slice(const dd__node *node) {
    const dd__slice *slice = node->attributes;
    const dd__value *x = node->in[0], *y = node->out[0];
    size_t inner = 1, extent = x->dims.d[slice->axis], size = y->dims.d[slice->axis];
    for (unsigned i = (unsigned)slice->axis + 1; i < x->dims.rank; i++) inner *= x->dims.d[i];
    size_t count = dd__dims_count(&y->dims);
    for (size_t i = 0; i < count; i++) {
        size_t outer = i / inner / size;
        int64_t at = slice->begin + (int64_t)(i / inner % size) * slice->step;
        dd__f32(y)[i] = dd__f32(x)[(outer * extent + (size_t)at) * inner + i % inner];
    }
    return DD_OK;
}
