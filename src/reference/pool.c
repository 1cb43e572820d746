#include <math.h>

#include "graph/window.h"
#include "reference/reference.h"

/* Images x (N, H, W, C), results y (N, OH, OW, C). */
typedef struct pool {
    const dd__pool *a;
    uint32_t n, size[2], c, out[2];
    int32_t stride[2], dilation[2], before[2];
} pool;

static dd_status open_pool(const dd__node *node, const dd__dims *x, pool *p) {
    *p = (pool){.a = node->attributes, .n = x->d[0], .size = {x->d[1], x->d[2]}, .c = x->d[3]};
    for (int axis = 0; axis < 2; axis++) {
        p->stride[axis] = p->a->stride[axis] ? p->a->stride[axis] : p->a->kernel[axis];
        p->dilation[axis] = p->a->dilation[axis] ? p->a->dilation[axis] : 1;
    }
    return dd__windows(p->size, p->a->kernel, p->stride, p->dilation, &p->a->padding, p->out,
                       p->before);
}

/* Number of windows, counting channels. */
static size_t windows(const pool *p) { return (size_t)p->n * p->out[0] * p->out[1] * p->c; }

/* Where element (r, s) of window o (a flat index into y) lies in x; -1 outside the image. */
static ptrdiff_t element(const pool *p, size_t o, int r, int s) {
    size_t c = o % p->c, ow = o / p->c % p->out[1], row = o / p->c / p->out[1];
    int64_t h = (int64_t)(row % p->out[0]) * p->stride[0] - p->before[0] + r * p->dilation[0];
    int64_t w = (int64_t)ow * p->stride[1] - p->before[1] + s * p->dilation[1];
    if (h < 0 || w < 0 || h >= p->size[0] || w >= p->size[1]) return -1;
    size_t image = row / p->out[0];
    return (ptrdiff_t)(((image * p->size[0] + (size_t)h) * p->size[1] + (size_t)w) * p->c + c);
}

/* ---- Maximum ------------------------------------------------------------------------ */

dd_status dd__reference_max_pool(const dd__node *node) {
    pool p;
    DD_TRY(open_pool(node, &node->in[0]->dims, &p));
    const float *x = dd__f32(node->in[0]);
    for (size_t o = 0; o < windows(&p); o++) {
        int winner = -1;
        float best = -INFINITY;
        for (int r = 0; r < p.a->kernel[0]; r++)
            for (int s = 0; s < p.a->kernel[1]; s++) {
                ptrdiff_t e = element(&p, o, r, s);
                if (e < 0) continue;
                bool larger = x[e] > best || (isnan(x[e]) && !isnan(best));
                if (winner >= 0 && !larger) continue;
                best = x[e];
                winner = r * p.a->kernel[1] + s;
            }
        if (winner < 0) winner = 0; /* all outside, as this place is */
        dd__f32(node->out[0])[o] = best;
        if (node->out[1]->type == DD__U8)
            dd__u8(node->out[1])[o] = (uint8_t)winner;
        else
            dd__i32(node->out[1])[o] = winner;
    }
    return DD_OK;
}

dd_status dd__reference_max_pool_backward(const dd__node *node) {
    pool p;
    DD_TRY(open_pool(node, &node->out[0]->dims, &p));
    size_t count = dd__dims_count(&node->out[0]->dims);
    double *sum = dd__alloc(count, sizeof *sum);
    if (sum == NULL) return dd__no_memory(count * sizeof *sum);
    for (size_t o = 0; o < windows(&p); o++) {
        const dd__value *index = node->in[1];
        int winner = index->type == DD__U8 ? dd__u8(index)[o] : dd__i32(index)[o];
        ptrdiff_t e = element(&p, o, winner / p.a->kernel[1], winner % p.a->kernel[1]);
        if (e >= 0) sum[e] += (double)dd__f32(node->in[0])[o];
    }
    for (size_t i = 0; i < count; i++) dd__f32(node->out[0])[i] = (float)sum[i];
    dd__free(sum);
    return DD_OK;
}

/* ---- Mean --------------------------------------------------------------------------- */

/* Elements the mean of window o is over; 1 where there are none, whose sum is 0. */
static double divisor(const pool *p, size_t o) {
    int inside = 0;
    for (int r = 0; r < p->a->kernel[0]; r++)
        for (int s = 0; s < p->a->kernel[1]; s++)
            inside += p->a->count_padding || element(p, o, r, s) >= 0;
    return inside ? inside : 1;
}

dd_status dd__reference_average_pool(const dd__node *node) {
    pool p;
    DD_TRY(open_pool(node, &node->in[0]->dims, &p));
    const float *x = dd__f32(node->in[0]);
    for (size_t o = 0; o < windows(&p); o++) {
        double sum = 0;
        for (int r = 0; r < p.a->kernel[0]; r++)
            for (int s = 0; s < p.a->kernel[1]; s++) {
                ptrdiff_t e = element(&p, o, r, s);
                if (e >= 0) sum += (double)x[e];
            }
        dd__f32(node->out[0])[o] = (float)(sum / divisor(&p, o));
    }
    return DD_OK;
}

dd_status dd__reference_average_pool_backward(const dd__node *node) {
    pool p;
    DD_TRY(open_pool(node, &node->out[0]->dims, &p));
    size_t count = dd__dims_count(&node->out[0]->dims);
    double *sum = dd__alloc(count, sizeof *sum);
    if (sum == NULL) return dd__no_memory(count * sizeof *sum);
    for (size_t o = 0; o < windows(&p); o++) {
        double share = (double)dd__f32(node->in[0])[o] / divisor(&p, o);
        for (int r = 0; r < p.a->kernel[0]; r++)
            for (int s = 0; s < p.a->kernel[1]; s++) {
                ptrdiff_t e = element(&p, o, r, s);
                if (e >= 0) sum[e] += share;
            }
    }
    for (size_t i = 0; i < count; i++) dd__f32(node->out[0])[i] = (float)sum[i];
    dd__free(sum);
    return DD_OK;
}
