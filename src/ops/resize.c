/* resize: images (N, H, W, C) with other numbers of rows and columns, by the nearest pixel or linearly
 * between four. The meaning of the attributes is that of ONNX's Resize.
 *
 * Where output row o lies in x, in rows, with scale = scale_height, or height / H where that is 0:
 *   half_pixel            (o + 1/2) / scale - 1/2: pixels are squares, the images' edges coincide
 *   pytorch_half_pixel    the same; 0 when the output has one row
 *   half_pixel_symmetric  the same, moved so that the images' centres coincide where height is not
 *                         scale * H: + H/2 (1 - height / (scale * H))
 *   asymmetric            o / scale
 *   align_corners         o (H - 1) / (height - 1): the centres of the corner pixels coincide; 0 when
 *                         the output has one row
 * What lies outside of x is moved to its edge. Columns alike.
 */
#include <stdio.h>

#include "ops/lanes.h"
#include "ops/launch.h"
#include "ops/ops.h"
#include "reference/reference.h"

static const char *const modes[] = {"nearest", "linear", NULL};
static const char *const coordinates[] = {"half_pixel",           "asymmetric",
                                          "align_corners",        "pytorch_half_pixel",
                                          "half_pixel_symmetric", NULL};
static const char *const roundings[] = {"round_prefer_floor", "round_prefer_ceil", "floor", "ceil",
                                        NULL};

enum { MOST_PIXELS = 1 << 24 }; /* of an edge: whole numbers that floats can tell apart */
static const float LEAST_SCALE = 0x1p-24f;

static const dd__attribute attributes[] = {
    {.name = "height",
     .type = DD__INT,
     .offset = offsetof(dd__resizing, size[0]),
     .min = 1,
     .max = MOST_PIXELS,
     .required = true,
     .help = "rows of the output"},
    {.name = "width",
     .type = DD__INT,
     .offset = offsetof(dd__resizing, size[1]),
     .min = 1,
     .max = MOST_PIXELS,
     .required = true,
     .help = "columns of the output"},
    {.name = "mode",
     .type = DD__CHOICE,
     .offset = offsetof(dd__resizing, mode),
     .choices = modes,
     .help = "the nearest pixel, or linear between four: nearest, linear"},
    {.name = "coordinates",
     .type = DD__CHOICE,
     .offset = offsetof(dd__resizing, coordinates),
     .choices = coordinates,
     .help = "where an output's pixel lies in the input: half_pixel, asymmetric, align_corners, "
             "pytorch_half_pixel, half_pixel_symmetric"},
    {.name = "rounding",
     .type = DD__CHOICE,
     .offset = offsetof(dd__resizing, rounding),
     .choices = roundings,
     .help = "which is nearest: round_prefer_floor, round_prefer_ceil, floor, ceil"},
    {.name = "scale_height",
     .type = DD__FLOAT,
     .offset = offsetof(dd__resizing, scale[0]),
     .max = MOST_PIXELS,
     .help = "output rows a row of the input; 0: by their numbers"},
    {.name = "scale_width",
     .type = DD__FLOAT,
     .offset = offsetof(dd__resizing, scale[1]),
     .max = MOST_PIXELS,
     .help = "the same of columns"},
    {0},
};

static dd_status infer(dd__graph *graph, dd__node *node) {
    const dd__resizing *a = node->attributes;
    const dd__value *x = node->in[0];
    char found[80];
    if (x->type != DD__F32 || x->dims.rank != 4 || dd__dims_count(&x->dims) == 0)
        return dd__fail(DD_SHAPE, "expected images (N, H, W, C) of type f32, found %s",
                        dd__dims_print(&x->dims, found));
    if (x->dims.d[1] > MOST_PIXELS || x->dims.d[2] > MOST_PIXELS)
        return dd__fail(DD_SHAPE, "expected images of at most %d rows and columns, found %s",
                        MOST_PIXELS, dd__dims_print(&x->dims, found));
    for (int axis = 0; axis < 2; axis++)
        if (a->scale[axis] != 0 && !(a->scale[axis] >= LEAST_SCALE))
            return dd__fail(DD_SHAPE, "expected a scale of 0 or at least %g, found %g",
                            (double)LEAST_SCALE, (double)a->scale[axis]);
    return dd__node_output(
        graph, node, 0, DD__F32,
        DD_DIMS(x->dims.d[0], (uint32_t)a->size[0], (uint32_t)a->size[1], x->dims.d[3]));
}

/* Along an axis, output o lies at (o + before) * factor / divisor + after. Each step is rounded as in
 * ONNX's own runtime, so that the same pixel is nearest. */
typedef struct line {
    float before, factor, divisor, after;
} line;

static line line_of(const dd__resizing *a, int axis, uint32_t in) {
    float out = (float)a->size[axis], extent = (float)in;
    float scale = a->scale[axis] > 0 ? a->scale[axis] : out / extent;
    line half = {0.5f, 1, scale, -0.5f}, zero = {0, 0, 1, 0};
    switch (a->coordinates) {
    case DD__ASYMMETRIC:
        return (line){0, 1, scale, 0};
    case DD__ALIGN_CORNERS:
        return a->size[axis] > 1 ? (line){0, extent - 1, out - 1, 0} : zero;
    case DD__PYTORCH_HALF_PIXEL:
        return a->size[axis] > 1 ? half : zero;
    case DD__HALF_PIXEL_SYMMETRIC:
        half.after = extent / 2 * (1 - out / (scale * extent)) - 0.5f;
        return half;
    default:
        return half;
    }
}

static dd__launch start(const dd__node *node) {
    const dd__resizing *a = node->attributes;
    const dd__dims *x = &node->in[0]->dims;
    dd__launch launch = {.program = "resize",
                         .arguments = {DD_BUFFER(node->in[0]->buffer),
                                       DD_BUFFER(node->out[0]->buffer), DD_INT(x->d[1]),
                                       DD_INT(x->d[2]), DD_INT(x->d[3]), DD_INT(a->size[0]),
                                       DD_INT(a->size[1]), DD_INT(a->rounding)}};
    for (int axis = 0; axis < 2; axis++) {
        line l = line_of(a, axis, x->d[1 + axis]);
        const float numbers[] = {l.before, l.factor, l.divisor, l.after};
        for (size_t i = 0; i < DD_COUNT(numbers); i++)
            dd__launch_append(&launch, DD_FLOAT(numbers[i]));
    }
    return launch;
}

static dd_status record(dd__recorder *recorder, const dd__node *node, dd__launch launch,
                        unsigned lanes, size_t count, size_t chunk) {
    const dd__resizing *a = node->attributes;
    char options[64], kernel[32];
    snprintf(options, sizeof options, "-DVW=%u", lanes);
    snprintf(kernel, sizeof kernel, "%s%s", modes[a->mode], chunk ? "_vector" : "");
    launch.options = options;
    launch.kernel = kernel;
    dd__launch_append(&launch, DD_INT(count));
    if (chunk) dd__launch_append(&launch, DD_INT(chunk));
    return dd__record(recorder, &launch);
}

static dd_status record_plain(dd__recorder *recorder, const dd__node *node, const dd__site *site) {
    dd__launch launch = start(node);
    size_t count = dd__dims_count(&node->out[0]->dims);
    dd__launch_elements(&launch, site->device, count);
    return record(recorder, node, launch, 1, count, 0);
}

static const char *refuse_vector(const dd__node *node, const dd_device *device) {
    bool fits = dd__lanes(device, node->out[0]->dims.d[3]) > 0;
    return fits ? NULL : "channels are not a multiple of 4";
}

static dd_status record_vector(dd__recorder *recorder, const dd__node *node, const dd__site *site) {
    dd__launch launch = start(node);
    const dd__dims *y = &node->out[0]->dims;
    size_t rows = (size_t)y->d[0] * y->d[1], width = (size_t)y->d[2] * y->d[3];
    size_t chunk = dd__launch_chunks(&launch, site->device, rows, width, 1);
    return record(recorder, node, launch, dd__lanes(site->device, y->d[3]), rows, chunk);
}

static const dd__implementation vector = {
    .name = "vector", .classes = DD__ON_CPU, .refuse = refuse_vector, .record = record_vector};
static const dd__implementation plain = {
    .name = "plain", .classes = DD__ANYWHERE, .record = record_plain};

const dd__op dd__op_resize = {
    .name = "resize",
    .attributes_bytes = sizeof(dd__resizing),
    .attributes = attributes,
    .min_in = 1,
    .max_in = 1,
    .outputs = 1,
    .layer = dd__layer_plain,
    .infer = infer,
    .reference = dd__reference_resize,
    .implementations = (const dd__implementation *const[]){&vector, &plain, NULL},
};
