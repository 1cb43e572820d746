/* stroke.h: how wide strokes are, and other widths for them. */
#ifndef DD_DATA_STROKE_H
#define DD_DATA_STROKE_H

#include "data/image.h"

/* Makes the strokes of `ink` (height, width, 1; bright on black) wider all around by `by` pixels, or
 * narrower where it is negative; edges become a pixel soft. DD_MEMORY */
dd_status dd__stroke_widen(dd__image *ink, double by);
/* Mean width, pixels; 0 when there is no ink. DD_MEMORY */
dd_status dd__stroke_width(const dd__image *ink, double *width);

#endif
