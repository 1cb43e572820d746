/* Operators that work on each number by itself, or on pairs of them. */
#include <math.h>
#include <string.h>

#include "model/onnx/import.h"

/* ---- One input -------------------------------------------------------------------------------- */

static const struct {
    const char *op, *kind; /* of the layer `activation` */
} kinds[] = {
    {"Abs", "abs"},
    {"Ceil", "ceil"},
    {"Elu", "elu"},
    {"Erf", "erf"},
    {"Exp", "exp"},
    {"Floor", "floor"},
    {"Gelu", "gelu"},
    {"HardSigmoid", "hard_sigmoid"},
    {"HardSwish", "hard_swish"},
    {"LeakyRelu", "leaky_relu"},
    {"Log", "log"},
    {"Neg", "negate"},
    {"Reciprocal", "reciprocal"},
    {"Relu", "relu"},
    {"Selu", "selu"},
    {"Sigmoid", "sigmoid"},
    {"Softplus", "softplus"},
    {"Softsign", "softsign"},
    {"Sqrt", "sqrt"},
    {"Tanh", "tanh"},
};

static const char *kind_of(const char *op) {
    for (size_t i = 0; i < DD_COUNT(kinds); i++)
        if (strcmp(kinds[i].op, op) == 0) return kinds[i].kind;
    return op;
}

/* The layer `activation` with its numbers; NaN: not given. */
static dd_status activate(dd__onnx *m, const Onnx__NodeProto *node, const char *kind, double alpha,
                          double beta) {
    dd__onnx_value *x;
    dd__onnx_layer layer;
    const char *name;
    DD_TRY(dd__onnx_need(m, node, 0, &x));
    dd__layout layout = dd__onnx_layout_of(x);
    DD_TRY(dd__onnx_in_layout(m, x, layout, &name));
    DD_TRY(dd__onnx_begin(m, "activation", node, NULL, &layer));
    dd__onnx_reads(&layer, name);
    dd__onnx_text(&layer, "kind", kind);
    if (!isnan(alpha)) dd__onnx_number(&layer, "alpha", alpha);
    if (!isnan(beta)) dd__onnx_number(&layer, "beta", beta);
    DD_TRY(dd__onnx_end(m, &layer, &name));
    return dd__onnx_give(m, node, 0, name, layout, &x->shape);
}

dd_status dd__import_unary(dd__onnx *m, const Onnx__NodeProto *node) {
    return activate(m, node, kind_of(node->op_type), NAN, NAN);
}

/* With ONNX's own defaults, which are not those of the layers. */
dd_status dd__import_scaled(dd__onnx *m, const Onnx__NodeProto *node) {
    const char *kind = kind_of(node->op_type);
    double alpha = dd__onnx_float(node, "alpha", 1), beta = NAN;
    if (strcmp(kind, "leaky_relu") == 0) alpha = dd__onnx_float(node, "alpha", 0.01f);
    if (strcmp(kind, "hard_sigmoid") == 0) {
        alpha = dd__onnx_float(node, "alpha", 0.2f);
        beta = dd__onnx_float(node, "beta", 0.5f);
    }
    if (strcmp(kind, "selu") == 0) {
        alpha = dd__onnx_float(node, "alpha", 1.67326319217681884765625f);
        beta = dd__onnx_float(node, "gamma", 1.05070102214813232421875f);
    }
    return activate(m, node, kind, alpha, beta);
}

dd_status dd__import_gelu(dd__onnx *m, const Onnx__NodeProto *node) {
    bool tanh = dd__onnx_text_is(node, "approximate", "none", "tanh");
    return activate(m, node, tanh ? "gelu_tanh" : "gelu", NAN, NAN);
}

/* A limit that is an input (from operator set 11 on) or an attribute. */
static dd_status limit_of(dd__onnx *m, const Onnx__NodeProto *node, size_t input, const char *name,
                          float fallback, double *limit) {
    const dd__onnx_value *value = dd__onnx_in(m, node, input);
    const float *number;
    *limit = dd__onnx_float(node, name, fallback);
    if (!value) return DD_OK;
    DD_TRY(dd__onnx_floats(m, value, 1, &number));
    *limit = fmin(fmax(*number, -3.4028235e38), 3.4028235e38);
    return DD_OK;
}

dd_status dd__import_clip(dd__onnx *m, const Onnx__NodeProto *node) {
    double low, high;
    DD_TRY(limit_of(m, node, 1, "min", -3.4028235e38f, &low));
    DD_TRY(limit_of(m, node, 2, "max", 3.4028235e38f, &high));
    return activate(m, node, "clip", low, high);
}

dd_status dd__import_identity(dd__onnx *m, const Onnx__NodeProto *node) {
    dd__onnx_value *x;
    DD_TRY(dd__onnx_need(m, node, 0, &x));
    if (strcmp(node->op_type, "Dropout") == 0) {
        const dd__onnx_value *training = dd__onnx_in(m, node, 2);
        bool known = training && training->known && dd__known_count(training->known) == 1;
        if (training && (!known || dd__known_number(training->known, 0) != 0))
            return dd__fail(DD_FORMAT, "in training mode");
    }
    DD_TRY(dd__onnx_no_others(m, node, 1));
    return dd__onnx_give_same(m, node, x);
}

/* All numbers at run time are floats. */
dd_status dd__import_cast(dd__onnx *m, const Onnx__NodeProto *node) {
    int64_t to = dd__onnx_int(node, "to", 0);
    if (to == ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT || to == ONNX__TENSOR_PROTO__DATA_TYPE__DOUBLE)
        return dd__import_identity(m, node);
    return dd__fail(DD_FORMAT, "to type %lld at run time", (long long)to);
}

dd_status dd__import_only_known(dd__onnx *m, const Onnx__NodeProto *node) {
    (void)m, (void)node;
    return dd__fail(DD_FORMAT, "at run time; only where all its inputs are known before");
}

/* ---- Two inputs, with broadcasting ------------------------------------------------------------- */

static const struct {
    const char *op, *kind; /* of the layer `arithmetic` */
} pairs[] = {
    {"Add", "add"},      {"Sum", "add"},     {"Mean", "add"},  {"Sub", "subtract"},
    {"Mul", "multiply"}, {"Div", "divide"},  {"Pow", "power"}, {"Min", "minimum"},
    {"Max", "maximum"},  {"PRelu", "prelu"},
};

static const char *pair_of(const char *op) {
    for (size_t i = 0; i < DD_COUNT(pairs); i++)
        if (strcmp(pairs[i].op, op) == 0) return pairs[i].kind;
    return op;
}

/* Axes of one element in front, which broadcasting puts there anyhow. */
static dd_status raise_rank(dd__onnx *m, const dd__onnx_value *value, unsigned rank,
                            dd__onnx_value *raised) {
    unsigned missing = rank - value->shape.rank;
    dd__known *known = dd__arena_alloc(&m->arena, 1, sizeof *known);
    if (!known) return dd__no_memory(sizeof *known);
    *raised = (dd__onnx_value){.name = value->name, .shape.rank = rank, .known = known};
    for (unsigned i = 0; i < rank; i++)
        raised->shape.d[i] = i < missing ? 1 : value->shape.d[i - missing];
    *known = *value->known;
    known->dims = raised->shape;
    return DD_OK;
}

/* The operand in this layout; a constant of a lower rank is a constant of the other's. */
static dd_status operand(dd__onnx *m, dd__onnx_value *value, unsigned rank, dd__layout layout,
                         const char **layer) {
    if (layout == DD__PLAIN || value->shape.rank == rank)
        return dd__onnx_in_layout(m, value, layout, layer);
    dd__onnx_value raised;
    DD_TRY(raise_rank(m, value, rank, &raised));
    return dd__onnx_in_layout(m, &raised, layout, layer);
}

/* Both in the layout that one of them is there in, if the other can follow. */
static dd_status combine(dd__onnx *m, const Onnx__NodeProto *node, dd__onnx_value *a,
                         dd__onnx_value *b, const char **layer, dd__layout *layout) {
    unsigned rank = a->shape.rank > b->shape.rank ? a->shape.rank : b->shape.rank;
    bool follow = (a->known || a->shape.rank == rank) && (b->known || b->shape.rank == rank);
    bool last =
        dd__onnx_layout_of(a) == DD__CHANNELS_LAST || dd__onnx_layout_of(b) == DD__CHANNELS_LAST;
    *layout = follow && last ? DD__CHANNELS_LAST : DD__PLAIN;
    const char *x, *y;
    DD_TRY(operand(m, a, rank, *layout, &x));
    DD_TRY(operand(m, b, rank, *layout, &y));
    return dd__onnx_arithmetic(m, node, pair_of(node->op_type), x, y, layer);
}

dd_status dd__import_binary(dd__onnx *m, const Onnx__NodeProto *node) {
    dd__onnx_value *a, *b;
    const char *layer;
    dd__layout layout;
    DD_TRY(dd__onnx_need(m, node, 0, &a));
    DD_TRY(dd__onnx_need(m, node, 1, &b));
    DD_TRY(combine(m, node, a, b, &layer, &layout));
    dd__dims none = {0};
    bool single = a->shape.rank == 0 && b->shape.rank == 0;
    return dd__onnx_give(m, node, 0, layer, layout, single ? &none : NULL);
}

/* ---- Any number of inputs ----------------------------------------------------------------------- */

static dd_status divide_by_count(dd__onnx *m, const Onnx__NodeProto *node, const char **layer) {
    const float count = (float)node->n_input;
    dd__known known = {.dims = {0}, .floats = &count};
    const char *constant;
    DD_TRY(dd__onnx_constant(m, "count", &known, &constant));
    return dd__onnx_arithmetic(m, node, "divide", *layer, constant, layer);
}

/* One after the other. */
dd_status dd__import_variadic(dd__onnx *m, const Onnx__NodeProto *node) {
    dd__onnx_value *first, so_far, *next;
    DD_TRY(dd__onnx_need(m, node, 0, &first));
    if (node->n_input == 1) return dd__onnx_give_same(m, node, first);
    so_far = *first;
    bool single = first->shape.rank == 0;
    const char *layer = NULL;
    dd__layout layout = DD__PLAIN;
    for (size_t i = 1; i < node->n_input; i++) {
        DD_TRY(dd__onnx_need(m, node, i, &next));
        DD_TRY(combine(m, node, &so_far, next, &layer, &layout));
        so_far = (dd__onnx_value){.name = first->name, .shape = *dd__onnx_dims_of(m, layer)};
        so_far.layer[layout] = layer;
        single &= next->shape.rank == 0;
    }
    if (strcmp(node->op_type, "Mean") == 0) DD_TRY(divide_by_count(m, node, &layer));
    dd__dims none = {0};
    return dd__onnx_give(m, node, 0, layer, layout, single ? &none : NULL);
}
