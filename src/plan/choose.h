/* choose.h: which implementation computes a node. */
#ifndef DD_PLAN_CHOOSE_H
#define DD_PLAN_CHOOSE_H

#include "graph/op.h"

/* In this order: what a test or the tuner forces (node->forced, with node->settings), what the
 * device's options force, what was measured (tune/tuning.h), then the default. The settings go into
 * the node. At the verbose level the log tells each refusal.
 * DD_USAGE  a forced implementation or setting does not exist, or the implementation refuses: the
 *           message has its reason */
dd_status dd__choose(const dd_device *device, dd__node *node, const dd__implementation **chosen);
/* Only what is forced, whether it refuses or not; NULL: nothing is. */
dd_status dd__choose_forced(const dd_device *device, dd__node *node,
                            const dd__implementation **chosen);
/* The first of the op's list that is made for the device's class and does not refuse, with its own
 * settings. Never a vendor's name. */
dd_status dd__choose_default(const dd_device *device, dd__node *node,
                             const dd__implementation **chosen);

/* Whether an implementation that is made for the device's class fits. Of the node, only the op, the
 * attributes and the inputs need be there. */
bool dd__can_compute(const dd_device *device, const dd__node *node);

/* Why `implementation` cannot compute the node, with its settings, on the device; NULL when it
 * can. */
const char *dd__refusal(const dd_device *device, const dd__node *node,
                        const dd__implementation *implementation);

#endif
