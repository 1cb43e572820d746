/* list.h: the files of a job, found by a thread of its own while others are at work on the first ones. It
 * runs ahead by at most DD__LIST_ROOM names, so memory stays bounded however many files there are. */
#ifndef DD_RUN_LIST_H
#define DD_RUN_LIST_H

#include "base/status.h"

typedef struct dd__list dd__list;

enum { DD__LIST_ROOM = 16384 };

/* Begins the search.
 *   paths  (count) as dd__files_search_run has them, with "-" for standard input; kept
 *   end    of a path on standard input: '\n' or 0 */
dd_status dd__list_start(const char *const *paths, size_t count, char end, dd__list **list);
/* Ends the search where it is. NULL is fine. */
void dd__list_free(dd__list *list);

/* Takes the next `wanted` names, at most DD__LIST_ROOM, which belong to the caller (dd__free); fewer only at the
 * end.
 *   wait   until so many are there; else *taken is 0 until they are
 * *ahead  names that are there beyond those; SIZE_MAX: not known, for the search goes on
 * With `wait`, the status of the search, when it has failed and all names before that are taken. */
dd_status dd__list_take(dd__list *list, size_t wanted, bool wait, char **names, size_t *taken,
                        size_t *ahead);

#endif
