#include "cli/bench_rows.h"

#include <math.h>
#include <string.h>

/* ---- Columns ------------------------------------------------------------------------- */

typedef struct column {
    const char *key;  /* in JSON and CSV */
    const char *head; /* in tables to be read; NULL: left out of the text */
    enum { TEXT, COUNT, NUMBER, PERCENT } kind;
    size_t offset; /* in a row */
    int digits;    /* of a number in a table */
} column;

#define AT(member) offsetof(cli_bench_row, member)
static const column columns[] = {
    {"device", "device", TEXT, AT(device), 0},
    {"platform", NULL, TEXT, AT(platform), 0},
    {"driver", "driver", TEXT, AT(driver), 0},
    {"model", NULL, TEXT, AT(model), 0},
    {"mode", "mode", TEXT, AT(mode), 0},
    {"precision", NULL, TEXT, AT(precision), 0},
    {"batch", "batch", COUNT, AT(batch), 0},
    {"images_per_second", "images/s", NUMBER, AT(result.images_per_second), 1},
    {"p50_us", "p50 us", NUMBER, AT(result.p50_us), 1},
    {"p90_us", "p90 us", NUMBER, AT(result.p90_us), 1},
    {"p99_us", "p99 us", NUMBER, AT(result.p99_us), 1},
    {"gflops", "GFLOPS", NUMBER, AT(result.gflops), 1},
    {"peak_gflops", "peak", NUMBER, AT(peak_gflops), 1},
    {"peak_share", "of it", PERCENT, AT(peak_share), 4},
    {"build_ms", "build ms", NUMBER, AT(result.build_ms), 1},
    {"programs_ms", "programs", NUMBER, AT(result.programs_ms), 1},
    {"check_ms", "check", NUMBER, AT(result.check_ms), 1},
    {"plan_ms", "plan", NUMBER, AT(result.plan_ms), 1},
    {"first_ms", "first ms", NUMBER, AT(result.first_ms), 1},
    {"warm_up_ms", "warm-up ms", NUMBER, AT(result.warm_up_ms), 1},
    {"steady_ms", "steady ms", NUMBER, AT(result.steady_ms), 1},
    {"runs", "runs", COUNT, AT(result.runs), 0},
};
static const char status_key[] = "status"; /* the last column */

static const char *text_at(const cli_bench_row *row, const column *c) {
    return *(const char *const *)((const char *)row + c->offset);
}

static uint64_t count_at(const cli_bench_row *row, const column *c) {
    return *(const uint64_t *)((const char *)row + c->offset);
}

/* Figures of a measurement that failed are none. */
static double number_at(const cli_bench_row *row, const column *c) {
    if (strcmp(row->status, "ok") != 0) return (double)NAN;
    return *(const double *)((const char *)row + c->offset);
}

static bool is_shown(const cli_bench_rows *rows, const column *c) {
    return rows->form != CLI_BENCH_TEXT || c->head;
}

/* ---- JSON ---------------------------------------------------------------------------- */

static void add_json(cJSON *list, cli_bench_row *row) {
    cJSON *json = cJSON_CreateObject();
    cJSON_AddItemToArray(list, json);
    for (const column *c = columns; c < columns + CLI_COUNT(columns); c++) {
        if (c->kind == TEXT)
            cli_json_text(json, c->key, text_at(row, c));
        else if (c->kind == COUNT)
            cli_json_count(json, c->key, count_at(row, c));
        else
            cli_json_number(json, c->key, number_at(row, c));
    }
    cli_json_text(json, status_key, row->status);
    if (row->profile) cJSON_AddItemToObject(json, "profile", row->profile);
    row->profile = NULL;
}

/* ---- Tables -------------------------------------------------------------------------- */

static void add_number(cli_bench_rows *rows, const column *c, double value) {
    if (!isfinite(value))
        cli_table_cell(&rows->table, "%s", "");
    else if (c->kind == PERCENT && rows->form != CLI_BENCH_CSV)
        cli_table_cell(&rows->table, "%.1f %%", 100 * value);
    else
        cli_table_cell(&rows->table, "%.*f", c->digits, value);
}

static void add_count(cli_bench_rows *rows, uint64_t value) {
    if (value)
        cli_table_cell(&rows->table, "%llu", (unsigned long long)value);
    else
        cli_table_cell(&rows->table, "%s", "");
}

static void add_cells(cli_bench_rows *rows, const cli_bench_row *row) {
    for (const column *c = columns; c < columns + CLI_COUNT(columns); c++) {
        if (!is_shown(rows, c)) continue;
        if (c->kind == TEXT)
            cli_table_cell(&rows->table, "%s", text_at(row, c));
        else if (c->kind == COUNT)
            add_count(rows, count_at(row, c));
        else
            add_number(rows, c, number_at(row, c));
    }
    cli_table_cell(&rows->table, "%s", row->status);
}

static void start_table(cli_bench_rows *rows) {
    size_t count = 0;
    for (const column *c = columns; c < columns + CLI_COUNT(columns); c++)
        if (is_shown(rows, c)) rows->align[count++] = c->kind == TEXT ? 'l' : 'r';
    strcpy(rows->align + count, "l"); /* the status */
    cli_table_start(&rows->table, rows->align);
    for (const column *c = columns; c < columns + CLI_COUNT(columns); c++) {
        const char *head = rows->form == CLI_BENCH_CSV || !c->head ? c->key : c->head;
        if (is_shown(rows, c)) cli_table_cell(&rows->table, "%s", head);
    }
    cli_table_cell(&rows->table, "%s", status_key);
}

/* ---- All of them --------------------------------------------------------------------- */

void cli_bench_rows_start(cli_bench_rows *rows, cli_bench_form form) {
    memset(rows, 0, sizeof *rows);
    rows->form = form;
    if (form == CLI_BENCH_JSON)
        rows->json = cJSON_CreateArray();
    else
        start_table(rows);
}

void cli_bench_rows_add(cli_bench_rows *rows, cli_bench_row *row) {
    rows->count++;
    if (rows->form == CLI_BENCH_JSON)
        add_json(rows->json, row);
    else
        add_cells(rows, row);
}

dd_status cli_bench_rows_end(cli_bench_rows *rows) {
    if (rows->count == 0) {
        cJSON_Delete(rows->json);
        cli_table_free(&rows->table);
        return DD_OK;
    }
    if (rows->form != CLI_BENCH_JSON) {
        cli_table_form form = rows->form == CLI_BENCH_CSV        ? CLI_TABLE_CSV
                              : rows->form == CLI_BENCH_MARKDOWN ? CLI_TABLE_MARKDOWN
                                                                 : CLI_TABLE_PLAIN;
        return cli_table_end(&rows->table, stdout, form);
    }
    cJSON *json = cJSON_CreateObject();
    cJSON_AddItemToObject(json, "results", rows->json);
    return cli_json_end(json, stdout, true);
}
