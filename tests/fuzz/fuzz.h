/* fuzz.h: what the harnesses of this folder share.
 *
 * fuzz_READER.c hands bytes to one reader and stops the process where the reader breaks its word: a
 * result or a failure with a message, nothing in between. With -DDD_FUZZERS=ON it becomes a program of
 * libFuzzer (scripts/fuzz), else a test that feeds it corpus/READER (replay.c).
 */
#ifndef DD_TESTS_FUZZ_FUZZ_H
#define DD_TESTS_FUZZ_FUZZ_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "deepdigits.h"

/* What libFuzzer and replay.c call. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static inline void check_status(dd_status status, bool has_result) {
    if ((status == DD_OK) == has_result && (status == DD_OK || dd_message()[0])) return;
    fprintf(stderr, "status %d %s a result: \"%s\"\n", (int)status, has_result ? "with" : "without",
            dd_message());
    abort();
}

static char scratch_path[64];
static inline void remove_scratch(void) { remove(scratch_path); }

/* Writes the bytes to a file in memory that this process uses again and again and removes at its end; its
 * path. */
static inline const char *in_file(const char *ending, const uint8_t *data, size_t size) {
    char *path = scratch_path;
    if (!*path) atexit(remove_scratch);
    snprintf(path, sizeof scratch_path, "/dev/shm/dd-fuzz-%d%s", (int)getpid(), ending);
    FILE *file = fopen(path, "wb");
    if (!file || (size && fwrite(data, 1, size, file) != size) || fclose(file) != 0) {
        perror(path);
        abort();
    }
    return path;
}

#endif
