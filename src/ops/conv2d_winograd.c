/* Convolution by minimal filtering (src/ops/winograd.h) for CPU runtimes: cl/conv2d_winograd.cl. */
#include <stdio.h>

#include "ops/conv2d.h"
#include "ops/launch.h"
#include "ops/tile.h"
#include "ops/winograd.h"

enum { ITEMS_A_THREAD = 2, OPTIONS = 4096 };
enum { COUNTER = 16 }; /* as in cl/conv2d_winograd.cl */
enum { USUAL_BLOCK = 2 };

/* Relative rms: F(4x4,5x5) has 2.7e-6 forward and 4.1e-6 as the adjoint on rectified data, and the
 * other forms less (tests/check/test_error.c measures all); more than twice that is a fault. */
static const double ERROR = 1e-5;

/* ---- Tunables ----------------------------------------------------------------------------- */

enum { OUTPUTS = DD__TILE_SETTINGS, BLOCK, CHUNK = BLOCK }; /* CHUNK: of the gradient for weights */

static int32_t usual_outputs(const dd__node *node, const dd_device *device);
static int32_t usual_rows(const dd__node *node, const dd_device *device);
#define OUTPUTS_TUNABLE                      \
    [OUTPUTS] = {.name = "m",                \
                 .values = {2, 4},           \
                 .usual_for = usual_outputs, \
                 .help = "F(m x m, r x r): outputs of a tile"}

static const dd__tunable tunables[] = {
    DD__TILE_TUNABLES(usual_rows, dd__tile_usual_vectors),
    OUTPUTS_TUNABLE,
    [BLOCK] = {.name = "block",
               .values = {1, 2, 3, 4, 6, 8},
               .usual = USUAL_BLOCK,
               .help = "tiles at a time, in rows of the register tile"},
    {0},
};

static const dd__tunable tunables_weights[] = {
    DD__TILE_TUNABLES(usual_rows, dd__tile_usual_vectors),
    OUTPUTS_TUNABLE,
    [CHUNK] = {.name = "chunk",
               .values = {32, 64, 96, 128, 192, 256},
               .usual = 128,
               .help = "tiles that are transformed at a time"},
    {0},
};

/* ---- Forms -------------------------------------------------------------------------------- */

typedef struct form { /* of the kernels for a node on a device */
    dd__tile tile;
    int32_t m, r, a;
    int32_t block; /* tiles at a time, a multiple of tile.rows */
    int32_t chunk; /* tiles at a time, of the gradient for weights */
} form;

static int32_t tiles_of(const dd__conv_shape *s, const form *f) {
    return s->n * dd__divide_up(s->p, f->m) * dd__divide_up(s->q, f->m);
}

static int32_t usual_outputs(const dd__node *node, const dd_device *device) {
    dd__conv_shape s = dd__conv_shape_of(node);
    (void)device;
    return dd__winograd_outputs(s.p, s.q, s.kh);
}

/* The share of the products that are wanted, with so many rows a tile: the last rows of a tile may
 * be idle, and so may threads in the last round of blocks. */
static double share_used(int32_t tiles, int32_t rows, int32_t threads) {
    int32_t block = USUAL_BLOCK * rows, blocks = dd__divide_up(tiles, block);
    int32_t busy = blocks < threads ? blocks : threads;
    int32_t filled = blocks > 1 ? block : dd__divide_up(tiles, rows) * rows;
    return (double)tiles / ((double)dd__divide_up(blocks, busy) * busy * filled);
}

/* The device's own, or 4, which keep its units less busy. */
static int32_t usual_rows(const dd__node *node, const dd_device *device) {
    dd__conv_shape s = dd__conv_shape_of(node);
    form f = {.m = dd__setting(node, device, tunables, OUTPUTS)};
    int32_t rows = dd__tile_usual_rows(node, device), tiles = tiles_of(&s, &f);
    int32_t threads = dd__threads(device);
    return 0.85 * share_used(tiles, 4, threads) > share_used(tiles, rows, threads) ? 4 : rows;
}

static form form_of(const dd__node *node, const dd__conv_shape *s, const dd_device *device) {
    form f = {.tile = dd__tile_with(node, device, tunables), .r = s->kh};
    f.m = dd__setting(node, device, tunables, OUTPUTS);
    f.a = f.m + f.r - 1;
    f.block = dd__setting(node, device, tunables, BLOCK) * f.tile.rows;
    f.chunk = dd__setting(node, device, tunables_weights, CHUNK);
    return f;
}

static size_t squares(const form *f) { return (size_t)f->a * (size_t)f->a; }

/* Numbers of the a * a matrices of `rows` tiles by `columns`, as cl/conv2d_winograd.cl sets them
 * APART. */
static size_t matrices(const form *f, int32_t rows, size_t columns) {
    return squares(f) * ((size_t)rows * columns + 16);
}

/* How many take the pieces of the work; two a thread, for some runtimes are late with one. */
static int32_t items_for(int32_t pieces, const dd_device *device) {
    int32_t most = ITEMS_A_THREAD * dd__threads(device);
    return pieces < most ? pieces : most;
}

/* pass: "FORWARD" and so on, as the kernels call it. */
static void options_of(const form *f, const char *pass, char out[OPTIONS]) {
    dd__winograd w;
    int used = snprintf(out, OPTIONS, "%s -D%s ", f->tile.options, pass);
    if (dd__winograd_make(f->m, f->r, &w))
        dd__winograd_options(&w, out + used, OPTIONS - (size_t)used);
}

static const char *refuse(const dd__node *node, const dd_device *device) {
    dd__conv_shape s = dd__conv_shape_of(node);
    int32_t lanes = dd__tile_lanes(device);
    if (s.sh != 1 || s.sw != 1 || s.dh != 1 || s.dw != 1) return "stride or dilation is not 1";
    if (s.groups != 1) return "channels are in groups";
    if (s.kh != s.kw || (s.kh != 3 && s.kh != 5)) return "the kernel is neither 3x3 nor 5x5";
    if (s.pool > 2) return "windows are larger than 2x2";
    if (s.c % lanes || s.o % lanes) return "channels or filters are not a multiple of a vector";
    return NULL;
}

/* How the work is cut: blocks of tiles, and where they leave threads idle, the filters as well. */
typedef struct division {
    int32_t parts, items;
} division;

static division divide(const dd__conv_shape *s, const form *f, const dd_device *device) {
    int32_t tiles = dd__divide_up(tiles_of(s, f), f->block);
    int32_t filters = dd__divide_up(s->o, f->tile.columns);
    int32_t parts = dd__divide_up(dd__threads(device), tiles);
    if (parts > filters) parts = filters;
    return (division){parts, items_for(tiles * parts, device)};
}

static size_t packed_weights(const dd__conv_shape *s, const form *f) {
    return COUNTER +
           squares(f) * (size_t)s->c * dd__round_up((size_t)s->o, (size_t)f->tile.columns);
}

/* Transformed weights are larger: for few tiles, reading them costs more than they save; of some tiles, where
 * they come from memory in each run. */
static const char *avoid_few_tiles(const dd__node *node, const dd_device *device) {
    const size_t beyond_caches = (size_t)16 << 20;
    dd__conv_shape s = dd__conv_shape_of(node);
    form f = form_of(node, &s, device);
    int32_t tiles = tiles_of(&s, &f);
    if (tiles < 4) return "there are few tiles";
    bool large = packed_weights(&s, &f) * sizeof(float) > beyond_caches;
    return tiles < 8 && large ? "there are few tiles for so many weights" : NULL;
}

static void scratch_forward(const dd__node *node, const dd_device *device, dd__scratch *scratch) {
    dd__conv_shape s = dd__conv_shape_of(node);
    form f = form_of(node, &s, device);
    size_t items = (size_t)divide(&s, &f, device).items;
    scratch->packed_bytes =
        sizeof(float) * (packed_weights(&s, &f) + dd__conv_factors(node, f.tile.columns));
    scratch->workspace_bytes[0] =
        sizeof(float) * items *
        (matrices(&f, f.block, (size_t)s.c) + matrices(&f, f.block, (size_t)f.tile.columns));
}

static void forward_options(const dd__conv_shape *s, const form *f, char out[OPTIONS]) {
    char pass[32] = "FORWARD";
    if (s->pool > 1) snprintf(pass, sizeof pass, "FORWARD -DPOOL=%d", s->pool);
    options_of(f, pass, out);
}

/* Transforms w, (r, r, C, O): from K channels to J filters forward, from K filters to J channels
 * backward, so far apart. */
static dd_status pack(dd__recorder *recorder, const dd__node *node, const dd__site *site,
                      const form *f, const char *options, const int32_t count[2],
                      const int32_t step[2]) {
    return dd__record(
        recorder, &(dd__launch){.program = "conv2d_winograd",
                                .options = options,
                                .kernel = "pack",
                                .global = {(size_t)(count[0] / f->tile.lanes),
                                           (size_t)dd__divide_up(count[1], f->tile.columns), 1},
                                .local = {1, 1, 1},
                                .arguments = {DD_BUFFER(node->in[1]->buffer),
                                              DD_BUFFER(site->packed), DD_INT(count[0]),
                                              DD_INT(count[1]), DD_INT(step[0]), DD_INT(step[1])}});
}

static dd_status pack_forward(dd__recorder *recorder, const dd__node *node, const dd__site *site) {
    dd__conv_shape s = dd__conv_shape_of(node);
    form f = form_of(node, &s, site->device);
    char options[OPTIONS];
    forward_options(&s, &f, options);
    const int32_t count[] = {s.c, s.o}, step[] = {s.o, 1};
    DD_TRY(pack(recorder, node, site, &f, options, count, step));
    return dd__conv_pack_factors(recorder, node, site, "conv2d_winograd", options, f.tile.columns,
                                 packed_weights(&s, &f));
}

static dd_status record_forward(dd__recorder *recorder, const dd__node *node,
                                const dd__site *site) {
    const dd__conv2d *a = node->attributes;
    dd__conv_shape s = dd__conv_shape_of(node);
    form f = form_of(node, &s, site->device);
    division d = divide(&s, &f, site->device);
    const dd__value *bias = node->in_count > 2 ? node->in[2] : NULL;
    char options[OPTIONS];
    forward_options(&s, &f, options);
    return dd__record(recorder,
                      &(dd__launch){.program = "conv2d_winograd",
                                    .options = options,
                                    .kernel = "forward",
                                    .global = {(size_t)d.items, 1, 1},
                                    .local = {1, 1, 1},
                                    .arguments = {DD_BUFFER(node->in[0]->buffer),
                                                  DD_BUFFER(site->packed),
                                                  DD_BUFFER(site->packed),
                                                  DD_BUFFER(bias ? bias->buffer : site->packed),
                                                  DD_BUFFER(node->out[0]->buffer),
                                                  DD_BUFFER(site->workspace[0]),
                                                  DD_BUFFER(dd__conv_added(node, site)),
                                                  DD_INT(f.block),
                                                  DD_INT(d.parts),
                                                  DD_INT(bias != NULL),
                                                  DD_INT(a->activation == DD__RELU),
                                                  DD_INT(a->normalize ? packed_weights(&s, &f) : 0),
                                                  DD_INT(a->add),
                                                  DD_INT(a->limit),
                                                  DD_FLOAT(a->low),
                                                  DD_FLOAT(a->high),
                                                  DD_INT(s.n),
                                                  DD_INT(s.h),
                                                  DD_INT(s.w),
                                                  DD_INT(s.c),
                                                  DD_INT(s.p),
                                                  DD_INT(s.q),
                                                  DD_INT(s.o),
                                                  DD_INT(s.top),
                                                  DD_INT(s.left)}});
}

/* ---- Backward data ------------------------------------------------------------------------ */

typedef struct batch { /* of images that an item takes at a time */
    int32_t images, room, items;
} batch;

static batch batch_of(const dd__conv_shape *s, const form *f, const dd_device *device) {
    int32_t each = dd__divide_up(s->p, f->m) * dd__divide_up(s->q, f->m);
    int32_t images = f->block / each;
    if (images < 1) images = 1;
    if (images > s->n) images = s->n;
    int32_t items = items_for(dd__divide_up(s->n, images), device);
    int32_t room = dd__divide_up(images * each, f->tile.rows) * f->tile.rows;
    return (batch){images, room, items};
}

static void scratch_data(const dd__node *node, const dd_device *device, dd__scratch *scratch) {
    dd__conv_shape s = dd__conv_shape_of(node);
    form f = form_of(node, &s, device);
    batch b = batch_of(&s, &f, device);
    size_t channels = dd__round_up((size_t)s.c, (size_t)f.tile.columns);
    scratch->packed_bytes = sizeof(float) * (COUNTER + squares(&f) * (size_t)s.o * channels);
    scratch->workspace_bytes[0] =
        sizeof(float) * (size_t)b.items *
        (matrices(&f, b.room, (size_t)s.o) + matrices(&f, b.room, (size_t)f.tile.columns));
}

static dd_status pack_data(dd__recorder *recorder, const dd__node *node, const dd__site *site) {
    dd__conv_shape s = dd__conv_shape_of(node);
    form f = form_of(node, &s, site->device);
    char options[OPTIONS];
    options_of(&f, "BACKWARD_DATA", options);
    const int32_t count[] = {s.o, s.c}, step[] = {1, s.o};
    return pack(recorder, node, site, &f, options, count, step);
}

static dd_status record_data(dd__recorder *recorder, const dd__node *node, const dd__site *site) {
    dd__conv_shape s = dd__conv_shape_of(node);
    form f = form_of(node, &s, site->device);
    batch b = batch_of(&s, &f, site->device);
    char options[OPTIONS];
    options_of(&f, "BACKWARD_DATA", options);
    return dd__record(
        recorder,
        &(dd__launch){.program = "conv2d_winograd",
                      .options = options,
                      .kernel = "backward_data",
                      .global = {(size_t)b.items, 1, 1},
                      .local = {1, 1, 1},
                      .arguments = {DD_BUFFER(node->in[0]->buffer), DD_BUFFER(site->packed),
                                    DD_BUFFER(site->packed), DD_BUFFER(node->out[0]->buffer),
                                    DD_BUFFER(site->workspace[0]), DD_INT(b.images), DD_INT(b.room),
                                    DD_INT(s.n), DD_INT(s.h), DD_INT(s.w), DD_INT(s.c), DD_INT(s.p),
                                    DD_INT(s.q), DD_INT(s.o), DD_INT(s.top), DD_INT(s.left)}});
}

/* ---- Backward weights --------------------------------------------------------------------- */

static void scratch_weights(const dd__node *node, const dd_device *device, dd__scratch *scratch) {
    dd__conv_shape s = dd__conv_shape_of(node);
    form f = form_of(node, &s, device);
    scratch->workspace_bytes[0] = sizeof(float) * matrices(&f, f.chunk, (size_t)s.c);
    scratch->workspace_bytes[1] =
        sizeof(float) * matrices(&f, f.chunk, dd__round_up((size_t)s.o, (size_t)f.tile.columns));
    scratch->workspace_bytes[2] = sizeof(float) * matrices(&f, s.c, (size_t)s.o);
}

static dd_status record_chunk(dd__recorder *recorder, const dd__node *node, const dd__site *site,
                              const char *options, int32_t first, int32_t count) {
    dd__conv_shape s = dd__conv_shape_of(node);
    form f = form_of(node, &s, site->device);
    dd__argument left = DD_BUFFER(site->workspace[0]), right = DD_BUFFER(site->workspace[1]);
    size_t blocks = (size_t)dd__divide_up(s.o, f.tile.columns);
    DD_TRY(dd__record(
        recorder,
        &(dd__launch){.program = "conv2d_winograd",
                      .options = options,
                      .kernel = "transform_both",
                      .global = {(size_t)count, 2, 1},
                      .local = {1, 1, 1},
                      .arguments = {DD_BUFFER(node->in[0]->buffer), DD_BUFFER(node->in[1]->buffer),
                                    left, right, DD_INT(f.chunk), DD_INT(first), DD_INT(count),
                                    DD_INT(s.h), DD_INT(s.w), DD_INT(s.c), DD_INT(s.p), DD_INT(s.q),
                                    DD_INT(s.o), DD_INT(s.top), DD_INT(s.left)}}));
    return dd__record(
        recorder,
        &(dd__launch){.program = "conv2d_winograd",
                      .options = options,
                      .kernel = "accumulate",
                      .global = {blocks, squares(&f), 1},
                      .local = {1, 1, 1},
                      .arguments = {left, right, DD_BUFFER(site->workspace[2]), DD_INT(f.chunk),
                                    DD_INT(first > 0), DD_INT(count), DD_INT(s.c), DD_INT(s.o)}});
}

static dd_status record_weights(dd__recorder *recorder, const dd__node *node,
                                const dd__site *site) {
    dd__conv_shape s = dd__conv_shape_of(node);
    form f = form_of(node, &s, site->device);
    int32_t tiles = tiles_of(&s, &f);
    char options[OPTIONS];
    options_of(&f, "BACKWARD_WEIGHTS", options);
    for (int32_t first = 0; first < tiles; first += f.chunk) {
        int32_t count = tiles - first < f.chunk ? tiles - first : f.chunk;
        DD_TRY(record_chunk(recorder, node, site, options, first, count));
    }
    return dd__record(recorder, &(dd__launch){.program = "conv2d_winograd",
                                              .options = options,
                                              .kernel = "finish_weights",
                                              .global = {(size_t)s.c, 1, 1},
                                              .local = {1, 1, 1},
                                              .arguments = {DD_BUFFER(site->workspace[2]),
                                                            DD_BUFFER(node->out[0]->buffer),
                                                            DD_INT(s.c), DD_INT(s.o)}});
}

const dd__implementation dd__conv2d_winograd[3] = {
    {.name = "winograd",
     .classes = DD__ON_CPU,
     .refuse = refuse,
     .avoid = avoid_few_tiles,
     .scratch = scratch_forward,
     .pack = pack_forward,
     .record = record_forward,
     .relative_error = ERROR,
     .tunables = tunables},
    {.name = "winograd",
     .classes = DD__ON_CPU,
     .refuse = refuse,
     .scratch = scratch_data,
     .pack = pack_data,
     .record = record_data,
     .relative_error = ERROR,
     .tunables = tunables},
    {.name = "winograd",
     .classes = DD__ON_CPU,
     .refuse = refuse,
     .scratch = scratch_weights,
     .record = record_weights,
     .relative_error = ERROR,
     .tunables = tunables_weights},
};
