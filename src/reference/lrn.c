#include <math.h>

#include "reference/reference.h"

static double squares_around(const dd__lrn *a, const float *x, int64_t c, int64_t channels) {
    int64_t first = c - (a->size - 1) / 2, last = c + a->size / 2;
    double sum = 0;
    for (int64_t j = first > 0 ? first : 0; j <= last && j < channels; j++)
        sum += (double)x[j] * (double)x[j];
    return sum;
}

dd_status dd__reference_lrn(const dd__node *node) {
    const dd__lrn *a = node->attributes;
    const dd__dims *dims = &node->in[0]->dims;
    size_t channels = dims->d[dims->rank - 1], count = dd__dims_count(dims);
    for (size_t i = 0; i < count; i++) {
        size_t c = i % channels;
        const float *row = dd__f32(node->in[0]) + (i - c);
        double squares = squares_around(a, row, (int64_t)c, (int64_t)channels);
        double base = (double)a->bias + (double)a->alpha / a->size * squares;
        dd__f32(node->out[0])[i] = (float)((double)row[c] / pow(base, (double)a->beta));
    }
    return DD_OK;
}
