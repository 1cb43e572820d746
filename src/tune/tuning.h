/* tuning.h: the file of measured choices: which implementation is fastest for an op of a shape on a
 * device. Text, one choice a line, so that people can read, edit and share it:
 *
 *     deepdigits tuning 1
 *     <hash of the device's key> <op> <shape> <implementation> <microseconds>
 *
 * The shape is what dd__tuning_shape prints. A file with another first line is ignored; a later
 * line overrules an earlier one; a choice that names an unknown implementation is ignored.
 */
#ifndef DD_TUNE_TUNING_H
#define DD_TUNE_TUNING_H

#include "graph/op.h"

/* "128x12x12x64,5x5x64x128,-;filters 128, ..." without blanks: the node's inputs and attributes. */
char *dd__tuning_shape(const dd__node *node, char *out, size_t size);

/* The implementation chosen for this node on this device, or NULL. The file is read once a process
 * and again after dd__tuning_keep. */
const dd__implementation *dd__tuning_find(const dd_device *device, const dd__node *node);

/* Adds a choice to the file, atomically. */
dd_status dd__tuning_keep(const dd_device *device, const dd__node *node,
                          const dd__implementation *implementation, double seconds);

#endif
