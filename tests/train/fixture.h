/* fixture.h: what the tests of training share: the default device, some synthetic digits divided in
 * two, a folder that is removed with all in it. */
#ifndef TESTS_TRAIN_FIXTURE_H
#define TESTS_TRAIN_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/memory.h"
#include "deepdigits.h"

static dd_device *device;
static dd_dataset *data, *validation; /* 512 and 128 images */
static char folder[] = "/tmp/deepdigits-train-XXXXXX";
static dd__arena paths;

/* "<folder>/<run>/<name>"; lives as long as the tests. */
static inline const char *in_run(const char *run, const char *name) {
    const char *path = dd__arena_print(&paths, "%s/%s/%s", folder, run, name);
    assert_non_null(path);
    return path;
}

static inline int open_all(void **state) {
    (void)state;
    dd_device_options options = {.without_selftest = true};
    dd_dataset *all = NULL;
    if (!mkdtemp(folder)) return -1;
    if (dd_device_open(NULL, &options, &device) != DD_OK ||
        dd_dataset_load("synthetic:640:3", DD_SPLIT_TRAIN, &all) != DD_OK ||
        dd_dataset_divide(all, 0.2, 42, &data, &validation) != DD_OK) {
        fprintf(stderr, "%s\n", dd_message());
        return -1;
    }
    dd_dataset_free(all);
    return 0;
}

static inline int close_all(void **state) {
    (void)state;
    dd_dataset_free(data);
    dd_dataset_free(validation);
    dd_device_close(device);
    dd__arena_free(&paths);
    char command[256];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command);
}

static inline void assert_same_file(const char *a, const char *b) {
    char *bytes[2];
    size_t size[2];
    assert_int_equal(dd__file_read(a, 1 << 28, &bytes[0], &size[0]), DD_OK);
    assert_int_equal(dd__file_read(b, 1 << 28, &bytes[1], &size[1]), DD_OK);
    assert_int_equal(size[0], size[1]);
    assert_memory_equal(bytes[0], bytes[1], size[0]);
    dd__free(bytes[0]);
    dd__free(bytes[1]);
}

#endif
