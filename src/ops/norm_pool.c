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
#include "ops/bias.h"
#include "ops/lanes.h"
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

static bool is_backward(const dd__node *node) { return node->op == &dd__op_norm_pool_backward; }

/* "-DOP_norm_pool_training -DVW=8 -DKH=2 -DKW=2 -DDROPS"; without lanes the grouped form's. */
static void print_options(const dd__op *op, const dd__norm_pool *a, unsigned lanes, char out[96]) {
    bool backward = op == &dd__op_norm_pool_backward;
    char vector[24] = "";
    if (lanes) snprintf(vector, sizeof vector, " -DVW=%u", lanes);
    snprintf(out, 96, "-DOP_%s%s -DKH=%d -DKW=%d%s%s", op->name, vector, a->pool[0], a->pool[1],
             a->dropout.rate > 0 ? " -DDROPS" : "", backward && a->relu ? " -DRELU" : "");
}

static void print_own(const dd__node *node, const dd_device *device, bool vector, char out[96]) {
    unsigned lanes = vector ? dd__lanes(device, channels_of(node->in[0])) : 0;
    print_options(node->op, node->attributes, lanes, out);
}

/* The vector form's rows of windows. */
static dd__columns cut_windows(const dd__norm_pool *a, const dd__dims *x, const dd_device *device) {
    dd__launch launch = {0};
    dd__columns k = {.rows = (size_t)x->d[0] * (x->d[1] / (uint32_t)a->pool[0]),
                     .channels = x->d[3]};
    k.chunk = dd__launch_chunks(&launch, device, k.rows, dd__dims_count(x) / k.rows, 1);
    k.parts = launch.global[0];
    return k;
}

/* A work-item for each part, or groups of them. Returns the channels of a group; 0: vectors. */
static size_t set_parts(dd__launch *launch, const dd_device *device, const dd__columns *k,
                        bool vector) {
    if (!vector) return dd__launch_columns(launch, device, k);
    launch->global[0] = k->parts;
    launch->local[0] = launch->local[1] = launch->local[2] = 1;
    return 0;
}

/* Adds the arguments rows, chunk, H, W, C, OH, OW. */
static void push_shape(dd__launch *launch, const dd__norm_pool *a, const dd__dims *x, size_t rows,
                       size_t chunk) {
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

/* Of x's pixels for batch_norm_training, of the windows for batch_norm_backward. */
static dd__norm_cut cut_rows(const dd__op *norm, const dd__node *node, const dd_device *device,
                             bool vector) {
    return dd__norm_cut_rows(norm, &node->in[0]->dims, device, vector);
}

static size_t partial_bytes(const dd__norm_cut *k) {
    return k->chunks * 2 * k->channels * sizeof(float);
}

static dd_status record_training(dd__recorder *recorder, const dd__node *node, const dd__site *site,
                                 bool vector) {
    const dd__norm_pool *a = node->attributes;
    const dd__dims *x = &node->in[0]->dims;
    dd__norm_cut k = cut_rows(&dd__op_batch_norm_training, node, site->device, vector);
    dd__buffer *partial = site->workspace[0];
    DD_TRY(dd__norm_record_statistics(recorder, &k, node->in[0]->buffer, partial));
    DD_TRY(dd__norm_record_combine(recorder, &k, &a->norm, node, partial));

    char options[96];
    dd__columns windows = cut_windows(a, x, site->device);
    dd__launch launch = {.program = "norm_pool", .kernel = "norm_pool"};
    dd__launch_values(&launch, node->in, 3);
    dd__launch_values(&launch, node->out + 1, 2);
    dd__launch_values(&launch, node->in + 5, 1);
    dd__launch_values(&launch, node->out, 1);
    dd__launch_values(&launch, node->out + 3, 2);
    push_shape(&launch, a, x, windows.rows, windows.chunk);
    if (vector)
        set_parts(&launch, site->device, &windows, true);
    else
        dd__launch_groups(&launch, site->device, dd__dims_count(&node->out[0]->dims));
    push_dropout(&launch, a);
    print_own(node, site->device, vector, options);
    launch.options = options;
    return dd__record(recorder, &launch);
}

dd_status dd__norm_pool_record_chosen(dd__recorder *recorder, const dd__node *node,
                                      const dd_device *device, dd__buffer *best,
                                      dd__buffer *where) {
    const dd__norm_pool *a = node->attributes;
    const dd__dims *y = &node->out[0]->dims;
    char options[96];
    print_options(&dd__op_norm_pool_training, a, dd__lanes(device, y->d[3]), options);
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

static dd_status record_sums(dd__recorder *recorder, const dd__node *node, const dd_device *device,
                             dd__buffer *partial, bool vector) {
    dd__norm_cut k = cut_rows(&dd__op_batch_norm_backward, node, device, vector);
    char options[96];
    print_options(&dd__op_norm_pool_backward, node->attributes, k.lanes, options);
    dd__launch launch = {.program = "norm_pool", .kernel = "norm_pool_sums"};
    dd__columns parts = {k.rows, k.channels, k.chunk, k.chunks};
    size_t wide = set_parts(&launch, device, &parts, vector);
    launch.options = options;
    dd__launch_values(&launch, node->in, 1);
    dd__launch_values(&launch, node->in + 2, 2);
    dd__launch_append(&launch, DD_BUFFER(partial));
    dd__launch_append(&launch, DD_INT(k.rows));
    dd__launch_append(&launch, DD_INT(k.chunk));
    dd__launch_append(&launch, DD_INT(k.channels));
    dd__launch_append(&launch, DD_INT(wide));
    dd__launch_append(&launch, DD_FLOAT(dd__norm_pool_scale(node->attributes)));
    DD_TRY(dd__record(recorder, &launch));
    return dd__norm_record_combine_sums(recorder, &k, partial, node->in[6]->buffer,
                                        node->out[1]->buffer, node->out[2]->buffer);
}

size_t dd__norm_pool_sums_bytes(const dd__node *node, const dd_device *device) {
    dd__norm_cut k = cut_rows(&dd__op_batch_norm_backward, node, device, true);
    return partial_bytes(&k);
}

dd_status dd__norm_pool_record_sums(dd__recorder *recorder, const dd__node *node,
                                    const dd_device *device, dd__buffer *partial) {
    return record_sums(recorder, node, device, partial, true);
}

/* The grouped form passes over pixels. */
static dd__columns cut_backward(const dd__node *node, const dd_device *device, bool vector) {
    const dd__dims *x = &node->in[1]->dims;
    if (vector) return cut_windows(node->attributes, x, device);
    return dd__cut_columns(device, dd__dims_count(x) / x->d[3], x->d[3]);
}

/* The bias's gradient, from the parts that the work-groups summed. */
static dd_status record_bias(dd__recorder *recorder, const dd__node *node, const dd__site *site,
                             const dd__columns *cut, bool vector) {
    enum { WIDTH = 128 };
    dd__columns k = dd__join_columns(cut);
    dd__buffer *partial = site->workspace[1], *bias = node->out[3]->buffer;
    if (!vector) return dd__record_column_sums(recorder, site->device, &k, partial, bias);
    return dd__record(
        recorder, &(dd__launch){.program = "reduce",
                                .options = dd__vector_option(site->device),
                                .kernel = "column_sums_vector",
                                .global = {1, (k.channels + WIDTH - 1) / WIDTH, 1},
                                .local = {1, 1, 1},
                                .arguments = {DD_BUFFER(partial), DD_BUFFER(bias), DD_INT(k.rows),
                                              DD_INT(k.channels), DD_INT(k.rows), DD_INT(WIDTH)}});
}

static dd_status record_backward(dd__recorder *recorder, const dd__node *node, const dd__site *site,
                                 bool vector) {
    const dd__norm_pool *a = node->attributes;
    const dd__dims *x = &node->in[1]->dims;
    dd__columns k = cut_backward(node, site->device, vector);
    char options[96];
    DD_TRY(record_sums(recorder, node, site->device, site->workspace[0], vector));

    dd__launch launch = {.program = "norm_pool", .kernel = "norm_pool_backward"};
    dd__launch_values(&launch, node->in, 3);
    dd__launch_values(&launch, node->in + 4, 3);
    dd__launch_values(&launch, node->out + 1, 2);
    dd__launch_values(&launch, node->out, 1);
    dd__launch_append(&launch, DD_BUFFER(site->workspace[1]));
    push_shape(&launch, a, x, k.rows, k.chunk);
    dd__launch_append(&launch, DD_INT(set_parts(&launch, site->device, &k, vector)));
    const size_t pixels = dd__dims_count(x) / x->d[3];
    dd__launch_append(&launch, DD_FLOAT(pixels));
    dd__launch_append(&launch, DD_FLOAT(dd__norm_pool_scale(a)));
    print_own(node, site->device, vector, options);
    launch.options = options;
    DD_TRY(dd__record(recorder, &launch));
    return record_bias(recorder, node, site, &k, vector);
}

/* ---- Implementations ---------------------------------------------------------------- */

static void scratch(const dd__node *node, const dd_device *device, dd__scratch *need, bool vector) {
    bool backward = is_backward(node);
    const dd__op *norm = backward ? &dd__op_batch_norm_backward : &dd__op_batch_norm_training;
    dd__norm_cut rows = cut_rows(norm, node, device, vector);
    need->workspace_bytes[0] = partial_bytes(&rows);
    if (!backward) return;
    dd__columns k = cut_backward(node, device, vector);
    need->workspace_bytes[1] = k.parts * k.channels * sizeof(float);
}

static void scratch_vector(const dd__node *node, const dd_device *device, dd__scratch *need) {
    scratch(node, device, need, true);
}

static void scratch_grouped(const dd__node *node, const dd_device *device, dd__scratch *need) {
    scratch(node, device, need, false);
}

static dd_status record(dd__recorder *recorder, const dd__node *node, const dd__site *site,
                        bool vector) {
    if (is_backward(node)) return record_backward(recorder, node, site, vector);
    return record_training(recorder, node, site, vector);
}

static dd_status record_vector(dd__recorder *recorder, const dd__node *node, const dd__site *site) {
    return record(recorder, node, site, true);
}

static dd_status record_grouped(dd__recorder *recorder, const dd__node *node,
                                const dd__site *site) {
    return record(recorder, node, site, false);
}

static const char *refuse_grouped(const dd__node *node, const dd_device *device) {
    const dd__norm_pool *a = node->attributes;
    (void)device;
    if (a->pool[0] > MOST_UNROLLED || a->pool[1] > MOST_UNROLLED / a->pool[0])
        return "a window has more than 64 places";
    return NULL;
}

/* Input 0 of both has x's channels. */
static const char *refuse_vector(const dd__node *node, const dd_device *device) {
    if (dd__lanes(device, channels_of(node->in[0])) == 0) return "channels are not a multiple of 4";
    return refuse_grouped(node, device);
}

static const dd__implementation vector = {.name = "vector",
                                          .classes = DD__ON_CPU,
                                          .refuse = refuse_vector,
                                          .scratch = scratch_vector,
                                          .record = record_vector};
static const dd__implementation grouped = {.name = "grouped",
                                           .classes = DD__ON_GPU,
                                           .refuse = refuse_grouped,
                                           .scratch = scratch_grouped,
                                           .record = record_grouped};
static const dd__implementation *const implementations[] = {&vector, &grouped, NULL};

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
    .implementations = implementations,
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
    .implementations = implementations,
    .fused = true,
};
