/* attributes.h: what each op is told. An op's file documents its own; these are together because
 * the reference, other ops' gradients and the test cases fill them in or read them.
 */
#ifndef DD_GRAPH_ATTRIBUTES_H
#define DD_GRAPH_ATTRIBUTES_H

#include <math.h>

#include "graph/op.h"

typedef enum dd__activation {
    DD__LINEAR,
    DD__RELU,
    DD__LEAKY_RELU, /* x > 0 ? x : alpha x */
    DD__ELU,        /* x > 0 ? x : alpha (exp(x) - 1) */
    DD__SIGMOID,
    DD__TANH,
    DD__GELU,       /* x Phi(x), with erf */
    DD__SWISH,      /* x sigmoid(x) */
    DD__HARD_SWISH, /* x min(max(x + 3, 0), 6) / 6 */
    DD__EXP,
    DD__LOG,
    DD__SQRT,
    DD__NEGATE,
    DD__ABS,
    DD__RECIPROCAL,
    DD__ERF,
    DD__SELU,         /* beta (x > 0 ? x : alpha (exp(x) - 1)) */
    DD__HARD_SIGMOID, /* max(0, min(1, alpha x + beta)) */
    DD__CLIP,         /* min(max(x, alpha), beta) */
    DD__SOFTPLUS,     /* log(1 + exp(x)) */
    DD__SOFTSIGN,     /* x / (1 + |x|) */
    DD__FLOOR,
    DD__CEIL,
    DD__GELU_TANH, /* gelu's approximation: x sigmoid(sqrt(8 / pi) (x + 0.044715 x^3)) */
} dd__activation;

typedef struct dd__conv2d { /* conv2d and its two backward ops */
    int32_t filters, kernel[2], stride[2], dilation[2], groups;
    dd__padding padding;
    bool bias;
    int32_t activation; /* as a node: LINEAR or RELU; as a layer: any */
    /* Nodes that inference fuses (plan/fuse.h) go on: batch_norm with inputs 3 to 6 (gamma, beta,
     * mean, variance), + input 7, min(max(y, low), high), then the maximum over windows of
     * pool x pool side by side. Not both input 7 and windows. */
    bool normalize, add, limit;
    float epsilon, low, high;
    int32_t pool;    /* 0 or 1: no pooling */
    dd__dims result; /* backward ops: the dims of what they compute, which dy alone does not tell */
    bool outer_gradient; /* what reads y gives back the gradient of x * w + b, before the
                            activation, and the bias's own; set by plan/fuse.h */
} dd__conv2d;

typedef struct dd__gemm { /* C = activation(A B + bias), A^T or B^T on request */
    bool transpose_a, transpose_b;
    int32_t activation; /* LINEAR or RELU */
} dd__gemm;

typedef struct dd__matmul { /* C = alpha A B, matrix by matrix; A^T or B^T on request */
    bool transpose_a, transpose_b;
    float alpha;
} dd__matmul;

typedef struct dd__pool {         /* max_pool, average_pool and their backward ops */
    int32_t kernel[2], stride[2]; /* stride 0: as kernel */
    int32_t dilation[2];          /* 0 counts as 1 */
    dd__padding padding;
    bool count_padding; /* average_pool: divide by all of the window, also what lies outside */
    dd__dims result;    /* backward ops: x's dims */
} dd__pool;

typedef struct dd__activate { /* activation, activation_backward */
    int32_t kind;
    float alpha, beta; /* NaN: the kind's own */
} dd__activate;
/* That kind with its own alpha and beta. */
static inline dd__activate dd__activation_of(int32_t kind) {
    return (dd__activate){.kind = kind, .alpha = NAN, .beta = NAN};
}

typedef enum dd__arithmetic_kind { /* of a and b */
                                   DD__ADD,
                                   DD__SUBTRACT,
                                   DD__MULTIPLY,
                                   DD__DIVIDE,
                                   DD__POWER,
                                   DD__MINIMUM,
                                   DD__MAXIMUM,
                                   DD__PRELU, /* a > 0 ? a : a b */
} dd__arithmetic_kind;

typedef struct dd__arithmetic { /* arithmetic, arithmetic_backward */
    int32_t kind;
    int32_t by; /* arithmetic_backward: the derivative is that by a, 0, or b, 1 */
} dd__arithmetic;

typedef struct dd__batch_norm {
    float momentum, epsilon; /* running = momentum * running + (1 - momentum) * batch's, as Keras */
} dd__batch_norm;

typedef struct dd__dropout {
    float rate;
    uint32_t stream; /* of random numbers; different for each layer */
} dd__dropout;

typedef struct dd__cross_entropy { /* cross_entropy, cross_entropy_backward */
    float smoothing; /* share of the label's weight that all classes get alike, 0 to below 1 */
} dd__cross_entropy;

typedef struct dd__norm_pool { /* norm_pool_training, norm_pool_backward */
    dd__batch_norm norm;
    int32_t pool[2]; /* rows and columns of a window, from window to window too; 1, 1: no pool */
    dd__dropout dropout; /* rate 0: none */
    bool relu;           /* x is what a relu gave: its gradient is that of the relu's input */
} dd__norm_pool;

typedef struct dd__conv_norm_pool { /* conv2d_norm_pool_training, conv2d_norm_pool_backward */
    dd__norm_pool tail;             /* relu: conv's activation, which else is linear */
    dd__conv2d conv;
} dd__conv_norm_pool;

typedef struct dd__slice {     /* concat: axis; slice: what is taken along it */
    int32_t axis;              /* from 0, or from -1 backwards */
    int32_t begin, size, step; /* step: not 0 */
} dd__slice;

typedef struct dd__transpose {
    dd__dims order; /* axis i of the output is axis order.d[i] of the input */
} dd__transpose;

typedef enum dd__pad_mode {
    DD__PAD_CONSTANT,
    DD__PAD_EDGE,
    DD__PAD_REFLECT,
    DD__PAD_WRAP,
} dd__pad_mode;

typedef struct dd__pad {
    dd__dims before, after; /* one number for each axis of the input; rank 0: zeros */
    int32_t mode;
    float value; /* of DD__PAD_CONSTANT */
} dd__pad;

typedef struct dd__take {
    int32_t axis; /* of the first input, from 0, or from -1 backwards */
} dd__take;

typedef struct dd__reshape {
    dd__dims dims;
    bool whole; /* as a layer: dims begin with axis 0 */
} dd__reshape;

typedef enum dd__reduction {
    DD__REDUCE_SUM,
    DD__REDUCE_MEAN,
    DD__REDUCE_MAX,
    DD__REDUCE_MIN,
} dd__reduction;

typedef struct dd__reduce { /* reduce, reduce_backward */
    int32_t kind;
    dd__dims axes;   /* their numbers */
    dd__dims result; /* reduce_backward: x's dims */
} dd__reduce;

typedef struct dd__normalize {
    dd__dims axes; /* their numbers */
    float epsilon;
} dd__normalize;

typedef struct dd__lrn { /* local response normalisation, see cl/lrn.cl */
    int32_t size;
    float alpha, beta, bias;
} dd__lrn;

typedef enum dd__resize_mode { DD__RESIZE_NEAREST, DD__RESIZE_LINEAR } dd__resize_mode;

typedef enum dd__coordinates { /* see src/ops/resize.c */
                               DD__HALF_PIXEL,
                               DD__ASYMMETRIC,
                               DD__ALIGN_CORNERS,
                               DD__PYTORCH_HALF_PIXEL,
                               DD__HALF_PIXEL_SYMMETRIC,
} dd__coordinates;

typedef enum dd__rounding {
    DD__ROUND_PREFER_FLOOR, /* to the nearest; halves down */
    DD__ROUND_PREFER_CEIL,  /* to the nearest; halves up */
    DD__ROUND_FLOOR,
    DD__ROUND_CEIL,
} dd__rounding;

typedef struct dd__resizing { /* resize */
    int32_t size[2];          /* rows and columns of the output */
    int32_t mode, coordinates, rounding;
    float scale[2]; /* 0: output / input */
} dd__resizing;

typedef struct dd__views { /* of an image, beside itself: see graph/views.h. 0: none */
    float shift;           /* pixels */
    float rotation;        /* degrees */
    float zoom;            /* 1 + zoom and 1 - zoom times as large */
} dd__views;

typedef struct dd__fill {
    float value;
} dd__fill;

typedef struct dd__sgd {
    float momentum; /* 0: none, and no moment is read */
} dd__sgd;

typedef struct dd__adam {
    float beta1, beta2, epsilon;
} dd__adam;

typedef struct dd__weight_decay {
    float decay;
} dd__weight_decay;

typedef struct dd__average {
    float decay;
} dd__average;

typedef struct dd__learning_rate { /* see src/ops/optimizer.c */
    int32_t rise, fall;            /* steps */
    float start, end;              /* shares of the base rate */
} dd__learning_rate;

typedef struct dd__augment { /* ranges of random changes, see cl/augment.cl; all 0: none */
    float rotation, shear;   /* degrees */
    float width, height;     /* shifts, in parts of the image */
    float zoom;              /* each axis from 1 - zoom to 1 + zoom */
    float elastic;           /* pixels */
    float thickness, blur;   /* shares of a pixel's neighbours */
    float contrast, background;
    float erase; /* side of a square, in parts of the image */
} dd__augment;

static inline bool dd__augments(const dd__augment *a) {
    return a->rotation > 0 || a->shear > 0 || a->width > 0 || a->height > 0 || a->zoom > 0 ||
           a->elastic > 0 || a->thickness > 0 || a->blur > 0 || a->contrast > 0 ||
           a->background > 0 || a->erase > 0;
}

enum { DD__PREPARED = 4 }; /* channels that differ in their preparation, at most */

typedef struct dd__gather { /* also advance and next_part, which use batch alone */
    int32_t batch;
    bool shuffle;
    /* x = pixel * scale[c] + shift[c], c the channel; with channels 0 all have scale[0] and shift[0] */
    int32_t channels; /* at most DD__PREPARED */
    float scale[DD__PREPARED], shift[DD__PREPARED];
    dd__augment augment;
} dd__gather;

#endif
