/* norm_pool.h: what norm_pool.c shares with conv2d_norm_pool.c, whose ops have the same inputs 1 to 6 and
 * outputs (norm_pool_training), or inputs 0 and 2 to 6 and outputs from 1 on (norm_pool_backward). x, which
 * they do not have, are the images that the norm takes. Attributes begin with a dd__norm_pool.
 */
#ifndef DD_OPS_NORM_POOL_H
#define DD_OPS_NORM_POOL_H

#include "graph/attributes.h"

/* Check those inputs and make the outputs; output 0 of the backward op has the dims `result`. */
dd_status dd__norm_pool_infer(dd__graph *graph, dd__node *node, const dd__dims *x);
dd_status dd__norm_pool_infer_backward(dd__graph *graph, dd__node *node, const dd__dims *x,
                                       const dd__dims *result);

/* What dropout multiplies by where it keeps. */
float dd__norm_pool_scale(const dd__norm_pool *attributes);

/* y, place and winner, when mean and deviation are there, from the winner of each window of x and its
 * place (u8), both like y. */
dd_status dd__norm_pool_record_chosen(dd__recorder *recorder, const dd__node *node,
                                      const dd_device *device, dd__buffer *best, dd__buffer *where);

/* dgamma and dbeta, from the windows' winners alone; partial has dd__norm_pool_sums_bytes. */
size_t dd__norm_pool_sums_bytes(const dd__node *node, const dd_device *device);
dd_status dd__norm_pool_record_sums(dd__recorder *recorder, const dd__node *node,
                                    const dd_device *device, dd__buffer *partial);

#endif
