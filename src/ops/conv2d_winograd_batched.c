/* Convolution by minimal filtering (src/ops/winograd.h) for the GPU class:
 * cl/conv2d_winograd_batched.cl, with cl/gemm_tiled.cl's products. */
#include <stdio.h>

#include "ops/conv2d.h"
#include "ops/launch.h"
#include "ops/tile.h"
#include "ops/tile_local.h"
#include "ops/winograd.h"

enum { OPTIONS = 4096 };
/* Numbers of a workspace: 64 MB, in which a GPU finds work enough. */
enum { MOST_NUMBERS = 1 << 24, FEW_CHANNELS = 16 };

/* As of the form for CPU runtimes: conv2d_winograd.c. */
static const double ERROR = 1e-5;

enum { OUTPUTS = DD__LOCAL_SETTINGS };

static int32_t usual_outputs(const dd__node *node, const dd_device *device);
static const dd__tunable tunables[] = {
    DD__LOCAL_TUNABLES,
    [OUTPUTS] = {.name = "m",
                 .values = {2, 4},
                 .usual_for = usual_outputs,
                 .help = "F(m x m, r x r): outputs of a tile"},
    {0},
};

/* ---- Forms -------------------------------------------------------------------------------- */

static bool is_data(const dd__node *node) { return node->op == &dd__op_conv2d_backward_data; }

/* What is computed: the convolution, or for dx that of dy with w turned round. */
static dd__conv_shape shape_of(const dd__node *node) {
    dd__conv_shape s = dd__conv_shape_of(node);
    if (!is_data(node)) return s;
    dd__conv_shape turned = s;
    turned.h = s.p, turned.w = s.q, turned.c = s.o;
    turned.p = s.h, turned.q = s.w, turned.o = s.c;
    turned.top = s.kh - 1 - s.top, turned.left = s.kw - 1 - s.left;
    return turned;
}

static int32_t usual_outputs(const dd__node *node, const dd_device *device) {
    dd__conv_shape s = shape_of(node);
    (void)device;
    return dd__winograd_outputs(s.p, s.q, s.kh);
}

typedef struct form {
    dd__conv_shape s;
    int32_t m, squares;   /* squares: numbers of a tile, a * a */
    int32_t tiles, chunk; /* chunk: at a time */
    char options[OPTIONS];
} form;

static void form_of(const dd__node *node, const dd_device *device, form *f) {
    dd__conv_shape s = shape_of(node);
    int32_t m = dd__setting(node, device, tunables, OUTPUTS), a = m + s.kh - 1;
    *f = (form){.s = s, .m = m, .squares = a * a};
    f->tiles = s.n * dd__divide_up(s.p, m) * dd__divide_up(s.q, m);
    f->chunk = MOST_NUMBERS / (f->squares * (s.c > s.o ? s.c : s.o));
    if (f->chunk < 1) f->chunk = 1;
    if (f->chunk > f->tiles) f->chunk = f->tiles;
    dd__winograd w;
    int used = snprintf(f->options, OPTIONS, "-DVW=1 -DPOOL=%d%s ", s.pool,
                        dd__conv_half_options(node).text);
    if (dd__winograd_make(m, s.kh, &w))
        dd__winograd_options(&w, f->options + used, OPTIONS - (size_t)used);
}

static int32_t chunks_of(const form *f) { return dd__divide_up(f->tiles, f->chunk); }

static size_t matrices(const form *f, int32_t rows, int32_t columns) {
    return sizeof(float) * (size_t)f->squares * (size_t)rows * (size_t)columns;
}

static const char *refuse(const dd__node *node, const dd_device *device) {
    dd__conv_shape s = dd__conv_shape_of(node);
    if (s.sh != 1 || s.sw != 1 || s.dh != 1 || s.dw != 1) return "stride or dilation is not 1";
    if (s.groups != 1) return "channels are in groups";
    if (s.kh != s.kw || (s.kh != 3 && s.kh != 5)) return "the kernel is neither 3x3 nor 5x5";
    if (s.pool > 2) return "windows are larger than 2x2";
    if ((int64_t)MOST_NUMBERS < (int64_t)64 * s.c || (int64_t)MOST_NUMBERS < (int64_t)64 * s.o)
        return "one tile is larger than the workspace";
    return dd__local_refuse(node, device, &dd__local_f32);
}

static const char *avoid(const dd__node *node, const dd_device *device) {
    dd__conv_shape s = dd__conv_shape_of(node);
    (void)device;
    bool few = s.c < FEW_CHANNELS || s.o < FEW_CHANNELS;
    return few ? "there are few channels: transforming costs more than is saved" : NULL;
}

/* ---- Launches ----------------------------------------------------------------------------- */

/* A kernel of ours, with the arguments that are there; so many items. */
static dd_status launch_items(dd__recorder *recorder, const dd_device *device, const form *f,
                              dd__launch *launch, int64_t items) {
    launch->program = "conv2d_winograd_batched";
    dd__launch_elements(launch, device, (size_t)items);
    launch->options = f->options;
    return dd__record(recorder, launch);
}

/* The tiles from `first` on, behind its own arguments: an item for each of so many channels. */
static dd_status launch_tiles(dd__recorder *recorder, const dd_device *device, const form *f,
                              dd__launch *launch, int32_t first, int32_t count, int32_t channels) {
    const dd__conv_shape *s = &f->s;
    const int32_t numbers[] = {f->chunk, first, count, s->h,   s->w,   s->c,
                               s->p,     s->q,  s->o,  s->top, s->left};
    for (size_t i = 0; i < DD_COUNT(numbers); i++) dd__launch_append(launch, DD_INT(numbers[i]));
    return launch_items(recorder, device, f, launch, (int64_t)count * channels);
}

static int32_t count_from(const form *f, int32_t first) {
    return f->tiles - first < f->chunk ? f->tiles - first : f->chunk;
}

/* ---- Forward, and backward data ----------------------------------------------------------- */

static void scratch(const dd__node *node, const dd_device *device, dd__scratch *scratch) {
    form f;
    form_of(node, device, &f);
    scratch->packed_bytes = matrices(&f, f.s.c, f.s.o);
    scratch->workspace_bytes[0] = matrices(&f, f.chunk, f.s.c);
    scratch->workspace_bytes[1] = matrices(&f, f.chunk, f.s.o);
}

/* w is (R, R, C, O): from C to O channels forward, from O to C and turned round backward. */
static dd_status pack(dd__recorder *recorder, const dd__node *node, const dd__site *site) {
    form f;
    form_of(node, site->device, &f);
    const dd__conv_shape *s = &f.s;
    bool turned = is_data(node);
    dd__launch launch = {.kernel = "pack",
                         .arguments = {DD_BUFFER(node->in[1]->buffer), DD_BUFFER(site->packed),
                                       DD_INT(s->c), DD_INT(s->o), DD_INT(turned ? 1 : s->o),
                                       DD_INT(turned ? s->c : 1), DD_INT(turned)}};
    return launch_items(recorder, site->device, &f, &launch, (int64_t)s->c * s->o);
}

static dd_status record_products(dd__recorder *recorder, const dd__node *node, const dd__site *site,
                                 const form *f, int32_t count) {
    int32_t c = f->s.c, o = f->s.o;
    const dd__local_launch launch = {
        .form = &dd__local_f32,
        .program = "gemm_tiled",
        .options = " -DLEFT_ALONG_K",
        .product = {.m = count, .n = o, .k = c, .row = o, .count = f->squares, .places = 1},
        .left = site->workspace[0],
        .right = site->packed,
        .numbers = {c, 1, o, 1, f->chunk * c, c * o, f->chunk * o},
        .number_count = 8};
    return dd__local_record_slices(recorder, node, site->device, &launch, 1, site->workspace[1]);
}

static dd_status record_output(dd__recorder *recorder, const dd__node *node, const dd__site *site,
                               const form *f, int32_t first, int32_t count) {
    dd__buffer *products = site->workspace[1];
    const dd__finish finish = is_data(node) ? (dd__finish){0} : dd__conv_finish(node);
    dd__launch launch = {.kernel = "transform_output",
                         .arguments = {DD_BUFFER(products), DD_BUFFER(node->out[0]->buffer)}};
    dd__append_finish(&launch, &finish, products);
    return launch_tiles(recorder, site->device, f, &launch, first, count, f->s.o);
}

static dd_status record(dd__recorder *recorder, const dd__node *node, const dd__site *site) {
    form f;
    form_of(node, site->device, &f);
    for (int32_t first = 0; first < f.tiles; first += f.chunk) {
        int32_t count = count_from(&f, first);
        dd__launch input = {
            .kernel = "transform_input",
            .arguments = {DD_BUFFER(node->in[0]->buffer), DD_BUFFER(site->workspace[0])}};
        DD_TRY(launch_tiles(recorder, site->device, &f, &input, first, count, f.s.c));
        DD_TRY(record_products(recorder, node, site, &f, count));
        DD_TRY(record_output(recorder, node, site, &f, first, count));
    }
    return DD_OK;
}

/* ---- Backward weights --------------------------------------------------------------------- */

static dd__product weights_product(const form *f, int32_t tiles) {
    int32_t c = f->s.c, o = f->s.o;
    return (dd__product){.m = c, .n = o, .k = tiles, .row = o, .count = f->squares, .places = 1};
}

static int32_t weights_slices(const dd__node *node, const dd_device *device, const form *f) {
    dd__product p = weights_product(f, f->chunk);
    return dd__local_slices(node, device, &dd__local_f32, &p);
}

static void scratch_weights(const dd__node *node, const dd_device *device, dd__scratch *scratch) {
    form f;
    form_of(node, device, &f);
    int32_t parts = chunks_of(&f) * weights_slices(node, device, &f);
    scratch->workspace_bytes[0] = matrices(&f, f.chunk, f.s.c);
    scratch->workspace_bytes[1] = matrices(&f, f.chunk, f.s.o);
    scratch->workspace_bytes[2] = (size_t)parts * matrices(&f, f.s.c, f.s.o);
}

/* The parts of the sums that the chunk from `first` on gives. */
static dd_status record_weight_products(dd__recorder *recorder, const dd__node *node,
                                        const dd__site *site, const form *f, int32_t first) {
    int32_t c = f->s.c, o = f->s.o, slices = weights_slices(node, site->device, f);
    int32_t parts = chunks_of(f) * slices;
    const dd__local_launch launch = {.form = &dd__local_f32,
                                     .program = "gemm_tiled",
                                     .options = "",
                                     .product = weights_product(f, count_from(f, first)),
                                     .left = site->workspace[0],
                                     .right = site->workspace[1],
                                     .numbers = {1, c, o, 1, f->chunk * c, f->chunk * o,
                                                 parts * c * o, first / f->chunk * slices * c * o},
                                     .number_count = 8};
    return dd__local_record_slices(recorder, node, site->device, &launch, slices,
                                   site->workspace[2]);
}

static dd_status record_weights(dd__recorder *recorder, const dd__node *node,
                                const dd__site *site) {
    form f;
    form_of(node, site->device, &f);
    int32_t parts = chunks_of(&f) * weights_slices(node, site->device, &f);
    for (int32_t first = 0; first < f.tiles; first += f.chunk) {
        int32_t count = count_from(&f, first);
        dd__launch input = {
            .kernel = "transform_input",
            .arguments = {DD_BUFFER(node->in[0]->buffer), DD_BUFFER(site->workspace[0])}};
        dd__launch gradient = {
            .kernel = "transform_gradient",
            .arguments = {DD_BUFFER(node->in[1]->buffer), DD_BUFFER(site->workspace[1])}};
        DD_TRY(launch_tiles(recorder, site->device, &f, &input, first, count, f.s.c));
        DD_TRY(launch_tiles(recorder, site->device, &f, &gradient, first, count, f.s.o));
        DD_TRY(record_weight_products(recorder, node, site, &f, first));
    }
    dd__launch finish = {.kernel = "finish_weights",
                         .arguments = {DD_BUFFER(site->workspace[2]),
                                       DD_BUFFER(node->out[0]->buffer), DD_INT(parts),
                                       DD_INT(f.s.c * f.s.o)}};
    return launch_items(recorder, site->device, &f, &finish, (int64_t)f.s.c * f.s.o);
}

/* Weights and tiles are transformed and multiplied in float: the transforms that follow make what they
 * are rounded by some fifty times larger (ERROR against 2^-24), which half precision has no room for. */
#define HALF (DD__HALF_IN(0) | DD__CONV_ADDED_HALF | DD__HALF_OUT(0))
#define NAMED                                                                            \
    .name = "winograd_batched", .classes = DD__ON_GPU, .refuse = refuse, .avoid = avoid, \
    .relative_error = ERROR, .tunables = tunables
const dd__implementation dd__conv2d_winograd_batched[3] = {
    {NAMED, .scratch = scratch, .pack = pack, .record = record, .half = HALF},
    {NAMED, .scratch = scratch, .pack = pack, .record = record},
    {NAMED, .scratch = scratch_weights, .record = record_weights},
};
