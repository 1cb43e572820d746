/* alike.c: whether one of two models may be used for the other's work, beside it (merge.c) or for it
 * (train/distill.c). */
#include <string.h>

#include "model/model.h"

static dd_status check_images(const dd_model *a, const dd_model *b) {
    if (a->height == b->height && a->width == b->width && a->channels == b->channels) return DD_OK;
    return dd__fail(DD_SHAPE, "images of %ux%ux%u and %ux%ux%u", a->height, a->width, a->channels,
                    b->height, b->width, b->channels);
}

static dd_status check_pixels(const dd__preparation *a, const dd__preparation *b,
                              unsigned channels) {
    for (unsigned c = 0; c < channels && c < DD__PREPARED; c++)
        if (a->scale[c] != b->scale[c] || a->shift[c] != b->shift[c])
            return dd__fail(DD_SHAPE, "channel %u as pixel * %g + %g and pixel * %g + %g", c,
                            (double)a->scale[c], (double)a->shift[c], (double)b->scale[c],
                            (double)b->shift[c]);
    return DD_OK;
}

static dd_status check_classes(const dd_model *a, const dd_model *b) {
    if (a->classes != b->classes)
        return dd__fail(DD_SHAPE, "%u classes and %u", a->classes, b->classes);
    for (unsigned i = 0; i < a->classes; i++)
        if (strcmp(a->class_names[i], b->class_names[i]) != 0)
            return dd__fail(DD_SHAPE, "class %u is \"%s\" and \"%s\"", i, a->class_names[i],
                            b->class_names[i]);
    return DD_OK;
}

dd_status dd__model_check_alike(const dd_model *a, const dd_model *b) {
    DD_TRY(check_images(a, b));
    DD_TRY(check_classes(a, b));
    return check_pixels(&a->preparation, &b->preparation, a->channels);
}
