/* max_pool, average_pool, their backward ops, and the two global pools, which are layers written
 * with them. Images (N, H, W, C); see cl/pool.cl for the formulas.
 *
 * max_pool keeps the winner's place in its window, row * KW + column: a byte where that is enough.
 *
 * Paddings are smaller than a window, so each touches the image; only a dilated one can have all of its
 * elements outside even so: then its maximum is -infinity, which nothing flows back through, and its mean 0.
 */
#include <stdio.h>

#include "graph/window.h"
#include "ops/lanes.h"
#include "ops/launch.h"
#include "ops/ops.h"
#include "reference/reference.h"

#define KERNEL_ROW                                                                              \
    {                                                                                           \
        .name = "kernel", .type = DD__INT_PAIR, .offset = offsetof(dd__pool, kernel), .min = 1, \
        .max = 4096, .required = true, .help = "rows and columns of a window"                   \
    }
#define STRIDE_ROW                                                                                 \
    {                                                                                              \
        .name = "stride", .type = DD__INT_PAIR, .offset = offsetof(dd__pool, stride), .max = 4096, \
        .help = "from window to window; 0: as kernel"                                              \
    }
#define PADDING_ROW                                                                    \
    {                                                                                  \
        .name = "padding", .type = DD__PADDING, .offset = offsetof(dd__pool, padding), \
        .max = 4095, .help = "around the image, never part of a maximum or mean"       \
    }
#define DILATION_ROW                                                                      \
    {                                                                                     \
        .name = "dilation", .type = DD__INT_PAIR, .offset = offsetof(dd__pool, dilation), \
        .fallback = 1, .min = 1, .max = 4096,                                             \
        .help = "distance between a window's elements; 1: none"                           \
    }

static const dd__attribute max_attributes[] = {
    KERNEL_ROW, STRIDE_ROW, PADDING_ROW, DILATION_ROW, {0}};
static const dd__attribute average_attributes[] = {
    KERNEL_ROW,
    STRIDE_ROW,
    PADDING_ROW,
    DILATION_ROW,
    {.name = "count_padding",
     .type = DD__BOOL,
     .offset = offsetof(dd__pool, count_padding),
     .max = 1,
     .help = "divide by the whole window, also what lies outside"},
    {0},
};

/* ---- Shapes ------------------------------------------------------------------------- */

typedef struct geometry {
    uint32_t out[2];
    int32_t stride[2], dilation[2], before[2];
} geometry;

static dd_status place(const dd__pool *a, const dd__dims *x, geometry *g) {
    int32_t extent[2];
    for (int axis = 0; axis < 2; axis++) {
        g->stride[axis] = a->stride[axis] ? a->stride[axis] : a->kernel[axis];
        g->dilation[axis] = a->dilation[axis] ? a->dilation[axis] : 1;
        extent[axis] = (a->kernel[axis] - 1) * g->dilation[axis] + 1;
    }
    /* A window wholly in the padding has no maximum. */
    for (int edge = 0; edge < 4; edge++)
        if (!a->padding.same && a->padding.edges[edge] >= extent[edge & 1])
            return dd__fail(DD_SHAPE, "padding %d is not smaller than kernel %dx%d",
                            a->padding.edges[edge], extent[0], extent[1]);
    return dd__windows(&x->d[1], a->kernel, g->stride, g->dilation, &a->padding, g->out, g->before);
}

static bool wide_index(const dd__pool *a) { return a->kernel[0] * a->kernel[1] > 256; }

static dd__type index_type(const dd__pool *a) { return wide_index(a) ? DD__I32 : DD__U8; }

static dd_status expect_image(const dd__value *x) {
    char found[80];
    if (x->type == DD__F32 && x->dims.rank == 4) return DD_OK;
    return dd__fail(DD_SHAPE, "expected images (N, H, W, C) of type f32, found %s%s",
                    dd__dims_print(&x->dims, found), x->type == DD__F32 ? "" : " of another type");
}

static dd_status infer(dd__graph *graph, dd__node *node) {
    const dd__pool *a = node->attributes;
    DD_TRY(expect_image(node->in[0]));
    const dd__dims *x = &node->in[0]->dims;
    geometry g;
    DD_TRY(place(a, x, &g));
    dd__dims y = DD_DIMS(x->d[0], g.out[0], g.out[1], x->d[3]);
    DD_TRY(dd__node_output(graph, node, 0, DD__F32, y));
    return node->out_count == 1 ? DD_OK : dd__node_output(graph, node, 1, index_type(a), y);
}

static dd_status infer_backward(dd__graph *graph, dd__node *node) {
    const dd__pool *a = node->attributes;
    const dd__value *dy = node->in[0];
    DD_TRY(expect_image(dy));
    const dd__dims *x = &a->result;
    if (x->rank != 4) return dd__fail(DD_SHAPE, "result is not (N, H, W, C)");
    geometry g;
    DD_TRY(place(a, x, &g));
    dd__dims y = DD_DIMS(x->d[0], g.out[0], g.out[1], x->d[3]);
    char expected[80], found[80];
    if (!dd__dims_equal(&y, &dy->dims))
        return dd__fail(DD_SHAPE, "expected dy of %s, found %s", dd__dims_print(&y, expected),
                        dd__dims_print(&dy->dims, found));
    if (node->in_count == 2 &&
        (node->in[1]->type != index_type(a) || !dd__dims_equal(&y, &node->in[1]->dims)))
        return dd__fail(DD_SHAPE, "index is not what max_pool gives for this dy");
    return dd__node_output(graph, node, 0, DD__F32, *x);
}

/* ---- Layers and gradients ----------------------------------------------------------- */

static dd_status layer(dd__graph *graph, const dd__op *op, const char *name, const void *attributes,
                       dd__value *const x[], size_t count, dd__value **y) {
    dd__value *index;
    dd__value **out[] = {y, &index};
    return dd__graph_add(graph, op, name, attributes, x, count, out, op->outputs);
}

/* One window over the whole image, then a view without its rows and columns. */
static dd_status global_layer(dd__graph *graph, const dd__op *pool, const char *name, dd__value *x,
                              dd__value **y) {
    DD_TRY(expect_image(x));
    dd__pool a = {.kernel = {(int32_t)x->dims.d[1], (int32_t)x->dims.d[2]}};
    dd__value *pooled;
    DD_TRY(layer(graph, pool, name, &a, &x, 1, &pooled));
    char view[256];
    snprintf(view, sizeof view, "%s.view", name);
    dd__reshape shape = {.dims = DD_DIMS(x->dims.d[0], x->dims.d[3])};
    return dd__graph_add1(graph, &dd__op_reshape, view, &shape, &pooled, 1, y);
}

static dd_status global_average(dd__graph *graph, const dd__op *op, const char *name,
                                const void *attributes, dd__value *const x[], size_t count,
                                dd__value **y) {
    (void)op, (void)attributes, (void)count;
    return global_layer(graph, &dd__op_average_pool, name, x[0], y);
}

static dd_status global_max(dd__graph *graph, const dd__op *op, const char *name,
                            const void *attributes, dd__value *const x[], size_t count,
                            dd__value **y) {
    (void)op, (void)attributes, (void)count;
    return global_layer(graph, &dd__op_max_pool, name, x[0], y);
}

static dd_status gradient(dd__graph *graph, const dd__node *node, dd__value *const dy[],
                          dd__value *dx[]) {
    if (dy[0] == NULL) return DD_OK;
    char name[256];
    snprintf(name, sizeof name, "%s.backward", node->name);
    dd__pool a = *(const dd__pool *)node->attributes;
    a.result = node->in[0]->dims;
    if (node->out_count == 1)
        return dd__graph_add1(graph, &dd__op_average_pool_backward, name, &a, dy, 1, &dx[0]);
    dd__value *in[] = {dy[0], node->out[1]};
    return dd__graph_add1(graph, &dd__op_max_pool_backward, name, &a, in, 2, &dx[0]);
}

/* ---- Launches ----------------------------------------------------------------------- */

static bool is_backward(const dd__node *node) {
    return node->op == &dd__op_max_pool_backward || node->op == &dd__op_average_pool_backward;
}

static const dd__dims *image_dims(const dd__node *node) {
    return is_backward(node) ? &node->out[0]->dims : &node->in[0]->dims;
}

/* Windows neither overlap nor leave the image. */
static bool windows_apart(const dd__pool *a, const geometry *g, const dd__dims *x) {
    return g->dilation[0] == 1 && g->dilation[1] == 1 && g->stride[0] == a->kernel[0] &&
           g->stride[1] == a->kernel[1] && g->before[0] == 0 && g->before[1] == 0 &&
           g->out[0] * (uint32_t)a->kernel[0] <= x->d[1] &&
           g->out[1] * (uint32_t)a->kernel[1] <= x->d[2];
}

static void bind(dd__launch *launch, const dd__node *node, const geometry *g, size_t rows,
                 size_t chunk) {
    const dd__pool *a = node->attributes;
    const dd__dims *x = image_dims(node);
    size_t i = 0;
    for (size_t j = 0; j < node->in_count; j++)
        launch->arguments[i++] = DD_BUFFER(node->in[j]->buffer);
    for (size_t j = 0; j < node->out_count; j++)
        launch->arguments[i++] = DD_BUFFER(node->out[j]->buffer);
    const size_t shape[] = {rows,
                            chunk,
                            x->d[1],
                            x->d[2],
                            x->d[3],
                            g->out[0],
                            g->out[1],
                            (size_t)a->kernel[0],
                            (size_t)a->kernel[1],
                            (size_t)g->stride[0],
                            (size_t)g->stride[1],
                            (size_t)g->before[0],
                            (size_t)g->before[1],
                            a->count_padding};
    for (size_t j = 0; j < DD_COUNT(shape); j++) launch->arguments[i++] = DD_INT(shape[j]);
}

/* What the program is built with. A dilation is not a number like the others, for it would cost all
 * windows a division. */
typedef struct pool_options {
    char text[192];
} pool_options;

static pool_options options_of(const dd__node *node, const geometry *g, unsigned lanes) {
    char vectors[20] = "", dilation[40] = "";
    if (lanes) snprintf(vectors, sizeof vectors, " -DVW=%u", lanes);
    if (g->dilation[0] > 1 || g->dilation[1] > 1)
        snprintf(dilation, sizeof dilation, " -DDH=%d -DDW=%d", g->dilation[0], g->dilation[1]);
    pool_options options;
    snprintf(options.text, sizeof options.text, "-DOP_%s%s%s%s%s", node->op->name, vectors,
             dilation, wide_index(node->attributes) ? " -DINDEX=int" : "",
             lanes ? "" : dd__half_options(node).text);
    return options;
}

static dd_status record_plain(dd__recorder *recorder, const dd__node *node, const dd__site *site) {
    geometry g;
    DD_TRY(place(node->attributes, image_dims(node), &g));
    char kernel[64];
    snprintf(kernel, sizeof kernel, "%s_plain", node->op->name);
    pool_options options = options_of(node, &g, 0);
    dd__launch launch = {.program = "pool", .kernel = kernel};
    const dd__dims *out = &node->out[0]->dims;
    dd__launch_elements(&launch, site->device, dd__dims_count(out));
    launch.options = options.text;
    bind(&launch, node, &g, (size_t)out->d[0] * out->d[1], 0);
    return dd__record(recorder, &launch);
}

static const char *refuse_vector(const dd__node *node, const dd_device *device) {
    bool fits = dd__lanes(device, node->out[0]->dims.d[3]) > 0;
    return fits ? NULL : "channels are not a multiple of 4";
}

static dd_status record_vector(dd__recorder *recorder, const dd__node *node, const dd__site *site) {
    const dd__pool *a = node->attributes;
    const dd__dims *x = image_dims(node), *out = &node->out[0]->dims;
    geometry g;
    DD_TRY(place(a, x, &g));
    bool apart = node->op == &dd__op_max_pool_backward && windows_apart(a, &g, x);
    char kernel[64];
    snprintf(kernel, sizeof kernel, "%s_%s", node->op->name, apart ? "apart" : "vector");
    pool_options options = options_of(node, &g, dd__lanes(site->device, x->d[3]));
    dd__launch launch = {.program = "pool", .kernel = kernel};
    size_t rows = (size_t)out->d[0] * (apart ? g.out[0] : out->d[1]);
    size_t width = (dd__dims_count(x) + rows - 1) / rows;
    size_t chunk = dd__launch_chunks(&launch, site->device, rows, width, 1);
    launch.options = options.text;
    bind(&launch, node, &g, rows, chunk);
    return dd__record(recorder, &launch);
}

static const dd__implementation vector = {
    .name = "vector", .classes = DD__ON_CPU, .refuse = refuse_vector, .record = record_vector};
static const dd__implementation plain = {.name = "plain",
                                         .classes = DD__ANYWHERE,
                                         .record = record_plain,
                                         .half = DD__HALF_IN(0) | DD__HALF_OUT(0)};
static const dd__implementation plain_backward = {
    .name = "plain", .classes = DD__ANYWHERE, .record = record_plain};
static const dd__implementation *const implementations[] = {&vector, &plain, NULL};
static const dd__implementation *const implementations_backward[] = {&vector, &plain_backward,
                                                                     NULL};

/* ---- The ops ------------------------------------------------------------------------ */

const dd__op dd__op_max_pool = {
    .name = "max_pool",
    .attributes_bytes = sizeof(dd__pool),
    .attributes = max_attributes,
    .min_in = 1,
    .max_in = 1,
    .outputs = 2,
    .layer = layer,
    .infer = infer,
    .gradient = gradient,
    .reference = dd__reference_max_pool,
    .implementations = implementations,
};

const dd__op dd__op_max_pool_backward = {
    .name = "max_pool_backward",
    .attributes_bytes = sizeof(dd__pool),
    .attributes = max_attributes,
    .min_in = 2,
    .max_in = 2,
    .outputs = 1,
    .infer = infer_backward,
    .reference = dd__reference_max_pool_backward,
    .implementations = implementations_backward,
};

const dd__op dd__op_average_pool = {
    .name = "average_pool",
    .attributes_bytes = sizeof(dd__pool),
    .attributes = average_attributes,
    .min_in = 1,
    .max_in = 1,
    .outputs = 1,
    .layer = layer,
    .infer = infer,
    .gradient = gradient,
    .reference = dd__reference_average_pool,
    .implementations = implementations,
};

const dd__op dd__op_average_pool_backward = {
    .name = "average_pool_backward",
    .attributes_bytes = sizeof(dd__pool),
    .attributes = average_attributes,
    .min_in = 1,
    .max_in = 1,
    .outputs = 1,
    .infer = infer_backward,
    .reference = dd__reference_average_pool_backward,
    .implementations = implementations_backward,
};

const dd__op dd__op_global_average_pool = {
    .name = "global_average_pool",
    .min_in = 1,
    .max_in = 1,
    .outputs = 1,
    .layer = global_average,
};

const dd__op dd__op_global_max_pool = {
    .name = "global_max_pool",
    .min_in = 1,
    .max_in = 1,
    .outputs = 1,
    .layer = global_max,
};
