#include "ops/tile.h"

#include <stdio.h>

dd__tile dd__tile_with(const dd_device *device, int32_t rows) {
    unsigned width = dd_device_describe(device)->vector_width;
    unsigned lanes = width >= 16 ? 16 : width >= 8 ? 8 : 4;
    dd__tile tile = {.rows = rows, .columns = 2 * (int32_t)lanes};
    snprintf(tile.options, sizeof tile.options, "-DVW=%u -DMR=%d -DNV=2", lanes, tile.rows);
    return tile;
}

dd__tile dd__tile_of(const dd_device *device) {
    return dd__tile_with(device, dd_device_describe(device)->vector_width >= 16 ? 8 : 6);
}
