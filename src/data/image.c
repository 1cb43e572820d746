#include "data/image.h"

#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "data/jpeg.h"
#include "data/png.h"
#include "data/pnm.h"
#include "data/stb.h"

void dd__image_clear(dd__image *image) {
    dd__free(image->pixels);
    image->pixels = NULL;
}

bool dd__image_has_ending(const char *path) {
    static const char *const endings[] = {".png", ".jpg", ".jpeg", ".bmp", ".gif",
                                          ".tga", ".psd", ".pnm",  ".pgm", ".ppm"};
    for (size_t i = 0; i < DD_COUNT(endings); i++)
        if (dd__ends_with(path, endings[i])) return true;
    return false;
}

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

/* Everything before the pixels, for what is not PNM: channels, 1 to 4, as the file has them. */
static dd_status read_header(const uint8_t *bytes, size_t size, dd__image *image) {
    int width, height, channels;
    if (size == 0) return dd__fail(DD_FORMAT, "expected an image, found an empty file");
    if (dd__is_jpeg(bytes, size)) DD_TRY(dd__jpeg_check(bytes, size));
    source from = {.bytes = bytes, .size = size};
    dd__stb_limit(1 << 20);
    if (!stbi_info_from_callbacks(&reading, &from, &width, &height, &channels))
        return stb_failure();
    *image = (dd__image){(unsigned)width, (unsigned)height, (unsigned)channels, NULL};
    if ((uint64_t)image->width * image->height > DD__IMAGE_PIXELS)
        return dd__fail(DD_FORMAT, "expected at most %d pixels, found %dx%d", DD__IMAGE_PIXELS,
                        width, height);
    return dd__is_png(bytes, size) ? dd__png_check(bytes, size) : DD_OK;
}

/* Decodes what is not PNM into as many channels as the file has. */
static dd_status decode_stb(const uint8_t *bytes, size_t size, dd__image *image) {
    DD_TRY(read_header(bytes, size, image));
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

static uint8_t over_white(unsigned value, unsigned alpha) {
    return (uint8_t)((value * alpha + 255 * (255 - alpha) + 127) / 255);
}

/* One pixel of 1 to 4 channels to 1 or 3. */
static void convert_pixel(const uint8_t *in, unsigned in_channels, unsigned out_channels,
                          uint8_t *out) {
    uint8_t color[3];
    bool is_grey = in_channels < 3, is_clear = in_channels == 2 || in_channels == 4;
    for (unsigned c = 0; c < 3; c++) {
        color[c] = in[is_grey ? 0 : c];
        if (is_clear) color[c] = over_white(color[c], in[in_channels - 1]);
    }
    if (out_channels == 3)
        memcpy(out, color, 3);
    else if (is_grey)
        out[0] = color[0];
    else
        out[0] = (uint8_t)((color[0] * 299 + color[1] * 587 + color[2] * 114 + 500) / 1000);
}

static dd_status convert(dd__image *image, unsigned channels) {
    if (image->channels == channels) return DD_OK;
    size_t count = (size_t)image->width * image->height;
    uint8_t *pixels = dd__alloc(count, channels);
    if (!pixels) {
        dd__image_clear(image);
        return dd__no_memory(count * channels);
    }
    for (size_t i = 0; i < count; i++)
        convert_pixel(image->pixels + i * image->channels, image->channels, channels,
                      pixels + i * channels);
    dd__free(image->pixels);
    image->pixels = pixels;
    image->channels = channels;
    return DD_OK;
}

dd_status dd__image_decode(const uint8_t *bytes, size_t size, unsigned channels, dd__image *image) {
    *image = (dd__image){.pixels = NULL};
    if (size > DD__IMAGE_BYTES)
        return dd__fail(DD_IO, "expected at most %d bytes, found %zu", DD__IMAGE_BYTES, size);
    if (dd__is_pnm(bytes, size))
        DD_TRY(dd__pnm_decode(bytes, size, false, image));
    else
        DD_TRY(decode_stb(bytes, size, image));
    return convert(image, channels);
}

dd_status dd__image_load(const char *path, unsigned channels, dd__image *image) {
    *image = (dd__image){.pixels = NULL};
    char *bytes;
    size_t size;
    DD_TRY(dd__file_read(path, DD__IMAGE_BYTES, &bytes, &size));
    dd_status status = dd__image_decode((const uint8_t *)bytes, size, channels, image);
    dd__free(bytes);
    return dd__within(status, "%s", path);
}

dd_status dd__image_size(const char *path, dd__image *image) {
    *image = (dd__image){.pixels = NULL};
    char *bytes;
    size_t size;
    DD_TRY(dd__file_read(path, DD__IMAGE_BYTES, &bytes, &size));
    const uint8_t *file = (const uint8_t *)bytes;
    dd_status status = dd__is_pnm(file, size) ? dd__pnm_decode(file, size, true, image)
                                              : read_header(file, size, image);
    image->channels = image->channels < 3 ? 1 : 3;
    dd__free(bytes);
    return dd__within(status, "%s", path);
}

static void write_bytes(void *user, void *bytes, int size) {
    dd__writer *writer = user;
    fwrite(bytes, 1, (size_t)size, writer->stream); /* dd__writer_close asks ferror */
}

dd_status dd__image_save_png(const char *path, const dd__image *image) {
    dd__writer writer;
    DD_TRY(dd__writer_open(&writer, path));
    int width = (int)image->width, channels = (int)image->channels;
    int done = stbi_write_png_to_func(write_bytes, &writer, width, (int)image->height, channels,
                                      image->pixels, width * channels);
    dd_status status = DD_OK;
    if (!done) status = dd__fail(DD_MEMORY, "%s: not enough memory to pack the image", path);
    return dd__writer_close(&writer, status);
}

dd_status dd__image_resize(const dd__image *image, unsigned width, unsigned height,
                           dd__image *out) {
    *out = (dd__image){width, height, image->channels, NULL};
    size_t count = (size_t)width * height;
    if (count == 0 || count > DD__IMAGE_PIXELS)
        return dd__fail(DD_SHAPE, "an image cannot be resized to %ux%u", width, height);
    out->pixels = dd__alloc(count, image->channels);
    if (!out->pixels) return dd__no_memory(count * image->channels);
    /* Per axis the box averages areas and the triangle is bilinear. stb takes one pair of filters
     * for both directions of change, so the larger change decides. */
    bool shrinks = (uint64_t)width * height < (uint64_t)image->width * image->height;
    stbir_filter filter = shrinks ? STBIR_FILTER_BOX : STBIR_FILTER_TRIANGLE;
    int done = stbir_resize_uint8_generic(image->pixels, (int)image->width, (int)image->height, 0,
                                          out->pixels, (int)width, (int)height, 0,
                                          (int)image->channels, STBIR_ALPHA_CHANNEL_NONE, 0,
                                          STBIR_EDGE_CLAMP, filter, STBIR_COLORSPACE_LINEAR, NULL);
    if (done) return DD_OK;
    dd__image_clear(out);
    return dd__fail(DD_MEMORY, "not enough memory to resize an image to %ux%u", width, height);
}

dd_status dd_image_save(const char *path, const uint8_t *pixels, unsigned height, unsigned width,
                        unsigned channels) {
    if (!pixels || height == 0 || width == 0 || (channels != 1 && channels != 3))
        return dd__fail(DD_USAGE, "%s: a picture has 1 or 3 channels, found %ux%ux%u", path, height,
                        width, channels);
    return dd__image_save_png(path, &(dd__image){.width = width,
                                                 .height = height,
                                                 .channels = channels,
                                                 .pixels = (uint8_t *)pixels});
}
