/* input.h: how pictures become what a model takes. */
#ifndef DD_RUN_INPUT_H
#define DD_RUN_INPUT_H

#include "data/input.h"
#include "model/model.h"

/* *input is what `mode` means for this model. DD_SHAPE  its input is no picture: neither grey nor colour */
dd_status dd__model_input(const dd_model *model, dd_prepare mode, dd__input *input);

#endif
