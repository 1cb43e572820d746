/* fixture.h: what the tests of this folder share. */
#ifndef TESTS_DEVICE_FIXTURE_H
#define TESTS_DEVICE_FIXTURE_H

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
#include "device/opencl.h"
#include "device/recorder.h"

#define assert_ok(expression)                                                     \
    do {                                                                          \
        if ((expression) != DD_OK) fail_msg("%s: %s", #expression, dd_message()); \
    } while (0)
#define assert_message(part)                                                       \
    do {                                                                           \
        if (!strstr(dd_message(), part))                                           \
            fail_msg("expected \"%s\" in the message \"%s\"", part, dd_message()); \
    } while (0)

/* A folder of this test's own: `folder`/kernels is where programs are read from, `folder`/cache is
 * the cache. */
static char folder[256];

static inline void own_folder(void) {
    char path[512];
    snprintf(folder, sizeof folder, "/tmp/deepdigits-test-XXXXXX");
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/kernels", folder);
    assert_ok(dd__folder_make(path));
    setenv("DEEPDIGITS_CL_DIR", path, 1);
    snprintf(path, sizeof path, "%s/cache", folder);
    setenv("DEEPDIGITS_CACHE_DIR", path, 1);
    unsetenv("DEEPDIGITS_CACHE");
}

static inline void remove_own_folder(void) {
    char command[512];
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    assert_int_equal(system(command), 0);
}

static inline void write_program(const char *name, const char *text) {
    char path[512];
    snprintf(path, sizeof path, "%s/kernels/%s.cl", folder, name);
    assert_ok(dd__file_write(path, text, strlen(text)));
}

/* The default device, in a folder of its own with a program. */
static inline int open_with_program(const char *name, const char *text, dd_device **device) {
    own_folder();
    write_program(name, text);
    return dd_device_open(NULL, NULL, device) == DD_OK ? 0 : -1;
}

static inline int close_with_program(dd_device *device) {
    dd_device_close(device);
    remove_own_folder();
    return 0;
}

/* Notices since the last clear_log(), one a line. */
static char log_text[65536];

static inline void keep_log(void *context, dd_log_level level, const char *line) {
    (void)context;
    (void)level;
    size_t used = strlen(log_text);
    snprintf(log_text + used, sizeof log_text - used, "%s\n", line);
}

static inline void clear_log(void) {
    log_text[0] = 0;
    dd_set_log(keep_log, NULL);
}

static inline bool was_logged(const char *part) { return strstr(log_text, part) != NULL; }

#endif
