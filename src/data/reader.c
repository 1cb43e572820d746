#include "data/reader.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <zlib.h>

#include "base/file.h"
#include "base/memory.h"

enum { INPUT_BYTES = 1 << 16 };

struct dd__reader {
    const char *path;
    FILE *file;
    bool is_gzip;
    bool between_members; /* a gzip member is complete and no other has begun */
    uint64_t file_bytes;  /* read from the file so far */
    z_stream stream;      /* next_in, avail_in: what of `input` is not used yet, also for plain */
    uint8_t input[INPUT_BYTES];
};

static void *zlib_alloc(void *context, uInt count, uInt bytes) {
    (void)context;
    return dd__alloc(count, bytes);
}

static void zlib_free(void *context, void *memory) {
    (void)context;
    dd__free(memory);
}

/* Leaves avail_in 0 only at the end of the file. */
static dd_status fill(dd__reader *reader) {
    if (reader->stream.avail_in) return DD_OK;
    size_t got = fread(reader->input, 1, INPUT_BYTES, reader->file);
    if (got == 0 && ferror(reader->file))
        return dd__fail(DD_IO, "%s: cannot read: %s", reader->path, strerror(errno));
    reader->file_bytes += got;
    reader->stream.next_in = reader->input;
    reader->stream.avail_in = (uInt)got;
    return DD_OK;
}

static dd_status start(dd__reader *reader) {
    DD_TRY(fill(reader));
    if (reader->stream.avail_in < 2) return DD_OK;
    reader->is_gzip = reader->input[0] == 0x1f && reader->input[1] == 0x8b;
    if (!reader->is_gzip) return DD_OK;
    reader->stream.zalloc = zlib_alloc;
    reader->stream.zfree = zlib_free;
    enum { WINDOW = 15, ONLY_GZIP = 16 };
    int code = inflateInit2(&reader->stream, WINDOW + ONLY_GZIP);
    if (code == Z_OK) return DD_OK;
    reader->is_gzip = false; /* nothing for inflateEnd to free */
    return code == Z_MEM_ERROR ? dd__no_memory(sizeof reader->stream)
                               : dd__fail(DD_FORMAT, "zlib cannot begin: %s", zError(code));
}

dd_status dd__reader_open(const char *path, dd__reader **out) {
    *out = NULL;
    if (dd__is_folder(path)) return dd__fail(DD_IO, "%s: expected a file, found a folder", path);
    dd__reader *reader = dd__alloc(1, sizeof *reader);
    if (!reader) return dd__no_memory(sizeof *reader);
    reader->path = path;
    reader->file = fopen(path, "rb");
    dd_status status;
    if (!reader->file)
        status = dd__fail(DD_IO, "%s: cannot open: %s", path, strerror(errno));
    else
        status = dd__within(start(reader), "%s", path);
    if (status != DD_OK) {
        dd__reader_close(reader);
        return status;
    }
    *out = reader;
    return DD_OK;
}

static dd_status damaged(const dd__reader *reader, int code) {
    if (code == Z_MEM_ERROR)
        return dd__within(dd__no_memory((size_t)1 << MAX_WBITS), "%s", reader->path);
    const char *reason = reader->stream.msg ? reader->stream.msg : zError(code);
    return dd__fail(DD_FORMAT,
                    "%s: the gzip data are damaged near byte %" PRIu64 " of the file: %s",
                    reader->path, reader->file_bytes - reader->stream.avail_in, reason);
}

/* Between two members: whether another one follows, *end when the file ends here. */
static dd_status next_member(dd__reader *reader, bool *end) {
    *end = reader->stream.avail_in == 0;
    if (*end) return DD_OK;
    if (reader->stream.next_in[0] != 0x1f)
        return dd__fail(DD_FORMAT,
                        "%s: expected the file to end with the gzip data at byte %" PRIu64
                        ", found more bytes",
                        reader->path, reader->file_bytes - reader->stream.avail_in);
    reader->between_members = false;
    int code = inflateReset(&reader->stream);
    return code == Z_OK ? DD_OK : damaged(reader, code);
}

static dd_status read_gzip(dd__reader *reader, uint8_t *out, size_t size, size_t *got) {
    size_t done = 0;
    while (done < size) {
        DD_TRY(fill(reader));
        bool end = false;
        if (reader->between_members) DD_TRY(next_member(reader, &end));
        if (end) break;
        if (reader->stream.avail_in == 0)
            return dd__fail(DD_FORMAT,
                            "%s: expected more gzip data, found the end of the file at byte "
                            "%" PRIu64,
                            reader->path, reader->file_bytes);
        uInt room = size - done < INPUT_BYTES ? (uInt)(size - done) : INPUT_BYTES;
        reader->stream.next_out = out + done;
        reader->stream.avail_out = room;
        int code = inflate(&reader->stream, Z_NO_FLUSH);
        done += room - reader->stream.avail_out;
        reader->between_members = code == Z_STREAM_END;
        if (code != Z_OK && code != Z_STREAM_END && code != Z_BUF_ERROR)
            return damaged(reader, code);
    }
    *got = done;
    return DD_OK;
}

dd_status dd__reader_read(dd__reader *reader, void *out, size_t size, size_t *got) {
    *got = 0;
    if (reader->is_gzip) return read_gzip(reader, out, size, got);
    while (*got < size) {
        DD_TRY(fill(reader));
        size_t part = reader->stream.avail_in;
        if (part == 0) break;
        if (part > size - *got) part = size - *got;
        memcpy((uint8_t *)out + *got, reader->stream.next_in, part);
        reader->stream.next_in += part;
        reader->stream.avail_in -= (uInt)part;
        *got += part;
    }
    return DD_OK;
}

dd_status dd__reader_rest(dd__reader *reader, size_t *more) {
    uint8_t dropped[4096];
    *more = 0;
    for (size_t got = 1; got && *more < DD__READER_REST; *more += got)
        DD_TRY(dd__reader_read(reader, dropped, sizeof dropped, &got));
    return DD_OK;
}

void dd__reader_close(dd__reader *reader) {
    if (!reader) return;
    if (reader->is_gzip) inflateEnd(&reader->stream);
    if (reader->file) fclose(reader->file);
    dd__free(reader);
}
