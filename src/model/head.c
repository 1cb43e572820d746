/* head.c: dd_model_for_classes, another last layer for other classes. */
#include <string.h>

#include "model/model.h"

/* Layers that can have any number of outputs, and the attribute that says how many. */
static const struct {
    const char *op, *outputs;
} heads[] = {{"dense", "units"}, {"conv2d", "filters"}};

static const char *outputs_of(const char *op) {
    for (size_t i = 0; i < DD_COUNT(heads); i++)
        if (strcmp(heads[i].op, op) == 0) return heads[i].outputs;
    return NULL;
}

/* The last layer with parameters. Behind it each layer reads the one before it alone (activation, pool,
 * flatten, softmax); whether they make its outputs the classes is seen when shapes are inferred. */
static dd_status find_head(const dd_model *model, const dd_layer_info **head) {
    const dd_layer_info *layer = &model->layers[model->layer_count - 1];
    while (layer->parameters == 0 && layer->input_count == 1 && layer->inputs[0] >= 0)
        layer = &model->layers[layer->inputs[0]];
    *head = layer;
    if (outputs_of(layer->op)) return DD_OK;
    return dd__fail(DD_SHAPE,
                    "expected dense or conv2d as the last layer with parameters, and but for it no "
                    "layer with several inputs, found layer \"%s\" (%s)",
                    layer->name, layer->op);
}

/* Takes `value` over. */
static dd_status put(cJSON *object, const char *key, cJSON *value) {
    cJSON_DeleteItemFromObjectCaseSensitive(object, key);
    if (value && cJSON_AddItemToObject(object, key, value)) return DD_OK;
    cJSON_Delete(value);
    return dd__no_memory(sizeof *value);
}

/* A reshape behind the head has its outputs for one of its extents, as other programs' files say it. */
static dd_status reshape(cJSON *layer, unsigned before, unsigned classes) {
    cJSON *extent;
    cJSON_ArrayForEach(extent, cJSON_GetObjectItemCaseSensitive(layer, "shape")) {
        if (extent->valuedouble != (double)before) continue;
        cJSON *now = cJSON_CreateNumber(classes);
        if (!now) return dd__no_memory(sizeof *now);
        cJSON_ReplaceItemViaPointer(cJSON_GetObjectItemCaseSensitive(layer, "shape"), extent, now);
        return DD_OK;
    }
    return DD_OK;
}

/* The head, and what says how many outputs it has. */
static dd_status change_layers(cJSON *network, const dd_model *from, const dd_layer_info *head,
                               unsigned classes) {
    cJSON *layers = cJSON_GetObjectItemCaseSensitive(network, "layers");
    const dd_layer_info *layer = &from->layers[from->layer_count - 1];
    for (; layer != head; layer = &from->layers[layer->inputs[0]])
        if (strcmp(layer->op, "reshape") == 0)
            DD_TRY(reshape(cJSON_GetArrayItem(layers, (int)(layer - from->layers)), from->classes,
                           classes));
    return put(cJSON_GetArrayItem(layers, (int)(head - from->layers)), outputs_of(head->op),
               cJSON_CreateNumber(classes));
}

/* Without names the classes are called what a network file's are that names none. */
static dd_status change_names(cJSON *network, unsigned classes, const char *const *names) {
    cJSON_DeleteItemFromObjectCaseSensitive(network, "classes");
    if (!names) return DD_OK;
    return put(network, "classes", cJSON_CreateStringArray(names, (int)classes));
}

static dd_status with_head(const dd_model *from, unsigned classes, const char *const *names,
                           uint64_t seed, dd_model **model) {
    const dd_layer_info *head;
    if (!from->classes) return dd__fail(DD_SHAPE, "it takes tensors, not images");
    DD_TRY(find_head(from, &head));
    cJSON *network = cJSON_Duplicate(from->network, true);
    if (!network) return dd__no_memory(sizeof *network);
    dd_status status = change_layers(network, from, head, classes);
    if (status == DD_OK) status = change_names(network, classes, names);
    if (status == DD_OK) status = dd__model_from_network(network, model);
    cJSON_Delete(network);
    if (status != DD_OK || !from->tensors) return status;
    status = dd_model_initialize(*model, seed);
    if (status == DD_OK)
        dd__model_take(*model, from, head->name);
    else
        dd_model_free(*model);
    return status;
}

dd_status dd_model_for_classes(const dd_model *from, unsigned classes, const char *const *names,
                               uint64_t seed, dd_model **model) {
    if (classes == 0 || classes > INT32_MAX)
        return dd__fail(DD_USAGE, "expected at least one class, found %u", classes);
    return dd__within(with_head(from, classes, names, seed, model),
                      "network \"%s\" cannot be given %u classes", from->name, classes);
}
