#include "model/network.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "model/attributes.h"
#include "ops/ops.h"

enum { NAME_LENGTH = 100, TEXT_LENGTH = 1000, MAX_EXTENT = 65536, MAX_PIXELS = 1 << 28 };

static const char format_name[] = "network 1";
const char dd__network_image[] = "input";

/* ---- Texts: they end up in messages, tables and CSV files ------------------------------------ */

/* Bytes of the UTF-8 sequence at s, 0 when it is not one (Unicode 15, table 3-7). */
static size_t sequence_length(const unsigned char *s) {
    if (s[0] < 0x80) return 1;
    size_t length = s[0] >= 0xF0 ? 4 : s[0] >= 0xE0 ? 3 : 2;
    if (s[0] < 0xC2 || s[0] > 0xF4) return 0;
    for (size_t i = 1; i < length; i++)
        if ((s[i] & 0xC0) != 0x80) return 0;
    bool overlong = (s[0] == 0xE0 && s[1] < 0xA0) || (s[0] == 0xF0 && s[1] < 0x90);
    bool outside = (s[0] == 0xED && s[1] > 0x9F) || (s[0] == 0xF4 && s[1] > 0x8F);
    return overlong || outside ? 0 : length;
}

static dd_status check_text(const char *text) {
    const unsigned char *s = (const unsigned char *)text;
    if (strlen(text) > TEXT_LENGTH)
        return dd__fail(DD_FORMAT, "a text of %zu bytes is longer than %d", strlen(text),
                        TEXT_LENGTH);
    while (*s) {
        size_t length = sequence_length(s);
        if (length == 0) return dd__fail(DD_FORMAT, "a text that is not valid UTF-8");
        if (*s < 0x20 || *s == 0x7F) return dd__fail(DD_FORMAT, "a text with a control character");
        s += length;
    }
    return DD_OK;
}

/* All keys and strings; cJSON bounds the depth. */
static dd_status check_texts(const cJSON *item) {
    if (item->string) DD_TRY(check_text(item->string));
    if (cJSON_IsString(item)) DD_TRY(check_text(item->valuestring));
    for (const cJSON *child = item->child; child; child = child->next) DD_TRY(check_texts(child));
    return DD_OK;
}

/* ---- The file but for its layers -------------------------------------------------------------- */

static dd_status check_input(const cJSON *network) {
    static const char *const known[] = {"height", "width", "channels"};
    const cJSON *input = cJSON_GetObjectItemCaseSensitive(network, "input");
    if (!cJSON_IsObject(input))
        return dd__fail(DD_FORMAT, "expected an object with height, width and channels");
    DD_TRY(dd__keys_check(input, known, DD_COUNT(known)));
    int64_t numbers = 1, extent;
    for (size_t i = 0; i < DD_COUNT(known); i++) {
        DD_TRY(dd__json_integer(input, known[i], 1, MAX_EXTENT, &extent));
        numbers *= extent;
    }
    if (numbers > MAX_PIXELS)
        return dd__fail(DD_FORMAT, "%lld numbers an image are more than %d", (long long)numbers,
                        MAX_PIXELS);
    return DD_OK;
}

static dd_status check_number(const cJSON *number, const char *key, bool may_be_0) {
    if (!cJSON_IsNumber(number) || !isfinite((float)number->valuedouble))
        return dd__fail(DD_FORMAT, "\"%s\": expected a number that fits a float", key);
    if ((float)number->valuedouble == 0 && !may_be_0)
        return dd__fail(DD_FORMAT, "\"%s\": expected a number that is not 0", key);
    return DD_OK;
}

/* A number, or a list with one for each channel. */
static dd_status check_numbers(const cJSON *preparation, const char *key, int64_t channels,
                               bool may_be_0) {
    const cJSON *given = cJSON_GetObjectItemCaseSensitive(preparation, key), *number;
    if (!given) return dd__fail(DD_FORMAT, "\"%s\" is missing", key);
    if (!cJSON_IsArray(given)) return check_number(given, key, may_be_0);
    if (channels > DD__PREPARED || cJSON_GetArraySize(given) != channels)
        return dd__fail(DD_FORMAT,
                        "\"%s\": expected a number, or one for each of %lld channels (at most %d), "
                        "found a list of %d",
                        key, (long long)channels, DD__PREPARED, cJSON_GetArraySize(given));
    cJSON_ArrayForEach(number, given) DD_TRY(check_number(number, key, may_be_0));
    return DD_OK;
}

static dd_status check_crop(const cJSON *preparation, const cJSON *input) {
    const cJSON *crop = cJSON_GetObjectItemCaseSensitive(preparation, "crop");
    if (crop && !cJSON_IsBool(crop)) return dd__fail(DD_FORMAT, "\"crop\": expected true or false");
    if (!cJSON_GetObjectItemCaseSensitive(preparation, "resize")) return DD_OK;
    if (!cJSON_IsTrue(crop))
        return dd__fail(DD_FORMAT, "\"resize\": expected \"crop\": true beside it, which makes the "
                                   "picture as large as the input");
    int64_t least = 1, resize;
    static const char *const sides[] = {"height", "width"};
    for (size_t i = 0; i < DD_COUNT(sides); i++) {
        const cJSON *side = cJSON_GetObjectItemCaseSensitive(input, sides[i]);
        if ((int64_t)side->valuedouble > least) least = (int64_t)side->valuedouble;
    }
    return dd__json_integer(preparation, "resize", least, MAX_EXTENT, &resize);
}

/* It is about grey pictures of a digit each. */
static dd_status check_digits(const cJSON *preparation, int64_t channels) {
    const cJSON *digits = cJSON_GetObjectItemCaseSensitive(preparation, "digits");
    bool crops = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(preparation, "crop"));
    if (digits && !cJSON_IsBool(digits))
        return dd__fail(DD_FORMAT, "\"digits\": expected true or false");
    if (cJSON_IsTrue(digits) && (channels != 1 || crops))
        return dd__fail(DD_FORMAT, "\"digits\": expected one channel, and no \"crop\"");
    return DD_OK;
}

static dd_status check_preparation(const cJSON *network) {
    const cJSON *input = cJSON_GetObjectItemCaseSensitive(network, "input");
    static const char *const known[] = {"scale", "shift", "resize", "crop", "digits"};
    const cJSON *preparation = cJSON_GetObjectItemCaseSensitive(network, "preparation");
    if (!cJSON_IsObject(preparation))
        return dd__fail(DD_FORMAT, "expected an object with scale and shift");
    DD_TRY(dd__keys_check(preparation, known, DD_COUNT(known)));
    int64_t channels = (int64_t)cJSON_GetObjectItemCaseSensitive(input, "channels")->valuedouble;
    DD_TRY(check_numbers(preparation, "scale", channels, false));
    DD_TRY(check_numbers(preparation, "shift", channels, true));
    DD_TRY(check_crop(preparation, input));
    return check_digits(preparation, channels);
}

static dd_status check_classes(const cJSON *network) {
    const cJSON *classes = cJSON_GetObjectItemCaseSensitive(network, "classes"), *name;
    if (!classes) return DD_OK;
    bool fine = cJSON_IsArray(classes) && classes->child;
    cJSON_ArrayForEach(name, classes) fine = fine && cJSON_IsString(name) && *name->valuestring;
    return fine ? DD_OK : dd__fail(DD_FORMAT, "expected a list of names");
}

/* An input or output of a network of tensors. */
static dd_status check_tensor(const cJSON *tensor, const char *const known[], size_t count) {
    const char *text;
    const cJSON *shape, *extent;
    if (!cJSON_IsObject(tensor)) return dd__fail(DD_FORMAT, "expected an object {\"name\": ...}");
    DD_TRY(dd__keys_check(tensor, known, count));
    for (size_t i = 0; i + 1 < count; i++) {
        DD_TRY(dd__json_string(tensor, known[i], &text));
        if (!*text) return dd__fail(DD_FORMAT, "\"%s\" is empty", known[i]);
    }
    DD_TRY(dd__json_member(tensor, "shape", &shape));
    if (!cJSON_IsArray(shape) || cJSON_GetArraySize(shape) > DD__MAX_RANK)
        return dd__fail(DD_FORMAT, "\"shape\": expected a list of at most %d numbers",
                        DD__MAX_RANK);
    double numbers = 1;
    cJSON_ArrayForEach(extent, shape) {
        double value = cJSON_IsNumber(extent) ? extent->valuedouble : 0;
        if (!(value >= 1 && value <= INT32_MAX) || value != floor(value))
            return dd__fail(DD_FORMAT, "\"shape\": expected whole numbers from 1 on");
        numbers *= value;
    }
    return numbers <= INT32_MAX ? DD_OK
                                : dd__fail(DD_FORMAT, "\"shape\": %.0f numbers are more than %d",
                                           numbers, INT32_MAX);
}

static bool is_named_before(const cJSON *list, const cJSON *tensor) {
    const char *name = cJSON_GetObjectItemCaseSensitive(tensor, "name")->valuestring;
    for (const cJSON *other = list->child; other != tensor; other = other->next)
        if (strcmp(cJSON_GetObjectItemCaseSensitive(other, "name")->valuestring, name) == 0)
            return true;
    return false;
}

static dd_status check_tensors(const cJSON *network, const char *key, const char *const known[],
                               size_t count) {
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(network, key), *tensor;
    if (!cJSON_IsArray(list)) return dd__fail(DD_FORMAT, "\"%s\": expected a list of tensors", key);
    if (cJSON_GetArraySize(list) > DD__NETWORK_TENSORS)
        return dd__fail(DD_FORMAT, "\"%s\": expected at most %d tensors, found %d", key,
                        DD__NETWORK_TENSORS, cJSON_GetArraySize(list));
    cJSON_ArrayForEach(tensor, list) {
        DD_TRY(dd__within(check_tensor(tensor, known, count), "\"%s\"", key));
        if (is_named_before(list, tensor))
            return dd__fail(DD_FORMAT, "\"%s\": \"%s\" is there twice", key,
                            cJSON_GetObjectItemCaseSensitive(tensor, "name")->valuestring);
    }
    return DD_OK;
}

bool dd__network_is_of_tensors(const cJSON *network) {
    return cJSON_GetObjectItemCaseSensitive(network, "outputs") != NULL;
}

static dd_status check_image_head(const cJSON *network) {
    static const char *const known[] = {"deepdigits",  "name",    "input",
                                        "preparation", "classes", "layers"};
    DD_TRY(dd__keys_check(network, known, DD_COUNT(known)));
    DD_TRY(dd__within(check_input(network), "\"input\""));
    DD_TRY(dd__within(check_preparation(network), "\"preparation\""));
    return dd__within(check_classes(network), "\"classes\"");
}

static dd_status check_tensor_head(const cJSON *network) {
    static const char *const known[] = {"deepdigits", "name", "inputs", "outputs", "layers"};
    static const char *const of_input[] = {"name", "shape"};
    static const char *const of_output[] = {"name", "layer", "shape"};
    DD_TRY(dd__keys_check(network, known, DD_COUNT(known)));
    DD_TRY(check_tensors(network, "inputs", of_input, DD_COUNT(of_input)));
    return check_tensors(network, "outputs", of_output, DD_COUNT(of_output));
}

static dd_status check_head(const cJSON *network) {
    if (!cJSON_IsObject(network))
        return dd__fail(DD_FORMAT, "expected an object {...} with the network's members");
    DD_TRY(check_texts(network));
    const char *format, *name;
    DD_TRY(dd__within(dd__json_string(network, "deepdigits", &format),
                      "a network file says {\"deepdigits\": \"%s\", ...}", format_name));
    if (strcmp(format, format_name) != 0)
        return dd__fail(DD_FORMAT, "\"deepdigits\": expected \"%s\", found \"%s\"", format_name,
                        format);
    DD_TRY(dd__json_string(network, "name", &name));
    if (!*name) return dd__fail(DD_FORMAT, "\"name\": expected a name, found \"\"");
    return dd__network_is_of_tensors(network) ? check_tensor_head(network)
                                              : check_image_head(network);
}

static dd_status add_preparation(cJSON *network) {
    if (dd__network_is_of_tensors(network) ||
        cJSON_GetObjectItemCaseSensitive(network, "preparation"))
        return DD_OK;
    cJSON *preparation = cJSON_AddObjectToObject(network, "preparation");
    bool added = preparation && cJSON_AddNumberToObject(preparation, "scale", 1.0 / 255.0) &&
                 cJSON_AddNumberToObject(preparation, "shift", 0);
    return added ? DD_OK : dd__no_memory(sizeof *preparation);
}

/* ---- Its layers, before their shapes are known
 * --------------------------------------------------- */

static dd_status find_op(const cJSON *layer, const dd__op **op) {
    const char *name;
    DD_TRY(dd__json_string(layer, "op", &name));
    const dd__op *found = dd__op_find(name);
    if (found && found->layer) {
        *op = found;
        return DD_OK;
    }
    char known[2048] = "";
    size_t used = 0;
    for (size_t i = 0; dd__op_at(i); i++) {
        if (!dd__op_at(i)->layer || used >= sizeof known) continue;
        used += (size_t)snprintf(known + used, sizeof known - used, "%s%s", used ? ", " : "",
                                 dd__op_at(i)->name);
    }
    return dd__fail(DD_FORMAT, "\"%s\" is not a layer; known: %s", name, known);
}

/* The layer before `end` that is called `name`, or NULL. */
static const cJSON *find_layer(const cJSON *layers, const cJSON *end, const char *name) {
    for (const cJSON *layer = layers->child; layer && layer != end; layer = layer->next) {
        const cJSON *own = cJSON_GetObjectItemCaseSensitive(layer, "name");
        if (own && strcmp(own->valuestring, name) == 0) return layer;
    }
    return NULL;
}

/* How many layers before `end` are of this op. */
static size_t count_before(const cJSON *layers, const cJSON *end, const dd__op *op) {
    size_t count = 0;
    for (const cJSON *layer = layers->child; layer != end; layer = layer->next) {
        const cJSON *other = cJSON_GetObjectItemCaseSensitive(layer, "op");
        count += strcmp(other->valuestring, op->name) == 0;
    }
    return count;
}

static dd_status check_name(const cJSON *layers, cJSON *layer, const dd__op *op) {
    if (!cJSON_GetObjectItemCaseSensitive(layer, "name")) {
        char name[NAME_LENGTH];
        snprintf(name, sizeof name, "%s%zu", op->name, count_before(layers, layer, op) + 1);
        if (!cJSON_AddStringToObject(layer, "name", name)) return dd__no_memory(sizeof name);
    }
    const char *name;
    DD_TRY(dd__json_string(layer, "name", &name));
    size_t length = strlen(name);
    if (length == 0 || length > NAME_LENGTH ||
        strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-") != length)
        return dd__fail(DD_FORMAT,
                        "\"name\": expected 1 to %d letters, digits, '_', '.' or '-', found \"%s\"",
                        NAME_LENGTH, name);
    if (strcmp(name, dd__network_image) == 0)
        return dd__fail(DD_FORMAT, "\"name\": \"%s\" is the name of the image", name);
    if (find_layer(layers, layer, name))
        return dd__fail(DD_FORMAT, "\"name\": an earlier layer is called \"%s\" too", name);
    return DD_OK;
}

/* Whether a layer may read `name` although no layer is called so: the image, or a tensor. */
static bool is_source(const cJSON *network, const char *name) {
    const cJSON *tensor;
    if (!dd__network_is_of_tensors(network)) return strcmp(name, dd__network_image) == 0;
    cJSON_ArrayForEach(tensor, cJSON_GetObjectItemCaseSensitive(network, "inputs")) {
        const cJSON *own = cJSON_GetObjectItemCaseSensitive(tensor, "name");
        if (strcmp(own->valuestring, name) == 0) return true;
    }
    return false;
}

static dd_status check_inputs(const cJSON *network, const cJSON *layers, const cJSON *layer,
                              const dd__op *op) {
    const cJSON *inputs = cJSON_GetObjectItemCaseSensitive(layer, "inputs"), *name;
    if (!inputs) {
        if (layer != layers->child || !dd__network_is_of_tensors(network)) return DD_OK;
        return dd__fail(DD_FORMAT, "\"inputs\" is missing: the first layer has none before it");
    }
    if (!cJSON_IsArray(inputs))
        return dd__fail(DD_FORMAT, "\"inputs\": expected a list of layers' names");
    if ((size_t)cJSON_GetArraySize(inputs) > op->max_in)
        return dd__fail(DD_SHAPE, "\"inputs\": expected at most %zu, found %d", op->max_in,
                        cJSON_GetArraySize(inputs));
    cJSON_ArrayForEach(name, inputs) {
        if (!cJSON_IsString(name))
            return dd__fail(DD_FORMAT, "\"inputs\": expected a list of layers' names");
        if (!is_source(network, name->valuestring) && !find_layer(layers, layer, name->valuestring))
            return dd__fail(DD_FORMAT, "\"inputs\": \"%s\" is neither an earlier layer nor %s",
                            name->valuestring,
                            dd__network_is_of_tensors(network) ? "an input" : "\"input\"");
    }
    return DD_OK;
}

static dd_status check_layer(const cJSON *network, const cJSON *layers, cJSON *layer) {
    const dd__op *op;
    if (!cJSON_IsObject(layer)) return dd__fail(DD_FORMAT, "expected an object {\"op\": ...}");
    DD_TRY(find_op(layer, &op));
    DD_TRY(check_name(layers, layer, op));
    return check_inputs(network, layers, layer, op);
}

/* 'layer 3 "conv2"', or 'layer 3' when it has no proper name. */
static void print_place(char out[160], size_t index, const cJSON *layer) {
    const cJSON *name = cJSON_GetObjectItemCaseSensitive(layer, "name");
    int at = snprintf(out, 160, "layer %zu", index + 1);
    if (cJSON_IsString(name) && strlen(name->valuestring) <= NAME_LENGTH)
        snprintf(out + at, (size_t)(160 - at), " \"%s\"", name->valuestring);
}

static bool is_output(const cJSON *network, const cJSON *layer, const char *own) {
    const cJSON *tensor;
    if (!dd__network_is_of_tensors(network)) return !layer->next;
    cJSON_ArrayForEach(tensor, cJSON_GetObjectItemCaseSensitive(network, "outputs")) {
        const cJSON *name = cJSON_GetObjectItemCaseSensitive(tensor, "layer");
        if (strcmp(name->valuestring, own) == 0) return true;
    }
    return false;
}

static bool is_read(const cJSON *network, const cJSON *layer) {
    const char *own = cJSON_GetObjectItemCaseSensitive(layer, "name")->valuestring;
    if (is_output(network, layer, own)) return true;
    if (layer->next && !cJSON_GetObjectItemCaseSensitive(layer->next, "inputs")) return true;
    for (const cJSON *later = layer->next; later; later = later->next) {
        const cJSON *name;
        cJSON_ArrayForEach(name, cJSON_GetObjectItemCaseSensitive(later, "inputs")) {
            if (strcmp(name->valuestring, own) == 0) return true;
        }
    }
    return false;
}

/* Of a network of tensors: each names a layer, or an input that is handed through. */
static dd_status check_outputs(const cJSON *network, const cJSON *layers) {
    const cJSON *tensor;
    cJSON_ArrayForEach(tensor, cJSON_GetObjectItemCaseSensitive(network, "outputs")) {
        const char *layer = cJSON_GetObjectItemCaseSensitive(tensor, "layer")->valuestring;
        if (!find_layer(layers, NULL, layer) && !is_source(network, layer))
            return dd__fail(DD_FORMAT, "\"outputs\": there is no layer \"%s\"", layer);
    }
    return DD_OK;
}

static dd_status check_layers(const cJSON *network) {
    cJSON *layers = cJSON_GetObjectItemCaseSensitive(network, "layers"), *layer;
    int count = cJSON_IsArray(layers) ? cJSON_GetArraySize(layers) : 0;
    if (!cJSON_IsArray(layers) || (count == 0 && !dd__network_is_of_tensors(network)))
        return dd__fail(DD_FORMAT, "\"layers\": expected a list of layers");
    if (count > DD__NETWORK_LAYERS)
        return dd__fail(DD_FORMAT, "\"layers\": %d layers are more than %d", count,
                        DD__NETWORK_LAYERS);
    char place[160];
    size_t index = 0;
    cJSON_ArrayForEach(layer, layers) {
        dd_status status = check_layer(network, layers, layer);
        print_place(place, index++, layer); /* now that it may have been named */
        DD_TRY(dd__within(status, "%s", place));
    }
    index = 0;
    cJSON_ArrayForEach(layer, layers) {
        print_place(place, index++, layer);
        if (!is_read(network, layer))
            return dd__fail(DD_FORMAT, "%s: no later layer reads it", place);
    }
    return check_outputs(network, layers);
}

dd_status dd__network_parse(const char *text, size_t size, cJSON **network) {
    cJSON *parsed = NULL;
    DD_TRY(dd__json_parse(text, size, &parsed));
    dd_status status = DD_OK;
    if (cJSON_IsObject(parsed)) DD_TRY_OUT(add_preparation(parsed));
    DD_TRY_OUT(check_head(parsed));
    DD_TRY_OUT(check_layers(parsed));
    *network = parsed;
    parsed = NULL;
out:
    cJSON_Delete(parsed);
    return status;
}
