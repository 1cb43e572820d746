/* export_layers.h: a function for each kind of layer, and what they share. */
#ifndef DD_MODEL_ONNX_EXPORT_LAYERS_H
#define DD_MODEL_ONNX_EXPORT_LAYERS_H

#include "model/onnx/export.h"

/* The attribute of this name, of the type that the op's table says. */
const void *dd__told(const dd__layer_visit *v, const char *name);
int32_t dd__told_int(const dd__layer_visit *v, const char *name);
float dd__told_float(const dd__layer_visit *v, const char *name);
bool dd__told_bool(const dd__layer_visit *v, const char *name);
const char *dd__told_choice(const dd__layer_visit *v, const char *name);
/* What the layer reads. */
dd__exported *dd__export_input(dd__export *e, const dd__layer_visit *v, size_t i);
/* The layer gives `name`, in this form. */
dd_status dd__export_give(dd__export *e, const dd__layer_visit *v, dd__form form, const char *name);
/* The activation that conv2d and dense end with. */
dd_status dd__export_end(dd__export *e, const dd__layer_visit *v, const char **name);

/* export_windows.c */
dd_status dd__export_conv(dd__export *e, const dd__layer_visit *v);
dd_status dd__export_pool(dd__export *e, const dd__layer_visit *v);
dd_status dd__export_global_pool(dd__export *e, const dd__layer_visit *v);

/* export_shapes.c */
dd_status dd__export_constant(dd__export *e, const dd__layer_visit *v);
dd_status dd__export_same(dd__export *e, const dd__layer_visit *v);
dd_status dd__export_reshape(dd__export *e, const dd__layer_visit *v);
dd_status dd__export_transpose(dd__export *e, const dd__layer_visit *v);
dd_status dd__export_concat(dd__export *e, const dd__layer_visit *v);
dd_status dd__export_slice(dd__export *e, const dd__layer_visit *v);
dd_status dd__export_pad(dd__export *e, const dd__layer_visit *v);
dd_status dd__export_take(dd__export *e, const dd__layer_visit *v);
dd_status dd__export_resize(dd__export *e, const dd__layer_visit *v);
dd_status dd__export_views_layer(dd__export *e, const dd__layer_visit *v);

#endif
