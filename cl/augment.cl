/* augment.cl: random changes of an image, for batch.cl; the host's twin is src/reference/augment.c.
 *
 * What is drawn follows from (seed, number of the image, epoch) alone: u is uniform in -1 .. 1, U in 0 .. 1,
 * each time another. H and W are the image's height and width, o its centre ((H - 1) / 2, (W - 1) / 2).
 *
 * Place      pixel (r, c) of the result is seen at A ((r, c) - o) + d + o + b(r, c), interpolated between the
 *            four neighbours, the edge repeated beyond it:
 *                A = (cos t  zr   -sin(t + s) zc)    d = (cos t  dr - sin t  dc)
 *                    (sin t  zr    cos(t + s) zc)        (sin t  dr + cos t  dc)
 *                t = u rotation, s = u shear (degrees), zr and zc = 1 + u zoom, dr = u height H,
 *                dc = u width W
 *            This is rotation * shift * shear * zoom of Keras' ImageDataGenerator.
 * elastic    b: a grid of 4x4 points that spans the image; each moves by elastic pixels times two normal
 *            numbers, and between them the move is blended by the weight 3 w^2 - 2 w^3, which leaves no
 *            kinks. Simard, Steinkraus, Platt 2003, with a grid for their smoothed noise.
 * thickness  e = u thickness: v += e (most - v) where e > 0, else v += -e (least - v), of v and its four
 *            neighbours a pixel away: bright strokes get thicker or thinner
 * blur       v += U blur (mean of these four - v)
 * erase      a square of side U erase min(H, W), its centre anywhere, is 0
 * contrast, background   v -> low + v (high - low) / 255, high = 255 (1 - U contrast),
 *            low = min(255 U background, high)
 */

#define GRID 4

/* Ranges, as dd__augment of src/graph/attributes.h has them. */
typedef struct {
    float rotation, shear, shift_c, shift_r, zoom, elastic, thickness, blur, contrast, background, erase;
} Ranges;

#define RANGES                                                                                   \
    float rotation, float shear, float shift_c, float shift_r, float zoom, float elastic,        \
        float thickness, float blur, float contrast, float background, float erase
#define TAKE_RANGES                                                                              \
    { rotation, shear, shift_c, shift_r, zoom, elastic, thickness, blur, contrast, background, erase }

/* Where pixel (r, c) of the result lies in the image: row = rr * r + rc * c + r0, column alike. */
typedef struct {
    float rr, rc, r0, cr, cc, c0;
} Warp;

/* How the points of the grid move: row, then column. */
typedef struct {
    float points[2][GRID][GRID];
} Bend;

/* What is done to a value, once it is found. */
typedef struct {
    float thickness, blur;             /* drawn */
    float scale, low;                  /* v * scale + low */
    float top, left, bottom, right;    /* of the square that is erased: top <= r < bottom */
} Change;

typedef struct {
    int height, width, channels;
} Size;

/* ---- What is drawn ----------------------------------------------------------------------- */

inline float uniform(uint word) { return (float)(word >> 8) * 0x1p-24f; }

inline float signed_uniform(uint word) { return (float)(word >> 8) * 0x1p-23f - 1.0f; }

/* Two normal numbers from two words: Box, Muller 1958. */
inline float2 normals(uint a, uint b) {
    float radius = sqrt(-2.0f * log((float)((a >> 8) + 1) * 0x1p-24f)), turn = 2.0f * uniform(b);
    return (float2)(radius * cospi(turn), radius * sinpi(turn));
}

/* Streams from 5 on are DD__STREAM_AUGMENT. */
inline uint4 draw(global const Step *step, uint number, uint example) {
    return philox(step->seed_low, step->seed_high, 5 + number, example, step->epoch);
}

inline Warp draw_warp(global const Step *step, uint example, const Ranges *range, const Size *size) {
    const float degree = 0.017453292519943295f;
    uint4 first = draw(step, 0, example), second = draw(step, 1, example);
    float turn = signed_uniform(first.x) * range->rotation * degree;
    float lean = turn + signed_uniform(first.y) * range->shear * degree;
    float down = signed_uniform(first.z) * range->shift_r * (float)size->height;
    float right = signed_uniform(first.w) * range->shift_c * (float)size->width;
    float zoom_r = FMA(signed_uniform(second.x), range->zoom, 1.0f);
    float zoom_c = FMA(signed_uniform(second.y), range->zoom, 1.0f);
    float middle_r = 0.5f * (float)(size->height - 1), middle_c = 0.5f * (float)(size->width - 1);
    Warp warp = {cos(turn) * zoom_r, -sin(lean) * zoom_c, 0,
                 sin(turn) * zoom_r, cos(lean) * zoom_c,  0};
    warp.r0 =
        middle_r + cos(turn) * down - sin(turn) * right - warp.rr * middle_r - warp.rc * middle_c;
    warp.c0 =
        middle_c + sin(turn) * down + cos(turn) * right - warp.cr * middle_r - warp.cc * middle_c;
    return warp;
}

inline Change draw_change(global const Step *step, uint example, const Ranges *range,
                          const Size *size) {
    uint4 second = draw(step, 1, example), third = draw(step, 2, example),
          fourth = draw(step, 3, example);
    float high = 255.0f * (1.0f - uniform(third.x) * range->contrast);
    float low = fmin(255.0f * uniform(third.y) * range->background, high);
    float side = uniform(fourth.x) * range->erase * (float)min(size->height, size->width);
    float top = FMA(uniform(fourth.y), (float)size->height, -0.5f * side);
    float left = FMA(uniform(fourth.z), (float)size->width, -0.5f * side);
    Change change = {signed_uniform(second.z) * range->thickness,
                     uniform(second.w) * range->blur,
                     (high - low) / 255.0f,
                     low,
                     top,
                     left,
                     top + side,
                     left + side};
    return change;
}

inline void draw_bend(global const Step *step, uint example, float elastic, Bend *bend) {
    for (int i = 0; i < GRID * GRID; i += 2) {
        uint4 words = draw(step, 4 + (uint)i / 2, example);
        float2 one = normals(words.x, words.y) * elastic, two = normals(words.z, words.w) * elastic;
        bend->points[0][i / GRID][i % GRID] = one.x;
        bend->points[1][i / GRID][i % GRID] = one.y;
        bend->points[0][i / GRID][i % GRID + 1] = two.x;
        bend->points[1][i / GRID][i % GRID + 1] = two.y;
    }
}

/* ---- The image, changed ------------------------------------------------------------------ */

/* Between two points of the grid: `low` and the share of the one behind it. */
inline int find_between(int i, int count, float *share) {
    float place = count > 1 ? (float)(i * (GRID - 1)) / (float)(count - 1) : 0;
    int low = min((int)place, GRID - 2);
    float w = place - (float)low;
    *share = w * w * FMA(-2.0f, w, 3.0f);
    return low;
}

/* How far pixel (r, c) is moved: rows, columns. */
inline float2 bend_at(const Bend *bend, int r, int c, const Size *size) {
    float down, across, moved[2];
    int i = find_between(r, size->height, &down), j = find_between(c, size->width, &across);
    for (int k = 0; k < 2; k++) {
        const float *upper = bend->points[k][i] + j, *lower = bend->points[k][i + 1] + j;
        float a = FMA(across, upper[1] - upper[0], upper[0]);
        float b = FMA(across, lower[1] - lower[0], lower[0]);
        moved[k] = FMA(down, b - a, a);
    }
    return (float2)(moved[0], moved[1]);
}

/* The image between its pixels; `image` points to the channel. */
inline float look(global const uchar *image, float row, float column, const Size *size) {
    row = clamp(row, 0.0f, (float)(size->height - 1));
    column = clamp(column, 0.0f, (float)(size->width - 1));
    int top = (int)row, left = (int)column, channels = size->channels;
    int below = top + 1 < size->height ? size->width * channels : 0;
    int beside = left + 1 < size->width ? channels : 0;
    row -= (float)top;
    column -= (float)left;
    image += (top * size->width + left) * channels;
    float a = image[0], b = image[beside], c = image[below], d = image[below + beside];
    float upper = FMA(b - a, column, a), lower = FMA(d - c, column, c);
    return FMA(lower - upper, row, upper);
}

/* The same with strokes thicker or thinner, and blurred. */
inline float look_around(global const uchar *image, float row, float column, const Size *size,
                         const Change *change) {
    float v = look(image, row, column, size);
    if (change->thickness == 0 && change->blur == 0) return v;
    float a = look(image, row - 1, column, size), b = look(image, row + 1, column, size);
    float c = look(image, row, column - 1, size), d = look(image, row, column + 1, size);
    float most = fmax(v, fmax(fmax(a, b), fmax(c, d))), least = fmin(v, fmin(fmin(a, b), fmin(c, d)));
    float e = change->thickness, blurred = (0.25f * (a + b + c + d) - v) * change->blur;
    return v + FMA(fabs(e), (e > 0 ? most : least) - v, blurred);
}

/* Pixel (r, c), channel k of the changed image, 0 .. 255. */
inline float augmented(global const uchar *image, const Warp *warp, float2 moved,
                       const Change *change, int r, int c, int k, const Size *size) {
    bool erased = (float)r >= change->top && (float)r < change->bottom &&
                  (float)c >= change->left && (float)c < change->right;
    float row = FMA(warp->rr, (float)r, FMA(warp->rc, (float)c, warp->r0)) + moved.x;
    float column = FMA(warp->cr, (float)r, FMA(warp->cc, (float)c, warp->c0)) + moved.y;
    float v = erased ? 0 : look_around(image + k, row, column, size, change);
    return FMA(v, change->scale, change->low);
}
