/* augment.c: random changes of an image, as cl/augment.cl says, in double precision. */
#include <math.h>

#include "base/random.h"
#include "reference/parts.h"

enum { GRID = 4 };

typedef struct drawn {
    double rr, rc, r0, cr, cc, c0; /* row = rr * r + rc * c + r0, column alike */
    double bend[2][GRID][GRID];    /* rows, columns */
    double thickness, blur;
    double scale, low;               /* v * scale + low */
    double top, left, bottom, right; /* erased */
} drawn;

typedef struct image {
    const uint8_t *pixels;
    uint32_t height, width, channels;
} image;

/* ---- What is drawn ------------------------------------------------------------------------ */

static double uniform(uint32_t word) { return (word >> 8) * 0x1p-24; }

static double signed_uniform(uint32_t word) { return (word >> 8) * 0x1p-23 - 1; }

static void draw_warp(const dd__augment *a, const uint32_t first[4], const uint32_t second[4],
                      const image *of, drawn *d) {
    const double degree = acos(-1) / 180;
    double turn = signed_uniform(first[0]) * (double)a->rotation * degree;
    double lean = turn + signed_uniform(first[1]) * (double)a->shear * degree;
    double down = signed_uniform(first[2]) * (double)a->height * of->height;
    double right = signed_uniform(first[3]) * (double)a->width * of->width;
    double zoom_r = 1 + signed_uniform(second[0]) * (double)a->zoom;
    double zoom_c = 1 + signed_uniform(second[1]) * (double)a->zoom;
    double r = (of->height - 1.0) / 2, c = (of->width - 1.0) / 2; /* the centre */
    d->rr = cos(turn) * zoom_r;
    d->rc = -sin(lean) * zoom_c;
    d->cr = sin(turn) * zoom_r;
    d->cc = cos(lean) * zoom_c;
    d->r0 = r + cos(turn) * down - sin(turn) * right - d->rr * r - d->rc * c;
    d->c0 = c + sin(turn) * down + cos(turn) * right - d->cr * r - d->cc * c;
}

static void draw_change(const dd__augment *a, const uint32_t second[4], const uint32_t third[4],
                        const uint32_t fourth[4], const image *of, drawn *d) {
    double high = 255 * (1 - uniform(third[0]) * (double)a->contrast);
    double side = uniform(fourth[0]) * (double)a->erase * fmin(of->height, of->width);
    d->thickness = signed_uniform(second[2]) * (double)a->thickness;
    d->blur = uniform(second[3]) * (double)a->blur;
    d->low = fmin(255 * uniform(third[1]) * (double)a->background, high);
    d->scale = (high - d->low) / 255;
    d->top = uniform(fourth[1]) * of->height - side / 2;
    d->left = uniform(fourth[2]) * of->width - side / 2;
    d->bottom = d->top + side;
    d->right = d->left + side;
}

/* Two normal numbers from two words. */
static void put_normals(const uint32_t words[2], double deviation, double *a, double *b) {
    double radius = deviation * sqrt(-2 * log(((words[0] >> 8) + 1) * 0x1p-24));
    double turn = 2 * acos(-1) * uniform(words[1]);
    *a = radius * cos(turn);
    *b = radius * sin(turn);
}

static drawn draw(const dd__augment *a, uint64_t seed, uint32_t example, uint32_t epoch,
                  const image *of) {
    uint32_t words[4 + GRID * GRID / 2][4];
    drawn d;
    for (uint32_t i = 0; i < DD_COUNT(words); i++)
        dd__philox(seed, DD__STREAM_AUGMENT + i, example, epoch, words[i]);
    draw_warp(a, words[0], words[1], of, &d);
    draw_change(a, words[1], words[2], words[3], of, &d);
    for (size_t i = 0; i < GRID * GRID; i++)
        put_normals(&words[4 + i / 2][2 * (i % 2)], (double)a->elastic,
                    &d.bend[0][i / GRID][i % GRID], &d.bend[1][i / GRID][i % GRID]);
    return d;
}

/* ---- The image, changed ------------------------------------------------------------------- */

/* The point of the grid before pixel i of `count`, and the share of the next. */
static uint32_t find_between(uint32_t i, uint32_t count, double *share) {
    double place = count > 1 ? (double)i * (GRID - 1) / (count - 1) : 0;
    uint32_t low = place < GRID - 2 ? (uint32_t)place : GRID - 2;
    double w = place - low;
    *share = w * w * (3 - 2 * w);
    return low;
}

static double bend_at(const double points[GRID][GRID], uint32_t r, uint32_t c, const image *of) {
    double down, across;
    uint32_t i = find_between(r, of->height, &down), j = find_between(c, of->width, &across);
    return (1 - down) * ((1 - across) * points[i][j] + across * points[i][j + 1]) +
           down * ((1 - across) * points[i + 1][j] + across * points[i + 1][j + 1]);
}

/* The image between its pixels, channel k; (row, column) is brought inside. */
static double look(const image *of, double row, double column, uint32_t k) {
    uint32_t height = of->height, width = of->width, channels = of->channels;
    row = fmin(fmax(row, 0), height - 1);
    column = fmin(fmax(column, 0), width - 1);
    uint32_t top = (uint32_t)row, left = (uint32_t)column;
    uint32_t bottom = top + 1 < height ? top + 1 : top, right = left + 1 < width ? left + 1 : left;
    double down = row - top, across = column - left;
    const uint8_t *upper = of->pixels + (size_t)top * width * channels + k;
    const uint8_t *lower = of->pixels + (size_t)bottom * width * channels + k;
    return (1 - down) * ((1 - across) * upper[left * channels] + across * upper[right * channels]) +
           down * ((1 - across) * lower[left * channels] + across * lower[right * channels]);
}

static double look_around(const image *of, const drawn *d, double row, double column, uint32_t k) {
    double v = look(of, row, column, k), sum = 0, most = v, least = v;
    const double around[4][2] = {{-1, 0}, {1, 0}, {0, -1}, {0, 1}};
    for (size_t i = 0; i < 4; i++) {
        double u = look(of, row + around[i][0], column + around[i][1], k);
        sum += u;
        most = fmax(most, u);
        least = fmin(least, u);
    }
    double thicker = fabs(d->thickness) * ((d->thickness > 0 ? most : least) - v);
    return v + thicker + d->blur * (sum / 4 - v);
}

static double changed(const image *of, const drawn *d, uint32_t r, uint32_t c, uint32_t k) {
    bool erased = r >= d->top && r < d->bottom && c >= d->left && c < d->right;
    double row = d->rr * r + d->rc * c + d->r0 + bend_at(d->bend[0], r, c, of);
    double column = d->cr * r + d->cc * c + d->c0 + bend_at(d->bend[1], r, c, of);
    return (erased ? 0 : look_around(of, d, row, column, k)) * d->scale + d->low;
}

void dd__reference_augment(const dd__gather *gather, uint64_t seed, uint32_t example,
                           uint32_t epoch, const uint8_t *pixels, const uint32_t size[3],
                           float *x) {
    const image of = {pixels, size[0], size[1], size[2]};
    drawn d = draw(&gather->augment, seed, example, epoch, &of);
    for (uint32_t r = 0; r < size[0]; r++)
        for (uint32_t c = 0; c < size[1]; c++)
            for (uint32_t k = 0; k < size[2]; k++) {
                uint32_t p = gather->channels ? k : 0;
                *x++ = (float)(changed(&of, &d, r, c, k) * (double)gather->scale[p] +
                               (double)gather->shift[p]);
            }
}
