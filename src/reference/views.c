#include <math.h>

#include "graph/views.h"
#include "reference/reference.h"

/* x (N, H, W, C) at a place of image n, which is moved inside: the mean of the four pixels around it,
 * each weighed by how near it is. */
static double between(const dd__value *x, size_t n, double h, double w, size_t c) {
    const uint32_t *d = x->dims.d;
    h = fmin(fmax(h, 0), d[1] - 1.0);
    w = fmin(fmax(w, 0), d[2] - 1.0);
    double sum = 0;
    for (int below = 0; below < 2; below++)
        for (int beside = 0; beside < 2; beside++) {
            double row = floor(h) + below, column = floor(w) + beside;
            double share = (1 - fabs(h - row)) * (1 - fabs(w - column));
            if (row >= d[1] || column >= d[2] || share == 0) continue;
            size_t pixel = (n * d[1] + (size_t)row) * d[2] + (size_t)column;
            sum += share * (double)dd__f32(x)[pixel * d[3] + c];
        }
    return sum;
}

dd_status dd__reference_views(const dd__node *node) {
    const dd__views *views = node->attributes;
    const uint32_t *d = node->in[0]->dims.d;
    uint32_t count = dd__views_order(views).count;
    double middle_h = (d[1] - 1.0) / 2, middle_w = (d[2] - 1.0) / 2;
    float *to = dd__f32(node->out[0]);
    for (size_t row = 0; row < (size_t)d[0] * count; row++) {
        dd__view view = dd__views_at(views, (uint32_t)(row % count));
        for (uint32_t i = 0; i < d[1]; i++)
            for (uint32_t j = 0; j < d[2]; j++) {
                double r = i - middle_h, s = j - middle_w;
                double h = view.keep * r + view.turn * s + view.down + middle_h;
                double w = view.keep * s - view.turn * r + view.right + middle_w;
                for (size_t c = 0; c < d[3]; c++)
                    *to++ = (float)between(node->in[0], row / count, h, w, c);
            }
    }
    return DD_OK;
}
