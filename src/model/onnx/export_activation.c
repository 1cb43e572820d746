/* Activations; those that operator set 13 lacks are written with what it has. */
#include <string.h>

#include "model/onnx/export.h"

static const struct {
    const char *kind, *op, *alpha, *beta; /* names of its attributes, where it has some */
} activations[] = {
    {"relu", "Relu", NULL, NULL},
    {"leaky_relu", "LeakyRelu", "alpha", NULL},
    {"elu", "Elu", "alpha", NULL},
    {"sigmoid", "Sigmoid", NULL, NULL},
    {"tanh", "Tanh", NULL, NULL},
    {"exp", "Exp", NULL, NULL},
    {"log", "Log", NULL, NULL},
    {"sqrt", "Sqrt", NULL, NULL},
    {"negate", "Neg", NULL, NULL},
    {"abs", "Abs", NULL, NULL},
    {"reciprocal", "Reciprocal", NULL, NULL},
    {"erf", "Erf", NULL, NULL},
    {"selu", "Selu", "alpha", "gamma"},
    {"hard_sigmoid", "HardSigmoid", "alpha", "beta"},
    {"softplus", "Softplus", NULL, NULL},
    {"softsign", "Softsign", NULL, NULL},
    {"floor", "Floor", NULL, NULL},
    {"ceil", "Ceil", NULL, NULL},
};

/* x sigmoid(x), or x hard_sigmoid(x) with a slope of 1/6. */
static dd_status gated(dd__export *e, const char *gate, const char *x, const char **out) {
    Onnx__NodeProto *node;
    DD_TRY(dd__export_node(e, gate, &x, 1, NULL, &node, out));
    if (strcmp(gate, "HardSigmoid") == 0) {
        DD_TRY(dd__export_float(e, node, "alpha", 1.0f / 6));
        DD_TRY(dd__export_float(e, node, "beta", 0.5f));
    }
    return dd__export_apply(e, "Mul", x, *out, out);
}

/* x (1 + f(u)) / 2: with f = erf, u = x / sqrt(2); or as often approximated, with f = tanh,
 * u = sqrt(2 / pi) (x + 0.044715 x^3). */
static dd_status gelu(dd__export *e, bool approximate, const char *x, const char **out) {
    const char *u = x;
    if (approximate) {
        DD_TRY(dd__export_apply_number(e, "Pow", x, 3, &u));
        DD_TRY(dd__export_apply_number(e, "Mul", u, 0.044715f, &u));
        DD_TRY(dd__export_apply(e, "Add", x, u, &u));
    }
    DD_TRY(dd__export_apply_number(e, "Mul", u, approximate ? 0.7978845608f : 0.7071067812f, &u));
    DD_TRY(dd__export_apply(e, approximate ? "Tanh" : "Erf", u, NULL, &u));
    DD_TRY(dd__export_apply_number(e, "Add", u, 1, &u));
    DD_TRY(dd__export_apply(e, "Mul", x, u, &u));
    return dd__export_apply_number(e, "Mul", u, 0.5f, out);
}

static dd_status clip(dd__export *e, const char *x, float low, float high, const char **out) {
    const char *in[3] = {x};
    DD_TRY(dd__export_number(e, low, &in[1]));
    DD_TRY(dd__export_number(e, high, &in[2]));
    return dd__export_node(e, "Clip", in, 3, NULL, NULL, out);
}

dd_status dd__export_activate(dd__export *e, const char *kind, const dd__activate *a, const char *x,
                              const char **out) {
    Onnx__NodeProto *node;
    *out = x;
    if (strcmp(kind, "linear") == 0) return DD_OK;
    if (strcmp(kind, "swish") == 0) return gated(e, "Sigmoid", x, out);
    if (strcmp(kind, "hard_swish") == 0) return gated(e, "HardSigmoid", x, out);
    if (strncmp(kind, "gelu", 4) == 0) return gelu(e, kind[4] != 0, x, out);
    if (strcmp(kind, "clip") == 0) return clip(e, x, a->alpha, a->beta, out);
    for (size_t i = 0; i < DD_COUNT(activations); i++) {
        if (strcmp(activations[i].kind, kind) != 0) continue;
        DD_TRY(dd__export_node(e, activations[i].op, &x, 1, NULL, &node, out));
        if (activations[i].alpha) DD_TRY(dd__export_float(e, node, activations[i].alpha, a->alpha));
        if (activations[i].beta) DD_TRY(dd__export_float(e, node, activations[i].beta, a->beta));
        return DD_OK;
    }
    return dd__fail(DD_FORMAT, "activation %s is not exported", kind);
}
