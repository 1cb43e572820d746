/* sheet.h: a sheet of paper, apart from what it lies on. */
#ifndef DD_DATA_SHEET_H
#define DD_DATA_SHEET_H

#include "data/image.h"

/* Where a picture (1 or 3 channels) shows a sheet that lies on something, with one edge at least: that sheet,
 * upright and rectangular, as large as it is in the picture shrunk to 1024 pixels. sheet->pixels is NULL for all
 * other pictures. `small` is the picture shrunk to DD__GROUND_SIDE. DD_MEMORY */
dd_status dd__sheet_cut(const dd__image *image, const dd__image *small, dd__image *sheet);

#endif
