#include "plan/half.h"

#include <string.h>

#include "ops/ops.h"
#include "plan/choose.h"

typedef struct halving {
    dd__graph *graph;
    const dd_device *device;
    unsigned *takes; /* (node_count) what the node's implementation takes in half precision */
    size_t copies;   /* nodes that were added behind those */
} halving;

static bool is_view(const dd__node *node) { return !node->op->reference; }

/* A view takes whatever it is a view of. What is forced may refuse floats, and is asked later. */
static dd_status find_out(halving *h) {
    for (size_t n = 0; n < h->graph->node_count; n++) {
        const dd__implementation *chosen;
        h->takes[n] = ~0u;
        if (is_view(h->graph->nodes[n])) continue;
        DD_TRY(dd__choose_forced(h->device, h->graph->nodes[n], &chosen));
        if (!chosen) DD_TRY(dd__choose(h->device, h->graph->nodes[n], &chosen));
        h->takes[n] = chosen->half;
    }
    return DD_OK;
}

/* ---- What nodes hand on ------------------------------------------------------------------- */

/* Where the value, or a view of it, is among the node's. */
static unsigned places_of(const dd__node *node, const dd__value *value) {
    unsigned set = 0;
    for (size_t i = 0; i < node->in_count; i++)
        if (node->in[i] && dd__value_root(node->in[i]) == value) set |= DD__HALF_IN(i);
    for (size_t i = 0; i < node->out_count; i++)
        if (dd__value_root(node->out[i]) == value) set |= DD__HALF_OUT(i);
    return set;
}

static bool is_seen(const dd__graph *graph, const dd__value *value) {
    for (size_t i = 0; i < graph->value_count; i++)
        if (dd__value_root_const(graph->values[i]) == value &&
            graph->values[i]->role != DD__TEMPORARY)
            return true;
    return false;
}

static bool can_be_half(const halving *h, const dd__value *value) {
    if (value->type != DD__F32 || value->base || is_seen(h->graph, value)) return false;
    for (size_t n = 0; n < h->graph->node_count; n++)
        if (places_of(h->graph->nodes[n], value) & ~h->takes[n]) return false;
    return true;
}

/* With its views. */
static void become_half(const halving *h, const dd__value *value) {
    for (size_t n = 0; n < h->graph->node_count; n++)
        dd__node_set_half(h->graph->nodes[n], places_of(h->graph->nodes[n], value));
}

/* ---- Parameters --------------------------------------------------------------------------- */

static dd_status copy_parameter(halving *h, dd__value **parameter) {
    dd__graph *graph = h->graph;
    char *name = dd__arena_print(&graph->arena, "%s.half", (*parameter)->name);
    if (!name) return dd__no_memory(strlen((*parameter)->name));
    DD_TRY(dd__graph_add1(graph, &dd__op_copy, name, NULL, parameter, 1, parameter));
    (*parameter)->type = DD__F16;
    h->copies++;
    return DD_OK;
}

static dd_status copy_parameters_of(halving *h, const dd__node *node, unsigned takes) {
    for (size_t i = 0; i < node->in_count && !is_view(node); i++) {
        bool wanted = node->in[i] && dd__value_is_parameter(node->in[i]);
        if (wanted && (takes & DD__HALF_IN(i))) DD_TRY(copy_parameter(h, &node->in[i]));
    }
    return DD_OK;
}

/* ---- The pass ----------------------------------------------------------------------------- */

static dd_status halve(halving *h) {
    dd__graph *graph = h->graph;
    const size_t nodes = graph->node_count, values = graph->value_count;
    DD_TRY(find_out(h));
    for (size_t i = 0; i < values; i++)
        if (can_be_half(h, graph->values[i])) become_half(h, graph->values[i]);
    for (size_t n = 0; n < nodes; n++) DD_TRY(copy_parameters_of(h, graph->nodes[n], h->takes[n]));
    dd__graph_to_front(graph, h->copies);
    return DD_OK;
}

dd_status dd__graph_halve(dd__graph *graph, const dd_device *device) {
    halving h = {.graph = graph, .device = device};
    bool wanted = dd__device_precision(device) == DD_PRECISION_F16 &&
                  dd__device_class(device) == DD_CLASS_GPU && !dd__device_is_reference(device);
    if (graph->training || !wanted) return DD_OK;
    h.takes = dd__alloc(graph->node_count, sizeof *h.takes);
    if (!h.takes) return dd__no_memory(graph->node_count * sizeof *h.takes);
    dd_status status = halve(&h);
    dd__free(h.takes);
    return status;
}
