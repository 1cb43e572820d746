/* sheet.c: what people photograph is often a note on a table, and the note stands out from the table as
 * writing does from paper. It is told from a digit by its shape: with all that it surrounds it fills a
 * quadrangle, and what it surrounds of the table's level is no more than strokes are. */
#include "data/sheet.h"

#include <math.h>

#include "base/memory.h"
#include "data/area.h"
#include "data/ground.h"
#include "data/paper.h"

enum {
    LARGE_SIDE = 1024,
    LEAST_SIDE = 64, /* what is smaller was cut out of something already */
};

typedef struct corner {
    double x, y;
} corner;

/* Clockwise from the top left, pixels. */
typedef struct quadrangle {
    corner at[4];
} quadrangle;

static double length(corner a, corner b) { return hypot(b.x - a.x, b.y - a.y); }

static double across(const quadrangle *q) {
    return (length(q->at[0], q->at[1]) + length(q->at[3], q->at[2])) / 2;
}

static double down(const quadrangle *q) {
    return (length(q->at[0], q->at[3]) + length(q->at[1], q->at[2])) / 2;
}

static double area(const quadrangle *q) {
    double sum = 0;
    for (int i = 0; i < 4; i++) {
        corner a = q->at[i], b = q->at[(i + 1) % 4];
        sum += (a.x * b.y - b.x * a.y) / 2;
    }
    return sum;
}

/* Corners of 75 to 105 degrees: seen a little aslant. */
static bool is_rectangular(const quadrangle *q) {
    const double most = 0.26; /* cosine */
    for (int i = 0; i < 4; i++) {
        corner a = q->at[(i + 3) % 4], b = q->at[i], c = q->at[(i + 1) % 4];
        double cosine =
            ((a.x - b.x) * (c.x - b.x) + (a.y - b.y) * (c.y - b.y)) / (length(a, b) * length(b, c));
        if (!(fabs(cosine) <= most)) return false;
    }
    return true;
}

/* ---- Finding it --------------------------------------------------------------------------------- */

/* Of the level that is not the table's; no specks. */
static bool is_solid(const dd__image *plane, unsigned x, unsigned y) {
    enum { LEAST = 6 }; /* of the 25 pixels around, as in a corner */
    dd__area near = dd__area_around((dd__area){x, y, x + 1, y + 1}, 2, plane);
    int count = 0;
    if (plane->pixels[(size_t)y * plane->width + x] != DD__FIGURE) return false;
    for (unsigned row = near.top; row < near.bottom; row++)
        for (unsigned column = near.left; column < near.right; column++)
            count += plane->pixels[(size_t)row * plane->width + column] == DD__FIGURE;
    return count >= LEAST;
}

/* The pixels that lie farthest in the direction of each corner of the picture. */
static quadrangle find_corners(const dd__image *plane) {
    static const int towards[4][2] = {{-1, -1}, {1, -1}, {1, 1}, {-1, 1}};
    quadrangle found;
    for (int i = 0; i < 4; i++) {
        int farthest = -2 * DD__GROUND_SIDE - 2;
        found.at[i] = (corner){0, 0};
        for (unsigned y = 0; y < plane->height; y++)
            for (unsigned x = 0; x < plane->width; x++) {
                int far = towards[i][0] * (int)x + towards[i][1] * (int)y;
                if (far <= farthest || !is_solid(plane, x, y)) continue;
                farthest = far;
                found.at[i] = (corner){x + (towards[i][0] > 0), y + (towards[i][1] > 0)};
            }
    }
    return found;
}

/* The table need not be seen all around, but as much as on one side. */
static bool leaves_border(const dd__image *plane) {
    size_t on = 0;
    for (size_t i = 0; i < dd__border_count(plane); i++)
        on += plane->pixels[dd__border_at(plane, i)] == DD__FIGURE;
    return on * 4 <= dd__border_count(plane) * 3;
}

static bool is_inside(const quadrangle *q, double x, double y) {
    for (int i = 0; i < 4; i++) {
        corner a = q->at[i], b = q->at[(i + 1) % 4];
        if ((b.x - a.x) * (y - a.y) < (b.y - a.y) * (x - a.x)) return false;
    }
    return true;
}

static double count_inside(const dd__image *plane, const quadrangle *q) {
    double count = 0;
    for (unsigned y = 0; y < plane->height; y++)
        for (unsigned x = 0; x < plane->width; x++)
            count += plane->pixels[(size_t)y * plane->width + x] == DD__FIGURE &&
                     is_inside(q, x + 0.5, y + 0.5);
    return count;
}

/* Adds to the plane what it surrounds, and counts that. */
static dd_status fill_holes(dd__image *plane, double *surrounded) {
    size_t count = (size_t)plane->width * plane->height;
    dd__image holes = {plane->width, plane->height, 1, dd__alloc(count, 1)};
    if (!holes.pixels) return dd__no_memory(count);
    for (size_t i = 0; i < count; i++) holes.pixels[i] = DD__FIGURE - plane->pixels[i];
    dd_status status = dd__paper_drop_border(&holes);
    *surrounded = (double)dd__figure_count(&holes);
    for (size_t i = 0; i < count; i++) plane->pixels[i] |= holes.pixels[i];
    dd__image_clear(&holes);
    return status;
}

static corner between(corner a, corner b, double share) {
    return (corner){a.x + (b.x - a.x) * share, a.y + (b.y - a.y) * share};
}

/* Each corner nearer to the middle by a share of the way. */
static quadrangle shrink(const quadrangle *q, double share) {
    corner middle =
        between(between(q->at[0], q->at[2], 0.5), between(q->at[1], q->at[3], 0.5), 0.5);
    quadrangle made;
    for (int i = 0; i < 4; i++) made.at[i] = between(q->at[i], middle, share);
    return made;
}

/* Whether nothing is written along the sides: a shadow's edge runs across the writing, a sheet's does not. */
static bool has_margin(const dd__image *plane, const quadrangle *q) {
    enum { STEPS = 100, MOST = 1 };
    const double margin = 0.06;
    quadrangle inner = shrink(q, margin);
    int written = 0;
    for (int i = 0; i < 4 * STEPS; i++) {
        corner at = between(inner.at[i / STEPS], inner.at[(i / STEPS + 1) % 4],
                            (i % STEPS) / (double)STEPS);
        unsigned x = (unsigned)at.x, y = (unsigned)at.y; /* inside, as all corners are */
        written += plane->pixels[(size_t)y * plane->width + x] != DD__FIGURE;
    }
    return written <= MOST;
}

/* `plane` is of a sheet with its writing, if of one at all: all of the quadrangle, and little else. */
static bool is_sheet(const dd__image *plane, const quadrangle *q, double written) {
    double all = (double)dd__figure_count(plane), inside = count_inside(plane, q);
    double size = (double)plane->width * plane->height;
    bool large = inside > 0.1 * size && inside < 0.95 * size;
    bool square = across(q) < 2 * down(q) && down(q) < 2 * across(q);
    return large && square && is_rectangular(q) && inside > 0.94 * area(q) && inside > 0.94 * all &&
           written < 0.25 * inside;
}

static dd_status find_on(const dd__ground *table, const dd__image *small, quadrangle *corners,
                         bool *found) {
    dd__image plane;
    double written = 0;
    dd_status status = dd__ground_remove(table, small, &plane);
    *found = false;
    if (status == DD_OK && leaves_border(&plane)) {
        *corners = find_corners(&plane);
        if (!has_margin(&plane, corners)) goto out;
        DD_TRY_OUT(fill_holes(&plane, &written));
        *found = is_sheet(&plane, corners, written);
    }
out:
    dd__image_clear(&plane);
    return status;
}

/* Either level may be the table's. */
static dd_status find(const dd__image *small, quadrangle *corners, bool *found) {
    dd__ground table = dd__ground_find(small);
    *found = false;
    if (!table.clear) return DD_OK; /* uneven light parts a picture, too */
    DD_TRY(find_on(&table, small, corners, found));
    table.bright = !table.bright;
    return *found ? DD_OK : find_on(&table, small, corners, found);
}

/* ---- Cutting it out ----------------------------------------------------------------------------- */

/* In pixels of another size, and without the sheet's edge. */
static quadrangle enlarge(const quadrangle *q, double scale) {
    const double edge = 0.03;
    quadrangle made = shrink(q, edge);
    for (int i = 0; i < 4; i++) made.at[i] = (corner){made.at[i].x * scale, made.at[i].y * scale};
    return made;
}

/* Bilinear; what is beyond the image is as its border. */
static void sample(const dd__image *image, corner at, uint8_t *out) {
    double x = fmin(fmax(at.x - 0.5, 0), image->width - 1.0);
    double y = fmin(fmax(at.y - 0.5, 0), image->height - 1.0);
    unsigned x0 = (unsigned)x, y0 = (unsigned)y;
    size_t right = x0 + 1 < image->width ? image->channels : 0;
    size_t below = y0 + 1 < image->height ? (size_t)image->width * image->channels : 0;
    const uint8_t *p = image->pixels + ((size_t)y0 * image->width + x0) * image->channels;
    for (unsigned c = 0; c < image->channels; c++, p++) {
        double top = p[0] + (p[right] - p[0]) * (x - x0);
        double bottom = p[below] + (p[below + right] - p[below]) * (x - x0);
        out[c] = (uint8_t)(top + (bottom - top) * (y - y0) + 0.5);
    }
}

/* A camera held aslant makes the sides meet somewhere; so little that between corners it is linear. */
static dd_status straighten(const dd__image *image, const quadrangle *q, dd__image *out) {
    *out = (dd__image){(unsigned)across(q) + 1, (unsigned)down(q) + 1, image->channels, NULL};
    out->pixels = dd__alloc((size_t)out->width * out->height, out->channels);
    if (!out->pixels) return dd__no_memory((size_t)out->width * out->height * out->channels);
    uint8_t *pixel = out->pixels;
    for (unsigned y = 0; y < out->height; y++) {
        double share = (y + 0.5) / out->height;
        corner left = between(q->at[0], q->at[3], share);
        corner right = between(q->at[1], q->at[2], share);
        for (unsigned x = 0; x < out->width; x++, pixel += out->channels)
            sample(image, between(left, right, (x + 0.5) / out->width), pixel);
    }
    return DD_OK;
}

/* `corners` are those of the small picture. */
static dd_status cut(const dd__image *image, const dd__image *small, const quadrangle *corners,
                     dd__image *sheet) {
    dd__image large;
    DD_TRY(dd__image_shrink(image, LARGE_SIDE, &large));
    quadrangle there = enlarge(corners, (double)large.width / small->width);
    dd_status status = straighten(&large, &there, sheet);
    dd__image_clear(&large);
    return status;
}

dd_status dd__sheet_cut(const dd__image *image, const dd__image *small, dd__image *sheet) {
    quadrangle corners;
    bool found = false;
    *sheet = (dd__image){.pixels = NULL};
    if (image->width < LEAST_SIDE || image->height < LEAST_SIDE) return DD_OK;
    DD_TRY(find(small, &corners, &found));
    return found ? cut(image, small, &corners, sheet) : DD_OK;
}
