#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/memory.h"
#include "check/check.h"
#include "device/kernels.h"

enum { MOST_VERDICT_BYTES = 1 << 20, MOST_KERNEL_BYTES = 1 << 22 };

/* ---- What a verdict is about ----------------------------------------------------- */

/* Adds the name of the text's hash to `key`, which has room. */
static void add_text(char *key, const char *text, size_t size) {
    dd__hash_name(text, size, key + strlen(key));
}

/* The kernel that a device would build: from the folder that replaces the embedded sources while
 * kernels are worked on, else the embedded one. */
static dd_status add_kernel(char *key, const dd__kernel_source *source) {
    const char *folder = getenv("DEEPDIGITS_CL_DIR");
    char path[4096], file[128], *text = NULL;
    size_t size = 0;
    snprintf(file, sizeof file, "%s.cl", source->name);
    if (folder && *folder) {
        DD_TRY(dd__path_join(path, sizeof path, folder, file));
        if (dd__is_file(path)) DD_TRY(dd__file_read(path, MOST_KERNEL_BYTES, &text, &size));
    }
    if (text)
        add_text(key, text, size);
    else
        add_text(key, source->text, strlen(source->text));
    dd__free(text);
    return DD_OK;
}

/* Names device, driver, library, class of kernels and every kernel's text. */
static dd_status verdict_name(const dd_device *device, char name[33]) {
    const char *about = dd__device_key(device);
    size_t kernels = 0;
    while (dd__kernel_sources[kernels].name) kernels++;
    size_t size = strlen(about) + 32 * kernels + 32;
    char *key = dd__alloc(size, 1);
    if (!key) return dd__no_memory(size);
    snprintf(key, size, "%s class %d ", about, (int)dd__device_class(device));
    dd_status status = DD_OK;
    for (size_t i = 0; i < kernels && status == DD_OK; i++)
        status = add_kernel(key, &dd__kernel_sources[i]);
    dd__hash_name(key, strlen(key), name);
    dd__free(key);
    return status;
}

/* ---- Where verdicts are kept: lines "<name> <device>" of those that passed ------- */

static dd_status verdict_path(char *path, size_t size) {
    char folder[4096];
    DD_TRY(dd__cache_folder(folder, sizeof folder));
    DD_TRY(dd__folder_make(folder));
    return dd__path_join(path, size, folder, "selftest.txt");
}

static bool is_remembered(const char *path, const char *name) {
    char *text;
    size_t size;
    if (!dd__is_file(path) || dd__file_read(path, MOST_VERDICT_BYTES, &text, &size) != DD_OK)
        return false;
    bool found = false;
    for (const char *line = text; line && !found; line = strchr(line, '\n')) {
        line += *line == '\n';
        found = strncmp(line, name, strlen(name)) == 0;
    }
    dd__free(text);
    return found;
}

/* One short write to a file opened for appending: lines of several processes do not mix. A cache
 * that cannot be written costs a self-test each time, and nothing else. */
static void remember(const char *path, const char *name, const dd_device_info *info) {
    char line[512];
    snprintf(line, sizeof line, "%s %s, driver %s\n", name, info->name, info->driver);
    FILE *file = fopen(path, "a");
    bool written = file && fputs(line, file) >= 0;
    if (file) written = fclose(file) == 0 && written;
    if (!written) dd__log(DD_LOG_WARNING, "%s: the self-test's verdict could not be kept", path);
}

/* ---- The verdict ----------------------------------------------------------------- */

static dd_status refuse(dd_status status, const dd_device_info *info) {
    char reason[2048];
    snprintf(reason, sizeof reason, "%s", dd_message());
    return dd__fail(status,
                    "device \"%s\" (platform \"%s\", driver %s) does not compute rightly: %s. "
                    "Choose another device, or set DEEPDIGITS_SELFTEST=off to use it all the same",
                    info->name, info->platform, info->driver, reason);
}

dd_status dd__selftest_verdict(dd_device *device) {
    char name[33], path[4200];
    DD_TRY(verdict_name(device, name));
    bool cached = dd__cache_is_on() && verdict_path(path, sizeof path) == DD_OK;
    if (cached && is_remembered(path, name)) return DD_OK;
    const dd_device_info *info = dd_device_describe(device);
    dd__log(DD_LOG_INFO, "%s is new here: building and checking kernels, once", info->name);
    dd_selftest_result result;
    dd_status status = dd_selftest(device, true, NULL, NULL, &result);
    if (status == DD_INTERRUPTED || status == DD_MEMORY) return status;
    if (status != DD_OK) return refuse(status, info);
    if (cached) remember(path, name, info);
    return DD_OK;
}
