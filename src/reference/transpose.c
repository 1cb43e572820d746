#include "reference/reference.h"

/* y's element with the index at[] is x's with the same numbers, each at the axis that order tells. */
dd_status dd__reference_transpose(const dd__node *node) {
    const dd__dims *order = &((const dd__transpose *)node->attributes)->order;
    const dd__value *x = node->in[0], *y = node->out[0];
    size_t count = dd__dims_count(&y->dims);
    for (size_t i = 0; i < count; i++) {
        size_t at[DD__MAX_RANK] = {0}, rest = i, from = 0;
        for (unsigned k = y->dims.rank; k-- > 0; rest /= y->dims.d[k])
            at[order->d[k]] = rest % y->dims.d[k];
        for (unsigned k = 0; k < x->dims.rank; k++) from = from * x->dims.d[k] + at[k];
        dd__f32(y)[i] = dd__f32(x)[from];
    }
    return DD_OK;
}
