/* exif.c
 *
 *     offset  bytes
 *          0  6       "Exif" 0 0; then a TIFF file, to whose beginning offsets are relative:
 *         +0  2       "II" little-endian, "MM" big-endian
 *         +2  2       42
 *         +4  4       offset of the first directory:
 *             2       entries
 *             12      each: tag (2), type (2), count (4), value (4)
 *
 * Tag 0x0112 is the orientation, type 3 (16 bits), count 1: where row 0 and column 0 of the file lie,
 *     1 top left    2 top right    3 bottom right    4 bottom left      as rows
 *     5 left top    6 right top    7 right bottom    8 left bottom      as columns
 */
#include "data/exif.h"

#include <stdbool.h>
#include <string.h>

enum { HEAD = 6, TIFF = 42, ENTRY = 12, ORIENTATION = 0x0112, SHORT = 3 };

/* A number of 2 or 4 bytes. */
static uint32_t number(const uint8_t *p, unsigned bytes, bool big) {
    uint32_t value = 0;
    for (unsigned i = 0; i < bytes; i++) value = value << 8 | p[big ? i : bytes - 1 - i];
    return value;
}

unsigned dd__exif_orientation(const uint8_t *data, size_t size) {
    if (size < HEAD + 8 || memcmp(data, "Exif\0\0", HEAD) != 0) return 1;
    const uint8_t *tiff = data + HEAD;
    bool big = tiff[0] == 'M';
    size_t room = size - HEAD, at = number(tiff + 4, 4, big);
    if (number(tiff + 2, 2, big) != TIFF || at > room - 2) return 1;
    size_t entries = number(tiff + at, 2, big);
    for (at += 2; entries && room >= ENTRY && at <= room - ENTRY; entries--, at += ENTRY) {
        const uint8_t *entry = tiff + at;
        if (number(entry, 2, big) != ORIENTATION) continue;
        unsigned value = number(entry + 8, 2, big);
        return number(entry + 2, 2, big) == SHORT && value >= 1 && value <= 8 ? value : 1;
    }
    return 1;
}
