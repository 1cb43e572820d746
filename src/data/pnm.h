/* pnm.h: the portable grey and colour maps of Netpbm. */
#ifndef DD_DATA_PNM_H
#define DD_DATA_PNM_H

#include "data/image.h"

/* Whether the bytes begin as P2, P3, P5 or P6 do. */
bool dd__is_pnm(const uint8_t *bytes, size_t size);
/* Decodes into 1 or 3 channels as the file has them; with `only_size`, pixels stays NULL. */
dd_status dd__pnm_decode(const uint8_t *bytes, size_t size, bool only_size, dd__image *image);

#endif
