/* vectors.h: a file of tests/vectors, in memory while the tests run. Include behind cmocka.h. */
#ifndef TESTS_TRAIN_VECTORS_H
#define TESTS_TRAIN_VECTORS_H

#include "base/file.h"
#include "base/memory.h"
#include "model/safetensors.h"

static char *vector_bytes;
static dd__safetensors vectors;

static inline int load_vectors_from(const char *path) {
    size_t size;
    if (dd__file_read(path, 1 << 20, &vector_bytes, &size) == DD_OK &&
        dd__safetensors_parse(vector_bytes, size, &vectors) == DD_OK)
        return 0;
    print_error("%s\n", dd_message());
    return -1;
}

static inline int free_vectors(void **state) {
    (void)state;
    dd__safetensors_clear(&vectors);
    dd__free(vector_bytes);
    return 0;
}

#endif
