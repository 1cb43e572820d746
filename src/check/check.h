/* check.h: one case struct for correctness, gradients, support and speed of an op's
 * implementations.
 *
 * Three oracles judge an op: the plain-C reference (tolerance 0 on small-integer data where sums
 * are exact), central differences of the reference, and vectors made with PyTorch (tests/vectors).
 */
#ifndef DD_CHECK_CHECK_H
#define DD_CHECK_CHECK_H

#include "graph/attributes.h"
#include "plan/plan.h"

enum { DD__CASE_INPUTS = 9, DD__CASE_OUTPUTS = 5 };

/* How an input is filled, from the case's name and the input's number. */
typedef enum dd__data {
    DD__DATA_NONE,     /* no such input */
    DD__DATA_INTEGER,  /* -4..4: sums of fewer than 2^20 products are exact in f32 */
    DD__DATA_HALF,     /* INTEGER plus a half: as bias of integer sums, no ReLU is near its kink */
    DD__DATA_NORMAL,   /* mean 0, deviation 1 */
    DD__DATA_OFFSET,   /* NORMAL plus 30: a variance as a difference of squares loses 3 digits */
    DD__DATA_POSITIVE, /* uniform in 0.5..1.5: variances */
    DD__DATA_DISTINCT, /* a shuffled ramp around 0, steps of 0.01, none nearer to 0 than 0.005 */
    DD__DATA_LARGE,    /* normal times 1e4: logits that overflow a naive softmax */
    DD__DATA_ZEROS,    /* moments at the first step */
    DD__DATA_LABELS,   /* I32 in 0..last extent of input 0, every fifth -1 */
    DD__DATA_CLASSES,  /* I32 in 0..9: the labels of a dataset */
    DD__DATA_PIXELS,   /* U8 */
    DD__DATA_PLACES,   /* U8 in 0..3: winners in 2x2 windows, the first row of 3x3 and more */
    DD__DATA_KEPT,     /* PLACES, every fifth 255 on average: dropped */
    DD__DATA_MASK,     /* U8, 0 or 1 */
    DD__DATA_STEP,     /* a dd__step as I32 words, at the epoch's start */
    DD__DATA_STEP_END, /* the same at step 2, 3 examples before the end of the dataset that is input 0 */
    DD__DATA_STEP_PART, /* STEP, in the second of three micro-batches */
} dd__data;

typedef struct dd__case {
    const char *op;   /* row in ops.def */
    const dd__op *as; /* the op itself, which need not be in ops.def; NULL: found by its name */
    const char *name; /* the behaviour it pins: "stride_two_uneven_padding" */
    const void *attributes;
    struct {
        dd__data data;
        dd__dims dims;
    } in[DD__CASE_INPUTS];
    unsigned half;     /* values that are in half precision on the device, as dd__implementation's;
                          the reference computes with floats, but of the same numbers */
    double tolerance;  /* |device - reference| <= tolerance * max(1, |reference|); 0: equal */
    const char *why;   /* of a tolerance that is not 0 */
    unsigned gradient; /* bit i: the gradient for input i is checked by central differences */
    unsigned runs;     /* of the node, the step counter moving on; 0: see dd__check_forward */
    bool quick;        /* part of the short self-test */
} dd__case;

/* Case number i, in the order of ops.def within a family; NULL after the last. */
const dd__case *dd__case_at(size_t i);

/* Every family of cases has a table of its own; a NULL-named row ends it. */
extern const dd__case dd__cases_convolution[], dd__cases_dense[], dd__cases_activation[],
    dd__cases_pool[], dd__cases_norm[], dd__cases_softmax[], dd__cases_shape[], dd__cases_axes[],
    dd__cases_resize[], dd__cases_views[], dd__cases_training[], dd__cases_arithmetic[];

/* Dims of a constant table; DD_DIMS is not a constant expression. */
#define DD__CONST_DIMS(...)                                                              \
    {                                                                                    \
        .rank = (unsigned)(sizeof((uint32_t[]){__VA_ARGS__}) / sizeof(uint32_t)), .d = { \
            __VA_ARGS__                                                                  \
        }                                                                                \
    }
/* An input of a case: DD__IN(INTEGER, 2, 7, 7, 3) */
#define DD__IN(kind, ...) \
    { .data = DD__DATA_##kind, .dims = DD__CONST_DIMS(__VA_ARGS__) }
#define DD__ABSENT \
    { .data = DD__DATA_NONE }

/* F32, I32 or U8 */
dd__type dd__data_type(dd__data data);
/* Fills `bytes` with the elements of input i, as they are before run number `run`, from 0. */
void dd__case_fill(const dd__case *c, size_t i, unsigned run, void *bytes);

/* A case as a graph of one node. Inputs are named "in0".., or states where the op changes them. */
typedef struct dd__case_graph {
    dd__graph *graph;
    const dd__op *op;
    dd__node *node;
    dd__value *in[DD__CASE_INPUTS], *out[DD__CASE_OUTPUTS];
} dd__case_graph;
/* Inputs of c->gradient want a gradient when `differentiable`. The graph belongs to the caller. */
dd_status dd__case_build(const dd__case *c, bool differentiable, dd__case_graph *built);
/* Writes the inputs of a compiled case as they are before run number `run`; states only at 0. */
dd_status dd__case_write(const dd__case *c, const dd__case_graph *built, dd__plan *plan,
                         unsigned run);
/* The elements of an output, those in half precision as floats: `to` has room for floats. */
dd_status dd__case_read(const dd__value *value, dd__plan *plan, void *to);
/* What rounding an output once more to its type adds to the error it may have, in parts of itself. */
double dd__case_rounding(const dd__value *value);
/* Writes NaN into every output, so that what a kernel leaves out is seen. */
dd_status dd__case_poison(const dd__case_graph *built, dd__plan *plan);

/* DD_OK when every element of `found` is within tolerance * max(1, |expected|) of `expected`.
 * A NaN or an infinity on either side is wrong, whatever the tolerance. DD_WRONG otherwise; the
 * message names the first wrong element (those that are not finite before all others), both values
 * and how many are wrong. *worst (may be NULL) is the largest error over the tolerance, or over 1
 * where the tolerance is 0. */
dd_status dd__compare(const float *found, const float *expected, size_t count, double tolerance,
                      double *worst);

/* DD_OK when the root mean square of found - expected is at most tolerance times that of expected:
 * for formulas whose rounding is that of the whole result and not of an element (minimal filtering).
 * Not finite is wrong. *worst (may be NULL) is the error over the tolerance. */
dd_status dd__compare_rms(const float *found, const float *expected, size_t count, double tolerance,
                          double *worst);

/* Runs a case's node on `device` with `implementation`, which may have settings ("direct:rows=4",
 * tune/choice.h; NULL: the plan's choice), and compares every
 * output, and every input the op mutates, with the reference device's; whole numbers must be equal.
 * An output in half precision may differ by its rounding besides. Outputs are filled with NaN first. A node that changes nothing in place runs twice, so that one
 * which adds to what it finds is caught.
 * DD_WRONG  they differ;  DD_USAGE  the implementation refuses: the message has the reason */
dd_status dd__check_forward(dd_device *device, const dd__case *c, const char *implementation,
                            double *worst);
/* The same, and once more with every launch in parts of one group, where every bit must be the same: a kernel
 * that takes its place from its group, or strides by the size of the launch, writes what it must not or
 * leaves something out. */
dd_status dd__check_parts(dd_device *device, const dd__case *c, const char *implementation,
                          double *worst);
/* The relative error (root mean square) of the first output, of type F32, against the reference's
 * sums in double. Fails as dd__check_forward does, and at an error of 1. */
dd_status dd__check_error(dd_device *device, const dd__case *c, const char *implementation,
                          double *error);
/* Differentiates sum(out[0] * random) of the case's node on `device` and compares with central
 * differences of the reference's outputs, summed in double: all elements of the inputs in
 * c->gradient, or 200 of each chosen at random. */
dd_status dd__check_gradient(dd_device *device, const dd__case *c, double *worst);
/* One step of a small network (convolution to cross-entropy, momentum) on `device` and on the
 * reference: the loss is finite and the parameters agree within 1e-4, or as far as the precision that the
 * device was opened with lets them. */
dd_status dd__check_training_step(dd_device *device, double *worst);

/* A case with the op, attributes and shapes of a convolution's or product's node, at so few images that
 * the reference takes no time; false for other ops and nodes that are too large for that. */
typedef struct dd__node_case {
    dd__case c;
    char name[33]; /* a hash of all that the case is */
    dd__conv2d convolution;
} dd__node_case;
bool dd__node_case_make(const dd__node *node, dd__node_case *made);

/* Checks the implementations that a plan of `graph` would use, unless their verdict is in the cache
 * (for this device, driver, library and kernels): convolutions and products with a case of the node's
 * own shapes, all others with the quick cases of their op. Only what passed is remembered. So a first
 * run builds no kernel that it does not need anyway.
 * DD_WRONG  what failed, on which device and driver, and what to try */
dd_status dd__verify(dd_device *device, const dd__graph *graph);

/* dd__plan_create on a device that passed dd__verify: what all but the checks themselves use. */
dd_status dd__verified_plan(dd_device *device, dd__graph *graph, const dd__binding *bindings,
                            size_t binding_count, dd__plan **plan);

#endif
