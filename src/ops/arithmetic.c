/* arithmetic: y = f(a, b), element by element, where a and b are repeated along axes that they have one
 * element of, or that they lack in front (NumPy's broadcasting). arithmetic_backward: dy times the
 * derivative of f by one of them, element by element of y.
 */
#include <stdio.h>

#include "ops/launch.h"
#include "ops/ops.h"
#include "ops/walk.h"
#include "reference/reference.h"

static const char *const kinds[] = {
    [DD__ADD] = "add",         [DD__SUBTRACT] = "subtract", [DD__MULTIPLY] = "multiply",
    [DD__DIVIDE] = "divide",   [DD__POWER] = "power",       [DD__MINIMUM] = "minimum",
    [DD__MAXIMUM] = "maximum", [DD__PRELU] = "prelu",       NULL};

static const dd__attribute attributes[] = {
    {.name = "kind",
     .type = DD__CHOICE,
     .offset = offsetof(dd__arithmetic, kind),
     .choices = kinds,
     .required = true,
     .help = "what is done with two numbers a and b; prelu: a, or a * b where a is below 0"},
    {0},
};

static const dd__attribute backward_attributes[] = {
    {.name = "kind",
     .type = DD__CHOICE,
     .offset = offsetof(dd__arithmetic, kind),
     .choices = kinds,
     .required = true,
     .help = "of the forward op"},
    {.name = "by",
     .type = DD__INT,
     .offset = offsetof(dd__arithmetic, by),
     .max = 1,
     .help = "the derivative is that by a, 0, or b, 1"},
    {0},
};

/* ---- Shapes ------------------------------------------------------------------------------- */

/* x's extent along axis k of a result of that rank; 1 where it has no such axis. */
static uint32_t extent_of(const dd__dims *x, unsigned rank, unsigned k) {
    unsigned missing = rank - x->rank;
    return k < missing ? 1 : x->d[k - missing];
}

static dd_status broadcast(const dd__dims *a, const dd__dims *b, dd__dims *y) {
    y->rank = a->rank > b->rank ? a->rank : b->rank;
    for (unsigned k = 0; k < y->rank; k++) {
        uint32_t of_a = extent_of(a, y->rank, k), of_b = extent_of(b, y->rank, k);
        y->d[k] = of_a == 1 ? of_b : of_a;
        if (of_a == of_b || of_a == 1 || of_b == 1) continue;
        char first[80], second[80];
        return dd__fail(DD_SHAPE, "%s and %s do not fit each other", dd__dims_print(a, first),
                        dd__dims_print(b, second));
    }
    return DD_OK;
}

static dd_status infer_of(dd__graph *graph, dd__node *node, const dd__value *a,
                          const dd__value *b) {
    dd__dims dims = {0};
    for (size_t i = 0; i < node->in_count; i++)
        if (node->in[i]->type != DD__F32)
            return dd__fail(DD_SHAPE, "input %zu is not of type f32", i);
    DD_TRY(broadcast(&a->dims, &b->dims, &dims));
    return dd__node_output(graph, node, 0, DD__F32, dims);
}

static dd_status infer(dd__graph *graph, dd__node *node) {
    return infer_of(graph, node, node->in[0], node->in[1]);
}

static dd_status infer_backward(dd__graph *graph, dd__node *node) {
    DD_TRY(infer_of(graph, node, node->in[1], node->in[2]));
    if (dd__dims_equal(&node->in[0]->dims, &node->out[0]->dims)) return DD_OK;
    char dy[80], y[80];
    return dd__fail(DD_SHAPE, "dy is %s, y is %s", dd__dims_print(&node->in[0]->dims, dy),
                    dd__dims_print(&node->out[0]->dims, y));
}

/* ---- Gradients ---------------------------------------------------------------------------- */

/* Puts the axes that x is repeated along before the others. True where there is something to move. */
static bool order_for_sums(const dd__dims *y, const dd__dims *x, dd__dims *order) {
    dd__dims kept = {0};
    bool moves = false;
    order->rank = 0;
    for (unsigned k = 0; k < y->rank; k++) {
        bool repeated = y->d[k] != 1 && extent_of(x, y->rank, k) == 1;
        moves |= repeated && kept.rank > 0;
        if (repeated)
            order->d[order->rank++] = k;
        else
            kept.d[kept.rank++] = k;
    }
    for (unsigned k = 0; k < kept.rank; k++) order->d[order->rank++] = kept.d[k];
    return moves;
}

static dd_status reshape(dd__graph *graph, const char *name, dd__dims dims, dd__value **value) {
    if (dd__dims_equal(&(*value)->dims, &dims)) return DD_OK;
    return dd__graph_add1(graph, &dd__op_reshape, name, &(dd__reshape){.dims = dims}, value, 1,
                          value);
}

/* Makes *value, like y, the sums over what was made of each element of x: of columns, once the axes that
 * x is repeated along stand in front. */
static dd_status sum_to(dd__graph *graph, const char *name, const dd__dims *x, dd__value **value) {
    size_t count = dd__dims_count(&(*value)->dims), kept = dd__dims_count(x);
    dd__transpose transpose;
    if (kept != count) {
        if (order_for_sums(&(*value)->dims, x, &transpose.order))
            DD_TRY(dd__graph_add1(graph, &dd__op_transpose, name, &transpose, value, 1, value));
        dd__dims rows = DD_DIMS((uint32_t)(count / kept), (uint32_t)kept);
        DD_TRY(reshape(graph, name, rows, value));
        DD_TRY(dd__graph_add1(graph, &dd__op_column_sums, name, NULL, value, 1, value));
    }
    return reshape(graph, name, *x, value);
}

static dd_status gradient(dd__graph *graph, const dd__node *node, dd__value *const dy[],
                          dd__value *dx[]) {
    dd__arithmetic a = *(const dd__arithmetic *)node->attributes;
    for (a.by = 0; a.by < 2; a.by++) {
        bool is_one = a.kind == DD__ADD || (a.kind == DD__SUBTRACT && a.by == 0);
        dd__value *in[] = {dy[0], node->in[0], node->in[1]}, **to = &dx[a.by];
        if (!node->in[a.by]->wants_gradient) continue;
        char *name = dd__arena_print(&graph->arena, "%s.backward.%d", node->name, a.by);
        if (!name) return dd__no_memory(1);
        *to = dy[0];
        if (!is_one)
            DD_TRY(dd__graph_add1(graph, &dd__op_arithmetic_backward, name, &a, in, 3, to));
        DD_TRY(sum_to(graph, name, &node->in[a.by]->dims, to));
    }
    return DD_OK;
}

/* ---- Launches ----------------------------------------------------------------------------- */

static void step_along(dd__walk *walk, unsigned operand, const dd__dims *x) {
    int32_t stride[DD__MAX_RANK];
    unsigned missing = walk->rank - x->rank;
    dd__strides(x, stride);
    for (unsigned k = missing; k < walk->rank; k++)
        walk->stride[operand][k] = x->d[k - missing] == 1 ? 0 : stride[k - missing];
}

static dd__walk walk_of(const dd__node *node) {
    size_t first = node->in_count - 2; /* behind dy */
    dd__walk walk = dd__walk_over(&node->out[0]->dims);
    for (unsigned i = 0; i < 2; i++) step_along(&walk, i, &node->in[first + i]->dims);
    dd__walk_merge(&walk);
    return walk;
}

static dd_status record(dd__recorder *recorder, const dd__node *node, const dd__site *site,
                        bool vector) {
    const dd__arithmetic *a = node->attributes;
    bool backward = node->in_count == 3;
    dd__walk walk = walk_of(node);
    size_t count = dd__dims_count(&node->out[0]->dims), chunk = 0;
    dd__launch launch = {.program = "arithmetic",
                         .kernel = vector ? "arithmetic_vector" : "arithmetic"};
    if (vector)
        chunk = dd__launch_chunks(&launch, site->device, count, 1, 64);
    else
        dd__launch_elements(&launch, site->device, count);
    dd__launch_values(&launch, node->in, node->in_count);
    dd__launch_values(&launch, node->out, 1);
    dd__launch_append(&launch, DD_INT(count));
    if (vector) dd__launch_append(&launch, DD_INT(chunk));
    dd__launch_walk(&launch, &walk, 2);
    char options[64];
    int length = snprintf(options, sizeof options, "%s ", vector ? launch.options : "");
    snprintf(options + length, sizeof options - (size_t)length,
             backward ? "-DF=d_%s_%d -DBACKWARD" : "-DF=f_%s", kinds[a->kind], a->by);
    launch.options = options;
    return dd__record(recorder, &launch);
}

static dd_status record_vector(dd__recorder *recorder, const dd__node *node, const dd__site *site) {
    return record(recorder, node, site, true);
}

static dd_status record_plain(dd__recorder *recorder, const dd__node *node, const dd__site *site) {
    return record(recorder, node, site, false);
}

static const dd__implementation vector = {
    .name = "vector", .classes = DD__ON_CPU, .record = record_vector};
static const dd__implementation plain = {
    .name = "plain", .classes = DD__ANYWHERE, .record = record_plain};
static const dd__implementation *const implementations[] = {&vector, &plain, NULL};

const dd__op dd__op_arithmetic = {
    .name = "arithmetic",
    .attributes_bytes = sizeof(dd__arithmetic),
    .attributes = attributes,
    .min_in = 2,
    .max_in = 2,
    .outputs = 1,
    .layer = dd__layer_plain,
    .infer = infer,
    .gradient = gradient,
    .reference = dd__reference_arithmetic,
    .implementations = implementations,
};

const dd__op dd__op_arithmetic_backward = {
    .name = "arithmetic_backward",
    .attributes_bytes = sizeof(dd__arithmetic),
    .attributes = backward_attributes,
    .min_in = 3,
    .max_in = 3,
    .outputs = 1,
    .infer = infer_backward,
    .reference = dd__reference_arithmetic_backward,
    .implementations = implementations,
};
