/* norm_pool_training and norm_pool_backward: batch norm, max pool and dropout in one, as they follow
 * a convolution in a training graph; see cl/norm_pool.cl for the formulas. They stand for
 * batch_norm_training, max_pool and dropout, whose results they give: plan/fuse.h puts them there.
 *
 * norm_pool_training  x, gamma, beta, running mean, running variance (both changed in place), step,
 *                     bias (optional) -> y, the batch's mean, 1 / its deviation, place, winner
 * norm_pool_backward  dy, x, place, winner, gamma, mean, 1 / deviation -> dz, dgamma, dbeta, dbias
 *
 * x (N, H, W, C); y, place (u8) and winner (N, OH, OW, C); everything else (C). The bias is that of
 * the convolution that made x and is not read: its gradient, the column sums of dz, is at hand here,
 * and conv2d leaves it to this op (dd__conv2d.outer_gradient).
 */
#include "ops/norm_pool.h"

#include <math.h>
#include <stdio.h>

#include "ops/batch_norm.h"
#include "ops/lanes.h"
#include "ops/launch.h"
#include "ops/ops.h"
#include "reference/reference.h"

/* Of a window: 255 stands for a dropped element, and kernels unroll their loops over a window. */
enum { MOST_PLACES = 255, MOST_UNROLLED = 64 };

/* ---- Shapes ------------------------------------------------------------------------- */

static uint32_t channels_of(const dd__value *x) { return x->dims.d[3]; }

static dd__dims pooled(const dd__norm_pool *a, const dd__dims *x) {
    return DD_DIMS(x->d[0], x->d[1] / (uint32_t)a->pool[0], x->d[2] / (uint32_t)a->pool[1],
                   x->d[3]);
}

static dd_status expect(const dd__node *node, size_t i, dd__type type, dd__dims dims) {
    const dd__value *v = node->in[i];
    char expected[80], found[80];
    if (v->type == type && dd__dims_equal(&v->dims, &dims)) return DD_OK;
    return dd__fail(DD_SHAPE, "expected input %zu of %s, found %s%s", i,
                    dd__dims_print(&dims, expected), dd__dims_print(&v->dims, found),
                    v->type == type ? "" : " of another type");
}

static dd_status check_pool(const dd__norm_pool *a, const dd__dims *x) {
    bool fits = a->pool[0] >= 1 && a->pool[1] >= 1 && a->pool[0] <= MOST_PLACES / a->pool[1] &&
                (uint32_t)a->pool[0] <= x->d[1] && (uint32_t)a->pool[1] <= x->d[2];
    return fits ? DD_OK
                : dd__fail(DD_SHAPE, "pool %dx%d does not fit images of %ux%u, or %d places",
                           a->pool[0], a->pool[1], x->d[1], x->d[2], MOST_PLACES);
}

dd_status dd__norm_pool_infer(dd__graph *graph, dd__node *node, const dd__dims *x) {
    const dd__norm_pool *a = node->attributes;
    DD_TRY(check_pool(a, x));
    dd__dims channels = DD_DIMS(x->d[3]), y = pooled(a, x);
    for (size_t i = 1; i <= 4; i++) DD_TRY(expect(node, i, DD__F32, channels));
    DD_TRY(dd__check_step(node->in[5]));
    if (node->in_count > 6 && node->in[6]) DD_TRY(expect(node, 6, DD__F32, channels));
    DD_TRY(dd__node_output(graph, node, 0, DD__F32, y));
    DD_TRY(dd__node_output(graph, node, 1, DD__F32, channels));
    DD_TRY(dd__node_output(graph, node, 2, DD__F32, channels));
    DD_TRY(dd__node_output(graph, node, 3, DD__U8, y));
    return dd__node_output(graph, node, 4, DD__F32, y);
}

dd_status dd__norm_pool_infer_backward(dd__graph *graph, dd__node *node, const dd__dims *x,
                                       const dd__dims *result) {
    const dd__norm_pool *a = node->attributes;
    DD_TRY(check_pool(a, x));
    dd__dims channels = DD_DIMS(x->d[3]), y = pooled(a, x);
    DD_TRY(expect(node, 0, DD__F32, y));
    DD_TRY(expect(node, 2, DD__U8, y));
    DD_TRY(expect(node, 3, DD__F32, y));
    for (size_t i = 4; i <= 6; i++) DD_TRY(expect(node, i, DD__F32, channels));
    DD_TRY(dd__node_output(graph, node, 0, DD__F32, *result));
    for (size_t i = 1; i <= 3; i++) DD_TRY(dd__node_output(graph, node, i, DD__F32, channels));
    return DD_OK;
}

static dd_status check_images(const dd__value *x) {
    if (x->type == DD__F32 && x->dims.rank == 4) return DD_OK;
    return dd__fail(DD_SHAPE, "expected images (N, H, W, C) of type f32");
}

static dd_status infer(dd__graph *graph, dd__node *node) {
    const dd__value *x = node->in[0];
    DD_TRY(check_images(x));
    return dd__norm_pool_infer(graph, node, &x->dims);
}

static dd_status infer_backward(dd__graph *graph, dd__node *node) {
    const dd__value *x = node->in[1];
    DD_TRY(check_images(x));
    return dd__norm_pool_infer_backward(graph, node, &x->dims, &x->dims);
}

static dd_status gradient(dd__graph *graph, const dd__node *node, dd__value *const dy[],
                          dd__value *dx[]) {
    if (dy[0] == NULL) return DD_OK;
    char name[256];
    snprintf(name, sizeof name, "%s.backward", node->name);
    dd__value *in[] = {dy[0],       node->in[0],  node->out[3], node->out[4],
                       node->in[1], node->out[1], node->out[2]};
    dd__value *dbias, **out[] = {&dx[0], &dx[1], &dx[2], &dbias};
    DD_TRY(dd__graph_add(graph, &dd__op_norm_pool_backward, name, node->attributes, in, 7, out, 4));
    if (node->in_count > 6 && node->in[6] && node->in[6]->wants_gradient) dx[6] = dbias;
    return DD_OK;
}

/* ---- Launches ----------------------------------------------------------------------- */

/* "-DOP_norm_pool_training -DVW=8 -DKH=2 -DKW=2 -DDROPS" */
static void print_options(const dd__op *op, const dd__norm_pool *a, uint32_t channels,
                          const dd_device *device, char out[96]) {
    bool backward = op == &dd__op_norm_pool_backward;
    snprintf(out, 96, "-DOP_%s -DVW=%u -DKH=%d -DKW=%d%s%s", op->name, dd__lanes(device, channels),
             a->pool[0], a->pool[1], a->dropout.rate > 0 ? " -DDROPS" : "",
             backward && a->relu ? " -DRELU" : "");
}

static void print_own(const dd__node *node, const dd_device *device, char out[96]) {
    print_options(node->op, node->attributes, channels_of(node->in[0]), device, out);
}

/* How the rows of windows are cut, in the launch's global size; returns their number in a chunk. */
static size_t cut_windows(const dd__norm_pool *a, const dd__dims *x, const dd_device *device,
                          dd__launch *launch, size_t *rows) {
    *rows = (size_t)x->d[0] * (x->d[1] / (uint32_t)a->pool[0]);
    return dd__launch_chunks(launch, device, *rows, dd__dims_count(x) / *rows, 1);
}

/* The same; adds the arguments rows, chunk, H, W, C, OH, OW. */
static void push_windows(dd__launch *launch, const dd__norm_pool *a, const dd__dims *x,
                         const dd_device *device) {
    size_t rows, chunk = cut_windows(a, x, device, launch, &rows);
    dd__dims y = pooled(a, x);
    const size_t numbers[] = {rows, chunk, x->d[1], x->d[2], x->d[3], y.d[1], y.d[2]};
    for (size_t i = 0; i < DD_COUNT(numbers); i++) dd__launch_append(launch, DD_INT(numbers[i]));
}

float dd__norm_pool_scale(const dd__norm_pool *a) { return 1 / (1 - a->dropout.rate); }

static void push_dropout(dd__launch *launch, const dd__norm_pool *a) {
    dd__launch_append(launch, DD_INT(a->dropout.stream));
    dd__launch_append(launch, DD_INT(lrintf(a->dropout.rate * 65536)));
    dd__launch_append(launch, DD_FLOAT(dd__norm_pool_scale(a)));
}

static dd__norm_cut cut_statistics(const dd__node *node, const dd_device *device) {
    return dd__norm_cut_rows(&dd__op_batch_norm_training, &node->in[0]->dims, device, true);
}

static void scratch(const dd__node *node, const dd_device *device, dd__scratch *need) {
    dd__norm_cut k = cut_statistics(node, device);
    need->workspace_bytes[0] = k.chunks * 2 * k.channels * sizeof(float);
}

static dd_status record(dd__recorder *recorder, const dd__node *node, const dd__site *site) {
    const dd__norm_pool *a = node->attributes;
    dd__norm_cut k = cut_statistics(node, site->device);
    dd__buffer *partial = site->workspace[0];
    DD_TRY(dd__norm_record_statistics(recorder, &k, node->in[0]->buffer, partial));
    DD_TRY(dd__norm_record_combine(recorder, &k, &a->norm, node, partial));

    char options[96];
    dd__launch launch = {.program = "norm_pool", .kernel = "norm_pool"};
    dd__launch_values(&launch, node->in, 3);
    dd__launch_values(&launch, node->out + 1, 2);
    dd__launch_values(&launch, node->in + 5, 1);
    dd__launch_values(&launch, node->out, 1);
    dd__launch_values(&launch, node->out + 3, 2);
    push_windows(&launch, a, &node->in[0]->dims, site->device);
    push_dropout(&launch, a);
    print_own(node, site->device, options);
    launch.options = options;
    return dd__record(recorder, &launch);
}

dd_status dd__norm_pool_record_chosen(dd__recorder *recorder, const dd__node *node,
                                      const dd_device *device, dd__buffer *best,
                                      dd__buffer *where) {
    const dd__norm_pool *a = node->attributes;
    const dd__dims *y = &node->out[0]->dims;
    char options[96];
    print_options(&dd__op_norm_pool_training, a, y->d[3], device, options);
    dd__launch launch = {.program = "norm_pool", .kernel = "norm_chosen"};
    size_t windows = dd__dims_count(y) / y->d[3];
    size_t chunk = dd__launch_chunks(&launch, device, windows, y->d[3], 1);
    launch.options = options;
    dd__launch_append(&launch, DD_BUFFER(best));
    dd__launch_append(&launch, DD_BUFFER(where));
    dd__launch_values(&launch, node->in + 1, 2);
    dd__launch_values(&launch, node->out + 1, 2);
    dd__launch_values(&launch, node->in + 5, 1);
    dd__launch_values(&launch, node->out, 1);
    dd__launch_values(&launch, node->out + 3, 2);
    dd__launch_append(&launch, DD_INT(windows));
    dd__launch_append(&launch, DD_INT(chunk));
    dd__launch_append(&launch, DD_INT(y->d[3]));
    push_dropout(&launch, a);
    return dd__record(recorder, &launch);
}

static dd__norm_cut cut_sums(const dd__node *node, const dd_device *device) {
    return dd__norm_cut_rows(&dd__op_batch_norm_backward, &node->in[0]->dims, device, true);
}

size_t dd__norm_pool_sums_bytes(const dd__node *node, const dd_device *device) {
    dd__norm_cut k = cut_sums(node, device);
    return k.chunks * 2 * k.channels * sizeof(float);
}

dd_status dd__norm_pool_record_sums(dd__recorder *recorder, const dd__node *node,
                                    const dd_device *device, dd__buffer *partial) {
    dd__norm_cut k = cut_sums(node, device);
    char options[96];
    print_options(&dd__op_norm_pool_backward, node->attributes, channels_of(node->in[0]), device,
                  options);
    dd__launch launch = {.program = "norm_pool",
                         .kernel = "norm_pool_sums",
                         .options = options,
                         .global = {k.chunks, 1, 1},
                         .local = {1, 1, 1}};
    dd__launch_values(&launch, node->in, 1);
    dd__launch_values(&launch, node->in + 2, 2);
    dd__launch_append(&launch, DD_BUFFER(partial));
    dd__launch_append(&launch, DD_INT(k.rows));
    dd__launch_append(&launch, DD_INT(k.chunk));
    dd__launch_append(&launch, DD_INT(k.channels));
    dd__launch_append(&launch, DD_FLOAT(dd__norm_pool_scale(node->attributes)));
    DD_TRY(dd__record(recorder, &launch));
    return dd__norm_record_combine_sums(recorder, &k, partial, node->in[6]->buffer,
                                        node->out[1]->buffer, node->out[2]->buffer);
}

static void scratch_backward(const dd__node *node, const dd_device *device, dd__scratch *need) {
    dd__launch launch = {0};
    size_t rows;
    cut_windows(node->attributes, &node->in[1]->dims, device, &launch, &rows);
    need->workspace_bytes[0] = dd__norm_pool_sums_bytes(node, device);
    need->workspace_bytes[1] = launch.global[0] * channels_of(node->in[0]) * sizeof(float);
}

/* The bias's gradient, from the parts that the work-groups summed. */
static dd_status record_bias(dd__recorder *recorder, const dd__node *node, const dd__site *site,
                             size_t parts) {
    enum { WIDTH = 128 };
    size_t channels = channels_of(node->in[0]);
    return dd__record(recorder,
                      &(dd__launch){.program = "reduce",
                                    .options = dd__vector_option(site->device),
                                    .kernel = "column_sums_vector",
                                    .global = {1, (channels + WIDTH - 1) / WIDTH, 1},
                                    .local = {1, 1, 1},
                                    .arguments = {DD_BUFFER(site->workspace[1]),
                                                  DD_BUFFER(node->out[3]->buffer), DD_INT(parts),
                                                  DD_INT(channels), DD_INT(parts), DD_INT(WIDTH)}});
}

static dd_status record_backward(dd__recorder *recorder, const dd__node *node,
                                 const dd__site *site) {
    const dd__norm_pool *a = node->attributes;
    const dd__dims *x = &node->in[1]->dims;
    char options[96];
    print_own(node, site->device, options);
    DD_TRY(dd__norm_pool_record_sums(recorder, node, site->device, site->workspace[0]));

    size_t rows = dd__dims_count(x) / x->d[3];
    dd__launch launch = {.program = "norm_pool", .kernel = "norm_pool_backward"};
    dd__launch_values(&launch, node->in, 3);
    dd__launch_values(&launch, node->in + 4, 3);
    dd__launch_values(&launch, node->out + 1, 2);
    dd__launch_values(&launch, node->out, 1);
    dd__launch_append(&launch, DD_BUFFER(site->workspace[1]));
    push_windows(&launch, a, x, site->device);
    dd__launch_append(&launch, DD_FLOAT(rows));
    dd__launch_append(&launch, DD_FLOAT(dd__norm_pool_scale(a)));
    launch.options = options;
    DD_TRY(dd__record(recorder, &launch));
    return record_bias(recorder, node, site, launch.global[0]);
}

/* Input 0 of both has x's channels. */
static const char *refuse(const dd__node *node, const dd_device *device) {
    const dd__norm_pool *a = node->attributes;
    if (a->pool[0] > MOST_UNROLLED || a->pool[1] > MOST_UNROLLED / a->pool[0])
        return "a window has more than 64 places";
    bool fits = dd__lanes(device, channels_of(node->in[0])) > 0;
    return fits ? NULL : "channels are not a multiple of 4";
}

static const dd__implementation vector[2] = {
    {.name = "vector",
     .classes = DD__ON_CPU,
     .refuse = refuse,
     .scratch = scratch,
     .record = record},
    {.name = "vector",
     .classes = DD__ON_CPU,
     .refuse = refuse,
     .scratch = scratch_backward,
     .record = record_backward},
};

/* ---- The ops ------------------------------------------------------------------------ */

const dd__op dd__op_norm_pool_training = {
    .name = "norm_pool_training",
    .attributes_bytes = sizeof(dd__norm_pool),
    .min_in = 6,
    .max_in = 7,
    .outputs = 5,
    .mutates = 1u << 3 | 1u << 4,
    .infer = infer,
    .gradient = gradient,
    .reference = dd__reference_norm_pool_training,
    .implementations = (const dd__implementation *const[]){&vector[0], NULL},
    .fused = true,
};

const dd__op dd__op_norm_pool_backward = {
    .name = "norm_pool_backward",
    .attributes_bytes = sizeof(dd__norm_pool),
    .min_in = 7,
    .max_in = 7,
    .outputs = 4,
    .infer = infer_backward,
    .reference = dd__reference_norm_pool_backward,
    .implementations = (const dd__implementation *const[]){&vector[1], NULL},
    .fused = true,
};
