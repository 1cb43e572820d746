#include "base/random.h"
#include "reference/parts.h"
#include "reference/reference.h"

dd_status dd__reference_gather(const dd__node *node) {
    const dd__gather *gather = node->attributes;
    const dd__value *images = node->in[0]; /* (COUNT, ...) */
    const dd__step *step = dd__buffer_host(node->in[2]->buffer);
    float *x = dd__f32(node->out[0]); /* (batch, ...) */
    size_t size = dd__dims_count(&node->out[0]->dims) / (size_t)gather->batch;
    uint32_t room = images->dims.d[0], count = step->count < room ? step->count : room;
    uint64_t seed = (uint64_t)step->seed_high << 32 | step->seed_low;
    for (size_t i = 0; i < (size_t)gather->batch; i++, x += size) {
        uint64_t position = (uint64_t)step->position + i;
        bool there = position < count;
        uint32_t index = there ? (uint32_t)position : 0;
        if (there && gather->shuffle) index = dd__permute(seed, step->epoch, index, count);
        const uint8_t *pixels = dd__u8(images) + index * size;
        dd__i32(node->out[1])[i] = there ? dd__i32(node->in[1])[index] : -1;
        if (there && dd__augments(&gather->augment)) {
            const uint32_t *d = images->dims.d;
            dd__reference_augment(gather, seed, index, step->epoch, pixels, &d[1], x);
            continue;
        }
        for (size_t j = 0; j < size; j++) {
            size_t c = gather->channels ? j % (size_t)gather->channels : 0;
            x[j] = there ? (float)pixels[j] * gather->scale[c] + gather->shift[c] : 0;
        }
    }
    return DD_OK;
}

dd_status dd__reference_advance(const dd__node *node) {
    const dd__gather *gather = node->attributes;
    dd__step *step = dd__buffer_host(node->in[0]->buffer);
    step->step++;
    step->position += (uint32_t)gather->batch;
    step->part = 0;
    return DD_OK;
}

dd_status dd__reference_metrics(const dd__node *node) {
    const float *loss = dd__f32(node->in[0]), *hit = dd__f32(node->in[1]); /* (N) */
    const int32_t *labels = dd__i32(node->in[2]);                          /* (N) */
    float *sums = dd__f32(node->in[3]);                                    /* (4) */
    double total[3] = {(double)sums[0], (double)sums[1], (double)sums[2]};
    for (size_t i = 0; i < node->in[0]->dims.d[0]; i++) {
        total[0] += (double)loss[i];
        total[1] += (double)hit[i];
        total[2] += labels[i] >= 0;
    }
    for (size_t i = 0; i < 3; i++) sums[i] = (float)total[i];
    return DD_OK;
}
