/* Input with its padding around it, in a workspace: cl/conv2d_pad.cl. */
#include "ops/conv2d.h"
#include "ops/launch.h"

/* The extents that the windows cover, which are those of the padded input. */
static int32_t covered_rows(const dd__conv_shape *s) {
    return (s->p - 1) * s->sh + (s->kh - 1) * s->dh + 1;
}
static int32_t covered_columns(const dd__conv_shape *s) {
    return (s->q - 1) * s->sw + (s->kw - 1) * s->dw + 1;
}

static bool needs_padding(const dd__conv_shape *s) {
    return s->top || s->left || covered_rows(s) > s->h || covered_columns(s) > s->w;
}

size_t dd__conv_padded_bytes(const dd__conv_shape *s) {
    if (!needs_padding(s)) return 0;
    return sizeof(float) * (size_t)s->n * (size_t)covered_rows(s) * (size_t)covered_columns(s) *
           (size_t)s->c;
}

dd_status dd__conv_record_pad(dd__recorder *recorder, const dd__site *site, dd__buffer **x,
                              dd__conv_shape *s) {
    if (!needs_padding(s)) return DD_OK;
    int32_t rows = covered_rows(s), columns = covered_columns(s);
    const char *options = dd__vector_option(site->device);
    DD_TRY(dd__record(
        recorder,
        &(dd__launch){.program = "conv2d_pad",
                      .options = options,
                      .kernel = "pad",
                      .global = {(size_t)rows, (size_t)s->n, 1},
                      .local = {1, 1, 1},
                      .arguments = {DD_BUFFER(*x), DD_BUFFER(site->workspace[0]), DD_INT(s->h),
                                    DD_INT(s->w), DD_INT(s->c), DD_INT(rows), DD_INT(columns),
                                    DD_INT(s->top), DD_INT(s->left)}}));
    *x = site->workspace[0];
    s->h = rows;
    s->w = columns;
    s->top = s->left = 0;
    return DD_OK;
}
