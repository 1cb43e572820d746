#include "run/profile.h"

#include "base/memory.h"
#include "tune/choice.h"

enum { PROFILED_RUNS = 5 };

static dd_status add_node(const dd__plan *plan, const dd__node *node, const dd__node_time *time,
                          dd_bench_result *result) {
    double seconds = time->seconds / PROFILED_RUNS;
    double flop = node->op->flop ? node->op->flop(node) : 0;
    const dd__implementation *chosen = dd__plan_implementation(plan, node->number);
    dd__choice choice = dd__choice_of(node, chosen);
    char text[DD__CHOICE_TEXT] = "reference";
    if (chosen) dd__choice_print(&choice, text);
    dd_bench_node made = {.name = dd__copy_string(node->name),
                          .op = node->op->name,
                          .implementation = dd__copy_string(text),
                          .seconds = seconds,
                          .gflops = seconds > 0 ? 1e-9 * flop / seconds : 0,
                          .launches = time->launches / PROFILED_RUNS,
                          .bytes = dd__node_bytes(node)};
    result->nodes[result->node_count++] = made; /* freed with the others, whatever it has */
    return made.name && made.implementation ? DD_OK : dd__no_memory(sizeof text);
}

dd_status dd__profile(dd__plan *plan, dd_bench_result *result) {
    const dd__graph *graph = dd__plan_graph(plan);
    dd_status status = DD_OK;
    dd__node_time *times = dd__alloc(graph->node_count, sizeof *times);
    result->nodes = dd__alloc(graph->node_count, sizeof *result->nodes);
    if (!times || !result->nodes)
        DD_TRY_OUT(dd__no_memory(graph->node_count * sizeof *result->nodes));
    for (int i = 0; i < PROFILED_RUNS; i++) DD_TRY_OUT(dd__plan_profile(plan, times));
    for (size_t i = 0; i < graph->node_count; i++)
        if (times[i].launches) DD_TRY_OUT(add_node(plan, graph->nodes[i], &times[i], result));
out:
    dd__free(times);
    return status;
}
