/* scratch.h: a folder for a test's files, gone at the end; and what failing looks like. */
#ifndef DD_TESTS_DATA_SCRATCH_H
#define DD_TESTS_DATA_SCRATCH_H

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <cmocka.h>

#include "base/file.h"

static char scratch_folder[64];

/* The path of `name` in the scratch folder; four of them live at a time. */
static inline const char *at(const char *name) {
    static char paths[4][512];
    static unsigned turn;
    turn = (turn + 1) % 4;
    snprintf(paths[turn], sizeof paths[turn], "%s/%s", scratch_folder, name);
    return paths[turn];
}

static inline void write_file(const char *name, const void *bytes, size_t size) {
    FILE *file = fopen(at(name), "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

static inline void write_text(const char *name, const char *text) {
    write_file(name, text, strlen(text));
}

static inline void write_gzip(const char *name, const void *bytes, size_t size) {
    gzFile file = gzopen(at(name), "wb");
    assert_non_null(file);
    assert_int_equal(gzwrite(file, bytes, (unsigned)size), (int)size);
    assert_int_equal(gzclose(file), Z_OK);
}

static inline void remove_all(const char *path) {
    struct stat found;
    if (lstat(path, &found) == 0 && S_ISDIR(found.st_mode)) {
        chmod(path, 0700);
        DIR *folder = opendir(path);
        for (struct dirent *entry; folder && (entry = readdir(folder));) {
            if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..")) continue;
            size_t room = strlen(path) + strlen(entry->d_name) + 2;
            char *below = malloc(room);
            assert_non_null(below);
            snprintf(below, room, "%s/%s", path, entry->d_name);
            remove_all(below);
            free(below);
        }
        if (folder) closedir(folder);
    }
    remove(path);
}

static inline int begin_scratch(void **state) {
    (void)state;
    strcpy(scratch_folder, "/tmp/deepdigits-test-XXXXXX");
    return mkdtemp(scratch_folder) ? 0 : -1;
}

static inline int end_scratch(void **state) {
    (void)state;
    remove_all(scratch_folder);
    return 0;
}

/* `call` fails with `expected` and a message that contains `text`. */
#define assert_fails(call, expected, text)                                                      \
    do {                                                                                        \
        dd_status found_status = (call);                                                        \
        if (found_status != (expected) || !strstr(dd_message(), (text)))                        \
            fail_msg("expected %s with \"%s\", found %s with \"%s\"", dd_status_name(expected), \
                     (text), dd_status_name(found_status),                                      \
                     found_status == DD_OK ? "" : dd_message());                                \
    } while (0)

#define assert_ok(call)                                                                \
    do {                                                                               \
        dd_status found_status = (call);                                               \
        if (found_status != DD_OK)                                                     \
            fail_msg("%s: %s: %s", #call, dd_status_name(found_status), dd_message()); \
    } while (0)

#endif
