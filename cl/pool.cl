/* pool.cl: max and average over windows of an image, and their gradients; everything (N, H, W, C).
 *
 * Window (n, oh, ow) covers x[n, oh * SH - top + r * DH, ow * SW - left + s * DW, c], r < KH, s < KW;
 * what lies outside the image takes no part. The host sees to it that no window lies wholly outside,
 * but the elements of a dilated one may: then its maximum is -infinity, at place 0, and its mean 0.
 *   max_pool               y = the largest, index = its r * KW + s; of equals the first wins, and a
 *                          NaN wins over everything
 *   max_pool_backward      dx[n, h, w, c] = sum of dy over the windows whose index points at (h, w)
 *   average_pool           y = sum / count, of those inside, or of all KH * KW (count_padding)
 *   average_pool_backward  dx[n, h, w, c] = sum of dy / count over the windows around (h, w)
 *   max_pool_backward_apart  max_pool_backward for windows that tile the image (SH = KH, SW = KW,
 *                          no padding): each dx is written once, from the only window around it
 * The backward kernels gather, in a fixed order: no atomics, the same bytes every time.
 *
 * Launch:  plain   (without -DVW) a work-item an element of the output, c fastest; rounded up
 *          vector  (-DVW=8) a work-item a work-group; group g computes rows g * chunk .. of the
 *                  `rows` rows (n, oh) of the output, VW channels at a time
 * -DDH=2 -DDW=1: the dilation, where it is not 1, 1.
 * -DINDEX=int for windows of more than 256 places; -DOP_max_pool and so on: the op whose kernels
 * are wanted, so that nobody waits for those of the others.
 */

#ifndef INDEX
#define INDEX uchar
#endif
#ifndef DH
#define DH 1
#define DW 1
#endif

#ifdef VW
#define T V
#define I CAT(int, VW)
#define LOAD(p) VLOAD(p)
#define STORE(v, p) VSTORE(v, p)
#define LOAD_X(p) VREAD(X_T, p)
#define STORE_Y(v, p) VWRITE(Y_T, v, p)
#define LOAD_INDEX(p) CAT(convert_, CAT(int, VW))(CAT(vload, VW)(0, p))
#define STORE_INDEX(v, p) CAT(vstore, VW)(CAT(convert_, CAT(INDEX, VW))(v), 0, p)
#else
#define T float
#define I int
#define LOAD(p) (*(p))
#define STORE(v, p) (*(p) = (v))
#define LOAD_X(p) READ(X_T, p, 0)
#define STORE_Y(v, p) WRITE(Y_T, v, p, 0)
#define LOAD_INDEX(p) ((int)*(p))
#define STORE_INDEX(v, p) (*(p) = (INDEX)(v))
#endif

/* The image, the windows and how they lie; the order of the kernels' arguments. */
#define SHAPE                                                                                      \
    int H, int W, int C, int OH, int OW, int KH, int KW, int SH, int SW, int top, int left,        \
        int count_padding
#define PASS H, W, C, OH, OW, KH, KW, SH, SW, top, left, count_padding

/* Along an axis, of a window that begins at `begin` of the image, `left` elements before the image's
 * end: the first element inside the image, and the end of those inside. */
#define FIRST(begin, dilation)          ((max(0, -(begin)) + dilation - 1) / dilation)
#define END(kernel_, left_, dilation)   min(kernel_, ((left_) + dilation - 1) / dilation)

inline void max_pool_at(const global X_T *x, global Y_T *y, global INDEX *index, int n, int oh,
                        int ow, int c, SHAPE) {
    int h0 = oh * SH - top, w0 = ow * SW - left;
    int r0 = FIRST(h0, DH), r1 = END(KH, H - h0, DH), s0 = FIRST(w0, DW), s1 = END(KW, W - w0, DW);
    const global X_T *corner = x + ((n * H + h0) * W + w0) * C + c;
    T best = (T)(-INFINITY);
    I place = (I)(r0 < r1 && s0 < s1 ? r0 * KW + s0 : 0);
    for (int r = r0; r < r1; r++)
        for (int s = s0; s < s1; s++) {
            T v = LOAD_X(corner + (r * DH * W + s * DW) * C);
            I wins = !(v <= best) & (best == best);
            best = wins ? v : best;
            place = wins ? (I)(r * KW + s) : place;
        }
    int o = ((n * OH + oh) * OW + ow) * C + c;
    STORE_Y(best, y + o);
    STORE_INDEX(place, index + o);
}

/* The first window that reaches element `at`, counted from the first window's begin. */
#define AROUND(at, kernel_, dilation, stride) \
    max(0, ((at) - (kernel_ - 1) * dilation - 1 + stride) / stride)

inline void max_pool_backward_at(const global float *dy, const global INDEX *index,
                                 global float *dx, int n, int h, int w, int c, SHAPE) {
    int oh0 = AROUND(h + top, KH, DH, SH), oh1 = min(OH - 1, (h + top) / SH);
    int ow0 = AROUND(w + left, KW, DW, SW), ow1 = min(OW - 1, (w + left) / SW);
    T sum = (T)(0);
    for (int oh = oh0; oh <= oh1; oh++)
        for (int ow = ow0; ow <= ow1; ow++) {
            int o = ((n * OH + oh) * OW + ow) * C + c;
            int r = h + top - oh * SH, s = w + left - ow * SW;
            if (r % DH != 0 || s % DW != 0) continue;
            int place = r / DH * KW + s / DW;
            sum += LOAD_INDEX(index + o) == (I)(place) ? LOAD(dy + o) : (T)(0);
        }
    STORE(sum, dx + ((n * H + h) * W + w) * C + c);
}

/* How many elements the mean of a window is over. */
inline float window_count(int oh, int ow, SHAPE) {
    if (count_padding) return (float)(KH * KW);
    int h0 = oh * SH - top, w0 = ow * SW - left;
    int rows = max(0, END(KH, H - h0, DH) - FIRST(h0, DH));
    int columns = max(0, END(KW, W - w0, DW) - FIRST(w0, DW));
    return (float)max(1, rows * columns);
}

inline void average_pool_at(const global X_T *x, global Y_T *y, int n, int oh, int ow, int c,
                            SHAPE) {
    int h0 = oh * SH - top, w0 = ow * SW - left;
    int r1 = END(KH, H - h0, DH), s1 = END(KW, W - w0, DW);
    const global X_T *corner = x + ((n * H + h0) * W + w0) * C + c;
    T sum = (T)(0);
    for (int r = FIRST(h0, DH); r < r1; r++)
        for (int s = FIRST(w0, DW); s < s1; s++)
            sum += LOAD_X(corner + (r * DH * W + s * DW) * C);
    STORE_Y(sum / (T)(window_count(oh, ow, PASS)), y + ((n * OH + oh) * OW + ow) * C + c);
}

inline void average_pool_backward_at(const global float *dy, global float *dx, int n, int h, int w,
                                     int c, SHAPE) {
    int oh0 = AROUND(h + top, KH, DH, SH), oh1 = min(OH - 1, (h + top) / SH);
    int ow0 = AROUND(w + left, KW, DW, SW), ow1 = min(OW - 1, (w + left) / SW);
    T sum = (T)(0);
    for (int oh = oh0; oh <= oh1; oh++)
        for (int ow = ow0; ow <= ow1; ow++) {
            if ((h + top - oh * SH) % DH != 0 || (w + left - ow * SW) % DW != 0) continue;
            sum += LOAD(dy + ((n * OH + oh) * OW + ow) * C + c) /
                   (T)(window_count(oh, ow, PASS));
        }
    STORE(sum, dx + ((n * H + h) * W + w) * C + c);
}

/* One kernel around AT(a, h, w, c), which computes an element (or VW channels) of an output of
 * HEIGHT x WIDTH; `rows` is N * HEIGHT. */
#ifdef VW
#define KERNEL(name, HEIGHT, WIDTH, BUFFERS, AT)                                                   \
    kernel void name##_vector(BUFFERS, int rows, int chunk, SHAPE) {                               \
        int row = (int)get_global_id(0) * chunk, end = min(row + chunk, rows);                     \
        for (; row < end; row++)                                                                   \
            for (int w = 0; w < WIDTH; w++)                                                        \
                for (int c = 0; c < C; c += VW) AT(row / HEIGHT, row % HEIGHT, w, c);              \
    }
#else
#define KERNEL(name, HEIGHT, WIDTH, BUFFERS, AT)                                                   \
    kernel void name##_plain(BUFFERS, int rows, int chunk, SHAPE) {                                \
        int i = (int)get_global_id(0);                                                             \
        int c = i % C, w = i / C % WIDTH, row = i / C / WIDTH;                                     \
        if (row < rows) AT(row / HEIGHT, row % HEIGHT, w, c);                                      \
    }
#endif
#define AND ,

#ifdef OP_max_pool
#define AT(n, h, w, c) max_pool_at(x, y, index, n, h, w, c, PASS)
KERNEL(max_pool, OH, OW,
       const global X_T *restrict x AND global Y_T *restrict y AND global INDEX *restrict index,
       AT)
#undef AT
#endif

#ifdef OP_max_pool_backward
#define AT(n, h, w, c) max_pool_backward_at(dy, index, dx, n, h, w, c, PASS)
KERNEL(max_pool_backward, H, W,
       const global float *restrict dy AND const global INDEX *restrict index AND global float
           *restrict dx,
       AT)
#undef AT
#endif

#ifdef OP_average_pool
#define AT(n, h, w, c) average_pool_at(x, y, n, h, w, c, PASS)
KERNEL(average_pool, OH, OW, const global X_T *restrict x AND global Y_T *restrict y, AT)
#undef AT
#endif

#ifdef OP_average_pool_backward
#define AT(n, h, w, c) average_pool_backward_at(dy, dx, n, h, w, c, PASS)
KERNEL(average_pool_backward, H, W, const global float *restrict dy AND global float *restrict dx,
       AT)
#undef AT
#endif

#if defined(VW) && defined(OP_max_pool_backward)

inline void zero(global float *p, int count) {
    for (int i = 0; i < count; i += VW) VSTORE((V)(0), p + i);
}

/* Here `rows` is N * OH: a row of windows writes its KH rows of dx, with the columns that the last
 * window leaves over; the last row of windows also writes the rows below it. */
kernel void max_pool_backward_apart(const global float *restrict dy,
                                    const global INDEX *restrict index, global float *restrict dx,
                                    int rows, int chunk, SHAPE) {
    int row = (int)get_global_id(0) * chunk, end = min(row + chunk, rows);
    for (; row < end; row++) {
        int n = row / OH, oh = row % OH;
        global float *image = dx + (n * H + oh * KH) * W * C;
        for (int ow = 0; ow < OW; ow++)
            for (int c = 0; c < C; c += VW) {
                int o = (row * OW + ow) * C + c;
                V d = VLOAD(dy + o);
                I place = LOAD_INDEX(index + o);
                for (int r = 0; r < KH; r++)
                    for (int s = 0; s < KW; s++)
                        VSTORE(place == (I)(r * KW + s) ? d : (V)(0),
                               image + (r * W + ow * KW + s) * C + c);
            }
        for (int r = 0; r < KH; r++) zero(image + (r * W + OW * KW) * C, (W - OW * KW) * C);
        if (oh == OH - 1) zero(image + KH * W * C, (H - OH * KH) * W * C);
    }
}

#endif
