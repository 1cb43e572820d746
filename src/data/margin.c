/* margin.c: what reaches a photograph's border is seldom the digit; in a picture that somebody cut
 * out with care it is nothing else. Such pictures have two clear levels, the paper's on most of the
 * border, and no ink but what reaches the border. */
#include "data/margin.h"

#include <string.h>

#include "base/memory.h"
#include "data/ground.h"
#include "data/paper.h"

/* Whether there is ink on the border, but no side is nearly all ink, as at a table's edge. */
static bool reaches_border(const dd__image *ink) {
    size_t any = 0, first = 0;
    const unsigned sides[] = {ink->width, ink->height, ink->width, ink->height};
    for (int side = 0; side < 4; first += sides[side++]) {
        size_t here = 0;
        for (size_t i = 0; i < sides[side]; i++)
            here += ink->pixels[dd__border_at(ink, first + i)] == DD__FIGURE;
        if (here * 4 > sides[side] * 3u) return false;
        any += here;
    }
    return any > 0;
}

/* `ink` is of two levels, and loses what is joined to its border. */
static dd_status is_cut_close(dd__image *ink, bool *close) {
    enum { SPECKS = 400 }; /* one of so many pixels */
    size_t count = (size_t)ink->width * ink->height;
    *close = reaches_border(ink);
    if (!*close) return DD_OK;
    DD_TRY(dd__paper_drop_border(ink));
    *close = dd__figure_count(ink) * SPECKS <= count;
    return DD_OK;
}

/* As `image` has it on its border, on average. */
static void paper_colour(const dd__image *image, const dd__ground *paper, uint8_t colour[3]) {
    size_t sum[3] = {0}, count = 0;
    for (size_t i = 0; i < dd__border_count(image); i++) {
        size_t at = dd__border_at(image, i);
        if (!dd__ground_has(paper, image, at)) continue;
        for (unsigned c = 0; c < image->channels; c++)
            sum[c] += image->pixels[at * image->channels + c];
        count++;
    }
    for (unsigned c = 0; c < image->channels; c++)
        colour[c] = (uint8_t)(count ? sum[c] / count : 0);
}

static dd_status widen(const dd__image *image, const dd__ground *paper, dd__image *wide) {
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
    paper_colour(image, paper, colour);
    for (size_t i = 0; i < count * channels; i++) wide->pixels[i] = colour[i % channels];
    for (unsigned y = 0; y < image->height; y++)
        memcpy(wide->pixels + ((size_t)(y + margin) * wide->width + margin) * channels,
               image->pixels + y * row, row);
    return DD_OK;
}

dd_status dd__margin_add(const dd__image *image, const dd__image *small, dd__image *wide) {
    dd__image ink = {.pixels = NULL};
    bool close = false;
    *wide = (dd__image){.pixels = NULL};
    dd__ground paper = dd__ground_find(small);
    dd_status status = DD_OK;
    if (paper.clear) {
        DD_TRY_OUT(dd__ground_remove(&paper, small, &ink));
        DD_TRY_OUT(is_cut_close(&ink, &close));
    }
    if (close) DD_TRY_OUT(widen(image, &paper, wide));
out:
    dd__image_clear(&ink);
    return status;
}
