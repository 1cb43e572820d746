#include "ops/axes.h"

#include <stdio.h>

static bool is_among(const dd__dims *axes, uint32_t axis, unsigned count) {
    for (unsigned i = 0; i < count; i++)
        if (axes->d[i] == axis) return true;
    return false;
}

dd__axes dd__axes_of(const dd__dims *x, const dd__dims *axes) {
    dd__axes a = {.kept = {1, 1, 1, 1}, .over = {1, 1, 1}, .places = 1, .count = 1};
    unsigned last = 0; /* of the extents in turn: 0 is K0, 1 is R0 */
    for (unsigned i = 0; i < x->rank; i++) {
        unsigned over = is_among(axes, i, axes->rank);
        if (x->d[i] == 1) continue;
        if (last % 2 != over) last++;
        *(over ? &a.over[last / 2] : &a.kept[last / 2]) *= x->d[i];
        *(over ? &a.count : &a.places) *= x->d[i];
    }
    a.together = last <= 2;
    return a;
}

dd_status dd__axes_check(const dd__value *x, const dd__dims *axes) {
    char found[80];
    if (x->type != DD__F32 || dd__dims_count(&x->dims) == 0)
        return dd__fail(DD_SHAPE, "expected floats, found %s%s", dd__dims_print(&x->dims, found),
                        x->type == DD__F32 ? "" : " of another type");
    if (axes->rank == 0) return dd__fail(DD_SHAPE, "expected at least one axis, found none");
    for (unsigned i = 0; i < axes->rank; i++) {
        if (axes->d[i] >= x->dims.rank)
            return dd__fail(DD_SHAPE, "there is no axis %u of %u dimensions", axes->d[i],
                            x->dims.rank);
        if (is_among(axes, axes->d[i], i))
            return dd__fail(DD_SHAPE, "axis %u is given twice", axes->d[i]);
    }
    return DD_OK;
}

void dd__launch_axes(dd__launch *launch, const dd__axes *axes) {
    for (size_t i = 1; i < DD_COUNT(axes->kept); i++)
        dd__launch_append(launch, DD_INT(axes->kept[i]));
    for (size_t i = 0; i < DD_COUNT(axes->over); i++)
        dd__launch_append(launch, DD_INT(axes->over[i]));
}

/* A block of columns is wide, so that whole lines of the cache are read, unless there are few. */
static size_t block_width(const dd_device *device, const dd__axes *axes) {
    size_t lanes = dd_device_describe(device)->vector_width >= 16 ? 16 : 8;
    size_t blocks = axes->kept[0] * (axes->kept[1] / (4 * lanes) + 1);
    return blocks < 4 * (size_t)dd__threads(device) ? lanes : 4 * lanes;
}

void dd__launch_together(dd__launch *launch, const dd_device *device, const dd__axes *axes,
                         const char *name, char kernel[64]) {
    bool rows = axes->kept[1] == 1;
    snprintf(kernel, 64, "%s_%s", name, rows ? "rows" : "columns");
    launch->kernel = kernel;
    dd__launch_append(launch, DD_INT(axes->over[0]));
    if (rows) {
        dd__launch_append(launch, DD_INT(axes->kept[0]));
        dd__launch_append(
            launch, DD_INT(dd__launch_chunks(launch, device, axes->kept[0], axes->over[0], 1)));
        return;
    }
    size_t width = block_width(device, axes);
    dd__launch_append(launch, DD_INT(axes->kept[1]));
    dd__launch_append(launch, DD_INT(width));
    launch->local[0] = launch->local[1] = launch->local[2] = 1;
    launch->global[0] = axes->kept[0];
    launch->global[1] = (axes->kept[1] + width - 1) / width;
}

/* Columns of a group; one where all of it goes along a row. */
static size_t group_columns(const dd_device *device, const dd__axes *axes) {
    enum { WIDE = 32 }; /* what a GPU reads at once */
    return dd__group_width(device, axes->kept[1], WIDE);
}

void dd__launch_grouped(dd__launch *launch, const dd_device *device, const dd__axes *axes,
                        const char *name, char kernel[64]) {
    size_t wide = group_columns(device, axes), strips = (axes->kept[1] + wide - 1) / wide;
    snprintf(kernel, 64, "%s_grouped", name);
    launch->kernel = kernel;
    dd__launch_append(launch, DD_INT(axes->over[0]));
    dd__launch_append(launch, DD_INT(axes->kept[1]));
    dd__launch_append(launch, DD_INT(wide));
    dd__launch_groups(launch, device, axes->kept[0] * strips * dd__device_group(device));
}

const char *dd__refuse_apart(const dd__axes *axes) {
    return axes->together ? NULL : "the axes do not lie together";
}

const char *dd__avoid_groups(const dd_device *device, const dd__axes *axes) {
    size_t items = dd__device_group(device) / group_columns(device, axes);
    return axes->count < items ? "a place has fewer elements than a group has items for it" : NULL;
}
