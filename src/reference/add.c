#include <string.h>

#include "reference/reference.h"

dd_status dd__reference_add(const dd__node *node) {
    const float *a = dd__f32(node->in[0]), *b = dd__f32(node->in[1]);
    float *y = dd__f32(node->out[0]);
    size_t count = dd__dims_count(&node->out[0]->dims);
    for (size_t i = 0; i < count; i++) y[i] = a[i] + b[i];
    return DD_OK;
}

dd_status dd__reference_copy(const dd__node *node) {
    memcpy(dd__buffer_host(node->out[0]->buffer), dd__buffer_host(node->in[0]->buffer),
           dd__value_bytes(node->out[0]));
    return DD_OK;
}
