/* constant: a layer that reads nothing and gives the numbers of a tensor of its own: a parameter
 * where training may change it, else a statistic, which is kept as it is. */
#include "ops/ops.h"

typedef struct constant {
    dd__dims shape;
    bool trainable;
} constant;

static const dd__attribute attributes[] = {
    {.name = "shape",
     .type = DD__INT_LIST,
     .offset = offsetof(constant, shape),
     .min = 1,
     .max = INT32_MAX,
     .required = true,
     .help = "all its dimensions; what adds it to a batch repeats it for each image"},
    {.name = "trainable",
     .type = DD__BOOL,
     .offset = offsetof(constant, trainable),
     .help = "a parameter, which training changes"},
    {0},
};

static dd_status layer(dd__graph *graph, const dd__op *op, const char *name, const void *given,
                       dd__value *const x[], size_t count, dd__value **y) {
    (void)op, (void)x, (void)count;
    const constant *a = given;
    if (a->shape.rank == 0) return dd__fail(DD_SHAPE, "\"shape\": expected at least one number");
    dd__value like = {.dims = a->shape, .initial = DD__ZEROS};
    return a->trainable ? dd__graph_parameter(graph, name, "value", &like, y)
                        : dd__graph_statistic(graph, name, "value", &like, y);
}

const dd__op dd__op_constant = {
    .name = "constant",
    .attributes_bytes = sizeof(constant),
    .attributes = attributes,
    .min_in = 0,
    .max_in = 0,
    .layer = layer,
};
