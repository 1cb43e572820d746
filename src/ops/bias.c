/* bias: y = x + b along the last axis. column_sums: its gradient, sums over all other axes. */
#include "ops/bias.h"

#include "ops/ops.h"
#include "reference/reference.h"

static uint32_t channels_of(const dd__value *x) { return x->dims.d[x->dims.rank - 1]; }

static size_t rows_of(const dd__value *x) { return dd__dims_count(&x->dims) / channels_of(x); }

static dd_status check_rows(const dd__value *x) {
    if (x->type != DD__F32 || x->dims.rank == 0 || dd__dims_count(&x->dims) == 0)
        return dd__fail(DD_SHAPE, "expected floats of one dimension or more");
    return DD_OK;
}

/* ---- bias ----------------------------------------------------------------------------- */

static dd_status infer_bias(dd__graph *graph, dd__node *node) {
    const dd__value *x = node->in[0], *b = node->in[1];
    DD_TRY(check_rows(x));
    if (b->type != DD__F32 || b->dims.rank != 1 || b->dims.d[0] != channels_of(x)) {
        char found[80];
        return dd__fail(DD_SHAPE, "expected %u biases, found %s", (unsigned)channels_of(x),
                        dd__dims_print(&b->dims, found));
    }
    return dd__node_output(graph, node, 0, DD__F32, x->dims);
}

static dd_status layer_bias(dd__graph *graph, const dd__op *op, const char *name,
                            const void *attributes, dd__value *const x[], size_t count,
                            dd__value **y) {
    if (count != 1) return dd__fail(DD_SHAPE, "layer \"%s\": expected one input", name);
    DD_TRY(dd__within(check_rows(x[0]), "layer \"%s\"", name));
    dd__value like = {.dims = DD_DIMS(channels_of(x[0])), .initial = DD__ZEROS}, *b;
    DD_TRY(dd__graph_parameter(graph, name, "bias", &like, &b));
    return dd__graph_add1(graph, op, name, attributes, (dd__value *[]){x[0], b}, 2, y);
}

static dd_status gradient_bias(dd__graph *graph, const dd__node *node, dd__value *const dy[],
                               dd__value *dx[]) {
    dx[0] = dy[0];
    if (!node->in[1]->wants_gradient) return DD_OK;
    char *name = dd__arena_print(&graph->arena, "%s.bias.gradient", node->name);
    if (!name) return dd__no_memory(1);
    return dd__graph_add1(graph, &dd__op_column_sums, name, NULL, dy, 1, &dx[1]);
}

static dd_status record_bias(dd__recorder *recorder, const dd__node *node, const dd__site *site) {
    const dd__value *x = node->in[0];
    size_t count = dd__dims_count(&x->dims);
    dd__launch launch = {.program = "elementwise",
                         .kernel = "bias",
                         .arguments = {DD_BUFFER(x->buffer), DD_BUFFER(node->in[1]->buffer),
                                       DD_BUFFER(node->out[0]->buffer), DD_INT(count),
                                       DD_INT(channels_of(x))}};
    dd__options options = dd__element_options(site->device, node);
    dd__launch_elements(&launch, site->device, count);
    launch.options = options.text;
    return dd__record(recorder, &launch);
}

static dd_status record_bias_vector(dd__recorder *recorder, const dd__node *node,
                                    const dd__site *site) {
    const dd__value *x = node->in[0];
    size_t rows = rows_of(x), channels = channels_of(x);
    dd__launch launch = {.program = "elementwise",
                         .kernel = "bias_vector",
                         .arguments = {DD_BUFFER(x->buffer), DD_BUFFER(node->in[1]->buffer),
                                       DD_BUFFER(node->out[0]->buffer), DD_INT(rows),
                                       DD_INT(channels)}};
    launch.arguments[5] = DD_INT(dd__launch_chunks(&launch, site->device, rows, channels, 1));
    return dd__record(recorder, &launch);
}

static const dd__implementation bias_vector = {
    .name = "vector", .classes = DD__ON_CPU, .record = record_bias_vector};
static const dd__implementation bias_plain = {.name = "plain",
                                              .classes = DD__ANYWHERE,
                                              .record = record_bias,
                                              .half = DD__HALF_IN(0) | DD__HALF_OUT(0)};

const dd__op dd__op_bias = {
    .name = "bias",
    .min_in = 2,
    .max_in = 2,
    .outputs = 1,
    .layer = layer_bias,
    .infer = infer_bias,
    .gradient = gradient_bias,
    .reference = dd__reference_bias,
    .implementations = (const dd__implementation *const[]){&bias_vector, &bias_plain, NULL},
};

/* ---- column_sums ---------------------------------------------------------------------- */

static dd_status infer_column_sums(dd__graph *graph, dd__node *node) {
    const dd__value *x = node->in[0];
    DD_TRY(check_rows(x));
    return dd__node_output(graph, node, 0, DD__F32, DD_DIMS(channels_of(x)));
}

/* Two stages: the sums of `parts` stretches of `chunk` rows go to the workspace as (parts,
 * channels), and are summed in turn. The cut depends on the shape alone, so that the number of
 * threads does not change the result. */
static size_t workspace(const dd__columns *k) {
    return k->parts > 1 ? k->parts * k->channels * sizeof(float) : 0;
}

static dd__columns cut_plain(const dd__value *x, const dd_device *device) {
    return dd__cut_columns(device, rows_of(x), channels_of(x));
}

/* A chunk is what one work-group reads: mostly 64 KiB, so that launching it costs nothing beside;
 * but few rows, as they are added one after the other and rounding errors grow with them. */
static dd__columns cut_vector(const dd__value *x) {
    enum { ELEMENTS = 16384, MOST_ROWS = 256, MOST_PARTS = 256 };
    dd__columns k = {.rows = rows_of(x), .channels = channels_of(x)};
    size_t by_parts = (k.rows + MOST_PARTS - 1) / MOST_PARTS;
    k.chunk = (ELEMENTS + k.channels - 1) / k.channels;
    if (k.chunk > MOST_ROWS) k.chunk = MOST_ROWS;
    if (k.chunk < by_parts) k.chunk = by_parts;
    k.parts = (k.rows + k.chunk - 1) / k.chunk;
    return k;
}

static void scratch_plain(const dd__node *node, const dd_device *device, dd__scratch *scratch) {
    dd__columns k = cut_plain(node->in[0], device);
    scratch->workspace_bytes[0] = workspace(&k);
}

static void scratch_vector(const dd__node *node, const dd_device *device, dd__scratch *scratch) {
    (void)device;
    dd__columns k = cut_vector(node->in[0]);
    scratch->workspace_bytes[0] = workspace(&k);
}

dd_status dd__record_column_sums(dd__recorder *recorder, const dd_device *device,
                                 const dd__columns *k, dd__buffer *from, dd__buffer *to) {
    dd__launch launch = {.program = "reduce",
                         .kernel = "column_sums",
                         .arguments = {DD_BUFFER(from), DD_BUFFER(to), DD_INT(k->rows),
                                       DD_INT(k->chunk), DD_INT(k->channels)}};
    launch.arguments[5] = DD_INT(dd__launch_columns(&launch, device, k));
    return dd__record(recorder, &launch);
}

static dd_status record_sums(dd__recorder *recorder, const dd__node *node, const dd__site *site) {
    dd__buffer *x = node->in[0]->buffer, *y = node->out[0]->buffer, *sums = site->workspace[0];
    dd__columns k = cut_plain(node->in[0], site->device), parts = dd__join_columns(&k);
    if (k.parts == 1) return dd__record_column_sums(recorder, site->device, &k, x, y);
    DD_TRY(dd__record_column_sums(recorder, site->device, &k, x, sums));
    return dd__record_column_sums(recorder, site->device, &parts, sums, y);
}

/* The same in work-groups of one work-item, each `chunk` rows and `width` channels. */
static dd_status sum_vector(dd__recorder *recorder, const dd__site *site, dd__buffer *from,
                            dd__buffer *to, size_t rows, size_t channels, size_t chunk,
                            size_t width) {
    return dd__record(
        recorder,
        &(dd__launch){.program = "reduce",
                      .options = dd__vector_option(site->device),
                      .kernel = "column_sums_vector",
                      .global = {(rows + chunk - 1) / chunk, (channels + width - 1) / width, 1},
                      .local = {1, 1, 1},
                      .arguments = {DD_BUFFER(from), DD_BUFFER(to), DD_INT(rows), DD_INT(channels),
                                    DD_INT(chunk), DD_INT(width)}});
}

static dd_status record_sums_vector(dd__recorder *recorder, const dd__node *node,
                                    const dd__site *site) {
    enum { SECOND_WIDTH = 128 };
    dd__buffer *x = node->in[0]->buffer, *y = node->out[0]->buffer;
    dd__columns k = cut_vector(node->in[0]);
    if (k.parts == 1)
        return sum_vector(recorder, site, x, y, k.rows, k.channels, k.rows, k.channels);
    DD_TRY(
        sum_vector(recorder, site, x, site->workspace[0], k.rows, k.channels, k.chunk, k.channels));
    return sum_vector(recorder, site, site->workspace[0], y, k.parts, k.channels, k.parts,
                      SECOND_WIDTH);
}

static const dd__implementation column_sums_vector = {.name = "vector",
                                                      .classes = DD__ON_CPU,
                                                      .scratch = scratch_vector,
                                                      .record = record_sums_vector};
static const dd__implementation column_sums_plain = {
    .name = "plain", .classes = DD__ANYWHERE, .scratch = scratch_plain, .record = record_sums};

const dd__op dd__op_column_sums = {
    .name = "column_sums",
    .min_in = 1,
    .max_in = 1,
    .outputs = 1,
    .infer = infer_column_sums,
    .reference = dd__reference_column_sums,
    .implementations =
        (const dd__implementation *const[]){&column_sums_vector, &column_sums_plain, NULL},
};
