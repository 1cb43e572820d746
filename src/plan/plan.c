#include "plan/plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "device/chain.h"
#include "graph/op.h"
#include "plan/choose.h"
#include "plan/storage.h"

struct dd__plan {
    dd_device *device;
    dd__graph *graph;
    const dd__implementation **chosen; /* (node_count), NULL for views */
    dd__node_storage *nodes;           /* (node_count) */
    dd__storage *storage;
    dd__recorder *once; /* what depends on parameters that no node changes */
    dd__recorder *body;
    bool once_is_done;
};

static bool is_view(const dd__node *node) { return !node->op->reference; }

static dd_status choose_all(dd__plan *plan) {
    for (size_t n = 0; n < plan->graph->node_count; n++) {
        dd__node *node = plan->graph->nodes[n];
        if (is_view(node) || dd__device_is_reference(plan->device)) continue;
        DD_TRY(dd__choose(plan->device, node, &plan->chosen[n]));
    }
    return DD_OK;
}

static dd_status call_reference(const void *context) {
    const dd__node *node = context;
    return dd__within(node->op->reference(node), "layer \"%s\"", node->name);
}

static dd_status record_node(dd__plan *plan, const dd__node *node) {
    const dd__implementation *chosen = plan->chosen[node->number];
    const dd__node_storage *storage = &plan->nodes[node->number];
    dd__recorder *runs = storage->once ? plan->once : plan->body;
    if (!chosen) return dd__record_call(runs, call_reference, node);
    dd__site site = {.device = plan->device, .packed = storage->packed};
    for (size_t i = 0; i < DD__WORKSPACES; i++) site.workspace[i] = storage->workspace[i];
    if (chosen->pack) DD_TRY(chosen->pack(storage->packed_once ? plan->once : runs, node, &site));
    return chosen->record(runs, node, &site);
}

static dd_status record_all(dd__plan *plan) {
    DD_TRY(dd__recorder_create(plan->device, &plan->once));
    DD_TRY(dd__recorder_create(plan->device, &plan->body));
    for (size_t n = 0; n < plan->graph->node_count; n++) {
        const dd__node *node = plan->graph->nodes[n];
        if (is_view(node)) continue;
        /* the number leads, so that a profile can be read back */
        char *label = dd__arena_print(&plan->graph->arena, "%zu %s", n, node->name);
        if (!label) return dd__no_memory(32);
        dd__recorder_label(plan->body, label);
        dd__recorder_label(plan->once, label);
        DD_TRY(
            dd__within(record_node(plan, node), "layer \"%s\" (%s)", node->name, node->op->name));
    }
    return DD_OK;
}

/* The tables of a plan whose graph is set, and what computes each node. */
static dd_status prepare(dd__plan *plan) {
    size_t count = plan->graph->node_count;
    plan->chosen = dd__alloc(count, sizeof *plan->chosen);
    plan->nodes = dd__alloc(count, sizeof *plan->nodes);
    if (!plan->chosen || !plan->nodes) return dd__no_memory(count * sizeof *plan->nodes);
    return choose_all(plan);
}

static void release_tables(dd__plan *plan) {
    dd__free(plan->nodes);
    dd__free(plan->chosen);
}

dd_status dd__plan_create(dd_device *device, dd__graph *graph, const dd__binding *bindings,
                          size_t binding_count, dd__plan **out) {
    dd_status status = DD_OK;
    dd__plan *plan = dd__alloc(1, sizeof *plan);
    if (!plan) {
        dd__graph_free(graph);
        return dd__no_memory(sizeof *plan);
    }
    *plan = (dd__plan){.device = device, .graph = graph};
    DD_TRY_OUT(prepare(plan));
    DD_TRY_OUT(dd__storage_create(device, graph, plan->chosen, bindings, binding_count, plan->nodes,
                                  &plan->storage));
    DD_TRY_OUT(record_all(plan));
    *out = plan;
out:
    if (status != DD_OK) dd__plan_free(plan);
    return status;
}

dd_status dd__plan_need(dd_device *device, dd__graph *graph, const dd__binding *bindings,
                        size_t binding_count, dd__need *need) {
    dd__plan plan = {.device = device, .graph = graph};
    dd_status status = prepare(&plan);
    if (status == DD_OK)
        status =
            dd__storage_need(device, graph, plan.chosen, bindings, binding_count, plan.nodes, need);
    release_tables(&plan);
    return status;
}

dd_status dd__plan_fits(dd_device *device, dd__graph *graph, const dd__binding *bindings,
                        size_t binding_count) {
    dd__need need;
    DD_TRY(dd__plan_need(device, graph, bindings, binding_count, &need));
    return dd__device_fits(device, &need);
}

void dd__plan_free(dd__plan *plan) {
    if (!plan) return;
    dd__recorder_free(plan->body);
    dd__recorder_free(plan->once);
    dd__storage_free(plan->storage);
    release_tables(plan);
    dd__graph_free(plan->graph);
    dd__free(plan);
}

const dd__graph *dd__plan_graph(const dd__plan *plan) { return plan->graph; }

const dd__implementation *dd__plan_implementation(const dd__plan *plan, size_t i) {
    return plan->chosen[i];
}

double dd__plan_flop(const dd__plan *plan) {
    double flop = 0;
    for (size_t n = 0; n < plan->graph->node_count; n++) {
        const dd__node *node = plan->graph->nodes[n];
        if (node->op->flop) flop += node->op->flop(node);
    }
    return flop;
}

void dd__plan_parameters_changed(dd__plan *plan) { plan->once_is_done = false; }

static dd_status run_once(dd__plan *plan) {
    if (plan->once_is_done) return DD_OK;
    DD_TRY(dd__recorder_run(plan->once));
    plan->once_is_done = true;
    return DD_OK;
}

dd_status dd__plan_run(dd__plan *plan) {
    DD_TRY(run_once(plan));
    return dd__recorder_run(plan->body);
}

/* ---- One launch for all ------------------------------------------------------------------- */

/* Some numbers of either sign for each input. */
static dd_status fill_inputs(dd__plan *plan) {
    for (size_t i = 0; i < plan->graph->value_count; i++) {
        const dd__value *value = plan->graph->values[i];
        size_t count = dd__value_bytes(value) / sizeof(float);
        if (value->role != DD__INPUT) continue;
        if (value->type != DD__F32) return dd__fail(DD_USAGE, "\"%s\" is no number", value->name);
        float *numbers = dd__alloc(count, sizeof *numbers);
        if (!numbers) return dd__no_memory(count * sizeof *numbers);
        for (size_t k = 0; k < count; k++) numbers[k] = (float)(k * 37 % 101) / 50 - 1;
        dd_status status = dd__buffer_write(value->buffer, 0, numbers, count * sizeof *numbers);
        dd__free(numbers);
        DD_TRY(status);
    }
    return DD_OK;
}

/* Runs, then output `value` into `bytes`, in which nothing stays of a run before. */
static dd_status run_into(dd__plan *plan, const dd__value *value, char *bytes) {
    DD_TRY(dd__buffer_zero(value->buffer));
    DD_TRY(dd__plan_run(plan));
    return dd__buffer_read(value->buffer, 0, bytes, dd__value_bytes(value));
}

static dd_status check_chain(dd__plan *plan, const dd__value *output) {
    size_t bytes = dd__value_bytes(output);
    char *both = dd__alloc(2, bytes);
    if (!both) return dd__no_memory(2 * bytes);
    dd_status status = run_into(plan, output, both);
    if (status == DD_OK) status = dd__recorder_chain(plan->body);
    for (int run = 0; run < 3 && status == DD_OK; run++) {
        status = run_into(plan, output, both + bytes);
        if (status == DD_OK && memcmp(both, both + bytes, bytes) != 0)
            status = dd__fail(DD_DEVICE, "a chain of launches gives another \"%s\"", output->name);
    }
    if (status != DD_OK) dd__recorder_unchain(plan->body);
    dd__free(both);
    return status;
}

dd_status dd__plan_chain(dd__plan *plan) {
    const dd__graph *graph = plan->graph;
    const dd__value *output = NULL;
    for (size_t n = 0; n < graph->node_count; n++)
        if (graph->nodes[n]->op->mutates) return dd__fail(DD_USAGE, "the graph changes values");
    for (size_t i = 0; i < graph->value_count; i++)
        if (graph->values[i]->role == DD__OUTPUT) output = graph->values[i];
    if (!output) return dd__fail(DD_USAGE, "the graph has no output");
    DD_TRY(fill_inputs(plan));
    return check_chain(plan, output);
}

/* ---- Values ------------------------------------------------------------------------------- */

static dd_status find_value(const dd__plan *plan, const char *name, size_t bytes,
                            dd__value **value) {
    *value = dd__graph_find(plan->graph, name);
    if (!*value) return dd__fail(DD_USAGE, "the plan has no value named \"%s\"", name);
    if (bytes > dd__value_bytes(*value))
        return dd__fail(DD_SHAPE, "\"%s\" has %zu bytes, %zu were asked for", name,
                        dd__value_bytes(*value), bytes);
    return DD_OK;
}

dd__buffer *dd__plan_buffer(const dd__plan *plan, const char *name) {
    const dd__value *value = dd__graph_find(plan->graph, name);
    return value ? value->buffer : NULL;
}

dd_status dd__plan_write(dd__plan *plan, const char *name, const void *from, size_t bytes) {
    dd__value *value;
    DD_TRY(find_value(plan, name, bytes, &value));
    return dd__within(dd__buffer_write(value->buffer, 0, from, bytes), "%s", name);
}

dd_status dd__plan_send(dd__plan *plan, const char *name, const void *from, size_t bytes) {
    dd__value *value;
    DD_TRY(find_value(plan, name, bytes, &value));
    return dd__within(dd__buffer_send(value->buffer, 0, from, bytes), "%s", name);
}

dd_status dd__plan_read(dd__plan *plan, const char *name, void *to, size_t bytes) {
    dd__value *value;
    DD_TRY(find_value(plan, name, bytes, &value));
    return dd__within(dd__buffer_read(value->buffer, 0, to, bytes), "%s", name);
}

dd_status dd__plan_profile(dd__plan *plan, dd__node_time *times) {
    DD_TRY(run_once(plan));
    size_t count = 0, capacity = plan->graph->node_count;
    dd__profile_row *rows = dd__alloc(capacity, sizeof *rows);
    if (!rows) return dd__no_memory(capacity * sizeof *rows);
    dd_status status = dd__recorder_profile(plan->body, rows, capacity, &count);
    for (size_t i = 0; status == DD_OK && i < count; i++) {
        size_t node = strtoul(rows[i].label, NULL, 10);
        times[node].seconds += rows[i].seconds;
        times[node].launches += rows[i].launches;
    }
    dd__free(rows);
    return status;
}
