/* Batch norm: x (..., C), everything else (C). */
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
        .tolerance = 1e-5, .why = WHY, .quick = in_quick                             \
    }
#define BACKWARD(title, c, in_quick, ...)                                                         \
    {                                                                                             \
        .op = "batch_norm_backward", .name = title, NORM,                                         \
        .in = {DD__IN(NORMAL, __VA_ARGS__, c), DD__IN(NORMAL, __VA_ARGS__, c), DD__IN(NORMAL, c), \
               DD__IN(NORMAL, c), DD__IN(POSITIVE, c)},                                           \
        .tolerance = 2e-5, .why = WHY, .quick = in_quick                                          \
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
            DD__IN(POSITIVE, 8), DD__IN(STEP, 8)},
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
    {0},
};
