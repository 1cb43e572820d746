/* files.h: a folder for the files of a test, and texts and models in it. */
#ifndef DD_TESTS_MODEL_FILES_H
#define DD_TESTS_MODEL_FILES_H

/* cmocka.h wants these four before it */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"
#include "deepdigits.h"

static char test_folder[256];

static inline int make_folder(void **state) {
    (void)state;
    const char *parent = getenv("TMPDIR");
    snprintf(test_folder, sizeof test_folder, "%s/dd-model-XXXXXX", parent ? parent : "/tmp");
    return mkdtemp(test_folder) ? 0 : -1;
}

/* Names of files left in the folder, but for "." and ".."; removes them when asked to. */
static inline int count_files(int and_remove) {
    DIR *folder = opendir(test_folder);
    int count = 0;
    for (struct dirent *entry; folder && (entry = readdir(folder));) {
        if (entry->d_name[0] == '.') continue;
        char path[1024];
        snprintf(path, sizeof path, "%s/%s", test_folder, entry->d_name);
        if (and_remove) remove(path);
        count++;
    }
    if (folder) closedir(folder);
    return count;
}

static inline int remove_folder(void **state) {
    (void)state;
    count_files(1);
    return rmdir(test_folder);
}

/* The path of a file in the folder; in one of four buffers that take turns. */
static inline const char *in_folder(const char *name) {
    static char paths[4][512];
    static int turn;
    char *path = paths[turn++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", test_folder, name);
    return path;
}

static inline void assert_message_has(const char *part) {
    if (strstr(dd_message(), part)) return;
    print_error("expected \"%s\" in the message, found \"%s\"\n", part, dd_message());
    fail();
}

#define assert_fine(call)                                                   \
    do {                                                                    \
        dd_status status_ = (call);                                         \
        if (status_ != DD_OK) print_error("%s: %s\n", #call, dd_message()); \
        assert_int_equal(status_, DD_OK);                                   \
    } while (0)

/* Loads a network from its text by way of a file. */
static inline dd_status load_text(const char *text, dd_model **model) {
    const char *path = in_folder("network.json");
    assert_fine(dd__file_write(path, text, strlen(text)));
    return dd_model_load(path, model);
}

static inline char *read_whole(const char *path, size_t *size) {
    char *bytes = NULL;
    assert_fine(dd__file_read(path, (size_t)1 << 30, &bytes, size));
    return bytes;
}

#endif
