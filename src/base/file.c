#include "base/file.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"

static dd_status io_failure(const char *what, const char *path) {
    return dd__fail(DD_IO, "%s: cannot %s: %s", path, what, strerror(errno));
}

bool dd__is_folder(const char *path) {
    struct stat found;
    return stat(path, &found) == 0 && S_ISDIR(found.st_mode);
}

bool dd__is_file(const char *path) {
    struct stat found;
    return stat(path, &found) == 0 && S_ISREG(found.st_mode);
}

/* Reads until the end rather than trusting a size, so that pipes work too. */
static dd_status read_stream(FILE *file, const char *path, size_t limit, char **bytes,
                             size_t *size) {
    size_t room = 65536, used = 0;
    char *buffer = dd__alloc(room + 1, 1);
    while (buffer) {
        used += fread(buffer + used, 1, room - used, file);
        if (used < room) break;
        if (used > limit) break;
        room *= 2;
        char *larger = dd__resize(buffer, room + 1, 1);
        if (!larger) dd__free(buffer);
        buffer = larger;
    }
    if (!buffer) return dd__within(dd__no_memory(room), "%s", path);
    dd_status status = DD_OK;
    if (ferror(file)) status = io_failure("read", path);
    if (used > limit)
        status =
            dd__fail(DD_IO, "%s: larger than %zu bytes, the limit for such a file", path, limit);
    if (status != DD_OK) {
        dd__free(buffer);
        return status;
    }
    buffer[used] = 0;
    *bytes = buffer;
    *size = used;
    return DD_OK;
}

dd_status dd__file_read(const char *path, size_t limit, char **bytes, size_t *size) {
    if (dd__is_folder(path)) return dd__fail(DD_IO, "%s: expected a file, found a folder", path);
    FILE *file = fopen(path, "rb");
    if (!file) return io_failure("open", path);
    dd_status status = read_stream(file, path, limit, bytes, size);
    fclose(file);
    return status;
}

dd_status dd__writer_open(dd__writer *writer, const char *path) {
    static atomic_uint opened; /* threads that write the same file do not share a temporary one */
    writer->stream = NULL;
    if (strlen(path) >= sizeof writer->path)
        return dd__fail(DD_USAGE, "a path of %zu characters is too long", strlen(path));
    if (dd__is_folder(path))
        return dd__fail(DD_IO, "%s: expected a file to write, found a folder", path);
    strcpy(writer->path, path);
    snprintf(writer->temporary, sizeof writer->temporary, "%s.tmp%ld-%u", path, (long)getpid(),
             (unsigned)opened++);
    writer->stream = fopen(writer->temporary, "wb");
    return writer->stream ? DD_OK : io_failure("write", path);
}

dd_status dd__writer_close(dd__writer *writer, dd_status status) {
    FILE *file = writer->stream;
    if (!file) return status;
    bool written = fflush(file) == 0 && !ferror(file) && fsync(fileno(file)) == 0;
    if (!written && status == DD_OK) status = io_failure("write", writer->path);
    if (fclose(file) != 0 && status == DD_OK) status = io_failure("write", writer->path);
    if (status == DD_OK && rename(writer->temporary, writer->path) != 0)
        status = io_failure("rename a temporary file to", writer->path);
    if (status != DD_OK) remove(writer->temporary);
    writer->stream = NULL;
    return status;
}

dd_status dd__file_write(const char *path, const void *bytes, size_t size) {
    dd__writer writer;
    DD_TRY(dd__writer_open(&writer, path));
    dd_status status = DD_OK;
    if (size && fwrite(bytes, 1, size, writer.stream) != size) status = io_failure("write", path);
    return dd__writer_close(&writer, status);
}

dd_status dd__folder_make(const char *path) {
    char partial[4096];
    size_t length = strlen(path);
    if (length == 0 || length >= sizeof partial)
        return dd__fail(DD_USAGE, "\"%s\" is not a folder's name", path);
    strcpy(partial, path);
    for (size_t i = 1; i <= length; i++) {
        if (partial[i] != '/' && partial[i] != 0) continue;
        partial[i] = 0;
        if (mkdir(partial, 0777) != 0 && errno != EEXIST) return io_failure("make folder", partial);
        if (i < length) partial[i] = '/';
    }
    if (!dd__is_folder(path)) return dd__fail(DD_IO, "%s: expected a folder, found a file", path);
    return DD_OK;
}

dd_status dd__path_join(char *out, size_t size, const char *folder, const char *name) {
    size_t length = strlen(folder);
    const char *slash = length && folder[length - 1] == '/' ? "" : "/";
    int written = snprintf(out, size, "%s%s%s", folder, slash, name);
    if (written < 0 || (size_t)written >= size)
        return dd__fail(DD_USAGE, "%s/%s: the path is too long", folder, name);
    return DD_OK;
}

bool dd__ends_with(const char *path, const char *ending) {
    size_t length = strlen(path), tail = strlen(ending);
    return length >= tail && strcasecmp(path + length - tail, ending) == 0;
}

dd_status dd__cache_folder(char *out, size_t size) {
    const char *own = getenv("DEEPDIGITS_CACHE_DIR"), *xdg = getenv("XDG_CACHE_HOME");
    const char *home = getenv("HOME");
    if (own && *own) {
        if (strlen(own) >= size)
            return dd__fail(DD_USAGE, "DEEPDIGITS_CACHE_DIR: the path is too long");
        strcpy(out, own);
        return DD_OK;
    }
    if (xdg && *xdg) return dd__path_join(out, size, xdg, "deepdigits");
    if (home && *home) return dd__path_join(out, size, home, ".cache/deepdigits");
    return dd__fail(DD_IO, "no folder for the cache: set DEEPDIGITS_CACHE_DIR or HOME");
}
