#include "model/layers.h"

#include <string.h>

#include "model/network.h"
#include "model/safetensors.h"
#include "ops/ops.h"

/* Numbers in a model: they, with a header beside them, must fit the file they are saved to. */
#define MAX_NUMBERS ((DD__SAFETENSORS_BYTES - DD__SAFETENSORS_HEADER) / sizeof(float))

bool dd__is_parameter(const dd__graph *graph, const dd__value *value) {
    return value->role == DD__PARAMETER && value != graph->parameters;
}

bool dd__is_statistic(const dd__graph *graph, const dd__value *value) {
    return value->role == DD__STATE && value->base && value->base == graph->statistics;
}

static dd_status describe_layer(void *context, const dd__graph *graph,
                                const dd__layer_visit *visit) {
    dd_model *model = context;
    dd_layer_info *layer = &model->layers[visit->index];
    char settings[1024];
    dd__attributes_print(visit->op, visit->attributes, settings, sizeof settings);
    layer->name = visit->name; /* lives in model->network */
    layer->op = visit->op->name;
    layer->settings = dd__arena_print(&model->arena, "%s", settings);
    if (!layer->settings) return dd__no_memory(sizeof settings);
    int *inputs = dd__arena_alloc(&model->arena, visit->input_count, sizeof *inputs);
    if (!inputs) return dd__no_memory(visit->input_count * sizeof *inputs);
    memcpy(inputs, visit->inputs, visit->input_count * sizeof *inputs);
    layer->inputs = inputs;
    layer->input_count = (unsigned)visit->input_count;
    const dd__dims *dims = &visit->y->dims;
    unsigned first = dd__network_is_of_tensors(model->network) ? 0 : 1; /* without the batch */
    for (unsigned i = first; i < dims->rank; i++) layer->output[layer->rank++] = dims->d[i];
    for (size_t i = visit->first_value; i < graph->value_count; i++) {
        const dd__value *value = graph->values[i];
        if (dd__is_parameter(graph, value)) layer->parameters += dd__dims_count(&value->dims);
        if (dd__is_statistic(graph, value)) model->info.statistics += dd__dims_count(&value->dims);
    }
    for (size_t i = visit->first_node; i < graph->node_count; i++) {
        const dd__node *node = graph->nodes[i];
        if (node->op->flop) layer->mflop += node->op->flop(node) / 1e6;
    }
    model->info.parameters += layer->parameters;
    model->info.mflop += layer->mflop;
    if (model->info.parameters + model->info.statistics > MAX_NUMBERS)
        return dd__fail(DD_SHAPE, "so far %llu parameters: a model has at most %zu",
                        (unsigned long long)model->info.parameters, MAX_NUMBERS);
    return DD_OK;
}

static dd_status input_value(const dd_model *model, dd__graph *graph, dd__value **x) {
    return dd__graph_input(graph, "input", DD__F32,
                           DD_DIMS(1, model->height, model->width, model->channels), x);
}

static dd_status check_output(const dd_model *model, const dd__value *y) {
    char dims[80];
    if (y->dims.d[0] != 1)
        return dd__fail(DD_SHAPE,
                        "the last layer \"%s\" gives %u rows for one image: expected stack_views, "
                        "and a mean over the views or the like, before it",
                        model->layers[model->layer_count - 1].name, y->dims.d[0]);
    if (y->dims.rank == 2 && y->dims.d[1] <= DD__NETWORK_CLASSES) return DD_OK;
    if (y->dims.rank == 2)
        return dd__fail(
            DD_SHAPE, "the last layer \"%s\" gives %u numbers: expected at most %d classes",
            model->layers[model->layer_count - 1].name, y->dims.d[1], DD__NETWORK_CLASSES);
    return dd__fail(DD_SHAPE,
                    "the last layer \"%s\" gives %s for one image: expected one number a class",
                    model->layers[model->layer_count - 1].name, dd__dims_print(&y->dims, dims));
}

static dd_status describe_image_network(dd_model *model, dd__graph *graph) {
    dd__value *x, *logits, *y;
    DD_TRY(input_value(model, graph, &x));
    DD_TRY(dd__network_walk(model->network, graph, x, NULL, describe_layer, model, &logits, &y));
    DD_TRY(check_output(model, y));
    model->classes = y->dims.d[1];
    return DD_OK;
}

dd_status dd__layers_describe(dd_model *model) {
    const cJSON *layers = cJSON_GetObjectItemCaseSensitive(model->network, "layers");
    model->layer_count = (size_t)cJSON_GetArraySize(layers);
    model->layers = dd__arena_alloc(&model->arena, model->layer_count, sizeof *model->layers);
    if (!model->layers) return dd__no_memory(model->layer_count * sizeof *model->layers);
    dd__graph *graph = NULL;
    DD_TRY(dd__graph_create(false, 0, &graph));
    dd_status status = dd__network_is_of_tensors(model->network)
                           ? dd__network_walk_tensors(model->network, graph, describe_layer, model)
                           : describe_image_network(model, graph);
    dd__graph_free(graph);
    model->info.height = model->height;
    model->info.width = model->width;
    model->info.channels = model->channels;
    model->info.classes = model->classes;
    model->info.layers = model->layer_count;
    return status;
}

dd_status dd__layers_graph(const dd_model *model, dd__graph **out) {
    dd__graph *graph = NULL;
    dd__value *x, *logits, *y;
    DD_TRY(dd__graph_create(false, 0, &graph));
    dd_status status;
    if (dd__network_is_of_tensors(model->network)) {
        status = dd__network_walk_tensors(model->network, graph, NULL, NULL);
    } else {
        status = input_value(model, graph, &x);
        if (status == DD_OK) status = dd__model_build(model, graph, x, NULL, &logits, &y);
    }
    if (status != DD_OK)
        dd__graph_free(graph);
    else
        *out = graph;
    return status;
}

dd_status dd__model_build(const dd_model *model, dd__graph *graph, dd__value *x, const bool *frozen,
                          dd__value **logits, dd__value **y) {
    if (dd__network_is_of_tensors(model->network))
        return dd__fail(DD_USAGE, "network \"%s\" takes tensors, not images: use `run`",
                        model->name);
    dd__dims expected = DD_DIMS(x->dims.d[0], model->height, model->width, model->channels);
    if (!dd__dims_equal(&x->dims, &expected)) {
        char found[80], wanted[80];
        return dd__fail(DD_SHAPE, "network \"%s\": expected images as %s, found %s", model->name,
                        dd__dims_print(&expected, wanted), dd__dims_print(&x->dims, found));
    }
    if (dd__dims_count(&x->dims) > INT32_MAX) {
        char found[80];
        return dd__fail(DD_SHAPE, "network \"%s\": a batch of %s numbers is more than %d",
                        model->name, dd__dims_print(&x->dims, found), INT32_MAX);
    }
    return dd__within(dd__network_walk(model->network, graph, x, frozen, NULL, NULL, logits, y),
                      "network \"%s\"", model->name);
}
