/* Resize and its predecessor Upsample, of images (N, C, H, W): to the nearest pixel or linear. */
#include <math.h>
#include <string.h>

#include "model/onnx/import.h"

typedef struct target { /* rows and columns */
    double scale[2];
    int64_t size[2];
} target;

/* Where the scales are: an attribute up to operator set 8, then input 1, and 2 from 11 on. */
static dd_status read_scales(const Onnx__NodeProto *node, unsigned opset,
                             const dd__known *const known[], size_t count, double *scales,
                             size_t rank, bool *given) {
    const Onnx__AttributeProto *a = dd__onnx_attribute(node, "scales");
    bool upsample = strcmp(node->op_type, "Upsample") == 0;
    size_t input = upsample || opset < 11 ? 1 : 2;
    const dd__known *k = input < count ? known[input] : NULL;
    size_t found = a ? a->n_floats : k ? dd__known_count(k) : 0;
    *given = found > 0;
    if (found && found != rank) return dd__fail(DD_FORMAT, "%zu scales", found);
    for (size_t i = 0; i < found; i++) scales[i] = a ? a->floats[i] : dd__known_number(k, i);
    return DD_OK;
}

/* Lists may name only some axes (operator set 18 on). */
static dd_status spread(const Onnx__NodeProto *node, unsigned rank, unsigned map[4],
                        size_t *count) {
    size_t found;
    const int64_t *axes = dd__onnx_ints(node, "axes", &found);
    *count = found ? found : rank;
    for (size_t i = 0; i < *count && i < 4; i++) {
        int64_t axis = found ? axes[i] : (int64_t)i;
        DD_TRY(dd__onnx_axis(&axis, rank));
        map[i] = (unsigned)axis;
    }
    return *count <= 4 ? DD_OK : dd__fail(DD_FORMAT, "of %zu axes", *count);
}

static dd_status read_target(dd__onnx *m, const Onnx__NodeProto *node, const dd__dims *x,
                             target *t) {
    const dd__known *known[DD__ONNX_INPUTS];
    size_t count = dd__onnx_knowns(m, node, known, DD_COUNT(known)), axes, found = 0;
    double scales[4] = {1, 1, 1, 1}, given_scales[4];
    int64_t sizes[4] = {x->d[0], x->d[1], x->d[2], x->d[3]}, given_sizes[4];
    unsigned map[4];
    bool given;
    DD_TRY(spread(node, 4, map, &axes));
    DD_TRY(read_scales(node, m->opset, known, count, given_scales, axes, &given));
    if (!given) DD_TRY(dd__onnx_read_list(node, known, count, 3, "sizes", given_sizes, 4, &found));
    if (!given && found != axes) return dd__fail(DD_FORMAT, "without scales or sizes");
    for (size_t i = 0; i < axes; i++) {
        double extent = x->d[map[i]];
        scales[map[i]] = given ? given_scales[i] : (double)given_sizes[i] / extent;
        /* in floats, as runtimes do: 6 * (float)(5.0 / 6) is 5 */
        float scaled = (float)extent * (float)scales[map[i]];
        sizes[map[i]] = given ? dd__whole_of(floorf(scaled)) : given_sizes[i];
    }
    if (sizes[0] != x->d[0] || sizes[1] != x->d[1])
        return dd__fail(DD_FORMAT, "of another axis than height and width");
    for (int i = 0; i < 2; i++) {
        t->scale[i] = scales[2 + i];
        t->size[i] = sizes[2 + i];
        if (t->size[i] < 1 || t->size[i] > INT32_MAX) return dd__fail(DD_FORMAT, "to nothing");
    }
    return DD_OK;
}

static dd_status choose(const Onnx__NodeProto *node, const char *name, const char *fallback,
                        const char *const known[], const char **found) {
    for (*found = NULL; *known; known++)
        if (dd__onnx_text_is(node, name, fallback, *known)) *found = *known;
    return *found ? DD_OK : dd__fail(DD_FORMAT, "with a \"%s\" that is not supported", name);
}

typedef struct way { /* as the layer calls it */
    const char *mode, *coordinates, *rounding;
} way;

static dd_status read_way(const Onnx__NodeProto *node, unsigned opset, way *w) {
    static const char *const modes[] = {"nearest", "linear", NULL};
    static const char *const coordinates[] = {"half_pixel",           "asymmetric",
                                              "align_corners",        "pytorch_half_pixel",
                                              "half_pixel_symmetric", NULL};
    static const char *const roundings[] = {"round_prefer_floor", "round_prefer_ceil", "floor",
                                            "ceil", NULL};
    bool old = strcmp(node->op_type, "Upsample") == 0 || opset < 11;
    if (dd__onnx_int(node, "antialias", 0)) return dd__fail(DD_FORMAT, "with antialias");
    if (!dd__onnx_text_is(node, "keep_aspect_ratio_policy", "stretch", "stretch"))
        return dd__fail(DD_FORMAT, "with a keep_aspect_ratio_policy");
    DD_TRY(choose(node, "mode", "nearest", modes, &w->mode));
    DD_TRY(choose(node, "coordinate_transformation_mode", old ? "asymmetric" : "half_pixel",
                  coordinates, &w->coordinates));
    return choose(node, "nearest_mode", old ? "floor" : "round_prefer_floor", roundings,
                  &w->rounding);
}

dd_status dd__import_resize(dd__onnx *m, const Onnx__NodeProto *node) {
    dd__onnx_value *x;
    dd__onnx_layer resize;
    target t = {{0}, {0}};
    way w = {.mode = NULL};
    const char *layer;
    DD_TRY(dd__onnx_need(m, node, 0, &x));
    if (x->shape.rank != 4) return dd__fail(DD_FORMAT, "of an input of %u axes", x->shape.rank);
    DD_TRY(read_way(node, m->opset, &w));
    DD_TRY(read_target(m, node, &x->shape, &t));
    DD_TRY(dd__onnx_in_layout(m, x, DD__CHANNELS_LAST, &layer));
    DD_TRY(dd__onnx_begin(m, "resize", node, NULL, &resize));
    dd__onnx_reads(&resize, layer);
    dd__onnx_number(&resize, "height", (double)t.size[0]);
    dd__onnx_number(&resize, "width", (double)t.size[1]);
    dd__onnx_text(&resize, "mode", w.mode);
    dd__onnx_text(&resize, "coordinates", w.coordinates);
    dd__onnx_text(&resize, "rounding", w.rounding);
    dd__onnx_number(&resize, "scale_height", t.scale[0]);
    dd__onnx_number(&resize, "scale_width", t.scale[1]);
    DD_TRY(dd__onnx_end(m, &resize, &layer));
    return dd__onnx_give(m, node, 0, layer, DD__CHANNELS_LAST, NULL);
}
