/* half.h: what inference stores in half precision. */
#ifndef DD_PLAN_HALF_H
#define DD_PLAN_HALF_H

#include "graph/op.h"

/* On a device of the GPU class that may compute so (dd_precision), in a graph that is not for training:
 *
 *   a value that one node hands to others becomes F16, where the implementations that compute all of
 *   them take it so; what the host reads or writes stays F32;
 *   a parameter becomes a copy in F16, made once, for an implementation that takes it so.
 *
 * Behind dd__graph_fuse. All others stay as they are: sums, biases, what a batch_norm multiplies with,
 * images, logits and probabilities. DD_MEMORY
 * DD_USAGE  a forced implementation does not exist */
dd_status dd__graph_halve(dd__graph *graph, const dd_device *device);

#endif
