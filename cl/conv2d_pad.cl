/* conv2d_pad.cl: the padded copy of x that cl/conv2d_direct.cl and cl/conv2d_direct_weights.cl
 * read. */
typedef __global const float *restrict Input;
typedef __global float *restrict Output;

/* Copies x (N,rows,columns,C) into zeros (N,H,W,C), `top` and `left` from the edges; what would lie
 * beyond H or W is cut. Launch: (H, N), one item a row of pixels. */
ONE_ITEM void pad(Input x, Output padded, const int rows, const int columns, const int C,
                  const int H, const int W, const int top, const int left) {
    const int h = get_global_id(0), n = get_global_id(1), source = h - top;
    const int begin = left * C, end = min(W, left + columns) * C;
    Output to = padded + ((size_t)n * H + h) * W * C;
    for (int i = 0; i < W * C; i++) to[i] = 0.0f;
    if (source < 0 || source >= rows) return;
    Input from = x + ((size_t)n * rows + source) * columns * C;
    for (int i = begin; i < end; i++) to[i] = from[i - begin];
}
