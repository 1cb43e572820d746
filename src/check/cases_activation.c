/* Activations, whose functions a device computes to a few units in the last place. */
#include "check/check.h"

#define WHY "exp, tanh and erf within 16 units in the last place (OpenCL 1.2, 7.4), then a product"
#define FORWARD(title, kind_, input, differences, ...)                                             \
    {                                                                                              \
        .op = "activation", .name = title,                                                         \
        .attributes = &(const dd__activate){.kind = kind_, .alpha = 0.3f},                         \
        .in = {DD__IN(input, __VA_ARGS__)}, .tolerance = 1e-5, .why = WHY, .gradient = differences \
    }
#define BACKWARD(title, kind_, input, ...)                                                  \
    {                                                                                       \
        .op = "activation_backward", .name = title,                                         \
        .attributes = &(const dd__activate){.kind = kind_, .alpha = 0.3f},                  \
        .in = {DD__IN(NORMAL, __VA_ARGS__), DD__IN(input, __VA_ARGS__)}, .tolerance = 1e-5, \
        .why = WHY                                                                          \
    }
#define KIND(name, kind)                                                                  \
    FORWARD(name, kind, DISTINCT, 1, 11, 31), FORWARD(name "_large", kind, LARGE, 0, 65), \
        BACKWARD(name, kind, DISTINCT, 11, 31), BACKWARD(name "_large", kind, LARGE, 65)

const dd__case dd__cases_activation[] = {
    {.op = "activation",
     .name = "relu_is_exact",
     .attributes = &(const dd__activate){.kind = DD__RELU},
     .in = {DD__IN(INTEGER, 33, 65)},
     .quick = true},
    {.op = "activation_backward",
     .name = "relu_is_exact",
     .attributes = &(const dd__activate){.kind = DD__RELU},
     .in = {DD__IN(INTEGER, 33, 65), DD__IN(INTEGER, 33, 65)},
     .quick = true},
    {.op = "activation",
     .name = "relu_of_one",
     .attributes = &(const dd__activate){.kind = DD__RELU},
     .in = {DD__IN(INTEGER, 1)}},
    {.op = "activation",
     .name = "relu_of_many",
     .attributes = &(const dd__activate){.kind = DD__RELU},
     .in = {DD__IN(INTEGER, 7, 4099)}},
    {.op = "activation",
     .name = "linear",
     .attributes = &(const dd__activate){.kind = DD__LINEAR},
     .in = {DD__IN(INTEGER, 7, 5)},
     .gradient = 1},
    KIND("relu", DD__RELU),
    KIND("leaky_relu", DD__LEAKY_RELU),
    KIND("elu", DD__ELU),
    KIND("sigmoid", DD__SIGMOID),
    KIND("tanh", DD__TANH),
    KIND("gelu", DD__GELU),
    KIND("swish", DD__SWISH),
    KIND("hard_swish", DD__HARD_SWISH),
    {0},
};
