/* conv2d_norm_pool_training and conv2d_norm_pool_backward: a convolution with the batch norm, max pool
 * and dropout behind it, in one: the first of a training graph, whose input wants no gradient. It has
 * few weights and a large result, which is computed twice rather than written and read seven times;
 * see cl/conv2d_norm_pool.cl. They stand for conv2d, conv2d_backward_weights, norm_pool_training and
 * norm_pool_backward, whose results they give: plan/fuse.h puts them there.
 *
 * conv2d_norm_pool_training  x, gamma, beta, running mean, running variance (both changed in place),
 *                            step, bias (may be absent), weights
 *                            -> y, the batch's mean, 1 / its deviation, place, winner
 * conv2d_norm_pool_backward  dy, x, place, winner, gamma, mean, 1 / deviation, bias (may be absent),
 *                            weights -> dweights, dgamma, dbeta, dbias
 *
 * x (N, H, W, C), weights (KH, KW, C, O); y, place (u8) and winner (N, OH, OW, O); all else (O).
 */
#include <stdio.h>

#include "ops/batch_norm.h"
#include "ops/conv2d.h"
#include "ops/launch.h"
#include "ops/norm_pool.h"
#include "ops/tile.h"
#include "reference/reference.h"

enum { BIAS = 6, WEIGHTS = 7 }; /* inputs; of the backward op, one more */

/* ---- Shapes ------------------------------------------------------------------------------- */

static bool is_backward(const dd__node *node) {
    return node->op == &dd__op_conv2d_norm_pool_backward;
}

static const dd__value *weights_of(const dd__node *node) {
    return node->in[WEIGHTS + is_backward(node)];
}

static const dd__value *bias_of(const dd__node *node) { return node->in[BIAS + is_backward(node)]; }

static const dd__value *images_of(const dd__node *node) { return node->in[is_backward(node)]; }

static dd_status make_shape(const dd__node *node, dd__conv_shape *s) {
    const dd__conv_norm_pool *a = node->attributes;
    return dd__conv_shape_make(&a->conv, &images_of(node)->dims, &weights_of(node)->dims, s);
}

static dd__conv_shape shape_of(const dd__node *node) {
    dd__conv_shape s = {0};
    make_shape(node, &s); /* was checked when the node was added */
    return s;
}

/* What the convolution gives. */
static dd__dims result_of(const dd__conv_shape *s) {
    return DD_DIMS((uint32_t)s->n, (uint32_t)s->p, (uint32_t)s->q, (uint32_t)s->o);
}

static dd_status check(const dd__node *node, dd__conv_shape *s) {
    DD_TRY(make_shape(node, s));
    const dd__value *bias = bias_of(node);
    if (!bias || dd__dims_equal(&bias->dims, &DD_DIMS((uint32_t)s->o))) return DD_OK;
    return dd__fail(DD_SHAPE, "expected a bias of %d numbers", s->o);
}

static dd_status infer(dd__graph *graph, dd__node *node) {
    dd__conv_shape s;
    DD_TRY(check(node, &s));
    dd__dims result = result_of(&s);
    return dd__norm_pool_infer(graph, node, &result);
}

static dd_status infer_backward(dd__graph *graph, dd__node *node) {
    dd__conv_shape s;
    DD_TRY(check(node, &s));
    dd__dims result = result_of(&s);
    return dd__norm_pool_infer_backward(graph, node, &result, &weights_of(node)->dims);
}

static dd_status gradient(dd__graph *graph, const dd__node *node, dd__value *const dy[],
                          dd__value *dx[]) {
    if (dy[0] == NULL) return DD_OK;
    if (node->in[0]->wants_gradient)
        return dd__fail(DD_USAGE, "%s: a fused convolution has no gradient for its input",
                        node->name);
    char name[256];
    snprintf(name, sizeof name, "%s.backward", node->name);
    dd__value *in[] = {dy[0],        node->in[0],  node->out[3],   node->out[4],     node->in[1],
                       node->out[1], node->out[2], node->in[BIAS], node->in[WEIGHTS]};
    dd__value *dbias, **out[] = {&dx[WEIGHTS], &dx[1], &dx[2], &dbias};
    DD_TRY(dd__graph_add(graph, &dd__op_conv2d_norm_pool_backward, name, node->attributes, in,
                         DD_COUNT(in), out, DD_COUNT(out)));
    if (node->in[BIAS] && node->in[BIAS]->wants_gradient) dx[BIAS] = dbias;
    return DD_OK;
}

/* Of the convolution alone; that it is done twice is not counted. */
static double flop(const dd__node *node) {
    dd__conv_shape s = shape_of(node);
    return dd__conv_shape_flop(&s);
}

/* ---- Launches ----------------------------------------------------------------------------- */

enum { FEWEST_PLACES = 2, MOST_PLACES = 6, MOST_WEIGHTS = 64 }; /* as in the kernels */

/* A register tile has the places of a window as rows. */
static int32_t places(const dd__norm_pool *a) { return a->pool[0] * a->pool[1]; }

/* Two vectors in a row of the tile where filters allow it. */
static int32_t columns_of(const dd__conv_shape *s, const dd_device *device) {
    int32_t lanes = dd__tile_lanes(device);
    return s->o % (2 * lanes) == 0 ? 2 * lanes : lanes;
}

static const char *refuse(const dd__node *node, const dd_device *device) {
    const dd__conv_norm_pool *a = node->attributes;
    dd__conv_shape s = shape_of(node);
    const int32_t *pool = a->tail.pool;
    if (s.groups != 1 || s.dh != 1 || s.dw != 1) return "channels are in groups, or taps apart";
    if (s.kh * s.kw * s.c > MOST_WEIGHTS) return "a filter has more than 64 weights";
    if (pool[0] > MOST_PLACES || pool[1] > MOST_PLACES || places(&a->tail) < FEWEST_PLACES ||
        places(&a->tail) > MOST_PLACES)
        return "a window has not 2 to 6 places";
    if (s.p % pool[0] || s.q % pool[1]) return "windows leave pixels over";
    return s.o % dd__tile_lanes(device) ? "filters are not a multiple of a vector" : NULL;
}

/* "-DOP_conv2d_norm_pool_training -DVW=8 -DMR=4 -DNV=2 -DKH=2 -DKW=2 -DBIAS -DRELU -DDROPS" */
static void print_options(const dd__node *node, const dd_device *device, char out[160]) {
    const dd__norm_pool *a = node->attributes;
    dd__conv_shape s = shape_of(node);
    int32_t lanes = dd__tile_lanes(device);
    snprintf(out, 160, "-DOP_%s -DVW=%d -DMR=%d -DNV=%d -DKH=%d -DKW=%d%s%s%s", node->op->name,
             lanes, places(a), columns_of(&s, device) / lanes, a->pool[0], a->pool[1],
             bias_of(node) ? " -DBIAS" : "", a->relu ? " -DRELU" : "",
             a->dropout.rate > 0 ? " -DDROPS" : "");
}

/* Adds OH, OW, H, W, C, O, RUNS, LENGTH, SH, SW. */
static void push_shape(dd__launch *launch, const dd__norm_pool *a, const dd__conv_shape *s) {
    const int32_t numbers[] = {s->p / a->pool[0],
                               s->q / a->pool[1],
                               s->h,
                               s->w,
                               s->c,
                               s->o,
                               s->kh,
                               s->kw * s->c,
                               s->sh,
                               s->sw};
    for (size_t i = 0; i < DD_COUNT(numbers); i++) dd__launch_append(launch, DD_INT(numbers[i]));
}

static void push_bias(dd__launch *launch, const dd__node *node) {
    const dd__value *bias = bias_of(node);
    dd__launch_append(launch, DD_BUFFER((bias ? bias : weights_of(node))->buffer));
}

enum { PADDED, BEST, WHERE, MOMENTS }; /* workspaces */

static void scratch(const dd__node *node, const dd_device *device, dd__scratch *need) {
    dd__conv_shape s = shape_of(node);
    size_t windows = dd__dims_count(&node->out[0]->dims);
    (void)device;
    need->workspace_bytes[PADDED] = dd__conv_padded_bytes(&s);
    need->workspace_bytes[BEST] = windows * sizeof(float);
    need->workspace_bytes[WHERE] = windows;
    need->workspace_bytes[MOMENTS] = sizeof(float) * (size_t)s.n * 2 * (size_t)s.o;
}

/* Each image is a chunk of rows. */
static dd__norm_cut cut_images(const dd__conv_shape *s, const dd_device *device) {
    dd__dims z = result_of(s);
    dd__norm_cut k = dd__norm_cut_rows(&dd__op_batch_norm_training, &z, device, true);
    k.chunk = (size_t)s->p * (size_t)s->q;
    k.chunks = (size_t)s->n;
    return k;
}

static dd_status record(dd__recorder *recorder, const dd__node *node, const dd__site *site) {
    const dd__norm_pool *a = node->attributes;
    dd__conv_shape s = shape_of(node);
    dd__norm_cut k = cut_images(&s, site->device);
    dd__buffer *x = node->in[0]->buffer;
    char options[160];
    DD_TRY(dd__conv_record_pad(recorder, site, &x, &s));
    print_options(node, site->device, options);
    dd__launch launch = {.program = "conv2d_norm_pool",
                         .options = options,
                         .kernel = "training",
                         .global = {(size_t)s.n, (size_t)(s.o / columns_of(&s, site->device)), 1},
                         .local = {1, 1, 1},
                         .arguments = {DD_BUFFER(x), DD_BUFFER(weights_of(node)->buffer)}};
    push_bias(&launch, node);
    dd__launch_values(&launch, node->in + 1, 1);
    for (size_t i = BEST; i <= MOMENTS; i++)
        dd__launch_append(&launch, DD_BUFFER(site->workspace[i]));
    push_shape(&launch, a, &s);
    DD_TRY(dd__record(recorder, &launch));
    DD_TRY(dd__norm_record_combine(recorder, &k, &a->norm, node, site->workspace[MOMENTS]));
    return dd__norm_pool_record_chosen(recorder, node, site->device, site->workspace[BEST],
                                       site->workspace[WHERE]);
}

enum { SUMS = 1, PARTS = 2 }; /* workspaces behind PADDED */

/* Images of a part, so many that each thread has some 32 parts, and no part is for few pixels. */
static int32_t images_of_part(const dd__conv_shape *s, const dd_device *device) {
    int32_t parts = 32 * dd__threads(device);
    int32_t images = dd__divide_up(s->n, parts), least = dd__divide_up(512, s->p * s->q);
    return images > least ? images : least;
}

static void scratch_backward(const dd__node *node, const dd_device *device, dd__scratch *need) {
    dd__conv_shape s = shape_of(node);
    size_t parts = (size_t)dd__divide_up(s.n, images_of_part(&s, device));
    need->workspace_bytes[PADDED] = dd__conv_padded_bytes(&s);
    need->workspace_bytes[SUMS] = dd__norm_pool_sums_bytes(node, device);
    need->workspace_bytes[PARTS] =
        sizeof(float) * parts * (size_t)(s.kh * s.kw * s.c + 1) * (size_t)s.o;
}

/* dweights and dbias, the sums of the parts. */
static dd_status record_reduce(dd__recorder *recorder, const dd__node *node, const dd__site *site,
                               const dd__conv_shape *s, const char *options, int32_t parts) {
    int32_t chunk = 16 * dd__tile_lanes(site->device); /* as in the kernel */
    int32_t weights = s->kh * s->kw * s->c * s->o;
    dd__launch launch = {.program = "conv2d_norm_pool",
                         .options = options,
                         .kernel = "reduce",
                         .global = {(size_t)dd__divide_up(weights + s->o, chunk), 1, 1},
                         .local = {1, 1, 1},
                         .arguments = {DD_BUFFER(site->workspace[PARTS])}};
    dd__launch_values(&launch, node->out, 1);
    dd__launch_values(&launch, node->out + 3, 1);
    dd__launch_append(&launch, DD_INT(weights));
    dd__launch_append(&launch, DD_INT(weights + s->o));
    dd__launch_append(&launch, DD_INT(parts));
    return dd__record(recorder, &launch);
}

static dd_status record_backward(dd__recorder *recorder, const dd__node *node,
                                 const dd__site *site) {
    const dd__norm_pool *a = node->attributes;
    dd__conv_shape s = shape_of(node);
    int32_t images = images_of_part(&s, site->device), parts = dd__divide_up(s.n, images);
    dd__buffer *x = node->in[1]->buffer;
    char options[160];
    DD_TRY(dd__norm_pool_record_sums(recorder, node, site->device, site->workspace[SUMS]));
    DD_TRY(dd__conv_record_pad(recorder, site, &x, &s));
    print_options(node, site->device, options);
    dd__launch launch = {.program = "conv2d_norm_pool",
                         .options = options,
                         .kernel = "backward",
                         .global = {(size_t)(s.o / columns_of(&s, site->device)), (size_t)parts, 1},
                         .local = {1, 1, 1},
                         .arguments = {DD_BUFFER(x), DD_BUFFER(weights_of(node)->buffer)}};
    push_bias(&launch, node);
    dd__launch_values(&launch, (dd__value *[]){node->in[0], node->in[2]}, 2);
    dd__launch_values(&launch, node->in + 4, 3);
    dd__launch_values(&launch, node->out + 1, 2);
    dd__launch_append(&launch, DD_BUFFER(site->workspace[PARTS]));
    dd__launch_append(&launch, DD_FLOAT(dd__norm_pool_scale(a)));
    dd__launch_append(&launch, DD_INT(s.n));
    dd__launch_append(&launch, DD_INT(images));
    push_shape(&launch, a, &s);
    DD_TRY(dd__record(recorder, &launch));
    return record_reduce(recorder, node, site, &s, options, parts);
}

static const dd__implementation recomputed[2] = {
    {.name = "recomputed",
     .classes = DD__ON_CPU,
     .refuse = refuse,
     .scratch = scratch,
     .record = record},
    {.name = "recomputed",
     .classes = DD__ON_CPU,
     .refuse = refuse,
     .scratch = scratch_backward,
     .record = record_backward},
};

/* ---- The ops ------------------------------------------------------------------------------ */

const dd__op dd__op_conv2d_norm_pool_training = {
    .name = "conv2d_norm_pool_training",
    .attributes_bytes = sizeof(dd__conv_norm_pool),
    .min_in = 8,
    .max_in = 8,
    .outputs = 5,
    .mutates = 1u << 3 | 1u << 4,
    .infer = infer,
    .gradient = gradient,
    .reference = dd__reference_conv2d_norm_pool_training,
    .implementations = (const dd__implementation *const[]){&recomputed[0], NULL},
    .fused = true,
    .flop = flop,
};

const dd__op dd__op_conv2d_norm_pool_backward = {
    .name = "conv2d_norm_pool_backward",
    .attributes_bytes = sizeof(dd__conv_norm_pool),
    .min_in = 9,
    .max_in = 9,
    .outputs = 4,
    .infer = infer_backward,
    .reference = dd__reference_conv2d_norm_pool_backward,
    .implementations = (const dd__implementation *const[]){&recomputed[1], NULL},
    .fused = true,
    .flop = flop,
};
