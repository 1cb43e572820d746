#include "ops/tile.h"

#include <stdio.h>

dd__tile dd__tile_of(const dd_device *device) {
    unsigned width = dd_device_describe(device)->vector_width;
    unsigned lanes = width >= 16 ? 16 : width >= 8 ? 8 : 4;
    dd__tile tile = {.rows = lanes == 16 ? 8 : 6, .columns = 2 * (int32_t)lanes};
    snprintf(tile.options, sizeof tile.options, "-DVW=%u -DMR=%d -DNV=2", lanes, tile.rows);
    return tile;
}
