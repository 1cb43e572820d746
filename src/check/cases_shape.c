/* Ops that move or add numbers: tolerance 0. Views (flatten, reshape) compute nothing. */
#include "check/check.h"

#define CONCAT(title, axis_, ...)                                                               \
    {                                                                                           \
        .op = "concat", .name = title, .attributes = &(const dd__slice){.axis = axis_}, .in = { \
            __VA_ARGS__                                                                         \
        }                                                                                       \
    }
#define SLICE(title, axis_, begin_, size_, step_, ...)                                        \
    {                                                                                         \
        .op = "slice", .name = title,                                                         \
        .attributes =                                                                         \
            &(const dd__slice){.axis = axis_, .begin = begin_, .size = size_, .step = step_}, \
        .in = {                                                                               \
            DD__IN(NORMAL, __VA_ARGS__)                                                       \
        }                                                                                     \
    }
/* Before each axis, and behind it. */
#define PADDING(mode_, ...) .mode = mode_, .value = -1.5f, .before = DD__CONST_DIMS(__VA_ARGS__)
#define PADDED(...)         .after = DD__CONST_DIMS(__VA_ARGS__)
#define PAD(title, before, after, ...)                                                     \
    {                                                                                      \
        .op = "pad", .name = title, .attributes = &(const dd__pad){before, after}, .in = { \
            DD__IN(NORMAL, __VA_ARGS__)                                                    \
        }                                                                                  \
    }
#define TAKE(title, axis_, x, indices)                                                       \
    {                                                                                        \
        .op = "take", .name = title, .attributes = &(const dd__take){.axis = axis_}, .in = { \
            x,                                                                               \
            indices                                                                          \
        }                                                                                    \
    }
#define ORDER(...) \
    .attributes = &(const dd__transpose) { .order = DD__CONST_DIMS(__VA_ARGS__) }
#define TRANSPOSE(title, order_, ...)                                                   \
    {                                                                                   \
        .op = "transpose", .name = title, order_, .in = { DD__IN(NORMAL, __VA_ARGS__) } \
    }

const dd__case dd__cases_shape[] = {
    {.op = "add",
     .name = "images",
     .in = {DD__IN(INTEGER, 2, 5, 7, 3), DD__IN(INTEGER, 2, 5, 7, 3)},
     .gradient = 3,
     .quick = true},
    {.op = "add", .name = "one", .in = {DD__IN(INTEGER, 1), DD__IN(INTEGER, 1)}},
    {.op = "add", .name = "many", .in = {DD__IN(INTEGER, 33, 4097), DD__IN(INTEGER, 33, 4097)}},

    CONCAT("channels_of_three", -1, DD__IN(NORMAL, 2, 3, 5, 4), DD__IN(NORMAL, 2, 3, 5, 1),
           DD__IN(NORMAL, 2, 3, 5, 7)),
    CONCAT("batches", 0, DD__IN(NORMAL, 1, 3, 3, 2), DD__IN(NORMAL, 4, 3, 3, 2)),
    CONCAT("columns", 2, DD__IN(NORMAL, 2, 3, 31, 2), DD__IN(NORMAL, 2, 3, 1, 2)),
    {.op = "concat",
     .name = "differences",
     .attributes = &(const dd__slice){.axis = -1},
     .in = {DD__IN(NORMAL, 3, 4), DD__IN(NORMAL, 3, 3)},
     .gradient = 3,
     .quick = true},
    SLICE("channels", -1, 3, 4, 1, 2, 3, 5, 9),
    SLICE("first_rows", 1, 0, 2, 1, 2, 7, 5, 3),
    SLICE("last_of_batch", 0, 6, 1, 1, 7, 33),
    SLICE("every_third_channel", -1, 1, 11, 3, 5, 7, 33),
    SLICE("rows_backwards", 1, 6, 7, -1, 2, 7, 5, 31),
    SLICE("every_second_backwards", 2, 64, 33, -2, 3, 2, 65),
    SLICE("many", 1, 3, 1021, 1, 3, 1031, 33),
    {.op = "slice",
     .name = "differences",
     .attributes = &(const dd__slice){.axis = 1, .begin = 2, .size = 3, .step = 1},
     .in = {DD__IN(NORMAL, 3, 7, 5)},
     .gradient = 1},
    {.op = "slice",
     .name = "whole",
     .attributes = &(const dd__slice){.axis = 0, .size = 7, .step = 1},
     .in = {DD__IN(NORMAL, 7, 33)},
     .quick = true},

    PAD("images", PADDING(DD__PAD_CONSTANT, 0, 1, 2, 0), PADDED(0, 2, 1, 0), 2, 5, 7, 33),
    PAD("images_by_edge", PADDING(DD__PAD_EDGE, 0, 1, 2, 0), PADDED(0, 2, 1, 0), 2, 5, 7, 33),
    PAD("images_by_reflection", PADDING(DD__PAD_REFLECT, 0, 3, 3, 0), PADDED(0, 3, 3, 0), 2, 4, 9,
        3),
    PAD("images_again", PADDING(DD__PAD_WRAP, 0, 3, 3, 0), PADDED(0, 3, 3, 0), 2, 4, 9, 3),
    PAD("channels", PADDING(DD__PAD_CONSTANT, 0, 0, 0, 3), PADDED(0, 0, 0, 5), 2, 3, 5, 37),
    PAD("channels_by_reflection", PADDING(DD__PAD_REFLECT, 0, 0, 0, 30), PADDED(0, 0, 0, 36), 2, 3,
        5, 37),
    PAD("more_than_there_is", PADDING(DD__PAD_REFLECT, 2, 7), PADDED(3, 9), 1, 3),
    PAD("again_and_again", PADDING(DD__PAD_WRAP, 2, 7), PADDED(3, 9), 1, 3),
    PAD("batches_by_edge", PADDING(DD__PAD_EDGE, 2, 0), PADDED(1, 0), 3, 70),
    PAD("six_axes", PADDING(DD__PAD_EDGE, 1, 0, 2, 0, 1, 0), PADDED(0, 1, 0, 2, 0, 3), 2, 3, 2, 3,
        2, 3),
    PAD("many", PADDING(DD__PAD_CONSTANT, 0, 3, 1), PADDED(0, 2, 0), 3, 1031, 33),
    {.op = "pad",
     .name = "nothing",
     .attributes = &(const dd__pad){.mode = DD__PAD_REFLECT},
     .in = {DD__IN(NORMAL, 7, 33)},
     .quick = true},
    {.op = "pad",
     .name = "differences",
     .attributes = &(const dd__pad){PADDING(DD__PAD_CONSTANT, 1, 2, 0), PADDED(0, 3, 1)},
     .in = {DD__IN(NORMAL, 2, 4, 5)},
     .gradient = 1,
     .quick = true},

    TAKE("rows_by_one_number", 0, DD__IN(NORMAL, 3, 65), DD__IN(INTEGER, 1)),
    TAKE("rows_by_a_matrix", 0, DD__IN(NORMAL, 3, 33), DD__IN(INTEGER, 7, 5)),
    TAKE("columns", -1, DD__IN(NORMAL, 7, 5), DD__IN(INTEGER, 33)),
    TAKE("in_the_middle", 1, DD__IN(NORMAL, 2, 4, 3, 19), DD__IN(INTEGER, 3, 31)),
    TAKE("by_fractions_far_outside", 0, DD__IN(NORMAL, 7, 19), DD__IN(LARGE, 65)),
    {.op = "take",
     .name = "many",
     .attributes = &(const dd__take){.axis = 1},
     .in = {DD__IN(NORMAL, 33, 5, 31), DD__IN(INTEGER, 65)},
     .quick = true},

    {.op = "transpose",
     .name = "matrices",
     ORDER(0, 2, 1),
     .in = {DD__IN(NORMAL, 3, 37, 23)},
     .gradient = 1,
     .quick = true},
    TRANSPOSE("channels_first", ORDER(0, 3, 1, 2), 2, 13, 17, 48),
    TRANSPOSE("channels_last", ORDER(0, 2, 3, 1), 2, 48, 13, 17),
    TRANSPOSE("three_channels_first", ORDER(0, 3, 1, 2), 2, 31, 33, 3),
    TRANSPOSE("three_channels_last", ORDER(0, 2, 3, 1), 2, 3, 31, 33),
    TRANSPOSE("heads", ORDER(0, 2, 1, 3), 2, 9, 5, 21),
    TRANSPOSE("six_axes_backwards", ORDER(5, 4, 3, 2, 1, 0), 3, 2, 5, 4, 3, 7),
    TRANSPOSE("six_axes", ORDER(1, 5, 0, 3, 2, 4), 3, 2, 5, 4, 3, 19),
    TRANSPOSE("as_it_is", ORDER(0, 1, 2), 3, 5, 33),
    TRANSPOSE("extents_of_one", ORDER(2, 1, 0), 1, 65, 1),
    TRANSPOSE("one", ORDER(0), 1),
    TRANSPOSE("wide", ORDER(1, 0), 70, 2050),
    {.op = "transpose",
     .name = "differences",
     ORDER(2, 0, 3, 1),
     .in = {DD__IN(NORMAL, 2, 3, 4, 5)},
     .gradient = 1},

    {.op = "copy", .name = "floats", .in = {DD__IN(NORMAL, 7, 33)}, .quick = true},
    {.op = "copy", .name = "many", .in = {DD__IN(NORMAL, 65, 1031)}},
    {.op = "copy", .name = "whole_numbers", .in = {DD__IN(CLASSES, 31)}},
    {.op = "fill",
     .name = "matrix",
     .attributes = &(const dd__fill){.value = -1.25f},
     .in = {DD__IN(NORMAL, 7, 33)},
     .quick = true},
    {.op = "fill",
     .name = "one",
     .attributes = &(const dd__fill){.value = 0},
     .in = {DD__IN(NORMAL, 1)}},
    {0},
};
