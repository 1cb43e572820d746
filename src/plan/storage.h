/* storage.h: where everything of a plan lies. What lives from run to run has buffers of its own;
 * what lives for a part of a run shares one arena, planned by lifetime.
 */
#ifndef DD_PLAN_STORAGE_H
#define DD_PLAN_STORAGE_H

#include "graph/op.h"
#include "plan/plan.h"

/* A stretch of the arena, alive from node `first` to node `last`. */
typedef struct dd__block {
    size_t bytes, first, last;
    size_t offset; /* the answer */
} dd__block;

/* Gives every block an offset, a multiple of DD__ALIGNMENT, so that blocks alive together do not
 * overlap: largest first, each at the lowest place that is free (greedy by size; Pisarchyk, Lee:
 * "Efficient memory management for deep neural net inference", 2020). *total is the arena's size. No
 * block crosses a multiple of `piece` (a multiple of DD__ALIGNMENT), unless it is larger than that: so
 * an arena that is too large for one buffer can lie in several.
 * DD_MEMORY */
dd_status dd__storage_plan(dd__block *blocks, size_t count, size_t piece, size_t *total);

/* What nodes were given beside their values. */
typedef struct dd__node_storage {
    dd__buffer *workspace[DD__WORKSPACES], *packed;
    bool packed_once; /* the weights never change in this graph */
    bool once;        /* all that the node reads are such weights: what it computes stays */
} dd__node_storage;

typedef struct dd__storage dd__storage;

/* What dd__storage_create would allocate, from the same arguments; of bindings only the names count.
 * DD_MEMORY  of the host */
dd_status dd__storage_need(dd_device *device, dd__graph *graph,
                           const dd__implementation *const *chosen, const dd__binding *bindings,
                           size_t binding_count, dd__node_storage *nodes, dd__need *need);
/* Allocates for all values of the graph (value->buffer is set) and for the nodes' scratch.
 *   chosen  (node_count) each node's implementation, NULL for views
 *   nodes   (node_count), filled in
 * DD_MEMORY  it does not fit: found out before anything is allocated */
dd_status dd__storage_create(dd_device *device, dd__graph *graph,
                             const dd__implementation *const *chosen, const dd__binding *bindings,
                             size_t binding_count, dd__node_storage *nodes, dd__storage **storage);
void dd__storage_free(dd__storage *storage);

#endif
