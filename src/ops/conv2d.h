/* conv2d.h: the implementations of a convolution's three passes (formulas: graph/conv_shape.h). */
#ifndef DD_OPS_CONV2D_H
#define DD_OPS_CONV2D_H

#include "graph/conv_shape.h"
#include "ops/launch.h"
#include "ops/ops.h"
#include "ops/tile_local.h"

/* The first rows of the tables of layers whose attributes begin with a dd__conv2d. */
#define DD__CONV2D_ATTRIBUTES(stride_help, padding_help)                                       \
    {.name = "filters",                                                                        \
     .type = DD__INT,                                                                          \
     .offset = offsetof(dd__conv2d, filters),                                                  \
     .min = 1,                                                                                 \
     .max = 1 << 20,                                                                           \
     .required = true,                                                                         \
     .help = "output channels"},                                                               \
        {.name = "kernel",                                                                     \
         .type = DD__INT_PAIR,                                                                 \
         .offset = offsetof(dd__conv2d, kernel),                                               \
         .min = 1,                                                                             \
         .max = 1024,                                                                          \
         .required = true,                                                                     \
         .help = "rows and columns of the window"},                                            \
        {.name = "stride",                                                                     \
         .type = DD__INT_PAIR,                                                                 \
         .offset = offsetof(dd__conv2d, stride),                                               \
         .fallback = 1,                                                                        \
         .min = 1,                                                                             \
         .max = 1024,                                                                          \
         .help = stride_help},                                                                 \
        {.name = "padding",                                                                    \
         .type = DD__PADDING,                                                                  \
         .offset = offsetof(dd__conv2d, padding),                                              \
         .max = 1024,                                                                          \
         .help = padding_help},                                                                \
        {.name = "dilation",                                                                   \
         .type = DD__INT_PAIR,                                                                 \
         .offset = offsetof(dd__conv2d, dilation),                                             \
         .fallback = 1,                                                                        \
         .min = 1,                                                                             \
         .max = 1024,                                                                          \
         .help = "distance between the window's elements; 1: none"},                           \
        {.name = "groups",                                                                     \
         .type = DD__INT,                                                                      \
         .offset = offsetof(dd__conv2d, groups),                                               \
         .fallback = 1,                                                                        \
         .min = 1,                                                                             \
         .max = 1 << 20,                                                                       \
         .help = "groups of channels that do not mix"},                                        \
    {                                                                                          \
        .name = "bias", .type = DD__BOOL, .offset = offsetof(dd__conv2d, bias), .fallback = 1, \
        .help = "add a number for each output channel"                                         \
    }

extern const dd__attribute dd__conv2d_attributes[];

/* Of one pass; the three cost the same. */
double dd__conv_shape_flop(const dd__conv_shape *shape);
double dd__conv_flop(const dd__node *node);

/* What a forward node does with its sums. */
dd__finish dd__conv_finish(const dd__node *node);

/* dd__half_options, and " -DADDED_T=half" where what a node adds to its result is stored so. */
dd__options dd__conv_half_options(const dd__node *node);
enum { DD__CONV_ADDED_HALF = DD__HALF_IN(7) };

/* What it adds to its result; the packed weights, as anything, where it adds nothing. */
dd__buffer *dd__conv_added(const dd__node *node, const dd__site *site);

/* One for each pass, in the order forward, backward_data, backward_weights. */
extern const dd__implementation dd__conv2d_plain[3];    /* conv2d_plain.c: any device */
extern const dd__implementation dd__conv2d_direct[3];   /* conv2d_direct.c: for CPU runtimes */
extern const dd__implementation dd__conv2d_tiled[3];    /* conv2d_tiled.c: for GPUs */
extern const dd__implementation dd__conv2d_winograd[3]; /* conv2d_winograd.c: for CPU runtimes */

extern const dd__implementation
    dd__conv2d_depthwise_rows; /* conv2d_depthwise.c: forward, for CPU runtimes */
extern const dd__implementation dd__conv2d_depthwise;           /* and for GPUs */
extern const dd__implementation dd__conv2d_tiled_half;          /* the same file: forward alone */
extern const dd__implementation dd__conv2d_winograd_batched[3]; /* ..._batched.c: for GPUs */
/* conv2d_tiled.c: for GPUs with matrix units */
extern const dd__implementation dd__conv2d_matrix_tf32[3], dd__conv2d_matrix_bf16[3];

/* conv2d_pad.c: what looks at no border has x with its padding copied into workspace 0 first. */

/* Bytes of that workspace; 0 where nothing is padded. */
size_t dd__conv_padded_bytes(const dd__conv_shape *s);
/* The launch that copies, where something is padded; then *x is the workspace and *s has its extents,
 * without padding. */
dd_status dd__conv_record_pad(dd__recorder *recorder, const dd__site *site, dd__buffer **x,
                              dd__conv_shape *s);

/* conv2d_factors.c: where inference fused a batch_norm, the implementations for CPU runtimes keep two
 * factors a channel (AFFINE_KERNEL in cl/common.cl) behind their packed weights. */

/* How many numbers they are, for tiles of so many columns; 0 where there are none. */
size_t dd__conv_factors(const dd__node *node, int32_t columns);
/* The launch of `program` that puts them behind the first `weights` numbers of site->packed. Nothing
 * where there are none. */
dd_status dd__conv_pack_factors(dd__recorder *recorder, const dd__node *node, const dd__site *site,
                                const char *program, const char *options, int32_t columns,
                                size_t weights);

#endif
