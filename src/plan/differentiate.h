/* differentiate.h: reverse-mode differentiation, by adding ordinary nodes. */
#ifndef DD_PLAN_DIFFERENTIATE_H
#define DD_PLAN_DIFFERENTIATE_H

#include "graph/graph.h"

/* Adds nodes for the gradient of sum(y * seed) for all parameters and for inputs whose
 * wants_gradient was set before the nodes were added. `seed` has y's dims; gradients that flow
 * together are added up. On return (*gradients)[i] belongs to graph->values[i], NULL if none; the
 * array lives in the graph's arena and covers the values present before the call.
 * DD_USAGE  ops on the way have no gradient: 'no gradient flows through op "argmax" (layer "x"), ...',
 *           each of them in the order of the graph */
dd_status dd__graph_differentiate(dd__graph *graph, dd__value *y, dd__value *seed,
                                  dd__value ***gradients);

/* The same, with the parameters' gradients laid side by side as the parameters are: *flat has
 * graph->parameters' dims. Padding between them is zero. */
dd_status dd__graph_gradients(dd__graph *graph, dd__value *y, dd__value *seed, dd__value **flat);

#endif
