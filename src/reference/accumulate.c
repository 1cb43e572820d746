#include "reference/reference.h"

dd_status dd__reference_accumulate(const dd__node *node) {
    float *sum = dd__f32(node->in[0]);
    const float *x = dd__f32(node->in[1]);
    const dd__step *step = dd__buffer_host(node->in[2]->buffer);
    size_t count = dd__dims_count(&node->in[0]->dims);
    for (size_t i = 0; i < count; i++) sum[i] = step->part ? sum[i] + x[i] : x[i];
    return DD_OK;
}

dd_status dd__reference_next_part(const dd__node *node) {
    const dd__gather *gather = node->attributes;
    dd__step *step = dd__buffer_host(node->in[0]->buffer);
    step->part++;
    step->position += (uint32_t)gather->batch;
    return DD_OK;
}
