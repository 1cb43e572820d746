/* Batch norm: x (..., C), everything else (C); alone, and with the pool and dropout behind it. */
#include "check/check.h"

#define WHY \
    "sums over the rows in f32 parts, and a reciprocal root within 4 units in the last place"
#define NORM \
    .attributes = &(const dd__batch_norm) { .momentum = 0.9f, .epsilon = 1e-3f }
#define TRAINING(title, kind, c, bound, differences, in_quick, ...)                          \
    {                                                                                        \
        .op = "batch_norm_training", .name = title, NORM,                                    \
        .in = {DD__IN(kind, __VA_ARGS__, c), DD__IN(NORMAL, c), DD__IN(NORMAL, c),           \
               DD__IN(NORMAL, c), DD__IN(POSITIVE, c)},                                      \
        .tolerance = bound, .why = WHY, .gradient = (differences) ? 7 : 0, .quick = in_quick \
    }
#define INFERENCE(title, c, in_quick, ...)                                           \
    {                                                                                \
        .op = "batch_norm", .name = title, NORM,                                     \
        .in = {DD__IN(NORMAL, __VA_ARGS__, c), DD__IN(NORMAL, c), DD__IN(NORMAL, c), \
               DD__IN(NORMAL, c), DD__IN(POSITIVE, c)},                              \
        .tolerance = 1e-5, .why = WHY, .gradient = 1, .quick = in_quick              \
    }
#define BACKWARD(title, c, in_quick, ...)                                                         \
    {                                                                                             \
        .op = "batch_norm_backward", .name = title, NORM,                                         \
        .in = {DD__IN(NORMAL, __VA_ARGS__, c), DD__IN(NORMAL, __VA_ARGS__, c), DD__IN(NORMAL, c), \
               DD__IN(NORMAL, c), DD__IN(POSITIVE, c)},                                           \
        .tolerance = 2e-5, .why = WHY, .quick = in_quick                                          \
    }

#define NORM_POOL(rows, columns, rate_, relu_)                                 \
    .attributes = &(const dd__norm_pool) {                                     \
        .norm = {.momentum = 0.9f, .epsilon = 1e-3f}, .pool = {rows, columns}, \
        .dropout = {.rate = rate_, .stream = 5}, .relu = relu_                 \
    }
/* The image is (n, h, w, c); kh, kw and rate are those of the pool and of dropout. */
#define TAIL_IN(when, title, kind, kh, kw, rate, differences, in_quick, n, h, w, c)          \
    {                                                                                        \
        .op = "norm_pool_training", .name = title, NORM_POOL(kh, kw, rate, false),           \
        .in = {DD__IN(kind, n, h, w, c), DD__IN(POSITIVE, c), DD__IN(NORMAL, c),             \
               DD__IN(NORMAL, c),        DD__IN(POSITIVE, c), DD__IN(when, DD__STEP_WORDS)}, \
        .tolerance = 1e-5, .why = WHY, .gradient = (differences) ? 7 : 0, .quick = in_quick  \
    }
#define TAIL(...) TAIL_IN(STEP, __VA_ARGS__)
#define TAIL_BACKWARD(title, places, kh, kw, rate, relu, in_quick, n, h, w, c)    \
    {                                                                             \
        .op = "norm_pool_backward", .name = title, NORM_POOL(kh, kw, rate, relu), \
        .in = {DD__IN(NORMAL, n, (h) / (kh), (w) / (kw), c),                      \
               DD__IN(NORMAL, n, h, w, c),                                        \
               DD__IN(places, n, (h) / (kh), (w) / (kw), c),                      \
               DD__IN(NORMAL, n, (h) / (kh), (w) / (kw), c),                      \
               DD__IN(NORMAL, c),                                                 \
               DD__IN(NORMAL, c),                                                 \
               DD__IN(POSITIVE, c)},                                              \
        .tolerance = 2e-5, .why = WHY, .quick = in_quick                          \
    }

/* A convolution of k x k with o filters on (n, h, w, c), padding valid or "same", and its tail with
 * windows of kh x kw, of which there are oh x ow. */
#define BLOCK(k, o, step, same_, rows, columns, rate_, relu_)  \
    .attributes = &(const dd__conv_norm_pool) {                \
        .tail = {.norm = {.momentum = 0.9f, .epsilon = 1e-3f}, \
                 .pool = {rows, columns},                      \
                 .dropout = {.rate = rate_, .stream = 5},      \
                 .relu = relu_},                               \
        .conv = {                                              \
            .filters = o,                                      \
            .kernel = {k, k},                                  \
            .stride = {step, step},                            \
            .dilation = {1, 1},                                \
            .groups = 1,                                       \
            .padding = {.same = same_},                        \
            .bias = true,                                      \
            .activation = (relu_) ? DD__RELU : DD__LINEAR      \
        }                                                      \
    }
#define WHOLE_IN(when, title, k, o, step, same, kh, kw, rate, relu, differences, in_quick, n, h, \
                 w, c)                                                                           \
    {                                                                                            \
        .op = "conv2d_norm_pool_training", .name = title,                                        \
        BLOCK(k, o, step, same, kh, kw, rate, relu), .in = {DD__IN(NORMAL, n, h, w, c),          \
                                                            DD__IN(NORMAL, o),                   \
                                                            DD__IN(NORMAL, o),                   \
                                                            DD__IN(NORMAL, o),                   \
                                                            DD__IN(POSITIVE, o),                 \
                                                            DD__IN(when, DD__STEP_WORDS),        \
                                                            DD__IN(NORMAL, o),                   \
                                                            DD__IN(NORMAL, k, k, c, o)},         \
        .tolerance = 5e-5, .why = WHY, .gradient = (differences) ? 0xC6 : 0, .quick = in_quick   \
    }
#define WHOLE(...) WHOLE_IN(STEP, __VA_ARGS__)
#define WHOLE_BACKWARD(title, k, o, step, same, kh, kw, rate, relu, in_quick, n, h, w, c, oh, ow) \
    {                                                                                             \
        .op = "conv2d_norm_pool_backward", .name = title,                                         \
        BLOCK(k, o, step, same, kh, kw, rate, relu), .in = {DD__IN(NORMAL, n, oh, ow, o),         \
                                                            DD__IN(NORMAL, n, h, w, c),           \
                                                            DD__IN(KEPT, n, oh, ow, o),           \
                                                            DD__IN(NORMAL, n, oh, ow, o),         \
                                                            DD__IN(NORMAL, o),                    \
                                                            DD__IN(NORMAL, o),                    \
                                                            DD__IN(POSITIVE, o),                  \
                                                            DD__IN(NORMAL, o),                    \
                                                            DD__IN(NORMAL, k, k, c, o)},          \
        .tolerance = 1e-4, .why = WHY, .quick = in_quick                                          \
    }

const dd__case dd__cases_norm[] = {
    INFERENCE("matrix_7x33", 33, false, 7),
    INFERENCE("images_of_64_channels", 64, true, 2, 5, 3),
    INFERENCE("one_channel", 1, false, 1, 7, 7),
    TRAINING("matrix_31x7", NORMAL, 7, 1e-5, true, false, 31),
    TRAINING("images_of_3_channels", NORMAL, 3, 1e-5, true, false, 2, 5, 5),
    TRAINING("images_of_64_channels", NORMAL, 64, 1e-5, true, true, 2, 6, 3),
    TRAINING("one_channel", NORMAL, 1, 1e-5, true, false, 1, 7, 7),
    TRAINING("channels_65", NORMAL, 65, 1e-5, false, false, 3, 11),
    {.op = "batch_norm_training",
     .name = "running_values_forget_their_start",
     NORM,
     .in = {DD__IN(NORMAL, 5, 8), DD__IN(NORMAL, 8), DD__IN(NORMAL, 8), DD__IN(NORMAL, 8),
            DD__IN(POSITIVE, 8), DD__IN(STEP, DD__STEP_WORDS)},
     .tolerance = 1e-5,
     .why = WHY,
     .runs = 3},
    {.op = "batch_norm_training",
     .name = "running_values_of_a_second_part",
     NORM,
     .in = {DD__IN(NORMAL, 5, 8), DD__IN(NORMAL, 8), DD__IN(NORMAL, 8), DD__IN(NORMAL, 8),
            DD__IN(POSITIVE, 8), DD__IN(STEP_PART, DD__STEP_WORDS)},
     .tolerance = 1e-5,
     .why = WHY,
     .runs = 3},
    TRAINING("many_rows", NORMAL, 16, 1e-5, false, false, 9, 33, 32),
    TRAINING("seed_1", NORMAL, 64, 1e-5, false, false, 2, 24, 24),
    TRAINING("mean_of_30_deviations", OFFSET, 8, 2e-4, false, false, 4, 15, 17),
    BACKWARD("matrix_31x7", 7, false, 31),
    BACKWARD("images_of_64_channels", 64, true, 2, 5, 3),
    BACKWARD("one_channel", 1, false, 1, 7, 7),
    BACKWARD("channels_65", 65, false, 3, 11),
    BACKWARD("many_rows", 16, false, 9, 33, 32),
    BACKWARD("seed_1", 64, false, 2, 24, 24),
    TAIL("pool_2x2_and_dropout", DISTINCT, 2, 2, 0.25f, true, true, 2, 4, 6, 64),
    TAIL("rows_and_columns_left_over", DISTINCT, 2, 2, 0.5f, true, false, 3, 5, 7, 4),
    TAIL("pool_alone", DISTINCT, 2, 2, 0, true, false, 2, 6, 4, 8),
    TAIL("pool_3x1", DISTINCT, 3, 1, 0.25f, true, false, 1, 7, 5, 24),
    TAIL("dropout_alone", NORMAL, 1, 1, 0.25f, true, false, 2, 3, 5, 24),
    TAIL("norm_alone", NORMAL, 1, 1, 0, true, false, 2, 3, 5, 8),
    TAIL("whole_image", NORMAL, 3, 3, 0.1f, false, false, 5, 3, 3, 4),
    TAIL("equals", INTEGER, 2, 2, 0.25f, false, true, 2, 9, 10, 12),
    TAIL("seed_1", NORMAL, 2, 2, 0.25f, false, false, 2, 24, 24, 64),
    TAIL("channels_33", NORMAL, 2, 2, 0.25f, true, false, 3, 5, 4, 33),
    TAIL_IN(STEP_PART, "second_part", DISTINCT, 2, 2, 0.25f, false, false, 2, 4, 6, 64),
    TAIL_IN(STEP_PART, "second_part_of_uneven", DISTINCT, 2, 2, 0.25f, false, false, 3, 7, 3, 4),
    TAIL("one_channel", NORMAL, 2, 2, 0.25f, true, false, 5, 9, 7, 1),
    {.op = "norm_pool_training",
     .name = "gradient_of_the_relus_input",
     NORM_POOL(2, 2, 0.25f, true),
     .in = {DD__IN(POSITIVE, 3, 5, 4, 8), DD__IN(NORMAL, 8), DD__IN(NORMAL, 8), DD__IN(NORMAL, 8),
            DD__IN(POSITIVE, 8), DD__IN(STEP, DD__STEP_WORDS), DD__IN(NORMAL, 8)},
     .tolerance = 1e-5,
     .why = WHY,
     .runs = 3},
    TAIL_BACKWARD("pool_2x2_and_dropout", KEPT, 2, 2, 0.25f, true, true, 2, 4, 6, 64),
    TAIL_BACKWARD("rows_and_columns_left_over", KEPT, 2, 2, 0.5f, true, true, 3, 5, 7, 4),
    TAIL_BACKWARD("no_relu", KEPT, 2, 2, 0.25f, false, false, 3, 6, 7, 24),
    TAIL_BACKWARD("no_dropout", PLACES, 2, 2, 0, true, false, 2, 5, 4, 12),
    TAIL_BACKWARD("pool_3x2", KEPT, 3, 2, 0.25f, true, false, 2, 7, 8, 8),
    TAIL_BACKWARD("seed_1", KEPT, 2, 2, 0.25f, true, false, 2, 24, 24, 64),
    TAIL_BACKWARD("channels_33", KEPT, 2, 2, 0.25f, true, false, 3, 5, 4, 33),
    TAIL_BACKWARD("one_channel", KEPT, 2, 2, 0.25f, true, false, 5, 9, 7, 1),
    WHOLE("seed_1", 5, 64, 1, 0, 2, 2, 0.25f, true, false, true, 2, 28, 28, 1),
    WHOLE("pool_2x2", 3, 16, 1, 0, 2, 2, 0.25f, true, true, false, 3, 6, 8, 2),
    WHOLE("padded", 3, 24, 1, 1, 2, 2, 0, true, false, true, 2, 6, 8, 3),
    WHOLE("stride_two_linear", 3, 16, 2, 0, 1, 2, 0.5f, false, true, false, 2, 9, 9, 1),
    WHOLE("pool_3x2", 3, 32, 1, 1, 3, 2, 0.25f, true, false, false, 2, 9, 6, 3),
    WHOLE_IN(STEP_PART, "second_part", 3, 16, 1, 0, 2, 2, 0.25f, true, false, false, 3, 6, 8, 2),
    WHOLE_BACKWARD("seed_1", 5, 64, 1, 0, 2, 2, 0.25f, true, true, 2, 28, 28, 1, 12, 12),
    WHOLE_BACKWARD("many_images", 3, 16, 1, 0, 2, 2, 0.25f, true, false, 37, 6, 8, 2, 2, 3),
    WHOLE_BACKWARD("padded", 3, 24, 1, 1, 2, 2, 0.25f, true, true, 2, 6, 8, 3, 3, 4),
    WHOLE_BACKWARD("stride_two_linear", 3, 16, 2, 0, 2, 2, 0.25f, false, false, 2, 9, 9, 1, 2, 2),
    {0},
};
