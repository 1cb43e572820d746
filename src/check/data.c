#include <string.h>

#include "base/hash.h"
#include "base/random.h"
#include "check/check.h"

dd__type dd__data_type(dd__data data) {
    switch (data) {
    case DD__DATA_LABELS:
    case DD__DATA_CLASSES:
    case DD__DATA_STEP:
    case DD__DATA_STEP_END:
    case DD__DATA_STEP_PART:
        return DD__I32;
    case DD__DATA_PIXELS:
    case DD__DATA_PLACES:
    case DD__DATA_KEPT:
    case DD__DATA_MASK:
        return DD__U8;
    default:
        return DD__F32;
    }
}

static float one_number(dd__random *random, dd__data data) {
    switch (data) {
    case DD__DATA_INTEGER:
        return (float)dd__random_below(random, 9) - 4.0f;
    case DD__DATA_HALF:
        return (float)dd__random_below(random, 9) - 3.5f;
    case DD__DATA_NORMAL:
        return dd__random_normal(random);
    case DD__DATA_OFFSET:
        return 30.0f + dd__random_normal(random);
    case DD__DATA_POSITIVE:
        return 0.5f + dd__random_uniform(random);
    case DD__DATA_LARGE:
        return 1e4f * dd__random_normal(random);
    default:
        return 0.0f;
    }
}

static void fill_numbers(dd__random *random, dd__data data, float *out, size_t count) {
    for (size_t i = 0; i < count; i++) out[i] = one_number(random, data);
}

static void fill_distinct(uint64_t seed, float *out, size_t count) {
    const size_t middle = count / 2;
    for (size_t i = 0; i < count; i++) {
        uint32_t rank = dd__permute(seed, 0, (uint32_t)i, (uint32_t)count);
        out[i] = (float)(0.01 * ((double)rank - (double)middle) + 0.005);
    }
}

static void fill_labels(dd__random *random, uint32_t classes, bool some_unknown, int32_t *out,
                        size_t count) {
    for (size_t i = 0; i < count; i++) {
        out[i] = (int32_t)dd__random_below(random, classes);
        if (some_unknown && i % 5 == 4) out[i] = -1;
    }
}

static void fill_bytes(dd__random *random, uint32_t bound, uint8_t *out, size_t count) {
    for (size_t i = 0; i < count; i++) out[i] = (uint8_t)dd__random_below(random, bound);
}

static void fill_step(const dd__case *c, dd__data data, unsigned run, void *bytes) {
    uint32_t count = c->in[0].dims.d[0];
    dd__step step = {.seed_low = 42,
                     .seed_high = 7,
                     .step = data == DD__DATA_STEP_END ? 2 : run,
                     .epoch = 1,
                     .position = data == DD__DATA_STEP_END ? count - 3 : 0,
                     .count = count,
                     .learning_rate = 0.01f,
                     .base_rate = 0.02f};
    if (data == DD__DATA_STEP_PART) {
        step.part = 1;
        step.parts = 3;
    }
    memcpy(bytes, &step, sizeof step);
}

void dd__case_fill(const dd__case *c, size_t i, unsigned run, void *bytes) {
    dd__data data = c->in[i].data;
    const dd__dims *first = &c->in[0].dims;
    size_t count = dd__dims_count(&c->in[i].dims);
    uint64_t seed = ((uint64_t)dd__hash32(c->name, strlen(c->name)) << 8) + i;
    dd__random random = dd__random_start(seed, DD__STREAM_TEST);
    switch (data) {
    case DD__DATA_NONE:
        break;
    case DD__DATA_DISTINCT:
        fill_distinct(seed, bytes, count);
        break;
    case DD__DATA_LABELS:
        fill_labels(&random, first->d[first->rank - 1], true, bytes, count);
        break;
    case DD__DATA_CLASSES:
        fill_labels(&random, 10, false, bytes, count);
        break;
    case DD__DATA_PIXELS:
        fill_bytes(&random, 256, bytes, count);
        break;
    case DD__DATA_PLACES:
        fill_bytes(&random, 4, bytes, count);
        break;
    case DD__DATA_KEPT:
        fill_bytes(&random, 5, bytes, count);
        for (uint8_t *place = bytes; place < (uint8_t *)bytes + count; place++)
            if (*place == 4) *place = 255;
        break;
    case DD__DATA_MASK:
        fill_bytes(&random, 2, bytes, count);
        break;
    case DD__DATA_STEP:
    case DD__DATA_STEP_END:
    case DD__DATA_STEP_PART:
        fill_step(c, data, run, bytes);
        break;
    default:
        fill_numbers(&random, data, bytes, count);
    }
}
