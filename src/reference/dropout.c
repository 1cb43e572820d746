#include <math.h>

#include "base/random.h"
#include "reference/reference.h"

/* Kept values are scaled in f32, as on devices: the results are the same to the last bit. */
static float scale_of(const dd__dropout *a) { return 1 / (1 - a->rate); }

dd_status dd__reference_dropout(const dd__node *node) {
    const dd__dropout *a = node->attributes;
    const dd__step *step = dd__buffer_host(node->in[1]->buffer);
    uint64_t seed = (uint64_t)step->seed_high << 32 | step->seed_low;
    long threshold = lrintf(a->rate * 65536);
    size_t count = dd__dims_count(&node->out[0]->dims);
    for (size_t i = 0; i < count; i++) {
        uint32_t words[4];
        dd__philox(seed, a->stream, (uint32_t)(i / 8), step->step, words);
        uint32_t number = words[i % 8 / 2] >> (i % 2 ? 16 : 0) & 0xFFFF;
        bool keep = (long)number >= threshold;
        dd__f32(node->out[0])[i] = keep ? dd__f32(node->in[0])[i] * scale_of(a) : 0;
        dd__u8(node->out[1])[i] = keep;
    }
    return DD_OK;
}

dd_status dd__reference_dropout_backward(const dd__node *node) {
    size_t count = dd__dims_count(&node->out[0]->dims);
    for (size_t i = 0; i < count; i++) {
        float dy = dd__f32(node->in[0])[i];
        dd__f32(node->out[0])[i] = dd__u8(node->in[1])[i] ? dy * scale_of(node->attributes) : 0;
    }
    return DD_OK;
}
