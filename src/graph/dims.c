#include <stdio.h>

#include "graph/graph.h"

size_t dd__dims_count(const dd__dims *dims) {
    size_t count = 1;
    for (unsigned i = 0; i < dims->rank; i++) count *= dims->d[i];
    return count;
}

bool dd__dims_equal(const dd__dims *a, const dd__dims *b) {
    if (a->rank != b->rank) return false;
    for (unsigned i = 0; i < a->rank; i++)
        if (a->d[i] != b->d[i]) return false;
    return true;
}

dd_status dd__axis(int32_t *axis, const dd__dims *dims) {
    int32_t rank = (int32_t)dims->rank, from_zero = *axis < 0 ? *axis + rank : *axis;
    if (from_zero < 0 || from_zero >= rank)
        return dd__fail(DD_SHAPE, "there is no axis %d of %d dimensions", *axis, rank);
    *axis = from_zero;
    return DD_OK;
}

char *dd__dims_print(const dd__dims *dims, char out[80]) {
    int at = 0;
    out[0] = 0;
    for (unsigned i = 0; i < dims->rank; i++)
        at += snprintf(out + at, (size_t)(80 - at), "%s%u", i ? "x" : "", (unsigned)dims->d[i]);
    return out;
}

size_t dd__type_bytes(dd__type type) { return type == DD__U8 ? 1 : type == DD__F16 ? 2 : 4; }

size_t dd__value_bytes(const dd__value *value) {
    return dd__dims_count(&value->dims) * dd__type_bytes(value->type);
}

dd__value *dd__value_root(dd__value *value) {
    while (value->base) value = value->base;
    return value;
}

const dd__value *dd__value_root_const(const dd__value *value) {
    while (value->base) value = value->base;
    return value;
}

bool dd__value_is_parameter(const dd__value *value) {
    while (value->role != DD__PARAMETER && value->base) value = value->base;
    return value->role == DD__PARAMETER;
}
