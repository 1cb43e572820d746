/* cmd_tune.c: measure implementations and their settings and keep the fastest correct ones. */
#include <math.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/output.h"
#include "cli/progress.h"

typedef struct settings {
    const char *model;
    int64_t batch;
    double seconds;
    bool again, json;
} settings;

static const cli_option options[] = {
    {.name = "model",
     .kind = CLI_TEXT,
     .value = "M",
     .fallback_help = "the seed network",
     .offset = offsetof(settings, model),
     .help = "network (.json) or model (.safetensors) to be quick at"},
    CLI_OPTION_BATCH("128", "images a run"),
    {.name = "seconds",
     .kind = CLI_NUMBER,
     .value = "F",
     .min = 0,
     .above_min = true,
     .max = 1e6,
     .fallback = "60",
     .offset = offsetof(settings, seconds),
     .help = "stop after that time, at the next candidate"},
    {.name = "again",
     .kind = CLI_FLAG,
     .offset = offsetof(settings, again),
     .help = "measure what is known already as well"},
    CLI_OPTION_JSON("{\"device\":..,\"batch\":..,\"measured\":..,\"incomplete\":..,\n"
                    "\"training\":{..},\"inference\":{..},\"nodes\":[{..}]}"),
};

/* ---- While it runs ------------------------------------------------------------------- */

typedef struct listener {
    char shape[512]; /* of the candidate before */
} listener;

/* A line for each candidate, below one for the node. */
static void take_step(void *context, const dd_tune_step *step) {
    listener *to = context;
    if (strcmp(to->shape, step->shape) != 0) cli_note("%s %s", step->op, step->shape);
    snprintf(to->shape, sizeof to->shape, "%s", step->shape);
    if (step->event == DD_TUNE_REJECTED)
        cli_note("    %-36s is passed over: %s", step->choice, step->reason);
    else
        cli_note("  %s %-36s %10.3f ms", step->event == DD_TUNE_CHOSEN ? "=" : " ", step->choice,
                 1e3 * step->seconds);
}

/* ---- The report ---------------------------------------------------------------------- */

/* How many times as long the defaults take; NaN when nothing was measured. */
static double ratio(double default_seconds, double tuned_seconds) {
    return default_seconds > 0 && tuned_seconds > 0 ? default_seconds / tuned_seconds : (double)NAN;
}

static void print_total(const char *what, const dd_tune_total *total) {
    if (!(total->tuned_seconds > 0)) return;
    printf("%-9s  default %9.3f ms, tuned %9.3f ms, ratio %.2f\n", what,
           1e3 * total->default_seconds, 1e3 * total->tuned_seconds,
           ratio(total->default_seconds, total->tuned_seconds));
}

static void add_cells(cli_table *table, const dd_tune_row *row) {
    cli_table_cell(table, "%s", row->name);
    cli_table_cell(table, "%s", row->op);
    cli_table_cell(table, "%u", row->training);
    cli_table_cell(table, "%u", row->inference);
    cli_table_cell(table, "%s", row->standard);
    if (row->default_seconds > 0)
        cli_table_cell(table, "%.3f", 1e3 * row->default_seconds);
    else
        cli_table_cell(table, "-");
    if (row->tuned_seconds > 0)
        cli_table_cell(table, "%.3f", 1e3 * row->tuned_seconds);
    else
        cli_table_cell(table, "-");
    double times = ratio(row->default_seconds, row->tuned_seconds);
    cli_table_cell(table, isfinite(times) ? "%.2f" : "-", times);
    cli_table_cell(table, "%s%s", *row->choice ? row->choice : "not measured",
                   row->complete || !*row->choice ? "" : " (so far)");
}

static dd_status print_report(const dd_tune_result *result) {
    static const char *const head[] = {"node",       "op",       "train", "infer", "default",
                                       "default ms", "tuned ms", "ratio", "choice"};
    cli_table table;
    cli_table_start(&table, "llrrlrrrl");
    for (size_t i = 0; i < CLI_COUNT(head); i++) cli_table_cell(&table, "%s", head[i]);
    for (size_t i = 0; i < result->row_count; i++) add_cells(&table, &result->rows[i]);
    CLI_TRY(cli_table_end(&table, stdout, CLI_TABLE_PLAIN));
    print_total("training", &result->training);
    print_total("inference", &result->inference);
    return DD_OK;
}

static void add_times(cJSON *json, double default_seconds, double tuned_seconds) {
    cli_json_number(json, "default_ms", default_seconds > 0 ? 1e3 * default_seconds : (double)NAN);
    cli_json_number(json, "tuned_ms", tuned_seconds > 0 ? 1e3 * tuned_seconds : (double)NAN);
    cli_json_number(json, "ratio", ratio(default_seconds, tuned_seconds));
}

static void add_node(cJSON *nodes, const dd_tune_row *row) {
    cJSON *json = cJSON_CreateObject();
    cli_json_text(json, "node", row->name);
    cli_json_text(json, "op", row->op);
    cli_json_text(json, "shape", row->shape);
    cli_json_count(json, "training", row->training);
    cli_json_count(json, "inference", row->inference);
    cli_json_text(json, "default", row->standard);
    cli_json_text(json, "choice", *row->choice ? row->choice : NULL);
    add_times(json, row->default_seconds, row->tuned_seconds);
    cJSON_AddBoolToObject(json, "complete", row->complete);
    cJSON_AddItemToArray(nodes, json);
}

static dd_status print_json(const dd_device *device, int64_t batch, const dd_tune_result *result) {
    cJSON *json = cJSON_CreateObject();
    cli_json_text(json, "device", dd_device_describe(device)->name);
    cli_json_count(json, "batch", (uint64_t)batch);
    cli_json_count(json, "measured", result->measured);
    cli_json_count(json, "incomplete", result->incomplete);
    cJSON *training = cJSON_AddObjectToObject(json, "training");
    add_times(training, result->training.default_seconds, result->training.tuned_seconds);
    cJSON *inference = cJSON_AddObjectToObject(json, "inference");
    add_times(inference, result->inference.default_seconds, result->inference.tuned_seconds);
    cJSON *nodes = cJSON_AddArrayToObject(json, "nodes");
    for (size_t i = 0; i < result->row_count; i++) add_node(nodes, &result->rows[i]);
    return cli_json_end(json, stdout, true);
}

static void note_outcome(const dd_tune_result *result) {
    cli_note("%zu candidates measured; what was chosen is kept for later runs on this device",
             result->measured);
    if (result->incomplete)
        cli_note("%zu of %zu kinds of nodes are not done: tune goes on there when called again",
                 result->incomplete, result->row_count);
    else if (result->measured == 0 && result->row_count)
        cli_note("all was known already; --again measures anew");
}

/* An interrupted tuning reports what it has. */
static dd_status tune(const cli_call *call, const settings *set, const dd_model *model,
                      dd_device *device) {
    dd_tune_options made = {
        .batch = (unsigned)set->batch, .seconds = set->seconds, .again = set->again};
    dd_tune_result result;
    listener to = {.shape = ""};
    dd_status status = dd_tune(device, model, &made, take_step, &to, &result);
    if (status == DD_OK || status == DD_INTERRUPTED) {
        note_outcome(&result);
        dd_status printed =
            set->json ? print_json(device, set->batch, &result) : print_report(&result);
        if (status == DD_OK) status = printed;
    }
    dd_tune_result_clear(&result);
    if (status == DD_OK && call->common.profile)
        status = cli_profile(
            device, model, &(dd_bench_options){.train = true, .batch = (unsigned)set->batch}, NULL);
    return status;
}

static dd_status run(const cli_call *call, const void *values) {
    const settings *set = values;
    dd_model *model = NULL;
    dd_device *device = NULL;
    dd_status status;
    CLI_TRY_OUT(cli_load_network(set->model, &model));
    CLI_TRY_OUT(cli_open_one_device(&call->common, &device));
    CLI_TRY_OUT(tune(call, set, model, device));
out:
    dd_device_close(device);
    dd_model_free(model);
    return status;
}

const cli_command cli_command_tune = {
    .name = "tune",
    .summary = "measure implementations and keep the fastest correct ones",
    .usage = "[--model M] [--batch N] [--seconds F] [--again] [--json]",
    .about =
        "Tries the implementations of each node of training and of inference, then the settings\n"
        "of the best one (tile shapes and the like), dearest nodes first; what is wrong is passed\n"
        "over, and a candidate must win by more than 3 %. Prints, for each kind of node, how many\n"
        "there are, the default's time, the tuned one's and their ratio.\n"
        "Nothing needs tuning to run well; stopping early, by the time or by Ctrl-C, keeps what\n"
        "was found, and the next tuning goes on there. What is known is not measured again\n"
        "without --again.\n",
    .examples = "  deepdigits tune\n"
                "  deepdigits tune --device gpu --model models/seed.json --seconds 300\n"
                "  deepdigits tune --batch 1 --json\n",
    .options = options,
    .option_count = CLI_COUNT(options),
    .settings_size = sizeof(settings),
    .run = run,
};
