/* jpeg.h: the outer form of a JPEG file, what lies in it about its orientation, and libjpeg where it is there. */
#ifndef DD_DATA_JPEG_H
#define DD_DATA_JPEG_H

#include "data/image.h"

/* Exif's orientations, 1 to 8; from TURNED_FROM on, rows are columns. */
enum { DD__UPRIGHT = 1, DD__TURNED_FROM = 5 };

/* Whether the bytes begin as JPEG does. */
bool dd__is_jpeg(const uint8_t *bytes, size_t size);
/* Walks the segments and checks the Huffman tables. *turn is the Exif orientation, 1 where there is none.
 * DD_FORMAT  a table has more codes than there are bytes, a segment does not end within the file, or
 *            the picture is of four inks (CMYK), whose colours depend on a profile */
dd_status dd__jpeg_check(const uint8_t *bytes, size_t size, unsigned *turn);

#ifdef DD_WITH_JPEG
enum { DD__JPEG_DECODES = true };
#else
enum { DD__JPEG_DECODES = false }; /* stb_image does */
#endif
/* Decodes with libjpeg to 1 or 3 channels, the sides halved up to three times while none becomes less than
 * `least`; 0: as they are. DD_FORMAT  damaged or cut off;  DD_MEMORY */
dd_status dd__jpeg_decode(const uint8_t *bytes, size_t size, unsigned channels, unsigned least,
                          dd__image *image);

#endif
