/* idx.c: the IDX form of MNIST (LeCun, Cortes, Burges: "The MNIST database").
 *
 *     offset  bytes
 *          0  2       0
 *          2  1       type of an item: 08, unsigned byte; no other is read here
 *          3  1       rank: 1 for labels (count), 3 for images (count, height, width),
 *                     4 for images with channels (count, height, width, channels)
 *          4  4*rank  dimensions, big-endian
 *     4+4*rank        the items, row-major, up to the end of the file
 */
#include <inttypes.h>

#include "base/memory.h"
#include "data/dataset.h"
#include "data/reader.h"
#include "data/sources.h"

enum { RANKS = 4 };

typedef struct header {
    unsigned rank;
    uint32_t sizes[RANKS]; /* (rank) */
    uint64_t items;        /* their product: bytes that must follow */
    uint64_t bytes;        /* of the header itself */
} header;

static uint32_t big_endian(const uint8_t *p) {
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static dd_status check_magic(uint32_t magic, bool images) {
    unsigned rank = magic & 0xff;
    if (magic >> 8 == 8 && (images ? rank == 3 || rank == 4 : rank == 1)) return DD_OK;
    const char *kind = "";
    if (magic == 0x801) kind = ", a file of labels";
    if (magic == 0x803 || magic == 0x804) kind = ", a file of images";
    return dd__fail(DD_FORMAT, "expected the magic number %s of an IDX file of %s, found 0x%08x%s",
                    images ? "0x00000803 or 0x00000804" : "0x00000801",
                    images ? "images" : "labels", magic, kind);
}

static dd_status check_sizes(header *head) {
    static const char *const names[RANKS] = {"images", "height", "width", "channels"};
    head->items = 1;
    for (unsigned i = 0; i < head->rank; i++) {
        uint32_t size = head->sizes[i];
        if (size == 0)
            return dd__fail(DD_FORMAT, "expected at least 1 for dimension %u (%s), found 0", i,
                            head->rank == 1 ? "labels" : names[i]);
        if (head->items > (uint64_t)PTRDIFF_MAX / size)
            return dd__fail(DD_FORMAT, "the header's dimensions promise more bytes than can be");
        head->items *= size;
    }
    return DD_OK;
}

static dd_status read_header(dd__reader *reader, bool images, header *head) {
    uint8_t bytes[4 * RANKS];
    size_t got;
    DD_TRY(dd__reader_read(reader, bytes, 4, &got));
    if (got < 4) return dd__fail(DD_FORMAT, "expected an IDX file, found a file of %zu bytes", got);
    uint32_t magic = big_endian(bytes);
    DD_TRY(check_magic(magic, images));
    head->rank = magic & 0xff;
    head->bytes = 4 + 4 * head->rank;
    DD_TRY(dd__reader_read(reader, bytes, 4 * head->rank, &got));
    if (got < 4 * head->rank)
        return dd__fail(DD_FORMAT, "expected a header of %" PRIu64 " bytes, found %zu bytes in all",
                        head->bytes, got + 4);
    for (unsigned i = 0; i < head->rank; i++) head->sizes[i] = big_endian(bytes + 4 * i);
    return check_sizes(head);
}

/* At most `claim` bytes. Memory grows with those that come, so a header that lies costs nothing. *items
 * belongs to the caller, after a failure too. */
static dd_status read_bytes(dd__reader *reader, size_t claim, uint8_t **items, size_t *used) {
    enum { FIRST = 1 << 20 };
    *items = NULL;
    *used = 0;
    for (size_t room = 0; *used == room && room < claim;) {
        room = room == 0 ? FIRST : 2 * room;
        if (room > claim) room = claim;
        uint8_t *grown = dd__resize(*items, room, 1);
        if (!grown) return dd__no_memory(room);
        *items = grown;
        size_t got;
        DD_TRY(dd__reader_read(reader, *items + *used, room - *used, &got));
        *used += got;
    }
    return DD_OK;
}

/* Reads the items and the end of the file. */
static dd_status read_items(dd__reader *reader, const header *head, uint8_t **items) {
    size_t claim = (size_t)head->items, used, more = 0;
    dd_status status;
    DD_TRY_OUT(read_bytes(reader, claim, items, &used));
    if (used == claim) DD_TRY_OUT(dd__reader_rest(reader, &more));
    if (used < claim || more)
        status =
            dd__fail(DD_FORMAT, "expected %" PRIu64 " bytes as the header says, found %s%" PRIu64,
                     head->bytes + claim, more >= DD__READER_REST ? "at least " : "",
                     head->bytes + used + more);
out:
    if (status != DD_OK) {
        dd__free(*items);
        *items = NULL;
    }
    return status;
}

/* One file; *items (head->items) belongs to the caller. */
static dd_status load_file(const char *path, bool images, header *head, uint8_t **items) {
    dd__reader *reader;
    DD_TRY(dd__reader_open(path, &reader));
    dd_status status;
    DD_TRY_OUT(dd__within(read_header(reader, images, head), "%s", path));
    DD_TRY_OUT(dd__within(read_items(reader, head, items), "%s", path));
out:
    dd__reader_close(reader);
    return status;
}

/* *labels (count) belongs to the caller. */
static dd_status load_labels(const char *path, const char *images, uint32_t count,
                             int32_t **labels) {
    header head;
    uint8_t *items = NULL;
    DD_TRY(load_file(path, false, &head, &items));
    dd_status status = DD_OK;
    if (head.items != count) {
        status = dd__fail(DD_FORMAT,
                          "%s: expected %" PRIu32 " labels, as many as images in %s, found "
                          "%" PRIu64,
                          path, count, images, head.items);
        goto out;
    }
    *labels = dd__alloc(count, sizeof **labels);
    if (!*labels) status = dd__no_memory(count * sizeof **labels);
    for (size_t i = 0; *labels && i < count; i++) (*labels)[i] = items[i];
out:
    dd__free(items);
    return status;
}

dd_status dd__idx_load(const char *images, const char *labels, dd_dataset **dataset) {
    *dataset = NULL;
    header head;
    uint8_t *pixels = NULL;
    int32_t *numbers = NULL;
    DD_TRY(load_file(images, true, &head, &pixels));
    dd_status status = labels ? load_labels(labels, images, head.sizes[0], &numbers) : DD_OK;
    if (status != DD_OK) {
        dd__free(pixels);
        return status;
    }
    unsigned channels = head.rank == 4 ? head.sizes[3] : 1;
    DD_TRY(dd__dataset_adopt(pixels, numbers, head.sizes[0], head.sizes[1], head.sizes[2], channels,
                             dataset));
    status = dd__dataset_check_labels(*dataset, 10);
    if (status != DD_OK) {
        dd_dataset_free(*dataset);
        *dataset = NULL;
    }
    return status;
}
