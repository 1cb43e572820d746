/* otsu.h: the level that best parts dark from bright. */
#ifndef DD_DATA_OTSU_H
#define DD_DATA_OTSU_H

#include "base/status.h"

enum { DD__LEVELS = 256 };

/* The level that best parts counts[floor..] into what is at most it and what is above.
 *   share  of the variance that is between the two, 0 to 1: near 1 where there are two levels and
 *          little else; 0 where there is one; or NULL */
unsigned dd__otsu(const size_t counts[DD__LEVELS], unsigned floor, double *share);

#endif
