/* Two numbers at a time, repeated along axes in all ways that there are kernels for. */
#include "check/check.h"

#define KIND(...) \
    .attributes = &(const dd__arithmetic) { __VA_ARGS__ }
#define FORWARD(title, kind_, ...)                                                    \
    {                                                                                 \
        .op = "arithmetic", .name = title, KIND(.kind = kind_), .in = { __VA_ARGS__ } \
    }
#define ROUNDED(title, kind_, input, ...)                                                \
    {                                                                                    \
        .op = "arithmetic", .name = title, KIND(.kind = kind_),                          \
        .in = {DD__IN(input, 5, 7, 33), __VA_ARGS__}, .tolerance = 1e-5,                 \
        .why = "division within 3 units in the last place, pow within 16", .gradient = 3 \
    }
#define DIFFERENCES(title, kind_, ...) \
    { .op = "arithmetic", .name = title, KIND(.kind = kind_), .in = {__VA_ARGS__}, .gradient = 3 }
#define BACKWARD(title, kind_, by_)                                                           \
    {                                                                                         \
        .op = "arithmetic_backward", .name = title, KIND(.kind = kind_, .by = by_),           \
        .in = {DD__IN(NORMAL, 5, 7, 33), DD__IN(POSITIVE, 5, 7, 33), DD__IN(POSITIVE, 7, 1)}, \
        .tolerance = 1e-5, .why = "division within 3 units in the last place, pow within 16"  \
    }
#define BOTH(title, kind) BACKWARD(title "_by_a", kind, 0), BACKWARD(title "_by_b", kind, 1)

const dd__case dd__cases_arithmetic[] = {
    {.op = "arithmetic",
     .name = "add",
     KIND(.kind = DD__ADD),
     .in = {DD__IN(INTEGER, 2, 5, 7, 33), DD__IN(INTEGER, 33)},
     .gradient = 3,
     .quick = true},
    FORWARD("subtract", DD__SUBTRACT, DD__IN(INTEGER, 33, 65), DD__IN(INTEGER, 33, 65)),
    FORWARD("multiply", DD__MULTIPLY, DD__IN(INTEGER, 33, 65), DD__IN(INTEGER, 33, 65)),
    FORWARD("minimum", DD__MINIMUM, DD__IN(INTEGER, 33, 65), DD__IN(INTEGER, 33, 65)),
    FORWARD("maximum", DD__MAXIMUM, DD__IN(INTEGER, 33, 65), DD__IN(INTEGER, 33, 65)),
    FORWARD("prelu", DD__PRELU, DD__IN(INTEGER, 33, 65), DD__IN(INTEGER, 33, 65)),
    ROUNDED("divide", DD__DIVIDE, NORMAL, DD__IN(POSITIVE, 7, 1)),
    ROUNDED("power", DD__POWER, POSITIVE, DD__IN(NORMAL, 33)),

    FORWARD("one", DD__SUBTRACT, DD__IN(INTEGER, 1), DD__IN(INTEGER, 1, 1)),
    FORWARD("many", DD__SUBTRACT, DD__IN(INTEGER, 33, 4097), DD__IN(INTEGER, 33, 4097)),
    FORWARD("number", DD__SUBTRACT, DD__IN(INTEGER, 33, 257), DD__IN(INTEGER, 1)),
    FORWARD("from_a_number", DD__SUBTRACT, DD__IN(INTEGER, 1, 1, 1), DD__IN(INTEGER, 3, 5, 37)),
    FORWARD("channels", DD__SUBTRACT, DD__IN(INTEGER, 2, 31, 33, 64), DD__IN(INTEGER, 64)),
    FORWARD("three_channels", DD__SUBTRACT, DD__IN(INTEGER, 2, 31, 33, 3),
            DD__IN(INTEGER, 1, 1, 1, 3)),
    FORWARD("from_channels", DD__SUBTRACT, DD__IN(INTEGER, 20), DD__IN(INTEGER, 2, 9, 7, 20)),
    FORWARD("channels_of_images", DD__SUBTRACT, DD__IN(INTEGER, 3, 13, 11, 40),
            DD__IN(INTEGER, 3, 1, 1, 40)),
    FORWARD("pixels", DD__SUBTRACT, DD__IN(INTEGER, 3, 13, 11, 40), DD__IN(INTEGER, 13, 11, 1)),
    FORWARD("outer", DD__SUBTRACT, DD__IN(INTEGER, 65, 1), DD__IN(INTEGER, 1, 67)),
    FORWARD("six_axes", DD__SUBTRACT, DD__IN(INTEGER, 3, 1, 5, 1, 2, 19),
            DD__IN(INTEGER, 1, 4, 5, 3, 1, 19)),

    DIFFERENCES("subtract_numbers", DD__SUBTRACT, DD__IN(INTEGER, 3, 4, 5), DD__IN(INTEGER, 1, 1)),
    DIFFERENCES("multiply_channels_of_images", DD__MULTIPLY, DD__IN(INTEGER, 2, 3, 4, 5),
                DD__IN(INTEGER, 2, 1, 1, 5)),
    DIFFERENCES("multiply_outer", DD__MULTIPLY, DD__IN(INTEGER, 6, 1), DD__IN(INTEGER, 3, 1, 7)),
    DIFFERENCES("minimum_of_others", DD__MINIMUM, DD__IN(INTEGER, 3, 4, 5), DD__IN(HALF, 4, 1)),
    DIFFERENCES("maximum_of_others", DD__MAXIMUM, DD__IN(INTEGER, 3, 4, 5), DD__IN(HALF, 3, 4, 5)),
    DIFFERENCES("prelu_of_channels", DD__PRELU, DD__IN(HALF, 3, 4, 5), DD__IN(INTEGER, 5)),

    {.op = "arithmetic_backward",
     .name = "exact",
     KIND(.kind = DD__MULTIPLY, .by = 1),
     .in = {DD__IN(INTEGER, 5, 33), DD__IN(INTEGER, 33), DD__IN(INTEGER, 5, 33)},
     .quick = true},
    BOTH("add", DD__ADD),
    BOTH("subtract", DD__SUBTRACT),
    BOTH("multiply", DD__MULTIPLY),
    BOTH("divide", DD__DIVIDE),
    BOTH("power", DD__POWER),
    BOTH("minimum", DD__MINIMUM),
    BOTH("maximum", DD__MAXIMUM),
    BOTH("prelu", DD__PRELU),
    {0},
};
