#include "graph/graph.h"

#include <string.h>

#include "graph/op.h"

/* ---- Lists ---------------------------------------------------------------------------- */

/* Room for one more pointer in a list that lives in the graph's arena. */
static dd_status grow(dd__graph *graph, void ***list, size_t count, size_t *room) {
    if (count < *room) return DD_OK;
    size_t larger = *room ? 2 * *room : 64;
    void **copy = dd__arena_alloc(&graph->arena, larger, sizeof *copy);
    if (!copy) return dd__no_memory(larger * sizeof *copy);
    if (count) memcpy(copy, *list, count * sizeof *copy);
    *list = copy;
    *room = larger;
    return DD_OK;
}

static dd_status new_value(dd__graph *graph, const char *name, dd__role role, dd__type type,
                           dd__dims dims, dd__value **out) {
    DD_TRY(grow(graph, (void ***)&graph->values, graph->value_count, &graph->value_room));
    dd__value *value = dd__arena_alloc(&graph->arena, 1, sizeof *value);
    char *copy = name ? dd__arena_print(&graph->arena, "%s", name) : NULL;
    if (!value || (name && !copy)) return dd__no_memory(sizeof *value);
    *value = (dd__value){.name = copy, .role = role, .type = type, .dims = dims};
    graph->values[graph->value_count++] = value;
    *out = value;
    return DD_OK;
}

static dd_status new_named(dd__graph *graph, const char *name, dd__role role, dd__type type,
                           dd__dims dims, dd__value **out) {
    if (dd__graph_find(graph, name))
        return dd__fail(DD_USAGE, "\"%s\" names two values of one graph", name);
    return new_value(graph, name, role, type, dims, out);
}

dd_status dd__graph_create(bool training, uint64_t seed, dd__graph **out) {
    dd__graph *graph = dd__alloc(1, sizeof *graph);
    if (!graph) return dd__no_memory(sizeof *graph);
    graph->training = training;
    graph->seed = seed;
    *out = graph;
    return DD_OK;
}

void dd__graph_free(dd__graph *graph) {
    if (!graph) return;
    dd__arena_free(&graph->arena);
    dd__free(graph);
}

dd__value *dd__graph_find(const dd__graph *graph, const char *name) {
    for (size_t i = 0; i < graph->value_count; i++) {
        dd__value *value = graph->values[i];
        if (value->role != DD__TEMPORARY && value->name && strcmp(value->name, name) == 0)
            return value;
    }
    return NULL;
}

/* ---- Values that are not computed ------------------------------------------------------ */

dd_status dd__graph_input(dd__graph *graph, const char *name, dd__type type, dd__dims dims,
                          dd__value **value) {
    return new_named(graph, name, DD__INPUT, type, dims, value);
}

dd_status dd__graph_state(dd__graph *graph, const char *name, dd__type type, dd__dims dims,
                          dd__value **value) {
    return new_named(graph, name, DD__STATE, type, dims, value);
}

dd_status dd__graph_step(dd__graph *graph, dd__value **step) {
    if (!graph->step)
        DD_TRY(dd__graph_state(graph, "step", DD__I32, DD_DIMS(DD__STEP_WORDS), &graph->step));
    *step = graph->step;
    return DD_OK;
}

dd_status dd__check_step(const dd__value *step) {
    if (step->type != DD__I32 || dd__value_bytes(step) != sizeof(dd__step))
        return dd__fail(DD_SHAPE, "expected the step buffer");
    return DD_OK;
}

bool dd__graph_trains(const dd__graph *graph) { return graph->training && !graph->frozen; }

/* One of the two flat stretches, made on first use. */
static dd_status get_stretch(dd__graph *graph, bool learned, dd__value **stretch) {
    dd__value **place = learned ? &graph->parameters : &graph->statistics;
    if (!*place)
        DD_TRY(new_named(graph, learned ? "parameters" : "statistics",
                         learned ? DD__PARAMETER : DD__STATE, DD__F32, DD_DIMS(0), place));
    *stretch = *place;
    return DD_OK;
}

/* Appends a view to its stretch, its start aligned so that a device can take it as a buffer of its
 * own. */
static dd_status append_to_stretch(dd__graph *graph, dd__role role, const char *name,
                                   const dd__value *like, dd__value **out) {
    bool learned = role == DD__PARAMETER && !graph->frozen;
    dd__value *value, *stretch;
    DD_TRY(get_stretch(graph, learned, &stretch));
    DD_TRY(new_named(graph, name, role, DD__F32, like->dims, &value));
    value->initial = like->initial;
    value->fan_in = like->fan_in;
    value->fan_out = like->fan_out;
    value->decays = learned && like->decays;
    value->wants_gradient = learned;
    value->base = stretch;
    value->offset = (size_t)stretch->dims.d[0] * sizeof(float);
    size_t end =
        dd__round_up(value->offset + dd__value_bytes(value), DD__ALIGNMENT) / sizeof(float);
    if (end > INT32_MAX)
        return dd__fail(DD_SHAPE, "\"%s\": %zu parameters are more than fit", name, end);
    stretch->dims.d[0] = (uint32_t)end;
    *out = value;
    return DD_OK;
}

static dd_status join_name(dd__graph *graph, const char *layer, const char *what, char **name) {
    *name = dd__arena_print(&graph->arena, "%s.%s", layer, what);
    return *name ? DD_OK : dd__no_memory(strlen(layer) + strlen(what) + 2);
}

dd_status dd__graph_parameter(dd__graph *graph, const char *layer, const char *what,
                              const dd__value *like, dd__value **value) {
    char *name;
    DD_TRY(join_name(graph, layer, what, &name));
    return append_to_stretch(graph, DD__PARAMETER, name, like, value);
}

dd_status dd__graph_statistic(dd__graph *graph, const char *layer, const char *what,
                              const dd__value *like, dd__value **value) {
    char *name;
    DD_TRY(join_name(graph, layer, what, &name));
    return append_to_stretch(graph, DD__STATE, name, like, value);
}

dd_status dd__graph_parameters_of(dd__graph *graph, const dd__graph *other) {
    dd__value *same;
    for (size_t i = 0; i < other->value_count; i++) {
        const dd__value *value = other->values[i];
        if (value->role == DD__PARAMETER && value->base == other->parameters)
            DD_TRY(append_to_stretch(graph, DD__PARAMETER, value->name, value, &same));
    }
    return DD_OK;
}

dd_status dd__graph_output(dd__graph *graph, dd__value *value, const char *name) {
    if (dd__graph_find(graph, name))
        return dd__fail(DD_USAGE, "\"%s\" names two values of one graph", name);
    if (value->role != DD__TEMPORARY)
        return dd__fail(DD_USAGE, "only what a node computes can be the output \"%s\"", name);
    value->name = dd__arena_print(&graph->arena, "%s", name);
    if (!value->name) return dd__no_memory(strlen(name) + 1);
    value->role = DD__OUTPUT;
    return DD_OK;
}

/* ---- Nodes ------------------------------------------------------------------------------ */

dd_status dd__node_output(dd__graph *graph, dd__node *node, size_t i, dd__type type,
                          dd__dims dims) {
    DD_TRY(new_value(graph, NULL, DD__TEMPORARY, type, dims, &node->out[i]));
    node->out[i]->name = node->name;
    node->out[i]->producer = node;
    return DD_OK;
}

dd_status dd__node_view(dd__graph *graph, dd__node *node, size_t i, dd__value *base,
                        dd__dims dims) {
    if (dd__dims_count(&dims) != dd__dims_count(&base->dims)) {
        char from[80], to[80];
        return dd__fail(DD_SHAPE, "%s elements cannot be seen as %s",
                        dd__dims_print(&base->dims, from), dd__dims_print(&dims, to));
    }
    DD_TRY(dd__node_output(graph, node, i, base->type, dims));
    node->out[i]->base = base;
    return DD_OK;
}

static dd_status new_node(dd__graph *graph, const dd__op *op, const char *name,
                          const void *attributes, dd__value *const in[], size_t in_count,
                          dd__node **out) {
    dd__arena *arena = &graph->arena;
    dd__node *node = dd__arena_alloc(arena, 1, sizeof *node);
    void *copy = dd__arena_alloc(arena, 1, op->attributes_bytes + 1);
    dd__value **ins = dd__arena_alloc(arena, in_count, sizeof(dd__value *));
    dd__value **outs = dd__arena_alloc(arena, op->outputs, sizeof(dd__value *));
    char *own_name = dd__arena_print(arena, "%s", name);
    if (!node || !copy || !ins || !outs || !own_name) return dd__no_memory(sizeof *node);
    if (attributes && op->attributes_bytes)
        memcpy(copy, attributes, op->attributes_bytes);
    else
        dd__attributes_default(op, copy);
    if (in_count) memcpy(ins, in, in_count * sizeof *ins);
    *node = (dd__node){.op = op,
                       .name = own_name,
                       .attributes = copy,
                       .in = ins,
                       .in_count = in_count,
                       .out = outs,
                       .out_count = op->outputs,
                       .number = (uint32_t)graph->node_count};
    *out = node;
    return DD_OK;
}

static bool any_wants_gradient(const dd__node *node) {
    for (size_t i = 0; i < node->in_count; i++)
        if (node->in[i] && node->in[i]->wants_gradient) return true;
    return false;
}

dd_status dd__graph_add(dd__graph *graph, const dd__op *op, const char *name,
                        const void *attributes, dd__value *const in[], size_t in_count,
                        dd__value **out[], size_t out_count) {
    if (!op->infer) return dd__fail(DD_USAGE, "\"%s\" is a layer, not a node", op->name);
    if (in_count < op->min_in || in_count > op->max_in)
        return dd__fail(DD_SHAPE, "layer \"%s\": %s takes %zu to %zu inputs, found %zu", name,
                        op->name, op->min_in, op->max_in, in_count);
    DD_TRY(grow(graph, (void ***)&graph->nodes, graph->node_count, &graph->node_room));
    dd__node *node = NULL;
    DD_TRY(new_node(graph, op, name, attributes, in, in_count, &node));
    DD_TRY(dd__within(op->infer(graph, node), "layer \"%s\"", name));
    bool wants = any_wants_gradient(node);
    for (size_t i = 0; i < node->out_count; i++)
        node->out[i]->wants_gradient = wants && node->out[i]->type == DD__F32;
    for (size_t i = 0; i < out_count; i++)
        if (out[i]) *out[i] = node->out[i];
    graph->nodes[graph->node_count++] = node;
    return DD_OK;
}

dd_status dd__graph_add1(dd__graph *graph, const dd__op *op, const char *name,
                         const void *attributes, dd__value *const in[], size_t in_count,
                         dd__value **out) {
    return dd__graph_add(graph, op, name, attributes, in, in_count, &out, 1);
}

double dd__node_bytes(const dd__node *node) {
    double bytes = 0;
    if (node->op->bytes) return node->op->bytes(node);
    for (size_t i = 0; i < node->in_count; i++) {
        if (!node->in[i]) continue;
        bool changed = i < 32 && (node->op->mutates >> i & 1);
        bytes += (changed ? 2.0 : 1.0) * (double)dd__value_bytes(node->in[i]);
    }
    for (size_t i = 0; i < node->out_count; i++) bytes += (double)dd__value_bytes(node->out[i]);
    return bytes;
}

static void remove_value(dd__graph *graph, const dd__value *value) {
    size_t i = 0;
    while (graph->values[i] != value) i++;
    graph->value_count--;
    for (; i < graph->value_count; i++) graph->values[i] = graph->values[i + 1];
}

static bool is_among(const dd__node *node, dd__node *const list[], size_t count) {
    for (size_t i = 0; i < count; i++)
        if (list[i] == node) return true;
    return false;
}

void dd__graph_replace(dd__graph *graph, dd__node *const old[], size_t count) {
    dd__node *node = graph->nodes[graph->node_count - 1], *last = old[count - 1];
    dd__value *y = last->out[0];
    remove_value(graph, node->out[0]);
    node->out[0] = y;
    y->producer = node;
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < old[i]->out_count; k++)
            if (old[i]->out[k] != y) remove_value(graph, old[i]->out[k]);
    size_t kept = 0;
    for (size_t n = 0; n + 1 < graph->node_count; n++) {
        dd__node *here = graph->nodes[n] == last ? node : graph->nodes[n];
        if (is_among(here, old, count)) continue;
        here->number = (uint32_t)kept;
        graph->nodes[kept++] = here;
    }
    graph->node_count = kept;
}

static void reverse(dd__node **nodes, size_t count) {
    for (size_t i = 0; i < count / 2; i++) {
        dd__node *other = nodes[count - 1 - i];
        nodes[count - 1 - i] = nodes[i];
        nodes[i] = other;
    }
}

void dd__graph_to_front(dd__graph *graph, size_t count) {
    reverse(graph->nodes, graph->node_count);
    reverse(graph->nodes, count);
    reverse(graph->nodes + count, graph->node_count - count);
    for (size_t n = 0; n < graph->node_count; n++) graph->nodes[n]->number = (uint32_t)n;
}

dd_status dd__layer_plain(dd__graph *graph, const dd__op *op, const char *name,
                          const void *attributes, dd__value *const x[], size_t count,
                          dd__value **y) {
    return dd__graph_add1(graph, op, name, attributes, x, count, y);
}
