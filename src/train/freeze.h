/* freeze.h: which layers a training leaves as they are.
 *
 * They are built in their inference form, and their parameters lie among the statistics (graph.h): so no
 * gradient, decay or moment is theirs, and none is computed below the lowest layer that is trained.
 */
#ifndef DD_TRAIN_FREEZE_H
#define DD_TRAIN_FREEZE_H

#include "model/model.h"

/* Whether `text` (dd_train_options.freeze) is a list as it should be, of whatever network. DD_USAGE */
dd_status dd__freeze_check(const char *text);
/* *frozen (layers) belongs to the caller; NULL where none is.
 * DD_USAGE  no layer is meant by a part of the list, or all that could be trained: layers are listed */
dd_status dd__freeze_layers(const dd_model *model, const char *text, bool **frozen);

#endif
