/* batch.cl: a step's surroundings: its examples, the counters, the metrics.
 *
 *   gather    example i of the batch stands at position = step.position + i of the epoch, which is
 *             example permute(position) of the dataset when shuffled, else example `position`:
 *             x[i][j] = images[example][j] * scale + shift;  y[i] = labels[example]
 *             Behind the last one (the lesser of step.count and capacity): x = 0, y = -1.
 *             images (capacity, size) U8, labels (capacity), x (batch, size), y (batch)
 *   advance   step.step += 1, step.position += batch
 *   metrics   sums[0..2] += sum of loss, sum of hit, number of labels >= 0
 *
 * Launch
 *   gather          (lanes, batch), groups (lanes, 1): one a example, its work-items side by side
 *   gather_vector   a work-item a group: examples k * chunk up to (k + 1) * chunk - 1
 *   advance         one work-item
 *   metrics         one group of at most METRICS_LANES work-items; each adds up what lies its size
 *                   apart, the first one adds these up: a fixed order, so the same bits every time
 */

#ifndef METRICS_LANES
#define METRICS_LANES 64 /* the largest group of src/ops/launch.c, or more */
#endif

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

kernel void gather(global const uchar *restrict images, global const int *restrict labels,
                   global const Step *restrict step, global float *restrict x,
                   global int *restrict y, int capacity, int size, int batch, int shuffle,
                   float scale, float shift) {
    int lane = (int)get_global_id(0), lanes = (int)get_global_size(0), i = (int)get_global_id(1);
    long example = find_example(step, i, capacity, shuffle);
    if (lane == 0) y[i] = example < 0 ? -1 : labels[example];
    images += (size_t)max(example, 0L) * size;
    x += (size_t)i * size;
    for (int j = lane; j < size; j += lanes)
        x[j] = example < 0 ? 0 : FMA((float)images[j], scale, shift);
}

kernel void gather_vector(global const uchar *restrict images, global const int *restrict labels,
                          global const Step *restrict step, global float *restrict x,
                          global int *restrict y, int capacity, int size, int batch, int shuffle,
                          float scale, float shift, int chunk) {
    int i = (int)get_group_id(0) * chunk, end = min(i + chunk, batch);
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
        for (; j + VW <= size; j += VW)
            VSTORE(FMA(CAT(convert_float, VW)(VLOAD(from + j)), (V)(scale), (V)(shift)), to + j);
        for (; j < size; j++) to[j] = FMA((float)from[j], scale, shift);
    }
}

kernel void advance(global Step *step, int batch) {
    step->step += 1;
    step->position += (uint)batch;
}

kernel void metrics(global const float *restrict loss, global const float *restrict hit,
                    global const int *restrict labels, global float *restrict sums, int count) {
    local float lanes[3][METRICS_LANES];
    int lane = (int)get_local_id(0), stride = (int)get_local_size(0);
    float total[3] = {0, 0, 0};
    for (int i = lane; i < count; i += stride) {
        total[0] += loss[i];
        total[1] += hit[i];
        total[2] += labels[i] >= 0;
    }
    for (int k = 0; k < 3; k++) lanes[k][lane] = total[k];
    barrier(CLK_LOCAL_MEM_FENCE);
    for (int k = lane; k < 3; k += stride) {
        float sum = 0;
        for (int i = 0; i < stride; i++) sum += lanes[k][i];
        sums[k] += sum;
    }
}
