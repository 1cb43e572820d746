/* ground.h: a picture's two levels: the ground's, which most of its border has, and the figure's. */
#ifndef DD_DATA_GROUND_H
#define DD_DATA_GROUND_H

#include "data/image.h"

enum {
    DD__FIGURE = 255,
    DD__GROUND_SIDE = 128, /* as large a picture shows both levels */
};

typedef struct dd__ground {
    unsigned threshold;
    bool bright; /* the ground; the figure is dark */
    bool clear;  /* the two levels are nearly all that pixels differ by */
} dd__ground;

/* Pixels of a picture's border, and the number in the picture of the i-th of them, clockwise. */
size_t dd__border_count(const dd__image *image);
size_t dd__border_at(const dd__image *image, size_t i);

/* Of a picture with 1 or 3 channels. */
dd__ground dd__ground_find(const dd__image *image);
bool dd__ground_has(const dd__ground *ground, const dd__image *image, size_t pixel);
/* figure (height, width, 1): DD__FIGURE, or 0 where the ground is; the caller clears it. DD_MEMORY */
dd_status dd__ground_remove(const dd__ground *ground, const dd__image *image, dd__image *figure);
size_t dd__figure_count(const dd__image *figure);

#endif
