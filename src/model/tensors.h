/* tensors.h: the model's tensors: made, freed, read from a file. */
#ifndef DD_MODEL_TENSORS_H
#define DD_MODEL_TENSORS_H

#include "model/safetensors.h"

void dd__tensors_free(dd__tensor *tensors, size_t count);

/* Gives the model the tensors of a file: all that its network wants, no others.
 * DD_FORMAT, DD_SHAPE  'tensor "conv1.weight": expected 5x5x1x64, found 3x3x1x64' */
dd_status dd__tensors_load(dd_model *model, const dd__safetensors *file);

/* Gives the model tensors that were made for it, in the order of its network. Those that are taken are
 * no longer in the list. DD_FORMAT, DD_SHAPE  likewise */
dd_status dd__tensors_take(dd_model *model, dd__tensor **tensors, size_t *count);

#endif
