/* Convolution and its two backward ops.
 *
 * Numbers are whole, so that every order of summing gives the same bits and the tolerance is 0; the
 * bias is whole plus a half, so that no relu is near its kink when differences are taken.
 */
#include "check/check.h"

#define OPEN(...)      __VA_ARGS__ /* OPEN (1, 2) is 1, 2 */
#define INTEGERS(dims) DD__IN(INTEGER, OPEN dims)
#define ATTRIBUTES(...) \
    .attributes = &(const dd__conv2d) { __VA_ARGS__ }

#define PASS(op_, title, in_quick, first, second, ...)               \
    {                                                                \
        .op = op_, .name = title, ATTRIBUTES(__VA_ARGS__),           \
        .in = {INTEGERS(first), INTEGERS(second)}, .quick = in_quick \
    }
/* One geometry, forward and both backward ops: x (N, H, W, C), w (KH, KW, C / groups, CO),
 * y (N, P, Q, CO); then the attributes. */
#define PASSES(title, in_quick, x, w, y, ...)                               \
    PASS("conv2d", title, in_quick, x, w, __VA_ARGS__),                     \
        PASS("conv2d_backward_data", title, in_quick, y, w, __VA_ARGS__,    \
             .result = DD__CONST_DIMS(OPEN x)),                             \
        PASS("conv2d_backward_weights", title, in_quick, x, y, __VA_ARGS__, \
             .result = DD__CONST_DIMS(OPEN w))

/* Forward with a bias. The gradients for x, w and b are checked where the case is small. */
#define BIASED(title, in_quick, differences, x, w, filters_, ...)                                  \
    {                                                                                              \
        .op = "conv2d", .name = title, ATTRIBUTES(.filters = filters_, .bias = true, __VA_ARGS__), \
        .in = {INTEGERS(x), INTEGERS(w), DD__IN(HALF, filters_)},                                  \
        .gradient = (differences) ? 7 : 0, .quick = in_quick                                       \
    }

#define KERNEL(rows, columns)   .kernel = {rows, columns}
#define STRIDE(rows, columns)   .stride = {rows, columns}
#define DILATION(rows, columns) .dilation = {rows, columns}
#define EDGES(...)              .padding = {.edges = {__VA_ARGS__}} /* top, left, bottom, right */
#define PLAIN                   STRIDE(1, 1), DILATION(1, 1), .groups = 1
#define RELU                    .activation = DD__RELU

/* Forward as inference fuses it: bias, relu, batch_norm (gamma, beta, mean, variance), maximum over
 * windows. Its square root and its quotient round. */
#define FUSED(title, in_quick, x, w, filters_, ...)                                           \
    {                                                                                         \
        .op = "conv2d", .name = title,                                                        \
        ATTRIBUTES(.filters = filters_, .bias = true, .normalize = true, .epsilon = 1e-3f,    \
                   __VA_ARGS__),                                                              \
        .in = {INTEGERS(x),                                                                   \
               INTEGERS(w),                                                                   \
               DD__IN(HALF, filters_),                                                        \
               DD__IN(NORMAL, filters_),                                                      \
               DD__IN(NORMAL, filters_),                                                      \
               DD__IN(NORMAL, filters_),                                                      \
               DD__IN(POSITIVE, filters_)},                                                   \
        .tolerance = 2e-5, .why = "a factor a channel, rounded once, times sums of some 100", \
        .quick = in_quick                                                                     \
    }

/* The same with an addition and limits; with a batch norm or without. */
#define ADDED(title, in_quick, x, w, y, filters_, ...)                                             \
    {                                                                                              \
        .op = "conv2d", .name = title,                                                             \
        ATTRIBUTES(.filters = filters_, .bias = true, .add = true, __VA_ARGS__),                   \
        .in =                                                                                      \
            {INTEGERS(x), INTEGERS(w), DD__IN(HALF, filters_), DD__ABSENT, DD__ABSENT, DD__ABSENT, \
             DD__ABSENT,  INTEGERS(y)},                                                            \
        .quick = in_quick                                                                          \
    }
#define NORM_ADDED(title, in_quick, x, w, y, filters_, ...)                                   \
    {                                                                                         \
        .op = "conv2d", .name = title,                                                        \
        ATTRIBUTES(.filters = filters_, .normalize = true, .epsilon = 1e-3f, .add = true,     \
                   __VA_ARGS__),                                                              \
        .in = {INTEGERS(x),                                                                   \
               INTEGERS(w),                                                                   \
               DD__ABSENT,                                                                    \
               DD__IN(NORMAL, filters_),                                                      \
               DD__IN(NORMAL, filters_),                                                      \
               DD__IN(NORMAL, filters_),                                                      \
               DD__IN(POSITIVE, filters_),                                                    \
               INTEGERS(y)},                                                                  \
        .tolerance = 2e-5, .why = "a factor a channel, rounded once, times sums of some 100", \
        .quick = in_quick                                                                     \
    }
#define LIMITS(from, to) .limit = true, .low = from, .high = to

const dd__case dd__cases_convolution[] = {
    PASSES("one_pixel", false, (1, 1, 1, 1), (1, 1, 1, 1), (1, 1, 1, 1), .filters = 1, KERNEL(1, 1),
           PLAIN),
    PASSES("image_7_channels_3", false, (1, 7, 7, 3), (3, 3, 3, 5), (1, 5, 5, 5), .filters = 5,
           KERNEL(3, 3), PLAIN),
    PASSES("kernel_5", false, (2, 9, 8, 1), (5, 5, 1, 7), (2, 5, 4, 7), .filters = 7, KERNEL(5, 5),
           PLAIN),
    PASSES("same_padding_even_kernel", false, (1, 7, 6, 2), (4, 2, 2, 3), (1, 7, 6, 3),
           .filters = 3, KERNEL(4, 2), PLAIN, .padding = {.same = 1}),
    PASSES("pointwise_65_to_33", false, (1, 5, 7, 65), (1, 1, 65, 33), (1, 5, 7, 33), .filters = 33,
           KERNEL(1, 1), PLAIN),
    PASSES("filters_31_width_33", false, (1, 5, 35, 4), (3, 3, 4, 31), (1, 3, 33, 31),
           .filters = 31, KERNEL(3, 3), PLAIN),
    PASSES("filters_32_width_32_batch_3", false, (3, 5, 34, 3), (3, 3, 3, 32), (3, 3, 32, 32),
           .filters = 32, KERNEL(3, 3), PLAIN),
    /* The last rows of weights, with those repeated to fill the tile, span as much of x as so many
     * in a row would. */
    PASSES("groups_of_10_kernel_1x5", true, (1, 4, 9, 20), (1, 5, 10, 6), (1, 4, 5, 6),
           .filters = 6, KERNEL(1, 5), STRIDE(1, 1), DILATION(1, 1), .groups = 2),
    PASSES("channels_64", true, (1, 6, 6, 64), (3, 3, 64, 64), (1, 4, 4, 64), .filters = 64,
           KERNEL(3, 3), PLAIN),
    PASSES("channels_33_filters_65", false, (2, 5, 9, 33), (3, 3, 33, 65), (2, 3, 7, 65),
           .filters = 65, KERNEL(3, 3), PLAIN),

    PASSES("stride_two_uneven_padding", true, (2, 8, 7, 3), (3, 3, 3, 6), (2, 4, 4, 6),
           .filters = 6, KERNEL(3, 3), STRIDE(2, 2), DILATION(1, 1), .groups = 1,
           EDGES(1, 0, 0, 2)),
    PASSES("stride_two_same_padding_channels_16", false, (1, 9, 9, 16), (3, 3, 16, 16),
           (1, 5, 5, 16), .filters = 16, KERNEL(3, 3), STRIDE(2, 2), DILATION(1, 1), .groups = 1,
           .padding = {.same = 1}),
    /* Images for two launches of the gradient for the weights, the second of which has one. */
    PASSES("stride_two_large_images", false, (9, 39, 39, 16), (3, 3, 16, 4), (9, 19, 19, 4),
           .filters = 4, KERNEL(3, 3), STRIDE(2, 2), DILATION(1, 1), .groups = 1),
    PASSES("stride_three", false, (1, 13, 11, 2), (3, 2, 2, 4), (1, 4, 4, 4), .filters = 4,
           KERNEL(3, 2), STRIDE(3, 3), DILATION(1, 1), .groups = 1),
    PASSES("stride_beyond_kernel", false, (1, 8, 8, 2), (1, 1, 2, 3), (1, 3, 3, 3), .filters = 3,
           KERNEL(1, 1), STRIDE(3, 3), DILATION(1, 1), .groups = 1),
    PASSES("dilation_two", false, (1, 9, 10, 3), (3, 3, 3, 4), (1, 5, 6, 4), .filters = 4,
           KERNEL(3, 3), STRIDE(1, 1), DILATION(2, 2), .groups = 1),
    PASSES("dilation_two_channels_8", false, (1, 9, 10, 8), (3, 3, 8, 8), (1, 5, 6, 8),
           .filters = 8, KERNEL(3, 3), STRIDE(1, 1), DILATION(2, 2), .groups = 1),
    PASSES("groups_two", false, (2, 6, 6, 6), (3, 3, 3, 8), (2, 4, 4, 8), .filters = 8,
           KERNEL(3, 3), STRIDE(1, 1), DILATION(1, 1), .groups = 2),
    PASSES("groups_two_channels_32", false, (1, 6, 7, 32), (3, 3, 16, 32), (1, 4, 5, 32),
           .filters = 32, KERNEL(3, 3), STRIDE(1, 1), DILATION(1, 1), .groups = 2),
    PASSES("depthwise", true, (1, 7, 9, 5), (3, 3, 1, 5), (1, 7, 9, 5), .filters = 5, KERNEL(3, 3),
           STRIDE(1, 1), DILATION(1, 1), .groups = 5, EDGES(1, 1, 1, 1)),
    PASSES("depthwise_multiplier_stride_two", false, (1, 9, 9, 3), (3, 3, 1, 6), (1, 4, 4, 6),
           .filters = 6, KERNEL(3, 3), STRIDE(2, 2), DILATION(1, 1), .groups = 3),
    PASSES("everything_uneven", false, (2, 11, 10, 4), (3, 3, 2, 6), (2, 5, 5, 6), .filters = 6,
           KERNEL(3, 3), STRIDE(2, 2), DILATION(2, 2), .groups = 2, EDGES(2, 1, 1, 2)),
    PASSES("rows_and_columns_differ", false, (1, 12, 9, 8), (5, 2, 8, 8), (1, 5, 3, 8),
           .filters = 8, KERNEL(5, 2), STRIDE(2, 3), DILATION(1, 2), .groups = 1,
           EDGES(0, 0, 1, 0)),

    /* Tiles of minimal filtering: whole, cut off at the right and below, hanging over at the left
     * and above; filters that fill one and a half register tiles. */
    PASSES("kernel_5_same_padding_channels_16", true, (1, 9, 10, 16), (5, 5, 16, 48),
           (1, 9, 10, 48), .filters = 48, KERNEL(5, 5), PLAIN, .padding = {.same = 1}),
    PASSES("kernel_3_uneven_padding_channels_48", false, (3, 7, 6, 48), (3, 3, 48, 16),
           (3, 8, 5, 16), .filters = 16, KERNEL(3, 3), PLAIN, EDGES(2, 0, 1, 1)),
    PASSES("kernel_5_one_pixel_of_output", false, (13, 5, 5, 16), (5, 5, 16, 16), (13, 1, 1, 16),
           .filters = 16, KERNEL(5, 5), PLAIN),

    /* The seed network's, two images of them. */
    PASSES("seed_1", false, (2, 28, 28, 1), (5, 5, 1, 64), (2, 24, 24, 64), .filters = 64,
           KERNEL(5, 5), PLAIN),
    PASSES("seed_2", false, (2, 12, 12, 64), (5, 5, 64, 128), (2, 8, 8, 128), .filters = 128,
           KERNEL(5, 5), PLAIN),
    PASSES("seed_3", false, (2, 4, 4, 128), (3, 3, 128, 256), (2, 2, 2, 256), .filters = 256,
           KERNEL(3, 3), PLAIN),

    /* As conv2d_transpose trains it. */
    {.op = "conv2d_backward_data",
     .name = "differences",
     ATTRIBUTES(.filters = 6, KERNEL(3, 2), STRIDE(2, 3), DILATION(2, 1), .groups = 2,
                EDGES(1, 0, 2, 1), .result = DD__CONST_DIMS(2, 9, 8, 4)),
     .in = {INTEGERS((2, 4, 3, 6)), INTEGERS((3, 2, 2, 6))},
     .gradient = 3},

    BIASED("bias", false, true, (1, 5, 6, 3), (3, 3, 3, 4), 4, KERNEL(3, 3), PLAIN),
    BIASED("bias_relu_stride_two", true, true, (2, 6, 7, 2), (3, 3, 2, 5), 5, KERNEL(3, 3),
           STRIDE(2, 2), DILATION(1, 1), .groups = 1, EDGES(0, 1, 2, 0), RELU),
    BIASED("bias_relu_dilation_groups", false, true, (1, 8, 7, 4), (3, 3, 2, 6), 6, KERNEL(3, 3),
           STRIDE(1, 1), DILATION(2, 2), .groups = 2, EDGES(1, 1, 1, 1), RELU),
    BIASED("bias_relu_depthwise", false, true, (1, 6, 6, 3), (3, 3, 1, 3), 3, KERNEL(3, 3),
           STRIDE(1, 1), DILATION(1, 1), .groups = 3, RELU),
    BIASED("bias_relu_filters_64", true, false, (2, 9, 9, 3), (5, 5, 3, 64), 64, KERNEL(5, 5),
           PLAIN, RELU),
    BIASED("bias_relu_channels_16", true, false, (2, 9, 7, 16), (5, 5, 16, 48), 48, KERNEL(5, 5),
           PLAIN, RELU),
    BIASED("seed_1_bias_relu", false, false, (2, 28, 28, 1), (5, 5, 1, 64), 64, KERNEL(5, 5), PLAIN,
           RELU),

    FUSED("fused_pool", true, (2, 9, 11, 16), (5, 5, 16, 48), 48, KERNEL(5, 5), PLAIN, RELU,
          .pool = 2),
    FUSED("fused_no_pool", false, (2, 7, 6, 16), (3, 3, 16, 16), 16, KERNEL(3, 3), PLAIN, RELU),
    FUSED("fused_pool_odd_channels_linear", false, (3, 8, 7, 3), (3, 3, 3, 37), 37, KERNEL(3, 3),
          PLAIN, .pool = 2),
    FUSED("fused_pool_padding_stride_two", false, (2, 11, 9, 4), (3, 3, 4, 20), 20, KERNEL(3, 3),
          STRIDE(2, 2), DILATION(1, 1), .groups = 1, EDGES(1, 1, 1, 1), RELU, .pool = 2),
    FUSED("seed_1_fused", false, (2, 28, 28, 1), (5, 5, 1, 64), 64, KERNEL(5, 5), PLAIN, RELU,
          .pool = 2),
    FUSED("seed_3_fused", false, (13, 4, 4, 128), (3, 3, 128, 256), 256, KERNEL(3, 3), PLAIN, RELU,
          .pool = 2),

    FUSED("fused_limits", false, (2, 7, 9, 16), (3, 3, 16, 48), 48, KERNEL(3, 3), PLAIN,
          LIMITS(0, 6)),
    FUSED("fused_limits_pool", false, (2, 9, 11, 3), (3, 3, 3, 20), 20, KERNEL(3, 3), PLAIN,
          LIMITS(-3, INFINITY), .pool = 2),
    ADDED("added", false, (2, 7, 9, 16), (3, 3, 16, 48), (2, 5, 7, 48), 48, KERNEL(3, 3), PLAIN),
    ADDED("added_odd_channels_limits", false, (2, 7, 9, 5), (3, 3, 5, 37), (2, 3, 4, 37), 37,
          KERNEL(3, 3), STRIDE(2, 2), DILATION(1, 1), .groups = 1, LIMITS(-20, 30)),
    ADDED("added_many_channels", false, (1, 5, 5, 96), (1, 1, 96, 33), (1, 5, 5, 33), 33,
          KERNEL(1, 1), PLAIN, RELU, LIMITS(-20, 100)),
    NORM_ADDED("fused_added", true, (1, 9, 9, 16), (3, 3, 16, 32), (1, 9, 9, 32), 32, KERNEL(3, 3),
               PLAIN, EDGES(1, 1, 1, 1), LIMITS(0, INFINITY)),
    NORM_ADDED("fused_added_pointwise", true, (2, 3, 5, 24), (1, 1, 24, 40), (2, 3, 5, 40), 40,
               KERNEL(1, 1), PLAIN),

    NORM_ADDED("fused_depthwise", true, (2, 9, 13, 24), (3, 3, 1, 24), (2, 5, 7, 24), 24,
               KERNEL(3, 3), STRIDE(2, 2), DILATION(1, 1), .groups = 24, EDGES(1, 1, 1, 1),
               LIMITS(0, 6)),
    FUSED("fused_depthwise_wide_kernel", false, (1, 6, 9, 80), (5, 7, 1, 80), 80, KERNEL(5, 7),
          STRIDE(1, 1), DILATION(2, 1), .groups = 80, EDGES(4, 4, 3, 3), RELU, LIMITS(0, 6)),

    /* Small whole numbers are exact even in half precision: this one is not. */
    {.op = "conv2d",
     .name = "fractions",
     ATTRIBUTES(.filters = 16, KERNEL(3, 3), PLAIN),
     .in = {DD__IN(NORMAL, 2, 6, 6, 32), DD__IN(NORMAL, 3, 3, 32, 16)},
     .tolerance = 3e-5,
     .why = "sums of 288 products, deviation 17: rounding of each partial sum, 2^-24 * 17 * 17",
     .quick = true},
    {0},
};
