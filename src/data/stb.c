/* stb.c: the one place where stb's implementations are compiled, with our heap and zlib's deflate.
 * stb_image_write's own deflate does not check its allocations. */
#include <zlib.h>

#include "base/memory.h"

#include "data/stb.h"

static _Thread_local size_t largest_allocation;
static _Thread_local dd__stb_shortage shortage;

void dd__stb_limit(size_t bytes) {
    largest_allocation = bytes;
    shortage = DD__STB_NONE;
}

dd__stb_shortage dd__stb_short_of(void) { return shortage; }

static void *limited_resize(void *memory, size_t bytes) {
    void *result = NULL;
    if (bytes > largest_allocation)
        shortage = DD__STB_OVER_LIMIT;
    else {
        result = memory ? dd__resize(memory, 1, bytes) : dd__alloc(1, bytes);
        if (!result) shortage = DD__STB_NO_MEMORY;
    }
    return result;
}

static unsigned char *deflate_bytes(unsigned char *data, int size, int *packed, int quality) {
    uLong room = compressBound((uLong)size);
    unsigned char *out = dd__alloc(1, room);
    if (out && compress2(out, &room, data, (uLong)size, quality) != Z_OK) {
        dd__free(out);
        out = NULL;
    }
    *packed = out ? (int)room : 0;
    return out;
}

#define STBI_MALLOC(bytes)           limited_resize(NULL, bytes)
#define STBI_REALLOC(memory, bytes)  limited_resize(memory, bytes)
#define STBI_FREE(memory)            dd__free(memory)
#define STBIW_MALLOC(bytes)          dd__alloc(1, bytes)
#define STBIW_REALLOC(memory, bytes) dd__resize(memory, 1, bytes)
#define STBIW_FREE(memory)           dd__free(memory)
#define STBIW_ZLIB_COMPRESS          deflate_bytes
#define STBIR_MALLOC(bytes, context) ((void)(context), dd__alloc(1, bytes))
#define STBIR_FREE(memory, context)  ((void)(context), dd__free(memory))
#define STB_IMAGE_IMPLEMENTATION
#define STB_IMAGE_RESIZE_IMPLEMENTATION
#define STB_IMAGE_WRITE_IMPLEMENTATION
#include <stb_image.h>
#include <stb_image_resize.h>
#include <stb_image_write.h>
