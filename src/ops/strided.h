/* strided.h: copies whose elements lie in steps: what transpose and slice do. */
#ifndef DD_OPS_STRIDED_H
#define DD_OPS_STRIDED_H

#include "ops/walk.h"

/* y, the node's output 0, whose elements `walk` (over y, not merged) finds in x, its input 0, counted
 * from element `begin` on. */
dd_status dd__record_strided(dd__recorder *recorder, const dd__node *node, const dd__site *site,
                             dd__walk walk, int32_t begin);
/* The same for CPU runtimes: rows of neighbours, or squares that are turned. */
dd_status dd__record_strided_vector(dd__recorder *recorder, const dd__node *node,
                                    const dd__site *site, dd__walk walk, int32_t begin);

#endif
