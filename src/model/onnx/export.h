/* export.h: a network becomes an ONNX graph of operator set 13, in its form for inference.
 *
 * Our images are (N, H, W, C), ONNX's convolutions take (N, C, H, W). So a layer's value may exist in
 * two forms, OWN with our axes and FIRST with the channels behind the batch; what is asked for and
 * not there is made by a Transpose, once. Below three axes both are one.
 */
#ifndef DD_MODEL_ONNX_EXPORT_H
#define DD_MODEL_ONNX_EXPORT_H

#include <onnx.pb-c.h>

#include "graph/attributes.h"
#include "model/network.h"
#include "model/onnx/names.h"

enum { DD__EXPORT_OPSET = 13 };

typedef enum dd__form { DD__OWN, DD__FIRST } dd__form;

typedef struct dd__exported { /* what a layer or an input gives */
    const char *name[2];      /* by dd__form; NULL: not there yet */
    dd__dims dims;            /* our axes */
} dd__exported;

/* What a name is for: inputs and outputs come first, a tensor or a layer that is called as one of those
 * before it, or as a value without a name of its own, gets a number. */
typedef enum dd__naming { DD__OF_FILE, DD__OF_TENSOR, DD__OF_LAYER } dd__naming;

typedef struct dd__export {
    dd__arena arena; /* everything but the lists */
    const dd_model *model;
    dd__exported *layers, *sources;
    size_t source_count;
    bool images; /* the first axis of all values is the batch, of any size */
    Onnx__NodeProto **nodes;
    size_t node_count, node_room;
    Onnx__TensorProto **tensors;
    size_t tensor_count, tensor_room;
    dd__onnx_names names; /* all that the model has; numbers: dd__naming */
    unsigned numbers;     /* of values without one so far */
} dd__export;

/* ---- Nodes and tensors (export_graph.c) ------------------------------------------------------- */

/* A node with some inputs ("": absent) and one output, which is called as the layer `name` where that name
 * is free, or where it is NULL by a number. */
dd_status dd__export_node(dd__export *e, const char *op, const char *const in[], size_t count,
                          const char *name, Onnx__NodeProto **node, const char **out);
dd_status dd__export_int(dd__export *e, Onnx__NodeProto *node, const char *name, int64_t value);
dd_status dd__export_float(dd__export *e, Onnx__NodeProto *node, const char *name, float value);
dd_status dd__export_text(dd__export *e, Onnx__NodeProto *node, const char *name, const char *text);
dd_status dd__export_ints(dd__export *e, Onnx__NodeProto *node, const char *name,
                          const int64_t *values, size_t count);
/* Initializers. Floats are not copied and must live as long. NULL names: by a number. */
dd_status dd__export_floats(dd__export *e, const char *name, const float *floats, dd__dims dims,
                            const char **out);
dd_status dd__export_wholes(dd__export *e, const int64_t *values, size_t count, const char **out);
/* A tensor of the model, as it lies. */
dd_status dd__export_tensor(dd__export *e, const char *layer, const char *what, const char **out);
/* The tensor itself. */
const dd__tensor *dd__export_find(const dd__export *e, const char *layer, const char *what);
/* A single number. */
dd_status dd__export_number(dd__export *e, float value, const char **out);
/* op(a, b), or op(a) where b is NULL. */
dd_status dd__export_apply(dd__export *e, const char *op, const char *a, const char *b,
                           const char **out);
dd_status dd__export_apply_number(dd__export *e, const char *op, const char *a, float b,
                                  const char **out);
/* The value in this form. */
dd_status dd__export_in(dd__export *e, dd__exported *value, dd__form form, const char **name);

/* ---- Layers (export_layers.c, export_activation.c, export_views.c) ------------------------------ */

/* Each that a walk of the network visits; `export` is a dd__export. DD_FORMAT  ONNX has no such layer */
dd_status dd__export_layer(void *export, const dd__graph *graph, const dd__layer_visit *visit);
/* What an activation of this kind, with settled numbers, makes of x. */
dd_status dd__export_activate(dd__export *e, const char *kind, const dd__activate *a, const char *x,
                              const char **out);
/* Replaces `value`, images x (N, H, W, C), by their views (N * views, H, W, C), called `name`. */
dd_status dd__export_views(dd__export *e, const dd__views *views, const dd__dims *x,
                           const char *name, const char **value);

#endif
