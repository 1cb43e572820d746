/* Pools. A maximum is one of its inputs: tolerance 0 whatever the data, ties (whole numbers) go to
 * the first in the window, and the place of the winner is compared too. */
#include "check/check.h"

#define OPEN(...) __VA_ARGS__ /* OPEN (1, 2) is 1, 2 */
#define POOL(...) \
    .attributes = &(const dd__pool) { __VA_ARGS__ }
#define KERNEL(rows, columns)   .kernel = {rows, columns}
#define STRIDE(rows, columns)   .stride = {rows, columns}
#define DILATION(rows, columns) .dilation = {rows, columns}
#define EDGES(...)              .padding = {.edges = {__VA_ARGS__}} /* top, left, bottom, right */
#define WHY                     "one division, correctly rounded or by a reciprocal"

#define MAX(title, kind, x, differences, in_quick, ...)                                   \
    {                                                                                     \
        .op = "max_pool", .name = title, POOL(__VA_ARGS__), .in = {DD__IN(kind, OPEN x)}, \
        .gradient = differences, .quick = in_quick                                        \
    }
#define MAX_BACKWARD(title, x, y, in_quick, ...)                                   \
    {                                                                              \
        .op = "max_pool_backward", .name = title,                                  \
        POOL(__VA_ARGS__, .result = DD__CONST_DIMS(OPEN x)),                       \
        .in = {DD__IN(INTEGER, OPEN y), DD__IN(PLACES, OPEN y)}, .quick = in_quick \
    }
#define AVERAGE(title, x, y, in_quick, ...)                                                   \
    {.op = "average_pool",                                                                    \
     .name = title,                                                                           \
     POOL(__VA_ARGS__),                                                                       \
     .in = {DD__IN(DISTINCT, OPEN x)},                                                        \
     .tolerance = 1e-6,                                                                       \
     .why = WHY,                                                                              \
     .gradient = 1,                                                                           \
     .quick = in_quick},                                                                      \
    {                                                                                         \
        .op = "average_pool_backward", .name = title,                                         \
        POOL(__VA_ARGS__, .result = DD__CONST_DIMS(OPEN x)), .in = {DD__IN(INTEGER, OPEN y)}, \
        .tolerance = 1e-6, .why = WHY, .quick = in_quick                                      \
    }

const dd__case dd__cases_pool[] = {
    MAX("ties_go_to_the_first", INTEGER, (2, 8, 8, 3), 0, false, KERNEL(2, 2)),
    MAX("ties_overlap", INTEGER, (1, 9, 9, 8), 0, true, KERNEL(3, 3), STRIDE(2, 2)),
    MAX("one_pixel", INTEGER, (1, 1, 1, 1), 0, false, KERNEL(1, 1)),
    MAX("odd_7_leaves_a_row", DISTINCT, (2, 7, 7, 5), 1, false, KERNEL(2, 2)),
    MAX("odd_7_channels_8", DISTINCT, (1, 7, 7, 8), 1, false, KERNEL(2, 2)),
    MAX("channels_64", DISTINCT, (1, 6, 6, 64), 1, true, KERNEL(2, 2), STRIDE(2, 2)),
    MAX("overlapping_padded", DISTINCT, (1, 7, 8, 3), 1, false, KERNEL(3, 3), STRIDE(2, 2),
        EDGES(1, 0, 1, 2)),
    MAX("overlapping_padded_channels_4", DISTINCT, (1, 7, 8, 4), 1, false, KERNEL(3, 3),
        STRIDE(2, 2), EDGES(1, 0, 1, 2)),
    MAX("same_stride_one", DISTINCT, (1, 6, 5, 4), 1, false, KERNEL(3, 2), STRIDE(1, 1),
        .padding = {.same = 1}),
    MAX("stride_three_kernel_two", DISTINCT, (1, 8, 9, 2), 1, false, KERNEL(2, 2), STRIDE(3, 3)),
    MAX("kernel_5_width_33", DISTINCT, (1, 9, 33, 1), 1, false, KERNEL(5, 5), STRIDE(2, 2)),
    MAX("whole_image", DISTINCT, (2, 4, 4, 31), 1, false, KERNEL(4, 4)),
    MAX("window_of_more_than_256", DISTINCT, (1, 17, 17, 3), 1, false, KERNEL(17, 17)),
    MAX("dilation_two", DISTINCT, (1, 9, 8, 3), 1, false, KERNEL(3, 2), STRIDE(1, 2),
        DILATION(2, 3)),
    MAX("dilation_padded_channels_8", DISTINCT, (2, 9, 9, 8), 1, true, KERNEL(3, 3), STRIDE(2, 2),
        DILATION(2, 2), EDGES(2, 1, 3, 4)),
    MAX("rounded_up_at_the_end", DISTINCT, (1, 6, 7, 4), 1, false, KERNEL(3, 3), STRIDE(2, 2),
        EDGES(0, 1, 1, 2)),
    MAX("seed_1", INTEGER, (2, 24, 24, 64), 0, false, KERNEL(2, 2)),

    MAX_BACKWARD("windows_apart", (2, 8, 6, 3), (2, 4, 3, 3), true, KERNEL(2, 2)),
    MAX_BACKWARD("odd_7_leaves_a_row", (1, 7, 7, 8), (1, 3, 3, 8), true, KERNEL(2, 2)),
    MAX_BACKWARD("overlapping", (1, 9, 7, 4), (1, 4, 3, 4), false, KERNEL(3, 3), STRIDE(2, 2)),
    MAX_BACKWARD("stride_one", (1, 6, 6, 5), (1, 5, 5, 5), false, KERNEL(2, 2), STRIDE(1, 1)),
    MAX_BACKWARD("gaps", (1, 8, 8, 4), (1, 3, 3, 4), false, KERNEL(2, 2), STRIDE(3, 3)),
    MAX_BACKWARD("dilation_two", (1, 9, 8, 4), (1, 5, 2, 4), false, KERNEL(3, 2), STRIDE(1, 3),
                 DILATION(2, 3)),
    MAX_BACKWARD("seed_1", (2, 24, 24, 64), (2, 12, 12, 64), false, KERNEL(2, 2)),

    AVERAGE("two", (2, 8, 6, 3), (2, 4, 3, 3), false, KERNEL(2, 2)),
    AVERAGE("odd_7_leaves_a_row", (1, 7, 7, 8), (1, 3, 3, 8), true, KERNEL(2, 2)),
    AVERAGE("padding_not_counted", (1, 7, 8, 3), (1, 4, 4, 3), false, KERNEL(3, 3), STRIDE(2, 2),
            EDGES(1, 0, 1, 2)),
    AVERAGE("padding_counted", (1, 7, 8, 4), (1, 4, 4, 4), false, KERNEL(3, 3), STRIDE(2, 2),
            EDGES(1, 0, 1, 2), .count_padding = true),
    AVERAGE("padding_counted_each_edge_another", (1, 5, 6, 3), (1, 5, 4, 3), false, KERNEL(4, 5),
            STRIDE(1, 2), EDGES(1, 3, 2, 2), .count_padding = true),
    AVERAGE("dilation_padded_channels_8", (2, 9, 9, 8), (2, 5, 5, 8), true, KERNEL(3, 3),
            STRIDE(2, 2), DILATION(2, 2), EDGES(2, 1, 3, 4)),
    AVERAGE("nothing_inside_a_dilated_window", (1, 1, 5, 4), (1, 1, 5, 4), false, KERNEL(2, 2),
            STRIDE(1, 1), DILATION(2, 1), EDGES(1, 0, 1, 1)),
    AVERAGE("same_stride_one", (1, 6, 5, 4), (1, 6, 5, 4), false, KERNEL(2, 3), STRIDE(1, 1),
            .padding = {.same = 1}),
    AVERAGE("whole_image", (2, 4, 4, 65), (2, 1, 1, 65), false, KERNEL(4, 4)),
    AVERAGE("gaps", (1, 8, 9, 1), (1, 3, 3, 1), false, KERNEL(2, 2), STRIDE(3, 3)),
    {0},
};
