#include <math.h>

#include "base/random.h"
#include "reference/parts.h"

/* Kept values are scaled in f32, as on devices: the results are the same to the last bit. */
static float scale_of(const dd__dropout *a) { return 1 / (1 - a->rate); }

bool dd__is_dropped(const dd__dropout *dropout, const dd__step *step, size_t count, size_t i) {
    uint64_t seed = (uint64_t)step->seed_high << 32 | step->seed_low;
    size_t before = step->part * ((count + 7) / 8); /* groups, of the micro-batches before */
    uint32_t words[4];
    dd__philox(seed, dropout->stream, (uint32_t)(before + i / 8), step->step, words);
    uint32_t number = words[i % 8 / 2] >> (i % 2 ? 16 : 0) & 0xFFFF;
    return (long)number < lrintf(dropout->rate * 65536);
}

dd_status dd__reference_dropout(const dd__node *node) {
    const dd__dropout *a = node->attributes;
    const dd__step *step = dd__buffer_host(node->in[1]->buffer);
    size_t count = dd__dims_count(&node->out[0]->dims);
    for (size_t i = 0; i < count; i++) {
        bool keep = !dd__is_dropped(a, step, count, i);
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
