/* prepare.c: pictures of digits made like MNIST's, which are grey, bright on black, fitted into
 * 20x20 with their proportions kept, with the centre of mass in the middle of 28x28 (LeCun, Bottou,
 * Bengio, Haffner: "Gradient-based learning applied to document recognition", 1998, section III.A).
 */
#include "data/prepare.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "data/area.h"
#include "data/ink.h"
#include "data/stroke.h"

static dd_status prepare_none(const dd__image *image, unsigned height, unsigned width,
                              unsigned channels, uint8_t *out) {
    if (image->height != height || image->width != width)
        return dd__fail(DD_SHAPE, "expected an image of %ux%u (width x height), found %ux%u", width,
                        height, image->width, image->height);
    dd__image_copy_channels(image, channels, out);
    return DD_OK;
}

static dd_status prepare_plain(const dd__image *image, unsigned height, unsigned width,
                               unsigned channels, uint8_t *out) {
    dd__image resized;
    DD_TRY(dd__image_resize(image, width, height, &resized));
    dd__image_copy_channels(&resized, channels, out);
    dd__image_clear(&resized);
    return DD_OK;
}

/* Averaging thin strokes dims them; the brightest becomes white again. */
static void stretch_to_white(dd__image *image) {
    size_t count = (size_t)image->width * image->height;
    unsigned most = 1;
    for (size_t i = 0; i < count; i++)
        if (image->pixels[i] > most) most = image->pixels[i];
    for (size_t i = 0; i < count; i++)
        image->pixels[i] = (uint8_t)((image->pixels[i] * 255u + most / 2) / most);
}

/* Where a picture of `size` begins along an axis of `room` so that its centre of mass is in the
 * middle, as far as all of it stays inside. MNIST's middle is that of pixel 14, half a pixel off
 * the picture's: over its first 2000 test images the mean is (14.50, 14.49). */
static unsigned place(double center, unsigned size, unsigned room) {
    double start = floor(room / 2.0 + 0.5 - center + 0.5);
    if (start < 0) start = 0;
    if (start > room - size) start = room - size;
    return (unsigned)start;
}

/* Puts `tile` into out (height, width), which is black. */
static void paste_centered(const dd__image *tile, unsigned height, unsigned width, uint8_t *out) {
    double mass = 0, x = 0, y = 0;
    for (unsigned row = 0; row < tile->height; row++)
        for (unsigned column = 0; column < tile->width; column++) {
            double value = tile->pixels[(size_t)row * tile->width + column];
            mass += value;
            x += value * (column + 0.5);
            y += value * (row + 0.5);
        }
    unsigned left = place(mass > 0 ? x / mass : tile->width / 2.0, tile->width, width);
    unsigned top = place(mass > 0 ? y / mass : tile->height / 2.0, tile->height, height);
    for (unsigned row = 0; row < tile->height; row++)
        memcpy(out + (size_t)(top + row) * width + left, tile->pixels + (size_t)row * tile->width,
               tile->width);
}

static unsigned scaled(unsigned size, double scale, unsigned most) {
    double result = floor(size * scale + 0.5);
    return result < 1 ? 1 : result > most ? most : (unsigned)result;
}

/* MNIST's strokes are 2 to 3 pixels wide: a ball pen's become so. */
static dd_status settle_strokes(dd__image *ink) {
    const double thinnest = 2.0 / 20;
    double width;
    DD_TRY(dd__stroke_width(ink, &width));
    unsigned longer = ink->width > ink->height ? ink->width : ink->height;
    double wanted = thinnest * (longer - 2 * DD__INK_MARGIN);
    return width < wanted ? dd__stroke_widen(ink, (wanted - width) / 2) : DD_OK;
}

/* What is at least half ink, as a picture that shares no memory; without pixels where nothing is. */
static dd_status trim(const dd__image *ink, dd__image *out) {
    dd__area box = {ink->width, ink->height, 0, 0};
    for (unsigned y = 0; y < ink->height; y++)
        for (unsigned x = 0; x < ink->width; x++) {
            if (ink->pixels[(size_t)y * ink->width + x] < 128) continue;
            if (x < box.left) box.left = x;
            if (x >= box.right) box.right = x + 1;
            if (y < box.top) box.top = y;
            box.bottom = y + 1;
        }
    *out = (dd__image){.channels = 1};
    return box.right > 0 ? dd__area_copy(ink, box, out) : DD_OK;
}

/* Fits `ink` into 20/28 of the height and width and pastes it into out (height, width). */
static dd_status fit(const dd__image *ink, unsigned height, unsigned width, uint8_t *out) {
    unsigned box_height = scaled(height, 20.0 / 28, height);
    unsigned box_width = scaled(width, 20.0 / 28, width);
    double down = (double)box_height / ink->height, across = (double)box_width / ink->width;
    double scale = down < across ? down : across;
    dd__image tile;
    DD_TRY(dd__image_resize(ink, scaled(ink->width, scale, box_width),
                            scaled(ink->height, scale, box_height), &tile));
    stretch_to_white(&tile);
    paste_centered(&tile, height, width, out);
    dd__image_clear(&tile);
    return DD_OK;
}

static dd_status prepare_digit(const dd__image *image, unsigned height, unsigned width,
                               unsigned channels, uint8_t *out) {
    dd__image ink = {.pixels = NULL}, digit = {.pixels = NULL};
    size_t count = (size_t)height * width;
    uint8_t *picture = dd__alloc(count, 1);
    if (!picture) return dd__no_memory(count);
    dd_status status;
    DD_TRY_OUT(dd__ink_find(image, &ink));
    if (ink.pixels) {
        DD_TRY_OUT(settle_strokes(&ink));
        DD_TRY_OUT(trim(&ink, &digit));
    }
    if (digit.pixels) DD_TRY_OUT(fit(&digit, height, width, picture));
    for (size_t i = 0; i < count * channels; i++) out[i] = picture[i / channels];
out:
    dd__image_clear(&ink);
    dd__image_clear(&digit);
    dd__free(picture);
    return status;
}

dd_status dd__prepare(const dd__image *image, dd_prepare mode, unsigned height, unsigned width,
                      unsigned channels, uint8_t *out) {
    switch (mode) {
    case DD_PREPARE_NONE:
        return prepare_none(image, height, width, channels, out);
    case DD_PREPARE_PLAIN:
        return prepare_plain(image, height, width, channels, out);
    case DD_PREPARE_DIGIT:
        return prepare_digit(image, height, width, channels, out);
    case DD_PREPARE_AUTO:
        break;
    }
    return dd__fail(DD_USAGE, "%d is no way of preparing an image", (int)mode);
}
