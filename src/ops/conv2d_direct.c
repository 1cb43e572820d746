/* Convolution for CPU runtimes: cl/conv2d_direct*.cl. Input that needs padding is copied into a
 * padded workspace first; weights are packed into blocks of as many channels as a register tile is
 * wide.
 */
#include "ops/conv2d.h"

#include <stdio.h>

#include "ops/launch.h"
#include "ops/tile.h"

/* ---- Tunables ----------------------------------------------------------------------------- */

/* Columns of a tile are filters, or in the gradient for the input channels, of one group. */
static int32_t usual_vectors(const dd__node *node, const dd_device *device) {
    dd__conv_shape s = dd__conv_shape_of(node);
    bool data = node->op == &dd__op_conv2d_backward_data;
    return dd__tile_vectors_for(data ? s.cg : s.og, device);
}

static int32_t usual_rows(const dd__node *node, const dd_device *device);
static int32_t usual_rows_weights(const dd__node *node, const dd_device *device);
static const dd__tunable tunables[] = {DD__TILE_TUNABLES(usual_rows, usual_vectors), {0}};
static const dd__tunable tunables_weights[] = {DD__TILE_TUNABLES(usual_rows_weights, usual_vectors),
                                               {0}};

static int32_t usual_rows(const dd__node *node, const dd_device *device) {
    return dd__tile_rows_for(dd__setting(node, device, tunables, DD__TILE_VECTORS), device);
}

/* A first layer has few rows of weights (25 of 5x5): those that leave no row of a tile idle, down to the
 * 4 that still keep a processor busy. */
static int32_t usual_rows_weights(const dd__node *node, const dd_device *device) {
    dd__conv_shape s = dd__conv_shape_of(node);
    int32_t usual = usual_rows(node, device), k = s.kh * s.kw * s.cg, best = usual;
    for (int32_t rows = usual; rows >= 4; rows--)
        if (dd__divide_up(k, rows) * rows < dd__divide_up(k, best) * best) best = rows;
    return k < 8 * usual ? best : usual;
}

/* ---- Forward ------------------------------------------------------------------------------ */

/* Windows lie inside a tile: with pooling it has a multiple of 4 rows. */
static dd__tile forward_tile(const dd__node *node, const dd_device *device) {
    const dd__conv2d *a = node->attributes;
    dd__tile t = dd__tile_with(node, device, tunables);
    if (a->pool > 1) t.rows = t.rows < 4 ? 4 : t.rows - t.rows % 4;
    snprintf(t.options, sizeof t.options, "-DVW=%d -DMR=%d -DNV=%d -DPOOL=%d%s", t.lanes, t.rows,
             t.columns / t.lanes, a->pool > 1 ? a->pool : 1, a->normalize ? " -DFACTORS" : "");
    return t;
}

static size_t packed_weights(const dd__conv_shape *s, const dd__tile *t) {
    return (size_t)(s->kh * s->kw * s->cg) * dd__round_up((size_t)s->o, (size_t)t->columns);
}

static const char *refuse_forward(const dd__node *node, const dd_device *device) {
    dd__conv_shape s = dd__conv_shape_of(node);
    if (s.pool > 2) return "windows are larger than 2x2";
    if (s.groups > 1 && s.og % forward_tile(node, device).columns)
        return "filters of a group are not a multiple of the tile";
    return NULL;
}

static void scratch_forward(const dd__node *node, const dd_device *device, dd__scratch *scratch) {
    dd__conv_shape s = dd__conv_shape_of(node);
    dd__tile t = forward_tile(node, device);
    scratch->workspace_bytes[0] = dd__conv_padded_bytes(&s);
    scratch->packed_bytes =
        sizeof(float) * (packed_weights(&s, &t) + dd__conv_factors(node, t.columns));
}

static dd_status pack_forward(dd__recorder *recorder, const dd__node *node, const dd__site *site) {
    dd__conv_shape s = dd__conv_shape_of(node);
    dd__tile t = forward_tile(node, site->device);
    int32_t k = s.kh * s.kw * s.cg;
    DD_TRY(dd__record(
        recorder, &(dd__launch){.program = "conv2d_direct",
                                .options = t.options,
                                .kernel = "pack",
                                .global = {(size_t)k, (size_t)dd__divide_up(s.o, t.columns), 1},
                                .local = {1, 1, 1},
                                .arguments = {DD_BUFFER(node->in[1]->buffer),
                                              DD_BUFFER(site->packed), DD_INT(k), DD_INT(s.o)}}));
    return dd__conv_pack_factors(recorder, node, site, "conv2d_direct", t.options, t.columns,
                                 packed_weights(&s, &t));
}

/* So many that each thread gets some 16 items, for a fair share, and an item is worth its start. */
static int32_t tiles_an_item(int32_t tiles, int32_t blocks, const dd_device *device) {
    int32_t threads = dd__threads(device);
    int32_t each = tiles * blocks / (16 * threads);
    return each < 1 ? 1 : each > 64 ? 64 : each;
}

static dd_status record_forward(dd__recorder *recorder, const dd__node *node,
                                const dd__site *site) {
    const dd__conv2d *a = node->attributes;
    dd__conv_shape s = dd__conv_shape_of(node);
    dd__tile t = forward_tile(node, site->device);
    dd__buffer *x = node->in[0]->buffer;
    DD_TRY(dd__conv_record_pad(recorder, site, &x, &s));
    const dd__value *bias = node->in_count > 2 ? node->in[2] : NULL;
    bool one_run = s.dw == 1 && s.groups == 1;
    int32_t windows = s.n * (s.p / s.pool) * (s.q / s.pool);
    int32_t a_tile = t.rows / (s.pool * s.pool), blocks = dd__divide_up(s.o, t.columns);
    int32_t tiles = tiles_an_item(dd__divide_up(windows, a_tile), blocks, site->device);
    return dd__record(
        recorder,
        &(dd__launch){.program = "conv2d_direct",
                      .options = t.options,
                      .kernel = "forward",
                      .global = {(size_t)dd__divide_up(windows, tiles * a_tile), (size_t)blocks, 1},
                      .local = {1, 1, 1},
                      .arguments = {DD_BUFFER(x),
                                    DD_BUFFER(site->packed),
                                    DD_BUFFER(bias ? bias->buffer : site->packed),
                                    DD_BUFFER(node->out[0]->buffer),
                                    DD_BUFFER(dd__conv_added(node, site)),
                                    DD_INT(bias != NULL),
                                    DD_INT(a->activation == DD__RELU),
                                    DD_INT(a->normalize ? packed_weights(&s, &t) : 0),
                                    DD_INT(a->add),
                                    DD_INT(a->limit),
                                    DD_FLOAT(a->low),
                                    DD_FLOAT(a->high),
                                    DD_INT(tiles),
                                    DD_INT(windows),
                                    DD_INT(s.p),
                                    DD_INT(s.q),
                                    DD_INT(s.h),
                                    DD_INT(s.w),
                                    DD_INT(s.c),
                                    DD_INT(s.cg),
                                    DD_INT(s.o),
                                    DD_INT(s.og),
                                    DD_INT(s.kh),
                                    DD_INT(one_run ? 1 : s.kw),
                                    DD_INT(one_run ? s.kw * s.cg : s.cg),
                                    DD_INT(s.sh),
                                    DD_INT(s.sw),
                                    DD_INT(s.dh),
                                    DD_INT(s.dw)}});
}

/* ---- Backward data ------------------------------------------------------------------------ */

static const char *refuse_data(const dd__node *node, const dd_device *device) {
    dd__conv_shape s = dd__conv_shape_of(node);
    if (s.groups > 1 && s.cg % dd__tile_with(node, device, tunables).columns)
        return "channels of a group are not a multiple of the tile";
    return NULL;
}

static void scratch_data(const dd__node *node, const dd_device *device, dd__scratch *scratch) {
    dd__conv_shape s = dd__conv_shape_of(node);
    dd__tile t = dd__tile_with(node, device, tunables);
    scratch->packed_bytes =
        sizeof(float) * (size_t)(s.kh * s.kw * s.og) * dd__round_up((size_t)s.c, (size_t)t.columns);
}

static dd_status pack_data(dd__recorder *recorder, const dd__node *node, const dd__site *site) {
    dd__conv_shape s = dd__conv_shape_of(node);
    dd__tile t = dd__tile_with(node, site->device, tunables);
    return dd__record(
        recorder,
        &(dd__launch){.program = "conv2d_direct_data",
                      .options = t.options,
                      .kernel = "pack",
                      .global = {(size_t)(s.kh * s.kw), (size_t)dd__divide_up(s.c, t.columns), 1},
                      .local = {1, 1, 1},
                      .arguments = {DD_BUFFER(node->in[1]->buffer), DD_BUFFER(site->packed),
                                    DD_INT(s.kh * s.kw), DD_INT(s.c), DD_INT(s.cg), DD_INT(s.o),
                                    DD_INT(s.og)}});
}

/* Enough images for an item that its pixels fill several tiles, but enough items for all threads. */
static int32_t images_of_item(const dd__conv_shape *s, const dd__tile *t, const dd_device *device) {
    int32_t blocks = dd__divide_up(s->c, t->columns), pixels = s->p * s->q;
    int32_t threads = dd__threads(device);
    int32_t images = dd__divide_up(16 * t->rows, pixels);
    int32_t most = s->n * blocks / (8 * threads);
    if (images > most) images = most;
    return images < 1 ? 1 : images;
}

static dd_status record_data(dd__recorder *recorder, const dd__node *node, const dd__site *site) {
    dd__conv_shape s = dd__conv_shape_of(node);
    dd__tile t = dd__tile_with(node, site->device, tunables);
    int32_t images = images_of_item(&s, &t, site->device);
    return dd__record(recorder, &(dd__launch){.program = "conv2d_direct_data",
                                              .options = t.options,
                                              .kernel = "backward_data",
                                              .global = {(size_t)dd__divide_up(s.n, images),
                                                         (size_t)dd__divide_up(s.c, t.columns), 1},
                                              .local = {1, 1, 1},
                                              .arguments = {DD_BUFFER(node->in[0]->buffer),
                                                            DD_BUFFER(site->packed),
                                                            DD_BUFFER(node->out[0]->buffer),
                                                            DD_INT(s.n),
                                                            DD_INT(images),
                                                            DD_INT(s.p),
                                                            DD_INT(s.q),
                                                            DD_INT(s.h),
                                                            DD_INT(s.w),
                                                            DD_INT(s.c),
                                                            DD_INT(s.cg),
                                                            DD_INT(s.o),
                                                            DD_INT(s.og),
                                                            DD_INT(s.kh),
                                                            DD_INT(s.kw),
                                                            DD_INT(s.sh),
                                                            DD_INT(s.sw),
                                                            DD_INT(s.dh),
                                                            DD_INT(s.dw),
                                                            DD_INT(s.top),
                                                            DD_INT(s.left)}});
}

/* ---- Backward weights --------------------------------------------------------------------- */

enum { TILES = 5, CHUNK = 1024 }; /* as in cl/conv2d_direct_weights.cl */

typedef struct division {  /* of the work of backward_weights */
    int32_t tiles, items;  /* tiles of an item, and items, by rows of weights */
    int32_t parts, images; /* of a launch: parts, and images of each */
} division;

/* So many images that what all items read of them stays in a second-level cache, but enough pixels
 * that the sums, which each launch reads and writes, cost little. */
static int32_t images_in_cache(const dd__conv_shape *s) {
    enum { CACHE = 64 << 10, PIXELS = 256 }; /* floats; places in dy */
    int64_t numbers = (int64_t)s->h * s->w * s->c + (int64_t)s->p * s->q * s->o;
    int32_t images = (int32_t)(CACHE / numbers), least = dd__divide_up(PIXELS, s->p * s->q);
    return images < least ? least : images;
}

/* Rows go to items of at most TILES tiles each, evenly; where that makes too few items for all
 * threads, the images are divided as well. Where many items read the same images, a launch takes some at a time. */
static division divide(const dd__conv_shape *s, const dd__tile *t, const dd_device *device) {
    int32_t tiles = dd__divide_up(s->kh * s->kw * s->cg, t->rows);
    int32_t items = dd__divide_up(tiles, TILES);
    int32_t threads = dd__threads(device);
    int32_t parts = dd__divide_up(8 * threads, items * s->groups);
    if (parts > s->n) parts = s->n;
    int32_t images = dd__divide_up(s->n, parts), cached = images_in_cache(s);
    if (items > 2 && cached < images) images = cached;
    if (parts > dd__divide_up(s->n, images)) parts = dd__divide_up(s->n, images);
    return (division){dd__divide_up(tiles, items), items, parts, images};
}

static void scratch_weights(const dd__node *node, const dd_device *device, dd__scratch *scratch) {
    dd__conv_shape s = dd__conv_shape_of(node);
    dd__tile t = dd__tile_with(node, device, tunables_weights);
    division d = divide(&s, &t, device);
    scratch->workspace_bytes[0] = dd__conv_padded_bytes(&s);
    if (d.parts > 1)
        scratch->workspace_bytes[1] =
            sizeof(float) * (size_t)d.parts * dd__dims_count(&node->out[0]->dims);
}

static dd_status record_weights(dd__recorder *recorder, const dd__node *node,
                                const dd__site *site) {
    dd__conv_shape s = dd__conv_shape_of(node);
    dd__tile t = dd__tile_with(node, site->device, tunables_weights);
    division d = divide(&s, &t, site->device);
    dd__buffer *x = node->in[0]->buffer, *dw = node->out[0]->buffer;
    dd__buffer *parts = d.parts > 1 ? site->workspace[1] : dw;
    DD_TRY(dd__conv_record_pad(recorder, site, &x, &s));
    for (int32_t first = 0, end; first < s.n; first = end) {
        end = first + d.parts * d.images < s.n ? first + d.parts * d.images : s.n;
        DD_TRY(dd__record(
            recorder, &(dd__launch){.program = "conv2d_direct_weights",
                                    .options = t.options,
                                    .kernel = "backward_weights",
                                    .global = {(size_t)d.items, (size_t)d.parts, (size_t)s.groups},
                                    .local = {1, 1, 1},
                                    .arguments = {DD_BUFFER(x),     DD_BUFFER(node->in[1]->buffer),
                                                  DD_BUFFER(parts), DD_INT(first),
                                                  DD_INT(end),      DD_INT(first > 0),
                                                  DD_INT(d.images), DD_INT(d.tiles),
                                                  DD_INT(s.p),      DD_INT(s.q),
                                                  DD_INT(s.h),      DD_INT(s.w),
                                                  DD_INT(s.c),      DD_INT(s.cg),
                                                  DD_INT(s.o),      DD_INT(s.og),
                                                  DD_INT(s.kh),     DD_INT(s.kw),
                                                  DD_INT(s.sh),     DD_INT(s.sw),
                                                  DD_INT(s.dh),     DD_INT(s.dw)}}));
    }
    if (d.parts == 1) return DD_OK;
    int32_t count = (int32_t)dd__dims_count(&node->out[0]->dims);
    return dd__record(recorder, &(dd__launch){.program = "conv2d_direct_weights",
                                              .options = t.options,
                                              .kernel = "reduce",
                                              .global = {(size_t)dd__divide_up(count, CHUNK), 1, 1},
                                              .local = {1, 1, 1},
                                              .arguments = {DD_BUFFER(parts), DD_BUFFER(dw),
                                                            DD_INT(count), DD_INT(d.parts)}});
}

const dd__implementation dd__conv2d_direct[3] = {
    {.name = "direct",
     .classes = DD__ON_CPU,
     .refuse = refuse_forward,
     .scratch = scratch_forward,
     .pack = pack_forward,
     .record = record_forward,
     .tunables = tunables},
    {.name = "direct",
     .classes = DD__ON_CPU,
     .refuse = refuse_data,
     .scratch = scratch_data,
     .pack = pack_data,
     .record = record_data,
     .tunables = tunables},
    {.name = "direct",
     .classes = DD__ON_CPU,
     .scratch = scratch_weights,
     .record = record_weights,
     .tunables = tunables_weights},
};
