/* tile_local.h: the products of the GPU class, by work-groups with panels in local memory
 * (cl/tile_local.cl). */
#ifndef DD_OPS_TILE_LOCAL_H
#define DD_OPS_TILE_LOCAL_H

#include "graph/op.h"

/* ---- How a group multiplies its panels ----------------------------------------------------- */

typedef struct dd__local_form {
    dd_precision
        format; /* F32, and F16 where the device computes so: each item by itself; TF32, BF16:
                            on matrix units (cl/matrix.cl), which round the factors to that */
    const dd__tunable *tunables; /* beginning with DD__LOCAL_SETTINGS */
    int32_t least_height;        /* of a group */
} dd__local_form;
extern const dd__local_form dd__local_f32, dd__local_f16, dd__local_tf32, dd__local_bf16;

/* What rounding the factors makes of the result, root mean square over that of the result: each of both
 * factors is off by 2^-11 (bf16: 2^-8) at most and 0.6 of that by root mean square, the product by 1.4 times
 * as much, and errors of a sum's products add up as they do. */
#define DD__TF32_ERROR 5e-4
#define DD__BF16_ERROR 4e-3
/* Of products in half precision (cl/tile_half.cl): factors as in TF32, and the sums over a panel of D numbers
 * of either sign, whose parts grow as a root and are each rounded by 2^-11 at most, by 0.4 of that in the
 * mean: 2e-4 * sqrt(D / 2), 8e-4 for 32. */
#define DD__HALF_ERROR 2e-3

/* ---- The tile of a group ------------------------------------------------------------------ */

typedef struct dd__local_tile {
    int32_t width, height; /* items of a group along columns and along rows */
    int32_t rows, columns; /* of the group's tile of the result */
    int32_t depth;         /* of the panels */
    char options[128];     /* "-DVW=4 -DGX=16 -DGY=16 -DMV=2 -DNV=2 -DDEPTH=8" */
} dd__local_tile;

/* Of a node whose implementation has the form's tunables, and whose result is a matrix with its last
 * dimension as columns. */
dd__local_tile dd__local_tile_of(const dd__node *node, const dd_device *device,
                                 const dd__local_form *form);
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
extern const dd__tunable dd__local_tf32_tunables[], dd__local_bf16_tunables[]; /* tile_matrix.c */
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
/* The result's rows and columns, and the products that a number of it is the sum of. */
typedef struct dd__extent {
    int64_t m, n, k;
} dd__extent;
dd__extent dd__extent_of(const dd__node *node);
/* Whether tiles of that size give every compute unit its groups, in slices that are long enough. */
bool dd__local_fills(const dd__node *node, const dd_device *device, int32_t rows, int32_t columns);
/* As many slices as it takes for that, as far as they are long enough. */
int32_t dd__local_slices_of(const dd__node *node, const dd_device *device,
                            const dd__local_form *form);
/* Of a tile on matrix units (tile_matrix.c). */
size_t dd__matrix_local_bytes(const dd__local_tile *t, const dd__local_form *form);
/* Why the form is not allowed, or not there, or no group of the device takes the tile that is set; or
 * NULL. For `refuse`. */
const char *dd__local_refuse(const dd__node *node, const dd_device *device,
                             const dd__local_form *form);

/* ---- A product ---------------------------------------------------------------------------- */

typedef struct dd__product { /* of matrices, or `count` of them in one launch */
    int32_t m, n, k;
    int32_t row; /* numbers from one row of the result to the next; n, or more with groups */
    int32_t count;
    int32_t places; /* rows that become one by their maximum; 1: none do */
} dd__product;

/* Why matrix units gain nothing, or NULL. For `avoid`. */
const char *dd__local_avoid_matrix(const dd__product *p);
/* Into how many slices of k it is cut, so that there is work for all of the device. */
int32_t dd__local_slices(const dd__node *node, const dd_device *device, const dd__local_form *form,
                         const dd__product *p);
/* Bytes of workspace that their shares of the result take; 0 for one slice. */
size_t dd__local_slice_bytes(const dd__node *node, const dd_device *device,
                             const dd__local_form *form, const dd__product *p);

/* What comes behind the sums; what is NULL is left out. */
typedef struct dd__finish {
    const dd__value *bias;
    dd__value *const *norm; /* gamma, beta, mean, variance */
    const dd__value *added;
    float epsilon;
    bool relu, limit;
    float low, high;
} dd__finish;

/* The arguments FINISH of cl/finish.cl; `other` is any buffer, for those that are left out. */
void dd__append_finish(dd__launch *launch, const dd__finish *finish, dd__buffer *other);

enum { DD__LOCAL_NUMBERS = 20 };

typedef struct dd__local_launch {
    const dd__local_form *form;
    const char *program, *options; /* options: but the tile's */
    dd__product product;
    dd__finish finish;
    dd__buffer *left, *right, *y;
    int32_t numbers[DD__LOCAL_NUMBERS]; /* arguments of the kernel's own, behind all others */
    size_t number_count;
} dd__local_launch;

/* What an implementation has for one form of products, made of what its file has for all forms: refuse(node,
 * device, form), scratch(node, device, scratch, form), record(recorder, node, site, form). */
#define DD__LOCAL_FUNCTIONS(name, refuse, scratch, record)                              \
    static const char *refuse##_##name(const dd__node *node, const dd_device *device) { \
        return refuse(node, device, &dd__local_##name);                                 \
    }                                                                                   \
    static void scratch##_##name(const dd__node *node, const dd_device *device,         \
                                 dd__scratch *asked) {                                  \
        scratch(node, device, asked, &dd__local_##name);                                \
    }                                                                                   \
    static dd_status record##_##name(dd__recorder *recorder, const dd__node *node,      \
                                     const dd__site *site) {                            \
        return record(recorder, node, site, &dd__local_##name);                         \
    }

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
