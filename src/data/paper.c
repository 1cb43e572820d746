/* paper.c: first the ink's colour, against the median of wide surroundings; then, along that
 * colour, the paper by a grey-level closing (Serra: "Image Analysis and Mathematical Morphology",
 * 1982), which fills whatever is darker and narrower than its window and follows the rest, so that
 * neither gradients nor shadows are mistaken for ink. */
#include "data/paper.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "data/area.h"

enum {
    LEVELS = 256,
    COARSE_SIDE = 32,   /* where the paper's colour is looked for */
    CLOSED_SIDE = 128,  /* where the closing is done: paper changes slowly */
    DARKEST_PAPER = 96, /* levels; less light than that is noise when divided by */
};

static unsigned least(unsigned a, unsigned b) { return a < b ? a : b; }
static unsigned most(unsigned a, unsigned b) { return a > b ? a : b; }

/* ---- The ink's colour ----------------------------------------------------------------------- */

/* The median of a channel within `radius` of (x, y). */
static uint8_t median_around(const dd__image *image, unsigned channel, unsigned x, unsigned y,
                             unsigned radius) {
    unsigned counts[LEVELS] = {0}, total = 0, seen = 0, level = 0;
    unsigned right = least(x + radius + 1, image->width);
    unsigned bottom = least(y + radius + 1, image->height);
    for (unsigned row = y > radius ? y - radius : 0; row < bottom; row++)
        for (unsigned column = x > radius ? x - radius : 0; column < right; column++, total++)
            counts[image->pixels[((size_t)row * image->width + column) * image->channels +
                                 channel]]++;
    while ((seen += counts[level]) * 2 < total) level++;
    return (uint8_t)level;
}

/* The paper's colour, coarsely: medians so wide that ink is never the half. */
static dd_status find_paper(const dd__image *image, dd__image *paper) {
    dd__image small;
    DD_TRY(dd__image_shrink(image, COARSE_SIDE, &small));
    size_t count = (size_t)small.width * small.height;
    unsigned radius = most(small.width, small.height) * 3 / 8;
    *paper = small;
    paper->pixels = dd__alloc(count, small.channels);
    uint8_t *to = paper->pixels;
    for (unsigned y = 0; to && y < small.height; y++)
        for (unsigned x = 0; x < small.width; x++)
            for (unsigned c = 0; c < small.channels; c++)
                *to++ = median_around(&small, c, x, y, radius);
    dd__image_clear(&small);
    return paper->pixels ? DD_OK : dd__no_memory(count * small.channels);
}

/* Where the ink is, seen from the paper: the mean difference, weighted with its square, so that a
 * little ink outweighs much grain and shadow, and with nearness to the picture's middle. */
static void sum_differences(const dd__image *image, const dd__image *paper, double sum[3]) {
    for (unsigned y = 0; y < image->height; y++) {
        const uint8_t *pixel = image->pixels + (size_t)y * image->width * image->channels;
        const uint8_t *row = paper->pixels + (size_t)(y * paper->height / image->height) *
                                                 paper->width * image->channels;
        double middle = 1.1 - fabs(2.0 * y / image->height - 1);
        for (unsigned x = 0; x < image->width; x++, pixel += image->channels) {
            const uint8_t *typical =
                row + (size_t)(x * paper->width / image->width) * image->channels;
            int difference[3] = {0}, square = 0;
            for (unsigned c = 0; c < image->channels; c++) {
                difference[c] = pixel[c] - typical[c];
                square += difference[c] * difference[c];
            }
            double weight = square * middle * (1.1 - fabs(2.0 * x / image->width - 1));
            for (unsigned c = 0; c < image->channels; c++) sum[c] += weight * difference[c];
        }
    }
}

/* From one outermost pixel of row y to the next. */
static unsigned border_step(const dd__image *image, unsigned y) {
    bool inner = y > 0 && y < image->height - 1 && image->width > 1;
    return inner ? image->width - 1 : 1;
}

/* The median of a channel, on the outermost pixels or on all. */
static uint8_t median_of(const dd__image *image, unsigned channel, bool border) {
    size_t counts[LEVELS] = {0}, total = 0, seen = 0;
    unsigned level = 0;
    for (unsigned y = 0; y < image->height; y++) {
        unsigned step = border ? border_step(image, y) : 1;
        for (unsigned x = 0; x < image->width; x += step, total++)
            counts[image->pixels[((size_t)y * image->width + x) * image->channels + channel]]++;
    }
    while ((seen += counts[level]) * 2 < total) level++;
    return (uint8_t)level;
}

/* Whether much of a picture has, to within some levels, one colour. */
static bool is_mostly(const dd__image *image, const uint8_t *colour) {
    enum { SAME = 10 };
    size_t count = (size_t)image->width * image->height, same = 0;
    for (size_t i = 0; i < count; i++) {
        bool is_same = true;
        for (unsigned c = 0; c < image->channels; c++)
            is_same &= abs(image->pixels[i * image->channels + c] - colour[c]) <= SAME;
        same += is_same;
    }
    return same * 2 >= count;
}

/* A scan's paper has one colour, which its border shows, or else most of it; a photograph's is
 * looked for everywhere. */
dd_status dd__paper_find_colour(const dd__image *image, dd__ink_colour *ink) {
    uint8_t colour[3] = {0};
    dd__image uniform = {1, 1, image->channels, colour}, paper;
    *ink = (dd__ink_colour){.bright = false};
    for (int border = 1; border >= 0 && !ink->sure; border--) {
        for (unsigned c = 0; c < image->channels; c++) colour[c] = median_of(image, c, border != 0);
        ink->sure = is_mostly(image, colour);
    }
    if (ink->sure) {
        sum_differences(image, &uniform, ink->towards);
    } else {
        DD_TRY(find_paper(image, &paper));
        sum_differences(image, &paper, ink->towards);
        dd__image_clear(&paper);
    }
    ink->bright = ink->towards[0] + ink->towards[1] + ink->towards[2] > 0;
    return DD_OK;
}

/* How much each channel counts, 256 together. Those in which the ink goes the other way are left
 * out; all count when there are no others. */
static void weigh_channels(const dd__ink_colour *ink, unsigned channels, unsigned weights[3]) {
    double share[3] = {0}, total = 0;
    for (unsigned c = 0; c < channels; c++) {
        share[c] = fmax(ink->bright ? ink->towards[c] : -ink->towards[c], 0);
        total += share[c];
    }
    for (unsigned c = 0; c < channels; c++)
        weights[c] = (unsigned)((total > 0 ? share[c] / total : 1.0 / channels) * 256 + 0.5);
}

/* One channel in which ink is dark. */
static dd_status show_dark(const dd__image *image, const dd__ink_colour *ink, dd__image *out) {
    size_t count = (size_t)image->width * image->height;
    unsigned weights[3];
    *out = (dd__image){image->width, image->height, 1, dd__alloc(count, 1)};
    if (!out->pixels) return dd__no_memory(count);
    weigh_channels(ink, image->channels, weights);
    for (size_t i = 0; i < count; i++) {
        const uint8_t *pixel = image->pixels + i * image->channels;
        unsigned level = 128;
        for (unsigned c = 0; c < image->channels; c++) level += weights[c] * pixel[c];
        level = least(level / 256, 255);
        out->pixels[i] = (uint8_t)(ink->bright ? 255 - level : level);
    }
    return DD_OK;
}

/* ---- The paper around it --------------------------------------------------------------------- */

/* Each of `count` becomes no less than what is `ahead` of it. (From a copy, which compilers vectorise.) */
static void raise_line(uint8_t *line, unsigned count, unsigned ahead) {
    uint8_t other[3 * CLOSED_SIDE];
    memcpy(other, line + ahead, count);
    for (unsigned i = 0; i < count; i++) line[i] = line[i] > other[i] ? line[i] : other[i];
}

/* line[i], i < count, becomes the largest of line[i .. i + window). Of windows twice as wide each time, two
 * cover any width. */
static void take_largest(uint8_t *line, unsigned count, unsigned window) {
    unsigned all = count + window - 1, span = 1;
    for (; span * 2 <= window; span *= 2) raise_line(line, all - span * 2 + 1, span);
    raise_line(line, count, window - span);
}

/* Of `count` pixels that are `step` apart, each becomes the largest within `radius`, or with flip 255 the least. */
static void filter_line(uint8_t *pixels, unsigned count, size_t step, unsigned radius,
                        uint8_t flip) {
    uint8_t line[3 * CLOSED_SIDE] = {0};
    for (unsigned i = 0; i < count; i++) line[radius + i] = pixels[i * step] ^ flip;
    take_largest(line, count, 2 * radius + 1);
    for (unsigned i = 0; i < count; i++) pixels[i * step] = line[i] ^ flip;
}

/* Over squares: lines across, then lines down. */
static void filter(dd__image *plane, unsigned radius, uint8_t flip) {
    for (unsigned y = 0; y < plane->height; y++)
        filter_line(plane->pixels + (size_t)y * plane->width, plane->width, 1, radius, flip);
    for (unsigned x = 0; x < plane->width; x++)
        filter_line(plane->pixels + x, plane->height, plane->width, radius, flip);
}

static dd_status close_strokes(const dd__image *plane, unsigned reach, dd__image *paper) {
    dd__image small;
    DD_TRY(dd__image_shrink(plane, CLOSED_SIDE, &small));
    unsigned longer = most(plane->width, plane->height), side = most(small.width, small.height);
    unsigned radius = least((reach * side + longer - 1) / longer, CLOSED_SIDE);
    filter(&small, radius, 0);
    filter(&small, radius, UINT8_MAX);
    dd_status status = dd__image_resize(&small, plane->width, plane->height, paper);
    dd__image_clear(&small);
    return status;
}

dd_status dd__paper_remove(const dd__image *image, const dd__ink_colour *ink, unsigned reach,
                           dd__image *dark, dd__image *contrast) {
    *contrast = (dd__image){.pixels = NULL};
    DD_TRY(show_dark(image, ink, dark));
    DD_TRY(close_strokes(dark, reach, contrast));
    for (size_t i = 0; i < (size_t)image->width * image->height; i++) {
        unsigned level = contrast->pixels[i], own = dark->pixels[i];
        /* light multiplies, so dark ink keeps its share of the paper's; bright ink has no such */
        unsigned full = ink->bright ? 255 : most(level, DARKEST_PAPER);
        contrast->pixels[i] = (uint8_t)(own < level ? (level - own) * 255 / full : 0);
    }
    return DD_OK;
}

/* ---- What is joined to the border ------------------------------------------------------------ */

/* Pixels by level, highest first. */
typedef struct heap {
    uint32_t head[LEVELS], *next; /* lists of pixels plus 1; 0 ends them */
} heap;

static void push(heap *waiting, unsigned level, uint32_t at) {
    waiting->next[at] = waiting->head[level];
    waiting->head[level] = at + 1;
}

/* Gives the neighbours of `at` that have none a level: their own, at most that of `at`. */
static void spread(const dd__image *plane, uint32_t at, unsigned level, uint8_t *reached,
                   uint8_t *levels, heap *waiting) {
    dd__area near = dd__area_of_neighbours(at, plane);
    for (unsigned y = near.top; y < near.bottom; y++)
        for (unsigned x = near.left; x < near.right; x++) {
            uint32_t next = y * plane->width + x;
            if (reached[next]) continue;
            reached[next] = 1;
            levels[next] = (uint8_t)least(plane->pixels[next], level);
            push(waiting, levels[next], next);
        }
}

static void begin_at_border(const dd__image *plane, uint8_t *reached, uint8_t *levels,
                            heap *waiting) {
    for (unsigned y = 0; y < plane->height; y++)
        for (unsigned x = 0; x < plane->width; x += border_step(plane, y)) {
            uint32_t at = y * plane->width + x;
            reached[at] = 1;
            levels[at] = plane->pixels[at];
            push(waiting, levels[at], at);
        }
}

/* Reconstruction from the border (Vincent: "Morphological grayscale reconstruction in image
 * analysis", 1993), highest levels first, so that each pixel is visited once. From level 0, which
 * all have to begin with, nothing higher is reached. */
static void reconstruct(const dd__image *plane, uint8_t *reached, uint8_t *levels, heap *waiting) {
    begin_at_border(plane, reached, levels, waiting);
    for (unsigned level = LEVELS - 1; level > 0; level--)
        while (waiting->head[level]) {
            uint32_t at = waiting->head[level] - 1;
            waiting->head[level] = waiting->next[at];
            spread(plane, at, level, reached, levels, waiting);
        }
}

dd_status dd__paper_drop_border(dd__image *contrast) {
    size_t count = (size_t)contrast->width * contrast->height;
    uint8_t *reached = dd__alloc(count, 1), *levels = dd__alloc(count, 1);
    heap waiting = {.next = dd__alloc(count, sizeof *waiting.next)};
    bool enough = reached && levels && waiting.next;
    if (enough) {
        reconstruct(contrast, reached, levels, &waiting);
        for (size_t i = 0; i < count; i++) contrast->pixels[i] -= levels[i];
    }
    dd__free(reached);
    dd__free(levels);
    dd__free(waiting.next);
    return enough ? DD_OK : dd__no_memory(count * sizeof *waiting.next);
}
