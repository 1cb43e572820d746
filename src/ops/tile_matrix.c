/* Products of the GPU class on matrix units (cl/tile_matrix.cl): tiles whose warps have enough to do, and
 * what they are good for. */
#include "ops/tile_local.h"

enum { BLOCK = 4, WARP_HEIGHT = 4, WARP_WIDTH = 8, MOST_HEIGHT = 16, MOST_WIDTH = 16, ROWS = 2 };

static bool is_gpu(const dd_device *device) {
    return dd_device_describe(device)->type == DD_DEVICE_GPU;
}

static int32_t item_limit(const dd_device *device) { return (int32_t)dd__device_group(device); }

/* ---- What is usual ------------------------------------------------------------------------ */

/* TF32's table stands for both here: only the depth differs. */
static int32_t setting(const dd__node *node, const dd_device *device, size_t i) {
    return dd__setting(node, device, dd__local_tf32_tunables, i);
}

static int32_t usual_width(const dd__node *node, const dd_device *device) {
    bool wide = dd__extent_of(node).n > BLOCK * WARP_WIDTH * 2;
    return wide && MOST_WIDTH * WARP_HEIGHT <= item_limit(device) ? MOST_WIDTH : WARP_WIDTH;
}

/* A warp reads fewer numbers for a multiplication the larger its part is: one column of blocks only where
 * the result has no more. */
static int32_t usual_columns(const dd__node *node, const dd_device *device) {
    return !is_gpu(device) || dd__extent_of(node).n > BLOCK * WARP_WIDTH ? 2 : 1;
}

/* Whether a tile of half the rows, down to two warps, leaves fewer rows empty, or fills a device that is not
 * full otherwise. */
static bool is_better_halved(const dd__node *node, const dd_device *device, int32_t height) {
    int32_t width = setting(node, device, DD__LOCAL_WIDTH);
    int32_t rows = height * BLOCK * setting(node, device, DD__LOCAL_ROWS);
    int32_t columns = width * BLOCK * setting(node, device, DD__LOCAL_COLUMNS);
    if (height * width <= 2 * WARP_HEIGHT * WARP_WIDTH) return false;
    return rows / 2 >= dd__extent_of(node).m || !dd__local_fills(node, device, rows, columns);
}

static int32_t usual_height(const dd__node *node, const dd_device *device) {
    int32_t width = setting(node, device, DD__LOCAL_WIDTH), height = MOST_HEIGHT;
    while (height > WARP_HEIGHT &&
           (height * width > item_limit(device) || is_better_halved(node, device, height)))
        height /= 2;
    return height;
}

static int32_t usual_slices(const dd__node *node, const dd_device *device) {
    return dd__local_slices_of(node, device, &dd__local_tf32);
}

/* ---- The forms ------------------------------------------------------------------------------ */

/* Of a panel along k, which have 1 or 2 numbers: as many as an instruction takes. Deeper panels take registers,
 * for the numbers that are under way, which then a second group has not (scripts/check-ptx). */
enum { WORDS = 8 };

#define TUNABLES(numbers, ...)                                                                 \
    {                                                                                          \
        [DD__LOCAL_WIDTH] = {.name = "width",                                                  \
                             .values = {8, 16, 32},                                            \
                             .usual_for = usual_width,                                         \
                             .help = "work-items of a group along columns (GX)"},              \
        [DD__LOCAL_HEIGHT] = {.name = "height",                                                \
                              .values = {4, 8, 16},                                            \
                              .usual_for = usual_height,                                       \
                              .help = "work-items of a group along rows (GY)"},                \
        [DD__LOCAL_ROWS] = {.name = "rows",                                                    \
                            .values = {1, 2, 4},                                               \
                            .usual = ROWS,                                                     \
                            .help = "blocks of 4 rows an item (MV)"},                          \
        [DD__LOCAL_COLUMNS] = {.name = "columns",                                              \
                               .values = {1, 2},                                               \
                               .usual_for = usual_columns,                                     \
                               .help = "blocks of 4 columns an item (NV)"},                    \
        [DD__LOCAL_DEPTH] = {.name = "depth",                                                  \
                             .values = {__VA_ARGS__},                                          \
                             .usual = WORDS * (numbers),                                       \
                             .help = "numbers of the sums that local memory holds at a time"}, \
        [DD__LOCAL_SLICES] = {.name = "slices",                                                \
                              .values = {1, 4, 16, 64},                                        \
                              .usual_for = usual_slices,                                       \
                              .help = "parts of the sums that are computed apart"},            \
        {0},                                                                                   \
    }
const dd__tunable dd__local_tf32_tunables[] = TUNABLES(1, 8, 16, 32);
const dd__tunable dd__local_bf16_tunables[] = TUNABLES(2, 16, 32, 64);

const dd__local_form dd__local_tf32 = {
    .format = DD_PRECISION_TF32, .tunables = dd__local_tf32_tunables, .least_height = WARP_HEIGHT};
const dd__local_form dd__local_bf16 = {
    .format = DD_PRECISION_BF16, .tunables = dd__local_bf16_tunables, .least_height = WARP_HEIGHT};

/* ---- What they take, and what they are good for --------------------------------------------- */

/* Numbers of a panel, with what is between its rows: the more of both orders. */
static size_t panel(int32_t lines, int32_t words) {
    size_t by_words = (size_t)words * (size_t)(lines + 8);
    size_t by_lines = (size_t)lines * (size_t)(words + 4);
    return by_words > by_lines ? by_words : by_lines;
}

size_t dd__matrix_local_bytes(const dd__local_tile *t, const dd__local_form *form) {
    int32_t words = form->format == DD_PRECISION_BF16 ? t->depth / 2 : t->depth;
    size_t panels = 2 * sizeof(float) * (panel(t->rows, words) + panel(t->columns, words));
    size_t piece = sizeof(float) * BLOCK * BLOCK * (size_t)t->height * (size_t)(t->width + 1);
    return panels > piece ? panels : piece;
}

const char *dd__local_avoid_matrix(const dd__product *p) {
    const int32_t few = 8; /* an instruction multiplies 16 x 8 by 8 x 8 numbers, or more */
    bool narrow = p->m < few || p->n < few || p->k < few;
    return narrow ? "most of what matrix units multiply would be zeros" : NULL;
}
