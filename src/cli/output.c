#include "cli/output.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/cli.h"

/* ---- Files --------------------------------------------------------------------------- */

static dd_status unwritable(const char *path) {
    return cli_fail(DD_IO, "cannot write %s: %s", path, strerror(errno));
}

/* Where `path` leads; what is there already keeps its links and its mode. */
static dd_status find_place(cli_output *output, mode_t *mode, bool *direct) {
    struct stat there;
    *direct = false;
    *mode = 0;
    if (strlen(output->path) >= sizeof output->place)
        return cli_fail(DD_IO, "cannot write a file whose name has %zu bytes",
                        strlen(output->path));
    strcpy(output->place, output->path);
    if (stat(output->path, &there) != 0) return DD_OK;
    if (S_ISDIR(there.st_mode))
        return cli_fail(DD_IO, "cannot write %s: expected a file, found a folder", output->path);
    *direct = !S_ISREG(there.st_mode);
    *mode = there.st_mode & 07777;
    char *real = realpath(output->path, NULL);
    if (real && strlen(real) < sizeof output->place) strcpy(output->place, real);
    free(real);
    return DD_OK;
}

dd_status cli_output_open(cli_output *output, const char *path) {
    mode_t mode;
    bool direct;
    memset(output, 0, sizeof *output);
    output->stream = stdout;
    if (!path || strcmp(path, "-") == 0) return DD_OK;
    output->path = path;
    output->stream = NULL;
    CLI_TRY(find_place(output, &mode, &direct));
    if (direct) {
        output->stream = fopen(output->place, "w");
        return output->stream ? DD_OK : unwritable(path);
    }
    snprintf(output->temporary, sizeof output->temporary, "%s.part-%ld", output->place,
             (long)getpid());
    int file = open(output->temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (file < 0) {
        output->temporary[0] = '\0';
        return unwritable(path);
    }
    if (mode) (void)fchmod(file, mode);
    output->stream = fdopen(file, "w");
    return output->stream ? DD_OK : unwritable(path);
}

dd_status cli_output_close(cli_output *output, dd_status status) {
    if (!output->stream) return status;
    if (!output->path) return status == DD_OK ? cli_flush_stdout() : status;
    bool wrong = fflush(output->stream) != 0 || ferror(output->stream);
    if (!wrong && output->temporary[0] && !output->one_of_many)
        wrong = fsync(fileno(output->stream)) != 0;
    if (wrong && status == DD_OK) status = unwritable(output->path);
    if (fclose(output->stream) != 0 && status == DD_OK) status = unwritable(output->path);
    output->stream = NULL;
    if (!output->temporary[0]) return status;
    if (status == DD_OK && rename(output->temporary, output->place) != 0)
        status = unwritable(output->path);
    if (status != DD_OK) (void)unlink(output->temporary);
    return status;
}

dd_status cli_flush_stdout(void) {
    if (fflush(stdout) == 0 && !ferror(stdout)) return DD_OK;
    return cli_fail(DD_IO, "cannot write standard output: %s", strerror(errno));
}

dd_status cli_folder_make(const char *path, bool *made) {
    char part[PATH_MAX];
    struct stat there;
    *made = false;
    if (strlen(path) >= sizeof part) {
        errno = ENAMETOOLONG;
        return cli_fail(DD_IO, "cannot make the folder %s: %s", path, strerror(errno));
    }
    strcpy(part, path);
    for (char *at = part + 1;; at++) {
        if (*at && *at != '/') continue;
        char next = *at;
        *at = '\0';
        *made = mkdir(part, 0777) == 0;
        if (!*made && (stat(part, &there) != 0 || !S_ISDIR(there.st_mode)))
            return cli_fail(DD_IO, "cannot make the folder %s: %s", path, strerror(errno));
        *at = next;
        if (!next) return DD_OK;
        if (!at[1]) return DD_OK; /* "folder/" */
    }
}

/* ---- CSV, text ----------------------------------------------------------------------- */

/* Bytes of the UTF-8 sequence at `text`, 0 when it is none (RFC 3629: no overlong forms, no
 * surrogates, nothing above U+10FFFF). */
static size_t sequence(const unsigned char *text) {
    unsigned char a = text[0];
    size_t length = a < 0x80 ? 1 : a < 0xC2 ? 0 : a < 0xE0 ? 2 : a < 0xF0 ? 3 : a < 0xF5 ? 4 : 0;
    for (size_t i = 1; i < length; i++)
        if ((text[i] & 0xC0) != 0x80) return 0;
    if ((a == 0xE0 && text[1] < 0xA0) || (a == 0xED && text[1] > 0x9F)) return 0;
    if ((a == 0xF0 && text[1] < 0x90) || (a == 0xF4 && text[1] > 0x8F)) return 0;
    return length;
}

char *cli_utf8(const char *text) {
    enum { ESCAPED = 4 }; /* bytes of \xff */
    char *clean = malloc(ESCAPED * strlen(text) + 1), *to = clean;
    while (clean && *text) {
        size_t length = sequence((const unsigned char *)text);
        if (length)
            memcpy(to, text, length);
        else
            snprintf(to, ESCAPED + 1, "\\x%02x", (unsigned char)*text);
        to += length ? length : ESCAPED;
        text += length ? length : 1;
    }
    if (clean) *to = '\0';
    return clean;
}

static void print_quoted(FILE *stream, const char *text) {
    fputc('"', stream);
    for (; *text; text++) {
        if (*text == '"') fputc('"', stream);
        fputc(*text, stream);
    }
    fputc('"', stream);
}

void cli_csv_field(FILE *stream, const char *text) {
    char *clean = cli_utf8(text);
    const char *field = clean ? clean : text;
    if (strpbrk(field, ",\"\r\n"))
        print_quoted(stream, field);
    else
        fputs(field, stream);
    free(clean);
}

char *cli_shell_word(char *out, const char *text) {
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                "_-./:=,+@%";
    bool quote = !*text || strspn(text, plain) != strlen(text);
    if (quote) *out++ = '\'';
    for (; *text; text++) {
        const char letter[2] = {*text, '\0'}, *piece = *text == '\'' ? "'\\''" : letter;
        memcpy(out, piece, strlen(piece));
        out += strlen(piece);
    }
    if (quote) *out++ = '\'';
    *out = '\0';
    return out;
}

/* ---- Tables -------------------------------------------------------------------------- */

void cli_table_start(cli_table *table, const char *align) {
    memset(table, 0, sizeof *table);
    table->align = align;
    table->columns = strlen(align);
}

void cli_table_cell(cli_table *table, const char *format, ...) {
    char text[1024];
    va_list list;
    va_start(list, format);
    vsnprintf(text, sizeof text, format, list);
    va_end(list);
    if (table->count == table->room) {
        size_t room = table->room ? 2 * table->room : 64;
        char **cells = realloc(table->cells, room * sizeof *cells);
        if (!cells) {
            table->failed = true;
            return;
        }
        table->cells = cells;
        table->room = room;
    }
    char *cell = strdup(text);
    if (!cell)
        table->failed = true;
    else
        table->cells[table->count++] = cell;
}

/* Letters, not bytes: those that continue a UTF-8 sequence take no place. */
static size_t letters(const char *text) {
    size_t count = 0;
    for (; *text; text++) count += ((unsigned char)*text & 0xC0) != 0x80;
    return count;
}

static size_t column_width(const cli_table *table, size_t column) {
    size_t width = 0;
    for (size_t i = column; i < table->count; i += table->columns) {
        size_t length = letters(table->cells[i]);
        if (length > width) width = length;
    }
    return width;
}

/* The last column is not padded. */
static void print_padded(const char *text, size_t width, bool right, bool last, FILE *stream) {
    size_t length = letters(text);
    int space = (int)(width > length ? width - length : 0);
    if (right) fprintf(stream, "%*s", space, "");
    fputs(text, stream);
    if (!right && !last) fprintf(stream, "%*s", space, "");
    fputs(last ? "\n" : "  ", stream);
}

static void print_plain(const cli_table *table, FILE *stream) {
    size_t widths[64];
    for (size_t c = 0; c < table->columns; c++) widths[c] = column_width(table, c);
    for (size_t i = 0; i + table->columns <= table->count; i += table->columns)
        for (size_t c = 0; c < table->columns; c++)
            print_padded(table->cells[i + c], widths[c], table->align[c] == 'r',
                         c + 1 == table->columns, stream);
}

static void print_markdown(const cli_table *table, FILE *stream) {
    for (size_t i = 0; i < table->count; i++) {
        fputs(i % table->columns ? " " : "| ", stream);
        for (const char *at = table->cells[i]; *at; at++) {
            if (*at == '|') fputc('\\', stream);
            fputc(*at, stream);
        }
        fputs(" |", stream);
        if ((i + 1) % table->columns) continue;
        fputc('\n', stream);
        if (i + 1 > table->columns) continue;
        for (size_t c = 0; c < table->columns; c++)
            fputs(table->align[c] == 'r' ? "|---:" : "|---", stream);
        fputs("|\n", stream);
    }
}

static void print_csv(const cli_table *table, FILE *stream) {
    for (size_t i = 0; i < table->count; i++) {
        cli_csv_field(stream, table->cells[i]);
        fputc((i + 1) % table->columns ? ',' : '\n', stream);
    }
}

void cli_table_free(cli_table *table) {
    for (size_t i = 0; i < table->count; i++) free(table->cells[i]);
    free(table->cells);
    table->cells = NULL;
    table->count = 0;
}

dd_status cli_table_end(cli_table *table, FILE *stream, cli_table_form form) {
    if (table->failed) {
        cli_fail(DD_MEMORY, "no memory for a table of results");
    } else if (form == CLI_TABLE_CSV) {
        print_csv(table, stream);
    } else if (form == CLI_TABLE_MARKDOWN) {
        print_markdown(table, stream);
    } else {
        print_plain(table, stream);
    }
    cli_table_free(table);
    return table->failed ? DD_MEMORY : DD_OK;
}

/* ---- JSON ---------------------------------------------------------------------------- */

static void add(cJSON *parent, const char *key, cJSON *item) {
    if (key)
        cJSON_AddItemToObject(parent, key, item);
    else
        cJSON_AddItemToArray(parent, item);
}

void cli_json_number(cJSON *parent, const char *key, double value) {
    char text[40];
    snprintf(text, sizeof text, "%.6g", value);
    add(parent, key, isfinite(value) ? cJSON_CreateRaw(text) : cJSON_CreateNull());
}

void cli_json_count(cJSON *parent, const char *key, uint64_t value) {
    char text[24];
    snprintf(text, sizeof text, "%llu", (unsigned long long)value);
    add(parent, key, cJSON_CreateRaw(text));
}

void cli_json_text(cJSON *parent, const char *key, const char *text) {
    char *clean = text ? cli_utf8(text) : NULL;
    add(parent, key, clean ? cJSON_CreateString(clean) : cJSON_CreateNull());
    free(clean);
}

dd_status cli_json_end(cJSON *json, FILE *stream, bool lines) {
    char *text = lines ? cJSON_Print(json) : cJSON_PrintUnformatted(json);
    cJSON_Delete(json);
    if (!text) return cli_fail(DD_MEMORY, "no memory for the result as JSON");
    fprintf(stream, "%s\n", text);
    cJSON_free(text);
    return DD_OK;
}
