/* dense: a layer y (N, units) = f(x W + b), x (N, inputs), W (inputs, units), b (units); computed
 * by gemm. */
#include <stdio.h>

#include "ops/ops.h"

typedef struct dense {
    int32_t units;
    bool bias;
    int32_t activation;
} dense;

static const dd__attribute attributes[] = {
    {.name = "units",
     .type = DD__INT,
     .offset = offsetof(dense, units),
     .min = 1,
     .max = 1 << 24,
     .required = true,
     .help = "numbers of an output row"},
    {.name = "bias",
     .type = DD__BOOL,
     .offset = offsetof(dense, bias),
     .fallback = 1,
     .help = "add a number for each unit"},
    {.name = "activation",
     .type = DD__CHOICE,
     .offset = offsetof(dense, activation),
     .choices = dd__activation_names,
     .help = "applied to the result"},
    {0},
};

static dd_status layer(dd__graph *graph, const dd__op *op, const char *name, const void *given,
                       dd__value *const x[], size_t count, dd__value **y) {
    (void)op;
    const dense *a = given;
    if (count != 1 || x[0]->dims.rank != 2) {
        char found[80];
        return dd__fail(DD_SHAPE,
                        "expected one input of rows (N, inputs), found %s; flatten it first",
                        dd__dims_print(&x[0]->dims, found));
    }
    uint32_t inputs = x[0]->dims.d[1], units = (uint32_t)a->units;
    dd__value like = {.dims = DD_DIMS(inputs, units),
                      .initial = DD__GLOROT_UNIFORM,
                      .fan_in = inputs,
                      .fan_out = units,
                      .decays = true};
    dd__value *in[3] = {x[0]};
    DD_TRY(dd__graph_parameter(graph, name, "weight", &like, &in[1]));
    if (a->bias) {
        dd__value zeros = {.dims = DD_DIMS(units), .initial = DD__ZEROS};
        DD_TRY(dd__graph_parameter(graph, name, "bias", &zeros, &in[2]));
    }
    bool fused = a->activation == DD__LINEAR || a->activation == DD__RELU;
    dd__gemm g = {.activation = fused ? a->activation : DD__LINEAR};
    DD_TRY(dd__graph_add1(graph, &dd__op_gemm, name, &g, in, a->bias ? 3 : 2, y));
    if (fused) return DD_OK;
    char behind[256];
    snprintf(behind, sizeof behind, "%s.activation", name);
    dd__activate activation = dd__activation_of(a->activation);
    return dd__graph_add1(graph, &dd__op_activation, behind, &activation, y, 1, y);
}

const dd__op dd__op_dense = {
    .name = "dense",
    .attributes_bytes = sizeof(dense),
    .attributes = attributes,
    .min_in = 1,
    .max_in = 1,
    .layer = layer,
};
