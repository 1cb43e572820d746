/* readers.h: threads that read the files of batches into pictures, as many at a time as the processor has
 * cores.
 *
 *     caller --give--> files one by one --> a batch whose files are all read --done--> ...
 */
#ifndef DD_RUN_READERS_H
#define DD_RUN_READERS_H

#include "run/batch.h"

typedef struct dd__readers dd__readers;

/* Called by a reader for each batch that is read. */
typedef void dd__readers_function(void *context, dd__batch *batch);

/*   threads  0: as many as there are cores
 *   input    what the pictures become; kept */
dd_status dd__readers_create(unsigned threads, const dd__input *input, dd__readers_function *done,
                             void *context, dd__readers **readers);
/* Ends the threads, each after the file that it has in hand. NULL is fine. */
void dd__readers_free(dd__readers *readers);

/* Its items have paths; from now on it is the readers' until `done`. */
void dd__readers_give(dd__readers *readers, dd__batch *batch);

#endif
