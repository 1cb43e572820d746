/* Pictures of all formats, and what is made of them for a network of digits. */
#include <zlib.h>

#include "data/image.h"
#include "data/png.h"
#include "data/prepare.h"
#include "fuzz.h"

static void decode(const uint8_t *data, size_t size, unsigned channels) {
    dd__image image;
    uint8_t digit[28 * 28];
    dd_status status = dd__image_decode(data, size, channels, &image);
    check_status(status, image.pixels != NULL);
    if (status != DD_OK) return;
    if (image.channels != channels || image.width == 0 || image.height == 0) abort();
    bool prepares = crc32(0, data, (uInt)size) % 16 == 0; /* which takes milliseconds */
    if (prepares && (size_t)image.width * image.height < 1 << 20)
        check_status(dd__prepare(&image, DD_PREPARE_DIGIT, 28, 28, 1, digit), true);
    dd__image_clear(&image);
}

/* Mutations nearly always break a PNG's checksums, behind which its decoder would never be reached. */
static void set_checksums(uint8_t *png, size_t size) {
    for (size_t at = 8; at + 12 <= size;) {
        size_t length = (size_t)png[at] << 24 | (size_t)png[at + 1] << 16 |
                        (size_t)png[at + 2] << 8 | png[at + 3];
        if (length > size - at - 12) return;
        uint32_t sum = (uint32_t)crc32(0, png + at + 4, (uInt)length + 4);
        for (size_t i = 0; i < 4; i++) png[at + 8 + length + i] = (uint8_t)(sum >> (24 - 8 * i));
        at += length + 12;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    decode(data, size, 1);
    if (!dd__is_png(data, size)) {
        decode(data, size, 3);
        return 0;
    }
    uint8_t *png = malloc(size);
    memcpy(png, data, size);
    set_checksums(png, size);
    decode(png, size, 3);
    free(png);
    return 0;
}
