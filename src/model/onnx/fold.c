/* What follows from numbers that are known: the arithmetic of shapes, mostly. Each function computes
 * one kind of ONNX operator on the host; the definitions are ONNX's (docs/Operators.md). */
#include <math.h>
#include <string.h>

#include "model/onnx/known.h"
#include "model/onnx/node.h"
#include "model/onnx/shapes.h"

typedef struct fold {
    dd__arena *arena;
    const Onnx__NodeProto *node;
    const dd__known *const *in; /* (count) */
    size_t count;
} fold;

typedef dd_status fold_function(const fold *f, dd__known *result);

/* Writes a number into the result, rounded towards zero where it is whole. */
static void set(dd__known *result, size_t i, double number) {
    if (result->whole)
        ((int64_t *)result->wholes)[i] = dd__whole_of(number);
    else
        ((float *)result->floats)[i] = (float)number;
}

static void copy(dd__known *result, size_t i, const dd__known *from, size_t j) {
    if (result->whole)
        ((int64_t *)result->wholes)[i] = dd__known_whole(from, j);
    else
        ((float *)result->floats)[i] = (float)dd__known_number(from, j);
}

static dd_status make(const fold *f, dd__dims dims, bool whole, dd__known *result) {
    void *numbers;
    *result = (dd__known){.dims = dims, .whole = whole};
    return dd__known_alloc(f->arena, result, &numbers);
}

/* ---- Arithmetic, with broadcasting ---------------------------------------------------------- */

static dd_status broadcast(const dd__dims *a, const dd__dims *b, dd__dims *out) {
    out->rank = a->rank > b->rank ? a->rank : b->rank;
    for (unsigned i = 0; i < out->rank; i++) { /* from the last axis backwards */
        uint32_t x = i < a->rank ? a->d[a->rank - 1 - i] : 1;
        uint32_t y = i < b->rank ? b->d[b->rank - 1 - i] : 1;
        if (x != y && x != 1 && y != 1)
            return dd__fail(DD_FORMAT, "extents %u and %u do not go together", x, y);
        out->d[out->rank - 1 - i] = x == 1 ? y : x;
    }
    return DD_OK;
}

/* The element of `dims` that element i of the broadcast shape `all` is made from. */
static size_t source(const dd__dims *all, const dd__dims *dims, size_t i) {
    size_t at = 0, stride = 1;
    for (unsigned axis = 0; axis < all->rank; axis++) {
        uint32_t extent = all->d[all->rank - 1 - axis];
        if (axis < dims->rank) {
            uint32_t own = dims->d[dims->rank - 1 - axis];
            if (own > 1) at += i % extent * stride;
            stride *= own;
        }
        i /= extent;
    }
    return at;
}

static double compute(const char *op, double a, double b, bool whole) {
    if (strcmp(op, "Add") == 0) return a + b;
    if (strcmp(op, "Sub") == 0) return a - b;
    if (strcmp(op, "Mul") == 0) return a * b;
    if (strcmp(op, "Div") == 0) return whole ? trunc(a / b) : a / b;
    if (strcmp(op, "Pow") == 0) return pow(a, b);
    if (strcmp(op, "Min") == 0) return a < b ? a : b;
    if (strcmp(op, "Max") == 0) return a > b ? a : b;
    if (strcmp(op, "Equal") == 0) return a == b;
    return NAN; /* not in the table below */
}

static dd_status fold_arithmetic(const fold *f, dd__known *result) {
    dd__dims dims;
    const dd__known *a = f->in[0], *b = f->count > 1 ? f->in[1] : NULL;
    if (f->count != 2 || !a || !b) return dd__fail(DD_FORMAT, "expected two inputs");
    const char *op = f->node->op_type;
    DD_TRY(broadcast(&a->dims, &b->dims, &dims));
    DD_TRY(make(f, dims, a->whole || strcmp(op, "Equal") == 0, result));
    for (size_t i = 0; i < dd__known_count(result); i++) {
        double x = dd__known_number(a, source(&dims, &a->dims, i));
        double y = dd__known_number(b, source(&dims, &b->dims, i));
        if (a->whole && y == 0 && strcmp(op, "Div") == 0)
            return dd__fail(DD_FORMAT, "a division by zero");
        set(result, i, compute(op, x, y, a->whole));
    }
    return DD_OK;
}

static dd_status fold_where(const fold *f, dd__known *result) {
    dd__dims dims;
    if (f->count != 3 || !f->in[0] || !f->in[1] || !f->in[2])
        return dd__fail(DD_FORMAT, "expected three inputs");
    DD_TRY(broadcast(&f->in[0]->dims, &f->in[1]->dims, &dims));
    dd__dims both = dims;
    DD_TRY(broadcast(&both, &f->in[2]->dims, &dims));
    DD_TRY(make(f, dims, f->in[1]->whole, result));
    for (size_t i = 0; i < dd__known_count(result); i++) {
        bool first = dd__known_number(f->in[0], source(&dims, &f->in[0]->dims, i)) != 0;
        const dd__known *from = f->in[first ? 1 : 2];
        copy(result, i, from, source(&dims, &from->dims, i));
    }
    return DD_OK;
}

static double apply(const char *op, double x) {
    if (strcmp(op, "Neg") == 0) return -x;
    if (strcmp(op, "Abs") == 0) return fabs(x);
    if (strcmp(op, "Sqrt") == 0) return sqrt(x);
    if (strcmp(op, "Exp") == 0) return exp(x);
    if (strcmp(op, "Log") == 0) return log(x);
    if (strcmp(op, "Floor") == 0) return floor(x);
    if (strcmp(op, "Ceil") == 0) return ceil(x);
    return x; /* Identity, Dropout */
}

static dd_status fold_unary(const fold *f, dd__known *result) {
    const dd__known *x = f->in[0];
    DD_TRY(make(f, x->dims, x->whole, result));
    for (size_t i = 0; i < dd__known_count(result); i++)
        set(result, i, apply(f->node->op_type, dd__known_number(x, i)));
    return DD_OK;
}

/* ---- Types ------------------------------------------------------------------------------- */

static bool is_float_type(int64_t type) {
    return type == ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT ||
           type == ONNX__TENSOR_PROTO__DATA_TYPE__DOUBLE ||
           type == ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT16 ||
           type == ONNX__TENSOR_PROTO__DATA_TYPE__BFLOAT16;
}

static dd_status fold_cast(const fold *f, dd__known *result) {
    const dd__known *x = f->in[0];
    int64_t to = dd__onnx_int(f->node, "to", 0);
    bool to_bool = to == ONNX__TENSOR_PROTO__DATA_TYPE__BOOL;
    DD_TRY(make(f, x->dims, !is_float_type(to), result));
    for (size_t i = 0; i < dd__known_count(result); i++) {
        if (to_bool)
            set(result, i, dd__known_number(x, i) != 0);
        else
            copy(result, i, x, i);
    }
    return DD_OK;
}

/* ---- The same numbers in another shape -------------------------------------------------------- */

static dd_status seen_as(const dd__known *x, dd__dims dims, dd__known *result) {
    if (dd__dims_count(&dims) != dd__known_count(x))
        return dd__fail(DD_FORMAT, "%zu numbers cannot be seen as %zu", dd__known_count(x),
                        dd__dims_count(&dims));
    *result = *x;
    result->dims = dims;
    return DD_OK;
}

static dd_status fold_transpose(const fold *f, dd__known *result) {
    unsigned order[DD__MAX_RANK], rank = f->in[0]->dims.rank;
    size_t count;
    const int64_t *perm = dd__onnx_ints(f->node, "perm", &count);
    DD_TRY(dd__onnx_order(perm, count, rank, order));
    return dd__known_transpose(f->arena, f->in[0], order, result);
}

static dd_status fold_concat(const fold *f, dd__known *result) {
    const dd__known *first = f->in[0];
    int64_t axis = dd__onnx_int(f->node, "axis", 0);
    dd__dims dims = first->dims;
    uint64_t extent = 0;
    DD_TRY(dd__onnx_axis(&axis, dims.rank));
    for (size_t i = 0; i < f->count; i++) {
        dd__dims like = f->in[i] ? f->in[i]->dims : (dd__dims){0};
        if (like.rank == dims.rank) like.d[axis] = first->dims.d[axis];
        if (!f->in[i] || !dd__dims_equal(&like, &first->dims))
            return dd__fail(DD_FORMAT, "inputs of other shapes");
        extent += f->in[i]->dims.d[axis];
    }
    if (extent > INT32_MAX) return dd__fail(DD_FORMAT, "an axis of more than %d", INT32_MAX);
    dims.d[axis] = (uint32_t)extent;
    DD_TRY(make(f, dims, first->whole, result));
    size_t inner = 1, row = 1, begin = 0;
    for (unsigned i = (unsigned)axis + 1; i < dims.rank; i++) inner *= dims.d[i];
    row = inner * dims.d[axis];
    for (size_t i = 0; i < f->count; begin += inner * f->in[i++]->dims.d[axis]) {
        size_t width = inner * f->in[i]->dims.d[axis];
        for (size_t j = 0; j < dd__known_count(f->in[i]); j++)
            copy(result, j / width * row + begin + j % width, f->in[i], j);
    }
    return DD_OK;
}

/* ---- A part of the numbers ------------------------------------------------------------------- */

/* Element (outer, k, inner) of x along `axis`, in the order of the result's elements. */
static void take_along(const dd__known *x, int64_t axis, const int64_t *places, size_t count,
                       dd__known *result) {
    size_t inner = 1, extent = x->dims.d[axis];
    for (unsigned i = (unsigned)axis + 1; i < x->dims.rank; i++) inner *= x->dims.d[i];
    for (size_t i = 0; i < dd__known_count(result); i++) {
        size_t outer = i / inner / count, k = i / inner % count;
        copy(result, i, x, (outer * extent + (size_t)places[k]) * inner + i % inner);
    }
}

static dd_status fold_gather(const fold *f, dd__known *result) {
    const dd__known *x = f->in[0], *at = f->count > 1 ? f->in[1] : NULL;
    int64_t axis = dd__onnx_int(f->node, "axis", 0), *places;
    if (!at) return dd__fail(DD_FORMAT, "expected two inputs");
    DD_TRY(dd__onnx_axis(&axis, x->dims.rank));
    size_t count = dd__known_count(at);
    places = dd__arena_alloc(f->arena, count + 1, sizeof *places);
    if (!places) return dd__no_memory(count * sizeof *places);
    for (size_t i = 0; i < count; i++) {
        places[i] = dd__known_whole(at, i);
        DD_TRY(dd__onnx_axis(&places[i], x->dims.d[axis]));
    }
    dd__dims dims = {.rank = x->dims.rank - 1 + at->dims.rank};
    if (dims.rank > DD__MAX_RANK) return dd__fail(DD_FORMAT, "the result has %u axes", dims.rank);
    unsigned i = 0;
    for (; i < (unsigned)axis; i++) dims.d[i] = x->dims.d[i];
    for (unsigned j = 0; j < at->dims.rank; j++) dims.d[i++] = at->dims.d[j];
    for (unsigned j = (unsigned)axis + 1; j < x->dims.rank; j++) dims.d[i++] = x->dims.d[j];
    DD_TRY(make(f, dims, x->whole, result));
    if (dd__known_count(result)) take_along(x, axis, places, count, result);
    return DD_OK;
}

static dd_status fold_slice(const fold *f, dd__known *result) {
    dd__onnx_slices slices;
    DD_TRY(dd__onnx_read_slices(f->node, f->in, f->count, &f->in[0]->dims, &slices));
    *result = *f->in[0];
    for (size_t s = 0; s < slices.count; s++) {
        dd__known x = *result;
        const dd__onnx_slice *slice = &slices.items[s];
        int64_t *places = dd__arena_alloc(f->arena, (size_t)slice->size + 1, sizeof *places);
        if (!places) return dd__no_memory((size_t)slice->size * sizeof *places);
        for (int64_t i = 0; i < slice->size; i++) places[i] = slice->begin + i * slice->step;
        dd__dims dims = x.dims;
        dims.d[slice->axis] = (uint32_t)slice->size;
        DD_TRY(make(f, dims, x.whole, result));
        take_along(&x, slice->axis, places, (size_t)slice->size, result);
    }
    return DD_OK;
}

/* ---- Numbers of a shape ----------------------------------------------------------------------- */

static dd_status dims_of(const dd__known *shape, dd__dims *dims) {
    int64_t extents[DD__MAX_RANK + 1];
    size_t rank = dd__known_count(shape);
    for (size_t i = 0; i < rank && i < DD_COUNT(extents); i++)
        extents[i] = dd__known_whole(shape, i);
    return dd__known_dims(extents, rank, dims);
}

static dd_status fold_constant_of_shape(const fold *f, dd__known *result) {
    const Onnx__AttributeProto *a = dd__onnx_attribute(f->node, "value");
    dd__known value = {.dims = {0}};
    dd__dims dims;
    static const float zero = 0;
    value.floats = &zero;
    if (a && a->t) DD_TRY(dd__known_read(f->arena, a->t, &value));
    if (dd__known_count(&value) < 1) return dd__fail(DD_FORMAT, "its value has no number");
    DD_TRY(dims_of(f->in[0], &dims));
    DD_TRY(make(f, dims, value.whole, result));
    for (size_t i = 0; i < dd__known_count(result); i++) copy(result, i, &value, 0);
    return DD_OK;
}

static dd_status fold_expand(const fold *f, dd__known *result) {
    dd__dims shape, dims;
    if (f->count < 2 || !f->in[1]) return dd__fail(DD_FORMAT, "expected two inputs");
    DD_TRY(dims_of(f->in[1], &shape));
    DD_TRY(broadcast(&f->in[0]->dims, &shape, &dims));
    DD_TRY(make(f, dims, f->in[0]->whole, result));
    for (size_t i = 0; i < dd__known_count(result); i++)
        copy(result, i, f->in[0], source(&dims, &f->in[0]->dims, i));
    return DD_OK;
}

static dd_status fold_range(const fold *f, dd__known *result) {
    if (f->count != 3 || !f->in[1] || !f->in[2])
        return dd__fail(DD_FORMAT, "expected three inputs");
    for (size_t i = 0; i < 3; i++)
        if (dd__known_count(f->in[i]) != 1) return dd__fail(DD_FORMAT, "expected single numbers");
    double start = dd__known_number(f->in[0], 0), step = dd__known_number(f->in[2], 0);
    double count = ceil((dd__known_number(f->in[1], 0) - start) / step);
    if (!(count <= INT32_MAX)) return dd__fail(DD_FORMAT, "a range of %g numbers", count);
    DD_TRY(make(f, DD_DIMS(count > 0 ? (uint32_t)count : 0), f->in[0]->whole, result));
    for (size_t i = 0; i < dd__known_count(result); i++) set(result, i, start + (double)i * step);
    return DD_OK;
}

static dd_status fold_reshape(const fold *f, dd__known *result) {
    dd__dims dims;
    DD_TRY(dd__onnx_shape_of_view(f->node, f->in, f->count, &f->in[0]->dims, &dims));
    return seen_as(f->in[0], dims, result);
}

/* ---- The table -------------------------------------------------------------------------------- */

static const struct {
    const char *op;
    fold_function *function;
} folds[] = {
    {"Abs", fold_unary},         {"Add", fold_arithmetic},
    {"Cast", fold_cast},         {"Ceil", fold_unary},
    {"Concat", fold_concat},     {"ConstantOfShape", fold_constant_of_shape},
    {"Div", fold_arithmetic},    {"Dropout", fold_unary},
    {"Equal", fold_arithmetic},  {"Exp", fold_unary},
    {"Expand", fold_expand},     {"Flatten", fold_reshape},
    {"Floor", fold_unary},       {"Gather", fold_gather},
    {"Identity", fold_unary},    {"Log", fold_unary},
    {"Max", fold_arithmetic},    {"Min", fold_arithmetic},
    {"Mul", fold_arithmetic},    {"Neg", fold_unary},
    {"Pow", fold_arithmetic},    {"Range", fold_range},
    {"Reshape", fold_reshape},   {"Slice", fold_slice},
    {"Sqrt", fold_unary},        {"Squeeze", fold_reshape},
    {"Sub", fold_arithmetic},    {"Transpose", fold_transpose},
    {"Unsqueeze", fold_reshape}, {"Where", fold_where},
};

bool dd__known_folds(const char *op) {
    for (size_t i = 0; i < DD_COUNT(folds); i++)
        if (strcmp(folds[i].op, op) == 0) return true;
    return false;
}

dd_status dd__known_fold(dd__arena *arena, const Onnx__NodeProto *node, const dd__known *const in[],
                         size_t count, dd__known *result) {
    fold f = {.arena = arena, .node = node, .in = in, .count = count};
    if (count == 0 || !in[0]) return dd__fail(DD_FORMAT, "expected an input");
    for (size_t i = 0; i < DD_COUNT(folds); i++)
        if (strcmp(folds[i].op, node->op_type) == 0) return folds[i].function(&f, result);
    return dd__fail(DD_FORMAT, "operator %s is not computed at import", node->op_type);
}
