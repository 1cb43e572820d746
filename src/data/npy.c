/* npy: NumPy's format of one array (https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html).
 *
 *     offset 0    "\x93NUMPY"
 *     offset 6    major and minor version, a byte each: 1.0, 2.0 or 3.0
 *     offset 8    bytes of the header, H: u16 in version 1, else u32; little endian
 *     then        the header, a Python dict ended by blanks and a newline:
 *                   {'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }
 *     then        the numbers, row-major
 *
 * The writer pads the header so that the numbers begin at a multiple of 64.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/half.h"
#include "base/memory.h"
#include "base/status.h"

static const char magic[] = "\x93NUMPY";
enum { MAGIC = 6, NUMBERS = 1 << 30 };

/* row: descr without the byte order, C type, whether whole */
#define NPY_TYPES(X)        \
    X("f4", float, false)   \
    X("f8", double, false)  \
    X("i1", int8_t, true)   \
    X("u1", uint8_t, true)  \
    X("b1", uint8_t, true)  \
    X("i2", int16_t, true)  \
    X("u2", uint16_t, true) \
    X("i4", int32_t, true)  \
    X("u4", uint32_t, true) \
    X("i8", int64_t, true)  \
    X("u8", uint64_t, true)

/* Bytes of a number, 0 when the type is not known. */
static size_t type_bytes(const char *type, bool *whole) {
    *whole = false;
    if (strcmp(type, "f2") == 0) return 2;
#define TYPE_BYTES(name, c_type, is_whole) \
    if (strcmp(type, name) == 0) {         \
        *whole = is_whole;                 \
        return sizeof(c_type);             \
    }
    NPY_TYPES(TYPE_BYTES)
#undef TYPE_BYTES
    return 0;
}

static float number_at(const char *type, const char *bytes, size_t i) {
#define NUMBER_AT(name, c_type, is_whole)                          \
    if (strcmp(type, name) == 0) {                                 \
        c_type number;                                             \
        memcpy(&number, bytes + i * sizeof number, sizeof number); \
        return (float)number;                                      \
    }
    NPY_TYPES(NUMBER_AT)
#undef NUMBER_AT
    uint16_t half;
    memcpy(&half, bytes + 2 * i, sizeof half);
    return dd__half_to_float(half);
}

/* ---- Reading --------------------------------------------------------------------------------- */

/* The text behind 'key': in the header, or NULL. */
static const char *find_key(const char *header, const char *key) {
    char quoted[32];
    snprintf(quoted, sizeof quoted, "'%s':", key);
    const char *at = strstr(header, quoted);
    if (!at) return NULL;
    at += strlen(quoted);
    return at + strspn(at, " ");
}

static dd_status read_shape(const char *at, dd_array *array, size_t *count) {
    *count = 1;
    if (!at || *at++ != '(') return dd__fail(DD_FORMAT, "its header has no shape");
    for (at += strspn(at, " "); *at != ')'; at += strspn(at, ", ")) {
        char *end;
        unsigned long long extent = strtoull(at, &end, 10);
        if (end == at || *at == '-') return dd__fail(DD_FORMAT, "its shape is damaged");
        if (array->rank == DD_ARRAY_RANK)
            return dd__fail(DD_FORMAT, "it has more than %d axes", DD_ARRAY_RANK);
        if (extent > NUMBERS || (*count *= extent) > NUMBERS)
            return dd__fail(DD_FORMAT, "it has more than %d numbers", NUMBERS);
        array->dims[array->rank++] = (uint32_t)extent;
        at = end;
    }
    return DD_OK;
}

static dd_status read_header(const char *header, char type[3], dd_array *array, size_t *count) {
    const char *descr = find_key(header, "descr"), *order = find_key(header, "fortran_order");
    if (!descr || strlen(descr) < 5 || *descr != '\'')
        return dd__fail(DD_FORMAT, "its header names no type of numbers");
    memcpy(type, descr + 2, 2);
    type[2] = 0;
    if (descr[1] == '>' || descr[4] != '\'' || type_bytes(type, &array->whole) == 0)
        return dd__fail(DD_FORMAT, "numbers of type %.8s are not read", descr);
    if (!order || strncmp(order, "False", 5) != 0)
        return dd__fail(DD_FORMAT, "it is in Fortran's order: save numpy.ascontiguousarray(x)");
    return read_shape(find_key(header, "shape"), array, count);
}

/* The header's place and length. */
static dd_status find_header(const char *bytes, size_t size, size_t *begin, size_t *length) {
    const unsigned char *u = (const unsigned char *)bytes;
    if (size < 12 || memcmp(bytes, magic, MAGIC) != 0)
        return dd__fail(DD_FORMAT, "not a NumPy array (.npy)");
    if (u[6] < 1 || u[6] > 3)
        return dd__fail(DD_FORMAT, "a NumPy array of version %d: expected 1 to 3", u[6]);
    *begin = u[6] == 1 ? 10 : 12;
    *length = u[8] | (size_t)u[9] << 8;
    if (u[6] > 1) *length |= (size_t)u[10] << 16 | (size_t)u[11] << 24;
    if (*length > size - *begin) return dd__fail(DD_FORMAT, "it ends within its header");
    return DD_OK;
}

static dd_status read_array(const char *bytes, size_t size, dd_array *array) {
    size_t begin = 0, length = 0, count = 0;
    char type[3];
    bool whole;
    DD_TRY(find_header(bytes, size, &begin, &length));
    char *header = dd__alloc(length + 1, 1);
    if (!header) return dd__no_memory(length + 1);
    memcpy(header, bytes + begin, length);
    dd_status status = read_header(header, type, array, &count);
    dd__free(header);
    if (status != DD_OK) return status;
    size_t expected = count * type_bytes(type, &whole), found = size - begin - length;
    if (found != expected)
        return dd__fail(DD_FORMAT, "expected %zu bytes of numbers, found %zu", expected, found);
    array->data = dd__alloc(count + 1, sizeof *array->data);
    if (!array->data) return dd__no_memory(count * sizeof *array->data);
    for (size_t i = 0; i < count; i++) array->data[i] = number_at(type, bytes + begin + length, i);
    return DD_OK;
}

dd_status dd_array_load(const char *path, dd_array *array) {
    char *bytes;
    size_t size;
    *array = (dd_array){0};
    DD_TRY(dd__file_read(path, (size_t)8 << 30, &bytes, &size));
    dd_status status = read_array(bytes, size, array);
    dd__free(bytes);
    return dd__within(status, "%s", path);
}

dd_status dd_array_name(dd_array *array, const char *text, size_t length) {
    char *name = dd__alloc(length + 1, 1);
    if (!name) return dd__no_memory(length + 1);
    memcpy(name, text, length);
    dd__free(array->name);
    array->name = name;
    return DD_OK;
}

void dd_array_clear(dd_array *array) {
    dd__free(array->name);
    dd__free(array->data);
    *array = (dd_array){0};
}

/* ---- Writing --------------------------------------------------------------------------------- */

dd_status dd_array_save(const char *path, const dd_array *array) {
    char header[256], shape[96] = "";
    size_t count = 1, used = 0;
    for (unsigned i = 0; i < array->rank; i++) {
        count *= array->dims[i];
        used += (size_t)snprintf(shape + used, sizeof shape - used, "%u, ", array->dims[i]);
    }
    int length = snprintf(header + 10, sizeof header - 10,
                          "{'descr': '<f4', 'fortran_order': False, 'shape': (%s), }", shape);
    size_t end = (10 + (size_t)length + 1 + 63) / 64 * 64; /* 192 at most */
    memset(header + 10 + length, ' ', end - 10 - (size_t)length);
    header[end - 1] = '\n';
    memcpy(header, magic, MAGIC);
    memcpy(header + MAGIC, (const char[]){1, 0, (char)(end - 10), 0}, 4);
    dd__writer writer;
    DD_TRY(dd__writer_open(&writer, path));
    bool written = fwrite(header, 1, end, writer.stream) == end &&
                   fwrite(array->data, sizeof(float), count, writer.stream) == count;
    return dd__writer_close(&writer,
                            written ? DD_OK : dd__fail(DD_IO, "%s: cannot be written", path));
}
