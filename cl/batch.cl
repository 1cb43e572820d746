/* batch.cl: a step's surroundings: its examples, the counters, the metrics.
 *
 *   gather    example i of the batch stands at position = step.position + i of the epoch, which is
 *             example permute(position) of the dataset when shuffled, else example `position`:
 *             x[i][j] = images[example][j] * scale + shift;  y[i] = labels[example]
 *             Where channels differ, channel j % channels has a scale and a shift of its own.
 *             Behind the last one (the lesser of step.count and capacity): x = 0, y = -1.
 *             images (capacity, size) U8, labels (capacity), x (batch, size), y (batch)
 *   gather_warped  the same with images (capacity, height, width, channels) seen through a random
 *             affine map, see src/ops/batch.c; ranges in degrees and parts of the image
 *   advance   step.step += 1, step.position += batch, step.part = 0
 *   next_part step.part += 1, step.position += batch
 *   metrics   sums[0..2] += sum of loss, sum of hit, number of labels >= 0
 *
 * Launch
 *   gather          (lanes, batch), groups (lanes, 1): one a example, its work-items side by side
 *   gather_vector   a work-item a group: examples k * chunk up to (k + 1) * chunk - 1
 *   gather_warped, gather_warped_vector: likewise
 *   advance, next_part  one work-item
 *   metrics         one group of DD_GROUP work-items, which add up in a fixed order (group.cl), so
 *                   the same bits every time
 */
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

/* Where pixel (r, c) of the batch lies in the image: row = rr * r + rc * c + r0, column alike. */
typedef struct {
    float rr, rc, r0, cr, cc, c0;
} Warp;

/* Uniform in -1 .. 1. */
inline float signed_uniform(uint word) { return (float)(word >> 8) * 0x1p-23f - 1.0f; }

/* Streams 5 and 6 are DD__STREAM_AUGMENT. */
inline Warp draw_warp(global const Step *step, uint example, int height, int width, float rotation,
                      float shear, float shift_c, float shift_r, float zoom) {
    const float degree = 0.017453292519943295f;
    uint4 first = philox(step->seed_low, step->seed_high, 5, example, step->epoch);
    uint4 second = philox(step->seed_low, step->seed_high, 6, example, step->epoch);
    float turn = signed_uniform(first.x) * rotation * degree;
    float lean = turn + signed_uniform(first.y) * shear * degree;
    float down = signed_uniform(first.z) * shift_r * (float)height;
    float right = signed_uniform(first.w) * shift_c * (float)width;
    float zoom_r = FMA(signed_uniform(second.x), zoom, 1.0f);
    float zoom_c = FMA(signed_uniform(second.y), zoom, 1.0f);
    float middle_r = 0.5f * (float)(height - 1), middle_c = 0.5f * (float)(width - 1);
    Warp warp = {cos(turn) * zoom_r, -sin(lean) * zoom_c, 0,
                 sin(turn) * zoom_r, cos(lean) * zoom_c,  0};
    warp.r0 =
        middle_r + cos(turn) * down - sin(turn) * right - warp.rr * middle_r - warp.rc * middle_c;
    warp.c0 =
        middle_c + sin(turn) * down + cos(turn) * right - warp.cr * middle_r - warp.cc * middle_c;
    return warp;
}

/* Writes pixel (r, c) of the warped image, all channels, to `to`. */
inline void warp_pixel(global const uchar *image, const Warp *warp, int r, int c, int height,
                       int width, int channels, const Preparation *preparation, global float *to) {
    float row = FMA(warp->rr, (float)r, FMA(warp->rc, (float)c, warp->r0));
    float column = FMA(warp->cr, (float)r, FMA(warp->cc, (float)c, warp->c0));
    row = clamp(row, 0.0f, (float)(height - 1));
    column = clamp(column, 0.0f, (float)(width - 1));
    int top = (int)row, left = (int)column;
    int below = top + 1 < height ? width * channels : 0, beside = left + 1 < width ? channels : 0;
    row -= (float)top;
    column -= (float)left;
    image += (top * width + left) * channels;
    for (int k = 0; k < channels; k++) {
        float a = image[k], b = image[k + beside], c = image[k + below],
              d = image[k + below + beside];
        float upper = FMA(b - a, column, a), lower = FMA(d - c, column, c);
        to[k] = prepare(preparation, FMA(lower - upper, row, upper), k);
    }
}

kernel void gather_warped(global const uchar *restrict images, global const int *restrict labels,
                          global const Step *restrict step, global float *restrict x,
                          global int *restrict y, int capacity, int height, int width, int channels,
                          int batch, int shuffle, PREPARATION, float rotation, float shear,
                          float shift_c, float shift_r, float zoom) {
    const Preparation preparation = TAKE_PREPARATION;
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
    Warp warp =
        draw_warp(step, (uint)example, height, width, rotation, shear, shift_c, shift_r, zoom);
    for (int j = lane; j < pixels; j += lanes)
        warp_pixel(images, &warp, j / width, j % width, height, width, channels, &preparation,
                   x + j * channels);
}

kernel void gather_warped_vector(global const uchar *restrict images,
                                 global const int *restrict labels,
                                 global const Step *restrict step, global float *restrict x,
                                 global int *restrict y, int capacity, int height, int width,
                                 int channels, int batch, int shuffle, PREPARATION, float rotation,
                                 float shear, float shift_c, float shift_r, float zoom, int chunk) {
    const Preparation preparation = TAKE_PREPARATION;
    int i = (int)get_global_id(0) * chunk, end = min(i + chunk, batch);
    int size = height * width * channels;
    for (; i < end; i++) {
        long example = find_example(step, i, capacity, shuffle);
        global float *to = x + (size_t)i * size;
        y[i] = example < 0 ? -1 : labels[example];
        if (example < 0) {
            for (int j = 0; j < size; j++) to[j] = 0;
            continue;
        }
        global const uchar *from = images + (size_t)example * size;
        Warp warp =
            draw_warp(step, (uint)example, height, width, rotation, shear, shift_c, shift_r, zoom);
        for (int r = 0; r < height; r++)
            for (int c = 0; c < width; c++, to += channels)
                warp_pixel(from, &warp, r, c, height, width, channels, &preparation, to);
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
