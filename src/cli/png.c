#include "cli/png.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "cli/cli.h"
#include "cli/output.h"

static void put32(uint8_t out[4], uint32_t value) {
    for (int i = 0; i < 4; i++) out[i] = (uint8_t)(value >> (24 - 8 * i));
}

/* Length, type, data, and the checksum of the last two. */
static void write_chunk(FILE *stream, const char type[4], const uint8_t *data, uint32_t size) {
    uint8_t word[4];
    uLong check = crc32(crc32(0, (const Bytef *)type, 4), data, size);
    put32(word, size);
    fwrite(word, 1, 4, stream);
    fwrite(type, 1, 4, stream);
    fwrite(data, 1, size, stream);
    put32(word, (uint32_t)check);
    fwrite(word, 1, 4, stream);
}

static void write_chunks(FILE *stream, unsigned height, unsigned width, unsigned channels,
                         const uint8_t *packed, uint32_t size) {
    static const uint8_t signature[8] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1A, '\n'};
    /* width, height, bits a sample, colour type (0 grey, 2 RGB), deflate, filters, not interlaced */
    uint8_t head[13] = {[8] = 8, [9] = channels == 3 ? 2 : 0};
    put32(head, width);
    put32(head + 4, height);
    fwrite(signature, 1, sizeof signature, stream);
    write_chunk(stream, "IHDR", head, sizeof head);
    write_chunk(stream, "IDAT", packed, size);
    write_chunk(stream, "IEND", head, 0);
}

/* Every row has a byte before it that names its filter; 0 is none. */
static uint8_t *pack(const uint8_t *pixels, unsigned height, size_t row, uLongf *size) {
    size_t bytes = height * (row + 1);
    uint8_t *rows = malloc(bytes), *packed = NULL;
    *size = compressBound((uLong)bytes);
    if (rows) packed = malloc(*size);
    for (unsigned y = 0; packed && y < height; y++) {
        rows[y * (row + 1)] = 0;
        memcpy(rows + y * (row + 1) + 1, pixels + y * row, row);
    }
    if (packed && compress(packed, size, rows, (uLong)bytes) != Z_OK) {
        free(packed);
        packed = NULL;
    }
    free(rows);
    return packed;
}

dd_status cli_png_write(const char *path, const uint8_t *pixels, unsigned height, unsigned width,
                        unsigned channels) {
    cli_output output;
    uLongf size;
    if (channels != 1 && channels != 3)
        return cli_fail(DD_SHAPE, "%s: expected images of 1 or 3 channels, found %u", path,
                        channels);
    CLI_TRY(cli_output_open(&output, path));
    output.one_of_many = true;
    uint8_t *packed = pack(pixels, height, (size_t)width * channels, &size);
    dd_status status = DD_OK;
    if (packed)
        write_chunks(output.stream, height, width, channels, packed, (uint32_t)size);
    else
        status = cli_fail(DD_MEMORY, "%s: no memory to pack the image", path);
    free(packed);
    return cli_output_close(&output, status);
}
