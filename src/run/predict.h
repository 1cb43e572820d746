/* predict.h: the graph that all uses of a trained model run. */
#ifndef DD_RUN_PREDICT_H
#define DD_RUN_PREDICT_H

#include "model/model.h"
#include "plan/plan.h"

/* DD_USAGE  the model has no tensors */
dd_status dd__check_trained(const dd_model *model);

/* From input "input" f32 (batch, H, W, C) to output "output" f32 (batch, classes), probabilities
 * also where the network does not end in a softmax itself. */
dd_status dd__inference_graph(const dd_model *model, uint32_t batch, const dd_device *device,
                              dd__graph **graph);

/* Makes one launch of a plan that does so little that starting its launches is much of it
 * (dd__plan_chain); else, and where that fails, leaves it as it is. */
void dd__chain_if_small(dd__plan *plan);

#endif
