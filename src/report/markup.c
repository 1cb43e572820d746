#include "report/markup.h"

#include <string.h>

#include "data/image.h"
#include "data/stb.h"

void dd__print_escaped(FILE *file, const char *text) {
    for (; *text; text++) {
        switch (*text) {
        case '<':
            fputs("&lt;", file);
            break;
        case '>':
            fputs("&gt;", file);
            break;
        case '&':
            fputs("&amp;", file);
            break;
        case '"':
            fputs("&quot;", file);
            break;
        default:
            fputc(*text, file);
        }
    }
}

/* ---- Pictures ------------------------------------------------------------------------ */

typedef struct encoding {
    dd__arena *arena;
    char *text; /* NULL: no memory */
} encoding;

/* What stb_image_write calls, once, with the whole file: base64 (RFC 4648). */
static void encode(void *context, void *file, int size) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    static const char prefix[] = "data:image/png;base64,";
    encoding *made = context;
    const uint8_t *bytes = file;
    size_t count = (size_t)size;
    made->text = dd__arena_alloc(made->arena, sizeof prefix + (count + 2) / 3 * 4, 1);
    if (!made->text) return;
    memcpy(made->text, prefix, sizeof prefix);
    char *at = made->text + sizeof prefix - 1;
    for (size_t i = 0; i < count; i += 3, at += 4) {
        size_t left = count - i;
        uint32_t group = (uint32_t)bytes[i] << 16;
        if (left > 1) group |= (uint32_t)bytes[i + 1] << 8;
        if (left > 2) group |= bytes[i + 2];
        at[0] = digits[group >> 18];
        at[1] = digits[group >> 12 & 63];
        at[2] = left > 1 ? digits[group >> 6 & 63] : '=';
        at[3] = left > 2 ? digits[group & 63] : '=';
    }
    *at = 0;
}

static const char *encode_png(dd__arena *arena, const dd__image *image) {
    encoding made = {.arena = arena};
    int width = (int)image->width, channels = (int)image->channels;
    stbi_write_png_to_func(encode, &made, width, (int)image->height, channels, image->pixels,
                           width * channels);
    return made.text;
}

/* A copy in 1 or 3 channels; its pixels are NULL when there is no memory. */
static dd__image copy(const uint8_t *pixels, unsigned height, unsigned width, unsigned channels) {
    dd__image image = {.width = width, .height = height, .channels = channels == 3 ? 3 : 1};
    size_t count = (size_t)height * width;
    image.pixels = dd__alloc(count, image.channels);
    for (size_t i = 0; image.pixels && i < count; i++)
        memcpy(image.pixels + i * image.channels, pixels + i * channels, image.channels);
    return image;
}

static unsigned shrunk(unsigned side, unsigned longer) {
    unsigned size = (unsigned)((uint64_t)side * DD__THUMBNAIL / longer);
    return size ? size : 1;
}

const char *dd__picture(dd__arena *arena, const uint8_t *pixels, unsigned height, unsigned width,
                        unsigned channels) {
    dd__image image = copy(pixels, height, width, channels), small = {.pixels = NULL};
    unsigned longer = height > width ? height : width;
    const char *text = NULL;
    if (!image.pixels) return NULL;
    if (longer <= DD__THUMBNAIL)
        text = encode_png(arena, &image);
    else if (dd__image_resize(&image, shrunk(width, longer), shrunk(height, longer), &small) ==
             DD_OK)
        text = encode_png(arena, &small);
    dd__image_clear(&small);
    dd__image_clear(&image);
    return text;
}
