#include <math.h>

#include "base/random.h"
#include "reference/parts.h"

enum { DROPPED = 255 }; /* as a place */

/* x (n, h, w, c) and y (n, oh, ow, c); everything else (c). */
typedef struct shape {
    const dd__norm_pool *a;
    const float *x;
    size_t n, h, w, c, oh, ow, kh, kw;
} shape;

static shape shape_of(const dd__node *node, const dd__dims *dims, const float *x) {
    const dd__norm_pool *a = node->attributes;
    const uint32_t *d = dims->d;
    size_t kh = (size_t)a->pool[0], kw = (size_t)a->pool[1];
    return (shape){.a = a, .x = x, d[0], d[1], d[2], d[3], d[1] / kh, d[2] / kw, kh, kw};
}

static size_t pixels(const shape *s) { return s->n * s->h * s->w; }

/* Where place `place` of the window of y's element o lies in x. */
static size_t element(const shape *s, size_t o, size_t place) {
    size_t c = o % s->c, ow = o / s->c % s->ow, oh = o / s->c / s->ow % s->oh;
    size_t image = o / s->c / s->ow / s->oh;
    size_t h = oh * s->kh + place / s->kw, w = ow * s->kw + place % s->kw;
    return ((image * s->h + h) * s->w + w) * s->c + c;
}

/* Kept values are scaled in f32, as on devices. */
static float scale_of(const shape *s) { return 1 / (1 - s->a->dropout.rate); }

/* ---- Statistics --------------------------------------------------------------------- */

typedef struct moments {
    double mean, variance;
} moments;

static moments moments_of_channel(const shape *s, size_t c) {
    moments m = {0, 0};
    for (size_t p = 0; p < pixels(s); p++) m.mean += (double)s->x[p * s->c + c];
    m.mean /= (double)pixels(s);
    for (size_t p = 0; p < pixels(s); p++) {
        double d = (double)s->x[p * s->c + c] - m.mean;
        m.variance += d * d;
    }
    m.variance /= (double)pixels(s);
    return m;
}

static void statistics(const dd__node *node, const shape *s) {
    double share = dd__norm_share(&s->a->norm, dd__buffer_host(node->in[5]->buffer));
    for (size_t c = 0; c < s->c; c++) {
        moments m = moments_of_channel(s, c);
        float *running_mean = &dd__f32(node->in[3])[c];
        float *running_variance = &dd__f32(node->in[4])[c];
        *running_mean = (float)((1 - share) * (double)*running_mean + share * m.mean);
        *running_variance = (float)((1 - share) * (double)*running_variance + share * m.variance);
        dd__f32(node->out[1])[c] = (float)m.mean;
        dd__f32(node->out[2])[c] = (float)(1 / sqrt(m.variance + (double)s->a->norm.epsilon));
    }
}

/* ---- Forward ------------------------------------------------------------------------ */

/* In f32 for comparison, as a pool behind a norm finds it. */
static float normalized(const dd__node *node, const shape *s, size_t i, size_t c) {
    double d = (double)s->x[i] - (double)dd__f32(node->out[1])[c];
    double factor = (double)dd__f32(node->in[1])[c] * (double)dd__f32(node->out[2])[c];
    return (float)(d * factor + (double)dd__f32(node->in[2])[c]);
}

static bool is_dropped(const dd__node *node, const shape *s, size_t o) {
    const dd__step *step = dd__buffer_host(node->in[5]->buffer);
    if (!(s->a->dropout.rate > 0)) return false;
    return dd__is_dropped(&s->a->dropout, step, dd__dims_count(&node->out[0]->dims), o);
}

void dd__norm_pool_forward(const dd__node *node, const dd__dims *dims, const float *x) {
    shape s = shape_of(node, dims, x);
    statistics(node, &s);
    size_t count = dd__dims_count(&node->out[0]->dims);
    for (size_t o = 0; o < count; o++) {
        size_t winner = 0, c = o % s.c;
        float best = normalized(node, &s, element(&s, o, 0), c);
        for (size_t place = 1; place < s.kh * s.kw; place++) {
            float z = normalized(node, &s, element(&s, o, place), c);
            if (!(z > best || (isnan(z) && !isnan(best)))) continue;
            best = z;
            winner = place;
        }
        bool dropped = is_dropped(node, &s, o);
        double value = (double)x[element(&s, o, winner)];
        dd__f32(node->out[0])[o] = dropped ? 0 : best * scale_of(&s);
        dd__u8(node->out[3])[o] = (uint8_t)(dropped ? DROPPED : winner);
        dd__f32(node->out[4])[o] = (float)(value - (double)dd__f32(node->out[1])[c]);
    }
}

dd_status dd__reference_norm_pool_training(const dd__node *node) {
    dd__norm_pool_forward(node, &node->in[0]->dims, dd__f32(node->in[0]));
    return DD_OK;
}

/* ---- Backward ----------------------------------------------------------------------- */

/* What flows back into the norm's result; the sums dgamma and dbeta of it. g, of x's elements, starts
 * as zeros. */
static void flow(const dd__node *node, const shape *s, double *g, double *dgamma, double *dbeta) {
    size_t count = dd__dims_count(&node->in[0]->dims);
    for (size_t o = 0; o < count; o++) {
        uint8_t place = dd__u8(node->in[2])[o];
        if (place == DROPPED) continue;
        double d = (double)dd__f32(node->in[0])[o] * (double)scale_of(s);
        size_t c = o % s->c;
        g[element(s, o, place)] = d;
        dbeta[c] += d;
        dgamma[c] += d * (double)dd__f32(node->in[3])[o] * (double)dd__f32(node->in[6])[c];
    }
}

dd_status dd__norm_pool_gradient(const dd__node *node, const dd__dims *dims, const float *x,
                                 float *dz) {
    shape s = shape_of(node, dims, x);
    const float *gamma = dd__f32(node->in[4]);
    const float *mean = dd__f32(node->in[5]), *inverse = dd__f32(node->in[6]);
    size_t count = pixels(&s) * s.c;
    double *g = dd__alloc(count + 3 * s.c, sizeof *g);
    if (!g) return dd__no_memory((count + 3 * s.c) * sizeof *g);
    double *sums[3] = {g + count, g + count + s.c, g + count + 2 * s.c}; /* dgamma, dbeta, dbias */
    flow(node, &s, g, sums[0], sums[1]);
    for (size_t i = 0; i < count; i++) {
        size_t c = i % s.c;
        double normal = ((double)x[i] - (double)mean[c]) * (double)inverse[c];
        double d = g[i] - (sums[1][c] + normal * sums[0][c]) / (double)pixels(&s);
        d *= (double)gamma[c] * (double)inverse[c];
        if (s.a->relu && x[i] <= 0) d = 0;
        dz[i] = (float)d;
        sums[2][c] += d;
    }
    for (size_t k = 0; k < 3; k++)
        for (size_t c = 0; c < s.c; c++) dd__f32(node->out[k + 1])[c] = (float)sums[k][c];
    dd__free(g);
    return DD_OK;
}

dd_status dd__reference_norm_pool_backward(const dd__node *node) {
    const dd__value *x = node->in[1];
    return dd__norm_pool_gradient(node, &x->dims, dd__f32(x), dd__f32(node->out[0]));
}
