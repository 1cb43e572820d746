/* Convolution for the GPU class: cl/conv2d_tiled.cl, a product whose operands are gathered as they
 * are read; on matrix units where rounding is allowed. */
#include <stdio.h>

#include "ops/conv2d.h"
#include "ops/launch.h"

typedef enum pass { FORWARD, BACKWARD_DATA, BACKWARD_WEIGHTS } pass;

static pass pass_of(const dd__node *node) {
    return node->op == &dd__op_conv2d                 ? FORWARD
           : node->op == &dd__op_conv2d_backward_data ? BACKWARD_DATA
                                                      : BACKWARD_WEIGHTS;
}

/* Of each group of channels. */
static dd__product product_of(const dd__conv_shape *s, pass p) {
    int32_t taps = s->kh * s->kw, places = s->pool * s->pool;
    dd__product product = {.count = s->groups, .places = 1};
    if (p == FORWARD) {
        product.m = s->n * (s->p / s->pool) * (s->q / s->pool) * places;
        product.places = places;
    } else {
        product.m = p == BACKWARD_DATA ? s->n * s->h * s->w : taps * s->cg;
    }
    product.n = p == BACKWARD_DATA ? s->cg : s->og;
    product.k = p == FORWARD         ? taps * s->cg
                : p == BACKWARD_DATA ? taps * s->og
                                     : s->n * s->p * s->q;
    product.row = p == BACKWARD_DATA ? s->c : s->o;
    return product;
}

static void scratch(const dd__node *node, const dd_device *device, dd__scratch *scratch,
                    const dd__local_form *form) {
    dd__conv_shape s = dd__conv_shape_of(node);
    dd__product p = product_of(&s, pass_of(node));
    scratch->workspace_bytes[0] = dd__local_slice_bytes(node, device, form, &p);
}

static dd_status record(dd__recorder *recorder, const dd__node *node, const dd__site *site,
                        const dd__local_form *form) {
    static const char *const names[] = {"FORWARD", "BACKWARD_DATA", "BACKWARD_WEIGHTS"};
    dd__conv_shape s = dd__conv_shape_of(node);
    pass p = pass_of(node);
    char options[128];
    snprintf(options, sizeof options, " -D%s -DPOOL=%d%s", names[p], p == FORWARD ? s.pool : 1,
             dd__conv_half_options(node).text);
    dd__local_launch launch = {.form = form,
                               .program = "conv2d_tiled",
                               .options = options,
                               .product = product_of(&s, p),
                               .left = node->in[0]->buffer,
                               .right = node->in[1]->buffer,
                               .y = node->out[0]->buffer,
                               .numbers = {s.h, s.w, s.c, s.p, s.q, s.o, s.kh, s.kw, s.sh, s.sw,
                                           s.dh, s.dw, s.top, s.left, s.cg, s.og},
                               .number_count = 16};
    if (p == FORWARD) launch.finish = dd__conv_finish(node);
    return dd__local_record(recorder, node, site, &launch);
}

static const char *refuse(const dd__node *node, const dd_device *device,
                          const dd__local_form *form) {
    dd__conv_shape s = dd__conv_shape_of(node);
    if (s.pool > 2) return "windows are larger than 2x2";
    return dd__local_refuse(node, device, form);
}

/* Groups of one or two channels have no product to speak of: an item an element reads no more. */
static const char *avoid(const dd__node *node, const dd_device *device) {
    dd__conv_shape s = dd__conv_shape_of(node);
    (void)device;
    bool narrow = s.groups > 1 && s.og < 4 && s.cg < 4;
    return narrow ? "groups have fewer than 4 channels" : NULL;
}

static const char *avoid_bf16(const dd__node *node, const dd_device *device) {
    dd__conv_shape s = dd__conv_shape_of(node);
    dd__product p = product_of(&s, pass_of(node));
    (void)device;
    return dd__local_avoid_matrix(&p);
}

/* Minimal filtering of 5x5 multiplies up to 6 times less, and float units do that in less time than TF32
 * units, which are 1 to 4 times as fast where instructions of a warp feed them, do all of it: where
 * there are so many channels that transforming costs little. Of 3x3 it is 2 to 4 times. */
static bool is_better_filtered(const dd__node *node, const dd_device *device) {
    enum { MANY_CHANNELS = 256 };
    const dd__implementation *other = &dd__conv2d_winograd_batched[pass_of(node)];
    dd__conv_shape s = dd__conv_shape_of(node);
    return s.kh == 5 && s.c >= MANY_CHANNELS && s.o >= MANY_CHANNELS &&
           !other->refuse(node, device);
}

static const char *avoid_tf32(const dd__node *node, const dd_device *device) {
    if (is_better_filtered(node, device)) return "minimal filtering saves more than TF32 gains";
    return avoid_bf16(node, device);
}

DD__LOCAL_FUNCTIONS(f32, refuse, scratch, record)
DD__LOCAL_FUNCTIONS(tf32, refuse, scratch, record)
DD__LOCAL_FUNCTIONS(bf16, refuse, scratch, record)
DD__LOCAL_FUNCTIONS(f16, refuse, scratch, record)

enum { /* forward alone */
       HALF = DD__HALF_IN(0) | DD__HALF_IN(1) | DD__CONV_ADDED_HALF | DD__HALF_OUT(0)
};

#define TILED                                                                     \
    .name = "tiled", .classes = DD__ON_GPU, .refuse = refuse_f32, .avoid = avoid, \
    .scratch = scratch_f32, .record = record_f32, .tunables = dd__local_tunables
const dd__implementation dd__conv2d_tiled[3] = {{TILED, .half = HALF}, {TILED}, {TILED}};

const dd__implementation dd__conv2d_tiled_half = {.name = "tiled_half",
                                                  .classes = DD__ON_GPU,
                                                  .refuse = refuse_f16,
                                                  .avoid = avoid,
                                                  .scratch = scratch_f16,
                                                  .record = record_f16,
                                                  .relative_error = DD__HALF_ERROR,
                                                  .rounds_factors = true,
                                                  .half = HALF,
                                                  .tunables = dd__local_tunables};

#define MATRIX(form, error)                                                    \
    .name = "matrix_" #form, .classes = DD__ON_GPU, .refuse = refuse_##form,   \
    .avoid = avoid_##form, .scratch = scratch_##form, .record = record_##form, \
    .relative_error = error, .rounds_factors = true, .tunables = dd__local_##form##_tunables
const dd__implementation dd__conv2d_matrix_tf32[3] = {{MATRIX(tf32, DD__TF32_ERROR), .half = HALF},
                                                      {MATRIX(tf32, DD__TF32_ERROR)},
                                                      {MATRIX(tf32, DD__TF32_ERROR)}};
const dd__implementation dd__conv2d_matrix_bf16[3] = {{MATRIX(bf16, DD__BF16_ERROR), .half = HALF},
                                                      {MATRIX(bf16, DD__BF16_ERROR)},
                                                      {MATRIX(bf16, DD__BF16_ERROR)}};
