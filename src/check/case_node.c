#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "check/check.h"
#include "ops/ops.h"

/* What the reference computes in about half a second. */
static const double MOST_FLOP = 250e6;

static bool is_convolution(const dd__op *op) {
    return op == &dd__op_conv2d || op == &dd__op_conv2d_backward_data ||
           op == &dd__op_conv2d_backward_weights;
}

/* Whether extent 0 of a value counts images: weights, copies of them and what belongs to them have
 * none. */
static bool has_batch(const dd__value *value, uint32_t batch) {
    const dd__value *root = dd__value_root_const(value);
    while (root->producer && root->producer->op == &dd__op_copy)
        root = dd__value_root_const(root->producer->in[0]);
    dd__role role = root->role;
    return role != DD__PARAMETER && role != DD__STATE && value->dims.d[0] == batch;
}

/* Whole numbers, with which sums are exact; a batch norm that a convolution took in has fractions. */
static dd__data data_of(size_t input) {
    static const dd__data data[] = {DD__DATA_INTEGER,  DD__DATA_INTEGER, DD__DATA_HALF,
                                    DD__DATA_NORMAL,   DD__DATA_NORMAL,  DD__DATA_NORMAL,
                                    DD__DATA_POSITIVE, DD__DATA_INTEGER};
    return data[input];
}

static void hash_case(dd__node_case *made, const dd__node *node) {
    char text[1024], dims[80];
    int used = 0;
    for (size_t i = 0; i < node->in_count; i++)
        used += snprintf(text + used, sizeof text - (size_t)used, "%s,",
                         made->c.in[i].data ? dd__dims_print(&made->c.in[i].dims, dims) : "-");
    if (is_convolution(node->op)) {
        const dd__conv2d *a = &made->convolution;
        used +=
            snprintf(text + used, sizeof text - (size_t)used,
                     "pool %d norm %d activation %d limit %d %g %g ", (int)a->pool, a->normalize,
                     (int)a->activation, a->limit, (double)a->low, (double)a->high);
    }
    if (made->c.half)
        used += snprintf(text + used, sizeof text - (size_t)used, "half %x ", made->c.half);
    dd__attributes_print(node->op, node->attributes, text + used, sizeof text - (size_t)used);
    dd__hash_name(text, strlen(text), made->name);
}

bool dd__node_case_make(const dd__node *node, dd__node_case *made) {
    bool convolution = is_convolution(node->op);
    if (!convolution && node->op != &dd__op_gemm) return false;
    uint32_t batch = node->in[0]->dims.d[0];
    double flop = node->op->flop(node) / batch;
    if (flop > MOST_FLOP) return false;
    uint32_t most = (uint32_t)(MOST_FLOP / (flop + 1)), few = batch < most ? batch : most;
    *made = (dd__node_case){.c = {.op = node->op->name,
                                  .name = made->name,
                                  .attributes = node->attributes,
                                  .half = dd__node_half(node),
                                  .why = "a factor a channel, rounded, times a sum"}};
    for (size_t i = 0; i < node->in_count; i++) {
        if (!node->in[i]) continue;
        made->c.in[i].data = data_of(i);
        made->c.in[i].dims = node->in[i]->dims;
        if (has_batch(node->in[i], batch)) made->c.in[i].dims.d[0] = few;
    }
    if (convolution) {
        made->convolution = *(const dd__conv2d *)node->attributes;
        if (node->op == &dd__op_conv2d_backward_data) made->convolution.result.d[0] = few;
        if (made->convolution.normalize) made->c.tolerance = 1e-4;
        made->c.attributes = &made->convolution;
    }
    hash_case(made, node);
    return true;
}
