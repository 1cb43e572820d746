/* image_decode.c: pictures from bytes in memory, by their content: PNM by pnm.c, JPEG by libjpeg where it is
 * there, all else by stb_image. What a decoder does not check is checked before it gets the bytes. */
#include <string.h>

#include "base/memory.h"
#include "data/image.h"
#include "data/jpeg.h"
#include "data/png.h"
#include "data/pnm.h"
#include "data/stb.h"

/* ---- stb_image -------------------------------------------------------------------------------- */

/* stb_image takes missing bytes for zeros in most formats; this source of bytes notices. */
typedef struct source {
    const uint8_t *bytes;
    size_t size, at;
    bool past_end;
} source;

enum { STB_BUFFER = 128 }; /* it refills by as many, which at the end may be more than there are */

static int read_source(void *user, char *out, int wanted) {
    source *from = user;
    size_t left = from->size - from->at, part = (size_t)wanted < left ? (size_t)wanted : left;
    memcpy(out, from->bytes + from->at, part);
    from->at += part;
    if (part < (size_t)wanted && (part == 0 || wanted != STB_BUFFER)) from->past_end = true;
    return (int)part;
}

static void skip_source(void *user, int count) {
    source *from = user;
    size_t left = from->size - from->at;
    if (count < 0)
        from->at -= (size_t)-count < from->at ? (size_t)-count : from->at;
    else if ((size_t)count <= left)
        from->at += (size_t)count;
    else {
        from->at = from->size;
        from->past_end = true;
    }
}

static int source_has_ended(void *user) {
    const source *from = user;
    return from->at == from->size;
}

static dd_status stb_failure(void) {
    const char *reason = stbi_failure_reason();
    if (dd__stb_short_of() == DD__STB_NO_MEMORY)
        return dd__fail(DD_MEMORY, "not enough memory to decode the image");
    if (dd__stb_short_of() == DD__STB_OVER_LIMIT)
        return dd__fail(DD_FORMAT, "expected as many pixels as its size says, found far more data");
    return dd__fail(DD_FORMAT, "expected an image, found a damaged or unknown file: %s",
                    reason ? reason : "no reason given");
}

static const stbi_io_callbacks reading = {read_source, skip_source, source_has_ended};

/* Decodes what read_header has read into as many channels as the file has. */
static dd_status decode_stb(const uint8_t *bytes, size_t size, dd__image *image) {
    source from = {.bytes = bytes, .size = size};
    int width, height, channels;
    /* 16 bits in 4 channels, twice: zlib's output grows by doubling; and JPEG's padding */
    dd__stb_limit(((size_t)4 << 20) + (size_t)image->width * image->height * 16);
    image->pixels = stbi_load_from_callbacks(&reading, &from, &width, &height, &channels, 0);
    if (!image->pixels) return stb_failure();
    image->channels = (unsigned)channels;
    dd_status status = DD_OK;
    if ((unsigned)width != image->width || (unsigned)height != image->height)
        status = dd__fail(DD_FORMAT, "expected %ux%u pixels as the header says, found %dx%d",
                          image->width, image->height, width, height);
    else if (from.past_end)
        status = dd__fail(DD_FORMAT,
                          "expected more image data, found the end of the file at byte %zu: "
                          "cut off",
                          size);
    if (status != DD_OK) dd__image_clear(image);
    return status;
}

/* ---- Channels and sides ------------------------------------------------------------------------ */

static uint8_t over_white(unsigned value, unsigned alpha) {
    return (uint8_t)((value * alpha + 255 * (255 - alpha) + 127) / 255);
}

/* One pixel of 1 to 4 channels to 3, or to any number of grey ones. */
static void convert_pixel(const uint8_t *in, unsigned in_channels, unsigned out_channels,
                          uint8_t *out) {
    uint8_t color[3];
    bool is_grey = in_channels < 3, is_clear = in_channels == 2 || in_channels == 4;
    for (unsigned c = 0; c < 3; c++) {
        color[c] = in[is_grey ? 0 : c];
        if (is_clear) color[c] = over_white(color[c], in[in_channels - 1]);
    }
    unsigned grey = color[0];
    if (!is_grey) grey = (color[0] * 299u + color[1] * 587u + color[2] * 114u + 500) / 1000;
    for (unsigned c = 0; c < out_channels; c++)
        out[c] = out_channels == 3 ? color[c] : (uint8_t)grey;
}

void dd__image_copy_channels(const dd__image *image, unsigned channels, uint8_t *out) {
    size_t count = (size_t)image->width * image->height;
    if (channels == image->channels)
        memcpy(out, image->pixels, count * channels);
    else
        for (size_t i = 0; i < count; i++)
            convert_pixel(image->pixels + i * image->channels, image->channels, channels,
                          out + i * channels);
}

static dd_status convert(dd__image *image, unsigned channels) {
    if (channels == 0) channels = image->channels < 3 ? 1 : 3;
    if (image->channels == channels) return DD_OK;
    size_t count = (size_t)image->width * image->height;
    uint8_t *pixels = dd__alloc(count, channels);
    if (!pixels) {
        dd__image_clear(image);
        return dd__no_memory(count * channels);
    }
    dd__image_copy_channels(image, channels, pixels);
    dd__free(image->pixels);
    image->pixels = pixels;
    image->channels = channels;
    return DD_OK;
}

/* Whether the sides change places. */
static bool lies(unsigned turn) { return turn >= DD__TURNED_FROM; }

/* Makes a picture upright whose rows and columns lie as Exif's orientation `turn` says. */
static dd_status set_upright(dd__image *image, unsigned turn) {
    if (turn == DD__UPRIGHT) return DD_OK;
    bool right = turn == 2 || turn == 3 || turn == 6 || turn == 7; /* row 0 begins there */
    bool below = turn == 3 || turn == 4 || turn == 7 || turn == 8;
    dd__image out = {image->width, image->height, image->channels, NULL};
    if (lies(turn)) {
        out.width = image->height;
        out.height = image->width;
    }
    size_t bytes = image->channels;
    out.pixels = dd__alloc((size_t)out.width * out.height, bytes);
    if (!out.pixels) {
        dd__image_clear(image);
        return dd__no_memory((size_t)out.width * out.height * bytes);
    }
    for (unsigned row = 0; row < out.height; row++)
        for (unsigned column = 0; column < out.width; column++) {
            unsigned y = below ? out.height - 1 - row : row;
            unsigned x = right ? out.width - 1 - column : column;
            size_t from = lies(turn) ? (size_t)x * image->width + y : (size_t)y * image->width + x;
            memcpy(out.pixels + ((size_t)row * out.width + column) * bytes,
                   image->pixels + from * bytes, bytes);
        }
    dd__image_clear(image);
    *image = out;
    return DD_OK;
}

/* ---- All formats ------------------------------------------------------------------------------- */

/* Everything before the pixels, for what is not PNM: channels, 1 to 4, as the file has them; *turn as
 * dd__jpeg_check has it. */
static dd_status read_header(const uint8_t *bytes, size_t size, dd__image *image, unsigned *turn) {
    int width, height, channels;
    if (size == 0) return dd__fail(DD_FORMAT, "expected an image, found an empty file");
    *turn = DD__UPRIGHT;
    if (dd__is_jpeg(bytes, size)) DD_TRY(dd__jpeg_check(bytes, size, turn));
    source from = {.bytes = bytes, .size = size};
    dd__stb_limit(1 << 20);
    if (!stbi_info_from_callbacks(&reading, &from, &width, &height, &channels))
        return stb_failure();
    *image = (dd__image){(unsigned)width, (unsigned)height, (unsigned)channels, NULL};
    if (width < 1 || height < 1)
        return dd__fail(DD_FORMAT, "expected a picture, found one of %dx%d pixels", width, height);
    if ((uint64_t)image->width * image->height > DD__IMAGE_PIXELS)
        return dd__fail(DD_FORMAT, "expected at most %d pixels, found %dx%d", DD__IMAGE_PIXELS,
                        width, height);
    if ((uint64_t)image->width * image->height / DD__IMAGE_DENSITY > size)
        return dd__fail(DD_FORMAT, "expected the data of %dx%d pixels, found %zu bytes: cut off",
                        width, height, size);
    return dd__is_png(bytes, size) ? dd__png_check(bytes, size) : DD_OK;
}

dd_status dd__image_decode_reduced(const uint8_t *bytes, size_t size, unsigned channels,
                                   unsigned least, dd__image *image) {
    unsigned turn = DD__UPRIGHT;
    *image = (dd__image){.pixels = NULL};
    if (dd__is_pnm(bytes, size)) {
        DD_TRY(dd__pnm_decode(bytes, size, false, image));
        return convert(image, channels);
    }
    DD_TRY(read_header(bytes, size, image, &turn));
    if (channels == 0) channels = image->channels < 3 ? 1 : 3;
    if (DD__JPEG_DECODES && dd__is_jpeg(bytes, size))
        DD_TRY(dd__jpeg_decode(bytes, size, channels, least, image));
    else
        DD_TRY(decode_stb(bytes, size, image));
    DD_TRY(convert(image, channels));
    return set_upright(image, turn);
}

dd_status dd__image_decode(const uint8_t *bytes, size_t size, unsigned channels, dd__image *image) {
    *image = (dd__image){.pixels = NULL};
    if (size > DD__IMAGE_BYTES)
        return dd__fail(DD_IO, "expected at most %d bytes, found %zu", DD__IMAGE_BYTES, size);
    return dd__image_decode_reduced(bytes, size, channels, 0, image);
}

dd_status dd__image_decode_size(const uint8_t *bytes, size_t size, dd__image *image) {
    unsigned turn = DD__UPRIGHT;
    *image = (dd__image){.pixels = NULL};
    if (dd__is_pnm(bytes, size))
        DD_TRY(dd__pnm_decode(bytes, size, true, image));
    else
        DD_TRY(read_header(bytes, size, image, &turn));
    image->channels = image->channels < 3 ? 1 : 3;
    if (!lies(turn)) return DD_OK;
    unsigned width = image->width;
    image->width = image->height;
    image->height = width;
    return DD_OK;
}
