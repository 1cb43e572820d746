/* exif.h: how a camera was held. */
#ifndef DD_DATA_EXIF_H
#define DD_DATA_EXIF_H

#include <stddef.h>
#include <stdint.h>

/* The orientation, 1 to 8, in the data of JPEG's marker e1; 1 where there is none or it makes no sense. */
unsigned dd__exif_orientation(const uint8_t *data, size_t size);

#endif
