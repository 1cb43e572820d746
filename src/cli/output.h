/* output.h: results as files, tables, CSV and JSON. */
#ifndef DD_CLI_OUTPUT_H
#define DD_CLI_OUTPUT_H

#include <cjson/cJSON.h>
#include <stdio.h>

#include "cli/options.h"
#include "deepdigits.h"

/* ---- Files --------------------------------------------------------------------------- */

/* A result's file: written beside its place and renamed when all is well, so that readers see the
 * old file or the new one. Standard output, pipes and devices are written directly. */
typedef struct cli_output {
    FILE *stream;
    bool one_of_many; /* set after opening: not worth a sync to the disk */
    const char *path; /* as given; NULL: standard output */
    char place[4096]; /* where the links lead */
    char temporary[4096 + 32];
} cli_output;

/* `path` NULL or "-": standard output. DD_IO with path and reason. */
dd_status cli_output_open(cli_output *output, const char *path);
/* `status` is how the work went: DD_OK puts the file in its place, anything else removes it.
 * Returns the first failure. */
dd_status cli_output_close(cli_output *output, dd_status status);
/* Standard output, flushed: DD_IO when it took less than was written. */
dd_status cli_flush_stdout(void);
/* Makes a folder and those above it; *made tells whether the last one is new. */
dd_status cli_folder_make(const char *path, bool *made);

/* ---- CSV, text ----------------------------------------------------------------------- */

/* A copy in which bytes that are not UTF-8, as file names may have them, are written \xff; the caller frees it.
 * NULL: no memory. */
char *cli_utf8(const char *text);
/* A field, in quotes where RFC 4180 wants them, as cli_utf8 has it. */
void cli_csv_field(FILE *stream, const char *text);
/* Writes `text`, in single quotes where a shell wants them, and a NUL: at most 4 bytes a letter and
 * 3 more. Returns where the NUL is. */
char *cli_shell_word(char *out, const char *text);

/* ---- Tables -------------------------------------------------------------------------- */

typedef enum cli_table_form { CLI_TABLE_PLAIN, CLI_TABLE_CSV, CLI_TABLE_MARKDOWN } cli_table_form;

/* Rows of text cells; the first is the head. */
typedef struct cli_table {
    size_t columns;
    const char *align; /* (columns) 'l' or 'r' */
    char **cells;      /* (count) row by row */
    size_t count, room;
    bool failed; /* there was no memory */
} cli_table;

/* `align` is kept. */
void cli_table_start(cli_table *table, const char *align);
void cli_table_cell(cli_table *table, const char *format, ...) CLI_PRINTF(2, 3);
void cli_table_free(cli_table *table);
/* Prints and frees. */
dd_status cli_table_end(cli_table *table, FILE *stream, cli_table_form form);

/* ---- JSON ---------------------------------------------------------------------------- */

/* Six significant digits; null when it is not finite. `key` NULL: the next item of an array. */
void cli_json_number(cJSON *parent, const char *key, double value);
/* The same, exact. */
void cli_json_count(cJSON *parent, const char *key, uint64_t value);
/* As cli_utf8 has it. NULL: null. */
void cli_json_text(cJSON *parent, const char *key, const char *text);
/* Prints and deletes; `lines`: over several lines. */
dd_status cli_json_end(cJSON *json, FILE *stream, bool lines);

#endif
