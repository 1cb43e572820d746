/* margin.h: paper around what was cut close. */
#ifndef DD_DATA_MARGIN_H
#define DD_DATA_MARGIN_H

#include "data/image.h"

/* Where a picture (1 or 3 channels) is a clean one of a digit that was cut so close that it reaches
 * the border: the same with a margin of its paper's colour. wide->pixels is NULL for all other
 * pictures. `small` is the picture shrunk to DD__GROUND_SIDE. DD_MEMORY */
dd_status dd__margin_add(const dd__image *image, const dd__image *small, dd__image *wide);

#endif
