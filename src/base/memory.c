#include "base/memory.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static _Thread_local size_t until_failure;

void dd__fail_allocation(size_t countdown) { until_failure = countdown; }

static bool must_fail(size_t count, size_t bytes) {
    if (until_failure && --until_failure == 0) return true;
    return bytes && count > PTRDIFF_MAX / bytes;
}

void *dd__alloc(size_t count, size_t bytes) {
    if (must_fail(count, bytes)) return NULL;
    return calloc(count ? count : 1, bytes ? bytes : 1);
}

void *dd__resize(void *memory, size_t count, size_t bytes) {
    if (must_fail(count, bytes)) return NULL;
    size_t total = count * bytes;
    return realloc(memory, total ? total : 1);
}

void dd__free(void *memory) { free(memory); }

char *dd__copy_string(const char *text) {
    size_t size = strlen(text) + 1;
    char *copy = dd__alloc(size, 1);
    if (copy) memcpy(copy, text, size);
    return copy;
}

struct dd__arena_block {
    struct dd__arena_block *previous;
    size_t used, size;
    max_align_t bytes[];
};

#ifndef DD_ARENA_BLOCK /* fuzzers set 1: then each piece is a block, and a byte beyond it is seen */
#define DD_ARENA_BLOCK 16384
#endif
enum { BLOCK_BYTES = DD_ARENA_BLOCK, ARENA_ALIGNMENT = _Alignof(max_align_t) };

bool dd__arena_allows(const dd__arena *arena, size_t count, size_t bytes) {
    if (!arena->limit || bytes == 0) return true;
    return arena->used <= arena->limit && count <= (arena->limit - arena->used) / bytes;
}

void *dd__arena_alloc(dd__arena *arena, size_t count, size_t bytes) {
    if (bytes && count > (PTRDIFF_MAX - BLOCK_BYTES) / bytes) return NULL;
    if (!dd__arena_allows(arena, count, bytes)) return NULL;
    size_t need = (count * bytes + ARENA_ALIGNMENT - 1) / ARENA_ALIGNMENT * ARENA_ALIGNMENT;
    struct dd__arena_block *block = arena->last;
    if (!block || block->size - block->used < need) {
        size_t size = need > BLOCK_BYTES ? need : BLOCK_BYTES;
        block = dd__alloc(1, sizeof *block + size);
        if (!block) return NULL;
        block->previous = arena->last;
        block->size = size;
        arena->last = block;
    }
    void *memory = (char *)block->bytes + block->used;
    block->used += need;
    arena->used += need;
    return memory;
}

char *dd__arena_print(dd__arena *arena, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    if (length < 0) return NULL;
    char *text = dd__arena_alloc(arena, (size_t)length + 1, 1);
    if (!text) return NULL;
    va_start(arguments, format);
    vsnprintf(text, (size_t)length + 1, format, arguments);
    va_end(arguments);
    return text;
}

void dd__arena_free(dd__arena *arena) {
    while (arena->last) {
        struct dd__arena_block *previous = arena->last->previous;
        dd__free(arena->last);
        arena->last = previous;
    }
    arena->used = 0;
}
