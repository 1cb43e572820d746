/* Normalizations. */
#include <string.h>

#include "model/onnx/import.h"

dd_status dd__import_batch_norm(dd__onnx *m, const Onnx__NodeProto *node) {
    static const char *const names[] = {NULL, "gamma", "beta", "mean", "variance"};
    dd__onnx_value *in[5];
    dd__onnx_layer norm;
    const char *layer;
    const float *unused;
    for (size_t i = 0; i < 5; i++) DD_TRY(dd__onnx_need(m, node, i, &in[i]));
    if (dd__onnx_int(node, "training_mode", 0)) return dd__fail(DD_FORMAT, "in training mode");
    DD_TRY(dd__onnx_no_others(m, node, 1));
    if (in[0]->shape.rank < 2) return dd__fail(DD_FORMAT, "of an input without channels");
    for (size_t i = 1; i < 5; i++) DD_TRY(dd__onnx_floats(m, in[i], in[0]->shape.d[1], &unused));
    DD_TRY(dd__onnx_in_layout(m, in[0], DD__CHANNELS_LAST, &layer));
    DD_TRY(dd__onnx_begin(m, "batch_norm", node, NULL, &norm));
    dd__onnx_reads(&norm, layer);
    dd__onnx_number(&norm, "epsilon", dd__onnx_float(node, "epsilon", 1e-5f));
    dd__onnx_number(&norm, "momentum", dd__onnx_float(node, "momentum", 0.9f));
    DD_TRY(dd__onnx_end(m, &norm, &layer));
    for (size_t i = 1; i < 5; i++)
        DD_TRY(dd__onnx_copy_tensor(m, layer, names[i], in[i], in[0]->shape.d[1]));
    return dd__onnx_give(m, node, 0, layer, DD__CHANNELS_LAST, NULL);
}

static dd_status normalize(dd__onnx *m, const Onnx__NodeProto *node, const int64_t *axes,
                           size_t count, const char **layer) {
    dd__onnx_layer norm;
    DD_TRY(dd__onnx_begin(m, "normalize", node, NULL, &norm));
    dd__onnx_reads(&norm, *layer);
    dd__onnx_list(&norm, "axes", axes, count);
    dd__onnx_number(&norm, "epsilon", dd__onnx_float(node, "epsilon", 1e-5f));
    return dd__onnx_end(m, &norm, layer);
}

static dd_status mean_over(dd__onnx *m, const Onnx__NodeProto *node, const int64_t *axes,
                           size_t count, const char **layer) {
    dd__onnx_layer reduce;
    DD_TRY(dd__onnx_begin(m, "reduce", node, NULL, &reduce));
    dd__onnx_reads(&reduce, *layer);
    dd__onnx_text(&reduce, "kind", "mean");
    dd__onnx_list(&reduce, "axes", axes, count);
    return dd__onnx_end(m, &reduce, layer);
}

/* Times `scale`, plus `shift`, either of which may be absent. */
static dd_status scale_and_shift(dd__onnx *m, const Onnx__NodeProto *node, dd__onnx_value *scale,
                                 dd__onnx_value *shift, const char **layer) {
    const char *operand;
    if (scale) {
        DD_TRY(dd__onnx_in_layout(m, scale, DD__PLAIN, &operand));
        DD_TRY(dd__onnx_arithmetic(m, node, "multiply", *layer, operand, layer));
    }
    if (shift) {
        DD_TRY(dd__onnx_in_layout(m, shift, DD__PLAIN, &operand));
        DD_TRY(dd__onnx_arithmetic(m, node, "add", *layer, operand, layer));
    }
    return DD_OK;
}

dd_status dd__import_instance_norm(dd__onnx *m, const Onnx__NodeProto *node) {
    dd__onnx_value *x, *scale, *shift;
    const char *layer;
    DD_TRY(dd__onnx_need(m, node, 0, &x));
    DD_TRY(dd__onnx_need(m, node, 1, &scale));
    DD_TRY(dd__onnx_need(m, node, 2, &shift));
    if (x->shape.rank < 3) return dd__fail(DD_FORMAT, "of an input without spatial axes");
    int64_t axes[DD__MAX_RANK];
    for (unsigned i = 0; i + 2 < x->shape.rank; i++) axes[i] = i + 1;
    DD_TRY(dd__onnx_in_layout(m, x, DD__CHANNELS_LAST, &layer));
    DD_TRY(normalize(m, node, axes, x->shape.rank - 2, &layer));
    DD_TRY(scale_and_shift(m, node, scale, shift, &layer)); /* (C): of the last axis */
    return dd__onnx_give(m, node, 0, layer, DD__CHANNELS_LAST, NULL);
}

/* The outputs 1 and 2, which some read: the mean, and one over the square root of variance + epsilon. */
static dd_status give_moments(dd__onnx *m, const Onnx__NodeProto *node, const char *x,
                              const int64_t *axes, size_t count) {
    const float epsilon = dd__onnx_float(node, "epsilon", 1e-5f);
    const dd__known known = {.dims = {0}, .floats = &epsilon};
    const char *mean = x, *variance, *constant;
    DD_TRY(mean_over(m, node, axes, count, &mean));
    DD_TRY(dd__onnx_arithmetic(m, node, "subtract", x, mean, &variance));
    DD_TRY(dd__onnx_arithmetic(m, node, "multiply", variance, variance, &variance));
    DD_TRY(mean_over(m, node, axes, count, &variance));
    DD_TRY(dd__onnx_constant(m, "epsilon", &known, &constant));
    DD_TRY(dd__onnx_arithmetic(m, node, "add", variance, constant, &variance));
    DD_TRY(dd__onnx_activation(m, node, "sqrt", &variance));
    DD_TRY(dd__onnx_activation(m, node, "reciprocal", &variance));
    if (*node->output[1]) DD_TRY(dd__onnx_give(m, node, 1, mean, DD__PLAIN, NULL));
    if (node->n_output < 3 || !*node->output[2]) return DD_OK;
    return dd__onnx_give(m, node, 2, variance, DD__PLAIN, NULL);
}

dd_status dd__import_layer_norm(dd__onnx *m, const Onnx__NodeProto *node) {
    dd__onnx_value *x;
    const char *layer;
    int64_t axis = dd__onnx_int(node, "axis", -1), axes[DD__MAX_RANK] = {0};
    size_t count = 0;
    DD_TRY(dd__onnx_need(m, node, 0, &x));
    DD_TRY(dd__onnx_axis(&axis, x->shape.rank));
    while (axis < (int64_t)x->shape.rank) axes[count++] = axis++;
    DD_TRY(dd__onnx_in_layout(m, x, DD__PLAIN, &layer));
    if (dd__onnx_is_batched(m, layer) && axes[0] == 0)
        return dd__fail(DD_FORMAT, "it mixes the images of a batch");
    if (node->n_output > 1) DD_TRY(give_moments(m, node, layer, axes, count));
    DD_TRY(normalize(m, node, axes, count, &layer));
    DD_TRY(scale_and_shift(m, node, dd__onnx_in(m, node, 1), dd__onnx_in(m, node, 2), &layer));
    return dd__onnx_give(m, node, 0, layer, DD__PLAIN, NULL);
}

dd_status dd__import_lrn(dd__onnx *m, const Onnx__NodeProto *node) {
    dd__onnx_value *x;
    dd__onnx_layer lrn;
    const char *layer;
    DD_TRY(dd__onnx_need(m, node, 0, &x));
    DD_TRY(dd__onnx_in_layout(m, x, DD__CHANNELS_LAST, &layer));
    DD_TRY(dd__onnx_begin(m, "lrn", node, NULL, &lrn));
    dd__onnx_reads(&lrn, layer);
    dd__onnx_number(&lrn, "size", (double)dd__onnx_int(node, "size", 0));
    dd__onnx_number(&lrn, "alpha", dd__onnx_float(node, "alpha", 1e-4f));
    dd__onnx_number(&lrn, "beta", dd__onnx_float(node, "beta", 0.75f));
    dd__onnx_number(&lrn, "bias", dd__onnx_float(node, "bias", 1));
    DD_TRY(dd__onnx_end(m, &lrn, &layer));
    return dd__onnx_give(m, node, 0, layer, DD__CHANNELS_LAST, NULL);
}

/* ---- Softmax ------------------------------------------------------------------------------ */

static dd_status softmax_rows(dd__onnx *m, const Onnx__NodeProto *node, const char **layer) {
    dd__onnx_layer softmax;
    bool log = strcmp(node->op_type, "LogSoftmax") == 0;
    DD_TRY(dd__onnx_begin(m, log ? "log_softmax" : "softmax", node, NULL, &softmax));
    dd__onnx_reads(&softmax, *layer);
    return dd__onnx_end(m, &softmax, layer);
}

/* Up to operator set 12 all axes from `axis` on are one row. */
static dd_status softmax_of_tail(dd__onnx *m, const Onnx__NodeProto *node, dd__onnx_value *x,
                                 int64_t axis) {
    const char *layer;
    dd__dims rows = DD_DIMS(1, 1);
    for (unsigned i = 0; i < x->shape.rank; i++) rows.d[i >= (unsigned)axis] *= x->shape.d[i];
    DD_TRY(dd__onnx_in_layout(m, x, DD__PLAIN, &layer));
    DD_TRY(dd__onnx_view(m, node, &rows, &layer));
    DD_TRY(softmax_rows(m, node, &layer));
    DD_TRY(dd__onnx_view(m, node, &x->shape, &layer));
    return dd__onnx_give(m, node, 0, layer, DD__PLAIN, &x->shape);
}

/* The axis is put last, and back afterwards. */
static dd_status softmax_of_axis(dd__onnx *m, const Onnx__NodeProto *node, dd__onnx_value *x,
                                 unsigned axis) {
    const char *layer;
    unsigned order[DD__MAX_RANK], rank = x->shape.rank;
    DD_TRY(dd__onnx_in_layout(m, x, DD__PLAIN, &layer));
    for (unsigned i = 0; i < rank; i++) order[i] = i;
    order[axis] = rank - 1;
    order[rank - 1] = axis;
    DD_TRY(dd__onnx_transposed(m, node, order, &layer));
    DD_TRY(softmax_rows(m, node, &layer));
    DD_TRY(dd__onnx_transposed(m, node, order, &layer));
    return dd__onnx_give(m, node, 0, layer, DD__PLAIN, NULL);
}

dd_status dd__import_softmax(dd__onnx *m, const Onnx__NodeProto *node) {
    dd__onnx_value *x;
    const char *layer;
    DD_TRY(dd__onnx_need(m, node, 0, &x));
    int64_t axis = dd__onnx_int(node, "axis", m->opset < 13 ? 1 : -1);
    unsigned rank = x->shape.rank;
    DD_TRY(dd__onnx_axis(&axis, rank));
    bool last = axis == (int64_t)rank - 1 && rank > 1;
    bool channels = axis == 1 && dd__onnx_layout_of(x) == DD__CHANNELS_LAST && rank > 2;
    if (m->opset < 13 && !last) return softmax_of_tail(m, node, x, axis);
    if (rank == 1) return softmax_of_tail(m, node, x, 0);
    if (!last && !channels) return softmax_of_axis(m, node, x, (unsigned)axis);
    dd__layout layout = channels ? DD__CHANNELS_LAST : DD__PLAIN;
    DD_TRY(dd__onnx_in_layout(m, x, layout, &layer));
    DD_TRY(softmax_rows(m, node, &layer));
    return dd__onnx_give(m, node, 0, layer, layout, &x->shape);
}
