/* files.h: from paths that someone named to the files behind them. */
#ifndef DD_DATA_FILES_H
#define DD_DATA_FILES_H

#include <stdatomic.h>

#include "base/memory.h"

/* A growing list of strings. Zeros are an empty list. */
typedef struct dd__names {
    char **names; /* (count) */
    size_t count, room;
    dd__arena arena; /* where the strings are */
} dd__names;

/* Adds a copy. DD_MEMORY */
dd_status dd__names_add(dd__names *list, const char *name);
void dd__names_clear(dd__names *list);
/* Adds the names in a folder, sorted by bytes, without those that begin with a dot.
 * DD_IO  it cannot be read */
dd_status dd__names_in(const char *folder, dd__names *list);

/* Told of each file; what is not DD_OK ends the search with that status. */
typedef dd_status dd__files_function(void *context, const char *path);

typedef struct dd__files_search {
    int list;                /* descriptor of the list that "-" stands for; -1: a file's name */
    char end;                /* of each path in the list: '\n' or 0 */
    const atomic_bool *stop; /* once true, the search ends; NULL: never */
    dd__files_function *function;
    void *context;
} dd__files_search;

/* Tells of the files that `paths` name, in their order, as they are found: a file as it is, whatever
 * its name, and also when it does not exist, so that its reader can say so; a folder's images, by
 * the endings of their names, and then those of its folders, sorted by name, each folder once
 * however many links lead there; "-" for every path of the list. A folder that cannot be read is
 * told of itself, for the same reason. Memory: the names in one folder.
 * DD_IO  the list cannot be read;  DD_MEMORY;  DD_USAGE  a path in the list is too long;
 * DD_INTERRUPTED  `stop`, or dd_interrupt() */
dd_status dd__files_search_run(const dd__files_search *search, const char *const *paths,
                               size_t count);
/* Adds the same files to `list`, without one on standard input. */
dd_status dd__files_find(const char *const *paths, size_t count, dd__names *list);

#endif
