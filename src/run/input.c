#include "run/input.h"

dd_status dd__model_input(const dd_model *model, dd_prepare mode, dd__input *input) {
    *input = (dd__input){.height = model->height,
                         .width = model->width,
                         .channels = model->channels,
                         .mode = mode,
                         .crop = model->preparation.crop,
                         .resize = model->preparation.resize};
    if (model->channels == 1 || model->channels == 3) return DD_OK;
    return dd__fail(DD_SHAPE, "network \"%s\" takes %u channels: a picture has 1 or 3", model->name,
                    model->channels);
}
