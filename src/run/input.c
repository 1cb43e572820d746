#include "run/input.h"

#include "data/sources.h"

dd_status dd__model_input(const dd_model *model, dd_prepare mode, dd__input *input) {
    *input = (dd__input){.height = model->height,
                         .width = model->width,
                         .channels = model->channels,
                         .mode = mode,
                         .crop = model->preparation.crop,
                         .resize = model->preparation.resize,
                         .digits = model->preparation.digits};
    if (model->channels == 1 || model->channels == 3) return DD_OK;
    return dd__fail(DD_SHAPE, "network \"%s\" takes %u channels: a picture has 1 or 3", model->name,
                    model->channels);
}

dd_status dd_dataset_load_for(const dd_model *model, const char *source, dd_split split,
                              bool own_classes, dd_dataset **dataset) {
    dd__target target = {.class_names = (const char *const *)model->class_names,
                         .classes = model->classes,
                         .own_classes = own_classes};
    bool takes_pictures = dd__model_input(model, DD_PREPARE_AUTO, &target.input) == DD_OK;
    target.input.digits = false; /* a training that goes on has the images that it began with */
    return dd__dataset_load(source, split, takes_pictures ? &target : NULL, dataset);
}
