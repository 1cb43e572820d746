/* Convolution in which each channel reads one of its own, forward: cl/conv2d_depthwise.cl. */
#include <stdio.h>

#include "ops/conv2d.h"
#include "ops/launch.h"
#include "ops/tile.h"

enum { BLOCK = 4, ITEMS_A_THREAD = 16 }; /* BLOCK as in cl/conv2d_depthwise.cl */

static const char *refuse(const dd__node *node, const dd_device *device) {
    dd__conv_shape s = dd__conv_shape_of(node);
    (void)device;
    if (s.cg != 1 || s.og != 1) return "a channel is not made of one channel of its own";
    return s.pool > 1 ? "it does not pool" : NULL;
}

/* Of the vectors that the channels are cut into, without a rest. */
static int32_t lanes_of(const dd__conv_shape *s, bool gpu, const dd_device *device) {
    int32_t lanes = gpu ? 4 : dd__tile_lanes(device);
    while (s->c % lanes) lanes = lanes > 4 ? lanes / 2 : 1;
    return lanes;
}

static void append_shape(dd__launch *launch, const dd__conv_shape *s) {
    const int32_t numbers[] = {s->n,  s->h,  s->w,  s->c,  s->p,  s->q,   s->kh,
                               s->kw, s->sh, s->sw, s->dh, s->dw, s->top, s->left};
    for (size_t i = 0; i < DD_COUNT(numbers); i++) dd__launch_append(launch, DD_INT(numbers[i]));
}

static dd__launch start(const dd__node *node, const char *kernel) {
    const dd__finish finish = dd__conv_finish(node);
    dd__buffer *w = node->in[1]->buffer;
    dd__launch launch = {.program = "conv2d_depthwise",
                         .kernel = kernel,
                         .arguments = {DD_BUFFER(node->in[0]->buffer), DD_BUFFER(w),
                                       DD_BUFFER(node->out[0]->buffer)}};
    dd__append_finish(&launch, &finish, w);
    return launch;
}

static dd_status record_rows(dd__recorder *recorder, const dd__node *node, const dd__site *site) {
    dd__conv_shape s = dd__conv_shape_of(node);
    char options[32];
    int32_t lanes = lanes_of(&s, false, site->device), rows = s.n * s.p;
    int32_t blocks = dd__divide_up(s.c, BLOCK * lanes);
    int32_t chunk = rows * blocks / (ITEMS_A_THREAD * dd__threads(site->device));
    if (chunk < 1) chunk = 1;
    snprintf(options, sizeof options, "-DVW=%d", lanes);
    dd__launch launch = start(node, "rows");
    launch.options = options;
    launch.global[0] = (size_t)blocks;
    launch.global[1] = (size_t)dd__divide_up(rows, chunk);
    for (int d = 0; d < 3; d++) launch.local[d] = 1;
    dd__launch_append(&launch, DD_INT(chunk));
    append_shape(&launch, &s);
    return dd__record(recorder, &launch);
}

static dd_status record_pixels(dd__recorder *recorder, const dd__node *node, const dd__site *site) {
    dd__conv_shape s = dd__conv_shape_of(node);
    char options[96];
    int32_t lanes = lanes_of(&s, true, site->device);
    snprintf(options, sizeof options, "-DVW=%d%s", lanes, dd__conv_half_options(node).text);
    dd__launch launch = start(node, "pixels");
    append_shape(&launch, &s);
    dd__launch_elements(&launch, site->device, dd__dims_count(&node->out[0]->dims) / (size_t)lanes);
    launch.options = options;
    return dd__record(recorder, &launch);
}

const dd__implementation dd__conv2d_depthwise_rows = {
    .name = "depthwise_rows", .classes = DD__ON_CPU, .refuse = refuse, .record = record_rows};
const dd__implementation dd__conv2d_depthwise = {.name = "depthwise",
                                                 .classes = DD__ON_GPU,
                                                 .refuse = refuse,
                                                 .record = record_pixels,
                                                 .half = DD__HALF_IN(0) | DD__HALF_IN(1) |
                                                         DD__CONV_ADDED_HALF | DD__HALF_OUT(0)};
