#include "model/attributes.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MAX_KEYS = 32 };

static const char *const layer_keys[] = {"name", "inputs", "op"};

/* ---- Keys ------------------------------------------------------------------------------- */

static void append(char *out, size_t size, const char *separator, const char *text) {
    size_t used = strlen(out);
    snprintf(out + used, size - used, "%s%s", used ? separator : "", text);
}

static bool among(const char *key, const char *const known[], size_t count) {
    for (size_t i = 0; i < count; i++)
        if (strcmp(key, known[i]) == 0) return true;
    return false;
}

dd_status dd__keys_check(const cJSON *object, const char *const known[], size_t count) {
    for (const cJSON *item = object->child; item; item = item->next) {
        if (!among(item->string, known, count)) {
            char list[1024] = "";
            for (size_t i = 0; i < count; i++) append(list, sizeof list, ", ", known[i]);
            return dd__fail(DD_FORMAT, "\"%s\" is not known here; known: %s", item->string, list);
        }
        /* The known keys bound the walk: a second one is met within count + 1 members. */
        if (cJSON_GetObjectItemCaseSensitive(object, item->string) != item)
            return dd__fail(DD_FORMAT, "\"%s\" is given twice", item->string);
    }
    return DD_OK;
}

static dd_status check_layer_keys(const dd__op *op, const cJSON *json) {
    const char *known[MAX_KEYS];
    size_t count = 0;
    for (const dd__attribute *a = op->attributes; a && a->name; a++)
        if (count < MAX_KEYS - DD_COUNT(layer_keys)) known[count++] = a->name;
    for (size_t i = 0; i < DD_COUNT(layer_keys); i++) known[count++] = layer_keys[i];
    return dd__keys_check(json, known, count);
}

/* ---- Values ----------------------------------------------------------------------------- */

static const char *kind_of(const cJSON *item) {
    if (cJSON_IsString(item)) return "a text";
    if (cJSON_IsNumber(item)) return "a number";
    if (cJSON_IsBool(item)) return cJSON_IsTrue(item) ? "true" : "false";
    if (cJSON_IsArray(item)) return "a list";
    if (cJSON_IsObject(item)) return "an object";
    return "null";
}

static dd_status expected(const dd__attribute *a, const char *what, const cJSON *item) {
    if (cJSON_IsNumber(item))
        return dd__fail(DD_FORMAT, "\"%s\": expected %s, found %.15g", a->name, what,
                        item->valuedouble);
    if (cJSON_IsString(item))
        return dd__fail(DD_FORMAT, "\"%s\": expected %s, found \"%s\"", a->name, what,
                        item->valuestring);
    return dd__fail(DD_FORMAT, "\"%s\": expected %s, found %s", a->name, what, kind_of(item));
}

static dd_status read_number(const dd__attribute *a, bool whole, const cJSON *item,
                             double *number) {
    char what[128];
    snprintf(what, sizeof what, "a %snumber from %.15g to %.15g", whole ? "whole " : "", a->min,
             a->max);
    double value = item->valuedouble;
    if (!cJSON_IsNumber(item) || !(value >= a->min && value <= a->max) ||
        (whole && value != floor(value)))
        return expected(a, what, item);
    *number = value;
    return DD_OK;
}

static dd_status read_int(const dd__attribute *a, const cJSON *item, int32_t *out) {
    double number = 0;
    DD_TRY(read_number(a, true, item, &number));
    if (!(number >= INT32_MIN && number <= INT32_MAX))
        return expected(a, "a number of 32 bits", item);
    *out = (int32_t)number;
    return DD_OK;
}

/* A list of exactly `count` whole numbers. */
static dd_status read_ints(const dd__attribute *a, const cJSON *list, int count, int32_t *out) {
    if (!cJSON_IsArray(list) || cJSON_GetArraySize(list) != count) {
        char what[64];
        snprintf(what, sizeof what, "a number or a list of %d", count);
        return expected(a, what, list);
    }
    const cJSON *item = list->child;
    for (int i = 0; i < count; i++, item = item->next) DD_TRY(read_int(a, item, &out[i]));
    return DD_OK;
}

static dd_status read_pair(const dd__attribute *a, const cJSON *item, int32_t out[2]) {
    if (!cJSON_IsNumber(item)) return read_ints(a, item, 2, out);
    DD_TRY(read_int(a, item, &out[0]));
    out[1] = out[0];
    return DD_OK;
}

static dd_status read_padding(const dd__attribute *a, const cJSON *item, dd__padding *padding) {
    dd__padding found = {0};
    if (cJSON_IsString(item)) {
        found.same = strcmp(item->valuestring, "same") == 0;
        if (!found.same && strcmp(item->valuestring, "valid") != 0)
            return expected(a, "\"valid\", \"same\", a number or [top, left, bottom, right]", item);
    } else if (cJSON_IsNumber(item)) {
        DD_TRY(read_int(a, item, &found.edges[0]));
        for (int i = 1; i < 4; i++) found.edges[i] = found.edges[0];
    } else {
        DD_TRY(read_ints(a, item, 4, found.edges));
    }
    *padding = found;
    return DD_OK;
}

static dd_status read_list(const dd__attribute *a, const cJSON *list, dd__dims *out) {
    dd__dims dims = {0};
    const cJSON *item;
    if (!cJSON_IsArray(list) || cJSON_GetArraySize(list) > DD__MAX_RANK) {
        char what[64];
        snprintf(what, sizeof what, "a list of at most %d numbers", DD__MAX_RANK);
        return expected(a, what, list);
    }
    cJSON_ArrayForEach(item, list) {
        int32_t extent;
        DD_TRY(read_int(a, item, &extent));
        dims.d[dims.rank++] = (uint32_t)extent;
    }
    *out = dims;
    return DD_OK;
}

static dd_status read_choice(const dd__attribute *a, const cJSON *item, int32_t *out) {
    char what[512] = "one of";
    for (int32_t i = 0; a->choices[i]; i++) {
        if (cJSON_IsString(item) && strcmp(item->valuestring, a->choices[i]) == 0) {
            *out = i;
            return DD_OK;
        }
        append(what, sizeof what, i ? ", " : " ", a->choices[i]);
    }
    return expected(a, what, item);
}

static dd_status read_value(const dd__attribute *a, const cJSON *item, void *field) {
    double number = 0;
    switch (a->type) {
    case DD__INT:
        return read_int(a, item, field);
    case DD__INT_PAIR:
        return read_pair(a, item, field);
    case DD__PADDING:
        return read_padding(a, item, field);
    case DD__INT_LIST:
        return read_list(a, item, field);
    case DD__CHOICE:
        return read_choice(a, item, field);
    case DD__FLOAT:
        DD_TRY(read_number(a, false, item, &number));
        *(float *)field = (float)number;
        return DD_OK;
    case DD__BOOL:
        if (!cJSON_IsBool(item)) return expected(a, "true or false", item);
        *(bool *)field = cJSON_IsTrue(item);
        return DD_OK;
    }
    return dd__fail(DD_FORMAT, "\"%s\" cannot be given in a file", a->name);
}

dd_status dd__attributes_read(const dd__op *op, const cJSON *json, void *attributes) {
    if (op->attributes_bytes) dd__attributes_default(op, attributes);
    DD_TRY(check_layer_keys(op, json));
    for (const dd__attribute *a = op->attributes; a && a->name; a++) {
        const cJSON *item = cJSON_GetObjectItemCaseSensitive(json, a->name);
        if (!item && a->required)
            return dd__fail(DD_FORMAT, "\"%s\" is missing: %s", a->name, a->help);
        if (item) DD_TRY(read_value(a, item, (char *)attributes + a->offset));
    }
    return DD_OK;
}
