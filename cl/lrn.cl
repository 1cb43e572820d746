/* lrn.cl: local response normalisation across channels.
 *
 *   y[n, c] = x[n, c] / (bias + factor * sum of x[n, j]^2)^beta, j from max(0, c - below) to
 *   min(C - 1, c + above)
 *
 * x, y (rows, C). factor is alpha / size, below (size - 1) / 2, above size / 2: of an even number of
 * channels the odd one is above. The power is exp2(-beta log2(..)): pow, exact to the last digits for
 * any exponent, takes several times as long.
 *
 * Launch
 *   lrn         a work-item an element: count = rows * C, rounded up to the group
 *   lrn_vector  for CPU runtimes: a work-item a group does `chunk` rows, VW channels at a time where
 *               all of their neighbours are there
 */
inline float lrn_at(global const float *x, int c, int C, int below, int above, float factor,
                    float beta, float bias) {
    float squares = 0;
    for (int j = max(0, c - below); j <= min(C - 1, c + above); j++)
        squares = FMA(x[j], x[j], squares);
    return x[c] * exp2(-beta * log2(FMA(factor, squares, bias)));
}

kernel void lrn(global const float *restrict x, global float *restrict y, int count, int C,
                int below, int above, float factor, float beta, float bias) {
    int i = (int)get_global_id(0), c = i % C;
    if (i < count) y[i] = lrn_at(x + (i - c), c, C, below, above, factor, beta, bias);
}

kernel void lrn_vector(global const float *restrict x, global float *restrict y, int rows, int C,
                       int below, int above, float factor, float beta, float bias, int chunk) {
    int row = (int)get_global_id(0) * chunk, end = min(row + chunk, rows);
    x += row * C;
    y += row * C;
    for (; row < end; row++, x += C, y += C) {
        int c = 0;
        for (; c < min(below, C); c++) y[c] = lrn_at(x, c, C, below, above, factor, beta, bias);
        for (; c + VW + above <= C; c += VW) {
            V squares = (V)(0.0f);
            for (int j = c - below; j <= c + above; j++) {
                V v = VLOAD(x + j);
                squares = FMA(v, v, squares);
            }
            V divisor = FMA((V)(factor), squares, (V)(bias));
            VSTORE(VLOAD(x + c) * exp2(-beta * log2(divisor)), y + c);
        }
        for (; c < C; c++) y[c] = lrn_at(x, c, C, below, above, factor, beta, bias);
    }
}
