/* json.h: cJSON, with errors that say where. */
#ifndef DD_BASE_JSON_H
#define DD_BASE_JSON_H

#include <cjson/cJSON.h>

#include "base/status.h"

/* Parses `size` bytes; *json belongs to the caller (cJSON_Delete).
 * DD_FORMAT with line and column; also for anything that follows the value */
dd_status dd__json_parse(const char *text, size_t size, cJSON **json);
/* The member `key` of an object, as the C type asked for.
 * DD_FORMAT  it is missing or of another type, or a number outside [min, max] or not whole */
dd_status dd__json_string(const cJSON *object, const char *key, const char **value);
dd_status dd__json_integer(const cJSON *object, const char *key, int64_t min, int64_t max,
                           int64_t *value);
/* Any number; null is NaN, as cJSON writes numbers that are not finite. */
dd_status dd__json_number(const cJSON *object, const char *key, double *value);
/* A member that is an object or an array. */
dd_status dd__json_member(const cJSON *object, const char *key, const cJSON **value);
#endif
