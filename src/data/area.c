#include "data/area.h"

#include <string.h>

#include "base/memory.h"

dd_status dd__area_copy(const dd__image *image, dd__area area, dd__image *out) {
    *out = (dd__image){area.right - area.left, area.bottom - area.top, image->channels, NULL};
    size_t row = (size_t)out->width * out->channels;
    out->pixels = dd__alloc(out->height, row);
    if (!out->pixels) return dd__no_memory(out->height * row);
    for (unsigned y = 0; y < out->height; y++) {
        size_t from = (size_t)(area.top + y) * image->width + area.left;
        memcpy(out->pixels + y * row, image->pixels + from * image->channels, row);
    }
    return DD_OK;
}
