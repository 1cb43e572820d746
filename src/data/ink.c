/* ink.c: two looks at a picture. The first, at all of it made small, finds where the digit is and
 * how wide its strokes are; the second, at that place alone and at a size that is always the same,
 * cuts it out. Before either, a sheet on a table is cut out, and pictures cut close get paper around
 * them. */
#include "data/ink.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "data/ground.h"
#include "data/margin.h"
#include "data/paper.h"
#include "data/parts.h"
#include "data/sheet.h"

enum { FIRST_SIDE = 512 };

/* One picture, seen with one idea of what its ink is. */
typedef struct look {
    dd__image contrast;
    dd__writing writing;
} look;

static void forget(look *at) {
    dd__image_clear(&at->contrast);
    dd__free(at->writing.kept);
    *at = (look){.writing = {.kept = NULL}};
}

/* Ink apart from what is joined to the border, unless that is the ink: a digit may reach the border
 * of a picture that was cut close. */
static dd_status find_both(const dd__image *dark, look *made) {
    enum { FAR_WORSE = 3 };
    look inner = {.contrast = made->contrast};
    size_t count = (size_t)made->contrast.width * made->contrast.height;
    inner.contrast.pixels = dd__alloc(count, 1);
    if (!inner.contrast.pixels) return dd__no_memory(count);
    memcpy(inner.contrast.pixels, made->contrast.pixels, count);
    dd_status status = dd__paper_drop_border(&inner.contrast);
    if (status == DD_OK) status = dd__parts_find(&inner.contrast, dark, &inner.writing);
    if (status == DD_OK) status = dd__parts_find(&made->contrast, dark, &made->writing);
    double weight = fmax(inner.writing.weight, made->writing.weight);
    if (status == DD_OK && inner.writing.weight * FAR_WORSE >= made->writing.weight) {
        look other = *made;
        *made = inner;
        inner = other;
    }
    made->writing.weight = weight;
    forget(&inner);
    return status;
}

/* `made` is the caller's to forget, after a failure too. */
static dd_status take(const dd__image *image, const dd__ink_colour *ink, unsigned reach,
                      look *made) {
    dd__image dark;
    *made = (look){.writing = {.kept = NULL}};
    dd_status status = dd__paper_remove(image, ink, reach, &dark, &made->contrast);
    if (status == DD_OK) status = dd__parts_smooth(&dark);
    if (status == DD_OK) status = dd__parts_smooth(&made->contrast);
    if (status == DD_OK) status = find_both(&dark, made);
    dd__image_clear(&dark);
    return status;
}

/* The most convincing of several: ink darker or brighter, strokes narrow or wide. */
static dd_status take_best(const dd__image *image, look *best, bool *bright) {
    dd__ink_colour ink;
    unsigned shorter = image->width < image->height ? image->width : image->height;
    unsigned longer = image->width > image->height ? image->width : image->height;
    const unsigned reaches[] = {shorter / 20 + 1, (unsigned)fmax(shorter / 7.0, longer / 11.0) + 1};
    *best = (look){.writing = {.kept = NULL}};
    DD_TRY(dd__paper_find_colour(image, &ink));
    bool guess = ink.bright;
    for (int i = 0; i < 4; i++) {
        look made;
        ink.bright = i < 2 ? guess : !guess;
        dd_status status = take(image, &ink, reaches[i % 2], &made);
        made.writing.weight *= (i < 2 ? 1 : ink.sure ? 0.4 : 0.9) * (i % 2 ? 1 : 0.8);
        if (status == DD_OK && made.writing.weight > best->writing.weight) {
            look worse = *best;
            *best = made;
            made = worse;
            *bright = ink.bright;
        }
        forget(&made);
        if (status != DD_OK) return status;
    }
    return DD_OK;
}

static unsigned at_least_1(double size) { return size < 1 ? 1 : (unsigned)size; }

/* Where the digit is in a picture, and what it was written with. */
typedef struct place {
    bool found, bright;
    double stroke; /* width, pixels */
    dd__area box;
} place;

/* How a part of a picture became another: (x - left) * scale. */
typedef struct view {
    unsigned left, top;
    double scale;
} view;

static place place_of(const dd__image *image, const dd__writing *writing, view from, bool bright) {
    dd__area box = writing->box;
    return (place){
        .found = writing->kept != NULL,
        .bright = bright,
        .stroke = writing->stroke / from.scale,
        .box = {from.left + (unsigned)(box.left / from.scale),
                from.top + (unsigned)(box.top / from.scale),
                (unsigned)fmin(from.left + ceil(box.right / from.scale), image->width),
                (unsigned)fmin(from.top + ceil(box.bottom / from.scale), image->height)}};
}

static dd_status find_place(const dd__image *image, place *at) {
    unsigned longer = image->width > image->height ? image->width : image->height;
    view all = {.scale = longer > FIRST_SIDE ? (double)FIRST_SIDE / longer : 1};
    dd__image small;
    look best;
    bool bright = false;
    DD_TRY(dd__image_resize(image, at_least_1(image->width * all.scale + 0.5),
                            at_least_1(image->height * all.scale + 0.5), &small));
    dd_status status = take_best(&small, &best, &bright);
    *at = place_of(image, &best.writing, all, bright);
    forget(&best);
    dd__image_clear(&small);
    return status;
}

/* Strokes have thicker places, and blots. */
static unsigned reach_of(double stroke) {
    const double least = DD__INK_SIDE * 0.06;
    return (unsigned)fmax(stroke * 1.6, least);
}

/* The place with some paper around it, so that the digit's longer side is DD__INK_SIDE. */
static dd_status cut(const dd__image *image, dd__area box, view *from, dd__image *out) {
    unsigned longer = dd__area_longer_side(box);
    dd__area wide = dd__area_around(box, longer / 5 + 2, image);
    dd__image part;
    DD_TRY(dd__area_copy(image, wide, &part));
    *from = (view){wide.left, wide.top, (double)DD__INK_SIDE / longer};
    dd_status status = dd__image_resize(&part, at_least_1(part.width * from->scale + 0.5),
                                        at_least_1(part.height * from->scale + 0.5), out);
    dd__image_clear(&part);
    return status;
}

/* Levels from low, paper, to as far above high, full ink, keep their proportions. */
static uint8_t soften(unsigned level, const dd__writing *writing) {
    unsigned full = 2 * writing->high - writing->low + 1;
    if (level <= writing->low) return 0;
    if (level >= full) return 255;
    return (uint8_t)((level - writing->low) * 255 / (full - writing->low));
}

static dd_status copy_out(const dd__image *contrast, const dd__writing *writing, dd__image *ink) {
    dd__area box = writing->box;
    ink->width = box.right - box.left + 2 * DD__INK_MARGIN;
    ink->height = box.bottom - box.top + 2 * DD__INK_MARGIN;
    ink->pixels = dd__alloc(ink->height, ink->width);
    if (!ink->pixels) return dd__no_memory((size_t)ink->width * ink->height);
    for (unsigned y = box.top; y < box.bottom; y++)
        for (unsigned x = box.left; x < box.right; x++) {
            size_t from = (size_t)y * contrast->width + x;
            size_t to =
                (size_t)(y - box.top + DD__INK_MARGIN) * ink->width + x - box.left + DD__INK_MARGIN;
            if (writing->kept[from]) ink->pixels[to] = soften(contrast->pixels[from], writing);
        }
    return DD_OK;
}

/* Cuts out what is at `at`, which moves to where the digit is seen to be now. */
static dd_status look_closer(const dd__image *image, place *at, dd__image *ink) {
    dd__image part;
    dd__ink_colour colour;
    look made = {.writing = {.kept = NULL}};
    view from;
    DD_TRY(cut(image, at->box, &from, &part));
    dd_status status = dd__paper_find_colour(&part, &colour);
    colour.bright = at->bright;
    if (status == DD_OK) status = take(&part, &colour, reach_of(at->stroke * from.scale), &made);
    at->found = status == DD_OK && made.writing.kept;
    if (at->found) status = copy_out(&made.contrast, &made.writing, ink);
    if (at->found) *at = place_of(image, &made.writing, from, at->bright);
    forget(&made);
    dd__image_clear(&part);
    return status;
}

static dd_status find(const dd__image *image, dd__image *ink) {
    enum { MOST_LOOKS = 3 };
    place at;
    DD_TRY(find_place(image, &at));
    for (int i = 0; i < MOST_LOOKS && at.found; i++) {
        unsigned before = dd__area_longer_side(at.box);
        dd__image_clear(ink);
        DD_TRY(look_closer(image, &at, ink));
        if (dd__area_longer_side(at.box) * 5 >= before * 4) break;
    }
    return DD_OK;
}

/* `small` is the image shrunk to DD__GROUND_SIDE. */
static dd_status find_with_margin(const dd__image *image, const dd__image *small, dd__image *ink) {
    dd__image wide;
    DD_TRY(dd__margin_add(image, small, &wide));
    dd_status status = find(wide.pixels ? &wide : image, ink);
    dd__image_clear(&wide);
    return status;
}

static dd_status find_on_sheet(const dd__image *sheet, dd__image *ink) {
    dd__image small;
    DD_TRY(dd__image_shrink(sheet, DD__GROUND_SIDE, &small));
    dd_status status = find_with_margin(sheet, &small, ink);
    dd__image_clear(&small);
    return status;
}

dd_status dd__ink_find(const dd__image *image, dd__image *ink) {
    dd__image small, sheet;
    *ink = (dd__image){.channels = 1};
    DD_TRY(dd__image_shrink(image, DD__GROUND_SIDE, &small));
    dd_status status = dd__sheet_cut(image, &small, &sheet);
    if (status == DD_OK && sheet.pixels) status = find_on_sheet(&sheet, ink);
    if (status == DD_OK && !ink->pixels) status = find_with_margin(image, &small, ink);
    dd__image_clear(&sheet);
    dd__image_clear(&small);
    return status;
}
