/* png.h: the outer form of a PNG file, which stb_image does not check. */
#ifndef DD_DATA_PNG_H
#define DD_DATA_PNG_H

#include "base/status.h"

bool dd__is_png(const uint8_t *bytes, size_t size);
/* Walks the chunks up to IEND. DD_FORMAT  the file is cut off, or the checksum of a chunk that
 * matters is wrong */
dd_status dd__png_check(const uint8_t *bytes, size_t size);

#endif
