#include "ops/strided.h"

#include "ops/lanes.h"
#include "ops/launch.h"

/* Length of the rows of y that are turned together: what they are read from stays in the cache until
 * all has been read of it. */
enum { BLOCK = 256 };

static dd__launch launch_of(const dd__node *node, const char *kernel, int32_t begin) {
    return (dd__launch){.program = "strided",
                        .kernel = kernel,
                        .arguments = {DD_BUFFER(node->in[0]->buffer),
                                      DD_BUFFER(node->out[0]->buffer), DD_INT(begin)}};
}

dd_status dd__record_strided(dd__recorder *recorder, const dd__node *node, const dd__site *site,
                             dd__walk walk, int32_t begin) {
    dd__walk_merge(&walk);
    dd__launch launch = launch_of(node, "strided", begin);
    size_t count = dd__dims_count(&node->out[0]->dims);
    dd__launch_elements(&launch, site->device, count);
    dd__launch_append(&launch, DD_INT(count));
    dd__launch_walk(&launch, &walk, 1);
    return dd__record(recorder, &launch);
}

static dd_status record_rows(dd__recorder *recorder, const dd__node *node, const dd__site *site,
                             const dd__walk *walk, int32_t begin) {
    dd__launch launch = launch_of(node, "strided_rows", begin);
    size_t count = dd__dims_count(&node->out[0]->dims);
    size_t chunk = dd__launch_chunks(&launch, site->device, count, 1, 64);
    dd__launch_append(&launch, DD_INT(count));
    dd__launch_append(&launch, DD_INT(chunk));
    dd__launch_walk(&launch, walk, 1);
    return dd__record(recorder, &launch);
}

/* The axis along which x has neighbours; the walk's rank when there is none. */
static unsigned axis_of_neighbours(const dd__walk *walk) {
    unsigned k = 0;
    while (k < walk->rank && walk->stride[0][k] != 1) k++;
    return k;
}

/* The same elements with axis k moved to the place before the last one; operand 1 is y. */
static dd__walk turned(const dd__walk *walk, unsigned k) {
    dd__walk to = {.rank = walk->rank};
    dd__dims dims = {.rank = walk->rank};
    int32_t own[DD__MAX_RANK];
    for (unsigned i = 0; i < walk->rank; i++) dims.d[i] = (uint32_t)walk->extent[i];
    dd__strides(&dims, own);
    for (unsigned i = 0; i < walk->rank; i++) {
        unsigned last = walk->rank - 1;
        unsigned from = i == last ? last : i == last - 1 ? k : i < k ? i : i + 1;
        to.extent[i] = walk->extent[from];
        to.stride[0][i] = walk->stride[0][from];
        to.stride[1][i] = own[from];
    }
    return to;
}

static dd_status record_tiles(dd__recorder *recorder, const dd__node *node, const dd__site *site,
                              const dd__walk *walk, int32_t begin) {
    dd__launch launch = launch_of(node, "strided_tiles", begin);
    unsigned lanes = dd__lanes(site->device, 0);
    size_t rows = (size_t)walk->extent[walk->rank - 2],
           width = (size_t)walk->extent[walk->rank - 1];
    size_t strips = (rows + lanes - 1) / lanes, blocks = (width + BLOCK - 1) / BLOCK;
    size_t items = dd__dims_count(&node->out[0]->dims) / (rows * width) * strips * blocks;
    size_t length = width < BLOCK ? width : BLOCK;
    size_t chunk = dd__launch_chunks(&launch, site->device, items, lanes * length, 1);
    dd__launch_append(&launch, DD_INT(items));
    dd__launch_append(&launch, DD_INT(chunk));
    dd__launch_append(&launch, DD_INT(BLOCK));
    dd__launch_walk(&launch, walk, 2);
    return dd__record(recorder, &launch);
}

dd_status dd__record_strided_vector(dd__recorder *recorder, const dd__node *node,
                                    const dd__site *site, dd__walk walk, int32_t begin) {
    dd__walk_merge(&walk);
    unsigned k = axis_of_neighbours(&walk);
    if (k + 1 >= walk.rank) return record_rows(recorder, node, site, &walk, begin);
    walk = turned(&walk, k);
    return record_tiles(recorder, node, site, &walk, begin);
}
