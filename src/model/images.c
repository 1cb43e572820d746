/* How pictures become a model's input, and what its classes are called: what a model of another program
 * does not say. */
#include <string.h>

#include "base/json.h"
#include "model/model.h"

/* As torchvision's networks are fed: mean and deviation of ImageNet's pixels, from 0 to 1, by channel; the
 * middle seven eighths of the picture's shorter side. */
static dd_status imagenet(const dd_model *model, cJSON **preparation) {
    static const double mean[] = {0.485, 0.456, 0.406}, deviation[] = {0.229, 0.224, 0.225};
    unsigned longer = model->height > model->width ? model->height : model->width;
    unsigned resize = longer * 8 / 7;
    dd__json json = {.failed = false};
    cJSON *object = dd__json_add_object(&json, NULL, NULL);
    cJSON *scale = dd__json_add_array(&json, object, "scale");
    cJSON *shift = dd__json_add_array(&json, object, "shift");
    if (model->channels != DD_COUNT(mean)) {
        cJSON_Delete(json.root);
        return dd__fail(DD_USAGE, "ImageNet's preparation is for 3 channels, not %u",
                        model->channels);
    }
    for (size_t i = 0; i < DD_COUNT(mean); i++) {
        dd__json_add(&json, scale, NULL, cJSON_CreateNumber(1 / (255 * deviation[i])));
        dd__json_add(&json, shift, NULL, cJSON_CreateNumber(-mean[i] / deviation[i]));
    }
    dd__json_add(&json, object, "crop", cJSON_CreateTrue());
    dd__json_add(&json, object, "resize", cJSON_CreateNumber(resize));
    *preparation = json.root;
    return json.failed ? dd__no_memory(sizeof *object) : DD_OK;
}

static dd_status read_preparation(const dd_model *model, const char *text, cJSON **preparation) {
    if (strcmp(text, "imagenet") == 0) return imagenet(model, preparation);
    if (*text == '{') return dd__json_parse(text, strlen(text), preparation);
    return dd__fail(DD_USAGE, "expected \"imagenet\" or {\"scale\": ..}, found \"%.40s\"", text);
}

static dd_status list_names(const char *const *names, unsigned count, cJSON **list) {
    *list = cJSON_CreateArray();
    for (unsigned i = 0; i < count; i++) {
        cJSON *name = *list ? cJSON_CreateString(names[i]) : NULL;
        if (!name || !cJSON_AddItemToArray(*list, name)) return dd__no_memory(sizeof *name);
    }
    return DD_OK;
}

/* Puts the item, which belongs to the network afterwards, in the place of the one that is there. */
static void replace(cJSON *network, const char *key, cJSON *item) {
    cJSON_DeleteItemFromObjectCaseSensitive(network, key);
    cJSON_AddItemToObject(network, key, item);
}

dd_status dd_model_set_images(dd_model *model, const char *preparation, const char *const *names) {
    cJSON *network = cJSON_Duplicate(model->network, true), *item = NULL;
    dd_model *changed = NULL;
    dd_status status = network ? DD_OK : dd__no_memory(sizeof *network);
    if (status == DD_OK && model->height == 0)
        status = dd__fail(DD_USAGE, "network \"%s\" takes tensors, not images", model->name);
    if (status == DD_OK && preparation) {
        status = read_preparation(model, preparation, &item);
        if (item) replace(network, "preparation", item);
        item = NULL;
    }
    if (status == DD_OK && names) {
        status = list_names(names, model->classes, &item);
        if (item) replace(network, "classes", item);
    }
    if (status == DD_OK) status = dd__model_from_network(network, &changed);
    cJSON_Delete(network);
    if (status != DD_OK) return status;
    dd__model_swap_tensors(model, changed);
    dd_model old = *model;
    *model = *changed;
    *changed = old;
    dd_model_free(changed);
    return DD_OK;
}
