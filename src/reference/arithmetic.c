#include <math.h>

#include "reference/reference.h"

static double value(int32_t kind, double a, double b) {
    switch ((dd__arithmetic_kind)kind) {
    case DD__ADD:
        return a + b;
    case DD__SUBTRACT:
        return a - b;
    case DD__MULTIPLY:
        return a * b;
    case DD__DIVIDE:
        return a / b;
    case DD__POWER:
        return pow(a, b);
    case DD__MINIMUM:
        return a <= b || isnan(a) ? a : b;
    case DD__MAXIMUM:
        return a >= b || isnan(a) ? a : b;
    case DD__PRELU:
        return a > 0 ? a : a * b;
    }
    return NAN;
}

/* The derivative by a. */
static double slope_a(int32_t kind, double a, double b) {
    switch ((dd__arithmetic_kind)kind) {
    case DD__ADD:
    case DD__SUBTRACT:
        return 1;
    case DD__MULTIPLY:
        return b;
    case DD__DIVIDE:
        return 1 / b;
    case DD__POWER:
        return b * pow(a, b - 1);
    case DD__MINIMUM:
        return a <= b ? 1 : 0;
    case DD__MAXIMUM:
        return a >= b ? 1 : 0;
    case DD__PRELU:
        return a > 0 ? 1 : b;
    }
    return NAN;
}

static double slope_b(int32_t kind, double a, double b) {
    switch ((dd__arithmetic_kind)kind) {
    case DD__ADD:
        return 1;
    case DD__SUBTRACT:
        return -1;
    case DD__MULTIPLY:
        return a;
    case DD__DIVIDE:
        return -a / (b * b);
    case DD__POWER:
        return pow(a, b) * log(a);
    case DD__MINIMUM:
        return a <= b ? 0 : 1;
    case DD__MAXIMUM:
        return a >= b ? 0 : 1;
    case DD__PRELU:
        return a > 0 ? 0 : a;
    }
    return NAN;
}

/* What element i of y is made from: x's axes are y's last ones, or have one element. */
static double element(const dd__value *x, const dd__value *y, size_t i) {
    size_t from = 0, step = 1;
    for (unsigned k = y->dims.rank, own = x->dims.rank; own-- > 0; i /= y->dims.d[k]) {
        k--;
        if (x->dims.d[own] > 1) from += i % y->dims.d[k] * step;
        step *= x->dims.d[own];
    }
    return (double)dd__f32(x)[from];
}

dd_status dd__reference_arithmetic(const dd__node *node) {
    const dd__arithmetic *op = node->attributes;
    const dd__value *y = node->out[0];
    size_t count = dd__dims_count(&y->dims);
    for (size_t i = 0; i < count; i++)
        dd__f32(y)[i] =
            (float)value(op->kind, element(node->in[0], y, i), element(node->in[1], y, i));
    return DD_OK;
}

dd_status dd__reference_arithmetic_backward(const dd__node *node) {
    const dd__arithmetic *op = node->attributes;
    const dd__value *y = node->out[0];
    size_t count = dd__dims_count(&y->dims);
    for (size_t i = 0; i < count; i++) {
        double a = element(node->in[1], y, i), b = element(node->in[2], y, i);
        double slope = op->by ? slope_b(op->kind, a, b) : slope_a(op->kind, a, b);
        dd__f32(y)[i] = (float)((double)dd__f32(node->in[0])[i] * slope);
    }
    return DD_OK;
}
