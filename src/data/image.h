/* image.h: pictures in memory, from and to files (stb_image, stb_image_write, stb_image_resize; libjpeg where
 * it is there). */
#ifndef DD_DATA_IMAGE_H
#define DD_DATA_IMAGE_H

#include "base/status.h"

typedef struct dd__image {
    unsigned width, height, channels; /* channels: 1 grey, 3 red, green, blue */
    uint8_t *pixels;                  /* (height, width, channels), dd__free */
} dd__image;

enum {
    DD__IMAGE_PIXELS = 100000000, /* most a picture may have */
    DD__IMAGE_BYTES = 256 << 20,  /* most its file may have */
    DD__IMAGE_DENSITY = 10000, /* most pixels a byte of its file can give: deflate makes 1032 bytes
                                     of one, of 8 grey pixels each; all other formats need more */
};

/* Reads PNG, JPEG (turned upright as its Exif data say), BMP, GIF (first frame), TGA, PSD and PNM (P2, P3, P5, P6) by their content. 16
 * bits become 8, transparency becomes white, and colour grey where 1 channel is asked for.
 *   channels  wanted: 1 or 3, or 0: as the file has them
 * DD_IO      it cannot be read or is larger than the limits
 * DD_FORMAT  it is no such picture, or damaged, or cut off: the message has the reason */
dd_status dd__image_load(const char *path, unsigned channels, dd__image *image);
/* The same; its sides may become smaller, by one factor, down to `least`: what is then scaled to a size between
 * need not be decoded at full size. 0: as it is. JPEG, where libjpeg is there, is halved up to three times. */
dd_status dd__image_load_reduced(const char *path, unsigned channels, unsigned least,
                                 dd__image *image);
/* Size and channels of the file, transparency not counted, without decoding: pixels stays NULL. */
dd_status dd__image_size(const char *path, dd__image *image);
/* The same three from memory (image_decode.c); messages begin with the reason. */
dd_status dd__image_decode(const uint8_t *bytes, size_t size, unsigned channels, dd__image *image);
dd_status dd__image_decode_reduced(const uint8_t *bytes, size_t size, unsigned channels,
                                   unsigned least, dd__image *image);
dd_status dd__image_decode_size(const uint8_t *bytes, size_t size, dd__image *image);
/* Its pixels in so many channels: 3, or any number of grey ones. out (height, width, channels) */
void dd__image_copy_channels(const dd__image *image, unsigned channels, uint8_t *out);
/* Writes a PNG, atomically. */
dd_status dd__image_save_png(const char *path, const dd__image *image);
/* To another size: averages over areas along an axis that shrinks, bilinear along one that grows. */
dd_status dd__image_resize(const dd__image *image, unsigned width, unsigned height, dd__image *out);
/* So that no side is longer than `longest`, in its proportions; never larger. */
dd_status dd__image_shrink(const dd__image *image, unsigned longest, dd__image *out);
/* dd__image_resize for a part of the image. */
typedef struct dd__box {
    double left, top, right, bottom; /* in pixels: all of it is 0, 0, width, height */
} dd__box;
dd_status dd__image_resize_part(const dd__image *image, const dd__box *box, unsigned width,
                                unsigned height, dd__image *out);
/* Frees the pixels. */
void dd__image_clear(dd__image *image);
/* Whether a file's name ends as a picture's does. */
bool dd__image_has_ending(const char *path);

#endif
