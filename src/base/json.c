#include "base/json.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

dd_status dd__json_parse(const char *text, size_t size, cJSON **json) {
    const char *end = text;
    *json = cJSON_ParseWithLengthOpts(text, size, &end, false);
    size_t at = (size_t)(end - text);
    if (*json) {
        while (at < size && strchr(" \t\r\n", text[at]) && text[at]) at++;
        while (at < size && text[at] == 0) at++; /* padding, as safetensors allows */
        if (at >= size) return DD_OK;
        cJSON_Delete(*json);
        *json = NULL;
    }
    size_t line = 1, column = 1;
    for (size_t i = 0; i < at && i < size; i++) {
        column = text[i] == '\n' ? 1 : column + 1;
        line += text[i] == '\n';
    }
    return dd__fail(DD_FORMAT, "line %zu, column %zu: not valid JSON", line, column);
}

dd_status dd__json_string(const cJSON *object, const char *key, const char **value) {
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);
    if (!item) return dd__fail(DD_FORMAT, "\"%s\" is missing", key);
    if (!cJSON_IsString(item)) return dd__fail(DD_FORMAT, "\"%s\": expected a string", key);
    *value = item->valuestring;
    return DD_OK;
}

dd_status dd__json_integer(const cJSON *object, const char *key, int64_t min, int64_t max,
                           int64_t *value) {
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);
    if (!item) return dd__fail(DD_FORMAT, "\"%s\" is missing", key);
    if (!cJSON_IsNumber(item)) return dd__fail(DD_FORMAT, "\"%s\": expected a number", key);
    double number = item->valuedouble;
    if (!(number >= (double)min && number <= (double)max) || number != floor(number))
        return dd__fail(DD_FORMAT, "\"%s\": expected a whole number from %lld to %lld, found %g",
                        key, (long long)min, (long long)max, number);
    *value = (int64_t)number;
    return DD_OK;
}

dd_status dd__json_number(const cJSON *object, const char *key, double *value) {
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);
    if (!item) return dd__fail(DD_FORMAT, "\"%s\" is missing", key);
    if (!cJSON_IsNumber(item) && !cJSON_IsNull(item))
        return dd__fail(DD_FORMAT, "\"%s\": expected a number", key);
    *value = cJSON_IsNull(item) ? (double)NAN : item->valuedouble;
    return DD_OK;
}

dd_status dd__json_member(const cJSON *object, const char *key, const cJSON **value) {
    *value = cJSON_GetObjectItemCaseSensitive(object, key);
    if (!*value) return dd__fail(DD_FORMAT, "\"%s\" is missing", key);
    if (!cJSON_IsObject(*value) && !cJSON_IsArray(*value))
        return dd__fail(DD_FORMAT, "\"%s\": expected an object or an array", key);
    return DD_OK;
}

dd_status dd__json_unsigned(const cJSON *object, const char *key, unsigned *value) {
    int64_t number = 0;
    DD_TRY(dd__json_integer(object, key, 0, UINT32_MAX, &number));
    *value = (unsigned)number;
    return DD_OK;
}

dd_status dd__json_u64(const cJSON *object, const char *key, uint64_t *value) {
    const char *text = "";
    char *end;
    DD_TRY(dd__json_string(object, key, &text));
    errno = 0;
    *value = strtoull(text, &end, 10);
    if (*text >= '0' && *text <= '9' && *end == 0 && errno == 0) return DD_OK;
    return dd__fail(DD_FORMAT, "\"%s\": expected a whole number of 64 bits, found \"%.40s\"", key,
                    text);
}

/* ---- Writing ------------------------------------------------------------------------------ */

static cJSON *add(dd__json *json, cJSON *parent, const char *key, cJSON *item) {
    bool added = item != NULL;
    if (item && !json->root)
        json->root = item;
    else if (item && parent)
        added = key ? cJSON_AddItemToObject(parent, key, item) : cJSON_AddItemToArray(parent, item);
    else
        added = false; /* the parent failed before */
    if (added) return item;
    if (item != json->root) cJSON_Delete(item);
    json->failed = true;
    return NULL;
}

cJSON *dd__json_add_object(dd__json *json, cJSON *parent, const char *key) {
    return add(json, parent, key, cJSON_CreateObject());
}

cJSON *dd__json_add_array(dd__json *json, cJSON *parent, const char *key) {
    return add(json, parent, key, cJSON_CreateArray());
}

void dd__json_add_text(dd__json *json, cJSON *parent, const char *key, const char *text) {
    add(json, parent, key, cJSON_CreateString(text ? text : ""));
}

void dd__json_add_number(dd__json *json, cJSON *parent, const char *key, double number) {
    char text[32];
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, number);
        if (strtod(text, NULL) == number) break;
    }
    add(json, parent, key, isfinite(number) ? cJSON_CreateRaw(text) : cJSON_CreateNull());
}

void dd__json_add_u64(dd__json *json, cJSON *parent, const char *key, uint64_t number) {
    char text[32];
    snprintf(text, sizeof text, "%" PRIu64, number);
    dd__json_add_text(json, parent, key, text);
}

void dd__json_add(dd__json *json, cJSON *parent, const char *key, cJSON *item) {
    add(json, parent, key, item);
}

char *dd__json_print(dd__json *json, bool lines) {
    char *text = NULL;
    if (!json->failed) text = lines ? cJSON_Print(json->root) : cJSON_PrintUnformatted(json->root);
    cJSON_Delete(json->root);
    json->root = NULL;
    return text;
}
