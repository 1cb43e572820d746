/* names.h: numbers by name, in a hash table with open addressing, so that a file of many thousand names is
 * read in a time that grows as the file does.
 */
#ifndef DD_MODEL_ONNX_NAMES_H
#define DD_MODEL_ONNX_NAMES_H

#include "base/memory.h"

typedef struct dd__onnx_named {
    const char *name; /* NULL: a free slot */
    size_t number;
} dd__onnx_named;

typedef struct dd__onnx_names {
    dd__onnx_named *slots; /* (room), more than twice as many as names */
    size_t room;           /* a power of two */
} dd__onnx_names;

#define DD__NO_NUMBER SIZE_MAX

/* For at most so many names, which must live as long; in the arena. */
dd_status dd__onnx_names_create(dd__arena *arena, size_t most, dd__onnx_names *names);
/* The number of that name, or DD__NO_NUMBER. */
size_t dd__onnx_names_find(const dd__onnx_names *names, const char *name);
/* `name` is not there yet. */
void dd__onnx_names_add(dd__onnx_names *names, const char *name, size_t number);

#endif
