#include "data/files.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "data/image.h"

enum { PATH_SIZE = 4096 };

dd_status dd__names_add(dd__names *list, const char *name) {
    if (list->count == list->room) {
        size_t room = list->room ? list->room * 2 : 64;
        char **names = dd__resize(list->names, room, sizeof *names);
        if (!names) return dd__no_memory(room * sizeof *names);
        list->names = names;
        list->room = room;
    }
    char *copy = dd__arena_print(&list->arena, "%s", name);
    if (!copy) return dd__no_memory(strlen(name) + 1);
    list->names[list->count++] = copy;
    return DD_OK;
}

void dd__names_clear(dd__names *list) {
    dd__free(list->names);
    dd__arena_free(&list->arena);
    *list = (dd__names){.names = NULL};
}

static int by_bytes(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

dd_status dd__names_in(const char *folder, dd__names *list) {
    DIR *stream = opendir(folder);
    if (!stream) return dd__fail(DD_IO, "%s: cannot read the folder: %s", folder, strerror(errno));
    dd_status status = DD_OK;
    size_t first = list->count;
    for (;;) {
        errno = 0;
        const struct dirent *entry = readdir(stream);
        if (!entry && errno)
            status = dd__fail(DD_IO, "%s: cannot read the folder: %s", folder, strerror(errno));
        if (!entry) break;
        if (entry->d_name[0] == '.') continue;
        status = dd__names_add(list, entry->d_name);
        if (status != DD_OK) break;
    }
    closedir(stream);
    if (list->count > first)
        qsort(list->names + first, list->count - first, sizeof *list->names, by_bytes);
    return status;
}

/* The folders seen below one named path: links may lead in circles. */
typedef struct visits {
    struct {
        dev_t device;
        ino_t inode;
    } * seen; /* (count) */
    size_t count, room;
} visits;

/* *again: whether the folder was seen before. */
static dd_status visit(visits *visited, const struct stat *folder, bool *again) {
    *again = true;
    for (size_t i = 0; i < visited->count; i++)
        if (visited->seen[i].device == folder->st_dev && visited->seen[i].inode == folder->st_ino)
            return DD_OK;
    *again = false;
    if (visited->count == visited->room) {
        size_t room = visited->room ? visited->room * 2 : 16;
        void *seen = dd__resize(visited->seen, room, sizeof *visited->seen);
        if (!seen) return dd__no_memory(room * sizeof *visited->seen);
        visited->seen = seen;
        visited->room = room;
    }
    visited->seen[visited->count].device = folder->st_dev;
    visited->seen[visited->count++].inode = folder->st_ino;
    return DD_OK;
}

static dd_status add_folder(const char *path, const struct stat *found, visits *visited,
                            dd__names *list);

/* One entry of a folder: in the first round (folders false) images, in the second folders. */
static dd_status add_entry(const char *path, bool folders, visits *visited, dd__names *list) {
    struct stat found;
    bool is_there = stat(path, &found) == 0;
    if (is_there && S_ISDIR(found.st_mode))
        return folders ? add_folder(path, &found, visited, list) : DD_OK;
    if (folders || !dd__image_has_ending(path)) return DD_OK;
    /* a link that leads nowhere is an image that cannot be read; a pipe or device is none */
    return !is_there || S_ISREG(found.st_mode) ? dd__names_add(list, path) : DD_OK;
}

/* Paths are kept on the heap: folders may be thousands deep. */
static dd_status add_entries(const char *folder, bool folders, dd__names *entries, visits *visited,
                             dd__names *list) {
    const char *slash = dd__ends_with(folder, "/") ? "" : "/";
    for (size_t i = 0; i < entries->count; i++) {
        char *path = dd__arena_print(&entries->arena, "%s%s%s", folder, slash, entries->names[i]);
        if (!path) return dd__no_memory(strlen(folder));
        DD_TRY(add_entry(path, folders, visited, list));
    }
    return DD_OK;
}

static dd_status add_folder(const char *path, const struct stat *found, visits *visited,
                            dd__names *list) {
    bool again;
    DD_TRY(visit(visited, found, &again));
    if (again) return DD_OK;
    dd__names entries = {.names = NULL};
    dd_status status = dd__names_in(path, &entries);
    if (status == DD_IO)
        status = dd__names_add(list, path);
    else if (status == DD_OK)
        status = add_entries(path, false, &entries, visited, list);
    if (status == DD_OK) status = add_entries(path, true, &entries, visited, list);
    dd__names_clear(&entries);
    return status;
}

static dd_status add_path(const char *path, dd__names *list) {
    struct stat found;
    if (stat(path, &found) != 0 || !S_ISDIR(found.st_mode)) return dd__names_add(list, path);
    visits visited = {.seen = NULL};
    dd_status status = add_folder(path, &found, &visited, list);
    dd__free(visited.seen);
    return status;
}

/* Every line of `input` is a path. */
static dd_status add_lines(FILE *input, dd__names *list) {
    char line[PATH_SIZE + 2];
    while (fgets(line, sizeof line, input)) {
        size_t length = strlen(line);
        if (length == sizeof line - 1 && line[length - 1] != '\n')
            return dd__fail(DD_USAGE,
                            "standard input: expected paths of at most %d characters, "
                            "found \"%.40s...\"",
                            PATH_SIZE, line);
        while (length && (line[length - 1] == '\n' || line[length - 1] == '\r')) line[--length] = 0;
        if (length) DD_TRY(add_path(line, list));
    }
    if (ferror(input)) return dd__fail(DD_IO, "standard input: cannot read: %s", strerror(errno));
    return DD_OK;
}

dd_status dd__files_find(const char *const *paths, size_t count, FILE *input, dd__names *list) {
    for (size_t i = 0; i < count; i++) {
        bool is_list = input && strcmp(paths[i], "-") == 0;
        DD_TRY(is_list ? add_lines(input, list) : add_path(paths[i], list));
    }
    return DD_OK;
}
