/* batch.cl: a step's surroundings: its examples, the counters, the metrics.
 *
 *   gather    example i of the batch stands at position = step.position + i of the epoch, which is
 *             example permute(position) of the dataset when shuffled, else example `position`:
 *             x[i][j] = images[example][j] * scale + shift;  y[i] = labels[example]
 *             Where channels differ, channel j % channels has a scale and a shift of its own.
 *             Behind the last one (the lesser of step.count and capacity): x = 0, y = -1.
 *             images (capacity, size) U8, labels (capacity), x (batch, size), y (batch)
 *   gather_augmented  the same with images (capacity, height, width, channels) changed at random, as
 *             augment.cl says
 *   advance   step.step += 1, step.position += batch, step.part = 0
 *   next_part step.part += 1, step.position += batch
 *   metrics   sums[0..2] += sum of loss, sum of hit, number of labels >= 0
 *
 * Launch
 *   gather          (lanes, batch), groups (lanes, 1): one a example, its work-items side by side
 *   gather_vector   a work-item a group: examples k * chunk up to (k + 1) * chunk - 1
 *   gather_augmented, gather_augmented_vector: likewise
 *   advance, next_part  one work-item
 *   metrics         one group of DD_GROUP work-items, which add up in a fixed order (group.cl), so
 *                   the same bits every time
 */
#include "augment.cl"
#include "group.cl"

inline uint scramble(uint x) {
    x ^= x >> 16;
    x *= 0x85EBCA6Bu;
    x ^= x >> 13;
    x *= 0xC2B2AE35u;
    return x ^ (x >> 16);
}

/* dd__permute of src/base/random.c; stream 1 is DD__STREAM_SHUFFLE. */
inline uint permute(uint seed_low, uint seed_high, uint epoch, uint position, uint count) {
    uint bits = 1;
    while (bits < 16 && (1u << (2 * bits)) < count) bits++;
    uint mask = (1u << bits) - 1, x = position;
    uint4 words = philox(seed_low, seed_high, 1, epoch, 0);
    uint key[4] = {words.x, words.y, words.z, words.w};
    do {
        uint left = x >> bits, right = x & mask;
        for (uint round = 0; round < 6; round++) {
            uint next = left ^ (scramble(right + key[round & 3] + round * 0x9E3779B9u) & mask);
            left = right;
            right = next;
        }
        x = left << bits | right;
    } while (x >= count);
    return x;
}

/* The dataset's number of the batch's example i, or -1 behind the last one. */
inline long find_example(global const Step *step, int i, int capacity, int shuffle) {
    uint count = min(step->count, (uint)capacity), position = step->position + (uint)i;
    if (position >= count) return -1;
    if (!shuffle) return position;
    return permute(step->seed_low, step->seed_high, step->epoch, position, count);
}

/* The four scales and shifts of a launch; `channels` 0: the first of them are those of all. */
typedef struct {
    int channels;
    float scale[4], shift[4];
} Preparation;

#define PREPARATION                                                                     \
    int prepared, float scale0, float scale1, float scale2, float scale3, float shift0, \
        float shift1, float shift2, float shift3
#define TAKE_PREPARATION                                                               \
    {                                                                                  \
        prepared, {scale0, scale1, scale2, scale3}, { shift0, shift1, shift2, shift3 } \
    }

inline float prepare(const Preparation *p, float pixel, int channel) {
    int c = p->channels ? channel : 0;
    return FMA(pixel, p->scale[c], p->shift[c]);
}

kernel void gather(global const uchar *restrict images, global const int *restrict labels,
                   global const Step *restrict step, global float *restrict x,
                   global int *restrict y, int capacity, int size, int batch, int shuffle,
                   PREPARATION) {
    const Preparation preparation = TAKE_PREPARATION;
    int period = max(prepared, 1);
    int lane = (int)get_local_id(0), lanes = (int)get_local_size(0), i = (int)get_global_id(1);
    long example = find_example(step, i, capacity, shuffle);
    if (lane == 0) y[i] = example < 0 ? -1 : labels[example];
    images += (size_t)max(example, 0L) * size;
    x += (size_t)i * size;
    for (int j = lane; j < size; j += lanes)
        x[j] = example < 0 ? 0 : prepare(&preparation, (float)images[j], j % period);
}

kernel void gather_vector(global const uchar *restrict images, global const int *restrict labels,
                          global const Step *restrict step, global float *restrict x,
                          global int *restrict y, int capacity, int size, int batch, int shuffle,
                          PREPARATION, int chunk) {
    const Preparation preparation = TAKE_PREPARATION;
    int i = (int)get_global_id(0) * chunk, end = min(i + chunk, batch);
    for (; i < end; i++) {
        long example = find_example(step, i, capacity, shuffle);
        global float *to = x + (size_t)i * size;
        int j = 0;
        if (example < 0) {
            y[i] = -1;
            for (; j < size; j++) to[j] = 0;
            continue;
        }
        y[i] = labels[example];
        global const uchar *from = images + (size_t)example * size;
        if (prepared == 0)
            for (; j + VW <= size; j += VW)
                VSTORE(FMA(CAT(convert_float, VW)(VLOAD(from + j)), (V)(scale0), (V)(shift0)),
                       to + j);
        for (int channel = 0; j < size; j++) {
            to[j] = prepare(&preparation, (float)from[j], channel);
            channel = channel + 1 < prepared ? channel + 1 : 0;
        }
    }
}

/* ---- Augmented ------------------------------------------------------------------------ */

/* Writes pixel (r, c) of the changed image, all channels, to `to`. */
inline void augment_pixel(global const uchar *image, const Warp *warp, const Bend *bend, int bends,
                          const Change *change, int r, int c, const Size *size,
                          const Preparation *preparation, global float *to) {
    float2 moved = bends ? bend_at(bend, r, c, size) : (float2)(0, 0);
    for (int k = 0; k < size->channels; k++)
        to[k] = prepare(preparation, augmented(image, warp, moved, change, r, c, k, size), k);
}

kernel void gather_augmented(global const uchar *restrict images, global const int *restrict labels,
                             global const Step *restrict step, global float *restrict x,
                             global int *restrict y, int capacity, int height, int width,
                             int channels, int batch, int shuffle, PREPARATION, RANGES) {
    const Preparation preparation = TAKE_PREPARATION;
    const Ranges ranges = TAKE_RANGES;
    const Size size = {height, width, channels};
    Bend bend;
    int lane = (int)get_local_id(0), lanes = (int)get_local_size(0), i = (int)get_global_id(1);
    long example = find_example(step, i, capacity, shuffle);
    if (lane == 0) y[i] = example < 0 ? -1 : labels[example];
    int pixels = height * width;
    x += (size_t)i * pixels * channels;
    if (example < 0) {
        for (int j = lane; j < pixels * channels; j += lanes) x[j] = 0;
        return;
    }
    images += (size_t)example * pixels * channels;
    Warp warp = draw_warp(step, (uint)example, &ranges, &size);
    Change change = draw_change(step, (uint)example, &ranges, &size);
    if (elastic > 0) draw_bend(step, (uint)example, elastic, &bend);
    for (int j = lane; j < pixels; j += lanes)
        augment_pixel(images, &warp, &bend, elastic > 0, &change, j / width, j % width, &size,
                      &preparation, x + j * channels);
}

kernel void gather_augmented_vector(global const uchar *restrict images,
                                    global const int *restrict labels,
                                    global const Step *restrict step, global float *restrict x,
                                    global int *restrict y, int capacity, int height, int width,
                                    int channels, int batch, int shuffle, PREPARATION, RANGES,
                                    int chunk) {
    const Preparation preparation = TAKE_PREPARATION;
    const Ranges ranges = TAKE_RANGES;
    const Size size = {height, width, channels};
    Bend bend;
    int i = (int)get_global_id(0) * chunk, end = min(i + chunk, batch);
    int count = height * width * channels;
    for (; i < end; i++) {
        long example = find_example(step, i, capacity, shuffle);
        global float *to = x + (size_t)i * count;
        y[i] = example < 0 ? -1 : labels[example];
        if (example < 0) {
            for (int j = 0; j < count; j++) to[j] = 0;
            continue;
        }
        global const uchar *from = images + (size_t)example * count;
        Warp warp = draw_warp(step, (uint)example, &ranges, &size);
        Change change = draw_change(step, (uint)example, &ranges, &size);
        if (elastic > 0) draw_bend(step, (uint)example, elastic, &bend);
        for (int r = 0; r < height; r++)
            for (int c = 0; c < width; c++, to += channels)
                augment_pixel(from, &warp, &bend, elastic > 0, &change, r, c, &size, &preparation, to);
    }
}

/* ---- Counters and sums ----------------------------------------------------------------- */

kernel void advance(global Step *step, int batch) {
    step->step += 1;
    step->position += (uint)batch;
    step->part = 0;
}

kernel void next_part(global Step *step, int batch) {
    step->part += 1;
    step->position += (uint)batch;
}

FULL_GROUP void metrics(global const float *restrict loss, global const float *restrict hit,
                        global const int *restrict labels, global float *restrict sums, int count) {
    local Sum held[DD_GROUP];
    Sum all[3] = {sum_of(0, 0), sum_of(0, 0), sum_of(0, 0)};
    for (int i = (int)get_local_id(0); i < count; i += DD_GROUP) {
        all[0] = plus(all[0], sum_of(loss[i], 0));
        all[1] = plus(all[1], sum_of(hit[i], 0));
        all[2] = plus(all[2], sum_of(labels[i] >= 0 ? 1 : 0, 0));
    }
    for (int k = 0; k < 3; k++) {
        float sum = total(fold_sum(held, all[k], 1, DD_GROUP));
        if (get_local_id(0) == 0) sums[k] += sum;
    }
}
