/* reduce, reduce_backward, normalize: element by element, each finding its place. */
#include <math.h>

#include "reference/reference.h"

/* The index of x's element i in a value of x's dims, but for `axes`, which have the extent 1. */
static size_t place_of(const dd__dims *x, const dd__dims *axes, size_t i) {
    bool over[DD__MAX_RANK] = {false};
    for (unsigned k = 0; k < axes->rank; k++) over[axes->d[k]] = true;
    size_t place = 0, step = 1;
    for (unsigned axis = x->rank; axis-- > 0; i /= x->d[axis]) {
        if (over[axis]) continue;
        place += i % x->d[axis] * step;
        step *= x->d[axis];
    }
    return place;
}

static double divisor_of(const dd__dims *x, const dd__dims *axes) {
    double count = 1;
    for (unsigned k = 0; k < axes->rank; k++) count *= x->d[axes->d[k]];
    return count;
}

static double join(int32_t kind, double a, double b) {
    if (kind == DD__REDUCE_MAX) return b > a || isnan(b) ? b : a;
    if (kind == DD__REDUCE_MIN) return b < a || isnan(b) ? b : a;
    return a + b;
}

dd_status dd__reference_reduce(const dd__node *node) {
    const dd__reduce *a = node->attributes;
    const dd__dims *x = &node->in[0]->dims;
    size_t places = dd__dims_count(&node->out[0]->dims), count = dd__dims_count(x);
    double *joined = dd__alloc(places, sizeof *joined);
    if (!joined) return dd__no_memory(places * sizeof *joined);
    double start = a->kind == DD__REDUCE_MAX ? -INFINITY : a->kind == DD__REDUCE_MIN ? INFINITY : 0;
    for (size_t p = 0; p < places; p++) joined[p] = start;
    for (size_t i = 0; i < count; i++) {
        double *here = &joined[place_of(x, &a->axes, i)];
        *here = join(a->kind, *here, (double)dd__f32(node->in[0])[i]);
    }
    double divisor = a->kind == DD__REDUCE_MEAN ? divisor_of(x, &a->axes) : 1;
    for (size_t p = 0; p < places; p++) dd__f32(node->out[0])[p] = (float)(joined[p] / divisor);
    dd__free(joined);
    return DD_OK;
}

dd_status dd__reference_reduce_backward(const dd__node *node) {
    const dd__reduce *a = node->attributes;
    double divisor = a->kind == DD__REDUCE_MEAN ? divisor_of(&a->result, &a->axes) : 1;
    size_t count = dd__dims_count(&a->result);
    for (size_t i = 0; i < count; i++) {
        double dy = (double)dd__f32(node->in[0])[place_of(&a->result, &a->axes, i)];
        dd__f32(node->out[0])[i] = (float)(dy / divisor);
    }
    return DD_OK;
}

dd_status dd__reference_normalize(const dd__node *node) {
    const dd__normalize *a = node->attributes;
    const dd__dims *dims = &node->in[0]->dims;
    const float *x = dd__f32(node->in[0]);
    size_t count = dd__dims_count(dims);
    double *sums = dd__alloc(2 * count, sizeof *sums); /* as many places as elements at most */
    if (!sums) return dd__no_memory(2 * count * sizeof *sums);
    double *mean = sums, *variance = sums + count, divisor = divisor_of(dims, &a->axes);
    for (size_t i = 0; i < 2 * count; i++) sums[i] = 0;
    for (size_t i = 0; i < count; i++) mean[place_of(dims, &a->axes, i)] += (double)x[i] / divisor;
    for (size_t i = 0; i < count; i++) {
        size_t p = place_of(dims, &a->axes, i);
        variance[p] += ((double)x[i] - mean[p]) * ((double)x[i] - mean[p]) / divisor;
    }
    for (size_t i = 0; i < count; i++) {
        size_t p = place_of(dims, &a->axes, i);
        dd__f32(node->out[0])[i] =
            (float)(((double)x[i] - mean[p]) / sqrt(variance[p] + (double)a->epsilon));
    }
    dd__free(sums);
    return DD_OK;
}
