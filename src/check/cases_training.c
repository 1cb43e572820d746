/* What surrounds the network in a training step: batches, metrics, optimizers. */
#include "check/check.h"

#define RATE(title, when, up, down, from, to, in_quick)                                     \
    {                                                                                       \
        .op = "learning_rate", .name = title,                                               \
        .attributes =                                                                       \
            &(const dd__learning_rate){.rise = up, .fall = down, .start = from, .end = to}, \
        .in = {DD__IN(when, DD__STEP_WORDS)}, .quick = in_quick                             \
    }
#define SGD(title, momentum_, moment, in_quick, n)                                          \
    {                                                                                       \
        .op = "sgd", .name = title, .attributes = &(const dd__sgd){.momentum = momentum_},  \
        .in = {DD__IN(NORMAL, n), DD__IN(NORMAL, n), moment, DD__IN(STEP, DD__STEP_WORDS)}, \
        .tolerance = 1e-6, .why = "a few roundings of numbers near 1", .runs = 3,           \
        .quick = in_quick                                                                   \
    }
#define ADAM(title, moments, steps, in_quick, n)                                             \
    {                                                                                        \
        .op = "adam", .name = title,                                                         \
        .attributes = &(const dd__adam){.beta1 = 0.9f, .beta2 = 0.999f, .epsilon = 1e-7f},   \
        .in = {DD__IN(NORMAL, n), DD__IN(NORMAL, n), DD__IN(moments, n), DD__IN(moments, n), \
               DD__IN(STEP, DD__STEP_WORDS)},                                                \
        .tolerance = 2e-6,                                                                   \
        .why = "1 - beta^t in f32 is off by 3e-5 of itself: of a step of 0.01, 3e-7 a step", \
        .runs = steps, .quick = in_quick                                                     \
    }
#define DECAY(title, in_quick, n)                                                   \
    {                                                                               \
        .op = "weight_decay", .name = title,                                        \
        .attributes = &(const dd__weight_decay){.decay = 0.1f},                     \
        .in = {DD__IN(NORMAL, n), DD__IN(STEP, DD__STEP_WORDS)}, .tolerance = 1e-6, \
        .why = "a few roundings of numbers near 1", .runs = 2, .quick = in_quick    \
    }
#define AVERAGE(title, decay_, when, in_quick, n)                                            \
    {                                                                                        \
        .op = "average", .name = title, .attributes = &(const dd__average){.decay = decay_}, \
        .in = {DD__IN(NORMAL, n), DD__IN(NORMAL, n), DD__IN(when, DD__STEP_WORDS)},          \
        .tolerance = 1e-6, .why = "a few roundings", .runs = 2, .quick = in_quick            \
    }
/* scale and shift are powers of two: every order of rounding is exact. */
#define GATHER(title, batch_, shuffle_, when, in_quick, count, ...)                              \
    {                                                                                            \
        .op = "gather", .name = title,                                                           \
        .attributes =                                                                            \
            &(const dd__gather){                                                                 \
                .batch = batch_, .shuffle = shuffle_, .scale = {0.00390625f}, .shift = {-0.5f}}, \
        .in = {DD__IN(PIXELS, count, __VA_ARGS__), DD__IN(CLASSES, count),                       \
               DD__IN(when, DD__STEP_WORDS)},                                                    \
        .quick = in_quick                                                                        \
    }
/* Sines of float angles move a pixel's place by 1e-5 of itself, and it is worth up to 256 * scale a
 * place. */
#define WARP(title, batch_, when, in_quick, turn, lean, side, count, ...)             \
    {                                                                                 \
        .op = "gather", .name = title,                                                \
        .attributes = &(const dd__gather){.batch = batch_,                            \
                                          .shuffle = true,                            \
                                          .scale = {0.00390625f},                     \
                                          .shift = {-0.5f},                           \
                                          .augment = {.rotation = turn,               \
                                                      .shear = lean,                  \
                                                      .width = side,                  \
                                                      .height = side,                 \
                                                      .zoom = side}},                 \
        .in = {DD__IN(PIXELS, count, __VA_ARGS__), DD__IN(CLASSES, count),            \
               DD__IN(when, DD__STEP_WORDS)},                                         \
        .tolerance = 2e-4, .why = "places in f32, between pixels as unlike as noise", \
        .quick = in_quick                                                             \
    }
/* What else may change, by name; the erased square's edge may fall on a pixel's centre, but does
 * not here. */
#define CHANGE(title, batch_, in_quick, count, rows, columns, channels_, ...)           \
    {                                                                                   \
        .op = "gather", .name = title,                                                  \
        .attributes = &(const dd__gather){.batch = batch_,                              \
                                          .shuffle = true,                              \
                                          .scale = {0.00390625f},                       \
                                          .shift = {-0.5f},                             \
                                          .augment = {__VA_ARGS__}},                    \
        .in = {DD__IN(PIXELS, count, rows, columns, channels_), DD__IN(CLASSES, count), \
               DD__IN(STEP, DD__STEP_WORDS)},                                           \
        .tolerance = 2e-4, .why = "places in f32, between pixels as unlike as noise",   \
        .quick = in_quick                                                               \
    }
#define ACCUMULATE(title, when, in_quick, n)                                                     \
    {                                                                                            \
        .op = "accumulate", .name = title,                                                       \
        .in = {DD__IN(INTEGER, n), DD__IN(INTEGER, n), DD__IN(when, DD__STEP_WORDS)}, .runs = 2, \
        .quick = in_quick                                                                        \
    }
/* Each channel with a scale and a shift of its own, all exact. */
#define GATHER_BY_CHANNEL(title, in_quick, turn, batch_, count, ...)                   \
    {                                                                                  \
        .op = "gather", .name = title,                                                 \
        .attributes = &(const dd__gather){.batch = batch_,                             \
                                          .shuffle = true,                             \
                                          .channels = 3,                               \
                                          .scale = {0.00390625f, -0.5f, 2},            \
                                          .shift = {-0.5f, 0.25f, 8},                  \
                                          .augment = {.rotation = turn}},              \
        .in = {DD__IN(PIXELS, count, __VA_ARGS__), DD__IN(CLASSES, count),             \
               DD__IN(STEP, DD__STEP_WORDS)},                                          \
        .tolerance = (turn) > 0 ? 2e-4 : 0,                                            \
        .why = (turn) > 0 ? "places in f32, between pixels as unlike as noise" : NULL, \
        .quick = in_quick                                                              \
    }
#define METRICS(title, in_quick, n)                                                            \
    {                                                                                          \
        .op = "metrics", .name = title,                                                        \
        .in = {DD__IN(INTEGER, n), DD__IN(INTEGER, n), DD__IN(LABELS, n), DD__IN(INTEGER, 4)}, \
        .runs = 3, .quick = in_quick                                                           \
    }

const dd__case dd__cases_training[] = {
    /* shares that are exact: halves and quarters, cosines of a quarter and of half a turn */
    RATE("rises", STEP, 2, 0, 0.25f, 0, true),
    RATE("stays", STEP_END, 2, 0, 0.25f, 0, false),
    RATE("half_way_down", STEP_END, 1, 2, 0.5f, 0.25f, true),
    RATE("beyond_the_end", STEP_END, 0, 1, 0, 0.125f, false),
    SGD("no_momentum", 0, DD__ABSENT, false, 33),
    SGD("momentum", 0.9f, DD__IN(NORMAL, 65), false, 65),
    SGD("momentum_from_zero", 0.9f, DD__IN(ZEROS, 4099), true, 4099),
    SGD("one", 0.5f, DD__IN(ZEROS, 1), false, 1),
    ADAM("four_steps_from_zero", ZEROS, 4, true, 4099),
    ADAM("moments_under_way", POSITIVE, 3, false, 33),
    ADAM("one", ZEROS, 1, false, 1),
    DECAY("matrix", true, 4099),
    DECAY("one", false, 1),
    AVERAGE("of_the_first_steps", 0.999f, STEP, true, 4099),
    AVERAGE("of_the_last_steps", 0.125f, STEP, false, 33),
    AVERAGE("one", 0, STEP_END, false, 1),

    GATHER("in_order", 4, false, STEP, false, 9, 7, 7, 1),
    GATHER("shuffled", 7, true, STEP, true, 31, 5, 3, 3),
    GATHER("shuffled_65_of_1000", 65, true, STEP, false, 1000, 28, 1),
    GATHER("beyond_the_end", 8, false, STEP_END, false, 33, 28, 28, 1),
    GATHER("shuffled_beyond_the_end", 8, true, STEP_END, false, 33, 7, 7, 3),
    GATHER("shuffled_64_of_64", 64, true, STEP, false, 64, 3, 3, 1),
    GATHER("one_image", 1, true, STEP, false, 1, 1, 1, 1),
    GATHER_BY_CHANNEL("by_channel", true, 0, 5, 9, 7, 9, 3),
    GATHER_BY_CHANNEL("by_channel_augmented", false, 30, 5, 9, 7, 9, 3),
    WARP("augmented_digits", 33, STEP, true, 10, 0.2f, 0.1f, 40, 28, 28, 1),
    WARP("augmented_colour", 5, STEP, false, 180, 20, 0.4f, 9, 13, 31, 3),
    WARP("augmented_beyond_the_end", 8, STEP_END, false, 10, 0.2f, 0.1f, 33, 7, 7, 1),
    WARP("augmented_shift_alone", 8, STEP, false, 0, 0, 0.5f, 9, 5, 9, 2),
    WARP("augmented_one_pixel", 3, STEP, false, 30, 5, 0.1f, 3, 1, 1, 1),
    CHANGE("elastic", 8, true, 9, 28, 28, 1, .elastic = 2),
    CHANGE("elastic_colour", 3, false, 5, 7, 11, 3, .elastic = 1, .rotation = 15),
    CHANGE("elastic_one_row", 3, false, 5, 1, 9, 1, .elastic = 1),
    CHANGE("thickness", 8, true, 9, 12, 12, 1, .thickness = 1),
    CHANGE("blur", 8, false, 9, 12, 9, 2, .blur = 1),
    CHANGE("contrast", 8, true, 9, 5, 5, 1, .contrast = 0.9f, .background = 0.9f),
    CHANGE("erase", 8, true, 9, 28, 28, 1, .erase = 0.5f),
    CHANGE("all_changes", 8, false, 9, 28, 28, 1, .rotation = 12, .shear = 8, .width = 0.1f,
           .height = 0.1f, .zoom = 0.15f, .elastic = 1, .thickness = 0.5f, .blur = 0.5f,
           .contrast = 0.3f, .background = 0.2f, .erase = 0.2f),
    {.op = "advance",
     .name = "three_steps",
     .attributes = &(const dd__gather){.batch = 7},
     .in = {DD__IN(STEP, DD__STEP_WORDS)},
     .runs = 3,
     .quick = true},
    {.op = "next_part",
     .name = "three_parts",
     .attributes = &(const dd__gather){.batch = 7},
     .in = {DD__IN(STEP_PART, DD__STEP_WORDS)},
     .runs = 3,
     .quick = true},
    ACCUMULATE("first_part", STEP, false, 33),
    ACCUMULATE("second_part", STEP_PART, true, 4099),
    ACCUMULATE("one", STEP_PART, false, 1),
    METRICS("batch_1", false, 1),
    METRICS("batch_33", false, 33),
    METRICS("batch_1000", true, 1000),
    {0},
};
