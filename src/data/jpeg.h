/* jpeg.h: what stb_image 2.27, Debian 12's, does not check in a JPEG file before it writes. */
#ifndef DD_DATA_JPEG_H
#define DD_DATA_JPEG_H

#include "base/status.h"

/* Whether the bytes begin as JPEG does. */
bool dd__is_jpeg(const uint8_t *bytes, size_t size);
/* Walks the segments and checks the Huffman tables. DD_FORMAT  a table has more codes than there
 * are bytes, or a segment does not end within the file */
dd_status dd__jpeg_check(const uint8_t *bytes, size_t size);

#endif
