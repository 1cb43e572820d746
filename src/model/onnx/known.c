#include "model/onnx/known.h"

#include <math.h>
#include <string.h>

#include "base/half.h"

size_t dd__known_count(const dd__known *known) { return dd__dims_count(&known->dims); }

double dd__known_number(const dd__known *known, size_t i) {
    return known->whole ? (double)known->wholes[i] : known->floats[i];
}

int64_t dd__whole_of(double number) {
    if (!(number > -9.2e18)) return INT64_MIN;
    return number < 9.2e18 ? (int64_t)number : INT64_MAX;
}

int64_t dd__known_whole(const dd__known *known, size_t i) {
    return known->whole ? known->wholes[i] : dd__whole_of(known->floats[i]);
}

dd_status dd__known_alloc(dd__arena *arena, dd__known *known, void **numbers) {
    size_t bytes = known->whole ? sizeof(int64_t) : sizeof(float), count = dd__known_count(known);
    if (!dd__arena_allows(arena, count, bytes))
        return dd__fail(DD_FORMAT, "%zu numbers more are too many for a file of this size", count);
    *numbers = dd__arena_alloc(arena, count, bytes);
    if (!*numbers) return dd__no_memory(count * bytes);
    if (known->whole)
        known->wholes = *numbers;
    else
        known->floats = *numbers;
    return DD_OK;
}

dd_status dd__known_list(dd__arena *arena, const int64_t *numbers, size_t count, dd__known *known) {
    void *copy;
    *known = (dd__known){.dims = DD_DIMS((uint32_t)count), .whole = true};
    DD_TRY(dd__known_alloc(arena, known, &copy));
    if (count) memcpy(copy, numbers, count * sizeof *numbers);
    return DD_OK;
}

dd_status dd__known_dims(const int64_t *extents, size_t rank, dd__dims *dims) {
    if (rank > DD__MAX_RANK)
        return dd__fail(DD_FORMAT, "%zu axes are more than %d", rank, DD__MAX_RANK);
    int64_t count = 1;
    *dims = (dd__dims){.rank = (unsigned)rank};
    for (size_t i = 0; i < rank; i++) {
        if (extents[i] < 0 || extents[i] > INT32_MAX)
            return dd__fail(DD_FORMAT, "axis %zu has the extent %lld", i, (long long)extents[i]);
        count *= extents[i];
        if (count > INT32_MAX)
            return dd__fail(DD_FORMAT, "a tensor of %lld numbers or more is larger than %d",
                            (long long)count, INT32_MAX);
        dims->d[i] = (uint32_t)extents[i];
    }
    return DD_OK;
}

/* ---- Initializers ------------------------------------------------------------------------- */

/* row: name, bytes of a number in raw_data, the C type */
#define WHOLE_TYPES(X)     \
    X(INT8, 1, int8_t)     \
    X(UINT8, 1, uint8_t)   \
    X(BOOL, 1, uint8_t)    \
    X(INT16, 2, int16_t)   \
    X(UINT16, 2, uint16_t) \
    X(INT32, 4, int32_t)   \
    X(UINT32, 4, uint32_t) \
    X(INT64, 8, int64_t)   \
    X(UINT64, 8, uint64_t)

typedef struct number_type {
    size_t bytes; /* 0: not supported */
    bool whole;
} number_type;

static number_type type_of(int32_t type) {
    static const struct {
        int32_t type;
        number_type is;
    } types[] = {
#define TYPE_ROW(name, bytes, type) {ONNX__TENSOR_PROTO__DATA_TYPE__##name, {bytes, true}},
        WHOLE_TYPES(TYPE_ROW)
#undef TYPE_ROW
            {ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT, {4, false}},
        {ONNX__TENSOR_PROTO__DATA_TYPE__DOUBLE, {8, false}},
        {ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT16, {2, false}},
        {ONNX__TENSOR_PROTO__DATA_TYPE__BFLOAT16, {2, false}},
    };
    for (size_t i = 0; i < DD_COUNT(types); i++)
        if (types[i].type == type) return types[i].is;
    return (number_type){0};
}

static float float_of_bits(uint32_t bits) {
    float number;
    memcpy(&number, &bits, sizeof number);
    return number;
}

/* Number i of raw data, which is little endian, as every host is that OpenCL runs on. */
static void read_raw(int32_t type, const uint8_t *raw, size_t i, double *number, int64_t *whole) {
    switch (type) {
#define RAW_CASE(name, bytes, type)               \
    case ONNX__TENSOR_PROTO__DATA_TYPE__##name: { \
        type value;                               \
        memcpy(&value, raw + i * (bytes), bytes); \
        *whole = (int64_t)value;                  \
        break;                                    \
    }
        WHOLE_TYPES(RAW_CASE)
#undef RAW_CASE
    case ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT: {
        float value;
        memcpy(&value, raw + 4 * i, sizeof value);
        *number = value;
        break;
    }
    case ONNX__TENSOR_PROTO__DATA_TYPE__DOUBLE:
        memcpy(number, raw + 8 * i, sizeof *number);
        break;
    default: {
        uint16_t bits;
        memcpy(&bits, raw + 2 * i, sizeof bits);
        *number = type == ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT16
                      ? dd__half_to_float(bits)
                      : float_of_bits((uint32_t)bits << 16);
    }
    }
}

/* Number i of the list that the type is kept in where there is no raw data. */
static void read_listed(const Onnx__TensorProto *t, size_t i, double *number, int64_t *whole) {
    switch (t->data_type) {
    case ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT:
        *number = t->float_data[i];
        break;
    case ONNX__TENSOR_PROTO__DATA_TYPE__DOUBLE:
        *number = t->double_data[i];
        break;
    case ONNX__TENSOR_PROTO__DATA_TYPE__INT64:
        *whole = t->int64_data[i];
        break;
    case ONNX__TENSOR_PROTO__DATA_TYPE__UINT32:
    case ONNX__TENSOR_PROTO__DATA_TYPE__UINT64:
        *whole = (int64_t)t->uint64_data[i];
        break;
    default: {
        uint32_t bits = (uint32_t)t->int32_data[i] & 0xFFFF;
        *whole = t->int32_data[i];
        *number = t->data_type == ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT16
                      ? dd__half_to_float((uint16_t)bits)
                      : float_of_bits(bits << 16);
    }
    }
}

static size_t listed_count(const Onnx__TensorProto *t) {
    switch (t->data_type) {
    case ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT:
        return t->n_float_data;
    case ONNX__TENSOR_PROTO__DATA_TYPE__DOUBLE:
        return t->n_double_data;
    case ONNX__TENSOR_PROTO__DATA_TYPE__INT64:
        return t->n_int64_data;
    case ONNX__TENSOR_PROTO__DATA_TYPE__UINT32:
    case ONNX__TENSOR_PROTO__DATA_TYPE__UINT64:
        return t->n_uint64_data;
    default:
        return t->n_int32_data;
    }
}

static dd_status check_tensor(const Onnx__TensorProto *t, const dd__known *known) {
    size_t count = dd__known_count(known), bytes = type_of(t->data_type).bytes;
    if (bytes == 0) return dd__fail(DD_FORMAT, "its numbers are of type %d", t->data_type);
    if (t->n_external_data || t->data_location == ONNX__TENSOR_PROTO__DATA_LOCATION__EXTERNAL)
        return dd__fail(DD_FORMAT, "its numbers are in another file, which is not read: save the "
                                   "model as one file");
    if (t->has_raw_data && t->raw_data.len != count * bytes)
        return dd__fail(DD_FORMAT, "expected %zu bytes, found %zu", count * bytes, t->raw_data.len);
    if (!t->has_raw_data && listed_count(t) != count)
        return dd__fail(DD_FORMAT, "expected %zu numbers, found %zu", count, listed_count(t));
    return DD_OK;
}

dd_status dd__known_read(dd__arena *arena, const Onnx__TensorProto *t, dd__known *known) {
    *known = (dd__known){.whole = type_of(t->data_type).whole};
    DD_TRY(dd__known_dims(t->dims, t->n_dims, &known->dims));
    DD_TRY(check_tensor(t, known));
    if (t->data_type == ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT) {
        const void *raw = t->has_raw_data ? (const void *)t->raw_data.data : t->float_data;
        known->floats = raw; /* protobuf-c allocates with malloc: aligned */
        return DD_OK;
    }
    void *numbers;
    DD_TRY(dd__known_alloc(arena, known, &numbers));
    for (size_t i = 0; i < dd__known_count(known); i++) {
        double number = 0;
        int64_t whole = 0;
        if (t->has_raw_data)
            read_raw(t->data_type, t->raw_data.data, i, &number, &whole);
        else
            read_listed(t, i, &number, &whole);
        if (known->whole)
            ((int64_t *)numbers)[i] = whole;
        else
            ((float *)numbers)[i] = (float)number;
    }
    return DD_OK;
}

/* ---- Another order of axes ----------------------------------------------------------------- */

dd_status dd__known_transpose(dd__arena *arena, const dd__known *known, const unsigned order[],
                              dd__known *result) {
    unsigned rank = known->dims.rank;
    size_t strides[DD__MAX_RANK + 1], from = 0;
    size_t stride = 1;
    for (unsigned axis = rank; axis-- > 0; stride *= known->dims.d[axis]) strides[axis] = stride;
    *result = (dd__known){.dims.rank = rank, .whole = known->whole};
    for (unsigned axis = 0; axis < rank; axis++) result->dims.d[axis] = known->dims.d[order[axis]];
    void *numbers;
    DD_TRY(dd__known_alloc(arena, result, &numbers));
    uint32_t place[DD__MAX_RANK] = {0};
    for (size_t i = 0; i < dd__known_count(known); i++) {
        if (known->whole)
            ((int64_t *)numbers)[i] = known->wholes[from];
        else
            ((float *)numbers)[i] = known->floats[from];
        for (unsigned axis = rank; axis-- > 0;) { /* the next place, as a clock counts */
            from += strides[order[axis]];
            if (++place[axis] < result->dims.d[axis]) break;
            from -= strides[order[axis]] * place[axis];
            place[axis] = 0;
        }
    }
    return DD_OK;
}
