/* tile.h: products of matrices, and the register tile that computes them on CPU runtimes (cl/common.cl). */
#ifndef DD_OPS_TILE_H
#define DD_OPS_TILE_H

#include "graph/op.h"

/* C (M,N) = A (M,K) B (K,N), row-major, with operands that are read through strides:
 * A(i,k) = a[i * ai + k * ak], B(k,j) = b[k * bk + j * bj]. */
typedef struct dd__matrices {
    int32_t m, n, k, ai, ak, bk, bj;
} dd__matrices;

/* Of the last two axes of a and b, which may lie transposed. */
dd__matrices dd__matrices_of(const dd__dims *a, bool transpose_a, const dd__dims *b,
                             bool transpose_b);

typedef struct dd__tile {
    int32_t rows,
        columns;   /* pixels or rows of a matrix; channels or columns, a multiple of the vector */
    int32_t lanes; /* of a vector */
    char options[64]; /* "-DVW=8 -DMR=6 -DNV=2" */
} dd__tile;

/* Of the vectors that tiles are made of on the device: 16, 8 or 4. */
int32_t dd__tile_lanes(const dd_device *device);
/* Of the node's implementation, whose tunables are dd__tile_tunables. */
dd__tile dd__tile_of(const dd__node *node, const dd_device *device);
/* The same for another table, which begins with DD__TILE_TUNABLES. */
dd__tile dd__tile_with(const dd__node *node, const dd_device *device, const dd__tunable *tunables);

/* The first rows of the tables of tunables of all that compute with such tiles. */
enum { DD__TILE_ROWS, DD__TILE_VECTORS, DD__TILE_SETTINGS };
/* So many that of a block's columns few are idle: 2, or 3 for 48 and 144, or 1 for 16. */
int32_t dd__tile_vectors_for(int32_t columns, const dd_device *device);
/* 6 rows of 2 vectors, or 4 of 3, fill AVX2's and NEON's 16 registers; AVX-512's 32 take 8 rows, or 6,
 * with which the compiler keeps the rows' numbers in registers as well. */
int32_t dd__tile_rows_for(int32_t vectors, const dd_device *device);
/* 2 vectors, whatever the columns, and rows for those that are set: one program for all products. */
int32_t dd__tile_usual_rows(const dd__node *node, const dd_device *device);
int32_t dd__tile_usual_vectors(const dd__node *node, const dd_device *device);
bool dd__tile_rows_suit(const dd__node *node, const dd_device *device, int32_t rows);
bool dd__tile_vectors_suit(const dd__node *node, const dd_device *device, int32_t vectors);
/* rows_, vectors_: dd__tile_usual_rows and dd__tile_usual_vectors, or the op's own. */
#define DD__TILE_TUNABLES(rows_, vectors_)                        \
    [DD__TILE_ROWS] = {.name = "rows",                            \
                       .values = {1, 2, 4, 5, 6, 8, 14},          \
                       .usual_for = rows_,                        \
                       .suits = dd__tile_rows_suit,               \
                       .help = "rows of the register tile (MR)"}, \
    [DD__TILE_VECTORS] = {.name = "vectors",                      \
                          .values = {1, 2, 3, 4},                 \
                          .usual_for = vectors_,                  \
                          .suits = dd__tile_vectors_suit,         \
                          .help = "vectors in a row of it (NV)"}
/* Of an implementation that has no others. */
extern const dd__tunable dd__tile_tunables[];

/* For B, or `count` matrices B one behind the other, in blocks of a tile's columns, by the program's kernel
 * `pack` (cl/pack.cl): what `scratch` asks for, and `pack`. */
size_t dd__tile_packed_bytes(const dd__node *node, const dd_device *device, const dd__matrices *s,
                             size_t count);
dd_status dd__tile_pack(dd__recorder *recorder, const dd__node *node, const dd__site *site,
                        const char *program, const dd__matrices *s, size_t count);

static inline int32_t dd__divide_up(int32_t a, int32_t b) { return (a + b - 1) / b; }

#endif
