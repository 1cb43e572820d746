/* json.h: cJSON, with errors that say where on the way in, and that are not lost on the way out. */
#ifndef DD_BASE_JSON_H
#define DD_BASE_JSON_H

#include <cjson/cJSON.h>

#include "base/status.h"

/* ---- Reading ------------------------------------------------------------------------------ */

/* Parses `size` bytes; *json belongs to the caller (cJSON_Delete).
 * DD_FORMAT with line and column; also for anything that follows the value */
dd_status dd__json_parse(const char *text, size_t size, cJSON **json);
/* The member `key` of an object, as the C type asked for.
 * DD_FORMAT  it is missing or of another type, or a number outside [min, max] or not whole */
dd_status dd__json_string(const cJSON *object, const char *key, const char **value);
dd_status dd__json_integer(const cJSON *object, const char *key, int64_t min, int64_t max,
                           int64_t *value);
/* The same for 0 .. UINT32_MAX. */
dd_status dd__json_unsigned(const cJSON *object, const char *key, unsigned *value);
/* A whole number of 64 bits, which is text: a JSON number cannot hold it. */
dd_status dd__json_u64(const cJSON *object, const char *key, uint64_t *value);
/* Any number; null is NaN, as numbers that are not finite are written. */
dd_status dd__json_number(const cJSON *object, const char *key, double *value);
/* A member that is an object or an array. */
dd_status dd__json_member(const cJSON *object, const char *key, const cJSON **value);

/* ---- Writing ------------------------------------------------------------------------------ */

/* A value being made. Each call adds to `parent`: a member of an object, or with `key` NULL the next
 * item of an array; `parent` NULL makes the value itself. Where memory ends, that is remembered, and
 * dd__json_print gives nothing rather than a part. */
typedef struct dd__json {
    cJSON *root;
    bool failed;
} dd__json;

cJSON *dd__json_add_object(dd__json *json, cJSON *parent, const char *key);
cJSON *dd__json_add_array(dd__json *json, cJSON *parent, const char *key);
/* NULL: "" */
void dd__json_add_text(dd__json *json, cJSON *parent, const char *key, const char *text);
/* With all its bits (cJSON's own 15 digits may lose the last ones); null when it is not finite. */
void dd__json_add_number(dd__json *json, cJSON *parent, const char *key, double number);
/* As text. */
void dd__json_add_u64(dd__json *json, cJSON *parent, const char *key, uint64_t number);
/* An item that exists, or NULL where making it failed; it belongs to the value afterwards. */
void dd__json_add(dd__json *json, cJSON *parent, const char *key, cJSON *item);
/* The text, over several lines if wanted, for cJSON_free; NULL without memory. Frees the value. */
char *dd__json_print(dd__json *json, bool lines);

#endif
