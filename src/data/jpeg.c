/* jpeg.c
 *
 *     ff d8                     start; ff may be repeated before any marker
 *     ff MARKER LENGTH data     segments; LENGTH, 2 bytes big-endian, counts itself and the data
 *     ff da ... scan            packed pixels follow, where ff is followed by 00 or d0 to d7
 *     ff d9                     end
 *
 * Marker e1 may have Exif data (exif.h); c0 to cf but for c4, c8 and cc begin the frame: a byte with the bits of
 * a sample, height, width, 2 bytes each, and a byte with the number of components. Marker c4 has Huffman tables: a byte with the number, 16 bytes that count the codes of each
 * length, and the codes. stb_image writes as many as they promise, up to 4080, to a table of 256
 * before it compares. Where segments begin is decided here as there: bytes between them are
 * skipped. */
#include "data/jpeg.h"

#include <string.h>

#include "data/exif.h"

enum {
    START = 0xd8,
    END = 0xd9,
    SCAN = 0xda,
    HUFFMAN = 0xc4,
    RESTART = 0xd0,
    RESTART_LAST = 0xd7,
    FRAME = 0xc0,
    FRAME_LAST = 0xcf,
    EXTENSION = 0xc8,
    ARITHMETIC = 0xcc,
    APPLICATION_1 = 0xe1,
};

/* Moves *at behind the next marker, which it returns; 0 at the end of the file. */
static unsigned next_marker(const uint8_t *bytes, size_t size, size_t *at) {
    while (*at < size && bytes[*at] != 0xff) ++*at;
    while (*at < size && bytes[*at] == 0xff) ++*at;
    return *at < size ? bytes[(*at)++] : 0;
}

bool dd__is_jpeg(const uint8_t *bytes, size_t size) {
    size_t at = 0;
    return size > 0 && bytes[0] == 0xff && next_marker(bytes, size, &at) == START;
}

/* Moves *at to the marker that ends a scan. */
static void skip_scan(const uint8_t *bytes, size_t size, size_t *at) {
    while (*at + 1 < size) {
        const uint8_t *found = memchr(bytes + *at, 0xff, size - 1 - *at);
        if (!found) break;
        bool is_restart = found[1] >= RESTART && found[1] <= RESTART_LAST;
        *at = (size_t)(found - bytes);
        if (found[1] != 0 && found[1] != 0xff && !is_restart) return;
        ++*at;
    }
    *at = size;
}

static dd_status check_tables(const uint8_t *data, size_t size, size_t at) {
    enum { HEAD = 17, MOST = 256 };
    while (size) {
        unsigned codes = 0;
        for (size_t i = 1; i < HEAD && i < size; i++) codes += data[i];
        if (codes > MOST || size < HEAD + codes)
            return dd__fail(DD_FORMAT,
                            "JPEG: expected Huffman tables that fit their %zu bytes at byte %zu, "
                            "found %u codes",
                            size, at, codes);
        data += HEAD + codes;
        at += HEAD + codes;
        size -= HEAD + codes;
    }
    return DD_OK;
}

static bool is_frame(unsigned marker) {
    return marker >= FRAME && marker <= FRAME_LAST && marker != HUFFMAN && marker != EXTENSION &&
           marker != ARITHMETIC;
}

static dd_status check_segment(unsigned marker, const uint8_t *data, size_t size, size_t at,
                               unsigned *turn) {
    enum { COMPONENTS = 5, CMYK = 4 };
    if (marker == HUFFMAN) return check_tables(data, size, at);
    if (marker == APPLICATION_1 && *turn == DD__UPRIGHT) *turn = dd__exif_orientation(data, size);
    if (is_frame(marker) && size > COMPONENTS && data[COMPONENTS] == CMYK)
        return dd__fail(
            DD_FORMAT,
            "JPEG: expected grey or colour (1 or 3 components), found 4: CMYK, whose colours "
            "need its profile; convert it to RGB");
    return DD_OK;
}

dd_status dd__jpeg_check(const uint8_t *bytes, size_t size, unsigned *turn) {
    size_t at = 0;
    *turn = DD__UPRIGHT;
    next_marker(bytes, size, &at);
    for (;;) {
        unsigned marker = next_marker(bytes, size, &at);
        if (marker == END) return DD_OK;
        size_t left = size - at, length = left < 2 ? 0 : (size_t)bytes[at] << 8 | bytes[at + 1];
        if (marker == 0 || length < 2 || length > left)
            return dd__fail(DD_FORMAT,
                            "JPEG: expected a segment at byte %zu, found length %zu and %zu bytes "
                            "to the end of the file: cut off or damaged",
                            at, length, left);
        DD_TRY(check_segment(marker, bytes + at + 2, length - 2, at + 2, turn));
        at += length;
        if (marker == SCAN) skip_scan(bytes, size, &at);
    }
}
