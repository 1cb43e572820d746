/* known.h: tensors whose numbers are known while an ONNX model is imported: its initializers and
 * constants, and what follows from them and from shapes. Whole numbers (also booleans) are int64_t,
 * all others float.
 */
#ifndef DD_MODEL_ONNX_KNOWN_H
#define DD_MODEL_ONNX_KNOWN_H

#include <onnx.pb-c.h>

#include "graph/graph.h"

typedef struct dd__known {
    dd__dims dims; /* rank 0: a single number */
    bool whole;
    union {
        const float *floats; /* (dims) */
        const int64_t *wholes;
    };
} dd__known;

size_t dd__known_count(const dd__known *known);
/* Number i, whatever its type. */
double dd__known_number(const dd__known *known, size_t i);
/* The same as a whole number; what does not fit becomes the nearest that does. */
int64_t dd__known_whole(const dd__known *known, size_t i);

/* The whole number next to it, towards zero; of what does not fit, the nearest that does. */
int64_t dd__whole_of(double number);

/* Room for the numbers of *known, whose dims and type are set, in the arena.
 * DD_FORMAT  they are more than the arena's limit allows;  DD_MEMORY */
dd_status dd__known_alloc(dd__arena *arena, dd__known *known, void **numbers);
/* A list of whole numbers; rank 1. */
dd_status dd__known_list(dd__arena *arena, const int64_t *numbers, size_t count, dd__known *known);

/* The dims of a file, which may say anything. DD_FORMAT  more than DD__MAX_RANK, empty, or too many */
dd_status dd__known_dims(const int64_t *extents, size_t rank, dd__dims *dims);
/* Reads an initializer. Floats may stay in the file's own memory, which must live as long.
 * DD_FORMAT  the number type is not supported, or there are not as many as the shape says */
dd_status dd__known_read(dd__arena *arena, const Onnx__TensorProto *tensor, dd__known *known);

/* Axis i of the result is axis order[i] of `known`. */
dd_status dd__known_transpose(dd__arena *arena, const dd__known *known, const unsigned order[],
                              dd__known *result);

/* Whether the op of the node is one that is computed here when all its inputs are known. */
bool dd__known_folds(const char *op);
/* Computes it. in[i] NULL: absent. DD_FORMAT */
dd_status dd__known_fold(dd__arena *arena, const Onnx__NodeProto *node, const dd__known *const in[],
                         size_t count, dd__known *result);

#endif
