/* file.h: whole files in and out, folders, and where the caches are. */
#ifndef DD_BASE_FILE_H
#define DD_BASE_FILE_H

#include "base/status.h"

/* Reads a whole file. *bytes is NUL-terminated one past *size and belongs to the caller (dd__free).
 * DD_IO  it cannot be read, is a folder, or is larger than `limit` bytes */
dd_status dd__file_read(const char *path, size_t limit, char **bytes, size_t *size);
/* Writes to a temporary name beside `path`, syncs and renames: readers see the old file or the new
 * one, and a failure leaves the old one. */
dd_status dd__file_write(const char *path, const void *bytes, size_t size);

/* A file written piece by piece that appears under its name only when committed. */
typedef struct dd__writer {
    void *stream; /* FILE; usable with fprintf between open and close */
    char path[4096], temporary[4096 + 48];
} dd__writer;
dd_status dd__writer_open(dd__writer *writer, const char *path);
/* `status` is how the writing went: DD_OK renames, anything else removes. Returns the first
 * failure. */
dd_status dd__writer_close(dd__writer *writer, dd_status status);

/* Makes a folder and those above it; fine when it is there. */
dd_status dd__folder_make(const char *path);
bool dd__is_folder(const char *path);
bool dd__is_file(const char *path);
/* Joins with '/'; DD_USAGE when it does not fit. */
dd_status dd__path_join(char *out, size_t size, const char *folder, const char *name);
/* Whether `path` ends in `ending`, in any case. */
bool dd__ends_with(const char *path, const char *ending);
/* $DEEPDIGITS_CACHE_DIR, $XDG_CACHE_HOME/deepdigits, or ~/.cache/deepdigits; not made. */
dd_status dd__cache_folder(char *out, size_t size);

#endif
