#include <stdlib.h>

#include "base/memory.h"
#include "plan/storage.h"

static int larger_first(const void *a, const void *b) {
    const dd__block *x = *(dd__block *const *)a, *y = *(dd__block *const *)b;
    if (x->bytes != y->bytes) return x->bytes < y->bytes ? 1 : -1;
    return x < y ? -1 : 1; /* the same order in every run */
}

static bool alive_together(const dd__block *a, const dd__block *b) {
    return a->first <= b->last && b->first <= a->last;
}

/* The first offset from `offset` on where so many bytes do not cross the end of a piece. */
static size_t within_piece(size_t offset, size_t bytes, size_t piece) {
    size_t left = piece - offset % piece;
    return bytes <= left || left == piece ? offset : offset + left;
}

/* The lowest offset where `block` overlaps none of the `count` placed ones that live when it does:
 * start at 0 and jump behind whatever is in the way until nothing is. */
static size_t lowest_free(const dd__block *block, dd__block *const *placed, size_t count,
                          size_t piece) {
    size_t offset = 0;
    for (bool moved = true; moved;) {
        moved = false;
        for (size_t i = 0; i < count; i++) {
            const dd__block *other = placed[i];
            if (!alive_together(block, other)) continue;
            if (offset >= other->offset + other->bytes || other->offset >= offset + block->bytes)
                continue;
            offset = within_piece(other->offset + other->bytes, block->bytes, piece);
            moved = true;
        }
    }
    return offset;
}

dd_status dd__storage_plan(dd__block *blocks, size_t count, size_t piece, size_t *total) {
    *total = 0;
    dd__block **order = dd__alloc(count, sizeof *order);
    if (!order) return dd__no_memory(count * sizeof *order);
    for (size_t i = 0; i < count; i++) {
        blocks[i].bytes = dd__round_up(blocks[i].bytes, DD__ALIGNMENT);
        order[i] = &blocks[i];
    }
    qsort(order, count, sizeof *order, larger_first);
    for (size_t i = 0; i < count; i++) {
        order[i]->offset = lowest_free(order[i], order, i, piece);
        size_t end = order[i]->offset + order[i]->bytes;
        if (end > *total) *total = end;
    }
    dd__free(order);
    return DD_OK;
}
