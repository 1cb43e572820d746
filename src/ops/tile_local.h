/* tile_local.h: the products of the GPU class, by work-groups with panels in local memory
 * (cl/tile_local.cl). */
#ifndef DD_OPS_TILE_LOCAL_H
#define DD_OPS_TILE_LOCAL_H

#include "graph/op.h"

/* ---- The tile of a group ------------------------------------------------------------------ */

typedef struct dd__local_tile {
    int32_t width, height; /* items of a group along columns and along rows */
    int32_t rows, columns; /* of the group's tile of the result */
    int32_t depth;         /* of the panels */
    char options[96];      /* "-DVW=4 -DGX=16 -DGY=16 -DMV=2 -DNV=2 -DDEPTH=8" */
} dd__local_tile;

/* Of a node whose implementation has dd__local_tunables, and whose result is a matrix with its last
 * dimension as columns. */
dd__local_tile dd__local_tile_of(const dd__node *node, const dd_device *device);
enum {
    DD__LOCAL_WIDTH,
    DD__LOCAL_HEIGHT,
    DD__LOCAL_ROWS,
    DD__LOCAL_COLUMNS,
    DD__LOCAL_DEPTH,
    DD__LOCAL_SLICES,
    DD__LOCAL_SETTINGS
};
extern const dd__tunable dd__local_tunables[];
/* The same as the first rows of another table. */
#define DD__LOCAL_TUNABLES                                                                 \
    [DD__LOCAL_WIDTH] = {.name = "width",                                                  \
                         .values = {4, 8, 16, 32},                                         \
                         .usual_for = dd__local_usual_width,                               \
                         .help = "work-items of a group along columns (GX)"},              \
    [DD__LOCAL_HEIGHT] = {.name = "height",                                                \
                          .values = {2, 4, 8, 16},                                         \
                          .usual_for = dd__local_usual_height,                             \
                          .help = "work-items of a group along rows (GY)"},                \
    [DD__LOCAL_ROWS] = {.name = "rows",                                                    \
                        .values = {1, 2},                                                  \
                        .usual_for = dd__local_usual_rows,                                 \
                        .help = "blocks of 4 rows an item (MV)"},                          \
    [DD__LOCAL_COLUMNS] = {.name = "columns",                                              \
                           .values = {1, 2},                                               \
                           .usual_for = dd__local_usual_columns,                           \
                           .help = "blocks of 4 columns an item (NV)"},                    \
    [DD__LOCAL_DEPTH] = {.name = "depth",                                                  \
                         .values = {8, 16, 32},                                            \
                         .usual_for = dd__local_usual_depth,                               \
                         .help = "numbers of the sums that local memory holds at a time"}, \
    [DD__LOCAL_SLICES] = {.name = "slices",                                                \
                          .values = {1, 4, 16, 64},                                        \
                          .usual_for = dd__local_usual_slices,                             \
                          .help = "parts of the sums that are computed apart"}
int32_t dd__local_usual_width(const dd__node *node, const dd_device *device);
int32_t dd__local_usual_height(const dd__node *node, const dd_device *device);
int32_t dd__local_usual_rows(const dd__node *node, const dd_device *device);
int32_t dd__local_usual_columns(const dd__node *node, const dd_device *device);
int32_t dd__local_usual_depth(const dd__node *node, const dd_device *device);
int32_t dd__local_usual_slices(const dd__node *node, const dd_device *device);
/* Why no group of the device takes the tile that is set, or NULL. For `refuse`. */
const char *dd__local_refuse(const dd__node *node, const dd_device *device);

/* ---- A product ---------------------------------------------------------------------------- */

typedef struct dd__product { /* of matrices, or `count` of them in one launch */
    int32_t m, n, k;
    int32_t row; /* numbers from one row of the result to the next; n, or more with groups */
    int32_t count;
    int32_t places; /* rows that become one by their maximum; 1: none do */
} dd__product;

/* Into how many slices of k it is cut, so that there is work for all of the device. */
int32_t dd__local_slices(const dd__node *node, const dd_device *device, const dd__product *p);
/* Bytes of workspace that their shares of the result take; 0 for one slice. */
size_t dd__local_slice_bytes(const dd__node *node, const dd_device *device, const dd__product *p);

/* What comes behind the sums; what is NULL is left out. */
typedef struct dd__finish {
    const dd__value *bias;
    dd__value *const *norm; /* gamma, beta, mean, variance */
    float epsilon;
    bool relu;
} dd__finish;

/* The arguments FINISH of cl/finish.cl; `other` is any buffer, for those that are left out. */
void dd__append_finish(dd__launch *launch, const dd__finish *finish, dd__buffer *other);

enum { DD__LOCAL_NUMBERS = 20 };

typedef struct dd__local_launch {
    const char *program, *options; /* options: but the tile's */
    dd__product product;
    dd__finish finish;
    dd__buffer *left, *right, *y;
    int32_t numbers[DD__LOCAL_NUMBERS]; /* arguments of the kernel's own, behind all others */
    size_t number_count;
} dd__local_launch;

/* Records the program's kernel `multiply`, and where it is cut into slices, whose shares then go to
 * site->workspace[0], the launch that adds them up. */
dd_status dd__local_record(dd__recorder *recorder, const dd__node *node, const dd__site *site,
                           const dd__local_launch *launch);

/* The program's kernel `multiply` alone: so many slices, each m * row numbers behind the one before,
 * to `to`. */
dd_status dd__local_record_slices(dd__recorder *recorder, const dd__node *node,
                                  const dd_device *device, const dd__local_launch *launch,
                                  int32_t slices, dd__buffer *to);

#endif
