/* safetensors.h: named tensors in one file.
 *
 *     offset 0        u64, little endian: bytes of the header, H
 *     offset 8        the header, JSON, possibly followed by blanks:
 *                       {"__metadata__": {"key": "text", ...},
 *                        "conv1.weight": {"dtype": "F32", "shape": [5,5,1,64],
 *                                         "data_offsets": [0, 6400]}, ...}
 *     offset 8 + H    the tensors' bytes, little endian, row-major; offsets count from here
 *
 * Tensors cover the data without holes or overlaps, and the data ends with the file. The writer
 * pads the header with blanks so that the data starts at a multiple of 8.
 */
#ifndef DD_MODEL_SAFETENSORS_H
#define DD_MODEL_SAFETENSORS_H

#include "model/model.h"

enum {
    DD__SAFETENSORS_HEADER = 100 * 1000 * 1000, /* the format's limit on H */
    DD__SAFETENSORS_ITEMS = 4 * 1000 * 1000,    /* members and elements in a header: each costs the
                                                   parser about 100 bytes */
};
#define DD__SAFETENSORS_BYTES ((size_t)4 << 30) /* of a file we read */

typedef struct dd__stored_tensor {
    const char *name;
    const char *dtype; /* "F32"; one of the format's */
    dd__dims dims;
    const unsigned char *data;
    size_t begin, end; /* offsets in the data, in bytes */
} dd__stored_tensor;

typedef struct dd__safetensors {
    cJSON *header;              /* owns the strings */
    const cJSON *metadata;      /* an object whose members are strings, or NULL */
    dd__stored_tensor *tensors; /* (count), sorted by name */
    size_t count;
} dd__safetensors;

/* Takes apart a file in memory; `bytes` must outlive `file`. Nothing to clear on failure.
 * DD_FORMAT  what does not hold, and for which tensor */
dd_status dd__safetensors_parse(const char *bytes, size_t size, dd__safetensors *file);
void dd__safetensors_clear(dd__safetensors *file);
/* The tensor of this name, or NULL; the metadata of this key, or NULL. */
const dd__stored_tensor *dd__safetensors_find(const dd__safetensors *file, const char *name);
const char *dd__safetensors_metadata(const dd__safetensors *file, const char *key);
/* Copies an F32 tensor's elements. */
void dd__safetensors_floats(const dd__stored_tensor *tensor, float *out);

/* Writes F32 tensors in the order given, and metadata pairs (pair_count x key, text), atomically. */
dd_status dd__safetensors_write(const char *path, const char *const pairs[][2], size_t pair_count,
                                const dd__tensor *tensors, size_t count);

#endif
