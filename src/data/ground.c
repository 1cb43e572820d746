#include "data/ground.h"

#include "base/memory.h"
#include "data/otsu.h"

static unsigned grey_at(const dd__image *image, size_t at) {
    const uint8_t *pixel = image->pixels + at * image->channels;
    return image->channels == 3 ? (0u + pixel[0] + pixel[1] + pixel[2]) / 3 : pixel[0];
}

size_t dd__border_count(const dd__image *image) {
    return 2 * ((size_t)image->width + image->height);
}

size_t dd__border_at(const dd__image *image, size_t i) {
    size_t width = image->width, height = image->height, last = height - 1;
    if (i < width) return i;
    i -= width;
    if (i < height) return i * width + width - 1;
    i -= height;
    if (i < width) return last * width + width - 1 - i;
    return (last - (i - width)) * width;
}

dd__ground dd__ground_find(const dd__image *image) {
    const double clear = 0.8; /* soft edges have much between the levels */
    size_t counts[DD__LEVELS] = {0}, bright = 0;
    double share;
    dd__ground found;
    for (size_t i = 0; i < (size_t)image->width * image->height; i++) counts[grey_at(image, i)]++;
    found.threshold = dd__otsu(counts, 0, &share);
    found.clear = share > clear;
    for (size_t i = 0; i < dd__border_count(image); i++)
        bright += grey_at(image, dd__border_at(image, i)) > found.threshold;
    found.bright = 2 * bright > dd__border_count(image);
    return found;
}

bool dd__ground_has(const dd__ground *ground, const dd__image *image, size_t pixel) {
    return (grey_at(image, pixel) > ground->threshold) == ground->bright;
}

dd_status dd__ground_remove(const dd__ground *ground, const dd__image *image, dd__image *figure) {
    size_t count = (size_t)image->width * image->height;
    *figure = (dd__image){image->width, image->height, 1, dd__alloc(count, 1)};
    if (!figure->pixels) return dd__no_memory(count);
    for (size_t i = 0; i < count; i++)
        figure->pixels[i] = dd__ground_has(ground, image, i) ? 0 : DD__FIGURE;
    return DD_OK;
}

size_t dd__figure_count(const dd__image *figure) {
    size_t count = 0;
    for (size_t i = 0; i < (size_t)figure->width * figure->height; i++)
        count += figure->pixels[i] == DD__FIGURE;
    return count;
}
