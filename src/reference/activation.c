#include <math.h>

#include "reference/reference.h"

static double sigmoid(double x) { return 1 / (1 + exp(-x)); }

static double normal_below(double x) { return 0.5 * erfc(-x * 0.70710678118654752); }

static double value(const dd__activate *a, double x) {
    switch ((dd__activation)a->kind) {
    case DD__LINEAR:
        return x;
    case DD__RELU:
        return x <= 0 ? 0 : x;
    case DD__LEAKY_RELU:
        return x > 0 ? x : (double)a->alpha * x;
    case DD__ELU:
        return x > 0 ? x : (double)a->alpha * expm1(x);
    case DD__SIGMOID:
        return sigmoid(x);
    case DD__TANH:
        return tanh(x);
    case DD__GELU:
        return x * normal_below(x);
    case DD__SWISH:
        return x * sigmoid(x);
    case DD__HARD_SWISH:
        return x <= -3 ? 0 : x >= 3 ? x : x * (x + 3) / 6;
    }
    return NAN;
}

static double slope(const dd__activate *a, double x) {
    switch ((dd__activation)a->kind) {
    case DD__LINEAR:
        return 1;
    case DD__RELU:
        return x <= 0 ? 0 : 1;
    case DD__LEAKY_RELU:
        return x > 0 ? 1 : (double)a->alpha;
    case DD__ELU:
        return x > 0 ? 1 : (double)a->alpha * exp(x);
    case DD__SIGMOID:
        return sigmoid(x) * (1 - sigmoid(x));
    case DD__TANH:
        return 1 - tanh(x) * tanh(x);
    case DD__GELU:
        return normal_below(x) + x * 0.39894228040143268 * exp(-0.5 * x * x);
    case DD__SWISH:
        return sigmoid(x) + x * sigmoid(x) * (1 - sigmoid(x));
    case DD__HARD_SWISH:
        return x < -3 ? 0 : x > 3 ? 1 : (2 * x + 3) / 6;
    }
    return NAN;
}

dd_status dd__reference_activation(const dd__node *node) {
    const float *x = dd__f32(node->in[0]);
    float *y = dd__f32(node->out[0]);
    size_t count = dd__dims_count(&node->out[0]->dims);
    for (size_t i = 0; i < count; i++) y[i] = (float)value(node->attributes, (double)x[i]);
    return DD_OK;
}

dd_status dd__reference_activation_backward(const dd__node *node) {
    const float *dy = dd__f32(node->in[0]), *x = dd__f32(node->in[1]);
    float *dx = dd__f32(node->out[0]);
    size_t count = dd__dims_count(&node->out[0]->dims);
    for (size_t i = 0; i < count; i++)
        dx[i] = (float)((double)dy[i] * slope(node->attributes, (double)x[i]));
    return DD_OK;
}
