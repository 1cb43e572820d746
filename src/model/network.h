/* network.h: the network file, a JSON text of at most 1 MB.
 *
 *     { "deepdigits": "network 1",                          what the file is, and its version
 *       "name": "tiny",
 *       "input": {"height": 28, "width": 28, "channels": 1},
 *       "preparation": {"scale": 0.00392156862745098, "shift": 0},     default: these, 1/255 and 0
 *       "classes": ["zero", "one"],                           default: "0", "1", ...
 *       "layers": [
 *         {"op": "conv2d", "name": "conv1", "filters": 8, "kernel": 3, "activation": "relu"},
 *         {"op": "conv2d", "name": "conv2", "filters": 8, "kernel": 3, "padding": "same"},
 *         {"op": "add", "inputs": ["conv1", "conv2"]},
 *         {"op": "flatten"},
 *         {"op": "dense", "name": "logits", "units": 2},
 *         {"op": "softmax"} ] }
 *
 * "preparation" says how a picture becomes the network's input: x = pixel * scale + shift, where both are
 * numbers or lists with one number a channel (at most 4); of a mean and a deviation of pixels from 0 to 1, as
 * ImageNet's are given, scale is 1 / (255 deviation) and shift -mean / deviation. A picture of another size is
 * stretched to the input's, or, with "crop": true, scaled until it covers the input, and its middle cut out;
 * "resize": 256 beside that makes its shorter side 256 first. (One-channel networks without "crop" take other
 * sizes for digits, see dd_prepare; with "digits": true, which training on pictures like MNIST's sets, also
 * those of the input's size that are not like MNIST's.)
 *
 * A layer reads the one before it, the first one the image, unless "inputs" names others: earlier
 * layers, or "input" for the image. A name is made of letters, digits, '_', '.' and '-'; without
 * one a layer is called after its op and the how-manyth of that op it is: "add1". What else a layer
 * takes are its op's attributes. The last layer gives one number a class.
 *
 * A row of what a layer gives is of one image, which has but one, except between "views" (or "unstack_views"),
 * which makes several of it, and "stack_views", which makes them one again; a layer cannot read from inside
 * and outside.
 *
 * A network of tensors, which `run` alone takes, has these in place of "input", "preparation" and
 * "classes"; shapes are whole, and [] is a single number:
 *
 *       "inputs":  [{"name": "x", "shape": [2, 3, 4]}, {"name": "y", "shape": [4]}],
 *       "outputs": [{"name": "z", "layer": "add1", "shape": [2, 3, 4]}],
 */
#ifndef DD_MODEL_NETWORK_H
#define DD_MODEL_NETWORK_H

#include "model/model.h"

enum {
    DD__NETWORK_BYTES = 1 << 20,
    DD__NETWORK_LAYERS = 4000,
    DD__NETWORK_TENSORS = 1000, /* inputs, outputs */
    DD__NETWORK_CLASSES = 100000,
};
extern const char dd__network_image[]; /* "input": what "inputs" calls the image */

/* Parses and checks all that can be known without shapes. In the result "preparation" and every
 * layer's "name" are there. *network belongs to the caller (cJSON_Delete).
 * DD_FORMAT  with line and column, or 'layer 3 "conv2": "fliters" is not known here; known: ...' */
dd_status dd__network_parse(const char *text, size_t size, cJSON **network);
bool dd__network_is_of_tensors(const cJSON *network);

/* A layer that was just added. */
typedef struct dd__layer_visit {
    size_t index; /* from 0 */
    const char *name;
    const dd__op *op;
    const void *attributes;
    const dd__value *y;
    const int *inputs; /* (input_count) indices of layers; -1: the image; -1 - i: tensor i */
    size_t input_count;
    size_t first_node, first_value; /* what it added: from here to the graph's present counts */
} dd__layer_visit;
typedef dd_status dd__layer_function(void *context, const dd__graph *graph,
                                     const dd__layer_visit *visit);

/* Adds the layers of a parsed network to `graph`, as dd__model_build says; frozen (layers), or NULL.
 * `function` is told of each; NULL: nobody is.
 * DD_FORMAT, DD_SHAPE  'layer 3 "conv2": kernel 5x5 does not fit input 4x4' */
dd_status dd__network_walk(const cJSON *network, dd__graph *graph, dd__value *x, const bool *frozen,
                           dd__layer_function *function, void *context, dd__value **logits,
                           dd__value **y);
/* The same for a network of tensors: adds its inputs too, and makes its outputs the graph's, by name.
 * What the host reads of an output has its bytes, but not always its shape (dd__graph_find). */
dd_status dd__network_walk_tensors(const cJSON *network, dd__graph *graph,
                                   dd__layer_function *function, void *context);

/* ---- The walk step by step, for who makes a network -------------------------------------------- */

typedef struct dd__walked { /* a source or a layer */
    const char *name;
    dd__value *value;
    uint32_t rows; /* of its first axis that belong to an image: 1, or as many as it has views;
                      0: it has no image in any row */
} dd__walked;

typedef struct dd__walker {
    dd__graph *graph;
    dd__walked *sources, *layers; /* in the graph's arena */
    size_t source_count, layer_count;
    const bool *frozen; /* (layers) as dd__model_build has them; NULL: none */
} dd__walker;

/* `sources` is how many there will be at most. Names must outlive the walk. */
dd_status dd__walk_start(dd__graph *graph, size_t sources, dd__walker *walker);
void dd__walk_source(dd__walker *walker, const char *name, dd__value *value, bool batched);
/* Adds a layer that dd__network_parse would take; visit->y is what it gives. At most
 * DD__NETWORK_LAYERS. */
dd_status dd__walk_layer(dd__walker *walker, const cJSON *layer, dd__layer_visit *visit);
const dd__walked *dd__walk_find(const dd__walker *walker, const char *name);

#endif
