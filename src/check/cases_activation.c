/* Activations, whose functions a device computes to a few units in the last place. */
#include "check/check.h"

#define WHY "exp, tanh and erf within 16 units in the last place (OpenCL 1.2, 7.4), then a product"
#define FORWARD(title, kind_, input, differences, ...)                                             \
    {                                                                                              \
        .op = "activation", .name = title,                                                         \
        .attributes = &(const dd__activate){.kind = kind_, .alpha = 0.4f, .beta = 0.6f},           \
        .in = {DD__IN(input, __VA_ARGS__)}, .tolerance = 1e-5, .why = WHY, .gradient = differences \
    }
#define BACKWARD(title, kind_, input, ...)                                                  \
    {                                                                                       \
        .op = "activation_backward", .name = title,                                         \
        .attributes = &(const dd__activate){.kind = kind_, .alpha = 0.4f, .beta = 0.6f},    \
        .in = {DD__IN(NORMAL, __VA_ARGS__), DD__IN(input, __VA_ARGS__)}, .tolerance = 1e-5, \
        .why = WHY                                                                          \
    }
/* Of x of that kind; exp has no large ones, log and sqrt no negative ones. */
#define KIND_OF(name, kind, input) \
    FORWARD(name, kind, input, 1, 11, 31), BACKWARD(name, kind, input, 11, 31)
#define KIND(name, kind)                                                       \
    KIND_OF(name, kind, DISTINCT), FORWARD(name "_large", kind, LARGE, 0, 65), \
        BACKWARD(name "_large", kind, LARGE, 65)

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
    KIND_OF("exp", DD__EXP, DISTINCT),
    KIND_OF("log", DD__LOG, POSITIVE),
    KIND_OF("sqrt", DD__SQRT, POSITIVE),
    KIND("negate", DD__NEGATE),
    KIND("abs", DD__ABS),
    KIND_OF("reciprocal", DD__RECIPROCAL, POSITIVE),
    KIND("erf", DD__ERF),
    KIND("selu", DD__SELU),
    KIND("hard_sigmoid", DD__HARD_SIGMOID),
    KIND("clip", DD__CLIP),
    KIND("softplus", DD__SOFTPLUS),
    KIND("softsign", DD__SOFTSIGN),
    KIND("floor", DD__FLOOR),
    KIND("ceil", DD__CEIL),
    KIND("gelu_tanh", DD__GELU_TANH),
    {0},
};
