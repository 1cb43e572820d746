#include "model/safetensors.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "model/attributes.h"

static const char metadata_key[] = "__metadata__";

/* The format's types and the bytes of an element. */
static const struct {
    const char *name;
    size_t bytes;
} dtypes[] = {{"F32", 4}, {"F64", 8}, {"F16", 2},  {"BF16", 2},    {"I64", 8},
              {"I32", 4}, {"I16", 2}, {"I8", 1},   {"U64", 8},     {"U32", 4},
              {"U16", 2}, {"U8", 1},  {"BOOL", 1}, {"F8_E4M3", 1}, {"F8_E5M2", 1}};

/* ---- Reading: the header -------------------------------------------------------------------- */

static uint64_t little_endian(const unsigned char *bytes, size_t count) {
    uint64_t value = 0;
    for (size_t i = count; i-- > 0;) value = value << 8 | bytes[i];
    return value;
}

/* An upper bound of what the parser will allocate for, so that a header of 100 MB of commas is
 * refused before it costs gigabytes. */
static bool too_many_items(const char *header, size_t size) {
    size_t items = 0;
    for (size_t i = 0; i < size; i++)
        items += header[i] == ',' || header[i] == '[' || header[i] == '{';
    return items > DD__SAFETENSORS_ITEMS;
}

static dd_status parse_header(const char *bytes, size_t size, cJSON **header, size_t *data_start) {
    if (size < 8) return dd__fail(DD_FORMAT, "expected at least 8 bytes, found %zu", size);
    uint64_t length = little_endian((const unsigned char *)bytes, 8);
    if (length > DD__SAFETENSORS_HEADER)
        return dd__fail(DD_FORMAT, "the header says it has %llu bytes: at most %d are allowed",
                        (unsigned long long)length, DD__SAFETENSORS_HEADER);
    if (length > size - 8)
        return dd__fail(DD_FORMAT, "the header says it has %llu bytes: the file has %zu after it",
                        (unsigned long long)length, size - 8);
    if (length == 0 || bytes[8] != '{')
        return dd__fail(DD_FORMAT, "the header is not a JSON object: expected '{' at byte 8");
    if (too_many_items(bytes + 8, (size_t)length))
        return dd__fail(DD_FORMAT, "the header has more than %d items", DD__SAFETENSORS_ITEMS);
    *data_start = 8 + (size_t)length;
    return dd__within(dd__json_parse(bytes + 8, (size_t)length, header), "header");
}

static dd_status check_metadata(const cJSON *header, const cJSON **metadata) {
    *metadata = cJSON_GetObjectItemCaseSensitive(header, metadata_key);
    if (!*metadata) return DD_OK;
    if (!cJSON_IsObject(*metadata))
        return dd__fail(DD_FORMAT, "\"%s\": expected an object of texts", metadata_key);
    const cJSON *item;
    cJSON_ArrayForEach(item, *metadata) {
        if (!cJSON_IsString(item))
            return dd__fail(DD_FORMAT, "\"%s\": expected an object of texts", metadata_key);
    }
    return DD_OK;
}

/* ---- Reading: one tensor ---------------------------------------------------------------------- */

static dd_status read_dims(const cJSON *shape, dd__dims *dims) {
    if (!cJSON_IsArray(shape)) return dd__fail(DD_FORMAT, "\"shape\": expected a list of extents");
    const cJSON *item;
    cJSON_ArrayForEach(item, shape) {
        double extent = item->valuedouble;
        if (dims->rank == DD__MAX_RANK)
            return dd__fail(DD_FORMAT, "\"shape\": expected at most %d extents", DD__MAX_RANK);
        if (!cJSON_IsNumber(item) || !(extent >= 0 && extent <= UINT32_MAX) ||
            extent != floor(extent))
            return dd__fail(DD_FORMAT, "\"shape\": expected whole numbers from 0 to %u",
                            (unsigned)UINT32_MAX);
        dims->d[dims->rank++] = (uint32_t)extent;
    }
    return DD_OK;
}

static dd_status read_offsets(const cJSON *offsets, size_t data_size, dd__stored_tensor *tensor) {
    const cJSON *begin = cJSON_GetArrayItem(offsets, 0), *end = cJSON_GetArrayItem(offsets, 1);
    if (!cJSON_IsArray(offsets) || !cJSON_IsNumber(begin) || !cJSON_IsNumber(end) || end->next)
        return dd__fail(DD_FORMAT, "\"data_offsets\": expected [begin, end]");
    double from = begin->valuedouble, to = end->valuedouble;
    if (!(from >= 0 && from <= to && to <= (double)data_size) || from != floor(from) ||
        to != floor(to))
        return dd__fail(DD_FORMAT,
                        "\"data_offsets\": [%.17g, %.17g] lies outside the %zu bytes of data", from,
                        to, data_size);
    tensor->begin = (size_t)from;
    tensor->end = (size_t)to;
    return DD_OK;
}

/* Whether dims x element bytes is exactly what lies between the offsets, without overflow: as long
 * as the product stays below 2^32 another extent cannot wrap it. */
static dd_status check_size(const dd__stored_tensor *tensor, size_t element_bytes) {
    uint64_t need = element_bytes;
    bool empty = false, large = false;
    for (unsigned i = 0; i < tensor->dims.rank; i++) {
        empty |= tensor->dims.d[i] == 0;
        if (!large) need *= tensor->dims.d[i];
        large |= need > DD__SAFETENSORS_BYTES;
    }
    if (empty) {
        need = 0;
        large = false;
    }
    if (!large && need == tensor->end - tensor->begin) return DD_OK;
    char dims[80];
    return dd__fail(DD_FORMAT, "%s of %s do not take %zu bytes",
                    dd__dims_print(&tensor->dims, dims), tensor->dtype,
                    tensor->end - tensor->begin);
}

static dd_status read_tensor(const cJSON *item, size_t data_size, dd__stored_tensor *tensor) {
    static const char *const known[] = {"dtype", "shape", "data_offsets"};
    if (!cJSON_IsObject(item)) return dd__fail(DD_FORMAT, "expected an object");
    DD_TRY(dd__keys_check(item, known, DD_COUNT(known)));
    for (size_t i = 0; i < DD_COUNT(known); i++)
        if (!cJSON_GetObjectItemCaseSensitive(item, known[i]))
            return dd__fail(DD_FORMAT, "\"%s\" is missing", known[i]);
    tensor->name = item->string;
    DD_TRY(dd__json_string(item, "dtype", &tensor->dtype));
    size_t element_bytes = 0;
    for (size_t i = 0; i < DD_COUNT(dtypes); i++)
        if (strcmp(dtypes[i].name, tensor->dtype) == 0) element_bytes = dtypes[i].bytes;
    if (!element_bytes)
        return dd__fail(DD_FORMAT, "\"dtype\": \"%.20s\" is not known", tensor->dtype);
    DD_TRY(read_dims(cJSON_GetObjectItemCaseSensitive(item, "shape"), &tensor->dims));
    DD_TRY(read_offsets(cJSON_GetObjectItemCaseSensitive(item, "data_offsets"), data_size, tensor));
    return check_size(tensor, element_bytes);
}

/* ---- Reading: all tensors ----------------------------------------------------------------------- */

static int by_offset(const void *a, const void *b) {
    const dd__stored_tensor *p = a, *q = b;
    if (p->begin != q->begin) return p->begin < q->begin ? -1 : 1;
    return (p->end > q->end) - (p->end < q->end);
}

static int by_name(const void *a, const void *b) {
    const dd__stored_tensor *p = a, *q = b;
    return strcmp(p->name, q->name);
}

static dd_status check_cover(dd__safetensors *file, size_t data_size) {
    if (file->count) qsort(file->tensors, file->count, sizeof *file->tensors, by_offset);
    size_t at = 0;
    for (size_t i = 0; i < file->count; i++) {
        const dd__stored_tensor *tensor = &file->tensors[i];
        if (tensor->begin != at)
            return dd__fail(DD_FORMAT,
                            "tensor \"%s\" begins at byte %zu of the data: expected %zu, "
                            "where the one before it ends",
                            tensor->name, tensor->begin, at);
        at = tensor->end;
    }
    if (at != data_size)
        return dd__fail(DD_FORMAT, "the tensors take %zu bytes: the file has %zu", at, data_size);
    return DD_OK;
}

static dd_status check_names(dd__safetensors *file) {
    if (file->count) qsort(file->tensors, file->count, sizeof *file->tensors, by_name);
    for (size_t i = 1; i < file->count; i++)
        if (by_name(&file->tensors[i - 1], &file->tensors[i]) == 0)
            return dd__fail(DD_FORMAT, "tensor \"%s\" is there twice", file->tensors[i].name);
    return DD_OK;
}

static bool is_printable(const char *name) {
    for (; *name; name++)
        if ((unsigned char)*name < 0x20 || *name == 0x7F) return false;
    return true;
}

static dd_status read_tensors(dd__safetensors *file, const unsigned char *data, size_t data_size) {
    const cJSON *item;
    size_t items = (size_t)cJSON_GetArraySize(file->header), metadata = 0;
    file->tensors = dd__alloc(items, sizeof *file->tensors);
    if (!file->tensors) return dd__no_memory(items * sizeof *file->tensors);
    cJSON_ArrayForEach(item, file->header) {
        if (strcmp(item->string, metadata_key) == 0) {
            if (metadata++) return dd__fail(DD_FORMAT, "\"%s\" is given twice", metadata_key);
            continue;
        }
        if (!is_printable(item->string))
            return dd__fail(DD_FORMAT, "a tensor's name has a control character");
        dd__stored_tensor *tensor = &file->tensors[file->count++];
        DD_TRY(dd__within(read_tensor(item, data_size, tensor), "tensor \"%s\"", item->string));
        tensor->data = data + tensor->begin;
    }
    DD_TRY(check_cover(file, data_size));
    return check_names(file);
}

dd_status dd__safetensors_parse(const char *bytes, size_t size, dd__safetensors *file) {
    dd__safetensors parsed = {0};
    size_t start = 0;
    dd_status status;
    DD_TRY_OUT(parse_header(bytes, size, &parsed.header, &start));
    DD_TRY_OUT(check_metadata(parsed.header, &parsed.metadata));
    DD_TRY_OUT(read_tensors(&parsed, (const unsigned char *)bytes + start, size - start));
    *file = parsed;
    return DD_OK;
out:
    dd__safetensors_clear(&parsed);
    return status;
}

void dd__safetensors_clear(dd__safetensors *file) {
    cJSON_Delete(file->header);
    dd__free(file->tensors);
    *file = (dd__safetensors){0};
}

const dd__stored_tensor *dd__safetensors_find(const dd__safetensors *file, const char *name) {
    const dd__stored_tensor key = {.name = name};
    if (!file->count) return NULL;
    return bsearch(&key, file->tensors, file->count, sizeof key, by_name);
}

const char *dd__safetensors_metadata(const dd__safetensors *file, const char *key) {
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(file->metadata, key);
    return item ? item->valuestring : NULL;
}

void dd__safetensors_floats(const dd__stored_tensor *tensor, float *out) {
    size_t count = dd__dims_count(&tensor->dims);
    for (size_t i = 0; i < count; i++) {
        uint32_t bits = (uint32_t)little_endian(tensor->data + 4 * i, 4);
        memcpy(&out[i], &bits, sizeof bits);
    }
}

/* ---- Writing ------------------------------------------------------------------------------------ */

static bool add_pair_list(cJSON *object, const char *key, const double *numbers, int count) {
    return cJSON_AddItemToObject(object, key, cJSON_CreateDoubleArray(numbers, count));
}

static bool add_tensor(cJSON *header, const dd__tensor *tensor, size_t *offset) {
    double extents[DD__MAX_RANK];
    for (unsigned i = 0; i < tensor->dims.rank; i++) extents[i] = tensor->dims.d[i];
    double begin = (double)*offset;
    *offset += dd__dims_count(&tensor->dims) * sizeof(float);
    const double offsets[2] = {begin, (double)*offset};
    cJSON *item = cJSON_AddObjectToObject(header, tensor->name);
    return item && cJSON_AddStringToObject(item, "dtype", "F32") &&
           add_pair_list(item, "shape", extents, (int)tensor->dims.rank) &&
           add_pair_list(item, "data_offsets", offsets, 2);
}

/* The header's text, to be freed with cJSON_free; NULL when there is no memory. */
static char *print_header(const char *const pairs[][2], size_t pair_count,
                          const dd__tensor *tensors, size_t count) {
    cJSON *header = cJSON_CreateObject();
    cJSON *metadata = cJSON_AddObjectToObject(header, metadata_key);
    bool fine = header && metadata;
    for (size_t i = 0; fine && i < pair_count; i++)
        fine = cJSON_AddStringToObject(metadata, pairs[i][0], pairs[i][1]);
    size_t offset = 0;
    for (size_t i = 0; fine && i < count; i++) fine = add_tensor(header, &tensors[i], &offset);
    char *text = fine ? cJSON_PrintUnformatted(header) : NULL;
    cJSON_Delete(header);
    return text;
}

static void write_little_endian(FILE *stream, uint64_t value, int count) {
    for (int i = 0; i < count; i++) fputc((int)(value >> (8 * i) & 0xFF), stream);
}

static void write_floats(FILE *stream, const float *numbers, size_t count) {
    unsigned char bytes[4096];
    for (size_t done = 0; done < count;) {
        size_t part = count - done < sizeof bytes / 4 ? count - done : sizeof bytes / 4;
        for (size_t i = 0; i < part; i++) {
            uint32_t bits;
            memcpy(&bits, &numbers[done + i], sizeof bits);
            for (int b = 0; b < 4; b++) bytes[4 * i + (size_t)b] = (unsigned char)(bits >> (8 * b));
        }
        if (fwrite(bytes, 4, part, stream) != part) return; /* the writer sees ferror */
        done += part;
    }
}

dd_status dd__safetensors_write(const char *path, const char *const pairs[][2], size_t pair_count,
                                const dd__tensor *tensors, size_t count) {
    char *header = print_header(pairs, pair_count, tensors, count);
    if (!header) return dd__no_memory(count * sizeof *tensors);
    size_t length = strlen(header), padded = (length + 7) / 8 * 8;
    dd__writer writer;
    dd_status status = dd__writer_open(&writer, path);
    if (status == DD_OK) {
        write_little_endian(writer.stream, padded, 8);
        fputs(header, writer.stream);
        for (size_t i = length; i < padded; i++) fputc(' ', writer.stream);
        for (size_t i = 0; i < count; i++)
            write_floats(writer.stream, tensors[i].data, dd__dims_count(&tensors[i].dims));
        status = dd__writer_close(&writer, status);
    }
    cJSON_free(header);
    return status;
}
