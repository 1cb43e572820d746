/* tuning.h: the file of measured choices: which implementation, with which settings, is fastest for
 * an op of a shape on a device. Text, one choice a line, so that people can read, edit and share it:
 *
 *     deepdigits tuning 2
 *     <hash> <op> <shape> <choice> <microseconds> <microseconds of the default> <stages>
 *
 * The hash is that of the device's key and of all kernels, the shape is what dd__tuning_shape
 * prints, the choice what dd__choice_print does; the stages of the search that are done tell where
 * it goes on (run/search.h). The numbers may be missing. A file with another first line is ignored;
 * so is a choice that names an implementation, a tunable or a value that there is not. A later line
 * overrules an earlier one.
 */
#ifndef DD_TUNE_TUNING_H
#define DD_TUNE_TUNING_H

#include "tune/choice.h"

typedef struct dd__tuning {
    dd__choice choice;
    double seconds, default_seconds; /* 0: not known */
    unsigned stages;
} dd__tuning;

enum { DD__TUNING_SHAPE = 512 };
/* "128x12x12x64,5x5x64x128,->128x8x8x128;filters_128,...": the node's inputs, outputs, attributes. An
 * attribute that no file can give shows in inputs and outputs. */
char *dd__tuning_shape(const dd__node *node, char *out, size_t size);

/* What is known of this node on this device; false: nothing. The file is read once a process and
 * again after dd__tuning_keep. */
bool dd__tuning_find(const dd_device *device, const dd__node *node, dd__tuning *found);

/* Puts it into the file, in place of what is known of the node, atomically. */
dd_status dd__tuning_keep(const dd_device *device, const dd__node *node, const dd__tuning *tuning);

#endif
