/* ink.h: what was written, apart from what it was written on. */
#ifndef DD_DATA_INK_H
#define DD_DATA_INK_H

#include "data/image.h"

enum {
    DD__INK_SIDE = 160,  /* the longer side of a digit as it is cut out, pixels, about */
    DD__INK_MARGIN = 24, /* at least as much black around it */
};

/* Cuts a digit out of a picture (1 or 3 channels), dark on light or light on dark or in colours:
 * ink (height, width, 1), bright on black. ink->pixels is NULL when there is none. DD_MEMORY */
dd_status dd__ink_find(const dd__image *image, dd__image *ink);

#endif
