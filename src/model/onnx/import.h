/* import.h: an ONNX model becomes a network and its tensors.
 *
 * Nodes are taken in the order of the file, which ONNX promises to be one in which they can be
 * computed; each adds layers to a network that grows with a graph beside it (model/network.h), so
 * that the shape of every value is known at once. Numbers that are known, and what follows from
 * them, are computed here (fold.c); so shape arithmetic leaves no layers.
 *
 * ONNX has channels behind the batch, we have them last. A value may exist in both forms; what a
 * handler asks for and is not there is made by a transposition, once. Convolutions, pools and norms
 * ask for CHANNELS_LAST, and what works on each number by itself takes what there is, so that none
 * is left inside a convolutional network.
 *
 * A handler that fails says what is not supported; the import goes on, and in the end all of them
 * are listed.
 */
#ifndef DD_MODEL_ONNX_IMPORT_H
#define DD_MODEL_ONNX_IMPORT_H

#include "base/json.h"
#include "model/network.h"
#include "model/onnx/known.h"
#include "model/onnx/names.h"
#include "model/onnx/node.h"
#include "model/onnx/shapes.h"

typedef enum dd__layout {
    DD__PLAIN,         /* axes as ONNX has them */
    DD__CHANNELS_LAST, /* axis 1 moved to the end; the same below three axes */
} dd__layout;

typedef struct dd__onnx_value {
    const char *name;
    dd__dims shape; /* as ONNX has it; rank 0: a single number, of which layers have rank 1 */
    const dd__known *known; /* its numbers; NULL: they are computed at run time */
    const char *layer[2];   /* by dd__layout, the layer or input that gives it; NULL: none yet */
    bool run_time;          /* an input: what is known of it holds for this run alone */
    bool failed;            /* the node that gives it is not supported */
} dd__onnx_value;

typedef struct dd__onnx {
    dd__arena arena; /* names, values, what is known */
    const Onnx__GraphProto *file;
    unsigned opset;
    bool images; /* the first axis counts images, of which there may be any number */
    dd__onnx_value *values;
    size_t value_count, value_room;
    dd__onnx_names value_names; /* numbers: of `values` */
    dd__onnx_names read_names;  /* of values that a node reads, or that are outputs of the model */
    dd__onnx_names layer_names; /* numbers: of the walker's layers; of sources DD__NETWORK_LAYERS */
    dd__graph *graph;
    dd__walker walker;
    cJSON *network, *layers;
    const char *output;  /* of a network of images: the layer that gives it */
    dd__tensor *tensors; /* of the layers so far */
    size_t tensor_count, tensor_room;
    size_t tensor_bytes; /* of all together; as many at most as the arena's limit */
} dd__onnx;

typedef dd_status dd__onnx_handler(dd__onnx *m, const Onnx__NodeProto *node);
#define DD_ONNX(op, function) dd__onnx_handler dd__import_##function;
#include "model/onnx/operators.def"
#undef DD_ONNX

/* ---- Inputs and outputs (inputs.c, outputs.c) ------------------------------------------------- */

dd_status dd__onnx_take_initializers(dd__onnx *m);
/* The one input of a network of images. DD_FORMAT  there is not just one, or it has other axes */
dd_status dd__onnx_take_image(dd__onnx *m);
/* The inputs of a network of tensors: those that no initializer gives, by name.
 * DD_USAGE, DD_SHAPE  they are missing, too many, or of other shapes */
dd_status dd__onnx_take_arrays(dd__onnx *m, const dd_array *arrays, size_t count);
/* The one output becomes one number a class, whatever axes of one element are around them. DD_FORMAT */
dd_status dd__onnx_end_with_classes(dd__onnx *m);
/* All outputs, by name. DD_FORMAT */
dd_status dd__onnx_end_with_tensors(dd__onnx *m);
/* Adds one to the network's "inputs", where layer is NULL, or "outputs". */
dd_status dd__onnx_list_tensor(cJSON *list, const char *name, const char *layer,
                               const dd__dims *shape);
/* Takes away the layers that do not lead to an output. */
dd_status dd__onnx_remove_unused(dd__onnx *m);

/* ---- Values (values.c) --------------------------------------------------------------------- */

/* The value of this name, or NULL. */
dd__onnx_value *dd__onnx_find(dd__onnx *m, const char *name);
/* A new value. DD_FORMAT  there is one of this name */
dd_status dd__onnx_new(dd__onnx *m, const char *name, dd__onnx_value **value);
/* Input i of the node; NULL when it is absent. */
dd__onnx_value *dd__onnx_in(dd__onnx *m, const Onnx__NodeProto *node, size_t i);
/* The same. DD_FORMAT  it is absent */
dd_status dd__onnx_need(dd__onnx *m, const Onnx__NodeProto *node, size_t i, dd__onnx_value **value);
/* DD_FORMAT  something reads an output of the node from number `first` on: they are not imported */
dd_status dd__onnx_no_others(dd__onnx *m, const Onnx__NodeProto *node, size_t first);
/* What is known of each input, of the first `room` at most. Returns how many. */
size_t dd__onnx_knowns(dd__onnx *m, const Onnx__NodeProto *node, const dd__known *known[],
                       size_t room);
/* Room for all that the functions of shapes.h read. */
enum { DD__ONNX_INPUTS = 16 };
/* Numbers that must be known, as floats, `count` of them (0: any). DD_FORMAT  they are not */
dd_status dd__onnx_floats(dd__onnx *m, const dd__onnx_value *value, size_t count,
                          const float **floats);
/* The layer that gives the value in this layout. */
dd_status dd__onnx_in_layout(dd__onnx *m, dd__onnx_value *value, dd__layout layout,
                             const char **layer);
/* The layout in which an op on single numbers takes it. */
dd__layout dd__onnx_layout_of(const dd__onnx_value *value);
/* Where an axis of ONNX lies in a layout. */
int64_t dd__onnx_axis_in(dd__layout layout, int64_t axis, unsigned rank);
/* Output i of the node is what `layer` gives. `shape` NULL: the layer's. */
dd_status dd__onnx_give(dd__onnx *m, const Onnx__NodeProto *node, size_t i, const char *layer,
                        dd__layout layout, const dd__dims *shape);
/* Output 0 is known. */
dd_status dd__onnx_give_known(dd__onnx *m, const Onnx__NodeProto *node, const dd__known *known);
/* Output 0 is the same as `value`. */
dd_status dd__onnx_give_same(dd__onnx *m, const Onnx__NodeProto *node, const dd__onnx_value *value);

/* ---- Layers (layer.c) ---------------------------------------------------------------------- */

typedef struct dd__onnx_layer { /* being made */
    dd__json json;
    cJSON *object, *inputs;
    const char *name;
} dd__onnx_layer;

/* Begins a layer that is called after the node, or after `hint` where that is not NULL; its name is
 * then known. */
dd_status dd__onnx_begin(dd__onnx *m, const char *op, const Onnx__NodeProto *node, const char *hint,
                         dd__onnx_layer *layer);
void dd__onnx_reads(dd__onnx_layer *layer, const char *input);
void dd__onnx_number(dd__onnx_layer *layer, const char *key, double number);
void dd__onnx_bool(dd__onnx_layer *layer, const char *key, bool value);
void dd__onnx_text(dd__onnx_layer *layer, const char *key, const char *text);
void dd__onnx_list(dd__onnx_layer *layer, const char *key, const int64_t *numbers, size_t count);
void dd__onnx_dims(dd__onnx_layer *layer, const char *key, const dd__dims *dims, unsigned first);
/* Adds it to the network. DD_SHAPE, DD_FORMAT  it does not fit */
dd_status dd__onnx_end(dd__onnx *m, dd__onnx_layer *layer, const char **name);

/* Memory for the tensor "<layer>.<what>", to be filled; it belongs to the network. */
dd_status dd__onnx_tensor(dd__onnx *m, const char *layer, const char *what, dd__dims dims,
                          float **numbers);
/* The same, filled with the `count` numbers of a value, which must be known. */
dd_status dd__onnx_copy_tensor(dd__onnx *m, const char *layer, const char *what,
                               const dd__onnx_value *value, uint32_t count);
/* The next source of the walk, an input of the model. */
void dd__onnx_source(dd__onnx *m, const char *name, dd__value *value, bool batched);
/* What a layer or input gives. */
const dd__dims *dd__onnx_dims_of(const dd__onnx *m, const char *layer);
bool dd__onnx_is_batched(const dd__onnx *m, const char *layer);

/* Common layers. `layer` is read and replaced. */
dd_status dd__onnx_view(dd__onnx *m, const Onnx__NodeProto *node, const dd__dims *dims,
                        const char **layer);
dd_status dd__onnx_transposed(dd__onnx *m, const Onnx__NodeProto *node, const unsigned order[],
                              const char **layer);
dd_status dd__onnx_constant(dd__onnx *m, const char *hint, const dd__known *known,
                            const char **layer);
/* kind: of the op `arithmetic`, or "add" */
dd_status dd__onnx_arithmetic(dd__onnx *m, const Onnx__NodeProto *node, const char *kind,
                              const char *a, const char *b, const char **layer);
dd_status dd__onnx_activation(dd__onnx *m, const Onnx__NodeProto *node, const char *kind,
                              const char **layer);

#endif
