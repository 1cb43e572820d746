#include "ops/axes.h"

#include <stdio.h>
#include <string.h>

#include "ops/launch.h"
#include "ops/ops.h"

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

/* ---- Launches ----------------------------------------------------------------------- */

static dd__axes_work work_of(const dd__node *node) {
    return node->op == &dd__op_normalize ? dd__normalize_work(node) : dd__reduce_work(node);
}

static dd_status record(dd__recorder *recorder, const dd__node *node, const dd__axes_work *work,
                        const char *form, dd__launch launch) {
    char kernel[64], options[112];
    bool grouped = strcmp(form, "grouped") == 0;
    snprintf(kernel, sizeof kernel, "%s_%s", node->op->name, form);
    snprintf(options, sizeof options, "%s -DOP_%s%s%s", launch.options, node->op->name,
             work->options, grouped ? " -DGROUPED" : "");
    launch.program = "axes";
    launch.kernel = kernel;
    launch.options = options;
    return dd__record(recorder, &launch);
}

static dd_status record_plain(dd__recorder *recorder, const dd__node *node, const dd__site *site) {
    dd__axes_work work = work_of(node);
    dd__launch launch = {.arguments = {DD_BUFFER(node->in[0]->buffer),
                                       DD_BUFFER(node->out[0]->buffer), DD_INT(work.items),
                                       DD_FLOAT(work.number)}};
    for (size_t i = 1; i < DD_COUNT(work.axes.kept); i++)
        dd__launch_append(&launch, DD_INT(work.axes.kept[i]));
    for (size_t i = 0; i < DD_COUNT(work.axes.over); i++)
        dd__launch_append(&launch, DD_INT(work.axes.over[i]));
    dd__launch_elements(&launch, site->device, work.items);
    return record(recorder, node, &work, "plain", launch);
}

/* ---- Axes that lie together ----------------------------------------------------------- */

static const char *refuse_apart(const dd__node *node, const dd_device *device) {
    (void)device;
    return work_of(node).axes.together ? NULL : "the axes do not lie together";
}

/* What both forms begin with. */
static dd__launch launch_together(const dd__node *node, const dd_device *device,
                                  const dd__axes_work *work) {
    return (dd__launch){.options = dd__vector_option(device),
                        .arguments = {DD_BUFFER(node->in[0]->buffer),
                                      DD_BUFFER(node->out[0]->buffer), DD_FLOAT(work->number),
                                      DD_INT(work->axes.over[0])}};
}

/* A block of columns is wide, so that whole lines of the cache are read, unless there are few. */
static size_t block_width(const dd_device *device, const dd__axes *axes) {
    size_t lanes = dd_device_describe(device)->vector_width >= 16 ? 16 : 8;
    size_t blocks = axes->kept[0] * (axes->kept[1] / (4 * lanes) + 1);
    return blocks < 4 * (size_t)dd__threads(device) ? lanes : 4 * lanes;
}

static dd_status record_vector(dd__recorder *recorder, const dd__node *node, const dd__site *site) {
    dd__axes_work work = work_of(node);
    size_t rows = work.axes.kept[0], columns = work.axes.kept[1];
    dd__launch launch = launch_together(node, site->device, &work);
    if (columns == 1) {
        size_t chunk = dd__launch_chunks(&launch, site->device, rows, work.axes.over[0], 1);
        dd__launch_append(&launch, DD_INT(rows));
        dd__launch_append(&launch, DD_INT(chunk));
        return record(recorder, node, &work, "rows", launch);
    }
    size_t width = block_width(site->device, &work.axes);
    dd__launch_append(&launch, DD_INT(columns));
    dd__launch_append(&launch, DD_INT(width));
    launch.local[0] = launch.local[1] = launch.local[2] = 1;
    launch.global[0] = rows;
    launch.global[1] = (columns + width - 1) / width;
    return record(recorder, node, &work, "columns", launch);
}

/* Columns of a group; one where all of it goes along a row. */
static size_t group_columns(const dd_device *device, const dd__axes *axes) {
    enum { WIDE = 32 }; /* what a GPU reads at once */
    return dd__group_width(device, axes->kept[1], WIDE);
}

static const char *avoid_groups(const dd__node *node, const dd_device *device) {
    dd__axes_work work = work_of(node);
    size_t items = dd__device_group(device) / group_columns(device, &work.axes);
    return work.axes.count < items ? "a place has fewer elements than a group has items for it"
                                   : NULL;
}

static dd_status record_grouped(dd__recorder *recorder, const dd__node *node,
                                const dd__site *site) {
    dd__axes_work work = work_of(node);
    size_t wide = group_columns(site->device, &work.axes), columns = work.axes.kept[1];
    size_t groups = work.axes.kept[0] * ((columns + wide - 1) / wide);
    dd__launch launch = launch_together(node, site->device, &work);
    dd__launch_append(&launch, DD_INT(columns));
    dd__launch_append(&launch, DD_INT(wide));
    dd__launch_groups(&launch, site->device, groups * dd__device_group(site->device));
    return record(recorder, node, &work, "grouped", launch);
}

const dd__implementation dd__axes_vector = {
    .name = "vector", .classes = DD__ON_CPU, .refuse = refuse_apart, .record = record_vector};
const dd__implementation dd__axes_grouped = {.name = "grouped",
                                             .classes = DD__ON_GPU,
                                             .refuse = refuse_apart,
                                             .avoid = avoid_groups,
                                             .record = record_grouped};
const dd__implementation dd__axes_plain = {
    .name = "plain", .classes = DD__ANYWHERE, .record = record_plain};
