/* layers.h: what is known of a network once its shapes are inferred. */
#ifndef DD_MODEL_LAYERS_H
#define DD_MODEL_LAYERS_H

#include "model/model.h"

/* Fills model->layers and model->info (all but the name) by building the network for one image.
 * DD_FORMAT, DD_SHAPE  a layer does not fit; the last one does not give one number a class */
dd_status dd__layers_describe(dd_model *model);

/* An inference graph of the model for one image. */
dd_status dd__layers_graph(const dd_model *model, dd__graph **graph);

/* Whether `value` is a layer's parameter, or its statistic, in `graph`. */
bool dd__is_parameter(const dd__graph *graph, const dd__value *value);
bool dd__is_statistic(const dd__graph *graph, const dd__value *value);

#endif
