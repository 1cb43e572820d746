/* margin.h: paper around what was cut close. */
#ifndef DD_DATA_MARGIN_H
#define DD_DATA_MARGIN_H

#include "data/image.h"

/* Where a picture (1 or 3 channels) is a clean one of a digit that was cut so close that it reaches
 * the border: the same with a margin of its paper's colour. wide->pixels is NULL for all other
 * pictures. DD_MEMORY */
dd_status dd__margin_add(const dd__image *image, dd__image *wide);

#endif
