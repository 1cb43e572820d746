#include "reference/reference.h"

/* The number of the matrix of x, aligned at the last axes with c's, that belongs to matrix z of c. */
static size_t matrix_of(const dd__dims *x, const dd__dims *c, size_t z) {
    size_t matrix = 0, step = 1;
    for (unsigned behind = 3; behind <= c->rank; behind++) {
        size_t extent = c->d[c->rank - behind];
        size_t own = behind <= x->rank ? x->d[x->rank - behind] : 1;
        if (own > 1) matrix += z % extent * step;
        step *= own;
        z /= extent;
    }
    return matrix;
}

dd_status dd__reference_matmul(const dd__node *node) {
    const dd__matmul *g = node->attributes;
    const dd__dims *ad = &node->in[0]->dims, *bd = &node->in[1]->dims, *cd = &node->out[0]->dims;
    size_t m = cd->d[cd->rank - 2], n = cd->d[cd->rank - 1];
    size_t k = ad->d[ad->rank - (g->transpose_a ? 2 : 1)], count = dd__dims_count(cd);
    for (size_t index = 0; index < count; index++) {
        size_t j = index % n, i = index / n % m, z = index / n / m;
        const float *a = dd__f32(node->in[0]) + matrix_of(ad, cd, z) * m * k;
        const float *b = dd__f32(node->in[1]) + matrix_of(bd, cd, z) * k * n;
        double sum = 0;
        for (size_t l = 0; l < k; l++)
            sum += (double)a[g->transpose_a ? l * m + i : i * k + l] *
                   (double)b[g->transpose_b ? j * k + l : l * n + j];
        dd__f32(node->out[0])[index] = (float)((double)g->alpha * sum);
    }
    return DD_OK;
}
