#include "check/check.h"

static const dd__case *const families[] = {
    dd__cases_convolution, dd__cases_dense,  dd__cases_activation, dd__cases_arithmetic,
    dd__cases_pool,        dd__cases_norm,   dd__cases_softmax,    dd__cases_shape,
    dd__cases_axes,        dd__cases_resize, dd__cases_views,      dd__cases_training,
};

const dd__case *dd__case_at(size_t i) {
    for (size_t family = 0; family < DD_COUNT(families); family++)
        for (const dd__case *c = families[family]; c->name; c++)
            if (i-- == 0) return c;
    return NULL;
}
