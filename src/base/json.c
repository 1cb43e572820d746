#include "base/json.h"

#include <math.h>
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
