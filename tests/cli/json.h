/* json.h: reads the JSON that the program printed; what is not there fails the test. */
#ifndef DD_TESTS_CLI_JSON_H
#define DD_TESTS_CLI_JSON_H

#include <cjson/cJSON.h>

#include "cli/program.h"

static inline cJSON *parse(const char *text) {
    const char *end = NULL;
    cJSON *json = cJSON_ParseWithOpts(text, &end, true);
    if (!json) fail_msg("not JSON: %s", text);
    return json;
}

static inline double number(const cJSON *object, const char *key) {
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);
    if (!cJSON_IsNumber(item)) fail_msg("expected a number \"%s\"", key);
    return item->valuedouble;
}

static inline const char *text_of(const cJSON *object, const char *key) {
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, key));
    if (!text) fail_msg("expected a text \"%s\"", key);
    return text;
}

static inline int length_of(const cJSON *object, const char *key) {
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);
    if (!cJSON_IsArray(item)) fail_msg("expected a list \"%s\"", key);
    return cJSON_GetArraySize(item);
}

#endif
