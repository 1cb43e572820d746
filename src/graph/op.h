/* op.h: what an op is: one row in ops/ops.def, one file in src/ops.
 *
 * Ops are written for values as they lie in memory: images (N, H, W, C), weights of a convolution
 * (KH, KW, CI / groups, CO), of a dense layer (IN, OUT).
 */
#ifndef DD_GRAPH_OP_H
#define DD_GRAPH_OP_H

#include "device/recorder.h"
#include "graph/graph.h"

/* ---- Attributes: read from JSON, checked, printed and documented by one table ------- */

typedef enum dd__attribute_type {
    DD__INT,      /* int32_t */
    DD__INT_PAIR, /* int32_t[2]: rows, columns; one number in JSON means both */
    DD__PADDING,  /* dd__padding: "valid", "same", a number, or [top, left, bottom, right] */
    DD__FLOAT,    /* float */
    DD__BOOL,     /* bool */
    DD__CHOICE,   /* int32_t, an index into choices */
    DD__INT_LIST, /* dd__dims: [7, 7, 64] in JSON; no fallback but the empty list */
} dd__attribute_type;

typedef struct dd__padding {
    int32_t same;     /* 1: output = ceil(input / stride), the odd row or column at the end */
    int32_t edges[4]; /* top, left, bottom, right; when not same */
} dd__padding;

typedef struct dd__attribute {
    const char *name;
    dd__attribute_type type;
    size_t offset;              /* in the op's attribute struct */
    double fallback;            /* when not given; a choice's index; of a padding, 1 is "same"
                                   and 0 "valid"; NaN: that it was not given can be told */
    double min, max;            /* numbers outside are refused */
    const char *const *choices; /* NULL-terminated, of a CHOICE */
    bool required;              /* no fallback: a network file must give it */
    const char *help;
} dd__attribute;

/* ---- Implementations ---------------------------------------------------------------- */

/* Scratch that a node's implementation asks for, and finds as buffers in its site when it records. */
enum { DD__WORKSPACES = 4 };
typedef struct dd__scratch {
    size_t workspace_bytes[DD__WORKSPACES]; /* alive while the node runs */
    size_t packed_bytes; /* filled by `pack` from the node's weights, input 1; where no node of
                                  the graph changes them, filled once and kept */
} dd__scratch;

typedef struct dd__site { /* where a node is recorded */
    const dd_device *device;
    dd__buffer *workspace[DD__WORKSPACES], *packed; /* NULL when none was asked for */
} dd__site;

/* A number that an implementation's speed depends on and its result does not. The table of these
 * drives the tuner's search, what can be forced, what the tuning file may hold, and the listings. */
enum { DD__TUNABLE_VALUES = 8 };
typedef struct dd__tunable {
    const char *name;                   /* "rows" */
    int32_t values[DD__TUNABLE_VALUES]; /* allowed, ended by a 0 */
    int32_t usual;                      /* what it is when it is not set; 0: usual_for tells */
    int32_t (*usual_for)(const dd__node *, const dd_device *);
    /* Whether the tuner tries the value with the node's other settings; NULL: always. What it leaves
     * out is slow, not wrong. */
    bool (*suits)(const dd__node *, const dd_device *, int32_t value);
    const char *help;
} dd__tunable;

/* What is set for tunable i of the node's implementation, or else what it usually is. */
static inline int32_t dd__setting(const dd__node *node, const dd_device *on,
                                  const dd__tunable *tunables, size_t i) {
    const dd__tunable *t = &tunables[i];
    return node->settings[i] ? node->settings[i] : t->usual ? t->usual : t->usual_for(node, on);
}

struct dd__implementation {
    const char *name; /* "plain", "direct", "clblast" */
    unsigned classes; /* DD__ON_CPU | DD__ON_GPU: where it is tried unasked; forced: anywhere */
    /* Why this cannot compute the node on the device, printable; NULL when it can. NULL: always
     * can. */
    const char *(*refuse)(const dd__node *, const dd_device *);
    /* Why a later one is likely faster, where this one can; NULL: it is not. The tuner times it all
     * the same. NULL: never. */
    const char *(*avoid)(const dd__node *, const dd_device *);
    /* NULL: needs none. */
    void (*scratch)(const dd__node *, const dd_device *, dd__scratch *);
    /* Appends the launches that fill site->packed from the weights. NULL: none. */
    dd_status (*pack)(dd__recorder *, const dd__node *, const dd__site *);
    /* Appends the launches that compute the outputs; never waits, never allocates. */
    dd_status (*record)(dd__recorder *, const dd__node *, const dd__site *);
    /* Of what computes by another formula than the sums that the op is defined with (minimal
     * filtering): the error it is allowed against the reference, root mean square over that of the
     * result. 0: what a case's own tolerance says, mostly nothing. */
    double relative_error;
    bool
        rounds_factors; /* that error comes from rounding factors, to 8 bits at least, before they are
                            multiplied: whole numbers of a few bits must come out exactly all the same,
                            as they do where a case's tolerance is 0 */
    unsigned half; /* which values it takes in half precision as well as in float, each by itself:
                      DD__HALF_IN(0) | DD__HALF_OUT(0); 0: none, it is for floats */
    const dd__tunable *tunables; /* at most DD__SETTINGS, then one without a name; NULL: none */
};

/* Sets of a node's values: inputs, of which there are at most 16, and outputs. */
#define DD__HALF_IN(i)  (1u << (i))
#define DD__HALF_OUT(i) (1u << (16 + (i)))
/* Those of the node's values that are in half precision. */
unsigned dd__node_half(const dd__node *node);
/* Makes those of the set half precision that were float; the others stay. */
void dd__node_set_half(const dd__node *node, unsigned set);

enum { DD__ON_CPU = 1, DD__ON_GPU = 2, DD__ANYWHERE = 3 };

/* ---- The op itself ------------------------------------------------------------------ */

struct dd__op {
    const char *name; /* "conv2d" */
    size_t attributes_bytes;
    const dd__attribute *attributes; /* ends with a NULL name; NULL: none that a file can give */
    size_t min_in, max_in, outputs;
    unsigned mutates; /* bit i: input i is changed in place */
    /* Adds the op as a layer of a network: makes its parameters, named "<name>.weight" and so on,
     * and its node, in the form the graph (training or not) wants. NULL: not a layer. Most use
     * dd__layer_plain. */
    dd_status (*layer)(dd__graph *, const dd__op *, const char *name, const void *attributes,
                       dd__value *const x[], size_t count, dd__value **y);
    /* Checks in dims and types and makes the outputs; the only place that knows them. NULL: the op
     * is only a layer, written with other ops. */
    dd_status (*infer)(dd__graph *, dd__node *);
    /* Adds nodes that compute dx[i], the gradient for in[i], for every i where in[i] is there and
     * wants_gradient, from dy[j], that of out[j] (NULL where nothing flows back). dx[] starts as
     * NULLs. NULL: the op has no gradient. */
    dd_status (*gradient)(dd__graph *, const dd__node *, dd__value *const dy[], dd__value *dx[]);
    /* Which nodes have one, printable ("only sums and means have one"), if this one has none; then
     * `gradient` is not called. NULL: all have one. */
    const char *(*refuse_gradient)(const dd__node *);
    /* Plain C on host memory (dd__buffer_host of the values' buffers), double sums. NULL only for
     * views, which compute nothing. */
    dd_status (*reference)(const dd__node *);
    const dd__implementation *const *implementations; /* best first, NULL-terminated; the last,
                                                         "plain", runs on any OpenCL 1.2 device,
                                                         but for ops that are `fused` */
    bool fused; /* stands for other nodes where one of its implementations fits: made by
                   plan/fuse.h alone */
    double (*flop)(const dd__node *); /* a multiply and an add are two; NULL: not counted */
    /* What a run cannot do without reading or writing; NULL: inputs and outputs, each once, and
     * once more where `mutates` says so (dd__node_bytes). */
    double (*bytes)(const dd__node *);
};

/* Bytes that a run of the node reads and writes at least: what a roofline is drawn with. Scratch of
 * an implementation does not count, nor what it reads twice. */
double dd__node_bytes(const dd__node *node);
/* Fills `attributes` (attributes_bytes long) with the op's fallbacks. */
void dd__attributes_default(const dd__op *op, void *attributes);
/* "kernel 5x5, filters 64, relu": those that differ from the fallback or are required. */
char *dd__attributes_print(const dd__op *op, const void *attributes, char *out, size_t size);
/* A layer that is a node of the same op on the same inputs and has no parameters. */
dd_status dd__layer_plain(dd__graph *graph, const dd__op *op, const char *name,
                          const void *attributes, dd__value *const x[], size_t count,
                          dd__value **y);

#endif
