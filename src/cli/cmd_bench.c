/* cmd_bench.c: how fast is a model, on which device? */
#include <math.h>
#include <string.h>
#include <strings.h>

#include "cli/commands.h"
#include "cli/output.h"
#include "cli/progress.h"

typedef struct settings {
    const char *model;
    cli_integers batches;
    double seconds;
    bool train, json, csv, markdown;
} settings;

static const cli_option options[] = {
    {.name = "model",
     .kind = CLI_TEXT,
     .value = "M",
     .fallback_help = "the seed network",
     .offset = offsetof(settings, model),
     .help = "network (.json) or model (.safetensors)"},
    {.name = "train",
     .kind = CLI_FLAG,
     .offset = offsetof(settings, train),
     .help = "a training step instead of inference"},
    {.name = "batch",
     .kind = CLI_INTEGERS,
     .value = "N,N..",
     .min = 1,
     .max = 1e6,
     .fallback = "128",
     .offset = offsetof(settings, batches),
     .help = "images a run; a row for each"},
    {.name = "seconds",
     .kind = CLI_NUMBER,
     .value = "F",
     .min = 0,
     .above_min = true,
     .max = 3600,
     .fallback = "3",
     .offset = offsetof(settings, seconds),
     .help = "measured at least that long, after warming up"},
    {.name = "json",
     .kind = CLI_FLAG,
     .offset = offsetof(settings, json),
     .help = "{\"results\":[{..}]}"},
    {.name = "csv", .kind = CLI_FLAG, .offset = offsetof(settings, csv), .help = "as CSV"},
    {.name = "markdown",
     .kind = CLI_FLAG,
     .offset = offsetof(settings, markdown),
     .help = "as a Markdown table"},
};

/* ---- Rows ---------------------------------------------------------------------------- */

typedef struct row {
    const dd_device_info *device;
    const char *model, *mode;
    uint64_t batch;
    dd_bench_result result;
    char status[1024];
} row;

static const char *const keys[] = {"device", "platform",          "driver",   "model",  "mode",
                                   "batch",  "images_per_second", "p50_us",   "p90_us", "p99_us",
                                   "gflops", "build_ms",          "first_ms", "status"};
enum { TEXTS = 5, FIGURES = 7 }; /* before and after "batch" */

static void get_values(const row *from, const char *texts[TEXTS], double figures[FIGURES]) {
    const char *const t[TEXTS] = {from->device->name, from->device->platform, from->device->driver,
                                  from->model, from->mode};
    const dd_bench_result *r = &from->result;
    const double f[FIGURES] = {r->images_per_second, r->p50_us,  r->p90_us, r->p99_us, r->gflops,
                               r->build_ms,          r->first_ms};
    bool ok = strcmp(from->status, "ok") == 0;
    memcpy(texts, t, sizeof t);
    for (size_t i = 0; i < FIGURES; i++) figures[i] = ok ? f[i] : (double)NAN;
}

static void add_json(cJSON *list, const row *from) {
    const char *texts[TEXTS];
    double figures[FIGURES];
    get_values(from, texts, figures);
    cJSON *json = cJSON_CreateObject();
    cJSON_AddItemToArray(list, json);
    for (size_t i = 0; i < TEXTS; i++) cli_json_text(json, keys[i], texts[i]);
    cli_json_count(json, keys[TEXTS], from->batch);
    for (size_t i = 0; i < FIGURES; i++) cli_json_number(json, keys[TEXTS + 1 + i], figures[i]);
    cli_json_text(json, "status", from->status);
}

static void add_cells(cli_table *table, const row *from) {
    const char *texts[TEXTS];
    double figures[FIGURES];
    get_values(from, texts, figures);
    for (size_t i = 0; i < TEXTS; i++) cli_table_cell(table, "%s", texts[i]);
    cli_table_cell(table, "%llu", (unsigned long long)from->batch);
    for (size_t i = 0; i < FIGURES; i++) {
        if (isfinite(figures[i]))
            cli_table_cell(table, "%.1f", figures[i]);
        else
            cli_table_cell(table, "%s", "");
    }
    cli_table_cell(table, "%s", from->status);
}

/* ---- The work ------------------------------------------------------------------------ */

typedef struct bench {
    const cli_call *call;
    const settings *set;
    dd_model *model;
    const char *model_name;
    cJSON *results;  /* with --json */
    cli_table table; /* without */
    bool all;
    size_t rows, failed;
    dd_status first; /* of the first failure */
} bench;

static void add_row(bench *to, const row *from) {
    to->rows++;
    if (to->set->json)
        add_json(to->results, from);
    else
        add_cells(&to->table, from);
}

/* A device that fails is a row that says so, and not the end; but a single device is not to blame
 * for bad usage. */
static bool is_row(const bench *to, dd_status status) {
    if (status == DD_OK || status == DD_INTERRUPTED) return false;
    return to->all || dd_status_exit(status) == 1;
}

static void note_failure(bench *to, row *now, dd_status status) {
    snprintf(now->status, sizeof now->status, "failed: %s", cli_message());
    cli_note("%s: %s", now->device->name, now->status);
    cli_forget();
    if (to->failed++ == 0) to->first = status;
}

static row start_row(const bench *to, const dd_device_info *info, int64_t batch) {
    row made;
    memset(&made, 0, sizeof made);
    made.device = info;
    made.model = to->model_name;
    made.mode = to->set->train ? "train" : "infer";
    made.batch = (uint64_t)batch;
    strcpy(made.status, "ok");
    return made;
}

static dd_status measure(bench *to, dd_device *device, int64_t batch) {
    dd_bench_options made = {.train = to->set->train,
                             .batch = (unsigned)batch,
                             .seconds = to->set->seconds,
                             .profile = to->call->common.profile};
    row now = start_row(to, dd_device_describe(device), batch);
    cli_bar("measuring %s, batch %lld", now.mode, (long long)batch);
    dd_status status = dd_bench(device, to->model, &made, &now.result);
    cli_bar_clear();
    if (status == DD_OK && made.profile) status = cli_print_profile(&now.result);
    if (is_row(to, status)) {
        note_failure(to, &now, status);
        status = DD_OK;
    }
    if (status == DD_OK) add_row(to, &now);
    dd_bench_result_clear(&now.result);
    return status;
}

static dd_status measure_device(bench *to, dd_device *device) {
    for (size_t i = 0; i < to->set->batches.count; i++)
        CLI_TRY(measure(to, device, to->set->batches.items[i]));
    return DD_OK;
}

/* The devices of the list but the reference, which no one waits for. */
static dd_status bench_all(bench *to) {
    dd_device_list *list = NULL;
    dd_status status = DD_OK;
    CLI_TRY(dd_device_list_create(&list));
    for (size_t i = 0; i < list->count && status == DD_OK; i++) {
        char selector[24];
        dd_device *device = NULL;
        if (list->devices[i].type == DD_DEVICE_REFERENCE) continue;
        snprintf(selector, sizeof selector, "%d", list->devices[i].index);
        status = cli_open_device(&to->call->common, selector, false, &device);
        if (status == DD_OK) {
            status = measure_device(to, device);
        } else if (is_row(to, status)) {
            row now = start_row(to, &list->devices[i], to->set->batches.items[0]);
            note_failure(to, &now, status);
            add_row(to, &now);
            status = DD_OK;
        }
        dd_device_close(device);
    }
    dd_device_list_free(list);
    if (status == DD_OK && to->rows == 0)
        return cli_fail(DD_DEVICE, "no OpenCL device was found; see deepdigits devices");
    return status;
}

static dd_status bench_devices(bench *to) {
    dd_device *device = NULL;
    const char *selector = cli_selector(&to->call->common);
    to->all = selector && strcasecmp(selector, "all") == 0;
    if (to->all) return bench_all(to);
    CLI_TRY(cli_open_device(&to->call->common, selector, false, &device));
    dd_status status = measure_device(to, device);
    dd_device_close(device);
    return status;
}

static void start_results(bench *to) {
    if (to->set->json) {
        to->results = cJSON_CreateArray();
        return;
    }
    cli_table_start(&to->table, "lllllrrrrrrrrl");
    for (size_t i = 0; i < CLI_COUNT(keys); i++) cli_table_cell(&to->table, "%s", keys[i]);
}

/* Prints the rows there are, even after a failure, and frees them. */
static dd_status end_results(bench *to) {
    cli_table_form form = to->set->csv        ? CLI_TABLE_CSV
                          : to->set->markdown ? CLI_TABLE_MARKDOWN
                                              : CLI_TABLE_PLAIN;
    if (to->rows == 0) {
        cJSON_Delete(to->results);
        cli_table_free(&to->table);
        return DD_OK;
    }
    if (!to->set->json) return cli_table_end(&to->table, stdout, form);
    cJSON *json = cJSON_CreateObject();
    cJSON_AddItemToObject(json, "results", to->results);
    return cli_json_end(json, stdout, true);
}

static dd_status run(const cli_call *call, const void *values) {
    const settings *set = values;
    bench to;
    dd_model_info info;
    memset(&to, 0, sizeof to);
    if (set->json + set->csv + set->markdown > 1)
        return cli_fail(DD_USAGE, "expected one of --json, --csv and --markdown");
    to.call = call;
    to.set = set;
    CLI_TRY(cli_load_network(set->model, &to.model));
    dd_model_describe(to.model, &info);
    to.model_name = info.name;
    start_results(&to);
    dd_status status = bench_devices(&to);
    dd_status printed = end_results(&to);
    dd_model_free(to.model);
    if (status == DD_OK) status = printed;
    if (status != DD_OK || to.failed == 0) return status;
    return cli_fail(to.first, "%zu of %zu measurements failed", to.failed, to.rows);
}

const cli_command cli_command_bench = {
    .name = "bench",
    .summary = "measure inference or training",
    .usage = "[--train] [--model M] [--batch N,N..] [--device SEL|all] [--json|--csv|--markdown]",
    .about = "Warms up until steady, then measures whole runs, results fetched each time.\n"
             "p50, p90 and p99 are microseconds a run; GFLOPS count a direct convolution;\n"
             "build is compiling the graph and its kernels, first the first run, in ms.\n"
             "\"all\" is every OpenCL device; one that fails is a row with its reason.\n",
    .examples = "  deepdigits bench --batch 1,32,128 --markdown\n"
                "  deepdigits bench --train --model models/seed.json --device all --json\n",
    .options = options,
    .option_count = CLI_COUNT(options),
    .settings_size = sizeof(settings),
    .run = run,
};
