/* bench_rows.h: what bench prints: a row a measurement, in one table over all devices. */
#ifndef DD_CLI_BENCH_ROWS_H
#define DD_CLI_BENCH_ROWS_H

#include "cli/cli.h"
#include "cli/output.h"

typedef struct cli_bench_row {
    const char *device, *platform, *driver, *model, *mode;
    const char *precision; /* that was allowed */
    uint64_t batch;
    dd_bench_result result;
    double peak_gflops; /* of the device, measured; NaN: not known */
    double peak_share;  /* result.gflops in parts of it */
    cJSON *profile;     /* or NULL; goes to the row's JSON */
    char status[1024];  /* "ok", or why there are no figures: "failed: reason" */
} cli_bench_row;

typedef enum cli_bench_form {
    CLI_BENCH_TEXT, /* without the platform and the model, for the lines' sake */
    CLI_BENCH_MARKDOWN,
    CLI_BENCH_CSV,
    CLI_BENCH_JSON,
} cli_bench_form;

typedef struct cli_bench_rows {
    cli_bench_form form;
    size_t count;
    cJSON *json;     /* of JSON */
    cli_table table; /* of the others */
    char align[32];
} cli_bench_rows;

void cli_bench_rows_start(cli_bench_rows *rows, cli_bench_form form);
/* Keeps nothing of the row but its profile. */
void cli_bench_rows_add(cli_bench_rows *rows, cli_bench_row *row);
/* Prints what there is, and frees it. */
dd_status cli_bench_rows_end(cli_bench_rows *rows);

#endif
