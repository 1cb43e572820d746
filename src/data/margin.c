/* margin.c: what reaches a photograph's border is seldom the digit; in a picture that somebody cut
 * out with care it is nothing else. Such pictures have two clear levels, the paper's on most of the
 * border, and no ink but what reaches the border. */
#include "data/margin.h"

#include <string.h>

#include "base/memory.h"
#include "data/otsu.h"
#include "data/paper.h"

enum { SMALL_SIDE = 128, INK = 255 };

/* Two levels: which pixels are the paper's. */
typedef struct levels {
    unsigned threshold;
    bool bright_paper;
} levels;

static unsigned grey_at(const dd__image *image, size_t at) {
    const uint8_t *pixel = image->pixels + at * image->channels;
    return image->channels == 3 ? (0u + pixel[0] + pixel[1] + pixel[2]) / 3 : pixel[0];
}

static bool is_paper(const levels *of, unsigned grey) {
    return (grey > of->threshold) == of->bright_paper;
}

/* Pixels of the border by number, clockwise. */
static size_t border_count(const dd__image *image) {
    return 2 * ((size_t)image->width + image->height);
}

static size_t border_at(const dd__image *image, size_t i) {
    size_t width = image->width, height = image->height, last = height - 1;
    if (i < width) return i;
    i -= width;
    if (i < height) return i * width + width - 1;
    i -= height;
    if (i < width) return last * width + width - 1 - i;
    return (last - (i - width)) * width;
}

/* Whether nearly all that makes the picture's pixels differ is that they have one of two levels. */
static bool find_levels(const dd__image *image, levels *found) {
    const double clear = 0.8; /* soft edges have much between */
    size_t counts[DD__LEVELS] = {0}, bright = 0;
    double share;
    for (size_t i = 0; i < (size_t)image->width * image->height; i++) counts[grey_at(image, i)]++;
    found->threshold = dd__otsu(counts, 0, &share);
    for (size_t i = 0; i < border_count(image); i++)
        bright += grey_at(image, border_at(image, i)) > found->threshold;
    found->bright_paper = 2 * bright > border_count(image);
    return share > clear;
}

/* Whether there is ink on the border, but no side is nearly all ink, as at a table's edge. */
static bool reaches_border(const dd__image *ink) {
    size_t any = 0, first = 0;
    const unsigned sides[] = {ink->width, ink->height, ink->width, ink->height};
    for (int side = 0; side < 4; first += sides[side++]) {
        size_t here = 0;
        for (size_t i = 0; i < sides[side]; i++)
            here += ink->pixels[border_at(ink, first + i)] == INK;
        if (here * 4 > sides[side] * 3u) return false;
        any += here;
    }
    return any > 0;
}

/* `ink` is of two levels, and loses what is joined to its border. */
static dd_status is_cut_close(dd__image *ink, bool *close) {
    enum { SPECKS = 400 }; /* one of so many pixels */
    size_t inner = 0, count = (size_t)ink->width * ink->height;
    *close = reaches_border(ink);
    if (!*close) return DD_OK;
    DD_TRY(dd__paper_drop_border(ink));
    for (size_t i = 0; i < count; i++) inner += ink->pixels[i] == INK;
    *close = inner * SPECKS <= count;
    return DD_OK;
}

/* As `image` has it on its border, on average. */
static void paper_colour(const dd__image *image, const levels *found, uint8_t colour[3]) {
    size_t sum[3] = {0}, count = 0;
    for (size_t i = 0; i < border_count(image); i++) {
        size_t at = border_at(image, i);
        if (!is_paper(found, grey_at(image, at))) continue;
        for (unsigned c = 0; c < image->channels; c++)
            sum[c] += image->pixels[at * image->channels + c];
        count++;
    }
    for (unsigned c = 0; c < image->channels; c++)
        colour[c] = (uint8_t)(count ? sum[c] / count : 0);
}

static dd_status widen(const dd__image *image, const levels *found, dd__image *wide) {
    bool lies = image->width > image->height;
    unsigned longer = lies ? image->width : image->height;
    unsigned shorter = lies ? image->height : image->width;
    unsigned margin = (longer / 4 < shorter ? longer / 4 : shorter) + 2;
    unsigned channels = image->channels;
    uint8_t colour[3];
    *wide = (dd__image){image->width + 2 * margin, image->height + 2 * margin, channels, NULL};
    size_t count = (size_t)wide->width * wide->height, row = (size_t)image->width * channels;
    wide->pixels = dd__alloc(count, channels);
    if (!wide->pixels) return dd__no_memory(count * channels);
    paper_colour(image, found, colour);
    for (size_t i = 0; i < count * channels; i++) wide->pixels[i] = colour[i % channels];
    for (unsigned y = 0; y < image->height; y++)
        memcpy(wide->pixels + ((size_t)(y + margin) * wide->width + margin) * channels,
               image->pixels + y * row, row);
    return DD_OK;
}

/* INK where there is ink, 0 where there is paper. */
static dd_status mark_ink(const dd__image *image, const levels *found, dd__image *ink) {
    size_t count = (size_t)image->width * image->height;
    *ink = (dd__image){image->width, image->height, 1, dd__alloc(count, 1)};
    if (!ink->pixels) return dd__no_memory(count);
    for (size_t i = 0; i < count; i++)
        ink->pixels[i] = is_paper(found, grey_at(image, i)) ? 0 : INK;
    return DD_OK;
}

dd_status dd__margin_add(const dd__image *image, dd__image *wide) {
    dd__image small, ink = {.pixels = NULL};
    levels found;
    bool close = false;
    *wide = (dd__image){.pixels = NULL};
    DD_TRY(dd__image_shrink(image, SMALL_SIDE, &small));
    dd_status status = DD_OK;
    if (find_levels(&small, &found)) {
        DD_TRY_OUT(mark_ink(&small, &found, &ink));
        DD_TRY_OUT(is_cut_close(&ink, &close));
    }
    if (close) DD_TRY_OUT(widen(image, &found, wide));
out:
    dd__image_clear(&small);
    dd__image_clear(&ink);
    return status;
}
