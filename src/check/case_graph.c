#include <string.h>

#include "base/half.h"
#include "check/check.h"
#include "ops/ops.h"

static const char *const input_names[] = {"in0", "in1", "in2", "in3", "in4",
                                          "in5", "in6", "in7", "in8"};
static const char *const output_names[] = {"out0", "out1", "out2", "out3", "out4"};
_Static_assert(DD_COUNT(input_names) == DD__CASE_INPUTS, "a name for each input");
_Static_assert(DD_COUNT(output_names) == DD__CASE_OUTPUTS, "a name for each output");

static dd_status add_inputs(const dd__case *c, bool differentiable, dd__case_graph *built,
                            size_t *count) {
    *count = 0;
    for (size_t i = 0; i < DD__CASE_INPUTS; i++) {
        if (c->in[i].data == DD__DATA_NONE) continue;
        dd__type type = dd__data_type(c->in[i].data);
        bool mutated = built->op->mutates >> i & 1;
        DD_TRY((mutated ? dd__graph_state : dd__graph_input)(built->graph, input_names[i], type,
                                                             c->in[i].dims, &built->in[i]));
        built->in[i]->wants_gradient = differentiable && (c->gradient >> i & 1);
        *count = i + 1;
    }
    return DD_OK;
}

static dd_status add_node(const dd__case *c, bool differentiable, dd__case_graph *built) {
    size_t in_count;
    DD_TRY(add_inputs(c, differentiable, built, &in_count));
    dd__value **out[DD__CASE_OUTPUTS];
    for (size_t i = 0; i < DD__CASE_OUTPUTS; i++) out[i] = &built->out[i];
    DD_TRY(dd__graph_add(built->graph, built->op, c->name, c->attributes, built->in, in_count, out,
                         built->op->outputs));
    built->node = built->graph->nodes[built->graph->node_count - 1];
    for (size_t i = 0; i < built->op->outputs; i++)
        DD_TRY(dd__graph_output(built->graph, built->out[i], output_names[i]));
    return DD_OK;
}

dd_status dd__case_build(const dd__case *c, bool differentiable, dd__case_graph *built) {
    *built = (dd__case_graph){.op = c->as ? c->as : dd__op_find(c->op)};
    if (!built->op) return dd__fail(DD_USAGE, "case \"%s\": no op \"%s\"", c->name, c->op);
    if (built->op->outputs > DD__CASE_OUTPUTS)
        return dd__fail(DD_USAGE, "op \"%s\" has more than %d outputs", c->op, DD__CASE_OUTPUTS);
    DD_TRY(dd__graph_create(true, 1, &built->graph));
    dd_status status = add_node(c, differentiable, built);
    if (status == DD_OK) return DD_OK;
    dd__graph_free(built->graph);
    built->graph = NULL;
    return status;
}

/* ---- Values in half precision --------------------------------------------------------------- */

/* Rounds floats; to where the halves go, or in place where the plan has floats. */
static dd_status write_rounded(const dd__value *value, dd__plan *plan, float *numbers) {
    size_t count = dd__dims_count(&value->dims);
    uint16_t *halves = dd__alloc(count, sizeof *halves);
    if (!halves) return dd__no_memory(count * sizeof *halves);
    dd__halves_from_floats(numbers, halves, count);
    dd__halves_to_floats(halves, numbers, count);
    dd_status status = value->type == DD__F16
                           ? dd__plan_write(plan, value->name, halves, count * sizeof *halves)
                           : dd__plan_write(plan, value->name, numbers, count * sizeof *numbers);
    dd__free(halves);
    return status;
}

dd_status dd__case_read(const dd__value *value, dd__plan *plan, void *to) {
    size_t count = dd__dims_count(&value->dims), bytes = dd__value_bytes(value);
    if (value->type != DD__F16) return dd__plan_read(plan, value->name, to, bytes);
    uint16_t *halves = dd__alloc(1, bytes);
    if (!halves) return dd__no_memory(bytes);
    dd_status status = dd__plan_read(plan, value->name, halves, bytes);
    if (status == DD_OK) dd__halves_to_floats(halves, to, count);
    dd__free(halves);
    return status;
}

double dd__case_rounding(const dd__value *value) {
    return value->type == DD__F16 ? DD__HALF_ROUNDING : 0;
}

/* ---- Inputs and outputs ----------------------------------------------------------------------- */

static dd_status write_input(const dd__case *c, size_t i, const dd__value *value, dd__plan *plan,
                             unsigned run) {
    dd__type type = dd__data_type(c->in[i].data);
    size_t bytes = dd__dims_count(&value->dims) * dd__type_bytes(type);
    void *data = dd__alloc(bytes, 1);
    if (!data) return dd__no_memory(bytes);
    dd__case_fill(c, i, run, data);
    bool rounded = type == DD__F32 && (c->half & DD__HALF_IN(i));
    dd_status status =
        rounded ? write_rounded(value, plan, data) : dd__plan_write(plan, value->name, data, bytes);
    dd__free(data);
    return status;
}

dd_status dd__case_write(const dd__case *c, const dd__case_graph *built, dd__plan *plan,
                         unsigned run) {
    for (size_t i = 0; i < DD__CASE_INPUTS; i++) {
        const dd__value *value = built->in[i];
        if (!value || (run > 0 && value->role == DD__STATE)) continue;
        DD_TRY(write_input(c, i, value, plan, run));
    }
    return DD_OK;
}

dd_status dd__case_poison(const dd__case_graph *built, dd__plan *plan) {
    for (size_t i = 0; i < built->op->outputs; i++) {
        size_t bytes = dd__value_bytes(built->out[i]);
        void *data = dd__alloc(bytes, 1);
        if (!data) return dd__no_memory(bytes);
        memset(data, 0xff, bytes);
        dd_status status = dd__plan_write(plan, built->out[i]->name, data, bytes);
        dd__free(data);
        DD_TRY(status);
    }
    return DD_OK;
}
