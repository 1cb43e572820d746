/* fuse.h: nodes that follow each other, computed by one, so that memory is passed over as rarely as
 * can be.
 */
#ifndef DD_PLAN_FUSE_H
#define DD_PLAN_FUSE_H

#include "graph/op.h"

/* Rewrites a graph; what it computes, also what dropout drops, stays the same but for rounding. In
 * training, of a graph that has its loss but no gradients yet:
 *
 *   [conv2d ->] batch_norm_training [-> max_pool] [-> dropout]    ->    [conv2d ->] norm_pool_training
 *
 * where the tail takes its convolution along if nothing flows back into that one's input and it has few
 * weights: conv2d_norm_pool_training; and in inference
 *
 *   conv2d [-> batch_norm] [-> add] [-> activation] [-> max_pool] ->    conv2d
 *
 * where the activation is relu or clip, windows neither overlap nor leave the image and follow no add, only the next node reads what one computes, and
 * the device has an implementation. Nodes whose implementation is forced stay, and so does
 * everything on the reference device. DD_MEMORY */
dd_status dd__graph_fuse(dd__graph *graph, const dd_device *device);

#endif
