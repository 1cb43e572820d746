/* ink.h: what was written, apart from what it was written on. */
#ifndef DD_DATA_INK_H
#define DD_DATA_INK_H

#include "data/image.h"

/* Cuts out the writing of a grey picture, dark on light or light on dark, as bright on black.
 * ink->pixels is NULL when there is none. DD_MEMORY */
dd_status dd__ink_find(const dd__image *grey, dd__image *ink);

#endif
