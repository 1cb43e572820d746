/* Gemm and MatMul: a dense layer where one factor is known, else the product of two values. */
#include <string.h>

#include "model/onnx/import.h"

/* ---- dense: y (N, units) = x (N, inputs) W + b ------------------------------------------------ */

/* Weights (inputs, units) from B, which may lie transposed, times alpha. */
static dd_status store_weights(dd__onnx *m, const char *layer, const dd__known *b, bool transposed,
                               float alpha) {
    uint32_t inputs = b->dims.d[transposed], units = b->dims.d[!transposed];
    float *numbers;
    DD_TRY(dd__onnx_tensor(m, layer, "weight", DD_DIMS(inputs, units), &numbers));
    for (size_t i = 0; i < inputs; i++)
        for (size_t j = 0; j < units; j++)
            numbers[i * units + j] = alpha * b->floats[transposed ? j * inputs + i : i * units + j];
    return DD_OK;
}

/* One number a unit, or one for all of them. */
static dd_status store_bias(dd__onnx *m, const char *layer, const dd__known *c, uint32_t units,
                            float beta) {
    float *numbers;
    size_t count = dd__known_count(c);
    DD_TRY(dd__onnx_tensor(m, layer, "bias", DD_DIMS(units), &numbers));
    for (size_t i = 0; i < units; i++) numbers[i] = beta * c->floats[count == 1 ? 0 : i];
    return DD_OK;
}

static bool is_bias(const dd__onnx_value *c, uint32_t units) {
    if (!c->known || c->known->whole) return false;
    const dd__dims *dims = &c->shape;
    size_t count = dd__known_count(c->known);
    return count == 1 || (count == units && dims->d[dims->rank - 1] == units);
}

static bool is_weight(const dd__onnx_value *b) {
    return b->known && !b->known->whole && b->shape.rank == 2;
}

typedef struct factors { /* alpha A B + beta C, where A and B may lie transposed */
    dd__onnx_value *a, *b, *c;
    bool transpose_a, transpose_b;
    float alpha, beta;
} factors;

static dd_status dense(dd__onnx *m, const Onnx__NodeProto *node, const factors *f, bool bias,
                       const char **layer) {
    dd__onnx_layer dense;
    uint32_t units = f->b->shape.d[!f->transpose_b];
    DD_TRY(dd__onnx_begin(m, "dense", node, NULL, &dense));
    dd__onnx_reads(&dense, *layer);
    dd__onnx_number(&dense, "units", units);
    dd__onnx_bool(&dense, "bias", bias);
    DD_TRY(dd__onnx_end(m, &dense, layer));
    DD_TRY(store_weights(m, *layer, f->b->known, f->transpose_b, f->alpha));
    return bias ? store_bias(m, *layer, f->c->known, units, f->beta) : DD_OK;
}

/* ---- matmul ----------------------------------------------------------------------------------- */

static dd_status product(dd__onnx *m, const Onnx__NodeProto *node, const factors *f, const char *a,
                         const char *b, const char **layer) {
    dd__onnx_layer matmul;
    DD_TRY(dd__onnx_begin(m, "matmul", node, NULL, &matmul));
    dd__onnx_reads(&matmul, a);
    dd__onnx_reads(&matmul, b);
    if (f->transpose_a) dd__onnx_bool(&matmul, "transpose_a", true);
    if (f->transpose_b) dd__onnx_bool(&matmul, "transpose_b", true);
    if (f->alpha != 1) dd__onnx_number(&matmul, "alpha", f->alpha);
    return dd__onnx_end(m, &matmul, layer);
}

static dd_status add_scaled(dd__onnx *m, const Onnx__NodeProto *node, const factors *f,
                            const char **layer) {
    const char *c, *factor;
    dd__known beta = {.dims = {0}, .floats = &f->beta};
    DD_TRY(dd__onnx_in_layout(m, f->c, DD__PLAIN, &c));
    if (f->beta != 1) {
        DD_TRY(dd__onnx_constant(m, "beta", &beta, &factor));
        DD_TRY(dd__onnx_arithmetic(m, node, "multiply", c, factor, &c));
    }
    return dd__onnx_arithmetic(m, node, "add", *layer, c, layer);
}

dd_status dd__import_gemm(dd__onnx *m, const Onnx__NodeProto *node) {
    factors f = {.transpose_a = dd__onnx_int(node, "transA", 0) != 0,
                 .transpose_b = dd__onnx_int(node, "transB", 0) != 0,
                 .alpha = dd__onnx_float(node, "alpha", 1),
                 .beta = dd__onnx_float(node, "beta", 1)};
    const char *layer, *b;
    DD_TRY(dd__onnx_need(m, node, 0, &f.a));
    DD_TRY(dd__onnx_need(m, node, 1, &f.b));
    f.c = dd__onnx_in(m, node, 2);
    if (f.a->shape.rank != 2 || f.b->shape.rank != 2)
        return dd__fail(DD_FORMAT, "of inputs that are not matrices");
    bool bias = f.c && is_bias(f.c, f.b->shape.d[!f.transpose_b]);
    DD_TRY(dd__onnx_in_layout(m, f.a, DD__PLAIN, &layer));
    if (is_weight(f.b) && !f.transpose_a) {
        DD_TRY(dense(m, node, &f, bias, &layer));
    } else {
        bias = false;
        DD_TRY(dd__onnx_in_layout(m, f.b, DD__PLAIN, &b));
        DD_TRY(product(m, node, &f, layer, b, &layer));
    }
    if (f.c && !bias) DD_TRY(add_scaled(m, node, &f, &layer));
    return dd__onnx_give(m, node, 0, layer, DD__PLAIN, NULL);
}

/* A vector is a matrix of one row on the left, of one column on the right; that axis goes again. */
static dd_status as_matrix(dd__onnx *m, const Onnx__NodeProto *node, const dd__onnx_value *value,
                           bool left, const char **layer) {
    if (value->shape.rank != 1) return DD_OK;
    uint32_t count = value->shape.d[0];
    dd__dims dims = left ? DD_DIMS(1, count) : DD_DIMS(count, 1);
    return dd__onnx_view(m, node, &dims, layer);
}

dd_status dd__import_matmul(dd__onnx *m, const Onnx__NodeProto *node) {
    factors f = {.alpha = 1};
    const char *layer, *b;
    DD_TRY(dd__onnx_need(m, node, 0, &f.a));
    DD_TRY(dd__onnx_need(m, node, 1, &f.b));
    if (f.a->shape.rank == 0 || f.b->shape.rank == 0)
        return dd__fail(DD_FORMAT, "of a single number");
    DD_TRY(dd__onnx_in_layout(m, f.a, DD__PLAIN, &layer));
    if (f.a->shape.rank == 2 && is_weight(f.b)) {
        DD_TRY(dense(m, node, &f, false, &layer));
        return dd__onnx_give(m, node, 0, layer, DD__PLAIN, NULL);
    }
    DD_TRY(dd__onnx_in_layout(m, f.b, DD__PLAIN, &b));
    DD_TRY(as_matrix(m, node, f.a, true, &layer));
    DD_TRY(as_matrix(m, node, f.b, false, &b));
    DD_TRY(product(m, node, &f, layer, b, &layer));
    const dd__dims *y = dd__onnx_dims_of(m, layer);
    dd__dims shape = {0};
    for (unsigned i = 0; i < y->rank; i++) {
        bool row = i + 2 == y->rank && f.a->shape.rank == 1;
        bool column = i + 1 == y->rank && f.b->shape.rank == 1;
        if (!row && !column) shape.d[shape.rank++] = y->d[i];
    }
    DD_TRY(dd__onnx_view(m, node, &shape, &layer));
    return dd__onnx_give(m, node, 0, layer, DD__PLAIN, &shape);
}
