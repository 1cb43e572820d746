#include <math.h>

#include "reference/parts.h"

/* x is seen as (rows, C): element (r, c) is x[r * channels + c]. */
static size_t channels_of(const dd__value *x) { return x->dims.d[x->dims.rank - 1]; }
static size_t rows_of(const dd__value *x) { return dd__dims_count(&x->dims) / channels_of(x); }

dd_status dd__reference_batch_norm(const dd__node *node) {
    const dd__batch_norm *a = node->attributes;
    const float *x = dd__f32(node->in[0]), *gamma = dd__f32(node->in[1]);
    const float *beta = dd__f32(node->in[2]), *mean = dd__f32(node->in[3]);
    const float *variance = dd__f32(node->in[4]);
    size_t channels = channels_of(node->in[0]), count = dd__dims_count(&node->in[0]->dims);
    for (size_t i = 0; i < count; i++) {
        size_t c = i % channels;
        double deviation = sqrt((double)variance[c] + (double)a->epsilon);
        double y = ((double)x[i] - (double)mean[c]) / deviation * (double)gamma[c];
        dd__f32(node->out[0])[i] = (float)(y + (double)beta[c]);
    }
    return DD_OK;
}

double dd__norm_share(const dd__batch_norm *norm, const dd__step *step) {
    double momentum = (double)norm->momentum, parts = step->parts > 1 ? step->parts : 1;
    if (momentum >= 1) return 0;
    double fresh = (1 - momentum) / (1 - pow(momentum, (double)step->step + 1));
    return fresh / parts / (1 - fresh * (1 - (step->part + 1) / parts));
}

static double fresh_share(const dd__node *node) {
    const dd__batch_norm *norm = node->attributes;
    if (node->in_count < 6) return 1 - (double)norm->momentum;
    return dd__norm_share(norm, dd__buffer_host(node->in[5]->buffer));
}

/* Running values move towards the batch's mean and biased variance. */
static void blend(float *running, double share, double fresh) {
    *running = (float)((1 - share) * (double)*running + share * fresh);
}

dd_status dd__reference_batch_norm_training(const dd__node *node) {
    const dd__batch_norm *a = node->attributes;
    const float *x = dd__f32(node->in[0]), *gamma = dd__f32(node->in[1]);
    const float *beta = dd__f32(node->in[2]);
    float *y = dd__f32(node->out[0]);
    size_t channels = channels_of(node->in[0]), rows = rows_of(node->in[0]);
    double share = fresh_share(node);
    for (size_t c = 0; c < channels; c++) {
        double mean = 0, variance = 0;
        for (size_t r = 0; r < rows; r++) mean += (double)x[r * channels + c];
        mean /= (double)rows;
        for (size_t r = 0; r < rows; r++) {
            double d = (double)x[r * channels + c] - mean;
            variance += d * d;
        }
        variance /= (double)rows;
        double inverse = 1 / sqrt(variance + (double)a->epsilon);
        for (size_t r = 0; r < rows; r++) {
            double normal = ((double)x[r * channels + c] - mean) * inverse;
            y[r * channels + c] = (float)(normal * (double)gamma[c] + (double)beta[c]);
        }
        dd__f32(node->out[1])[c] = (float)mean;
        dd__f32(node->out[2])[c] = (float)inverse;
        blend(&dd__f32(node->in[3])[c], share, mean);
        blend(&dd__f32(node->in[4])[c], share, variance);
    }
    return DD_OK;
}

dd_status dd__reference_batch_norm_backward(const dd__node *node) {
    const float *dy = dd__f32(node->in[0]), *x = dd__f32(node->in[1]),
                *gamma = dd__f32(node->in[2]);
    const float *mean = dd__f32(node->in[3]), *inverse = dd__f32(node->in[4]);
    float *dx = dd__f32(node->out[0]);
    size_t channels = channels_of(node->in[1]), rows = rows_of(node->in[1]);
    for (size_t c = 0; c < channels; c++) {
        double m = (double)mean[c], scale = (double)inverse[c], dgamma = 0, dbeta = 0;
        for (size_t r = 0; r < rows; r++) {
            double d = (double)dy[r * channels + c];
            dbeta += d;
            dgamma += d * ((double)x[r * channels + c] - m) * scale;
        }
        for (size_t r = 0; r < rows; r++) {
            double normal = ((double)x[r * channels + c] - m) * scale;
            double d = (double)dy[r * channels + c] - (dbeta + normal * dgamma) / (double)rows;
            dx[r * channels + c] = (float)((double)gamma[c] * scale * d);
        }
        dd__f32(node->out[1])[c] = (float)dgamma;
        dd__f32(node->out[2])[c] = (float)dbeta;
    }
    return DD_OK;
}
