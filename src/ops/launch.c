#include "ops/launch.h"

#include <stdio.h>

/* PoCL and Intel deal work-groups out as threads come free: some per thread level the load, while
 * too small ones cost more than they do. */
enum { GROUPS_A_THREAD = 16, SMALLEST_CHUNK = 4096 };

/* A GPU keeps few groups a compute unit: smaller ones leave it half empty. A processor has few threads
 * to level the load between. */
enum { GROUP_ON_GPU = 64, GROUP_ON_CPU = 32 };

const char *dd__vector_option(const dd_device *device) {
    unsigned width = dd_device_describe(device)->vector_width;
    return width >= 16 ? "-DVW=16" : width >= 8 ? "-DVW=8" : "-DVW=4";
}

static bool is_half(const dd__value *value) { return value && value->type == DD__F16; }

dd__options dd__half_options_for(const dd__value *x, const dd__value *w, const dd__value *y) {
    dd__options options;
    snprintf(options.text, sizeof options.text, "%s%s%s", is_half(x) ? " -DX_T=half" : "",
             is_half(w) ? " -DW_T=half" : "", is_half(y) ? " -DY_T=half" : "");
    return options;
}

dd__options dd__half_options(const dd__node *node) {
    return dd__half_options_for(node->in[0], node->in_count > 1 ? node->in[1] : NULL, node->out[0]);
}

dd__options dd__element_options(const dd_device *device, const dd__node *node) {
    dd__options options, half = dd__half_options(node);
    snprintf(options.text, sizeof options.text, "%s%.48s", dd__vector_option(device), half.text);
    return options;
}

void dd__launch_elements(dd__launch *launch, const dd_device *device, size_t count) {
    size_t limit = dd__device_group_limit(device);
    bool gpu = dd_device_describe(device)->type == DD_DEVICE_GPU;
    size_t group = gpu ? GROUP_ON_GPU : GROUP_ON_CPU;
    launch->options = dd__vector_option(device);
    launch->local[0] = limit < group ? limit : group;
    launch->local[1] = launch->local[2] = 1;
    launch->global[0] = dd__round_up(count, launch->local[0]);
}

size_t dd__launch_chunks(dd__launch *launch, const dd_device *device, size_t count, size_t width,
                         size_t multiple) {
    size_t threads = dd_device_describe(device)->compute_units, groups = threads * GROUPS_A_THREAD;
    if (groups == 0) groups = 1;
    size_t chunk = (count + groups - 1) / groups, smallest = (SMALLEST_CHUNK + width - 1) / width;
    chunk = dd__round_up(chunk > smallest ? chunk : smallest, multiple);
    launch->options = dd__vector_option(device);
    launch->local[0] = launch->local[1] = launch->local[2] = 1;
    launch->global[0] = (count + chunk - 1) / chunk;
    return chunk;
}

/* ---- Groups ----------------------------------------------------------------------------- */

/* Columns of a group: what a GPU reads at once; few where it is their number that fills the device.
 * An item adds up some rows before it pays for the group's tree. */
enum { WIDE = 32, WIDE_IN_ONE_PART = 8, ROWS_AN_ITEM = 8, MOST_GROUPS = 1024 };

size_t dd__group_width(const dd_device *device, size_t count, size_t most) {
    size_t group = dd__device_group(device), width = 1;
    while (width < count && width < most && width < group) width *= 2;
    return width;
}

void dd__launch_groups(dd__launch *launch, const dd_device *device, size_t count) {
    launch->local[0] = dd__device_group(device);
    launch->local[1] = launch->local[2] = 1;
    launch->global[0] = dd__round_up(count, launch->local[0]);
    launch->options = dd__vector_option(device);
}

dd__columns dd__cut_columns(const dd_device *device, size_t rows, size_t channels) {
    size_t wide = dd__group_width(device, channels, WIDE);
    size_t narrow = dd__group_width(device, channels, WIDE_IN_ONE_PART);
    size_t group = dd__device_group(device), strips = (channels + wide - 1) / wide;
    dd__columns k = {rows, channels, rows, 1};
    if (rows <= 2 * ROWS_AN_ITEM * group / narrow) return k;
    size_t parts = strips < MOST_GROUPS ? MOST_GROUPS / strips : 1;
    size_t least = ROWS_AN_ITEM * group / wide;
    k.chunk = (rows + parts - 1) / parts;
    if (k.chunk < least) k.chunk = least;
    k.parts = (rows + k.chunk - 1) / k.chunk;
    return k;
}

size_t dd__launch_columns(dd__launch *launch, const dd_device *device, const dd__columns *k) {
    size_t wide = dd__group_width(device, k->channels, k->parts > 1 ? WIDE : WIDE_IN_ONE_PART);
    size_t strips = (k->channels + wide - 1) / wide;
    dd__launch_groups(launch, device, strips * k->parts * dd__device_group(device));
    return wide;
}

/* ---- Arguments -------------------------------------------------------------------------- */

void dd__launch_values(dd__launch *launch, dd__value *const values[], size_t count) {
    for (size_t i = 0; i < count; i++) dd__launch_append(launch, DD_BUFFER(values[i]->buffer));
}
