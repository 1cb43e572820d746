/* Softmax, cross-entropy and dropout. */
#include "check/check.h"

#define WHY "exp and log within 4 units in the last place, and sums over the classes in f32"
#define OF_ROWS(op_, title, kind, differences, in_quick, ...)                           \
    {                                                                                   \
        .op = op_, .name = title, .in = {DD__IN(kind, __VA_ARGS__)}, .tolerance = 1e-6, \
        .why = WHY, .gradient = differences, .quick = in_quick                          \
    }
#define SOFTMAX(...)     OF_ROWS("softmax", __VA_ARGS__)
#define LOG_SOFTMAX(...) OF_ROWS("log_softmax", __VA_ARGS__)
#define SOFTMAX_BACKWARD(title, in_quick, ...)                                                 \
    {                                                                                          \
        .op = "softmax_backward", .name = title,                                               \
        .in = {DD__IN(NORMAL, __VA_ARGS__), DD__IN(POSITIVE, __VA_ARGS__)}, .tolerance = 1e-5, \
        .why = WHY, .quick = in_quick                                                          \
    }
#define LOG_SOFTMAX_BACKWARD(title, in_quick, ...)                                           \
    {                                                                                        \
        .op = "log_softmax_backward", .name = title,                                         \
        .in = {DD__IN(NORMAL, __VA_ARGS__), DD__IN(NORMAL, __VA_ARGS__)}, .tolerance = 1e-5, \
        .why = WHY, .quick = in_quick                                                        \
    }
#define CROSS_ENTROPY(...) SMOOTHED(0, __VA_ARGS__)
#define SMOOTHED(share, title, kind, differences, in_quick, rows, classes)               \
    {.op = "cross_entropy",                                                              \
     .name = title,                                                                      \
     .attributes = &(const dd__cross_entropy){share},                                    \
     .in = {DD__IN(kind, rows, classes), DD__IN(LABELS, rows)},                          \
     .tolerance = 2e-6,                                                                  \
     .why = WHY,                                                                         \
     .gradient = differences,                                                            \
     .quick = in_quick},                                                                 \
    {                                                                                    \
        .op = "cross_entropy_backward", .name = title,                                   \
        .attributes = &(const dd__cross_entropy){share},                                 \
        .in = {DD__IN(kind, rows, classes), DD__IN(LABELS, rows), DD__IN(NORMAL, rows)}, \
        .tolerance = 2e-6, .why = WHY, .quick = in_quick                                 \
    }
#define DROPOUT_IN(when, title, rate_, differences, in_quick, ...)                         \
    {.op = "dropout",                                                                      \
     .name = title,                                                                        \
     .attributes = &(const dd__dropout){.rate = rate_, .stream = 0x1003},                  \
     .in = {DD__IN(NORMAL, __VA_ARGS__), DD__IN(when, DD__STEP_WORDS)},                    \
     .tolerance = 1e-6,                                                                    \
     .why = "one product with 1 / (1 - rate)",                                             \
     .gradient = differences,                                                              \
     .quick = in_quick},                                                                   \
    {                                                                                      \
        .op = "dropout_backward", .name = title,                                           \
        .attributes = &(const dd__dropout){.rate = rate_},                                 \
        .in = {DD__IN(NORMAL, __VA_ARGS__), DD__IN(MASK, __VA_ARGS__)}, .tolerance = 1e-6, \
        .why = "one product with 1 / (1 - rate)", .quick = in_quick                        \
    }

#define DROPOUT(...) DROPOUT_IN(STEP, __VA_ARGS__)

const dd__case dd__cases_softmax[] = {
    SOFTMAX("ten_classes", NORMAL, 1, true, 7, 10),
    SOFTMAX("softmax_large_number", LARGE, 0, true, 33, 10),
    SOFTMAX("two_classes_one_row", NORMAL, 1, false, 1, 2),
    SOFTMAX("one_class", NORMAL, 0, false, 5, 1),
    SOFTMAX("classes_65", NORMAL, 1, false, 3, 65),
    SOFTMAX("classes_1000_rows_33", NORMAL, 0, false, 33, 1000),
    SOFTMAX("images", NORMAL, 0, false, 2, 3, 3, 7),
    SOFTMAX("one_axis", NORMAL, 1, false, 9),
    SOFTMAX("six_axes", NORMAL, 1, false, 2, 1, 3, 2, 2, 5),
    SOFTMAX_BACKWARD("ten_classes", true, 7, 10),
    SOFTMAX_BACKWARD("one_row_of_65", false, 1, 65),
    SOFTMAX_BACKWARD("images", false, 2, 3, 3, 7),
    LOG_SOFTMAX("ten_classes", NORMAL, 1, true, 7, 10),
    LOG_SOFTMAX("large_numbers", LARGE, 0, true, 33, 10),
    LOG_SOFTMAX("one_class", NORMAL, 0, false, 5, 1),
    LOG_SOFTMAX("classes_1000_rows_33", NORMAL, 0, false, 33, 1000),
    LOG_SOFTMAX("six_axes", NORMAL, 1, false, 2, 1, 3, 2, 2, 5),
    LOG_SOFTMAX_BACKWARD("ten_classes", true, 7, 10),
    LOG_SOFTMAX_BACKWARD("one_row_of_65", false, 1, 65),
    LOG_SOFTMAX_BACKWARD("images", false, 2, 3, 3, 7),
    CROSS_ENTROPY("ten_classes", NORMAL, 1, true, 8, 10),
    CROSS_ENTROPY("large_logits", LARGE, 0, true, 33, 10),
    CROSS_ENTROPY("ties", INTEGER, 0, false, 65, 10),
    CROSS_ENTROPY("one_row", NORMAL, 1, false, 1, 7),
    CROSS_ENTROPY("classes_1000", NORMAL, 0, false, 7, 1000),
    SMOOTHED(0.1f, "smoothing", NORMAL, 1, true, 8, 10),
    SMOOTHED(0.1f, "smoothing_large_logits", LARGE, 0, false, 33, 10),
    SMOOTHED(0.9f, "smoothing_two_classes", NORMAL, 1, false, 7, 2),
    SMOOTHED(0.3f, "smoothing_one_class", NORMAL, 0, false, 5, 1),
    SMOOTHED(0.1f, "smoothing_classes_1000", NORMAL, 0, false, 7, 1000),
    DROPOUT("quarter", 0.25f, 1, true, 7, 33),
    DROPOUT("half", 0.5f, 0, false, 2, 5, 5, 31),
    DROPOUT("half_of_one", 0.5f, 0, false, 1),
    DROPOUT("none", 0, 0, false, 7, 5),
    DROPOUT("many", 0.25f, 0, false, 65, 1031),
    DROPOUT_IN(STEP_PART, "second_part", 0.25f, 0, false, 4, 1030),
    DROPOUT_IN(STEP_PART, "second_part_of_uneven", 0.25f, 0, false, 5, 7, 3),
    {0},
};
