/* tile.h: the register tile of the products for CPU runtimes (cl/common.cl). */
#ifndef DD_OPS_TILE_H
#define DD_OPS_TILE_H

#include "device/recorder.h"

typedef struct dd__tile {
    int32_t rows,
        columns; /* pixels or rows of a matrix; channels or columns, a multiple of the vector */
    char options[64]; /* "-DVW=8 -DMR=6 -DNV=2" */
} dd__tile;

/* 6 rows of 2 vectors fill AVX2's and NEON's 16 registers; AVX-512's 32 take 8 rows. */
dd__tile dd__tile_of(const dd_device *device);
/* The same with another number of rows. */
dd__tile dd__tile_with(const dd_device *device, int32_t rows);

static inline int32_t dd__divide_up(int32_t a, int32_t b) { return (a + b - 1) / b; }

#endif
