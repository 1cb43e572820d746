/* profile.c: where the time goes, node by node. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/output.h"
#include "cli/progress.h"

/* ---- Peaks --------------------------------------------------------------------------- */

static double peak_or_nan(dd_status status, double peak) {
    if (status == DD_OK) return peak > 0 ? peak : (double)NAN;
    cli_note("the device's peak is not known: %s", dd_message());
    return (double)NAN;
}

void cli_measure_peaks(dd_device *device, bool memory, cli_peaks *peaks) {
    double peak = 0;
    if (peaks->gflops == 0) {
        dd_status status = dd_peak_gflops(device, &peak);
        peaks->gflops = peak_or_nan(status, peak);
    }
    if (!memory || peaks->gbytes != 0) return;
    dd_status status = dd_peak_gbytes(device, &peak);
    peaks->gbytes = peak_or_nan(status, peak);
}

/* ---- What a node did ----------------------------------------------------------------- */

typedef struct figures {
    double ms, share;     /* of all nodes' time */
    double gflops;        /* NaN where nothing is counted */
    double bytes, gbytes; /* a run; 10^9 a second */
    double roofline;      /* achieved, in parts of what arithmetic and memory allow */
} figures;

/* Of the time the node took, what it would take at least: its operations at the peak or its bytes
 * at the bandwidth, whichever is longer. That is the rate over min(peak, intensity * bandwidth),
 * and also holds where no operations are counted. */
static figures figures_of(const dd_bench_node *node, double total, const cli_peaks *peaks) {
    bool timed = node->seconds > 0;
    figures f = {.ms = 1e3 * node->seconds,
                 .share = total > 0 ? node->seconds / total : (double)NAN,
                 .gflops = node->gflops > 0 ? node->gflops : (double)NAN,
                 .bytes = node->bytes,
                 .gbytes = timed ? 1e-9 * node->bytes / node->seconds : (double)NAN};
    f.roofline = f.gbytes / peaks->gbytes;
    if (node->gflops > 0) f.roofline = fmax(f.roofline, node->gflops / peaks->gflops);
    if (!isfinite(peaks->gbytes) || !isfinite(peaks->gflops)) f.roofline = (double)NAN;
    return f;
}

static int dearest_first(const void *a, const void *b) {
    const dd_bench_node *x = *(const dd_bench_node *const *)a;
    const dd_bench_node *y = *(const dd_bench_node *const *)b;
    return (x->seconds < y->seconds) - (x->seconds > y->seconds);
}

/* The nodes, dearest first, to be freed; *total is their time, in seconds. */
static const dd_bench_node **sort_nodes(const dd_bench_result *result, double *total) {
    const dd_bench_node **order = malloc((result->node_count + 1) * sizeof *order);
    *total = 0;
    if (!order) return NULL;
    for (size_t i = 0; i < result->node_count; i++) {
        order[i] = &result->nodes[i];
        *total += result->nodes[i].seconds;
    }
    qsort(order, result->node_count, sizeof *order, dearest_first);
    return order;
}

/* ---- As a table ---------------------------------------------------------------------- */

static void add_cell(cli_table *table, int digits, double value, const char *unit) {
    if (isfinite(value))
        cli_table_cell(table, "%.*f%s", digits, value, unit);
    else
        cli_table_cell(table, "-");
}

static void add_node(cli_table *table, const dd_bench_node *node, const figures *f) {
    cli_table_cell(table, "%s", node->name);
    cli_table_cell(table, "%s", node->op);
    cli_table_cell(table, "%s", node->implementation);
    cli_table_cell(table, "%u", node->launches);
    add_cell(table, 3, f->ms, "");
    add_cell(table, 1, 100 * f->share, " %");
    add_cell(table, 1, f->gflops, "");
    add_cell(table, 2, 1e-6 * f->bytes, "");
    add_cell(table, 1, f->gbytes, "");
    add_cell(table, 0, 100 * f->roofline, " %");
}

static void print_foot(const dd_bench_result *result, const cli_peaks *peaks, double total) {
    fprintf(stderr, "all nodes %.3f ms, one run %.3f ms\n", 1e3 * total, 1e-3 * result->mean_us);
    if (!isfinite(peaks->gflops) || !isfinite(peaks->gbytes)) return;
    fprintf(stderr,
            "MB: inputs and outputs, each once. Roofline, measured: %.0f GFLOPS, %.1f GB/s of "
            "memory;\nmore than 100 %% is what caches hold, or Winograd, which multiplies less "
            "than it is counted with\n",
            peaks->gflops, peaks->gbytes);
}

dd_status cli_print_profile(const dd_bench_result *result, const cli_peaks *peaks) {
    static const char *const head[] = {"node",   "op", "implementation", "launches", "ms", "share",
                                       "GFLOPS", "MB", "GB/s",           "roofline"};
    double total;
    const dd_bench_node **order = sort_nodes(result, &total);
    if (!order) return cli_fail(DD_MEMORY, "no memory for the profile");
    cli_table table;
    cli_table_start(&table, "lllrrrrrrr");
    for (size_t i = 0; i < CLI_COUNT(head); i++) cli_table_cell(&table, "%s", head[i]);
    for (size_t i = 0; i < result->node_count; i++) {
        figures f = figures_of(order[i], total, peaks);
        add_node(&table, order[i], &f);
    }
    free(order);
    cli_bar_clear();
    dd_status status = cli_table_end(&table, stderr, CLI_TABLE_PLAIN);
    print_foot(result, peaks, total);
    return status;
}

/* ---- As JSON ------------------------------------------------------------------------- */

static void add_json_node(cJSON *list, const dd_bench_node *node, const figures *f) {
    cJSON *json = cJSON_CreateObject();
    cJSON_AddItemToArray(list, json);
    cli_json_text(json, "node", node->name);
    cli_json_text(json, "op", node->op);
    cli_json_text(json, "implementation", node->implementation);
    cli_json_count(json, "launches", node->launches);
    cli_json_number(json, "ms", f->ms);
    cli_json_number(json, "share", f->share);
    cli_json_number(json, "gflops", f->gflops);
    cli_json_count(json, "bytes", (uint64_t)f->bytes);
    cli_json_number(json, "gbytes_per_second", f->gbytes);
    cli_json_number(json, "roofline_share", f->roofline);
}

cJSON *cli_json_profile(const dd_bench_result *result, const cli_peaks *peaks) {
    double total;
    const dd_bench_node **order = sort_nodes(result, &total);
    cJSON *json = cJSON_CreateObject();
    cli_json_number(json, "peak_gflops", peaks->gflops);
    cli_json_number(json, "peak_gbytes_per_second", peaks->gbytes);
    cli_json_number(json, "run_ms", 1e-3 * result->mean_us);
    cli_json_number(json, "nodes_ms", 1e3 * total);
    cJSON *nodes = cJSON_AddArrayToObject(json, "nodes");
    for (size_t i = 0; order && i < result->node_count; i++) {
        figures f = figures_of(order[i], total, peaks);
        add_json_node(nodes, order[i], &f);
    }
    free(order);
    return json;
}

/* ---- After other work ---------------------------------------------------------------- */

dd_status cli_profile(dd_device *device, const dd_model *model, const dd_bench_options *what,
                      cJSON **json) {
    dd_bench_options options = *what;
    dd_bench_result result;
    cli_peaks peaks;
    memset(&result, 0, sizeof result);
    memset(&peaks, 0, sizeof peaks);
    options.seconds = 1;
    options.profile = true;
    dd_status status;
    do { /* what came before may have been computed in smaller batches */
        cli_note("profile of %s, batch %u", options.train ? "a training step" : "inference",
                 options.batch);
        status = dd_bench(device, model, &options, &result);
    } while (status == DD_MEMORY && (options.batch /= 2) > 0);
    if (status == DD_OK) {
        cli_measure_peaks(device, true, &peaks);
        if (json)
            *json = cli_json_profile(&result, &peaks);
        else
            status = cli_print_profile(&result, &peaks);
    }
    dd_bench_result_clear(&result);
    return status;
}
