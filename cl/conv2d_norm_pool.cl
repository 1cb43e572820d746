/* conv2d_norm_pool.cl: a convolution of few weights with the batch norm, max pool and dropout
 * behind it, in training, for CPU runtimes: what the convolution gives, large and soon computed, is
 * never in memory. Formulas and letters: cl/conv2d.cl, cl/norm_pool.cl; x is padded already
 * (cl/conv2d_pad.cl): H and W are the padded extents.
 *
 *   training   z = relu(b + sum of X w) of a window's MR = KH * KW pixels, in registers. Whatever
 *              mean and deviation turn out to be, gamma's sign tells which of them wins: the
 *              largest z, or where gamma < 0 the smallest (of equals the first; a NaN over all).
 *              best (N, OH, OW, O) = that z; where, that one's r * KW + s; moments (N, 2, O), each
 *              image's mean of z and sum of squared deviations. norm_pool.cl's norm_chosen goes on.
 *   backward   z once more, then dz by norm_pool.cl's formula, for a chunk of pixels that stays in
 *              the first-level cache, and from it dw = sum of X dz and dbias = sum of dz.
 *
 * Pixels P x Q are whole windows, P = OH KH, Q = OW KW; O is a multiple of NR. K = RUNS * LENGTH
 * weights of a filter: RUNS rows of the kernel, each LENGTH = its columns times C numbers, side by
 * side in x. Options: -DVW -DMR -DNV (cl/common.cl), -DKH -DKW, -DBIAS, -DRELU, -DDROPS
 * (dropout has a rate).
 */
typedef __global const float *restrict Input;
typedef __global float *restrict Output;

#define PLACES  MR
#define DROPPED 255
#define I       CAT(int, VW)

/* z[i] of the window's pixel i, which begins at pixel[i] in x; for NR filters, whose weights are at
 * w and O apart. The sums have a tile of their own: z is memory, which may be x's as far as a
 * compiler that does not inline this knows. */
inline void convolve(Input *pixel, Input w, Input bias, V z[MR][NV], const int RUNS,
                     const int LENGTH, const int W, const int C, const int O) {
    V sum[MR][NV];
    Input at[MR];
    tile_zero(sum);
#pragma unroll
    for (int i = 0; i < PLACES; i++) at[i] = pixel[i];
    for (int r = 0; r < RUNS; r++) {
        for (int c = 0; c < LENGTH; c++) {
#define A(i) at[i][r * W * C + c]
            TILE_STEP(sum, A, w)
#undef A
            w += O;
        }
    }
#pragma unroll
    for (int i = 0; i < PLACES; i++) {
#pragma unroll
        for (int j = 0; j < NV; j++) {
#ifdef BIAS
            sum[i][j] += VLOAD(bias + j * VW);
#endif
#ifdef RELU
            sum[i][j] = sum[i][j] < (V)(0.0f) ? (V)(0.0f) : sum[i][j];
#endif
            z[i][j] = sum[i][j];
        }
    }
}

/* Where pixel i of a window begins, `corner` being where pixel 0 does. */
#define PIXEL_AT(corner, i) ((corner) + ((i) / KW * SH * W + (i) % KW * SW) * C)

#ifdef OP_conv2d_norm_pool_training

#define STORE_PLACE(v, p) CAT(vstore, VW)(CAT(convert_, CAT(uchar, VW))(v), 0, p)

/* The winner of VW filters, and its place. A place is a float, because Oclgrind 21.10 widens an int
 * that is chosen to be 1 to 255. */
inline void choose(const V z[MR][NV], const int j, const I falls, Output best,
                   __global uchar *restrict where) {
    V winner = z[0][j], most = falls ? -winner : winner, place = (V)(0);
#pragma unroll
    for (int i = 1; i < PLACES; i++) {
        const V value = falls ? -z[i][j] : z[i][j];
        const I wins = !(value <= most) & (most == most);
        most = wins ? value : most;
        winner = wins ? z[i][j] : winner;
        place = wins ? (V)(i) : place;
    }
    VSTORE(winner, best + j * VW);
    STORE_PLACE(place, where + j * VW);
}

/* Item (n, b): image n, filters b * NR .. Sums are those of the distance from the first z, lest
 * they lose digits. Launch: (N, O / NR). */
ONE_ITEM void training(Input x, Input w, Input bias, Input gamma, Output best,
                       __global uchar *restrict where, Output moments, const int OH, const int OW,
                       const int H, const int W, const int C, const int O, const int RUNS,
                       const int LENGTH, const int SH, const int SW) {
    const int n = get_global_id(0), o = get_global_id(1) * NR;
    V first[NV], sum[NV], squares[NV];
    x += (size_t)n * H * W * C;
    for (int i = 0; i < OH * OW; i++) {
        Input corner = x + (i / OW * KH * SH * W + i % OW * KW * SW) * C, pixel[MR];
#pragma unroll
        for (int k = 0; k < PLACES; k++) pixel[k] = PIXEL_AT(corner, k);
        V z[MR][NV];
        convolve(pixel, w + o, bias + o, z, RUNS, LENGTH, W, C, O);
        const size_t to = ((size_t)n * OH * OW + i) * O + o;
#pragma unroll
        for (int j = 0; j < NV; j++) {
            if (i == 0) {
                first[j] = z[0][j];
                sum[j] = squares[j] = (V)(0.0f);
            }
#pragma unroll
            for (int k = 0; k < PLACES; k++) {
                const V d = z[k][j] - first[j];
                sum[j] += d;
                squares[j] = FMA(d, d, squares[j]);
            }
            choose(z, j, VLOAD(gamma + o + j * VW) < (V)(0.0f), best + to, where + to);
        }
    }
    moments += (size_t)n * 2 * O + o;
    const float count = OH * OW * PLACES;
    for (int j = 0; j < NV; j++) {
        const V mean = sum[j] / count;
        VSTORE(first[j] + mean, moments + j * VW);
        VSTORE(squares[j] - sum[j] * mean, moments + O + j * VW);
    }
}
#endif

#ifdef OP_conv2d_norm_pool_backward

#define WINDOWS (128 / PLACES) /* of a chunk */
#define MOST_K  64

/* What the pixels of NR filters have in common; see norm_pool.cl. */
typedef struct {
    V mean[NV], factor[NV], share[NV], slope[NV];
} Channels;

inline Channels channels_at(Input gamma, Input mean, Input inverse, Input dgamma, Input dbeta,
                            const float count) {
    Channels k;
    for (int j = 0; j < NV; j++) {
        const V scale = VLOAD(inverse + j * VW);
        k.mean[j] = VLOAD(mean + j * VW);
        k.factor[j] = VLOAD(gamma + j * VW) * scale;
        k.share[j] = VLOAD(dbeta + j * VW) / count;
        k.slope[j] = VLOAD(dgamma + j * VW) * scale / count;
    }
    return k;
}

/* From a window's z to dz (MR, NR), which is added to total, too. */
inline void gradient(const V z[MR][NV], const Channels *k, Input dy,
                     const __global uchar *restrict place, const float scale, V total[NV],
                     float *dz) {
#pragma unroll
    for (int j = 0; j < NV; j++) {
        const I at = CAT(convert_, I)(CAT(vload, VW)(0, place + j * VW));
#ifdef DROPS
        const V g = at == DROPPED ? (V)(0.0f) : VLOAD(dy + j * VW) * scale;
#else
        const V g = VLOAD(dy + j * VW);
#endif
        V sum = total[j];
#pragma unroll
        for (int i = 0; i < PLACES; i++) {
            const V own = at == (I)(i) ? g : (V)(0.0f);
            V d = k->factor[j] * FMA(k->mean[j] - z[i][j], k->slope[j], own - k->share[j]);
#ifdef RELU
            d = z[i][j] <= (V)(0.0f) ? (V)(0.0f) : d;
#endif
            VSTORE(d, dz + i * NR + j * VW);
            sum += d;
        }
        total[j] = sum;
    }
}

/* part[k] += sum of x[where[m] + offset[k]] dz[m] over m < pixels, k < K; rows of O numbers. */
inline void add_products(Input x, const int *where, const int *offset, const float *dz,
                         const int pixels, Output part, const int K, const int O) {
    for (int k = 0; k < K; k += MR) {
        int at[MR];
#pragma unroll
        for (int i = 0; i < MR; i++) at[i] = offset[min(k + i, K - 1)];
        V sum[MR][NV];
        tile_zero(sum);
        for (int m = 0; m < pixels; m++) {
            Input pixel = x + where[m];
#define A(i) pixel[at[i]]
            TILE_STEP(sum, A, dz + m * NR)
#undef A
        }
#pragma unroll
        for (int i = 0; i < MR; i++) {
            if (k + i >= K) break;
            row_add(sum[i], part + (k + i) * O, NR);
            row_store(sum[i], part + (k + i) * O, NR);
        }
    }
}

/* Item (b, g) computes filters b * NR .. of part g of dw and of dbias, (K + 1, O), from `images`
 * images; `reduce` adds the parts up. Launch: (O / NR, parts). */
ONE_ITEM void backward(Input x, Input w, Input bias, Input dy, const __global uchar *restrict place,
                       Input gamma, Input mean, Input inverse, Input dgamma, Input dbeta,
                       Output parts, const float scale, const int N, const int images,
                       const int OH, const int OW, const int H, const int W, const int C,
                       const int O, const int RUNS, const int LENGTH, const int SH, const int SW) {
    const int o = get_global_id(0) * NR, n0 = get_global_id(1) * images, K = RUNS * LENGTH;
    const int windows = min(images, N - n0) * OH * OW;
    const Channels channels = channels_at(gamma + o, mean + o, inverse + o, dgamma + o, dbeta + o,
                                          (float)N * OH * OW * PLACES);
    int offset[MOST_K], where[WINDOWS * MR];
    float dz[WINDOWS * MR * NR];
    V total[NV];
    x += (size_t)n0 * H * W * C;
    dy += (size_t)n0 * OH * OW * O + o;
    place += (size_t)n0 * OH * OW * O + o;
    parts += (size_t)get_global_id(1) * (K + 1) * O + o;
    for (int k = 0; k < K; k++) offset[k] = k / LENGTH * W * C + k % LENGTH;
    for (int j = 0; j < NV; j++) total[j] = 0;
    for (int k = 0; k < K; k++) row_store(total, parts + k * O, NR);
    for (int first = 0; first < windows; first += WINDOWS) {
        const int those = min(WINDOWS, windows - first);
        for (int i = 0; i < those; i++) {
            const int q = (first + i) % OW, p = (first + i) / OW % OH, n = (first + i) / OW / OH;
            Input pixel[MR];
#pragma unroll
            for (int k = 0; k < PLACES; k++) {
                const int at = PIXEL_AT((n * H + p * KH * SH) * W * C + q * KW * SW * C, k);
                where[i * PLACES + k] = at;
                pixel[k] = x + at;
            }
            V z[MR][NV];
            convolve(pixel, w + o, bias + o, z, RUNS, LENGTH, W, C, O);
            const size_t from = (size_t)(first + i) * O;
            gradient(z, &channels, dy + from, place + from, scale, total, dz + i * MR * NR);
        }
        add_products(x, where, offset, dz, those * PLACES, parts, K, O);
    }
    row_store(total, parts + K * O, NR);
}

/* dw and dbias, `weights` numbers and so many that they are `all`: the sums of the parts, in order.
 * Launch: (all / CHUNK), rounded up. */
#define CHUNK (16 * VW)
ONE_ITEM void reduce(Input parts, Output dw, Output dbias, const int weights, const int all,
                     const int count) {
    const int begin = get_global_id(0) * CHUNK;
    for (int i = begin; i < min(begin + CHUNK, all); i += VW) {
        V sum = 0;
        for (int part = 0; part < count; part++) sum += VLOAD(parts + (size_t)part * all + i);
        VSTORE(sum, i < weights ? dw + i : dbias + i - weights);
    }
}
#endif
