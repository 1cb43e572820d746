/* attributes.h: what a network file tells an op, read by the op's own attribute table. */
#ifndef DD_MODEL_ATTRIBUTES_H
#define DD_MODEL_ATTRIBUTES_H

#include <cjson/cJSON.h>

#include "graph/op.h"

/* Refuses members of `object` that are not among the `count` known keys, by name and with the list
 * of those that are, and members that are given twice. */
dd_status dd__keys_check(const cJSON *object, const char *const known[], size_t count);

/* Fills `attributes` (op->attributes_bytes) from the members of a layer's JSON object; what is not
 * given gets its fallback. "op", "name" and "inputs" are the layer's own and skipped.
 * DD_FORMAT  a member is not known, of another type, outside its limits, or required and missing */
dd_status dd__attributes_read(const dd__op *op, const cJSON *json, void *attributes);

#endif
