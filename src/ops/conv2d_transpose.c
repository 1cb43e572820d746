/* conv2d_transpose: a layer alone. What it computes is the gradient of a convolution for its input: x
 * is what that convolution gave (conv2d_backward_data's dy), y what it read. So the weights are those
 * of that convolution, (KH, KW, filters / groups, channels of x).
 *
 *   y[n, p * SH - top + r * DH, q * SW - left + s * DW, o] += x[n, p, q, c] w[r, s, o, c]  for all
 *   p, q, r, s, c; then + bias[o]
 *
 * Rows of y: (H - 1) * SH - top - bottom + DH * (KH - 1) + 1 + output_padding; with padding "same"
 * H * SH. Columns alike.
 */
#include "ops/conv2d.h"
#include "ops/ops.h"

typedef struct transpose {
    dd__conv2d conv; /* without an activation */
    int32_t output_padding[2];
} transpose;
_Static_assert(offsetof(transpose, conv) == 0, "DD__CONV2D_ATTRIBUTES has offsets in it");

static const dd__attribute attributes[] = {
    DD__CONV2D_ATTRIBUTES("step of the window in the output",
                          "cut off the output; same: stride times the input's size is left"),
    {.name = "output_padding",
     .type = DD__INT_PAIR,
     .offset = offsetof(transpose, output_padding),
     .max = 1023,
     .help = "rows and columns more at the end, fewer than stride"},
    {0},
};

/* Elements of y along an axis, 0: rows, 1: columns, where x has `size`. */
static dd_status extent(const transpose *a, int axis, uint32_t size, uint32_t *out) {
    const dd__conv2d *c = &a->conv;
    int64_t stride = c->stride[axis], more = a->output_padding[axis];
    int64_t window = (int64_t)c->dilation[axis] * (c->kernel[axis] - 1) + 1;
    int64_t cut = (int64_t)c->padding.edges[axis] + c->padding.edges[axis + 2];
    int64_t count = c->padding.same ? size * stride : (size - 1) * stride + window - cut + more;
    const char *what = axis == 0 ? "rows" : "columns";
    if (more >= stride || (c->padding.same && more > 0))
        return dd__fail(DD_SHAPE, "output_padding %d: expected fewer %s than stride %d%s",
                        (int)more, what, (int)stride,
                        c->padding.same ? ", and none with padding \"same\"" : "");
    if (count < 1 || count > INT32_MAX)
        return dd__fail(DD_SHAPE, "the output would have %lld %s", (long long)count, what);
    *out = (uint32_t)count;
    return DD_OK;
}

/* The attributes of the convolution that this is the gradient of; its input is what it `result`s in. */
static dd_status convolution(const transpose *a, const dd__dims *x, dd__conv2d *conv) {
    if (x->rank != 4 || dd__dims_count(x) == 0)
        return dd__fail(DD_SHAPE, "expected one input of images (H, W, C)");
    uint32_t groups = (uint32_t)a->conv.groups, filters = (uint32_t)a->conv.filters, rows, columns;
    if (x->d[3] % groups || filters % groups)
        return dd__fail(DD_SHAPE, "%u groups do not divide %u channels into %u filters", groups,
                        x->d[3], filters);
    DD_TRY(extent(a, 0, x->d[1], &rows));
    DD_TRY(extent(a, 1, x->d[2], &columns));
    *conv = a->conv;
    conv->filters = (int32_t)x->d[3];
    conv->bias = false;
    conv->result = DD_DIMS(x->d[0], rows, columns, filters);
    return DD_OK;
}

static dd_status layer(dd__graph *graph, const dd__op *op, const char *name, const void *given,
                       dd__value *const x[], size_t count, dd__value **y) {
    const transpose *a = given;
    dd__conv2d conv;
    (void)op;
    if (count != 1) return dd__fail(DD_SHAPE, "expected one input of images (H, W, C)");
    DD_TRY(convolution(a, &x[0]->dims, &conv));
    uint32_t kh = (uint32_t)conv.kernel[0], kw = (uint32_t)conv.kernel[1];
    uint32_t filters = (uint32_t)a->conv.filters, channels = x[0]->dims.d[3];
    uint32_t groups = (uint32_t)conv.groups;
    dd__value like = {.dims = DD_DIMS(kh, kw, filters / groups, channels),
                      .initial = DD__GLOROT_UNIFORM,
                      .fan_in = kh * kw * (channels / groups),
                      .fan_out = kh * kw * filters,
                      .decays = true};
    dd__value *in[] = {x[0], NULL};
    DD_TRY(dd__graph_parameter(graph, name, "weight", &like, &in[1]));
    DD_TRY(dd__graph_add1(graph, &dd__op_conv2d_backward_data, name, &conv, in, 2, y));
    if (!a->conv.bias) return DD_OK;
    dd__value zeros = {.dims = DD_DIMS(filters), .initial = DD__ZEROS}, *bias;
    DD_TRY(dd__graph_parameter(graph, name, "bias", &zeros, &bias));
    char *behind = dd__arena_print(&graph->arena, "%s.add_bias", name);
    if (!behind) return dd__no_memory(1);
    return dd__graph_add1(graph, &dd__op_bias, behind, NULL, (dd__value *[]){*y, bias}, 2, y);
}

const dd__op dd__op_conv2d_transpose = {
    .name = "conv2d_transpose",
    .attributes_bytes = sizeof(transpose),
    .attributes = attributes,
    .min_in = 1,
    .max_in = 1,
    .outputs = 1,
    .layer = layer,
};
