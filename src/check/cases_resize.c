/* Resized images. The nearest pixel is one of the input's: tolerance 0 whatever the data. */
#include "check/check.h"

#define OPEN(...)            __VA_ARGS__ /* OPEN (1, 2) is 1, 2 */
#define SIZE(rows, columns)  .size = {rows, columns}
#define SCALE(rows, columns) .scale = {rows, columns}
#define NEAREST(title, in_quick, x, coordinates_, rounding_, ...)              \
    {                                                                          \
        .op = "resize", .name = title,                                         \
        .attributes = &(const dd__resizing){.mode = DD__RESIZE_NEAREST,        \
                                            .coordinates = DD__##coordinates_, \
                                            .rounding = DD__ROUND_##rounding_, \
                                            __VA_ARGS__},                      \
        .in = {DD__IN(NORMAL, OPEN x)}, .quick = in_quick                      \
    }
#define LINEAR(title, in_quick, x, coordinates_, ...)                               \
    {                                                                               \
        .op = "resize", .name = title,                                              \
        .attributes = &(const dd__resizing){.mode = DD__RESIZE_LINEAR,              \
                                            .coordinates = DD__##coordinates_,      \
                                            __VA_ARGS__},                           \
        .in = {DD__IN(NORMAL, OPEN x)}, .tolerance = 2e-6,                          \
        .why = "three sums of two products with factors up to 1", .quick = in_quick \
    }

const dd__case dd__cases_resize[] = {
    NEAREST("twice", true, (2, 5, 7, 3), ASYMMETRIC, FLOOR, SIZE(10, 14)),
    NEAREST("twice_channels_8", true, (2, 5, 7, 8), ASYMMETRIC, FLOOR, SIZE(10, 14)),
    NEAREST("half_pixel", false, (1, 7, 5, 3), HALF_PIXEL, PREFER_FLOOR, SIZE(11, 9)),
    NEAREST("halves_down", false, (1, 9, 12, 4), HALF_PIXEL, PREFER_FLOOR, SIZE(3, 6)),
    NEAREST("halves_up", false, (1, 9, 12, 4), HALF_PIXEL, PREFER_CEIL, SIZE(3, 6)),
    NEAREST("ceil", false, (1, 8, 6, 1), HALF_PIXEL, CEIL, SIZE(5, 13)),
    NEAREST("corners", false, (1, 8, 6, 5), ALIGN_CORNERS, PREFER_CEIL, SIZE(15, 11)),
    NEAREST("corners_one_row", false, (1, 8, 6, 5), ALIGN_CORNERS, FLOOR, SIZE(1, 3)),
    NEAREST("quotients_are_whole", true, (1, 30, 41, 16), ASYMMETRIC, FLOOR, SIZE(18, 29),
            SCALE(0.6f, 0.7f)),
    NEAREST("many_scales", false, (1, 97, 89, 4), ASYMMETRIC, CEIL, SIZE(331, 211)),
    NEAREST("pytorch_one_column", false, (1, 7, 9, 2), PYTORCH_HALF_PIXEL, PREFER_FLOOR,
            SIZE(3, 1)),
    NEAREST("symmetric", false, (1, 7, 9, 2), HALF_PIXEL_SYMMETRIC, PREFER_FLOOR, SIZE(10, 4),
            SCALE(1.5f, 0.5f)),
    LINEAR("linear_twice", true, (2, 5, 7, 3), HALF_PIXEL, SIZE(10, 14)),
    LINEAR("linear_channels_8", true, (2, 5, 7, 8), HALF_PIXEL, SIZE(12, 9)),
    LINEAR("linear_smaller", false, (1, 9, 12, 4), HALF_PIXEL, SIZE(4, 5)),
    LINEAR("linear_asymmetric", false, (1, 4, 6, 5), ASYMMETRIC, SIZE(9, 13)),
    LINEAR("linear_corners", false, (1, 4, 6, 20), ALIGN_CORNERS, SIZE(7, 11)),
    LINEAR("linear_one_pixel", false, (2, 1, 1, 4), HALF_PIXEL, SIZE(3, 2)),
    LINEAR("linear_to_one_pixel", false, (2, 5, 4, 3), PYTORCH_HALF_PIXEL, SIZE(1, 1)),
    LINEAR("linear_symmetric", false, (1, 7, 9, 4), HALF_PIXEL_SYMMETRIC, SIZE(10, 4),
           SCALE(1.5f, 0.5f)),
    {0},
};
