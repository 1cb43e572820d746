#include <math.h>

#include "reference/reference.h"

static const dd__step *step_of(const dd__value *value) { return dd__buffer_host(value->buffer); }

dd_status dd__reference_learning_rate(const dd__node *node) {
    const dd__learning_rate *rate = node->attributes;
    dd__step *step = dd__buffer_host(node->in[0]->buffer);
    double s = step->step, start = (double)rate->start, end = (double)rate->end, share = 1;
    if (s < rate->rise)
        share = start + (1 - start) * (s + 1) / rate->rise;
    else if (rate->fall > 0)
        share = end + (1 - end) * (1 + cos(acos(-1) * fmin((s - rate->rise) / rate->fall, 1))) / 2;
    step->learning_rate = (float)((double)step->base_rate * share);
    return DD_OK;
}

dd_status dd__reference_sgd(const dd__node *node) {
    const dd__sgd *sgd = node->attributes;
    float *p = dd__f32(node->in[0]), *v = node->in[2] ? dd__f32(node->in[2]) : NULL;
    const float *g = dd__f32(node->in[1]);
    double rate = (double)step_of(node->in[3])->learning_rate, momentum = (double)sgd->momentum;
    size_t count = dd__dims_count(&node->in[0]->dims);
    for (size_t i = 0; i < count; i++) {
        double update = (double)g[i];
        if (v && momentum != 0) {
            update += momentum * (double)v[i];
            v[i] = (float)update;
        }
        p[i] = (float)((double)p[i] - rate * update);
    }
    return DD_OK;
}

dd_status dd__reference_adam(const dd__node *node) {
    const dd__adam *adam = node->attributes;
    float *p = dd__f32(node->in[0]), *m = dd__f32(node->in[2]), *v = dd__f32(node->in[3]);
    const float *g = dd__f32(node->in[1]);
    const dd__step *step = step_of(node->in[4]);
    double beta1 = (double)adam->beta1, beta2 = (double)adam->beta2, t = (double)step->step + 1;
    double rate = (double)step->learning_rate * sqrt(1 - pow(beta2, t)) / (1 - pow(beta1, t));
    size_t count = dd__dims_count(&node->in[0]->dims);
    for (size_t i = 0; i < count; i++) {
        double gradient = (double)g[i];
        double first = beta1 * (double)m[i] + (1 - beta1) * gradient;
        double second = beta2 * (double)v[i] + (1 - beta2) * gradient * gradient;
        m[i] = (float)first;
        v[i] = (float)second;
        p[i] = (float)((double)p[i] - rate * first / (sqrt(second) + (double)adam->epsilon));
    }
    return DD_OK;
}

dd_status dd__reference_weight_decay(const dd__node *node) {
    const dd__weight_decay *attributes = node->attributes;
    float *p = dd__f32(node->in[0]);
    double rate = (double)step_of(node->in[1])->learning_rate;
    size_t count = dd__dims_count(&node->in[0]->dims);
    for (size_t i = 0; i < count; i++)
        p[i] = (float)((double)p[i] * (1 - rate * (double)attributes->decay));
    return DD_OK;
}

dd_status dd__reference_average(const dd__node *node) {
    const dd__average *attributes = node->attributes;
    float *a = dd__f32(node->in[0]);
    const float *p = dd__f32(node->in[1]);
    double s = step_of(node->in[2])->step,
           share = 1 - fmin((double)attributes->decay, s / (s + 10));
    size_t count = dd__dims_count(&node->in[0]->dims);
    for (size_t i = 0; i < count; i++)
        a[i] = (float)((double)a[i] + share * ((double)p[i] - (double)a[i]));
    return DD_OK;
}
