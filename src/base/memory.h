/* memory.h: the one door to the heap, so that tests can make it fail; and arenas. */
#ifndef DD_BASE_MEMORY_H
#define DD_BASE_MEMORY_H

#include "base/status.h"

/* Zeroed memory for count items of `bytes`; NULL when there is none or the product overflows. */
void *dd__alloc(size_t count, size_t bytes);
/* As realloc; new bytes are not zeroed. */
void *dd__resize(void *memory, size_t count, size_t bytes);
void dd__free(void *memory);
/* A copy of a string, or NULL. */
char *dd__copy_string(const char *text);

/* From now on the `countdown`th allocation of this thread fails, once; 0: none. For tests. */
void dd__fail_allocation(size_t countdown);

/* Many small things with one lifetime: allocated one by one, freed together. */
typedef struct dd__arena {
    struct dd__arena_block *last;
    size_t used;  /* bytes handed out so far */
    size_t limit; /* and of how many at most; 0: any */
} dd__arena;

/* Whether so much more is within the limit. */
bool dd__arena_allows(const dd__arena *arena, size_t count, size_t bytes);
/* Zeroed memory that lives until dd__arena_free; NULL when there is none, or the limit is reached. */
void *dd__arena_alloc(dd__arena *arena, size_t count, size_t bytes);
/* printf into the arena; NULL when there is no memory. */
char *dd__arena_print(dd__arena *arena, const char *format, ...) DD_PRINTF(2, 3);
void dd__arena_free(dd__arena *arena);

#endif
