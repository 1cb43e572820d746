/* activation: y = f(x), and activation_backward: dx = dy f'(x), element by element.
 *
 * relu is the same function of its result as of x (both are 0 or both positive), so convolutions
 * that end in relu call activation_backward with y in place of x. Its derivative at 0 is 0.
 */
#include <math.h>
#include <stdio.h>

#include "ops/lanes.h"
#include "ops/launch.h"
#include "ops/ops.h"
#include "reference/reference.h"

const char *const dd__activation_names[] = {
    [DD__LINEAR] = "linear",
    [DD__RELU] = "relu",
    [DD__LEAKY_RELU] = "leaky_relu",
    [DD__ELU] = "elu",
    [DD__SIGMOID] = "sigmoid",
    [DD__TANH] = "tanh",
    [DD__GELU] = "gelu",
    [DD__SWISH] = "swish",
    [DD__HARD_SWISH] = "hard_swish",
    [DD__EXP] = "exp",
    [DD__LOG] = "log",
    [DD__SQRT] = "sqrt",
    [DD__NEGATE] = "negate",
    [DD__ABS] = "abs",
    [DD__RECIPROCAL] = "reciprocal",
    [DD__ERF] = "erf",
    [DD__SELU] = "selu",
    [DD__HARD_SIGMOID] = "hard_sigmoid",
    [DD__CLIP] = "clip",
    [DD__SOFTPLUS] = "softplus",
    [DD__SOFTSIGN] = "softsign",
    [DD__FLOOR] = "floor",
    [DD__CEIL] = "ceil",
    [DD__GELU_TANH] = "gelu_tanh",
    NULL,
};

/* The largest float, as text has it: for a limit that is none. */
#define NO_LIMIT 3.4028235e38

/* alpha and beta of the kinds that have them, when they are not given. */
static const struct {
    float alpha, beta;
} usual[] = {
    [DD__LEAKY_RELU] = {.alpha = 0.01f},
    [DD__ELU] = {.alpha = 1},
    [DD__SELU] = {1.67326319217681884765625f, 1.05070102214813232421875f},
    [DD__HARD_SIGMOID] = {0.2f, 0.5f},
    [DD__CLIP] = {(float)-NO_LIMIT, (float)NO_LIMIT},
    [DD__GELU_TANH] = {0},
};

static const dd__attribute attributes[] = {
    {.name = "kind",
     .type = DD__CHOICE,
     .offset = offsetof(dd__activate, kind),
     .choices = dd__activation_names,
     .required = true,
     .help = "the function"},
    {.name = "alpha",
     .type = DD__FLOAT,
     .offset = offsetof(dd__activate, alpha),
     .fallback = NAN,
     .min = -NO_LIMIT,
     .max = NO_LIMIT,
     .help = "slope below 0 of leaky_relu (0.01); limit of elu (1) and selu (1.6733); slope of "
             "hard_sigmoid (0.2); least value of clip (none)"},
    {.name = "beta",
     .type = DD__FLOAT,
     .offset = offsetof(dd__activate, beta),
     .fallback = NAN,
     .min = -NO_LIMIT,
     .max = NO_LIMIT,
     .help = "factor of selu (1.0507); hard_sigmoid at 0 (0.5); largest value of clip (none)"},
    {0},
};

void dd__activation_settle(dd__activate *a) {
    if (isnan(a->alpha)) a->alpha = usual[a->kind].alpha;
    if (isnan(a->beta)) a->beta = usual[a->kind].beta;
}

static dd_status infer(dd__graph *graph, dd__node *node) {
    dd__activation_settle(node->attributes);
    for (size_t i = 0; i < node->in_count; i++)
        if (node->in[i]->type != DD__F32)
            return dd__fail(DD_SHAPE, "input %zu is not of type f32", i);
    if (node->in_count == 2 && !dd__dims_equal(&node->in[0]->dims, &node->in[1]->dims)) {
        char dy[80], x[80];
        return dd__fail(DD_SHAPE, "dy is %s, x is %s", dd__dims_print(&node->in[0]->dims, dy),
                        dd__dims_print(&node->in[1]->dims, x));
    }
    return dd__node_output(graph, node, 0, DD__F32, node->in[0]->dims);
}

static dd_status gradient(dd__graph *graph, const dd__node *node, dd__value *const dy[],
                          dd__value *dx[]) {
    if (dy[0] == NULL) return DD_OK;
    char name[256];
    snprintf(name, sizeof name, "%s.backward", node->name);
    dd__value *in[] = {dy[0], node->in[0]};
    return dd__graph_add1(graph, &dd__op_activation_backward, name, node->attributes, in, 2,
                          &dx[0]);
}

/* The forward op has one input, the backward op two; otherwise they are launched alike. */
static void bind(dd__launch *launch, const dd__node *node) {
    size_t i = 0;
    for (; i < node->in_count; i++) launch->arguments[i] = DD_BUFFER(node->in[i]->buffer);
    launch->arguments[i++] = DD_BUFFER(node->out[0]->buffer);
    launch->arguments[i] = DD_INT(dd__dims_count(&node->out[0]->dims));
}

static dd_status record_plain(dd__recorder *recorder, const dd__node *node, const dd__site *site) {
    const dd__activate *a = node->attributes;
    const char *kind = dd__activation_names[a->kind];
    char options[96];
    snprintf(options, sizeof options, "-DF=f_%s -DD=d_%s%s", kind, kind,
             dd__half_options(node).text);
    bool backward = node->in_count == 2;
    dd__launch launch = {.program = "activation",
                         .kernel = backward ? "activation_backward_plain" : "activation_plain"};
    dd__launch_elements(&launch, site->device, dd__dims_count(&node->out[0]->dims));
    launch.options = options;
    bind(&launch, node);
    launch.arguments[node->in_count + 2] = DD_FLOAT(a->alpha);
    launch.arguments[node->in_count + 3] = DD_FLOAT(a->beta);
    return dd__record(recorder, &launch);
}

static dd_status record_vector(dd__recorder *recorder, const dd__node *node, const dd__site *site) {
    const dd__activate *a = node->attributes;
    unsigned lanes = dd__lanes(site->device, 0);
    const char *kind = dd__activation_names[a->kind];
    char options[64];
    snprintf(options, sizeof options, "-DVW=%u -DF=f_%s -DD=d_%s", lanes, kind, kind);
    bool backward = node->in_count == 2;
    dd__launch launch = {.program = "activation",
                         .kernel = backward ? "activation_backward_vector" : "activation_vector"};
    size_t count = dd__dims_count(&node->out[0]->dims);
    size_t chunk = dd__launch_chunks(&launch, site->device, count, 1, lanes);
    launch.options = options;
    bind(&launch, node);
    launch.arguments[node->in_count + 2] = DD_INT(chunk);
    launch.arguments[node->in_count + 3] = DD_FLOAT(a->alpha);
    launch.arguments[node->in_count + 4] = DD_FLOAT(a->beta);
    return dd__record(recorder, &launch);
}

static const dd__implementation vector = {
    .name = "vector", .classes = DD__ON_CPU, .record = record_vector};
static const dd__implementation plain = {.name = "plain",
                                         .classes = DD__ANYWHERE,
                                         .record = record_plain,
                                         .half = DD__HALF_IN(0) | DD__HALF_OUT(0)};
static const dd__implementation plain_backward = {
    .name = "plain", .classes = DD__ANYWHERE, .record = record_plain};
static const dd__implementation *const implementations[] = {&vector, &plain, NULL};
static const dd__implementation *const implementations_backward[] = {&vector, &plain_backward,
                                                                     NULL};

const dd__op dd__op_activation = {
    .name = "activation",
    .attributes_bytes = sizeof(dd__activate),
    .attributes = attributes,
    .min_in = 1,
    .max_in = 1,
    .outputs = 1,
    .layer = dd__layer_plain,
    .infer = infer,
    .gradient = gradient,
    .reference = dd__reference_activation,
    .implementations = implementations,
};

const dd__op dd__op_activation_backward = {
    .name = "activation_backward",
    .attributes_bytes = sizeof(dd__activate),
    .attributes = attributes,
    .min_in = 2,
    .max_in = 2,
    .outputs = 1,
    .infer = infer,
    .reference = dd__reference_activation_backward,
    .implementations = implementations_backward,
};
