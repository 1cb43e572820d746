/* Convolution, plain: cl/conv2d.cl, one work-item an element of the result. */
#include "ops/conv2d.h"
#include "ops/launch.h"

/* Puts the shape behind the arguments that are there. */
static void append_shape(dd__launch *launch, const dd__conv_shape *s, size_t count) {
    const int32_t numbers[] = {(int32_t)count, s->h,   s->w,    s->c,  s->p,  s->q,
                               s->o,           s->kh,  s->kw,   s->sh, s->sw, s->dh,
                               s->dw,          s->top, s->left, s->cg, s->og};
    for (size_t i = 0; i < DD_COUNT(numbers); i++) dd__launch_append(launch, DD_INT(numbers[i]));
}

static dd_status record(dd__recorder *recorder, const dd__node *node, const dd__site *site,
                        dd__launch launch) {
    dd__conv_shape shape = dd__conv_shape_of(node);
    size_t count = dd__dims_count(&node->out[0]->dims);
    launch.program = "conv2d";
    append_shape(&launch, &shape, count);
    dd__launch_elements(&launch, site->device, count);
    dd__options options = dd__element_options(site->device, node);
    launch.options = options.text;
    return dd__record(recorder, &launch);
}

static dd_status record_forward(dd__recorder *recorder, const dd__node *node,
                                const dd__site *site) {
    const dd__conv2d *a = node->attributes;
    bool has_bias = node->in_count > 2 && node->in[2];
    dd__buffer *x = node->in[0]->buffer, *w = node->in[1]->buffer;
    dd__launch launch = {.kernel = "forward",
                         .arguments = {DD_BUFFER(x), DD_BUFFER(w),
                                       DD_BUFFER(has_bias ? node->in[2]->buffer : w),
                                       DD_BUFFER(node->out[0]->buffer), DD_INT(has_bias),
                                       DD_INT(a->activation == DD__RELU)}};
    return record(recorder, node, site, launch);
}

static dd_status record_backward_data(dd__recorder *recorder, const dd__node *node,
                                      const dd__site *site) {
    dd__launch launch = {.kernel = "backward_data",
                         .arguments = {DD_BUFFER(node->in[0]->buffer),
                                       DD_BUFFER(node->in[1]->buffer),
                                       DD_BUFFER(node->out[0]->buffer)}};
    return record(recorder, node, site, launch);
}

static dd_status record_backward_weights(dd__recorder *recorder, const dd__node *node,
                                         const dd__site *site) {
    dd__launch launch = {
        .kernel = "backward_weights",
        .arguments = {DD_BUFFER(node->in[0]->buffer), DD_BUFFER(node->in[1]->buffer),
                      DD_BUFFER(node->out[0]->buffer), DD_INT(node->in[0]->dims.d[0])}};
    return record(recorder, node, site, launch);
}

/* Only those that have a faster way fuse. */
static const char *refuse_forward(const dd__node *node, const dd_device *device) {
    const dd__conv2d *a = node->attributes;
    (void)device;
    bool fused = a->normalize || a->add || a->limit || a->pool > 1;
    return fused ? "it computes nothing that is fused" : NULL;
}

const dd__implementation dd__conv2d_plain[3] = {
    {.name = "plain",
     .classes = DD__ANYWHERE,
     .refuse = refuse_forward,
     .record = record_forward,
     .half = DD__HALF_IN(0) | DD__HALF_IN(1) | DD__HALF_OUT(0)},
    {.name = "plain", .classes = DD__ANYWHERE, .record = record_backward_data},
    {.name = "plain", .classes = DD__ANYWHERE, .record = record_backward_weights},
};
