/* area.h: rectangles of whole pixels in a picture. */
#ifndef DD_DATA_AREA_H
#define DD_DATA_AREA_H

#include "data/image.h"

typedef struct dd__area {
    unsigned left, top, right, bottom; /* right and bottom are beyond */
} dd__area;

static inline unsigned dd__area_longer_side(dd__area area) {
    unsigned width = area.right - area.left, height = area.bottom - area.top;
    return width > height ? width : height;
}

/* The area with `margin` around it, as far as the image goes. */
static inline dd__area dd__area_around(dd__area area, unsigned margin, const dd__image *image) {
    return (dd__area){
        .left = area.left > margin ? area.left - margin : 0,
        .top = area.top > margin ? area.top - margin : 0,
        .right = area.right + margin < image->width ? area.right + margin : image->width,
        .bottom = area.bottom + margin < image->height ? area.bottom + margin : image->height};
}

/* A pixel, by its number, and its neighbours, also across corners. */
static inline dd__area dd__area_of_neighbours(uint32_t at, const dd__image *image) {
    uint32_t x = at % image->width, y = at / image->width;
    return dd__area_around((dd__area){x, y, x + 1, y + 1}, 1, image);
}

/* The pixels there, as a picture that shares no memory. DD_MEMORY */
dd_status dd__area_copy(const dd__image *image, dd__area area, dd__image *out);

#endif
