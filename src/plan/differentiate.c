#include "plan/differentiate.h"

#include <string.h>

#include "ops/ops.h"

/* What both entry points carry along. */
typedef struct differentiation {
    dd__graph *graph;
    dd__value **values;    /* (count) those that were there before */
    dd__value **gradients; /* (count) theirs, so far */
    size_t count;
} differentiation;

static dd__value **gradient_of(const differentiation *d, const dd__value *value) {
    for (size_t i = 0; i < d->count; i++)
        if (d->values[i] == value) return &d->gradients[i];
    return NULL;
}

/* Adds `dx` to what already flowed back into `x`. */
static dd_status accumulate(const differentiation *d, const char *name, dd__value *x,
                            dd__value *dx) {
    dd__value **sum = gradient_of(d, x);
    if (!sum) return DD_OK;
    if (!*sum) {
        *sum = dx;
        return DD_OK;
    }
    char *label = dd__arena_print(&d->graph->arena, "%s.sum", name);
    if (!label) return dd__no_memory(strlen(name));
    return dd__graph_add1(d->graph, &dd__op_add, label, NULL, (dd__value *[]){*sum, dx}, 2, sum);
}

static bool wants_gradient(const dd__node *node) {
    for (size_t i = 0; i < node->in_count; i++)
        if (node->in[i] && node->in[i]->wants_gradient) return true;
    return false;
}

/* ---- Where there is no way through -------------------------------------------------------- */

/* Marks the inputs that a gradient of one of the outputs marked is for; whether there are any. */
static bool mark_inputs(const differentiation *d, const dd__node *node, bool *marked) {
    bool reached = false;
    for (size_t i = 0; i < node->out_count; i++)
        reached |= marked[gradient_of(d, node->out[i]) - d->gradients];
    if (!reached || !wants_gradient(node)) return false;
    for (size_t i = 0; i < node->in_count; i++)
        if (node->in[i] && node->in[i]->wants_gradient)
            marked[gradient_of(d, node->in[i]) - d->gradients] = true;
    return true;
}

/* Puts 'op "reduce" (layer "peak"; only sums and means have one)' before *text where there is no gradient. */
static dd_status name_obstacle(const differentiation *d, const dd__node *node, char **text) {
    const dd__op *op = node->op;
    const char *reason = op->gradient && op->refuse_gradient ? op->refuse_gradient(node) : NULL;
    if (op->gradient && !reason) return DD_OK;
    *text =
        dd__arena_print(&d->graph->arena, "op \"%s\" (layer \"%s\"%s%s)%s%s", op->name, node->name,
                        reason ? "; " : "", reason ? reason : "", **text ? ", " : "", *text);
    return *text ? DD_OK : dd__no_memory(strlen(node->name));
}

/* All ops on the way from y that have no gradient, at once: whoever must change a network for one
 * wants to know of the others. */
static dd_status check_way(const differentiation *d, dd__value *y) {
    const dd__graph *graph = d->graph;
    bool *marked = dd__arena_alloc(&d->graph->arena, d->count, sizeof *marked);
    char *found = "";
    if (!marked) return dd__no_memory(d->count * sizeof *marked);
    marked[gradient_of(d, y) - d->gradients] = true;
    for (size_t i = graph->node_count; i-- > 0;)
        if (mark_inputs(d, graph->nodes[i], marked))
            DD_TRY(name_obstacle(d, graph->nodes[i], &found));
    if (!*found) return DD_OK;
    return dd__fail(DD_USAGE, "no gradient flows through %s: what lies before can only be frozen",
                    found);
}

/* ---- Nodes -------------------------------------------------------------------------------- */

static dd_status differentiate_node(const differentiation *d, const dd__node *node) {
    bool reached = false;
    dd__value **dy = dd__arena_alloc(&d->graph->arena, node->out_count, sizeof *dy);
    dd__value **dx = dd__arena_alloc(&d->graph->arena, node->in_count, sizeof *dx);
    if (!dy || !dx) return dd__no_memory(node->in_count * sizeof *dx);
    for (size_t i = 0; i < node->out_count; i++) {
        dy[i] = *gradient_of(d, node->out[i]);
        reached |= dy[i] != NULL;
    }
    if (!reached || !wants_gradient(node)) return DD_OK;
    DD_TRY(node->op->gradient(d->graph, node, dy, dx));
    for (size_t i = 0; i < node->in_count; i++)
        if (dx[i]) DD_TRY(accumulate(d, node->name, node->in[i], dx[i]));
    return DD_OK;
}

dd_status dd__graph_differentiate(dd__graph *graph, dd__value *y, dd__value *seed,
                                  dd__value ***gradients) {
    differentiation d = {.graph = graph, .count = graph->value_count};
    d.values = dd__arena_alloc(&graph->arena, d.count, sizeof *d.values);
    d.gradients = dd__arena_alloc(&graph->arena, d.count, sizeof *d.gradients);
    if (!d.values || !d.gradients) return dd__no_memory(d.count * sizeof *d.values);
    memcpy(d.values, graph->values, d.count * sizeof *d.values);
    DD_TRY(check_way(&d, y));
    *gradient_of(&d, y) = seed;
    for (size_t i = graph->node_count; i-- > 0;) DD_TRY(differentiate_node(&d, graph->nodes[i]));
    *gradients = d.gradients;
    return DD_OK;
}

/* Makes `gradient` lie at the parameter's place in the flat stretch. What a node computed for this
 * parameter alone is computed there at once; anything else is copied. */
static dd_status place(dd__graph *graph, const dd__value *parameter, dd__value *gradient,
                       dd__value *flat) {
    bool own = gradient->role == DD__TEMPORARY && !gradient->base;
    if (!own) {
        char *name = dd__arena_print(&graph->arena, "%s.gradient", parameter->name);
        if (!name) return dd__no_memory(strlen(parameter->name));
        DD_TRY(dd__graph_add1(graph, &dd__op_copy, name, NULL, &gradient, 1, &gradient));
    }
    gradient->base = flat;
    gradient->offset = parameter->offset;
    return DD_OK;
}

dd_status dd__graph_gradients(dd__graph *graph, dd__value *y, dd__value *seed, dd__value **flat) {
    if (!graph->parameters) return dd__fail(DD_USAGE, "the network has no parameters to train");
    size_t count = graph->value_count;
    dd__value **gradients;
    DD_TRY(dd__graph_differentiate(graph, y, seed, &gradients));
    DD_TRY(dd__graph_state(graph, "gradients", DD__F32, graph->parameters->dims, flat));
    for (size_t i = 0; i < count; i++) {
        dd__value *value = graph->values[i];
        if (value->role != DD__PARAMETER || !value->wants_gradient) continue;
        if (!gradients[i]) return dd__fail(DD_USAGE, "\"%s\" does not reach the loss", value->name);
        DD_TRY(place(graph, value, gradients[i], *flat));
    }
    return DD_OK;
}
