#include <math.h>

#include "reference/reference.h"

static double sigmoid(double x) { return 1 / (1 + exp(-x)); }

static double normal_below(double x) { return 0.5 * erfc(-x * 0.70710678118654752); }

/* NaN stays NaN. */
static double clipped(double x, double least, double most) {
    double y = x < least ? least : x;
    return y > most ? most : y;
}

/* That of gelu's approximation. */
static double normal_about(double x) {
    return sigmoid(1.5957691216057308 * (x + 0.044715 * x * x * x));
}

static double value(const dd__activate *a, double x) {
    double alpha = (double)a->alpha, beta = (double)a->beta;
    switch ((dd__activation)a->kind) {
    case DD__LINEAR:
        return x;
    case DD__RELU:
        return x <= 0 ? 0 : x;
    case DD__LEAKY_RELU:
        return x > 0 ? x : alpha * x;
    case DD__ELU:
        return x > 0 ? x : alpha * expm1(x);
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
    case DD__EXP:
        return exp(x);
    case DD__LOG:
        return log(x);
    case DD__SQRT:
        return sqrt(x);
    case DD__NEGATE:
        return -x;
    case DD__ABS:
        return fabs(x);
    case DD__RECIPROCAL:
        return 1 / x;
    case DD__ERF:
        return erf(x);
    case DD__SELU:
        return beta * (x > 0 ? x : alpha * expm1(x));
    case DD__HARD_SIGMOID:
        return clipped(alpha * x + beta, 0, 1);
    case DD__CLIP:
        return clipped(x, alpha, beta);
    case DD__SOFTPLUS:
        return (x > 0 ? x : 0) + log1p(exp(-fabs(x)));
    case DD__SOFTSIGN:
        return x / (1 + fabs(x));
    case DD__FLOOR:
        return floor(x);
    case DD__CEIL:
        return ceil(x);
    case DD__GELU_TANH:
        return x * normal_about(x);
    }
    return NAN;
}

static double slope(const dd__activate *a, double x) {
    double alpha = (double)a->alpha, beta = (double)a->beta;
    switch ((dd__activation)a->kind) {
    case DD__LINEAR:
        return 1;
    case DD__RELU:
        return x <= 0 ? 0 : 1;
    case DD__LEAKY_RELU:
        return x > 0 ? 1 : alpha;
    case DD__ELU:
        return x > 0 ? 1 : alpha * exp(x);
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
    case DD__EXP:
        return exp(x);
    case DD__LOG:
        return 1 / x;
    case DD__SQRT:
        return 0.5 / sqrt(x);
    case DD__NEGATE:
        return -1;
    case DD__ABS:
        return x > 0 ? 1 : x < 0 ? -1 : 0;
    case DD__RECIPROCAL:
        return -1 / (x * x);
    case DD__ERF:
        return 1.1283791670955126 * exp(-x * x);
    case DD__SELU:
        return beta * (x > 0 ? 1 : alpha * exp(x));
    case DD__HARD_SIGMOID:
        return alpha * x + beta > 0 && alpha * x + beta < 1 ? alpha : 0;
    case DD__CLIP:
        return x > alpha && x < beta ? 1 : 0;
    case DD__SOFTPLUS:
        return sigmoid(x);
    case DD__SOFTSIGN:
        return 1 / ((1 + fabs(x)) * (1 + fabs(x)));
    case DD__FLOOR:
    case DD__CEIL:
        return 0;
    case DD__GELU_TANH:
        return normal_about(x) + x * normal_about(x) * (1 - normal_about(x)) * 1.5957691216057308 *
                                     (1 + 3 * 0.044715 * x * x);
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
