/* Ops that move or add numbers: tolerance 0. Views (flatten, reshape) compute nothing. */
#include "check/check.h"

#define CONCAT(title, axis_, ...)                                                               \
    {                                                                                           \
        .op = "concat", .name = title, .attributes = &(const dd__slice){.axis = axis_}, .in = { \
            __VA_ARGS__                                                                         \
        }                                                                                       \
    }
#define SLICE(title, axis_, begin_, size_, ...)                                                  \
    {                                                                                            \
        .op = "slice", .name = title,                                                            \
        .attributes = &(const dd__slice){.axis = axis_, .begin = begin_, .size = size_}, .in = { \
            DD__IN(NORMAL, __VA_ARGS__)                                                          \
        }                                                                                        \
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
    SLICE("channels", -1, 3, 4, 2, 3, 5, 9),
    SLICE("first_rows", 1, 0, 2, 2, 7, 5, 3),
    SLICE("last_of_batch", 0, 6, 1, 7, 33),
    {.op = "slice",
     .name = "whole",
     .attributes = &(const dd__slice){.axis = 0, .size = 7},
     .in = {DD__IN(NORMAL, 7, 33)},
     .quick = true},

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
