/* parts.h: which of what stands out from the paper is the digit. */
#ifndef DD_DATA_PARTS_H
#define DD_DATA_PARTS_H

#include "data/area.h"

typedef struct dd__writing {
    unsigned low, high; /* levels: paper is below low; ink is above it and somewhere above high */
    uint8_t *kept; /* (height, width) 1 where the digit is; NULL when there is none, dd__free */
    dd__area box;  /* around it */
    double stroke; /* mean width of its strokes, pixels */
    double weight; /* how much it is like a digit: more is more */
} dd__writing;

/* Evens out the grain of a plane, as far as there is much of it. DD_MEMORY */
dd_status dd__parts_smooth(dd__image *plane);
/* Finds the digit in a plane of contrast, given the plane that it was found in (dd__paper_remove).
 * DD_MEMORY */
dd_status dd__parts_find(const dd__image *contrast, const dd__image *dark, dd__writing *writing);

#endif
