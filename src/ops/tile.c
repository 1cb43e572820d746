#include "ops/tile.h"

#include <math.h>
#include <stdio.h>

dd__matrices dd__matrices_of(const dd__dims *a, bool transpose_a, const dd__dims *b,
                             bool transpose_b) {
    int32_t a_rows = (int32_t)a->d[a->rank - 2], a_row = (int32_t)a->d[a->rank - 1];
    int32_t b_rows = (int32_t)b->d[b->rank - 2], b_row = (int32_t)b->d[b->rank - 1];
    return (dd__matrices){.m = transpose_a ? a_row : a_rows,
                          .n = transpose_b ? b_rows : b_row,
                          .k = transpose_a ? a_rows : a_row,
                          .ai = transpose_a ? 1 : a_row,
                          .ak = transpose_a ? a_row : 1,
                          .bk = transpose_b ? 1 : b_row,
                          .bj = transpose_b ? b_row : 1};
}

const dd__tunable dd__tile_tunables[] = {
    DD__TILE_TUNABLES(dd__tile_usual_rows, dd__tile_usual_vectors), {0}};

int32_t dd__tile_lanes(const dd_device *device) {
    unsigned width = dd_device_describe(device)->vector_width;
    return width >= 16 ? 16 : width >= 8 ? 8 : 4;
}

int32_t dd__tile_vectors_for(int32_t columns, const dd_device *device) {
    /* A row of one vector has a load for each multiply-add: 1.4 times the time for a column. */
    static const struct {
        int32_t vectors;
        double cost;
    } candidates[] = {{2, 1}, {3, 1}, {1, 1.4}};
    double least = INFINITY;
    int32_t best = 0;
    for (size_t i = 0; i < DD_COUNT(candidates); i++) {
        int32_t wide = dd__tile_lanes(device) * candidates[i].vectors;
        double cost = candidates[i].cost * dd__divide_up(columns, wide) * wide;
        if (cost >= least) continue;
        least = cost;
        best = candidates[i].vectors;
    }
    return best;
}

int32_t dd__tile_rows_for(int32_t vectors, const dd_device *device) {
    if (dd__tile_lanes(device) == 16) return vectors < 3 ? 8 : 6;
    return vectors < 3 ? 6 : 4;
}

int32_t dd__tile_usual_rows(const dd__node *node, const dd_device *device) {
    return dd__tile_rows_for(dd__setting(node, device, dd__tile_tunables, DD__TILE_VECTORS),
                             device);
}

int32_t dd__tile_usual_vectors(const dd__node *node, const dd_device *device) {
    (void)node;
    (void)device;
    return 2;
}

dd__tile dd__tile_of(const dd__node *node, const dd_device *device) {
    return dd__tile_with(node, device, dd__tile_tunables);
}

dd__tile dd__tile_with(const dd__node *node, const dd_device *device, const dd__tunable *tunables) {
    int32_t lanes = dd__tile_lanes(device),
            rows = dd__setting(node, device, tunables, DD__TILE_ROWS);
    int32_t vectors = dd__setting(node, device, tunables, DD__TILE_VECTORS);
    dd__tile tile = {.rows = rows, .columns = vectors * lanes, .lanes = lanes};
    snprintf(tile.options, sizeof tile.options, "-DVW=%d -DMR=%d -DNV=%d", lanes, rows, vectors);
    return tile;
}

/* The sums alone must fit the registers: beyond that each step would store and load some. */
static bool fits(const dd_device *device, int32_t rows, int32_t vectors) {
    return rows * vectors <= (dd__tile_lanes(device) == 16 ? 32 : 16);
}

/* A tile of one or two rows loads a vector for one or two multiply-adds: good where the output has
 * no more rows, and nowhere else. */
bool dd__tile_rows_suit(const dd__node *node, const dd_device *device, int32_t rows) {
    const dd__dims *y = &node->out[0]->dims;
    size_t all = y->rank ? dd__dims_count(y) / y->d[y->rank - 1] : 1;
    int32_t vectors = dd__setting(node, device, dd__tile_tunables, DD__TILE_VECTORS);
    return fits(device, rows, vectors) && (rows > 2 || all < 8);
}

bool dd__tile_vectors_suit(const dd__node *node, const dd_device *device, int32_t vectors) {
    return fits(device, dd__tile_of(node, device).rows, vectors);
}

size_t dd__tile_packed_bytes(const dd__node *node, const dd_device *device, const dd__matrices *s,
                             size_t count) {
    size_t columns = (size_t)dd__tile_of(node, device).columns;
    return sizeof(float) * count * (size_t)s->k * dd__round_up((size_t)s->n, columns);
}

dd_status dd__tile_pack(dd__recorder *recorder, const dd__node *node, const dd__site *site,
                        const char *program, const dd__matrices *s, size_t count) {
    dd__tile t = dd__tile_of(node, site->device);
    return dd__record(
        recorder,
        &(dd__launch){.program = program,
                      .options = t.options,
                      .kernel = "pack",
                      .global = {(size_t)s->k, (size_t)dd__divide_up(s->n, t.columns), count},
                      .local = {1, 1, 1},
                      .arguments = {DD_BUFFER(node->in[1]->buffer), DD_BUFFER(site->packed),
                                    DD_INT(s->k), DD_INT(s->n), DD_INT(s->bk), DD_INT(s->bj)}});
}
