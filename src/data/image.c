#include "data/image.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"
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

/* ---- Files ---------------------------------------------------------------------------------- */

static const char *kind_of(mode_t mode) {
    if (S_ISDIR(mode)) return "a folder";
    if (S_ISFIFO(mode)) return "a pipe";
    if (S_ISSOCK(mode)) return "a socket";
    return "a device";
}

/* Only what has an end that is known before: neither pipes, which may never have one, nor devices. */
static dd_status check_file(int file, size_t *size) {
    struct stat found;
    if (fstat(file, &found) != 0) return dd__fail(DD_IO, "cannot read: %s", strerror(errno));
    if (!S_ISREG(found.st_mode))
        return dd__fail(DD_IO, "expected a file, found %s", kind_of(found.st_mode));
    if ((uint64_t)found.st_size > DD__IMAGE_BYTES)
        return dd__fail(DD_IO, "expected at most %d bytes, found %lld", DD__IMAGE_BYTES,
                        (long long)found.st_size);
    *size = (size_t)found.st_size;
    return DD_OK;
}

static dd_status read_all(int file, uint8_t **bytes, size_t *size) {
    size_t room = 0;
    DD_TRY(check_file(file, &room));
    *bytes = dd__alloc(room + 1, 1);
    if (!*bytes) return dd__no_memory(room);
    for (*size = 0; *size < room;) {
        ssize_t got = read(file, *bytes + *size, room - *size);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return dd__fail(DD_IO, "cannot read: %s", strerror(errno));
        if (got == 0) break;
        *size += (size_t)got;
    }
    return DD_OK;
}

/* *bytes belongs to the caller, after a failure too. Opening never waits, as that of a pipe would. */
static dd_status read_file(const char *path, uint8_t **bytes, size_t *size) {
    *bytes = NULL;
    int file = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    struct stat found;
    if (file < 0 && errno == ENXIO && stat(path, &found) == 0)
        return dd__fail(DD_IO, "expected a file, found %s", kind_of(found.st_mode));
    if (file < 0) return dd__fail(DD_IO, "cannot open: %s", strerror(errno));
    dd_status status = read_all(file, bytes, size);
    close(file);
    return status;
}

dd_status dd__image_load_reduced(const char *path, unsigned channels, unsigned least,
                                 dd__image *image) {
    *image = (dd__image){.pixels = NULL};
    uint8_t *bytes;
    size_t size;
    dd_status status = read_file(path, &bytes, &size);
    if (status == DD_OK) status = dd__image_decode_reduced(bytes, size, channels, least, image);
    dd__free(bytes);
    return dd__within(status, "%s", path);
}

dd_status dd__image_load(const char *path, unsigned channels, dd__image *image) {
    return dd__image_load_reduced(path, channels, 0, image);
}

dd_status dd__image_size(const char *path, dd__image *image) {
    *image = (dd__image){.pixels = NULL};
    uint8_t *bytes;
    size_t size;
    dd_status status = read_file(path, &bytes, &size);
    if (status == DD_OK) status = dd__image_decode_size(bytes, size, image);
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

/* Along an axis the box averages areas and the triangle is bilinear. */
static stbir_filter filter_of(double from, unsigned to) {
    return (double)to < from ? STBIR_FILTER_BOX : STBIR_FILTER_TRIANGLE;
}

dd_status dd__image_resize_part(const dd__image *image, const dd__box *box, unsigned width,
                                unsigned height, dd__image *out) {
    *out = (dd__image){width, height, image->channels, NULL};
    size_t count = (size_t)width * height;
    if (count == 0 || count > DD__IMAGE_PIXELS)
        return dd__fail(DD_SHAPE, "an image cannot be resized to %ux%u", width, height);
    out->pixels = dd__alloc(count, image->channels);
    if (!out->pixels) return dd__no_memory(count * image->channels);
    int done = stbir_resize_region(
        image->pixels, (int)image->width, (int)image->height, 0, out->pixels, (int)width,
        (int)height, 0, STBIR_TYPE_UINT8, (int)image->channels, STBIR_ALPHA_CHANNEL_NONE, 0,
        STBIR_EDGE_CLAMP, STBIR_EDGE_CLAMP, filter_of(box->right - box->left, width),
        filter_of(box->bottom - box->top, height), STBIR_COLORSPACE_LINEAR, NULL,
        (float)(box->left / image->width), (float)(box->top / image->height),
        (float)(box->right / image->width), (float)(box->bottom / image->height));
    if (done) return DD_OK;
    dd__image_clear(out);
    return dd__fail(DD_MEMORY, "not enough memory to resize an image to %ux%u", width, height);
}

dd_status dd__image_resize(const dd__image *image, unsigned width, unsigned height,
                           dd__image *out) {
    const dd__box all = {0, 0, image->width, image->height};
    return dd__image_resize_part(image, &all, width, height, out);
}

dd_status dd__image_shrink(const dd__image *image, unsigned longest, dd__image *out) {
    size_t longer = image->width > image->height ? image->width : image->height;
    size_t side = longer < longest ? longer : longest;
    unsigned width = (unsigned)(image->width * side / longer);
    unsigned height = (unsigned)(image->height * side / longer);
    return dd__image_resize(image, width ? width : 1, height ? height : 1, out);
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
