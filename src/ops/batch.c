/* gather, advance, metrics: what surrounds a step, on the device, so that an epoch is one plan run
 * again and again.
 *
 * gather   (images U8 (COUNT, ...), labels I32 (COUNT), step) -> x (batch, ...), y I32 (batch):
 *          x = pixel * scale + shift (by channel, where they differ) of the examples at position .. position + batch - 1 of the
 *          epoch, in the order of the file or shuffled (dd__permute). Behind the last example x is
 *          0 and the label -1, which losses and metrics leave out.
 *          With ranges to augment, images (COUNT, H, W, C) are changed at random, as cl/augment.cl says.
 * advance  (step): step + 1, position + batch, part 0
 * metrics  (loss (N), hit (N), labels I32 (N), sums (4)): adds the sum of losses, of hits, and the
 *          number of labels that are not -1 to sums; the fourth is unused
 */
#include "graph/op.h"
#include "ops/launch.h"
#include "ops/ops.h"
#include "reference/reference.h"

static const dd__attribute attributes[] = {
    {.name = "batch",
     .type = DD__INT,
     .offset = offsetof(dd__gather, batch),
     .fallback = 1,
     .min = 1,
     .max = INT32_MAX,
     .required = true,
     .help = "examples in a step"},
    {.name = "shuffle",
     .type = DD__BOOL,
     .offset = offsetof(dd__gather, shuffle),
     .help = "each epoch in another order"},
    {.name = "channels",
     .type = DD__INT,
     .offset = offsetof(dd__gather, channels),
     .max = DD__PREPARED,
     .help = "that differ in scale and shift; 0: all are alike"},
    {.name = "scale",
     .type = DD__FLOAT,
     .offset = offsetof(dd__gather, scale),
     .fallback = 1.0 / 255,
     .min = -1e6,
     .max = 1e6,
     .help = "x = pixel * scale + shift"},
    {.name = "shift",
     .type = DD__FLOAT,
     .offset = offsetof(dd__gather, shift),
     .min = -1e6,
     .max = 1e6,
     .help = "x = pixel * scale + shift"},
    {.name = "rotation",
     .type = DD__FLOAT,
     .offset = offsetof(dd__gather, augment.rotation),
     .max = 180,
     .help = "degrees, both ways"},
    {.name = "shear",
     .type = DD__FLOAT,
     .offset = offsetof(dd__gather, augment.shear),
     .max = 89,
     .help = "degrees, both ways"},
    {.name = "width",
     .type = DD__FLOAT,
     .offset = offsetof(dd__gather, augment.width),
     .max = 1,
     .help = "shift to either side, in parts of the width"},
    {.name = "height",
     .type = DD__FLOAT,
     .offset = offsetof(dd__gather, augment.height),
     .max = 1,
     .help = "shift up and down, in parts of the height"},
    {.name = "zoom",
     .type = DD__FLOAT,
     .offset = offsetof(dd__gather, augment.zoom),
     .max = 0.99,
     .help = "each axis by a factor from 1 - zoom to 1 + zoom"},
    {.name = "elastic",
     .type = DD__FLOAT,
     .offset = offsetof(dd__gather, augment.elastic),
     .max = 100,
     .help = "pixels that the points of a 4x4 grid move by: the standard deviation"},
    {.name = "thickness",
     .type = DD__FLOAT,
     .offset = offsetof(dd__gather, augment.thickness),
     .max = 1,
     .help = "bright strokes thicker or thinner: 1: by up to a pixel to each side"},
    {.name = "blur",
     .type = DD__FLOAT,
     .offset = offsetof(dd__gather, augment.blur),
     .max = 1,
     .help = "share of a pixel that its neighbours' mean takes over, at most"},
    {.name = "contrast",
     .type = DD__FLOAT,
     .offset = offsetof(dd__gather, augment.contrast),
     .max = 1,
     .help = "share of the brightness that is taken away, at most"},
    {.name = "background",
     .type = DD__FLOAT,
     .offset = offsetof(dd__gather, augment.background),
     .max = 1,
     .help = "brightness that black becomes, at most"},
    {.name = "erase",
     .type = DD__FLOAT,
     .offset = offsetof(dd__gather, augment.erase),
     .max = 1,
     .help = "a square that becomes black: its side in parts of the image, at most"},
    {0},
};

/* ---- gather --------------------------------------------------------------------------- */

static dd_status infer_gather(dd__graph *graph, dd__node *node) {
    const dd__gather *gather = node->attributes;
    const dd__value *images = node->in[0], *labels = node->in[1];
    if (images->type != DD__U8 || images->dims.rank < 1 || labels->type != DD__I32 ||
        !dd__dims_equal(&labels->dims, &DD_DIMS(images->dims.d[0])))
        return dd__fail(DD_SHAPE, "expected images of 8-bit pixels, and a label for each");
    if (gather->batch < 1) return dd__fail(DD_SHAPE, "expected a batch of at least 1");
    if (dd__augments(&gather->augment) && images->dims.rank != 4)
        return dd__fail(DD_SHAPE, "expected images (count, height, width, channels) to augment");
    if (gather->channels < 0 || gather->channels > DD__PREPARED ||
        (gather->channels && images->dims.d[images->dims.rank - 1] != (uint32_t)gather->channels))
        return dd__fail(DD_SHAPE, "expected a scale and a shift for each channel, %d at most",
                        DD__PREPARED);
    DD_TRY(dd__check_step(node->in[2]));
    dd__dims dims = images->dims;
    dims.d[0] = (uint32_t)gather->batch;
    DD_TRY(dd__node_output(graph, node, 0, DD__F32, dims));
    return dd__node_output(graph, node, 1, DD__I32, DD_DIMS((uint32_t)gather->batch));
}

#define DD_PREPARATION(gather)                                                                    \
    DD_INT((gather)->channels), DD_FLOAT((gather)->scale[0]), DD_FLOAT((gather)->scale[1]),       \
        DD_FLOAT((gather)->scale[2]), DD_FLOAT((gather)->scale[3]), DD_FLOAT((gather)->shift[0]), \
        DD_FLOAT((gather)->shift[1]), DD_FLOAT((gather)->shift[2]), DD_FLOAT((gather)->shift[3])

static dd__launch launch_gather(const dd__node *node, const char *kernel) {
    const dd__gather *gather = node->attributes;
    const dd__value *images = node->in[0];
    size_t size = dd__dims_count(&node->out[0]->dims) / (size_t)gather->batch;
    return (dd__launch){
        .program = "batch",
        .kernel = kernel,
        .arguments = {DD_BUFFER(images->buffer), DD_BUFFER(node->in[1]->buffer),
                      DD_BUFFER(node->in[2]->buffer), DD_BUFFER(node->out[0]->buffer),
                      DD_BUFFER(node->out[1]->buffer), DD_INT(images->dims.d[0]), DD_INT(size),
                      DD_INT(gather->batch), DD_INT(gather->shuffle), DD_PREPARATION(gather)}};
}

static dd__launch launch_augmented(const dd__node *node, const char *kernel) {
    const dd__gather *gather = node->attributes;
    const dd__augment *a = &gather->augment;
    const dd__value *images = node->in[0];
    const uint32_t *d = images->dims.d;
    return (dd__launch){.program = "batch",
                        .kernel = kernel,
                        .arguments = {DD_BUFFER(images->buffer),
                                      DD_BUFFER(node->in[1]->buffer),
                                      DD_BUFFER(node->in[2]->buffer),
                                      DD_BUFFER(node->out[0]->buffer),
                                      DD_BUFFER(node->out[1]->buffer),
                                      DD_INT(d[0]),
                                      DD_INT(d[1]),
                                      DD_INT(d[2]),
                                      DD_INT(d[3]),
                                      DD_INT(gather->batch),
                                      DD_INT(gather->shuffle),
                                      DD_PREPARATION(gather),
                                      DD_FLOAT(a->rotation),
                                      DD_FLOAT(a->shear),
                                      DD_FLOAT(a->width),
                                      DD_FLOAT(a->height),
                                      DD_FLOAT(a->zoom),
                                      DD_FLOAT(a->elastic),
                                      DD_FLOAT(a->thickness),
                                      DD_FLOAT(a->blur),
                                      DD_FLOAT(a->contrast),
                                      DD_FLOAT(a->background),
                                      DD_FLOAT(a->erase)}};
}

static dd_status record_gather(dd__recorder *recorder, const dd__node *node, const dd__site *site) {
    const dd__gather *gather = node->attributes;
    dd__launch launch = dd__augments(&gather->augment) ? launch_augmented(node, "gather_augmented")
                                                       : launch_gather(node, "gather");
    dd__launch_elements(&launch, site->device, 1); /* one work-group an image */
    launch.global[1] = (size_t)gather->batch;
    return dd__record(recorder, &launch);
}

static dd_status record_gather_vector(dd__recorder *recorder, const dd__node *node,
                                      const dd__site *site) {
    const dd__gather *gather = node->attributes;
    size_t batch = (size_t)gather->batch, size = dd__dims_count(&node->out[0]->dims) / batch;
    dd__launch launch = dd__augments(&gather->augment)
                            ? launch_augmented(node, "gather_augmented_vector")
                            : launch_gather(node, "gather_vector");
    size_t chunk = dd__launch_chunks(&launch, site->device, batch, size, 1);
    dd__launch_append(&launch, DD_INT(chunk));
    return dd__record(recorder, &launch);
}

static const dd__implementation gather_vector = {
    .name = "vector", .classes = DD__ON_CPU, .record = record_gather_vector};
static const dd__implementation gather_plain = {
    .name = "plain", .classes = DD__ANYWHERE, .record = record_gather};

/* Of all images, a batch is read. */
static double bytes_gather(const dd__node *node) {
    const dd__value *x = node->out[0], *labels = node->out[1];
    double pixels = (double)dd__dims_count(&x->dims) * (double)dd__type_bytes(DD__U8);
    return pixels + (double)dd__value_bytes(x) + 2.0 * (double)dd__value_bytes(labels);
}

const dd__op dd__op_gather = {
    .name = "gather",
    .attributes_bytes = sizeof(dd__gather),
    .attributes = attributes,
    .min_in = 3,
    .max_in = 3,
    .outputs = 2,
    .infer = infer_gather,
    .reference = dd__reference_gather,
    .implementations = (const dd__implementation *const[]){&gather_vector, &gather_plain, NULL},
    .bytes = bytes_gather,
};

/* ---- advance -------------------------------------------------------------------------- */

static dd_status infer_advance(dd__graph *graph, dd__node *node) {
    (void)graph;
    return dd__check_step(node->in[0]);
}

static dd_status record_advance(dd__recorder *recorder, const dd__node *node,
                                const dd__site *site) {
    const dd__gather *gather = node->attributes;
    return dd__record(recorder, &(dd__launch){.program = "batch",
                                              .options = dd__vector_option(site->device),
                                              .kernel = "advance",
                                              .global = {1, 1, 1},
                                              .local = {1, 1, 1},
                                              .arguments = {DD_BUFFER(node->in[0]->buffer),
                                                            DD_INT(gather->batch)}});
}

static const dd__implementation advance_plain = {
    .name = "plain", .classes = DD__ANYWHERE, .record = record_advance};

const dd__op dd__op_advance = {
    .name = "advance",
    .attributes_bytes = sizeof(dd__gather),
    .attributes = attributes,
    .min_in = 1,
    .max_in = 1,
    .mutates = 1 << 0,
    .infer = infer_advance,
    .reference = dd__reference_advance,
    .implementations = (const dd__implementation *const[]){&advance_plain, NULL},
};

/* ---- metrics -------------------------------------------------------------------------- */

static dd_status infer_metrics(dd__graph *graph, dd__node *node) {
    const dd__value *loss = node->in[0], *hit = node->in[1], *labels = node->in[2];
    const dd__value *sums = node->in[3];
    (void)graph;
    if (loss->type != DD__F32 || hit->type != DD__F32 || labels->type != DD__I32 ||
        loss->dims.rank != 1 || !dd__dims_equal(&hit->dims, &loss->dims) ||
        !dd__dims_equal(&labels->dims, &loss->dims))
        return dd__fail(DD_SHAPE, "expected a loss, a hit and a label for each example");
    if (sums->type != DD__F32 || !dd__dims_equal(&sums->dims, &DD_DIMS(4)))
        return dd__fail(DD_SHAPE, "expected four sums");
    return DD_OK;
}

static dd_status record_metrics(dd__recorder *recorder, const dd__node *node,
                                const dd__site *site) {
    dd__launch launch = {
        .program = "batch",
        .kernel = "metrics",
        .arguments = {DD_BUFFER(node->in[0]->buffer), DD_BUFFER(node->in[1]->buffer),
                      DD_BUFFER(node->in[2]->buffer), DD_BUFFER(node->in[3]->buffer),
                      DD_INT(node->in[0]->dims.d[0])}};
    dd__launch_groups(&launch, site->device, 1); /* one, which all values pass */
    return dd__record(recorder, &launch);
}

static const dd__implementation metrics_plain = {
    .name = "plain", .classes = DD__ANYWHERE, .record = record_metrics};

const dd__op dd__op_metrics = {
    .name = "metrics",
    .min_in = 4,
    .max_in = 4,
    .mutates = 1 << 3,
    .infer = infer_metrics,
    .reference = dd__reference_metrics,
    .implementations = (const dd__implementation *const[]){&metrics_plain, NULL},
};
