/* prepare.h: from a picture of any size to what a network takes. */
#ifndef DD_DATA_PREPARE_H
#define DD_DATA_PREPARE_H

#include "data/image.h"

/* Prepares `image` as `mode` (deepdigits.h; AUTO is input.h's to settle) says for a network of this input.
 *   out  (height, width, channels), all written
 * An empty sheet becomes an empty picture. DD_SHAPE  NONE and another size; DD_MEMORY; DD_USAGE */
dd_status dd__prepare(const dd__image *image, dd_prepare mode, unsigned height, unsigned width,
                      unsigned channels, uint8_t *out);

#endif
