/* program_cache.c: compiled programs on disk, and what else this library keeps in its cache.
 *
 * Contract
 *   Key       32 hexadecimal digits, a hash over the device's key (device, vendor, driver, platform,
 *             compute units, for processors the host's model and features and the settings of the
 *             runtime's compiler, version of this library), all build options and the whole source.
 *             Whatever could change the binary changes the key; nothing is ever out of date.
 *   File      <cache>/programs/<key>.bin, written under a temporary name and renamed, so that
 *             processes which share a folder never see half a file. Little-endian:
 *
 *                 offset  bytes
 *                      0      8   "ddprog\n" and a 0
 *                      8      4   version of this layout, 1
 *                     12      4   checksum (dd__hash32) of the binary
 *                     16      8   length of the binary
 *                     24     32   the key again: a renamed file is foreign
 *                     56    ...   the binary, as the driver gave it
 *
 *   Saved     once a first kernel exists, after a build from source.
 *   Failure   of any kind (unreadable, cut off, foreign, refused by the driver, gives no kernels)
 *             means: build from source and overwrite. An unwritable folder means: no cache. The user
 *             sees neither, except with verbose notices.
 *   Off       DEEPDIGITS_CACHE=off
 *
 * Beside programs/ lie tuning.txt (a header line, then one choice a line), selftest.txt (verdicts
 * on devices) and runtimes.txt (probe.c).
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/memory.h"
#include "device/opencl.h"

enum { HEADER = 56, KEY_OFFSET = 24, KEY_DIGITS = 32, VERSION = 1, MAX_BINARY = 256 << 20 };
static const char magic[8] = "ddprog\n";

bool dd__cache_is_on(void) {
    const char *setting = getenv("DEEPDIGITS_CACHE");
    return !setting || strcasecmp(setting, "off") != 0;
}

/* ---- One program ------------------------------------------------------------------------ */

static void put(char *to, uint64_t value, size_t bytes) {
    for (size_t i = 0; i < bytes; i++) to[i] = (char)(unsigned char)(value >> (8 * i));
}

static void fill_header(char header[HEADER], const char *key, const void *binary, size_t size) {
    memcpy(header, magic, sizeof magic);
    put(header + 8, VERSION, 4);
    put(header + 12, dd__hash32(binary, size), 4);
    put(header + 16, size, 8);
    memcpy(header + KEY_OFFSET, key, KEY_DIGITS);
}

static dd_status program_path(const char *key, char *folder, char *path, size_t size) {
    char cache[4096], name[64];
    DD_TRY(dd__cache_folder(cache, sizeof cache));
    DD_TRY(dd__path_join(folder, size, cache, "programs"));
    snprintf(name, sizeof name, "%s.bin", key);
    return dd__path_join(path, size, folder, name);
}

char *dd__program_cache_read(const char *key, size_t *size) {
    char folder[4096], path[4096], expected[HEADER], *bytes = NULL;
    size_t found = 0;
    if (!dd__cache_is_on()) return NULL;
    if (program_path(key, folder, path, sizeof path) != DD_OK || !dd__is_file(path)) return NULL;
    if (dd__file_read(path, MAX_BINARY, &bytes, &found) != DD_OK) {
        dd__log(DD_LOG_VERBOSE, "a cached program is passed over: %s", dd_message());
        return NULL;
    }
    if (found > HEADER) fill_header(expected, key, bytes + HEADER, found - HEADER);
    if (found <= HEADER || memcmp(bytes, expected, HEADER) != 0) {
        dd__log(DD_LOG_VERBOSE, "%s: damaged or foreign, built anew", path);
        dd__free(bytes);
        return NULL;
    }
    *size = found - HEADER;
    memmove(bytes, bytes + HEADER, *size);
    return bytes;
}

void dd__program_cache_write(const char *key, const void *binary, size_t size) {
    char folder[4096], path[4096], header[HEADER];
    dd__writer writer;
    if (!dd__cache_is_on() || size > MAX_BINARY - HEADER) return;
    fill_header(header, key, binary, size);
    dd_status status = program_path(key, folder, path, sizeof path);
    if (status == DD_OK) status = dd__folder_make(folder);
    if (status == DD_OK) status = dd__writer_open(&writer, path);
    if (status == DD_OK) {
        bool written = fwrite(header, 1, HEADER, writer.stream) == HEADER &&
                       fwrite(binary, 1, size, writer.stream) == size;
        status = dd__writer_close(&writer,
                                  written ? DD_OK : dd__fail(DD_IO, "%s: cannot be written", path));
    }
    if (status != DD_OK) dd__log(DD_LOG_VERBOSE, "a program is not cached: %s", dd_message());
}

/* ---- All of the cache -------------------------------------------------------------------- */

static const char *const own_files[] = {"tuning.txt", "selftest.txt", "runtimes.txt"};

/* <32 digits>.bin, or what an interrupted writer left: <32 digits>.bin.tmp<number>. */
static bool is_program(const char *name) {
    return strspn(name, "0123456789abcdef") == KEY_DIGITS &&
           (strcmp(name + KEY_DIGITS, ".bin") == 0 ||
            strncmp(name + KEY_DIGITS, ".bin.tmp", 8) == 0);
}

typedef dd_status visitor(void *context, const char *path, bool is_program);

/* Calls for every file of the library's own. */
static dd_status each_file(const char *cache, visitor *visit, void *context) {
    char path[4096 + 300], folder[4096];
    for (size_t i = 0; i < DD_COUNT(own_files); i++) {
        DD_TRY(dd__path_join(path, sizeof path, cache, own_files[i]));
        if (dd__is_file(path)) DD_TRY(visit(context, path, false));
    }
    DD_TRY(dd__path_join(folder, sizeof folder, cache, "programs"));
    DIR *entries = opendir(folder);
    dd_status status = DD_OK;
    for (struct dirent *entry; status == DD_OK && entries && (entry = readdir(entries));) {
        if (!is_program(entry->d_name)) continue;
        status = dd__path_join(path, sizeof path, folder, entry->d_name);
        if (status == DD_OK) status = visit(context, path, dd__ends_with(entry->d_name, ".bin"));
    }
    if (entries) closedir(entries);
    return status;
}

static dd_status count_file(void *context, const char *path, bool program) {
    dd_cache_info *info = context;
    struct stat file;
    if (stat(path, &file) == 0) info->bytes += (uint64_t)file.st_size;
    info->programs += program;
    return DD_OK;
}

static size_t count_tunings(const char *cache) {
    char path[4096 + 16], *text = NULL;
    size_t size = 0, lines = 0;
    if (dd__path_join(path, sizeof path, cache, "tuning.txt") != DD_OK || !dd__is_file(path) ||
        dd__file_read(path, MAX_BINARY, &text, &size) != DD_OK)
        return 0;
    for (const char *at = text; *at; at += strcspn(at, "\n"), at += *at == '\n')
        lines += *at != '\n';
    dd__free(text);
    return lines ? lines - 1 : 0;
}

dd_status dd_cache_describe(dd_cache_info *info) {
    *info = (dd_cache_info){0};
    DD_TRY(dd__cache_folder(info->folder, sizeof info->folder));
    info->tunings = count_tunings(info->folder);
    return each_file(info->folder, count_file, info);
}

static dd_status remove_file(void *context, const char *path, bool program) {
    (void)context;
    (void)program;
    return remove(path) == 0 ? DD_OK : dd__fail(DD_IO, "%s: cannot be removed", path);
}

dd_status dd_cache_clear(void) {
    char cache[4096], programs[4096];
    DD_TRY(dd__cache_folder(cache, sizeof cache));
    DD_TRY(each_file(cache, remove_file, NULL));
    DD_TRY(dd__path_join(programs, sizeof programs, cache, "programs"));
    rmdir(programs); /* stays when something else is in it */
    return DD_OK;
}
