/* workers.h: devices that share the batches of a job.
 *
 *     caller --give--> queue --take--> thread of a device: predict --computed--> wait --> caller
 *
 * A thread a device takes the next batch whenever its device is free, so a slow device takes fewer,
 * and none at the end of the job, which would have to wait for it. What a device could not compute
 * goes back to the front of the queue, for the others; the device is left out from then on. Threads
 * make their predictors themselves: the first batch is computed as soon as one device is ready.
 */
#ifndef DD_RUN_WORKERS_H
#define DD_RUN_WORKERS_H

#include "run/batch.h"

typedef struct dd__workers dd__workers;

/*   shares   (count) with their devices; kept, and filled in by dd__workers_free
 *   threads  at most, for a job of few batches; devices without one stand by for those that fail
 *   room     batches that are given and not yet computed, at most */
dd_status dd__workers_create(dd_classify_share *shares, size_t count, const dd_model *model,
                             unsigned batch, size_t threads, size_t room, dd__workers **workers);
/* Ends the threads, each after the batch that it has in hand. NULL is fine. */
void dd__workers_free(dd__workers *workers);

/* One batch more will be given, and so many after it, as far as is known: what the job has left, which decides
 * whether a slow device is still needed. */
void dd__workers_expect(dd__workers *workers, size_t more);
/* Never waits. When no device is left, nobody takes it. */
void dd__workers_give(dd__workers *workers, dd__batch *batch);
/* Whether the batch, which was given, is computed. */
bool dd__workers_are_done(dd__workers *workers, const dd__batch *batch);
/* Waits until it is. The status of the last failure, when no device is left. */
dd_status dd__workers_wait(dd__workers *workers, const dd__batch *batch);

#endif
