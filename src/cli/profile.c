/* profile.c: where the time goes, node by node. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/output.h"
#include "cli/progress.h"

static int dearest_first(const void *a, const void *b) {
    const dd_bench_node *x = *(const dd_bench_node *const *)a;
    const dd_bench_node *y = *(const dd_bench_node *const *)b;
    return (x->seconds < y->seconds) - (x->seconds > y->seconds);
}

static void add_node(cli_table *table, const dd_bench_node *node, double total) {
    cli_table_cell(table, "%s", node->name);
    cli_table_cell(table, "%s", node->op);
    cli_table_cell(table, "%s", node->implementation);
    cli_table_cell(table, "%u", node->launches);
    cli_table_cell(table, "%.3f", 1e3 * node->seconds);
    cli_table_cell(table, "%.1f %%", total > 0 ? 100 * node->seconds / total : 0.0);
    if (node->gflops > 0)
        cli_table_cell(table, "%.1f", node->gflops);
    else
        cli_table_cell(table, "-");
}

dd_status cli_print_profile(const dd_bench_result *result) {
    static const char *const head[] = {"node", "op",    "implementation", "launches",
                                       "ms",   "share", "GFLOPS"};
    size_t count = result->node_count;
    const dd_bench_node **order = malloc((count + 1) * sizeof *order);
    if (!order) return cli_fail(DD_MEMORY, "no memory for the profile");
    double total = 0;
    for (size_t i = 0; i < count; i++) {
        order[i] = &result->nodes[i];
        total += result->nodes[i].seconds;
    }
    qsort(order, count, sizeof *order, dearest_first);
    cli_table table;
    cli_table_start(&table, "lllrrrr");
    for (size_t i = 0; i < CLI_COUNT(head); i++) cli_table_cell(&table, "%s", head[i]);
    for (size_t i = 0; i < count; i++) add_node(&table, order[i], total);
    free(order);
    cli_bar_clear();
    dd_status status = cli_table_end(&table, stderr, CLI_TABLE_PLAIN);
    fprintf(stderr, "all nodes %.3f ms, one run %.3f ms\n", 1e3 * total, 1e-3 * result->mean_us);
    return status;
}

dd_status cli_profile(dd_device *device, const dd_model *model, bool train, unsigned batch) {
    dd_bench_options options = {.train = train, .batch = batch, .seconds = 1, .profile = true};
    dd_bench_result result;
    memset(&result, 0, sizeof result);
    cli_note("profile of %s, batch %u", train ? "a training step" : "inference", batch);
    dd_status status = dd_bench(device, model, &options, &result);
    if (status == DD_OK) status = cli_print_profile(&result);
    dd_bench_result_clear(&result);
    return status;
}
