/* png.c
 *
 *     offset  bytes
 *          0  8       89 50 4e 47 0d 0a 1a 0a
 *                     then chunks, the last of which is IEND:
 *         +0  4       bytes of data, big-endian
 *         +4  4       name; an upper-case first letter means that the chunk matters
 *         +8          data
 *             4       CRC-32 of name and data, big-endian
 */
#include "data/png.h"

#include <ctype.h>
#include <string.h>
#include <zlib.h>

static const uint8_t signature[8] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};

bool dd__is_png(const uint8_t *bytes, size_t size) {
    return size >= sizeof signature && memcmp(bytes, signature, sizeof signature) == 0;
}

static uint32_t big_endian(const uint8_t *p) {
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

dd_status dd__png_check(const uint8_t *bytes, size_t size) {
    enum { AROUND = 12 }; /* bytes of a chunk beside its data */
    for (size_t at = sizeof signature;;) {
        size_t left = size - at;
        if (left < AROUND)
            return dd__fail(
                DD_FORMAT, "PNG: expected a chunk at byte %zu, found %zu bytes: cut off", at, left);
        size_t length = big_endian(bytes + at);
        const uint8_t *name = bytes + at + 4;
        if (length > left - AROUND)
            return dd__fail(DD_FORMAT,
                            "PNG: expected %zu bytes in the chunk at byte %zu, found %zu: cut off",
                            length, at, left - AROUND);
        uint32_t stored = big_endian(name + 4 + length);
        uint32_t computed = (uint32_t)crc32(crc32(0, NULL, 0), name, (uInt)length + 4);
        if (isupper(name[0]) && stored != computed)
            return dd__fail(DD_FORMAT,
                            "PNG: the chunk at byte %zu is damaged: expected checksum %08x, found "
                            "%08x",
                            at, computed, stored);
        if (memcmp(name, "IEND", 4) == 0) return DD_OK;
        at += length + AROUND;
    }
}
