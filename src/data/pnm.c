/* pnm.c: read here rather than by stb_image, which ignores the largest value and the byte order of
 * 16-bit files, and has no text form. */
#include "data/pnm.h"

#include "base/memory.h"

typedef struct cursor {
    const uint8_t *at, *end;
} cursor;

bool dd__is_pnm(const uint8_t *bytes, size_t size) {
    if (size < 3 || bytes[0] != 'P') return false;
    bool known = bytes[1] == '2' || bytes[1] == '3' || bytes[1] == '5' || bytes[1] == '6';
    bool blank = bytes[2] == ' ' || (bytes[2] >= '\t' && bytes[2] <= '\r') || bytes[2] == '#';
    return known && blank;
}

static void skip_blanks(cursor *text) {
    while (text->at < text->end) {
        uint8_t byte = *text->at;
        if (byte == '#')
            while (text->at < text->end && *text->at != '\n') text->at++;
        else if (byte == ' ' || (byte >= '\t' && byte <= '\r'))
            text->at++;
        else
            break;
    }
}

static dd_status read_number(cursor *text, const char *what, unsigned most, unsigned *number) {
    skip_blanks(text);
    unsigned value = 0, digits = 0;
    for (; text->at < text->end && *text->at >= '0' && *text->at <= '9'; text->at++, digits++)
        if (value <= most) value = value * 10 + (unsigned)(*text->at - '0');
    if (digits == 0 && text->at == text->end)
        return dd__fail(DD_FORMAT, "PNM: expected %s, found the end of the file", what);
    if (digits == 0)
        return dd__fail(DD_FORMAT, "PNM: expected %s, found byte 0x%02x", what, *text->at);
    if (value > most) return dd__fail(DD_FORMAT, "PNM: expected at most %u for %s", most, what);
    *number = value;
    return DD_OK;
}

static dd_status read_header(cursor *text, dd__image *image, unsigned *largest) {
    DD_TRY(read_number(text, "a width", 1 << 24, &image->width));
    DD_TRY(read_number(text, "a height", 1 << 24, &image->height));
    DD_TRY(read_number(text, "a largest value", 65535, largest));
    if (image->width == 0 || image->height == 0 || *largest == 0)
        return dd__fail(DD_FORMAT, "PNM: expected a size and a largest value from 1, found 0");
    if ((uint64_t)image->width * image->height > DD__IMAGE_PIXELS)
        return dd__fail(DD_FORMAT, "expected at most %d pixels, found %ux%u", DD__IMAGE_PIXELS,
                        image->width, image->height);
    return DD_OK;
}

static uint8_t to_8_bits(unsigned value, unsigned largest) {
    return (uint8_t)((value * 255 + largest / 2) / largest);
}

static dd_status read_binary(cursor *data, unsigned largest, size_t count, uint8_t *out) {
    size_t bytes = largest > 255 ? 2 : 1, found = (size_t)(data->end - data->at);
    if (found < count * bytes)
        return dd__fail(DD_FORMAT, "PNM: expected %zu bytes of pixels, found %zu: cut off",
                        count * bytes, found);
    for (size_t i = 0; i < count; i++) {
        unsigned value = *data->at++;
        if (bytes == 2) value = value << 8 | *data->at++;
        out[i] = to_8_bits(value < largest ? value : largest, largest);
    }
    return DD_OK;
}

static dd_status read_text(cursor *data, unsigned largest, size_t count, uint8_t *out) {
    for (size_t i = 0; i < count; i++) {
        unsigned value;
        DD_TRY(read_number(data, "a pixel", largest, &value));
        out[i] = to_8_bits(value, largest);
    }
    return DD_OK;
}

dd_status dd__pnm_decode(const uint8_t *bytes, size_t size, bool only_size, dd__image *image) {
    cursor text = {bytes + 2, bytes + size};
    char kind = (char)bytes[1];
    unsigned largest;
    *image = (dd__image){.channels = kind == '3' || kind == '6' ? 3 : 1};
    DD_TRY(read_header(&text, image, &largest));
    if (only_size) return DD_OK;
    bool is_text = kind == '2' || kind == '3';
    if (!is_text && text.at < text.end) text.at++; /* the one blank before binary pixels */
    size_t count = (size_t)image->width * image->height * image->channels;
    size_t least = (size_t)(text.end - text.at);
    if (count > least) /* before memory is taken for what is not there */
        return dd__fail(DD_FORMAT, "PNM: expected at least %zu bytes of pixels, found %zu: cut off",
                        count, least);
    image->pixels = dd__alloc(count, 1);
    if (!image->pixels) return dd__no_memory(count);
    dd_status status = is_text ? read_text(&text, largest, count, image->pixels)
                               : read_binary(&text, largest, count, image->pixels);
    if (status != DD_OK) dd__image_clear(image);
    return status;
}
