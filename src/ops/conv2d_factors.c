#include "ops/conv2d.h"

size_t dd__conv_factors(const dd__node *node, int32_t columns) {
    const dd__conv2d *a = node->attributes;
    return a->normalize ? 2 * dd__round_up((size_t)a->filters, (size_t)columns) : 0;
}

dd_status dd__conv_pack_factors(dd__recorder *recorder, const dd__node *node, const dd__site *site,
                                const char *program, const char *options, int32_t columns,
                                size_t weights) {
    const dd__conv2d *a = node->attributes;
    size_t count = dd__conv_factors(node, columns) / 2;
    if (count == 0) return DD_OK;
    return dd__record(
        recorder,
        &(dd__launch){.program = program,
                      .options = options,
                      .kernel = "affine",
                      .global = {1, 1, 1},
                      .local = {1, 1, 1},
                      .arguments = {DD_BUFFER(node->in[3]->buffer), DD_BUFFER(node->in[4]->buffer),
                                    DD_BUFFER(node->in[5]->buffer), DD_BUFFER(node->in[6]->buffer),
                                    DD_BUFFER(site->packed), DD_INT(weights), DD_INT(a->filters),
                                    DD_INT(count), DD_FLOAT(a->epsilon)}});
}
