/* views: images (N, H, W, C) as they are and seen through a few fixed maps, (N * M, H, W, C): the rows of
 * an image together, its M views in the order of graph/views.h. What lies outside repeats the edge. So
 * the layers behind see a larger batch; `stack_views` gives each image its views back.
 *
 * For prediction: pixels are where the layers begin, so there is no gradient.
 */
#include <stdio.h>

#include "graph/views.h"
#include "ops/lanes.h"
#include "ops/launch.h"
#include "ops/ops.h"
#include "reference/reference.h"

static const dd__attribute attributes[] = {
    {.name = "shift",
     .type = DD__FLOAT,
     .offset = offsetof(dd__views, shift),
     .max = 65536,
     .help = "pixels: four views, moved by them down, up, right and left; 0: none"},
    {.name = "rotation",
     .type = DD__FLOAT,
     .offset = offsetof(dd__views, rotation),
     .max = 180,
     .help = "degrees: two views, turned by them either way; 0: none"},
    {.name = "zoom",
     .type = DD__FLOAT,
     .offset = offsetof(dd__views, zoom),
     .max = 0.99,
     .help = "two views, 1 + zoom and 1 - zoom times as large; 0: none"},
    {0},
};

static dd_status infer(dd__graph *graph, dd__node *node) {
    const dd__value *x = node->in[0];
    uint32_t count = dd__views_order(node->attributes).count;
    char found[80];
    if (x->type != DD__F32 || x->dims.rank != 4 || dd__dims_count(&x->dims) == 0)
        return dd__fail(DD_SHAPE, "expected images (N, H, W, C) of type f32, found %s",
                        dd__dims_print(&x->dims, found));
    if (count == 1) return dd__fail(DD_SHAPE, "expected a shift, a rotation or a zoom above 0");
    dd__dims y = x->dims;
    if ((uint64_t)count * y.d[0] > INT32_MAX)
        return dd__fail(DD_SHAPE, "%u views of each of %u images are more than %d", count, y.d[0],
                        INT32_MAX);
    y.d[0] *= count;
    return dd__node_output(graph, node, 0, DD__F32, y);
}

static dd__launch start(const dd__node *node) {
    const dd__views *a = node->attributes;
    const dd__dims *x = &node->in[0]->dims;
    dd__view_order order = dd__views_order(a);
    dd__view turned = dd__views_at(a, order.turned); /* where there is none, nobody asks */
    dd__view grown = dd__views_at(a, order.zoomed), shrunk = dd__views_at(a, order.zoomed + 1);
    return (dd__launch){
        .program = "views",
        .arguments = {DD_BUFFER(node->in[0]->buffer), DD_BUFFER(node->out[0]->buffer),
                      DD_INT(x->d[1]), DD_INT(x->d[2]), DD_INT(x->d[3]), DD_INT(order.count),
                      DD_INT(order.turned), DD_INT(order.zoomed), DD_FLOAT(a->shift),
                      DD_FLOAT(turned.keep), DD_FLOAT(turned.turn), DD_FLOAT(grown.keep),
                      DD_FLOAT(shrunk.keep)}};
}

static dd_status record_plain(dd__recorder *recorder, const dd__node *node, const dd__site *site) {
    dd__launch launch = start(node);
    size_t count = dd__dims_count(&node->out[0]->dims);
    dd__launch_append(&launch, DD_INT(count));
    dd__launch_elements(&launch, site->device, count);
    launch.kernel = "views";
    launch.options = "-DVW=1";
    return dd__record(recorder, &launch);
}

static dd_status record_vector(dd__recorder *recorder, const dd__node *node, const dd__site *site) {
    dd__launch launch = start(node);
    const dd__dims *y = &node->out[0]->dims;
    size_t rows = (size_t)y->d[0] * y->d[1], width = (size_t)y->d[2] * y->d[3];
    unsigned lanes = dd__lanes(site->device, y->d[3]);
    char options[16];
    size_t chunk = dd__launch_chunks(&launch, site->device, rows, width, 1);
    dd__launch_append(&launch, DD_INT(rows));
    dd__launch_append(&launch, DD_INT(chunk));
    snprintf(options, sizeof options, "-DVW=%u", lanes ? lanes : 1);
    launch.kernel = "views_vector";
    launch.options = options;
    return dd__record(recorder, &launch);
}

static const dd__implementation vector = {
    .name = "vector", .classes = DD__ON_CPU, .record = record_vector};
static const dd__implementation plain = {
    .name = "plain", .classes = DD__ANYWHERE, .record = record_plain};

const dd__op dd__op_views = {
    .name = "views",
    .attributes_bytes = sizeof(dd__views),
    .attributes = attributes,
    .min_in = 1,
    .max_in = 1,
    .outputs = 1,
    .layer = dd__layer_plain,
    .infer = infer,
    .reference = dd__reference_views,
    .implementations = (const dd__implementation *const[]){&vector, &plain, NULL},
};
