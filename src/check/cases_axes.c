/* Ops over some axes of a value: sums of whole numbers, the largest and the smallest are exact. */
#include "check/check.h"

#define OPEN(...) __VA_ARGS__ /* OPEN (1, 2) is 1, 2 */
#define REDUCE(title, kind_, axes_, data, in_quick, ...)                                         \
    {                                                                                            \
        .op = "reduce", .name = title,                                                           \
        .attributes =                                                                            \
            &(const dd__reduce){.kind = DD__REDUCE_##kind_, .axes = DD__CONST_DIMS(OPEN axes_)}, \
        .in = {DD__IN(data, __VA_ARGS__)},                                                       \
        .tolerance = DD__REDUCE_##kind_ == DD__REDUCE_MEAN ? 1e-6 : 0, .why = DIVISION,          \
        .gradient = DD__REDUCE_##kind_ <= DD__REDUCE_MEAN ? 1 : 0, .quick = in_quick             \
    }
#define DIVISION "one division, correctly rounded or within 2.5 units in the last place"
#define BACKWARD(title, kind_, axes_, dy, in_quick, ...)                                        \
    {                                                                                           \
        .op = "reduce_backward", .name = title,                                                 \
        .attributes = &(const dd__reduce){.kind = DD__REDUCE_##kind_,                           \
                                          .axes = DD__CONST_DIMS(OPEN axes_),                   \
                                          .result = DD__CONST_DIMS(__VA_ARGS__)},               \
        .in = {DD__IN(INTEGER, OPEN dy)}, .tolerance = 1e-6, .why = DIVISION, .quick = in_quick \
    }
#define NORMALIZE(title, axes_, data, in_quick, ...)                                              \
    {                                                                                             \
        .op = "normalize", .name = title,                                                         \
        .attributes =                                                                             \
            &(const dd__normalize){.axes = DD__CONST_DIMS(OPEN axes_), .epsilon = 1e-5f},         \
        .in = {DD__IN(data, __VA_ARGS__)}, .tolerance = 2e-5,                                     \
        .why = "a mean of 30 rounded at 2^-19, over a deviation of 1; a square root, a quotient", \
        .quick = in_quick                                                                         \
    }

#define LRN(title, in_quick, size_, alpha_, beta_, bias_, ...)                              \
    {                                                                                       \
        .op = "lrn", .name = title,                                                         \
        .attributes =                                                                       \
            &(const dd__lrn){.size = size_, .alpha = alpha_, .beta = beta_, .bias = bias_}, \
        .in = {DD__IN(NORMAL, __VA_ARGS__)}, .tolerance = 1e-5,                             \
        .why = "exp2 and log2 within 3 units in the last place, the exponent below 8",      \
        .quick = in_quick                                                                   \
    }

const dd__case dd__cases_axes[] = {
    REDUCE("rows_of_65", SUM, (1), INTEGER, true, 7, 65),
    REDUCE("columns", MEAN, (1, 2), INTEGER, true, 2, 5, 7, 37),
    REDUCE("columns_of_many_channels", SUM, (1), INTEGER, false, 3, 9, 333),
    REDUCE("whole", MEAN, (0, 1, 2, 3), INTEGER, false, 2, 5, 7, 3),
    REDUCE("axes_apart", SUM, (0, 2, 4), INTEGER, true, 3, 2, 5, 3, 2, 4),
    REDUCE("last_axes_apart", MEAN, (1, 3, 5), INTEGER, false, 3, 2, 5, 3, 2, 4),
    REDUCE("given_in_any_order", SUM, (3, 1), INTEGER, false, 2, 3, 2, 5),
    REDUCE("extents_of_one", SUM, (1, 3), INTEGER, false, 2, 3, 1, 5, 1),
    REDUCE("nothing_to_add", MEAN, (1), INTEGER, false, 33, 1, 5),
    REDUCE("one_axis", SUM, (0), INTEGER, false, 4099),
    REDUCE("largest_of_rows", MAX, (2), NORMAL, true, 2, 3, 67),
    REDUCE("largest_of_columns", MAX, (1), NORMAL, false, 2, 67, 33),
    REDUCE("largest_apart", MAX, (0, 2), NORMAL, false, 3, 5, 7, 2),
    REDUCE("smallest_of_rows", MIN, (1), NORMAL, false, 5, 131),
    REDUCE("smallest_of_columns", MIN, (1), NORMAL, true, 1, 31, 70),

    BACKWARD("columns", MEAN, (1, 2), (2, 1, 1, 5), true, 2, 3, 4, 5),
    BACKWARD("axes_apart", SUM, (0, 2, 4), (1, 2, 1, 3, 1, 4), false, 3, 2, 5, 3, 2, 4),
    BACKWARD("last_axes_apart", MEAN, (1, 3, 5), (3, 1, 5, 1, 2, 1), false, 3, 2, 5, 3, 2, 4),

    NORMALIZE("layer", (2), NORMAL, true, 2, 5, 197),
    NORMALIZE("layer_of_an_offset", (1), OFFSET, false, 33, 64),
    NORMALIZE("instance", (1, 2), NORMAL, true, 2, 7, 9, 37),
    NORMALIZE("instance_of_three_channels", (1, 2), OFFSET, false, 2, 16, 15, 3),
    NORMALIZE("axes_apart", (1, 3, 5), NORMAL, true, 3, 4, 2, 5, 3, 4),
    NORMALIZE("one_element", (1), NORMAL, false, 5, 1, 3),
    NORMALIZE("whole", (0, 1), NORMAL, false, 3, 1031),

    LRN("five_of_64", true, 5, 1e-1f, 0.75f, 1, 2, 3, 5, 64),
    LRN("even_size", true, 4, 0.5f, 0.5f, 2, 1, 3, 37),
    LRN("fewer_channels_than_neighbours", false, 9, 1, 0.75f, 1, 2, 7, 3),
    LRN("each_alone", false, 1, 2, 1.25f, 0.5f, 33, 20),
    {0},
};
