/* csv.c: images of 28x28 as lines of numbers, as Kaggle's digit recognizer has them.
 *
 *     label,pixel0,pixel1,...,pixel783        train.csv
 *     1,0,0,...,0
 *
 * test.csv has no label column. Pixel k is row k / 28, column k % 28. Columns may also be named
 * 1x1, 1x2, ..., 28x28. A file whose very first field is a number has no header: 785 columns begin
 * with the label, 784 have none. Fields may stand in quotes (RFC 4180), as R's write.csv and others
 * put them. Lines end in LF or CRLF; the last need not end; a byte order mark is skipped. Every
 * number is a whole one from 0 to 255. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/memory.h"
#include "data/dataset.h"
#include "data/reader.h"
#include "data/sources.h"

enum { SIDE = 28, PIXELS = SIDE * SIDE, CHUNK = 1 << 16, TEXT = 16 };

typedef struct field {
    char text[TEXT]; /* the first characters; numbers and names that are right all fit */
    uint8_t length;
    bool is_cut;
} field;

typedef enum quoting {
    AT_START,      /* of a field */
    WITHOUT,       /* in a field that did not begin with a quote: quotes are text */
    INSIDE_QUOTES, /* where commas are text, and a line may not end: no field of ours has two */
    BEHIND_QUOTES, /* a second quote now stands for one, inside */
} quoting;

typedef struct csv {
    dd__reader *reader;
    size_t line;    /* from 1 */
    size_t at, end; /* of chunk */
    size_t columns; /* of the line read last; fields hold the first PIXELS + 1 of them */
    quoting quoting;
    bool is_labelled;
    field fields[PIXELS + 1];
    uint8_t chunk[CHUNK];
    uint8_t *pixels; /* (room, 28, 28) */
    int32_t *labels; /* (room), or NULL */
    size_t count, room;
} csv;

/* The next byte, or -1 at the end. */
static dd_status next_byte(csv *file, int *byte) {
    if (file->at == file->end) {
        file->at = 0;
        DD_TRY(dd__reader_read(file->reader, file->chunk, CHUNK, &file->end));
    }
    *byte = file->at < file->end ? file->chunk[file->at++] : -1;
    return DD_OK;
}

/* A byte order mark at the start of the file is no part of the first field. */
static dd_status skip_mark(csv *file) {
    DD_TRY(dd__reader_read(file->reader, file->chunk, CHUNK, &file->end));
    file->at = file->end >= 3 && memcmp(file->chunk, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
    return DD_OK;
}

static void begin_field(csv *file) {
    file->quoting = AT_START;
    if (file->columns > PIXELS) return;
    file->fields[file->columns].length = 0;
    file->fields[file->columns].is_cut = false;
}

static void end_field(csv *file, bool ends_line) {
    if (file->columns <= PIXELS) {
        field *last = &file->fields[file->columns];
        if (ends_line && last->length && last->text[last->length - 1] == '\r') last->length--;
        last->text[last->length] = 0;
    }
    file->columns++;
    begin_field(file);
}

static void add_letter(csv *file, int byte) {
    if (file->columns > PIXELS) return;
    field *now = &file->fields[file->columns];
    if (now->length < TEXT - 1)
        now->text[now->length++] = (char)byte;
    else
        now->is_cut = true;
}

/* `byte` stands inside quotes, or is the one behind them. */
static dd_status read_quoted(csv *file, int byte) {
    if (file->quoting == BEHIND_QUOTES) {
        if (byte != '"' && byte != '\r')
            return dd__fail(DD_FORMAT,
                            "line %zu, column %zu: expected a comma behind the closing quote, "
                            "found \"%c\"",
                            file->line, file->columns + 1, isprint(byte) ? byte : '?');
        if (byte == '"') file->quoting = INSIDE_QUOTES;
    } else if (byte < 0 || byte == '\n' || byte == '\r') {
        return dd__fail(DD_FORMAT,
                        "line %zu, column %zu: expected a closing quote, found the end "
                        "of the line",
                        file->line, file->columns + 1);
    } else if (byte == '"') {
        file->quoting = BEHIND_QUOTES;
        return DD_OK;
    }
    add_letter(file, byte);
    return DD_OK;
}

/* Reads a line into fields; *end when there is none. */
static dd_status read_line(csv *file, bool *end) {
    int byte;
    file->columns = 0;
    file->line++;
    begin_field(file);
    DD_TRY(next_byte(file, &byte));
    *end = byte < 0;
    while (!*end) {
        bool ends_line = byte == '\n' || byte < 0;
        if (file->quoting == INSIDE_QUOTES) {
            DD_TRY(read_quoted(file, byte));
        } else if (byte == ',' || ends_line) {
            end_field(file, ends_line);
            if (ends_line) break;
        } else if (file->quoting == BEHIND_QUOTES) {
            DD_TRY(read_quoted(file, byte));
        } else if (byte == '"' && file->quoting == AT_START) {
            file->quoting = INSIDE_QUOTES;
        } else {
            file->quoting = WITHOUT;
            add_letter(file, byte);
        }
        DD_TRY(next_byte(file, &byte));
    }
    return DD_OK;
}

/* What a message shows of a field: no control characters. */
static const char *shown(const field *found, char out[TEXT + 4]) {
    size_t n = 0;
    for (; n < found->length; n++)
        out[n] = isprint((unsigned char)found->text[n]) ? found->text[n] : '?';
    strcpy(out + n, found->is_cut ? "..." : "");
    return out;
}

static dd_status read_number(const csv *file, size_t column, int *number) {
    const field *found = &file->fields[column];
    int value = 0;
    bool is_right = found->length > 0 && !found->is_cut;
    for (size_t i = 0; is_right && i < found->length; i++) {
        is_right = found->text[i] >= '0' && found->text[i] <= '9';
        if (is_right) value = value * 10 + (found->text[i] - '0');
        is_right = is_right && value <= 255;
    }
    *number = value;
    if (is_right) return DD_OK;
    char text[TEXT + 4];
    bool is_label = file->is_labelled && column == 0;
    return dd__fail(DD_FORMAT,
                    "line %zu, column %zu (%s): expected a whole number from 0 to 255, found "
                    "\"%s\"",
                    file->line, column + 1, is_label ? "label" : "pixel", shown(found, text));
}

static bool is_blank(const csv *file) {
    return file->columns == 1 && file->fields[0].length == 0 && !file->fields[0].is_cut;
}

/* Makes room for one more row: memory follows the bytes read. */
static dd_status grow(csv *file) {
    if (file->count < file->room) return DD_OK;
    size_t room = file->room ? file->room * 2 : 256;
    uint8_t *pixels = dd__resize(file->pixels, room, PIXELS);
    if (!pixels) return dd__no_memory(room * PIXELS);
    file->pixels = pixels;
    if (file->is_labelled) {
        int32_t *labels = dd__resize(file->labels, room, sizeof *labels);
        if (!labels) return dd__no_memory(room * sizeof *labels);
        file->labels = labels;
    }
    file->room = room;
    return DD_OK;
}

static dd_status read_row(csv *file) {
    size_t first = file->is_labelled ? 1 : 0, expected = PIXELS + first;
    if (file->columns != expected)
        return dd__fail(DD_FORMAT, "line %zu: expected %zu columns, found %zu", file->line,
                        expected, file->columns);
    DD_TRY(grow(file));
    int number;
    if (first) {
        DD_TRY(read_number(file, 0, &number));
        file->labels[file->count] = number;
    }
    uint8_t *row = file->pixels + file->count * PIXELS;
    for (size_t k = 0; k < PIXELS; k++) {
        DD_TRY(read_number(file, first + k, &number));
        row[k] = (uint8_t)number;
    }
    file->count++;
    return DD_OK;
}

/* Pixels out of order would be read wrongly, so their names are checked too. */
static dd_status check_names(const csv *file) {
    for (size_t k = 0, first = file->is_labelled ? 1 : 0; k < PIXELS; k++) {
        const field *name = &file->fields[first + k];
        char kaggle[TEXT], grid[TEXT + 8], text[TEXT + 4];
        snprintf(kaggle, sizeof kaggle, "pixel%u", (unsigned)k);
        snprintf(grid, sizeof grid, "%ux%u", (unsigned)k / SIDE + 1, (unsigned)k % SIDE + 1);
        if (strcasecmp(name->text, kaggle) != 0 && strcasecmp(name->text, grid) != 0)
            return dd__fail(DD_FORMAT, "line 1, column %zu: expected \"%s\", found \"%s\"",
                            first + k + 1, kaggle, shown(name, text));
    }
    return DD_OK;
}

/* Decides from the first line whether there are a header and labels; a first row is kept. */
static dd_status read_first_line(csv *file) {
    const field *first = &file->fields[0];
    char text[TEXT + 4];
    if (file->columns != PIXELS && file->columns != PIXELS + 1)
        return dd__fail(DD_FORMAT,
                        "line 1: expected 785 columns (label, pixel0 to pixel783) or 784 without "
                        "label, found %zu",
                        file->columns);
    file->is_labelled = file->columns == PIXELS + 1;
    if (isdigit((unsigned char)first->text[0])) return read_row(file);
    if (file->is_labelled && strcasecmp(first->text, "label") != 0)
        return dd__fail(DD_FORMAT, "line 1, column 1: expected \"label\", found \"%s\"",
                        shown(first, text));
    return check_names(file);
}

static dd_status read_lines(csv *file) {
    bool end;
    DD_TRY(skip_mark(file));
    DD_TRY(read_line(file, &end));
    if (end) return dd__fail(DD_FORMAT, "expected a CSV of images, found an empty file");
    DD_TRY(read_first_line(file));
    size_t blank = 0;
    for (;;) {
        DD_TRY(read_line(file, &end));
        if (end) break;
        if (is_blank(file)) {
            blank = blank ? blank : file->line;
            continue;
        }
        if (blank) return dd__fail(DD_FORMAT, "line %zu: expected an image, found no text", blank);
        DD_TRY(read_row(file));
    }
    if (file->count == 0)
        return dd__fail(DD_FORMAT, "expected images after the header, found none");
    return DD_OK;
}

dd_status dd__csv_load(const char *path, dd_dataset **dataset) {
    *dataset = NULL;
    csv *file = dd__alloc(1, sizeof *file);
    if (!file) return dd__no_memory(sizeof *file);
    dd_status status;
    DD_TRY_OUT(dd__reader_open(path, &file->reader));
    DD_TRY_OUT(dd__within(read_lines(file), "%s", path));
    status = dd__dataset_adopt(file->pixels, file->labels, file->count, SIDE, SIDE, 1, dataset);
    file->pixels = NULL;
    file->labels = NULL;
    if (status == DD_OK) status = dd__dataset_check_labels(*dataset, 10);
out:
    dd__reader_close(file->reader);
    dd__free(file->pixels);
    dd__free(file->labels);
    dd__free(file);
    if (status != DD_OK) {
        dd_dataset_free(*dataset);
        *dataset = NULL;
    }
    return status;
}
