#include <math.h>

#include "reference/reference.h"

/* Values are seen as (rows, C). */
static size_t channels_of(const dd__value *x) { return x->dims.d[x->dims.rank - 1]; }
static size_t rows_of(const dd__value *x) { return dd__dims_count(&x->dims) / channels_of(x); }

/* log sum exp of one row; NaN when one of it is NaN. */
static double log_sum_exp(const float *x, size_t channels) {
    double m = (double)x[0], sum = 0;
    for (size_t c = 1; c < channels; c++) m = (double)x[c] > m ? (double)x[c] : m;
    for (size_t c = 0; c < channels; c++) sum += exp((double)x[c] - m);
    return m + log(sum);
}

dd_status dd__reference_softmax(const dd__node *node) {
    size_t channels = channels_of(node->in[0]), rows = rows_of(node->in[0]);
    for (size_t n = 0; n < rows; n++) {
        const float *x = dd__f32(node->in[0]) + n * channels;
        double total = log_sum_exp(x, channels);
        for (size_t c = 0; c < channels; c++)
            dd__f32(node->out[0])[n * channels + c] = (float)exp((double)x[c] - total);
    }
    return DD_OK;
}

dd_status dd__reference_softmax_backward(const dd__node *node) {
    size_t channels = channels_of(node->in[0]), rows = rows_of(node->in[0]);
    for (size_t n = 0; n < rows; n++) {
        const float *dy = dd__f32(node->in[0]) + n * channels;
        const float *y = dd__f32(node->in[1]) + n * channels;
        double dot = 0;
        for (size_t c = 0; c < channels; c++) dot += (double)dy[c] * (double)y[c];
        for (size_t c = 0; c < channels; c++)
            dd__f32(node->out[0])[n * channels + c] = (float)((double)y[c] * ((double)dy[c] - dot));
    }
    return DD_OK;
}

dd_status dd__reference_log_softmax(const dd__node *node) {
    size_t channels = channels_of(node->in[0]), rows = rows_of(node->in[0]);
    for (size_t n = 0; n < rows; n++) {
        const float *x = dd__f32(node->in[0]) + n * channels;
        double total = log_sum_exp(x, channels);
        for (size_t c = 0; c < channels; c++)
            dd__f32(node->out[0])[n * channels + c] = (float)((double)x[c] - total);
    }
    return DD_OK;
}

dd_status dd__reference_log_softmax_backward(const dd__node *node) {
    size_t channels = channels_of(node->in[0]), rows = rows_of(node->in[0]);
    for (size_t n = 0; n < rows; n++) {
        const float *dy = dd__f32(node->in[0]) + n * channels;
        const float *y = dd__f32(node->in[1]) + n * channels;
        double sum = 0;
        for (size_t c = 0; c < channels; c++) sum += (double)dy[c];
        for (size_t c = 0; c < channels; c++)
            dd__f32(node->out[0])[n * channels + c] =
                (float)((double)dy[c] - exp((double)y[c]) * sum);
    }
    return DD_OK;
}

static size_t first_largest(const float *x, size_t channels) {
    size_t best = 0;
    for (size_t c = 0; c < channels; c++) {
        if (isnan(x[c])) return channels; /* no winner */
        if (x[c] > x[best]) best = c;
    }
    return best;
}

/* The label of example n; `channels` when it is not counted. */
static size_t label_of(const dd__node *node, size_t n, size_t channels) {
    int32_t label = dd__i32(node->in[1])[n];
    return label >= 0 && (size_t)label < channels ? (size_t)label : channels;
}

static double smoothing_of(const dd__node *node) {
    const dd__cross_entropy *attributes = node->attributes;
    return (double)attributes->smoothing;
}

static double mean(const float *x, size_t channels) {
    double sum = 0;
    for (size_t c = 0; c < channels; c++) sum += (double)x[c];
    return sum / (double)channels;
}

dd_status dd__reference_cross_entropy(const dd__node *node) {
    size_t channels = channels_of(node->in[0]), rows = rows_of(node->in[0]);
    double smoothing = smoothing_of(node);
    for (size_t n = 0; n < rows; n++) {
        const float *x = dd__f32(node->in[0]) + n * channels;
        size_t label = label_of(node, n, channels);
        bool counted = label < channels;
        double total = log_sum_exp(x, channels);
        double loss = counted ? (1 - smoothing) * (total - (double)x[label]) : 0;
        if (counted && smoothing > 0) loss += smoothing * (total - mean(x, channels));
        dd__f32(node->out[0])[n] = (float)loss;
        dd__f32(node->out[1])[n] = counted && first_largest(x, channels) == label;
    }
    return DD_OK;
}

dd_status dd__reference_cross_entropy_backward(const dd__node *node) {
    size_t channels = channels_of(node->in[0]), rows = rows_of(node->in[0]);
    double smoothing = smoothing_of(node);
    for (size_t n = 0; n < rows; n++) {
        const float *x = dd__f32(node->in[0]) + n * channels;
        float *dx = dd__f32(node->out[0]) + n * channels;
        size_t label = label_of(node, n, channels);
        double total = log_sum_exp(x, channels), dloss = (double)dd__f32(node->in[2])[n];
        for (size_t c = 0; c < channels; c++) {
            double target = (c == label ? 1 - smoothing : 0) + smoothing / (double)channels;
            double d = exp((double)x[c] - total) - target;
            dx[c] = label < channels ? (float)(d * dloss) : 0;
        }
    }
    return DD_OK;
}
