#include "reference/reference.h"

dd_status dd__reference_bias(const dd__node *node) {
    const dd__value *x = node->in[0];
    const float *in = dd__f32(x), *b = dd__f32(node->in[1]); /* (..., C), (C) */
    float *y = dd__f32(node->out[0]);
    size_t channels = x->dims.d[x->dims.rank - 1], count = dd__dims_count(&x->dims);
    for (size_t i = 0; i < count; i++) y[i] = in[i] + b[i % channels];
    return DD_OK;
}

dd_status dd__reference_column_sums(const dd__node *node) {
    const dd__value *x = node->in[0];
    const float *in = dd__f32(x);     /* (..., C) */
    float *y = dd__f32(node->out[0]); /* (C) */
    size_t channels = x->dims.d[x->dims.rank - 1], count = dd__dims_count(&x->dims);
    for (size_t c = 0; c < channels; c++) {
        double sum = 0;
        for (size_t i = c; i < count; i += channels) sum += (double)in[i];
        y[c] = (float)sum;
    }
    return DD_OK;
}
