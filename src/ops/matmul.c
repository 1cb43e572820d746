/* matmul: C (..., M, N) = alpha A B, A (..., M, K), B (..., K, N), either of them transposed in memory
 * on request. Axes before the last two count matrices; of those an operand may have fewer, or ones of
 * extent 1, and is repeated along them. What is one product after all (weights times all rows of A)
 * becomes a gemm when it is a layer.
 */
#include "ops/launch.h"
#include "ops/ops.h"
#include "ops/tile.h"
#include "reference/reference.h"

static const dd__attribute attributes[] = {
    {.name = "transpose_a",
     .type = DD__BOOL,
     .offset = offsetof(dd__matmul, transpose_a),
     .help = "the first lies as (..., K, M)"},
    {.name = "transpose_b",
     .type = DD__BOOL,
     .offset = offsetof(dd__matmul, transpose_b),
     .help = "the second lies as (..., N, K)"},
    {.name = "alpha",
     .type = DD__FLOAT,
     .offset = offsetof(dd__matmul, alpha),
     .fallback = 1,
     .min = -1e30,
     .max = 1e30,
     .help = "factor of the product"},
    {0},
};

/* ---- Shapes ------------------------------------------------------------------------- */

enum { LEADING = DD__MAX_RANK - 2 };

typedef struct shape {
    dd__matrices each;
    /* The matrices of C lie along these axes (outermost first, those that are not there have the
     * extent 1); a step along one of them is so many numbers of A and so many matrices of B, 0 where
     * the operand is repeated. */
    size_t extent[LEADING], a_step[LEADING], b_step[LEADING];
    size_t count, b_count; /* matrices of C and of B */
} shape;

/* Extent number i of `rank` in all, for a value that may have fewer. */
static uint32_t extent_of(const dd__dims *dims, unsigned i, unsigned rank) {
    unsigned missing = rank - dims->rank;
    return i < missing ? 1 : dims->d[i - missing];
}

/* Puts one axis more, inside those that there are; into the last where the two are one. */
static void add_axis(shape *s, unsigned *used, size_t extent, size_t a_step, size_t b_step) {
    if (extent == 1) return;
    unsigned last = *used - 1;
    if (*used && s->a_step[last] == a_step * extent && s->b_step[last] == b_step * extent)
        extent *= s->extent[last];
    else
        last = (*used)++;
    s->extent[last] = extent;
    s->a_step[last] = a_step;
    s->b_step[last] = b_step;
}

/* Where A's rows go on from matrix to matrix and B stays, all of them are rows of one matrix. */
static void join_rows(shape *s, unsigned *used) {
    unsigned last = *used - 1;
    if (*used == 0 || s->each.ak != 1 || s->b_step[last] != 0) return;
    if (s->a_step[last] != (size_t)s->each.m * (size_t)s->each.k) return;
    s->each.m *= (int32_t)s->extent[last];
    s->extent[last] = 1;
    (*used)--;
}

static shape shape_of(const dd__node *node) {
    const dd__matmul *g = node->attributes;
    const dd__dims *a = &node->in[0]->dims, *b = &node->in[1]->dims, *c = &node->out[0]->dims;
    shape s = {.each = dd__matrices_of(a, g->transpose_a, b, g->transpose_b),
               .extent = {1, 1, 1, 1},
               .count = 1};
    size_t a_numbers = dd__dims_count(a);
    size_t b_matrices = dd__dims_count(b) / (size_t)s.each.k / (size_t)s.each.n;
    unsigned used = 0;
    s.b_count = b_matrices;
    for (unsigned i = 0; i + 2 < c->rank; i++) {
        uint32_t of_a = extent_of(a, i, c->rank), of_b = extent_of(b, i, c->rank);
        a_numbers /= of_a; /* what lies inside of this axis */
        b_matrices /= of_b;
        add_axis(&s, &used, c->d[i], of_a > 1 ? a_numbers : 0, of_b > 1 ? b_matrices : 0);
    }
    join_rows(&s, &used);
    for (unsigned i = 0; i < used; i++) s.count *= s.extent[i];
    return s;
}

static dd_status cannot(const dd__node *node) {
    const dd__matmul *g = node->attributes;
    char left[80], right[80];
    return dd__fail(DD_SHAPE, "cannot multiply %s%s by %s%s",
                    dd__dims_print(&node->in[0]->dims, left), g->transpose_a ? " transposed" : "",
                    dd__dims_print(&node->in[1]->dims, right), g->transpose_b ? " transposed" : "");
}

static dd_status infer(dd__graph *graph, dd__node *node) {
    const dd__matmul *g = node->attributes;
    const dd__dims *a = &node->in[0]->dims, *b = &node->in[1]->dims;
    if (node->in[0]->type != DD__F32 || node->in[1]->type != DD__F32)
        return dd__fail(DD_SHAPE, "only floats are multiplied");
    if (a->rank < 2 || b->rank < 2 || dd__dims_count(a) == 0 || dd__dims_count(b) == 0)
        return cannot(node);
    if (a->d[a->rank - 1 - g->transpose_a] != b->d[b->rank - 2 + g->transpose_b])
        return cannot(node);
    dd__dims c = a->rank > b->rank ? *a : *b;
    for (unsigned i = 0; i + 2 < c.rank; i++) {
        uint32_t of_a = extent_of(a, i, c.rank), of_b = extent_of(b, i, c.rank);
        if (of_a != of_b && of_a != 1 && of_b != 1) return cannot(node);
        c.d[i] = of_a > of_b ? of_a : of_b;
    }
    c.d[c.rank - 2] = a->d[a->rank - 2 + g->transpose_a];
    c.d[c.rank - 1] = b->d[b->rank - 1 - g->transpose_b];
    return dd__node_output(graph, node, 0, DD__F32, c);
}

static double flop(const dd__node *node) {
    shape s = shape_of(node);
    return 2.0 * (double)s.count * s.each.m * s.each.n * s.each.k;
}

/* ---- The layer ----------------------------------------------------------------------- */

static dd_status view(dd__graph *graph, const char *name, const char *what, dd__value *x,
                      dd__dims dims, dd__value **y) {
    char *full = dd__arena_print(&graph->arena, "%s.%s", name, what);
    if (!full) return dd__no_memory(1);
    return dd__graph_add1(graph, &dd__op_reshape, full, &(dd__reshape){.dims = dims}, &x, 1, y);
}

static bool is_matrix(const dd__dims *dims) {
    for (unsigned i = 0; i + 2 < dims->rank; i++)
        if (dims->d[i] != 1) return false;
    return dims->rank >= 2;
}

/* Whether B's last two axes are all of it, and the rows of all of A's matrices go on as they lie. */
static bool is_gemm(const dd__matmul *g, const dd__dims *a, const dd__dims *b) {
    if (g->alpha != 1 || !is_matrix(b) || a->rank < b->rank) return false;
    return is_matrix(a) || !g->transpose_a;
}

static dd_status layer_gemm(dd__graph *graph, const char *name, const dd__matmul *g,
                            dd__value *const x[], dd__value **y) {
    const dd__dims *a = &x[0]->dims, *b = &x[1]->dims;
    uint32_t last = a->d[a->rank - 1], rows = (uint32_t)(dd__dims_count(a) / last);
    dd__gemm gemm = {.transpose_a = g->transpose_a, .transpose_b = g->transpose_b};
    dd__dims c = *a;
    dd__value *in[2];
    DD_TRY(view(graph, name, "a", x[0], DD_DIMS(rows, last), &in[0]));
    DD_TRY(view(graph, name, "b", x[1], DD_DIMS(b->d[b->rank - 2], b->d[b->rank - 1]), &in[1]));
    DD_TRY(dd__graph_add1(graph, &dd__op_gemm, name, &gemm, in, 2, y));
    if (g->transpose_a) c.d[c.rank - 2] = last;
    c.d[c.rank - 1] = (*y)->dims.d[1];
    return view(graph, name, "c", *y, c, y);
}

static dd_status layer(dd__graph *graph, const dd__op *op, const char *name,
                       const void *attributes_, dd__value *const x[], size_t count, dd__value **y) {
    bool gemm = count == 2 && x[0]->type == DD__F32 && x[1]->type == DD__F32 &&
                dd__dims_count(&x[0]->dims) > 0 && dd__dims_count(&x[1]->dims) > 0 &&
                is_gemm(attributes_, &x[0]->dims, &x[1]->dims);
    return gemm ? layer_gemm(graph, name, attributes_, x, y)
                : dd__layer_plain(graph, op, name, attributes_, x, count, y);
}

/* ---- Gradient ------------------------------------------------------------------------ */

/* From `dx`, the gradient for x as it was repeated, that for x itself: a sum over the repetitions. */
static dd_status sum_repeated(dd__graph *graph, const char *name, const dd__value *x,
                              dd__value **dx) {
    dd__reduce sum = {.kind = DD__REDUCE_SUM};
    const dd__dims *whole = &(*dx)->dims;
    for (unsigned i = 0; i + 2 < whole->rank; i++)
        if (whole->d[i] != extent_of(&x->dims, i, whole->rank)) sum.axes.d[sum.axes.rank++] = i;
    char *full = dd__arena_print(&graph->arena, "%s.sum", name);
    if (!full) return dd__no_memory(1);
    if (sum.axes.rank) DD_TRY(dd__graph_add1(graph, &dd__op_reduce, full, &sum, dx, 1, dx));
    if (dd__dims_equal(&(*dx)->dims, &x->dims)) return DD_OK;
    return view(graph, name, "view", *dx, x->dims, dx);
}

static dd_status product(dd__graph *graph, const dd__node *node, const char *what, dd__value *a,
                         bool transpose_a, dd__value *b, bool transpose_b, const dd__value *x,
                         dd__value **dx) {
    char *name = dd__arena_print(&graph->arena, "%s.%s", node->name, what);
    if (!name) return dd__no_memory(1);
    dd__matmul g = {.transpose_a = transpose_a,
                    .transpose_b = transpose_b,
                    .alpha = ((const dd__matmul *)node->attributes)->alpha};
    DD_TRY(dd__graph_add1(graph, &dd__op_matmul, name, &g, (dd__value *[]){a, b}, 2, dx));
    return sum_repeated(graph, name, x, dx);
}

/* As gemm's, of each matrix. */
static dd_status gradient(dd__graph *graph, const dd__node *node, dd__value *const dy[],
                          dd__value *dx[]) {
    const dd__matmul *g = node->attributes;
    dd__value *a = node->in[0], *b = node->in[1], *dc = dy[0];
    bool ta = g->transpose_a, tb = g->transpose_b;
    if (b->wants_gradient)
        DD_TRY(tb ? product(graph, node, "backward_b", dc, true, a, ta, b, &dx[1])
                  : product(graph, node, "backward_b", a, !ta, dc, false, b, &dx[1]));
    if (a->wants_gradient)
        DD_TRY(ta ? product(graph, node, "backward_a", b, tb, dc, true, a, &dx[0])
                  : product(graph, node, "backward_a", dc, false, b, !tb, a, &dx[0]));
    return DD_OK;
}

/* ---- plain --------------------------------------------------------------------------- */

/* Puts E1 .., A0 .., B0 .. (cl/matmul.cl) behind the arguments that there are. */
static void append_leading(dd__launch *launch, const shape *s) {
    for (size_t i = 1; i < LEADING; i++) dd__launch_append(launch, DD_INT(s->extent[i]));
    for (size_t i = 0; i < LEADING; i++) dd__launch_append(launch, DD_INT(s->a_step[i]));
    for (size_t i = 0; i < LEADING; i++) dd__launch_append(launch, DD_INT(s->b_step[i]));
}

static dd_status record_plain(dd__recorder *recorder, const dd__node *node, const dd__site *site) {
    const dd__matmul *g = node->attributes;
    shape s = shape_of(node);
    size_t count = dd__dims_count(&node->out[0]->dims);
    dd__launch launch = {
        .program = "matmul",
        .kernel = "multiply",
        .arguments = {DD_BUFFER(node->in[0]->buffer), DD_BUFFER(node->in[1]->buffer),
                      DD_BUFFER(node->out[0]->buffer), DD_INT(count), DD_FLOAT(g->alpha),
                      DD_INT(s.each.m), DD_INT(s.each.n), DD_INT(s.each.k), DD_INT(s.each.ai),
                      DD_INT(s.each.ak), DD_INT(s.each.bk), DD_INT(s.each.bj)}};
    append_leading(&launch, &s);
    dd__launch_elements(&launch, site->device, count);
    return dd__record(recorder, &launch);
}

static const dd__implementation plain = {
    .name = "plain", .classes = DD__ANYWHERE, .record = record_plain};

/* ---- direct: register tiles for CPU runtimes ------------------------------------------ */

static void scratch_direct(const dd__node *node, const dd_device *device, dd__scratch *scratch) {
    shape s = shape_of(node);
    scratch->packed_bytes = dd__tile_packed_bytes(node, device, &s.each, s.b_count);
}

static dd_status pack_direct(dd__recorder *recorder, const dd__node *node, const dd__site *site) {
    shape s = shape_of(node);
    return dd__tile_pack(recorder, node, site, "matmul", &s.each, s.b_count);
}

static dd_status record_direct(dd__recorder *recorder, const dd__node *node, const dd__site *site) {
    const dd__matmul *g = node->attributes;
    shape s = shape_of(node);
    dd__tile t = dd__tile_of(node, site->device);
    dd__launch launch = {.program = "matmul",
                         .options = t.options,
                         .kernel = "multiply_direct",
                         .global = {(size_t)dd__divide_up(s.each.m, t.rows),
                                    (size_t)dd__divide_up(s.each.n, t.columns), s.count},
                         .local = {1, 1, 1},
                         .arguments = {DD_BUFFER(node->in[0]->buffer), DD_BUFFER(site->packed),
                                       DD_BUFFER(node->out[0]->buffer), DD_FLOAT(g->alpha),
                                       DD_INT(s.each.m), DD_INT(s.each.n), DD_INT(s.each.k),
                                       DD_INT(s.each.ai), DD_INT(s.each.ak)}};
    append_leading(&launch, &s);
    return dd__record(recorder, &launch);
}

static const dd__implementation direct = {.name = "direct",
                                          .classes = DD__ON_CPU,
                                          .scratch = scratch_direct,
                                          .pack = pack_direct,
                                          .record = record_direct,
                                          .tunables = dd__tile_tunables};

const dd__op dd__op_matmul = {
    .name = "matmul",
    .attributes_bytes = sizeof(dd__matmul),
    .attributes = attributes,
    .min_in = 2,
    .max_in = 2,
    .outputs = 1,
    .layer = layer,
    .infer = infer,
    .gradient = gradient,
    .reference = dd__reference_matmul,
    .implementations = (const dd__implementation *const[]){&direct, &plain, NULL},
    .flop = flop,
};
