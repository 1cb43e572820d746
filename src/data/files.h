/* files.h: from paths that someone named to the files behind them. */
#ifndef DD_DATA_FILES_H
#define DD_DATA_FILES_H

#include <stdio.h>

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

/* Adds the files that `paths` name, in their order: a file as it is, whatever its name, and also
 * when it does not exist, so that its reader can say so; a folder's images, by the endings of
 * their names, and then those of its folders, sorted by name, each folder once however many links
 * lead there; "-" for every line of `input`, a path each. A folder that cannot be read is added
 * itself, for the same reason.
 *   input  NULL: "-" is a file's name
 * DD_IO  input cannot be read;  DD_MEMORY;  DD_USAGE  a path is too long */
dd_status dd__files_find(const char *const *paths, size_t count, FILE *input, dd__names *list);

#endif
