/* chain.h: the launches of a recorder as one.
 *
 * Runtimes on processors wake a thread for each launch, and that takes longer (20 to 50 us) than
 * the launches of a network with one image do. A chain is one launch with an item a thread. Its
 * tasks are the work-groups of all launches, in their order; an item takes the next one from a counter
 * once all tasks of earlier launches are done, and computes it. So an item only ever waits for what
 * others are computing, none for one that has not begun: a runtime may run as many items at once as it
 * likes, even one. And one that waits long may leave, for whoever computes what it waits for goes on.
 *
 * The program is linked from the launches' own (clCompileProgram, clLinkProgram): each becomes a
 * function, with its kernel's work-item functions replaced by an argument.
 */
#ifndef DD_DEVICE_CHAIN_H
#define DD_DEVICE_CHAIN_H

#include "device/recorder.h"

/* From now on dd__recorder_run enqueues one launch; profiles still take them apart. Takes a second
 * or two, or some ms when the program is in the cache.
 * DD_USAGE   there are calls on the host, or work-groups with rows
 * DD_DEVICE  the device is no processor, has no linker, or takes fewer arguments; the launches stay
 *            as they were, as with any failure */
dd_status dd__recorder_chain(dd__recorder *recorder);
/* Enqueues launch by launch again. */
void dd__recorder_unchain(dd__recorder *recorder);

#endif
