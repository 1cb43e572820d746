#include "data/files.h"

#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
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

/* ---- Folders seen ------------------------------------------------------------------------- */

typedef struct place {
    dev_t device;
    uint64_t inode; /* its number + 1; 0: none */
} place;

/* The folders seen below one named path: links may lead in circles. A table with open addressing. */
typedef struct visits {
    place *table; /* (room), a power of two, at most half full */
    size_t count, room;
} visits;

static place *find_place(const visits *visited, const place *wanted) {
    size_t at = ((size_t)wanted->inode * 0x9E3779B97F4A7C15u ^ (size_t)wanted->device);
    for (at ^= at >> 32;; at++) {
        place *found = &visited->table[at & (visited->room - 1)];
        if (found->inode == 0) return found;
        if (found->device == wanted->device && found->inode == wanted->inode) return found;
    }
}

static dd_status grow_visits(visits *visited) {
    visits larger = {.count = visited->count, .room = visited->room ? visited->room * 2 : 64};
    larger.table = dd__alloc(larger.room, sizeof *larger.table);
    if (!larger.table) return dd__no_memory(larger.room * sizeof *larger.table);
    for (size_t i = 0; i < visited->room; i++)
        if (visited->table[i].inode) *find_place(&larger, &visited->table[i]) = visited->table[i];
    dd__free(visited->table);
    *visited = larger;
    return DD_OK;
}

/* *again: whether the folder was seen before. */
static dd_status visit(visits *visited, const struct stat *folder, bool *again) {
    place now = {folder->st_dev, (uint64_t)folder->st_ino + 1};
    if (2 * (visited->count + 1) > visited->room) DD_TRY(grow_visits(visited));
    place *there = find_place(visited, &now);
    *again = there->inode != 0;
    if (!*again) visited->count++;
    *there = now;
    return DD_OK;
}

/* ---- A folder and those below ------------------------------------------------------------- */

/* The path is on the heap: folders may be thousands deep. */
typedef struct walk {
    const dd__files_search *search;
    visits visited;
    char *path;
    size_t length, room;
} walk;

static bool is_ended(const dd__files_search *search) {
    return dd__interrupted() || (search->stop && atomic_load(search->stop));
}

static dd_status tell(const dd__files_search *search, const char *path) {
    if (is_ended(search)) return dd__fail(DD_INTERRUPTED, "the search for files was ended");
    return search->function(search->context, path);
}

static dd_status append(walk *w, const char *name) {
    size_t added = strlen(name), wanted = w->length + added + 2;
    if (wanted > w->room) {
        char *longer = dd__resize(w->path, 2 * wanted, 1);
        if (!longer) return dd__no_memory(2 * wanted);
        w->path = longer;
        w->room = 2 * wanted;
    }
    if (w->length && w->path[w->length - 1] != '/') w->path[w->length++] = '/';
    memcpy(w->path + w->length, name, added + 1);
    w->length += added;
    return DD_OK;
}

static void cut(walk *w, size_t length) {
    w->length = length;
    w->path[length] = 0;
}

/* Tells of the images in the folder at w->path and keeps the names of its folders. What has an
 * image's name but is none (a link that leads nowhere, a pipe) is for its reader to refuse. */
static dd_status walk_images(walk *w, const dd__names *entries, dd__names *folders) {
    size_t length = w->length;
    for (size_t i = 0; i < entries->count; i++) {
        struct stat found;
        DD_TRY(append(w, entries->names[i]));
        if (stat(w->path, &found) == 0 && S_ISDIR(found.st_mode))
            DD_TRY(dd__names_add(folders, entries->names[i]));
        else if (dd__image_has_ending(w->path))
            DD_TRY(tell(w->search, w->path));
        cut(w, length);
    }
    return DD_OK;
}

static dd_status walk_folder(walk *w);

static dd_status walk_folders(walk *w, const dd__names *folders) {
    size_t length = w->length;
    for (size_t i = 0; i < folders->count; i++) {
        DD_TRY(append(w, folders->names[i]));
        DD_TRY(walk_folder(w));
        cut(w, length);
    }
    return DD_OK;
}

/* The folder at w->path. */
static dd_status walk_folder(walk *w) {
    bool again = false;
    struct stat found;
    if (stat(w->path, &found) != 0) return tell(w->search, w->path);
    DD_TRY(visit(&w->visited, &found, &again));
    if (again) return DD_OK;
    dd__names entries = {.names = NULL}, folders = {.names = NULL};
    dd_status status = dd__names_in(w->path, &entries);
    if (status == DD_IO)
        status = tell(w->search, w->path);
    else if (status == DD_OK)
        status = walk_images(w, &entries, &folders);
    dd__names_clear(&entries);
    if (status == DD_OK) status = walk_folders(w, &folders);
    dd__names_clear(&folders);
    return status;
}

static dd_status search_path(const dd__files_search *search, const char *path) {
    struct stat found;
    if (stat(path, &found) != 0 || !S_ISDIR(found.st_mode)) return tell(search, path);
    walk w = {.search = search};
    dd_status status = append(&w, path);
    if (status == DD_OK) status = walk_folder(&w);
    dd__free(w.visited.table);
    dd__free(w.path);
    return status;
}

/* ---- A list ------------------------------------------------------------------------------- */

typedef struct reader {
    char bytes[16384];
    size_t at, size; /* what is unread */
} reader;

/* Whoever writes the list may take his time: `stop` is looked at meanwhile. size 0: the end. */
static dd_status refill(const dd__files_search *search, reader *from) {
    enum { WAIT_MS = 100 };
    struct pollfd list = {.fd = search->list, .events = POLLIN};
    do
        if (is_ended(search)) return dd__fail(DD_INTERRUPTED, "the search for files was ended");
    while (poll(&list, 1, WAIT_MS) == 0);
    ssize_t got;
    do got = read(search->list, from->bytes, sizeof from->bytes);
    while (got < 0 && errno == EINTR);
    if (got < 0) return dd__fail(DD_IO, "standard input: cannot read: %s", strerror(errno));
    from->at = 0;
    from->size = (size_t)got;
    return DD_OK;
}

/* *length is that of the next path, SIZE_MAX behind the last. */
static dd_status next_path(const dd__files_search *search, reader *from, char path[PATH_SIZE + 2],
                           size_t *length) {
    for (*length = 0;; from->at++) {
        if (from->at == from->size) DD_TRY(refill(search, from));
        if (from->size == 0) break;
        char byte = from->bytes[from->at];
        if (byte == search->end || byte == 0) break;
        if (*length > PATH_SIZE)
            return dd__fail(
                DD_USAGE, "standard input: expected paths of at most %d bytes, found \"%.40s...\"",
                PATH_SIZE, path);
        path[(*length)++] = byte;
        path[*length] = 0;
    }
    if (from->size == 0 && *length == 0) *length = SIZE_MAX;
    if (from->size) from->at++;
    return DD_OK;
}

static dd_status search_list(const dd__files_search *search) {
    reader *from = dd__alloc(1, sizeof *from);
    if (!from) return dd__no_memory(sizeof *from);
    dd_status status = DD_OK;
    char path[PATH_SIZE + 2];
    for (size_t length = 0; status == DD_OK;) {
        DD_TRY_OUT(next_path(search, from, path, &length));
        if (length == SIZE_MAX) break;
        if (search->end == '\n' && length && path[length - 1] == '\r') length--;
        path[length] = 0;
        if (length) status = search_path(search, path);
    }
out:
    dd__free(from);
    return status;
}

dd_status dd__files_search_run(const dd__files_search *search, const char *const *paths,
                               size_t count) {
    for (size_t i = 0; i < count; i++) {
        bool is_list = search->list >= 0 && strcmp(paths[i], "-") == 0;
        DD_TRY(is_list ? search_list(search) : search_path(search, paths[i]));
    }
    return DD_OK;
}

static dd_status add_name(void *context, const char *path) { return dd__names_add(context, path); }

dd_status dd__files_find(const char *const *paths, size_t count, dd__names *list) {
    const dd__files_search search = {.list = -1, .function = add_name, .context = list};
    return dd__files_search_run(&search, paths, count);
}
