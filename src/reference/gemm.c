#include "reference/reference.h"

dd_status dd__reference_gemm(const dd__node *node) {
    const dd__gemm *g = node->attributes;
    const dd__dims *ad = &node->in[0]->dims, *bd = &node->in[1]->dims;
    const float *a = dd__f32(node->in[0]), *b = dd__f32(node->in[1]);
    const float *bias = node->in_count > 2 && node->in[2] ? dd__f32(node->in[2]) : NULL;
    size_t m = node->out[0]->dims.d[0], n = node->out[0]->dims.d[1];
    size_t k = g->transpose_a ? ad->d[0] : ad->d[1];
    float *c = dd__f32(node->out[0]);
    for (size_t i = 0; i < m; i++) {
        for (size_t j = 0; j < n; j++) {
            double sum = 0;
            for (size_t l = 0; l < k; l++)
                sum += (double)a[g->transpose_a ? l * ad->d[1] + i : i * ad->d[1] + l] *
                       (double)b[g->transpose_b ? j * bd->d[1] + l : l * bd->d[1] + j];
            if (bias) sum += (double)bias[j];
            if (g->activation == DD__RELU && sum < 0) sum = 0;
            c[i * n + j] = (float)sum;
        }
    }
    return DD_OK;
}
