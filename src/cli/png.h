/* png.h: writes one image as PNG (ISO/IEC 15948), 8 bits, grey or RGB, with zlib's deflate. */
#ifndef DD_CLI_PNG_H
#define DD_CLI_PNG_H

#include <stdint.h>

#include "deepdigits.h"

/* pixels (height, width, channels); channels 1 or 3. The file appears complete or not at all. */
dd_status cli_png_write(const char *path, const uint8_t *pixels, unsigned height, unsigned width,
                        unsigned channels);

#endif
