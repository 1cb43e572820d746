/* axes.h: ops that work over some axes of a value (reduce, normalize), and their implementations. */
#ifndef DD_OPS_AXES_H
#define DD_OPS_AXES_H

#include "graph/op.h"

/* x as (K0, R0, K1, R1, K2, R2, K3): extents that are kept and extents that one works over, in turn.
 * Neighbours of a kind are one extent; what is not there is 1. */
typedef struct dd__axes {
    size_t kept[4], over[3];
    size_t places; /* the kept ones' product */
    size_t count;  /* elements that belong to a place, the others' product */
    bool together; /* x is (K0, R0, K1) */
} dd__axes;

dd__axes dd__axes_of(const dd__dims *x, const dd__dims *axes);
/* For infer functions: x holds floats and `axes` some of its axes, each once. DD_SHAPE */
dd_status dd__axes_check(const dd__value *x, const dd__dims *axes);

/* What the kernels <op>_plain and so on of cl/axes.cl are told of a node. */
typedef struct dd__axes_work {
    dd__axes axes;
    size_t items;        /* of <op>_plain: places, or elements */
    float number;        /* a divisor, or epsilon */
    const char *options; /* " -DREDUCE_sum", or "": beside the op's name */
} dd__axes_work;
dd__axes_work dd__reduce_work(const dd__node *node); /* reduce.c; also of reduce_backward */
dd__axes_work dd__normalize_work(const dd__node *node);

/* Two for axes that lie together, for CPU runtimes and for GPUs, and one for all. */
extern const dd__implementation dd__axes_vector, dd__axes_grouped, dd__axes_plain;

#endif
