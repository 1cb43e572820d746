#include <math.h>

#include "base/random.h"
#include "reference/reference.h"

/* ---- Augmentation, as src/ops/batch.c says ----------------------------------------------- */

typedef struct warp {
    double rr, rc, r0, cr, cc, c0; /* row = rr * r + rc * c + r0, column alike */
} warp;

static double signed_uniform(uint32_t word) { return (word >> 8) * 0x1p-23 - 1; }

static warp draw_warp(const dd__augment *a, uint64_t seed, uint32_t example, uint32_t epoch,
                      const uint32_t size[2]) {
    const double degree = acos(-1) / 180;
    uint32_t first[4], second[4];
    dd__philox(seed, DD__STREAM_AUGMENT, example, epoch, first);
    dd__philox(seed, DD__STREAM_AUGMENT + 1, example, epoch, second);
    double turn = signed_uniform(first[0]) * (double)a->rotation * degree;
    double lean = turn + signed_uniform(first[1]) * (double)a->shear * degree;
    double down = signed_uniform(first[2]) * (double)a->height * size[0];
    double right = signed_uniform(first[3]) * (double)a->width * size[1];
    double zoom_r = 1 + signed_uniform(second[0]) * (double)a->zoom;
    double zoom_c = 1 + signed_uniform(second[1]) * (double)a->zoom;
    double r = (size[0] - 1.0) / 2, c = (size[1] - 1.0) / 2; /* the centre */
    warp w = {.rr = cos(turn) * zoom_r,
              .rc = -sin(lean) * zoom_c,
              .cr = sin(turn) * zoom_r,
              .cc = cos(lean) * zoom_c};
    w.r0 = r + cos(turn) * down - sin(turn) * right - w.rr * r - w.rc * c;
    w.c0 = c + sin(turn) * down + cos(turn) * right - w.cr * r - w.cc * c;
    return w;
}

/* The image between its pixels, channel k; (row, column) is brought inside. */
static double interpolate(const uint8_t *image, const uint32_t *dims, double row, double column,
                          uint32_t k) {
    uint32_t height = dims[1], width = dims[2], channels = dims[3];
    row = fmin(fmax(row, 0), height - 1);
    column = fmin(fmax(column, 0), width - 1);
    uint32_t top = (uint32_t)row, left = (uint32_t)column;
    uint32_t bottom = top + 1 < height ? top + 1 : top, right = left + 1 < width ? left + 1 : left;
    double down = row - top, across = column - left;
    const uint8_t *upper = image + (size_t)top * width * channels + k;
    const uint8_t *lower = image + (size_t)bottom * width * channels + k;
    return (1 - down) * ((1 - across) * upper[left * channels] + across * upper[right * channels]) +
           down * ((1 - across) * lower[left * channels] + across * lower[right * channels]);
}

/* pixels and x are one image, (height, width, channels) of dims (count, height, ...). */
static void augment(const dd__gather *gather, const uint8_t *pixels, const uint32_t *dims,
                    const warp *w, float *x) {
    for (uint32_t r = 0; r < dims[1]; r++)
        for (uint32_t c = 0; c < dims[2]; c++)
            for (uint32_t k = 0; k < dims[3]; k++) {
                double value = interpolate(pixels, dims, w->rr * r + w->rc * c + w->r0,
                                           w->cr * r + w->cc * c + w->c0, k);
                uint32_t prepared = gather->channels ? k : 0;
                *x++ = (float)(value * (double)gather->scale[prepared] +
                               (double)gather->shift[prepared]);
            }
}

/* ---- The ops ------------------------------------------------------------------------------ */

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
            warp w = draw_warp(&gather->augment, seed, index, step->epoch, &d[1]);
            augment(gather, pixels, d, &w, x);
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
