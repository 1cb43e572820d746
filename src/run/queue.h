/* queue.h: a queue between threads with room for a few things, so that those who make them never run
 * far ahead of those who use them, and memory stays bounded. It does not own what is in it. */
#ifndef DD_RUN_QUEUE_H
#define DD_RUN_QUEUE_H

#include "base/status.h"

typedef struct dd__queue dd__queue;

/* room    things that wait in it before dd__queue_put waits itself; at least 1
 * takers  that may each put back one thing beyond that */
dd_status dd__queue_create(size_t room, size_t takers, dd__queue **queue);
void dd__queue_free(dd__queue *queue);

/* Waits while the queue is full; false once it is closed. */
bool dd__queue_put(dd__queue *queue, void *thing);
/* Waits while the queue is empty; NULL once it is closed, whatever is still in it. */
void *dd__queue_take(dd__queue *queue);
/* In front of all others and without waiting, for a taker that could not use what it took. */
void dd__queue_put_back(dd__queue *queue, void *thing);
/* From now on nobody waits. */
void dd__queue_close(dd__queue *queue);

#endif
