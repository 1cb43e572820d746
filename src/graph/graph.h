/* graph.h: values and nodes. Everything is a node in one graph: forward layers, their gradients,
 * the optimizer's update, metrics and the making of a batch. Nodes run in the order they were
 * added.
 *
 * A graph is built for one batch size: shapes are inferred as nodes are added. Compiling it for a
 * device gives a plan (plan/plan.h).
 */
#ifndef DD_GRAPH_GRAPH_H
#define DD_GRAPH_GRAPH_H

#include "base/memory.h"
#include "device/device.h"

typedef struct dd__op dd__op;
typedef struct dd__implementation dd__implementation;
typedef struct dd__node dd__node;

enum { DD__MAX_RANK = 6, DD__SETTINGS = 8 };

/* Extents, outermost first, in the order the bytes lie. Images are (N, H, W, C). */
typedef struct dd__dims {
    unsigned rank;
    uint32_t d[DD__MAX_RANK];
} dd__dims;

#define DD_DIMS(...) \
    ((dd__dims){.rank = sizeof((uint32_t[]){__VA_ARGS__}) / sizeof(uint32_t), .d = {__VA_ARGS__}})

size_t dd__dims_count(const dd__dims *dims); /* elements */
bool dd__dims_equal(const dd__dims *a, const dd__dims *b);
/* Makes *axis, which may count backwards from -1, count from 0; DD_SHAPE when there is none such. */
dd_status dd__axis(int32_t *axis, const dd__dims *dims);
/* "128x28x28x1" in `out`, which is returned. */
char *dd__dims_print(const dd__dims *dims, char out[80]);

/* F16: half precision (base/half.h). No node makes such values when it is added; plan/half.h does. */
typedef enum dd__type { DD__F32, DD__I32, DD__U8, DD__F16 } dd__type;
size_t dd__type_bytes(dd__type type);

typedef enum dd__role {
    DD__INPUT,     /* written by the host before a run */
    DD__PARAMETER, /* of a layer; read by the forward nodes, changed by the optimizer's unless frozen */
    DD__STATE,     /* kept from run to run: running means, moments, counters, datasets */
    DD__TEMPORARY, /* lives from its producer to its last reader */
    DD__OUTPUT,    /* a temporary that the host reads after a run */
} dd__role;

/* How a parameter or state starts. */
typedef enum dd__initial {
    DD__ZEROS,
    DD__ONES,
    DD__GLOROT_UNIFORM, /* U(-a, a), a = sqrt(6 / (fan_in + fan_out)); Glorot, Bengio 2010 */
} dd__initial;

typedef struct dd__value {
    const char *name; /* unique among inputs, parameters, states and outputs; else for messages */
    dd__type type;
    dd__role role;
    dd__dims dims;
    dd__node *producer;     /* NULL for inputs, parameters and states */
    struct dd__value *base; /* not NULL: a view, whose bytes lie inside those of base */
    size_t offset;          /* of a view, in bytes */
    bool wants_gradient;    /* a parameter that is learned, or reached by one */
    dd__initial initial;    /* of parameters and statistics */
    uint32_t fan_in, fan_out;
    bool decays;        /* takes part in weight decay: weights do, biases and norms do not */
    dd__buffer *buffer; /* set by the plan */
} dd__value;

struct dd__node {
    const dd__op *op;
    const char *name; /* the layer's, or "<layer>.<what it computes for it>" */
    void *attributes; /* the op's own struct */
    dd__value **in;
    size_t in_count; /* an absent optional input is NULL */
    dd__value **out;
    size_t out_count;
    uint32_t number; /* position in the graph: random streams and tests rely on it */
    const dd__implementation *forced; /* by tests and the tuner; NULL: the plan's choice */
    /* Of the implementation's tunables, by index; 0: its own default. Forced with `forced`, else
     * set by the plan's choice. */
    int32_t settings[DD__SETTINGS];
};

typedef struct dd__graph {
    dd__arena arena; /* owns everything below */
    bool training;   /* layers add their training form */
    bool frozen;     /* those that are added now do not: nor are their parameters learned */
    uint64_t seed;
    dd__value **values;
    size_t value_count, value_room;
    dd__node **nodes;
    size_t node_count, node_room;
    dd__value *parameters; /* one flat stretch of views: all parameters learned; NULL if none */
    dd__value *statistics; /* likewise of what is saved beside them: running means, ..., and the
                              parameters of frozen layers */
    dd__value *step;       /* see dd__step; NULL until dd__graph_step */
} dd__graph;

/* What changes from step to step. The host writes it before the first run; the node `advance` moves
 * it on. The same struct stands in cl/common.cl. All words are 32 bits. */
typedef struct dd__step {
    uint32_t seed_low, seed_high;
    uint32_t step;     /* steps so far, over all epochs: random streams and Adam's correction */
    uint32_t epoch;    /* keys the shuffle */
    uint32_t position; /* of the next (micro-)batch's first example inside the epoch */
    uint32_t count;    /* examples in the dataset */
    float learning_rate;
    float base_rate; /* which the node learning_rate makes learning_rate from */
    uint32_t part;   /* micro-batches of this step that are done */
    uint32_t parts;  /* that a step has; 0 counts as 1 */
} dd__step;
enum { DD__STEP_WORDS = sizeof(dd__step) / sizeof(uint32_t) };

dd_status dd__graph_create(bool training, uint64_t seed, dd__graph **graph);
void dd__graph_free(dd__graph *graph);

dd_status dd__graph_input(dd__graph *graph, const char *name, dd__type type, dd__dims dims,
                          dd__value **value);
/* Whether a layer that is added now is to be in its training form. */
bool dd__graph_trains(const dd__graph *graph);
/* What a layer learns, unless graph->frozen. `like` gives dims, initial, fans and decays; the rest is
 * filled in. */
dd_status dd__graph_parameter(dd__graph *graph, const char *layer, const char *what,
                              const dd__value *like, dd__value **value);
/* The parameters of `other` that are learned, under their names and laid out as there. */
dd_status dd__graph_parameters_of(dd__graph *graph, const dd__graph *other);
/* What a layer keeps beside its parameters (running mean): saved with the model, not learned. */
dd_status dd__graph_statistic(dd__graph *graph, const char *layer, const char *what,
                              const dd__value *like, dd__value **value);
/* Kept from run to run, not part of the model; starts as zeros. */
dd_status dd__graph_state(dd__graph *graph, const char *name, dd__type type, dd__dims dims,
                          dd__value **value);
/* graph->step, made on first use. */
dd_status dd__graph_step(dd__graph *graph, dd__value **step);
/* For infer functions: DD_SHAPE unless the value is of the step's type and size. */
dd_status dd__check_step(const dd__value *step);
/* The value named so, among inputs, parameters, statistics, states and outputs; or NULL. */
dd__value *dd__graph_find(const dd__graph *graph, const char *name);
/* Makes a temporary something the host reads after a run, under this name. */
dd_status dd__graph_output(dd__graph *graph, dd__value *value, const char *name);

/* Adds a node: copies `attributes` (NULL: the op's defaults), infers the outputs, puts them in
 * out[0..]. The name is copied. DD_SHAPE when the op refuses the shapes: 'layer "conv2": ...'. */
dd_status dd__graph_add(dd__graph *graph, const dd__op *op, const char *name,
                        const void *attributes, dd__value *const in[], size_t in_count,
                        dd__value **out[], size_t out_count);
/* The same for the common case of one output. */
dd_status dd__graph_add1(dd__graph *graph, const dd__op *op, const char *name,
                         const void *attributes, dd__value *const in[], size_t in_count,
                         dd__value **out);
/* Puts the node that was added last in the place of `old` (count nodes, in the order of the graph):
 * it stands where the last of them stood and computes, as its output 0, the value that this one
 * computed as its output 0. Old nodes and their other outputs, which nothing else may read, are
 * gone. */
void dd__graph_replace(dd__graph *graph, dd__node *const old[], size_t count);
/* Puts the `count` nodes that were added last, which read nothing that a node computes, before all
 * others. */
void dd__graph_to_front(dd__graph *graph, size_t count);
/* For infer functions: the node's output i is a new temporary of this type and these dims. */
dd_status dd__node_output(dd__graph *graph, dd__node *node, size_t i, dd__type type, dd__dims dims);
/* For infer functions: the node's output i is `base` seen with other dims. */
dd_status dd__node_view(dd__graph *graph, dd__node *node, size_t i, dd__value *base, dd__dims dims);
/* The value that owns the bytes: `value` itself, or what it is a view of, to the root. */
dd__value *dd__value_root(dd__value *value);
const dd__value *dd__value_root_const(const dd__value *value);
/* Whether the value is a layer's parameter, or a view of one. */
bool dd__value_is_parameter(const dd__value *value);

/* Writes value->initial into data (the value's elements, f32), from `seed` and the value's name
 * alone. */
void dd__value_initialize(const dd__value *value, uint64_t seed, float *data);

/* Bytes of the value's own elements. */
size_t dd__value_bytes(const dd__value *value);

#endif
