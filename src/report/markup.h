/* markup.h: text and pictures inside pages. */
#ifndef DD_REPORT_MARKUP_H
#define DD_REPORT_MARKUP_H

#include <stdio.h>

#include "base/memory.h"

/* Prints `text`, which may come from anyone, for XML and HTML: as text, or as a value in double
 * quotes. */
void dd__print_escaped(FILE *file, const char *text);

/* A picture as "data:image/png;base64,...", made in `arena`; NULL when there is no memory.
 *   pixels  (height, width, channels); of other than 3 channels the first one, as grey
 * Shrunk so that neither side has more than DD__THUMBNAIL pixels. */
enum { DD__THUMBNAIL = 64 };
const char *dd__picture(dd__arena *arena, const uint8_t *pixels, unsigned height, unsigned width,
                        unsigned channels);

#endif
