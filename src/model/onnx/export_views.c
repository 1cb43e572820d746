/* Views of images, for other programs: a pixel of a view is a sum of four pixels of the image, which of
 * them and how much of each is known, so there are four Gathers, each times constants. */
#include <math.h>

#include "graph/views.h"
#include "model/onnx/export.h"

typedef struct mixture { /* of what each pixel of all views is made: */
    int64_t *pixels;     /* (4, places) which pixels of the image */
    float *shares;       /* (4, places) how much of each */
    size_t places;       /* views * H * W */
} mixture;

static double inside(double at, uint32_t extent) { return fmin(fmax(at, 0), extent - 1.0); }

/* The pixels around (h, w) as number `place` of the mixture. */
static void mix(const mixture *m, size_t place, const dd__dims *x, double h, double w) {
    uint32_t H = x->d[1], W = x->d[2];
    h = inside(h, H);
    w = inside(w, W);
    for (int corner = 0; corner < 4; corner++) {
        int down = corner / 2, right = corner % 2;
        double row = floor(h) + down, column = floor(w) + right;
        size_t at = (size_t)corner * m->places + place;
        m->shares[at] = (float)((1 - fabs(h - row)) * (1 - fabs(w - column)));
        m->pixels[at] = (int64_t)(inside(row, H) * W + inside(column, W));
    }
}

static dd_status make_mixture(dd__export *e, const dd__views *views, const dd__dims *x,
                              mixture *m) {
    uint32_t count = dd__views_order(views).count, H = x->d[1], W = x->d[2];
    double middle_h = (H - 1.0) / 2, middle_w = (W - 1.0) / 2;
    m->places = (size_t)count * H * W;
    m->pixels = dd__arena_alloc(&e->arena, 4 * m->places, sizeof *m->pixels);
    m->shares = dd__arena_alloc(&e->arena, 4 * m->places, sizeof *m->shares);
    if (!m->pixels || !m->shares) return dd__no_memory(4 * m->places * sizeof *m->pixels);
    for (size_t place = 0; place < m->places; place++) {
        dd__view v = dd__views_at(views, (uint32_t)(place / W / H));
        double r = (double)(place / W % H) - middle_h, s = (double)(place % W) - middle_w;
        mix(m, place, x, v.keep * r + v.turn * s + v.down + middle_h,
            v.keep * s - v.turn * r + v.right + middle_w);
    }
    return DD_OK;
}

/* x (N, H * W, C) taken at one corner of all places, times the shares. */
static dd_status add_corner(dd__export *e, const mixture *m, size_t corner, const char *x,
                            const char **out) {
    const char *in[2] = {x};
    Onnx__NodeProto *node;
    const float *shares = m->shares + corner * m->places;
    DD_TRY(dd__export_wholes(e, m->pixels + corner * m->places, m->places, &in[1]));
    DD_TRY(dd__export_node(e, "Gather", in, 2, NULL, &node, &in[0]));
    DD_TRY(dd__export_int(e, node, "axis", 1));
    DD_TRY(dd__export_floats(e, NULL, shares, DD_DIMS((uint32_t)m->places, 1), &in[1]));
    return dd__export_node(e, "Mul", in, 2, NULL, NULL, out);
}

static dd_status reshape(dd__export *e, const char *x, const int64_t *shape, size_t rank,
                         const char *name, const char **out) {
    const char *in[2] = {x};
    DD_TRY(dd__export_wholes(e, shape, rank, &in[1]));
    return dd__export_node(e, "Reshape", in, 2, name, NULL, out);
}

dd_status dd__export_views(dd__export *e, const dd__views *views, const dd__dims *x,
                           const char *name, const char **value) {
    const int64_t C = x->d[3], pixels[] = {0, (int64_t)x->d[1] * x->d[2], C};
    const int64_t images[] = {-1, x->d[1], x->d[2], C};
    const char *sum, *in[2];
    mixture m;
    DD_TRY(make_mixture(e, views, x, &m));
    DD_TRY(reshape(e, *value, pixels, 3, NULL, value));
    DD_TRY(add_corner(e, &m, 0, *value, &sum));
    for (size_t corner = 1; corner < 4; corner++) {
        in[0] = sum;
        DD_TRY(add_corner(e, &m, corner, *value, &in[1]));
        DD_TRY(dd__export_node(e, "Add", in, 2, NULL, NULL, &sum));
    }
    return reshape(e, sum, images, 4, name, value);
}
