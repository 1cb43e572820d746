#include <math.h>
#include <string.h>

#include "reference/reference.h"

static size_t inside(float number, size_t extent) {
    double whole = isnan(number) ? 0 : trunc((double)number);
    if (whole < 0) whole += (double)extent;
    return (size_t)fmin(fmax(whole, 0), (double)extent - 1);
}

dd_status dd__reference_take(const dd__node *node) {
    unsigned axis = (unsigned)((const dd__take *)node->attributes)->axis;
    const dd__dims *x = &node->in[0]->dims;
    size_t outer = 1, inner = 1, extent = x->d[axis], numbers = dd__dims_count(&node->in[1]->dims);
    for (unsigned i = 0; i < axis; i++) outer *= x->d[i];
    for (unsigned i = axis + 1; i < x->rank; i++) inner *= x->d[i];
    for (size_t row = 0; row < outer * numbers; row++) {
        size_t from = row / numbers * extent + inside(dd__f32(node->in[1])[row % numbers], extent);
        memcpy(dd__f32(node->out[0]) + row * inner, dd__f32(node->in[0]) + from * inner,
               inner * sizeof(float));
    }
    return DD_OK;
}
