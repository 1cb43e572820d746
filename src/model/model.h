/* model.h: a network and its tensors in host memory, and how a graph is built from them. */
#ifndef DD_MODEL_MODEL_H
#define DD_MODEL_MODEL_H

#include <cjson/cJSON.h>

#include "graph/attributes.h"
#include "graph/graph.h"

/* A parameter or statistic by its name ("conv1.weight"), in the plain layout of graph/op.h. */
typedef struct dd__tensor {
    char *name;
    dd__dims dims;
    float *data;
} dd__tensor;

/* How a picture becomes the network's input; "preparation" of network.h. */
typedef struct dd__preparation {
    unsigned channels; /* that have a scale and a shift each; 0: all have the first */
    float scale[DD__PREPARED], shift[DD__PREPARED];
    bool crop;
    unsigned resize; /* 0: none */
    bool digits;     /* trained on pictures like MNIST's */
} dd__preparation;

struct dd_model {
    cJSON *network; /* the network file, checked; see network.h */
    char *name;
    unsigned height, width, channels, classes;
    char **class_names; /* (classes) */
    dd__preparation preparation;
    dd__tensor
        *tensors; /* (tensor_count): all parameters, then all statistics, in graph order; or none */
    size_t tensor_count;
    dd_layer_info *layers; /* (layer_count), for dd_model_layer; strings in `arena` */
    size_t layer_count;
    dd_model_info info;
    dd__arena arena;
};

/* A model of the same network, without tensors. */
dd_status dd__model_twin(const dd_model *model, dd_model **twin);
/* The same from a network as JSON. DD_FORMAT, DD_SHAPE */
dd_status dd__model_from_network(const cJSON *network, dd_model **model);
/* Says in the network whether the model was trained on pictures like MNIST's: then others of its size are
 * prepared as well. False for a network of tensors. */
dd_status dd__model_set_digits(dd_model *model, bool digits);
/* Whether both have the same network, classes and preparation. */
bool dd__model_same_network(const dd_model *a, const dd_model *b);
/* Whether both take the same images, by the same numbers, and tell the same classes apart.
 * DD_SHAPE  what of `a` and of `b` differs */
dd_status dd__model_check_alike(const dd_model *a, const dd_model *b);
/* Exchanges the tensors of two models of the same network. */
void dd__model_swap_tensors(dd_model *a, dd_model *b);
/* Gives the model's tensors the numbers of those of `from` that have the same name and dims, but for
 * the layer `except` (NULL: none). How many. */
size_t dd__model_take(dd_model *model, const dd_model *from, const char *except);
/* Names the tensors by their content, "" where there are none. */
void dd__model_hash(const dd_model *model, char out[33]);

/* Adds the network's layers to `graph`, reading x (N, height, width, channels) f32. *logits is the
 * input of the closing softmax (or the last value, when there is none), *y the last value.
 * In an inference graph dropout adds nothing.
 *   frozen  (layers) those that are not trained: they add their inference form, and their parameters
 *           are among graph->statistics; NULL: none. Graphs that share parameters freeze the same. */
dd_status dd__model_build(const dd_model *model, dd__graph *graph, dd__value *x, const bool *frozen,
                          dd__value **logits, dd__value **y);

/* Between the model's tensors and the flat stretches of a graph built from it: `parameters` and
 * `statistics` have the size of graph->parameters and graph->statistics (NULL where there is none).
 * store fills the stretches (padding zeroed); fetch makes or replaces the model's tensors.
 * DD_SHAPE  a tensor is missing, too many, or of other dims: by name */
dd_status dd__model_store(const dd_model *model, const dd__graph *graph, float *parameters,
                          float *statistics);
dd_status dd__model_fetch(dd_model *model, const dd__graph *graph, const float *parameters,
                          const float *statistics);
#endif
