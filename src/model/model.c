/* A model file is a safetensors file whose metadata holds
 *     "deepdigits": "model 1"      what the file is, and its version
 *     "network":    "{...}"        the network file of network.h, classes and preparation included
 *     "version":    "0.1.0"        of the library that wrote it; for people
 * and whose tensors, all F32, are the network's parameters and statistics.
 */
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/hash.h"
#include "model/layers.h"
#include "model/network.h"
#include "model/onnx/onnx.h"
#include "model/tensors.h"

static const char model_format[] = "model 1";

/* ---- From a network ---------------------------------------------------------------------------- */

static const cJSON *member(const cJSON *object, const char *key) {
    return cJSON_GetObjectItemCaseSensitive(object, key);
}

static unsigned number_of(const cJSON *object, const char *key) {
    return (unsigned)member(object, key)->valuedouble; /* was checked by the parser */
}

/* Puts "0", "1", ... into the network where it names no classes, so that a saved one does. */
static dd_status name_classes(dd_model *model) {
    cJSON *names = cJSON_GetObjectItemCaseSensitive(model->network, "classes");
    if (!names) {
        names = cJSON_AddArrayToObject(model->network, "classes");
        for (unsigned i = 0; i < model->classes; i++) {
            char name[16];
            snprintf(name, sizeof name, "%u", i);
            cJSON *item = names ? cJSON_CreateString(name) : NULL;
            if (!item || !cJSON_AddItemToArray(names, item)) return dd__no_memory(sizeof name);
        }
    }
    if ((unsigned)cJSON_GetArraySize(names) != model->classes)
        return dd__fail(DD_SHAPE, "\"classes\": %d names for the %u numbers of the last layer",
                        cJSON_GetArraySize(names), model->classes);
    model->class_names = dd__arena_alloc(&model->arena, model->classes, sizeof(char *));
    if (!model->class_names) return dd__no_memory(model->classes * sizeof(char *));
    size_t count = 0;
    cJSON *name;
    cJSON_ArrayForEach(name, names) model->class_names[count++] = name->valuestring;
    return DD_OK;
}

/* A number for all channels or a list with one for each; *channels is set by a list. */
static void read_numbers(const cJSON *given, unsigned *channels, float out[DD__PREPARED]) {
    for (int i = 0; i < DD__PREPARED; i++) {
        const cJSON *item = cJSON_IsArray(given) ? cJSON_GetArrayItem(given, i) : given;
        out[i] = item ? (float)item->valuedouble : 0;
    }
    if (cJSON_IsArray(given)) *channels = (unsigned)cJSON_GetArraySize(given);
}

static void read_preparation(dd_model *model, const cJSON *given) {
    dd__preparation *p = &model->preparation;
    read_numbers(member(given, "scale"), &p->channels, p->scale);
    read_numbers(member(given, "shift"), &p->channels, p->shift);
    p->crop = cJSON_IsTrue(member(given, "crop"));
    p->digits = cJSON_IsTrue(member(given, "digits"));
    if (member(given, "resize")) p->resize = number_of(given, "resize");
}

static dd_status read_network(dd_model *model, const char *text, size_t size) {
    DD_TRY(dd__network_parse(text, size, &model->network));
    model->name = member(model->network, "name")->valuestring;
    model->info.name = model->name;
    if (dd__network_is_of_tensors(model->network)) return dd__layers_describe(model);
    const cJSON *input = member(model->network, "input");
    const cJSON *preparation = member(model->network, "preparation");
    model->height = number_of(input, "height");
    model->width = number_of(input, "width");
    model->channels = number_of(input, "channels");
    read_preparation(model, preparation);
    DD_TRY(dd__layers_describe(model));
    return name_classes(model);
}

/* ---- From a model file -------------------------------------------------------------------------- */

static dd_status read_model(dd_model *model, const dd__safetensors *file) {
    const char *format = dd__safetensors_metadata(file, "deepdigits");
    const char *network = dd__safetensors_metadata(file, "network");
    if (!format)
        return dd__fail(DD_FORMAT,
                        "no \"deepdigits\" in the metadata: expected a model of deepdigits, found "
                        "%zu tensors without a network",
                        file->count);
    if (strcmp(format, model_format) != 0)
        return dd__fail(DD_FORMAT,
                        "\"deepdigits\" in the metadata: expected \"%s\", found \"%.40s\"",
                        model_format, format);
    if (!network) return dd__fail(DD_FORMAT, "no \"network\" in the metadata");
    DD_TRY(dd__within(read_network(model, network, strlen(network)), "network"));
    return dd__tensors_load(model, file);
}

/* ---- From an ONNX file -------------------------------------------------------------------------- */

/* Images of a batch must not mix, which one image alone does not show. */
static dd_status check_two_images(const dd_model *model) {
    dd__graph *graph = NULL;
    dd__value *x, *logits, *y;
    dd__dims two = DD_DIMS(2, model->height, model->width, model->channels);
    DD_TRY(dd__graph_create(false, 0, &graph));
    dd_status status = dd__graph_input(graph, dd__network_image, DD__F32, two, &x);
    if (status == DD_OK) status = dd__model_build(model, graph, x, NULL, &logits, &y);
    dd__graph_free(graph);
    return dd__within(status, "for two images at a time");
}

static dd_status read_onnx(dd_model *model, const char *bytes, size_t size, const dd_array *inputs,
                           size_t count) {
    dd__imported imported;
    DD_TRY(dd__onnx_import(bytes, size, inputs, count, &imported));
    char *text = cJSON_PrintUnformatted(imported.network);
    dd_status status =
        text ? read_network(model, text, strlen(text)) : dd__no_memory(DD__NETWORK_BYTES);
    cJSON_free(text);
    if (status == DD_OK && model->height) status = check_two_images(model);
    if (status == DD_OK)
        status = dd__tensors_take(model, &imported.tensors, &imported.tensor_count);
    dd__imported_clear(&imported);
    return status;
}

/* ---- From a file of any kind -------------------------------------------------------------------- */

/* A header's length, then its opening brace; a network starts with the brace, or a blank. */
static bool is_safetensors(const char *path, const char *bytes, size_t size) {
    if (dd__ends_with(path, ".json")) return false;
    if (dd__ends_with(path, ".safetensors")) return true;
    return size > 8 && bytes[8] == '{' && bytes[6] == 0 && bytes[7] == 0;
}

static dd_status read_bytes(dd_model *model, const char *path, const char *bytes, size_t size) {
    if (is_safetensors(path, bytes, size)) {
        dd__safetensors file;
        DD_TRY(dd__safetensors_parse(bytes, size, &file));
        dd_status status = read_model(model, &file);
        dd__safetensors_clear(&file);
        return status;
    }
    if (size > DD__NETWORK_BYTES)
        return dd__fail(DD_FORMAT,
                        "neither a model (.safetensors) nor a network (.json, at most %d bytes)",
                        DD__NETWORK_BYTES);
    return read_network(model, bytes, size);
}

static dd_status load(const char *path, const dd_array *inputs, size_t count, dd_model **out) {
    size_t limit = dd__ends_with(path, ".json") ? DD__NETWORK_BYTES : DD__SAFETENSORS_BYTES;
    size_t size = 0;
    char *bytes = NULL;
    DD_TRY(dd__file_read(path, limit, &bytes, &size));
    dd_model *model = dd__alloc(1, sizeof *model);
    dd_status status = model ? DD_OK : dd__no_memory(sizeof *model);
    if (status == DD_OK)
        status = dd__ends_with(path, ".onnx") ? read_onnx(model, bytes, size, inputs, count)
                                              : read_bytes(model, path, bytes, size);
    dd__free(bytes);
    if (status == DD_OK)
        *out = model;
    else
        dd_model_free(model);
    return dd__within(status, "%s", path);
}

dd_status dd_model_load(const char *path, dd_model **model) { return load(path, NULL, 0, model); }

dd_status dd_model_load_for(const char *path, const dd_array *inputs, size_t count,
                            dd_model **model) {
    static const dd_array none = {0};
    return load(path, inputs ? inputs : &none, inputs ? count : 0, model);
}

/* ---- From another model ------------------------------------------------------------------------ */

dd_status dd__model_from_network(const cJSON *network, dd_model **out) {
    char *text = cJSON_PrintUnformatted(network);
    dd_model *model = dd__alloc(1, sizeof *model);
    dd_status status =
        text && model ? read_network(model, text, strlen(text)) : dd__no_memory(sizeof *model);
    cJSON_free(text);
    if (status == DD_OK)
        *out = model;
    else
        dd_model_free(model);
    return status;
}

dd_status dd__model_set_digits(dd_model *model, bool digits) {
    cJSON *given = cJSON_GetObjectItemCaseSensitive(model->network, "preparation");
    if (digits == model->preparation.digits || model->height == 0) return DD_OK;
    cJSON_DeleteItemFromObjectCaseSensitive(given, "digits");
    if (digits && !cJSON_AddTrueToObject(given, "digits")) return dd__no_memory(sizeof *given);
    model->preparation.digits = digits;
    return DD_OK;
}

dd_status dd__model_twin(const dd_model *model, dd_model **twin) {
    return dd__model_from_network(model->network, twin);
}

bool dd__model_same_network(const dd_model *a, const dd_model *b) {
    return cJSON_Compare(a->network, b->network, true);
}

void dd__model_swap_tensors(dd_model *a, dd_model *b) {
    dd__tensor *tensors = a->tensors;
    size_t count = a->tensor_count;
    a->tensors = b->tensors;
    a->tensor_count = b->tensor_count;
    b->tensors = tensors;
    b->tensor_count = count;
}

/* Copies the tensor's numbers from one of the same name and dims; whether there is one. */
static bool take_tensor(dd__tensor *tensor, const dd_model *from) {
    for (size_t i = 0; i < from->tensor_count; i++) {
        const dd__tensor *found = &from->tensors[i];
        if (strcmp(found->name, tensor->name) != 0 || !dd__dims_equal(&found->dims, &tensor->dims))
            continue;
        memcpy(tensor->data, found->data, dd__dims_count(&found->dims) * sizeof(float));
        return true;
    }
    return false;
}

static bool is_of_layer(const dd__tensor *tensor, const char *layer) {
    size_t length = (size_t)(strrchr(tensor->name, '.') - tensor->name);
    return strlen(layer) == length && strncmp(tensor->name, layer, length) == 0;
}

size_t dd__model_take(dd_model *model, const dd_model *from, const char *except) {
    size_t taken = 0;
    for (size_t i = 0; i < model->tensor_count; i++)
        if (!except || !is_of_layer(&model->tensors[i], except))
            taken += take_tensor(&model->tensors[i], from);
    return taken;
}

dd_status dd_model_transfer(dd_model *model, const dd_model *from, size_t *taken, size_t *all) {
    *taken = 0;
    *all = model->tensor_count;
    if (!model->tensors || !from->tensors)
        return dd__fail(DD_USAGE, "network \"%s\" has no weights",
                        model->tensors ? from->name : model->name);
    *taken = dd__model_take(model, from, NULL);
    if (*taken) return DD_OK;
    return dd__fail(DD_USAGE, "no tensor of \"%s\" has the name and the shape of one of \"%s\"",
                    from->name, model->name);
}

void dd__model_hash(const dd_model *model, char out[33]) {
    char chain[2][33] = {"", ""}; /* of what came before, of this tensor */
    out[0] = 0;
    for (size_t i = 0; i < model->tensor_count; i++) {
        const dd__tensor *tensor = &model->tensors[i];
        dd__hash_name(tensor->data, dd__dims_count(&tensor->dims) * sizeof(float), chain[1]);
        dd__hash_name(chain, sizeof chain, out);
        memcpy(chain[0], out, sizeof chain[0]);
    }
}

void dd_model_free(dd_model *model) {
    if (!model) return;
    dd__tensors_free(model->tensors, model->tensor_count);
    dd__arena_free(&model->arena);
    cJSON_Delete(model->network);
    dd__free(model);
}

/* ---- To a file --------------------------------------------------------------------------------- */

static dd_status save_network(const dd_model *model, const char *path) {
    char *text = cJSON_Print(model->network);
    if (!text) return dd__no_memory(DD__NETWORK_BYTES);
    dd_status status = dd__file_write(path, text, strlen(text));
    cJSON_free(text);
    return status;
}

dd_status dd_model_save(const dd_model *model, const char *path) {
    if (dd__ends_with(path, ".json")) return save_network(model, path);
    if (!model->tensors)
        return dd__fail(DD_USAGE,
                        "%s: network \"%s\" was neither initialised nor trained: there is "
                        "nothing to save",
                        path, model->name);
    if (dd__ends_with(path, ".onnx")) return dd__onnx_export(model, path);
    char *network = cJSON_PrintUnformatted(model->network);
    if (!network) return dd__within(dd__no_memory(DD__NETWORK_BYTES), "%s", path);
    const char *const pairs[][2] = {
        {"deepdigits", model_format}, {"network", network}, {"version", dd_version()}};
    dd_status status =
        dd__safetensors_write(path, pairs, DD_COUNT(pairs), model->tensors, model->tensor_count);
    cJSON_free(network);
    return status;
}

/* ---- What it is -------------------------------------------------------------------------------- */

void dd_model_describe(const dd_model *model, dd_model_info *info) { *info = model->info; }

dd_status dd_model_layer(const dd_model *model, size_t layer, dd_layer_info *info) {
    if (layer >= model->layer_count)
        return dd__fail(DD_USAGE, "network \"%s\" has %zu layers: there is no layer %zu",
                        model->name, model->layer_count, layer);
    *info = model->layers[layer];
    return DD_OK;
}

const char *dd_model_class_name(const dd_model *model, unsigned index) {
    return index < model->classes ? model->class_names[index] : NULL;
}
