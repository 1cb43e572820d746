/* cmd_selftest.c: does this device compute rightly? */
#include <stdlib.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/output.h"
#include "cli/progress.h"

typedef struct settings {
    bool quick, json;
} settings;

static const cli_option options[] = {
    {.name = "quick",
     .kind = CLI_FLAG,
     .offset = offsetof(settings, quick),
     .help = "only the cases that take less than a second in all"},
    {.name = "json",
     .kind = CLI_FLAG,
     .offset = offsetof(settings, json),
     .help = "{\"devices\":[{..,\"verdict\":..,\"rows\":[..]}]}"},
};

/* All rows of one op and implementation, as one line of text. */
typedef struct group {
    char op[64], implementation[64];
    size_t cases, failed;
    double worst, seconds; /* worst: of a case's tolerance */
} group;

typedef struct report {
    bool json;
    cJSON *rows;   /* with json */
    group *groups; /* (count) without, in the order they were met */
    size_t count;
} report;

/* ---- Text ---------------------------------------------------------------------------- */

/* The group of this row, a new one when it is the first; NULL without memory. */
static group *find_group(report *to, const dd_selftest_row *row) {
    for (size_t i = 0; i < to->count; i++)
        if (strcmp(to->groups[i].op, row->op) == 0 &&
            strcmp(to->groups[i].implementation, row->implementation) == 0)
            return &to->groups[i];
    group *groups = realloc(to->groups, (to->count + 1) * sizeof *groups);
    if (!groups) return NULL;
    to->groups = groups;
    group *made = &groups[to->count++];
    memset(made, 0, sizeof *made);
    snprintf(made->op, sizeof made->op, "%s", row->op);
    snprintf(made->implementation, sizeof made->implementation, "%s", row->implementation);
    return made;
}

static void take_group(report *to, const dd_selftest_row *row) {
    group *now = find_group(to, row);
    if (now) {
        now->cases++;
        now->failed += row->status != DD_OK;
        now->seconds += row->seconds;
        if (!(row->error <= now->worst)) now->worst = row->error; /* a NaN stays */
    }
    if (row->status == DD_OK) return;
    cli_bar_clear();
    printf("FAILED: %s\n", row->message);
    fflush(stdout);
}

static dd_status print_groups(report *to) {
    static const char *const head[] = {"op",     "implementation", "cases",
                                       "failed", "of tolerance",   "ms"};
    cli_table table;
    cli_table_start(&table, "llrrrr");
    for (size_t i = 0; i < CLI_COUNT(head); i++) cli_table_cell(&table, "%s", head[i]);
    for (size_t i = 0; i < to->count; i++) {
        const group *now = &to->groups[i];
        cli_table_cell(&table, "%s", now->op);
        cli_table_cell(&table, "%s", now->implementation);
        cli_table_cell(&table, "%zu", now->cases);
        cli_table_cell(&table, "%zu", now->failed);
        cli_table_cell(&table, "%.2f", now->worst);
        cli_table_cell(&table, "%.1f", 1e3 * now->seconds);
    }
    free(to->groups);
    return cli_table_end(&table, stdout, CLI_TABLE_PLAIN);
}

/* ---- JSON ---------------------------------------------------------------------------- */

static void add_row(cJSON *rows, const dd_selftest_row *row) {
    cJSON *json = cJSON_CreateObject();
    cJSON_AddItemToArray(rows, json);
    cli_json_text(json, "op", row->op);
    cli_json_text(json, "implementation", row->implementation);
    cli_json_text(json, "case", row->name);
    cli_json_text(json, "status", row->status == DD_OK ? "ok" : row->message);
    cli_json_number(json, "error", row->error);
    cli_json_number(json, "seconds", row->seconds);
}

static void add_verdict(cJSON *json, const dd_selftest_result *result, dd_status status) {
    char verdict[2048] = "ok";
    if (status != DD_OK) snprintf(verdict, sizeof verdict, "failed: %s", cli_message());
    cli_json_count(json, "passed", result->passed);
    cli_json_count(json, "failed", result->failed);
    cli_json_count(json, "refused", result->refused);
    cli_json_number(json, "seconds", result->seconds);
    cli_json_text(json, "verdict", verdict);
}

/* ---- One device ---------------------------------------------------------------------- */

static void take_row(void *context, const dd_selftest_row *row) {
    report *to = context;
    cli_bar("%s %s %s", row->op, row->implementation, row->name);
    if (to->json)
        add_row(to->rows, row);
    else
        take_group(to, row);
}

static void print_verdict(const dd_selftest_result *result, dd_status status) {
    if (status == DD_OK)
        printf("passed: %zu cases in %.1f s; %zu not made for this device\n", result->passed,
               result->seconds, result->refused);
    else
        printf("FAILED: %s\n", cli_message());
}

/* "tf32 bf16": what the device's matrix units multiply, also into `list`. */
static void find_matrix_units(dd_device *device, cJSON *list, char *out, size_t size) {
    static const struct {
        dd_precision format;
        const char *name;
    } all[] = {{DD_PRECISION_TF32, "tf32"}, {DD_PRECISION_BF16, "bf16"}};
    size_t used = 0;
    snprintf(out, size, "none");
    for (size_t i = 0; i < CLI_COUNT(all); i++) {
        if (!dd_device_has_matrix_units(device, all[i].format)) continue;
        cli_json_text(list, NULL, all[i].name);
        used += (size_t)snprintf(out + used, size - used, "%s%s", used ? " " : "", all[i].name);
    }
}

static dd_status test_device(const cli_call *call, const settings *set, const char *selector,
                             cJSON *devices) {
    dd_device *device = NULL;
    dd_selftest_result result;
    memset(&result, 0, sizeof result);
    CLI_TRY(cli_open_device(&call->common, selector, true, &device));
    const dd_device_info *info = dd_device_describe(device);
    report to = {.json = set->json};
    cJSON *json = cJSON_CreateObject();
    cli_json_text(json, "device", info->name);
    cli_json_text(json, "platform", info->platform);
    cli_json_text(json, "driver", info->driver);
    char units[32];
    find_matrix_units(device, cJSON_AddArrayToObject(json, "matrix_units"), units, sizeof units);
    to.rows = cJSON_CreateArray();
    if (!set->json)
        printf("%s (%s, %s), matrix units: %s\n", info->name, info->platform, info->driver, units);
    dd_status status = dd_selftest(device, set->quick, take_row, &to, &result);
    cli_bar_clear();
    add_verdict(json, &result, status);
    cJSON_AddItemToObject(json, "rows", to.rows);
    cJSON_AddItemToArray(devices, json);
    dd_status printed = DD_OK;
    if (!set->json) {
        printed = print_groups(&to);
        print_verdict(&result, status);
    }
    dd_device_close(device);
    return status == DD_OK ? printed : status;
}

/* Of several devices. */
typedef struct tests {
    const cli_call *call;
    const settings *set;
    cJSON *devices;
    size_t tested, failed;
} tests;

/* A failure does not end the round. */
static dd_status test_next(void *context, const char *selector, const dd_device_info *info) {
    tests *to = context;
    if (cli_interrupted()) return cli_fail(DD_INTERRUPTED, "the self-test was interrupted");
    dd_status status = test_device(to->call, to->set, selector, to->devices);
    to->tested++;
    if (status == DD_OK || dd_status_exit(status) == 2) return status;
    to->failed++;
    cli_note("%s: %s", info ? info->name : selector, cli_message());
    cli_forget();
    return DD_OK;
}

static dd_status test_several(tests *to, const char *selector) {
    CLI_TRY(cli_each_device(selector, test_next, to));
    if (cli_interrupted()) return cli_fail(DD_INTERRUPTED, "the self-test was interrupted");
    if (to->failed == 0) return DD_OK;
    return cli_fail(DD_WRONG, "self-test: %zu of %zu devices failed", to->failed, to->tested);
}

static dd_status run(const cli_call *call, const void *values) {
    const settings *set = values;
    const char *selector = cli_selector(&call->common);
    cJSON *json = cJSON_CreateObject();
    cJSON *devices = cJSON_AddArrayToObject(json, "devices");
    tests several = {.call = call, .set = set, .devices = devices};
    dd_status status = cli_names_several(selector) ? test_several(&several, selector)
                                                   : test_device(call, set, selector, devices);
    if (!set->json || !cJSON_GetArraySize(devices)) {
        cJSON_Delete(json);
        return status;
    }
    dd_status printed = cli_json_end(json, stdout, true);
    return status == DD_OK ? printed : status;
}

const cli_command cli_command_selftest = {
    .name = "selftest",
    .summary = "check a device against the reference",
    .usage = "[--device SEL,SEL..|all] [--quick] [--json]",
    .about =
        "Runs every op in every implementation made for the device and compares with plain\n"
        "C, then one training step end to end. \"all\" is every OpenCL device. Matrix units, of\n"
        "which the first line tells, are tested as far as --precision allows them. Exit status 1\n"
        "when anything is wrong.\n",
    .examples = "  deepdigits selftest\n"
                "  deepdigits selftest --device all --quick\n",
    .options = options,
    .option_count = CLI_COUNT(options),
    .settings_size = sizeof(settings),
    .run = run,
};
