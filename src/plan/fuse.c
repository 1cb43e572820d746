#include "plan/fuse.h"

#include <math.h>
#include <string.h>

#include "ops/ops.h"
#include "plan/choose.h"

/* ---- Who reads what ----------------------------------------------------------------------- */

static size_t count_readers(const dd__graph *graph, const dd__value *value, dd__node **last) {
    size_t count = 0;
    for (size_t n = 0; n < graph->node_count; n++)
        for (size_t i = 0; i < graph->nodes[n]->in_count; i++)
            if (graph->nodes[n]->in[i] == value) {
                *last = graph->nodes[n];
                count++;
            }
    return count;
}

/* The only node that reads a value which nobody else sees; NULL when there is none. */
static dd__node *only_reader(const dd__graph *graph, const dd__value *value) {
    dd__node *reader = NULL;
    bool alone = value->role == DD__TEMPORARY && count_readers(graph, value, &reader) == 1;
    return alone ? reader : NULL;
}

/* Whether another node may compute this one's output 0 in its place: nobody reads its others, and
 * nobody wants a certain implementation. */
static bool is_free(const dd__graph *graph, const dd_device *device, const dd__node *node) {
    if (node->forced || dd__device_forced(device, node->op->name)) return false;
    dd__node *reader;
    for (size_t i = 1; i < node->out_count; i++)
        if (node->out[i]->role != DD__TEMPORARY || count_readers(graph, node->out[i], &reader) > 0)
            return false;
    return true;
}

/* The node of this op that alone reads what `node` computes, if it is free; or NULL. */
static dd__node *follower(const dd__graph *graph, const dd_device *device, const dd__node *node,
                          const dd__op *op) {
    dd__node *next = only_reader(graph, node->out[0]);
    return next && next->op == op && is_free(graph, device, next) ? next : NULL;
}

enum { MOST_OLD = 5 };

/* Puts one node in the place of others: of `old`, in the order of the graph, NULL where there is none.
 * *fused is false when the device has no implementation. */
static dd_status put_one(dd__graph *graph, const dd_device *device, const dd__node *wanted,
                         dd__node *const old[MOST_OLD], bool *fused) {
    dd__node *there[MOST_OLD];
    dd__value *y;
    size_t count = 0;
    char *name = "";
    *fused = dd__can_compute(device, wanted);
    if (!*fused) return DD_OK;
    for (size_t i = 0; i < MOST_OLD; i++) {
        if (!old[i]) continue;
        name = dd__arena_print(&graph->arena, "%s%s%s", name, count ? "+" : "", old[i]->name);
        if (!name) return dd__no_memory(strlen(old[i]->name));
        there[count++] = old[i];
    }
    DD_TRY(dd__graph_add1(graph, wanted->op, name, wanted->attributes, wanted->in, wanted->in_count,
                          &y));
    dd__graph_replace(graph, there, count);
    return DD_OK;
}

/* ---- A convolution block's tail ----------------------------------------------------------- */

enum { NORM_INPUTS = 6 }; /* of batch_norm_training, with the step */

typedef struct tail {
    dd__node *conv, *norm, *pool, *drop; /* NULL where there is none */
} tail;

/* Windows side by side, without padding or gaps. */
static bool windows_apart(const dd__node *pool) {
    const dd__pool *a = pool->attributes;
    for (int axis = 0; axis < 2; axis++)
        if ((a->stride[axis] && a->stride[axis] != a->kernel[axis]) || a->dilation[axis] > 1)
            return false;
    for (int edge = 0; edge < 4; edge++)
        if (a->padding.edges[edge]) return false;
    return !a->padding.same;
}

static bool has_relu(const tail *t) {
    return t->conv && ((const dd__conv2d *)t->conv->attributes)->activation == DD__RELU;
}

/* A norm alone, or behind a linear convolution, gains nothing. */
static bool find_tail(const dd__graph *graph, const dd_device *device, dd__node *norm, tail *t) {
    if (norm->op != &dd__op_batch_norm_training || norm->in_count < NORM_INPUTS) return false;
    if (norm->in[0]->dims.rank != 4 || !is_free(graph, device, norm)) return false;
    *t = (tail){.conv = norm->in[0]->producer, .norm = norm};
    bool own = t->conv && t->conv->op == &dd__op_conv2d && only_reader(graph, norm->in[0]) &&
               t->conv->in[1]->wants_gradient;
    if (!own) t->conv = NULL;
    t->pool = follower(graph, device, norm, &dd__op_max_pool);
    if (t->pool && !windows_apart(t->pool)) t->pool = NULL;
    t->drop = follower(graph, device, t->pool ? t->pool : norm, &dd__op_dropout);
    return t->pool || t->drop || has_relu(t);
}

static dd__norm_pool tail_attributes(const tail *t) {
    dd__norm_pool a = {
        .norm = *(const dd__batch_norm *)t->norm->attributes, .pool = {1, 1}, .relu = has_relu(t)};
    if (t->pool) memcpy(a.pool, ((const dd__pool *)t->pool->attributes)->kernel, sizeof a.pool);
    if (t->drop) a.dropout = *(const dd__dropout *)t->drop->attributes;
    return a;
}

/* The convolution as well, where nothing flows back into its input. */
static dd_status put_whole(dd__graph *graph, const dd_device *device, const tail *t, bool *fused) {
    *fused = false;
    if (!t->conv || t->conv->in[0]->wants_gradient || !is_free(graph, device, t->conv))
        return DD_OK;
    const dd__conv_norm_pool a = {tail_attributes(t), *(const dd__conv2d *)t->conv->attributes};
    dd__value *in[NORM_INPUTS + 2] = {t->conv->in[0]};
    memcpy(in + 1, t->norm->in + 1, (NORM_INPUTS - 1) * sizeof *in);
    in[NORM_INPUTS] = t->conv->in_count > 2 ? t->conv->in[2] : NULL;
    in[NORM_INPUTS + 1] = t->conv->in[1];
    const dd__node wanted = {.op = &dd__op_conv2d_norm_pool_training,
                             .attributes = (void *)&a,
                             .in = in,
                             .in_count = DD_COUNT(in),
                             .name = t->conv->name};
    return put_one(graph, device, &wanted,
                   (dd__node *[MOST_OLD]){t->conv, t->norm, t->pool, t->drop}, fused);
}

static dd_status put_tail(dd__graph *graph, const dd_device *device, const tail *t, bool *fused) {
    dd__norm_pool a = tail_attributes(t);
    dd__value *in[NORM_INPUTS + 1] = {0};
    memcpy(in, t->norm->in, NORM_INPUTS * sizeof *in);
    if (t->conv && t->conv->in_count > 2) in[NORM_INPUTS] = t->conv->in[2];
    const dd__node wanted = {.op = &dd__op_norm_pool_training,
                             .attributes = &a,
                             .in = in,
                             .in_count = DD_COUNT(in),
                             .name = t->norm->name};
    DD_TRY(
        put_one(graph, device, &wanted, (dd__node *[MOST_OLD]){t->norm, t->pool, t->drop}, fused));
    if (*fused && t->conv) ((dd__conv2d *)t->conv->attributes)->outer_gradient = true;
    return DD_OK;
}

static dd_status fuse_tail(dd__graph *graph, const dd_device *device, const tail *t) {
    bool fused;
    DD_TRY(put_whole(graph, device, t, &fused));
    return fused ? DD_OK : put_tail(graph, device, t, &fused);
}

/* ---- A convolution block in inference ----------------------------------------------------- */

enum { CONV_INPUTS = 3, NORM_FACTORS = 4 }; /* x, w, bias; gamma, beta, mean, variance */

typedef struct block { /* NULL where there is none */
    dd__node *conv, *norm, *add, *limit, *pool;
} block;

static bool is_square(const dd__node *pool) {
    const dd__pool *a = pool->attributes;
    return a->kernel[0] == a->kernel[1];
}

/* An activation that is min(max(x, low), high). */
static bool is_limit(const dd__node *node, float *low, float *high) {
    const dd__activate *a = node->attributes;
    *low = a->kind == DD__CLIP ? a->alpha : 0;
    *high = a->kind == DD__CLIP ? a->beta : INFINITY;
    return a->kind == DD__RELU || a->kind == DD__CLIP;
}

static dd__node *last_of(const block *b) {
    return b->pool ? b->pool : b->limit ? b->limit : b->add ? b->add : b->norm ? b->norm : b->conv;
}

/* Each takes along what follows the last, if it can. */
static bool find_block(const dd__graph *graph, const dd_device *device, dd__node *conv, block *b) {
    float low, high;
    if (conv->op != &dd__op_conv2d || conv->in_count > CONV_INPUTS) return false;
    if (!is_free(graph, device, conv)) return false;
    *b = (block){.conv = conv, .norm = follower(graph, device, conv, &dd__op_batch_norm)};
    b->add = follower(graph, device, last_of(b), &dd__op_add);
    b->limit = follower(graph, device, last_of(b), &dd__op_activation);
    if (b->limit && !is_limit(b->limit, &low, &high)) b->limit = NULL;
    b->pool = b->add ? NULL : follower(graph, device, last_of(b), &dd__op_max_pool);
    if (b->pool && !(windows_apart(b->pool) && is_square(b->pool))) b->pool = NULL;
    return last_of(b) != conv;
}

static dd__conv2d block_attributes(const block *b) {
    dd__conv2d a = *(const dd__conv2d *)b->conv->attributes;
    a.normalize = b->norm != NULL;
    a.add = b->add != NULL;
    a.limit = b->limit != NULL;
    if (b->norm) a.epsilon = ((const dd__batch_norm *)b->norm->attributes)->epsilon;
    if (b->limit) is_limit(b->limit, &a.low, &a.high);
    if (b->pool) a.pool = ((const dd__pool *)b->pool->attributes)->kernel[0];
    return a;
}

static dd_status put_block(dd__graph *graph, const dd_device *device, const block *b, bool *fused) {
    dd__conv2d a = block_attributes(b);
    dd__value *in[CONV_INPUTS + NORM_FACTORS + 1] = {0};
    size_t count = b->conv->in_count;
    memcpy(in, b->conv->in, count * sizeof *in);
    if (b->norm) {
        count = CONV_INPUTS + NORM_FACTORS;
        memcpy(in + CONV_INPUTS, b->norm->in + 1, NORM_FACTORS * sizeof *in);
    }
    if (b->add) {
        bool first = b->add->in[0] == (b->norm ? b->norm : b->conv)->out[0];
        count = DD_COUNT(in);
        in[count - 1] = b->add->in[first];
    }
    const dd__node wanted = {.op = b->conv->op,
                             .attributes = &a,
                             .in = in,
                             .in_count = count,
                             .out = last_of(b)->out, /* implementations look at it */
                             .out_count = 1,
                             .name = b->conv->name};
    return put_one(graph, device, &wanted,
                   (dd__node *[MOST_OLD]){b->conv, b->norm, b->add, b->limit, b->pool}, fused);
}

/* Without the last of them where it cannot go along. */
static dd_status fuse_block(dd__graph *graph, const dd_device *device, block b) {
    for (bool fused = false; !fused && last_of(&b) != b.conv;) {
        DD_TRY(put_block(graph, device, &b, &fused));
        dd__node **last = b.pool ? &b.pool : b.limit ? &b.limit : b.add ? &b.add : &b.norm;
        *last = NULL;
    }
    return DD_OK;
}

/* ---- The pass ----------------------------------------------------------------------------- */

/* In training, what no gradient flows back through is computed as in inference. */
static dd_status fuse_at(dd__graph *graph, const dd_device *device, dd__node *node) {
    tail t;
    block b;
    if (graph->training && node->out_count && node->out[0]->wants_gradient)
        return find_tail(graph, device, node, &t) ? fuse_tail(graph, device, &t) : DD_OK;
    return find_block(graph, device, node, &b) ? fuse_block(graph, device, b) : DD_OK;
}

/* From the end: what takes others' place does not move the nodes before them. */
dd_status dd__graph_fuse(dd__graph *graph, const dd_device *device) {
    if (dd__device_is_reference(device)) return DD_OK;
    for (size_t n = graph->node_count; n-- > 0;) DD_TRY(fuse_at(graph, device, graph->nodes[n]));
    return DD_OK;
}
