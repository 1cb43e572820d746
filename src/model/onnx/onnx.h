/* onnx.h: models of other programs, in the format of https://onnx.ai: a protobuf message ModelProto,
 * of which onnx.proto, which the build makes the reader from, is the layout. Operator sets 7 to 21;
 * newer ones are tried.
 */
#ifndef DD_MODEL_ONNX_ONNX_H
#define DD_MODEL_ONNX_ONNX_H

#include "model/model.h"

/* What of a network of images our own files keep as metadata, JSON texts: the key there, and that in the
 * network. */
enum { DD__ONNX_KEPT = 2 };
extern const char *const dd__onnx_kept[DD__ONNX_KEPT][2];

/* What an import gives; belongs to the caller (cJSON_Delete, dd__tensors_free). */
typedef struct dd__imported {
    cJSON *network; /* as network.h has it */
    dd__tensor *tensors;
    size_t tensor_count;
} dd__imported;

/* Takes apart a model in memory.
 *   inputs  NULL: a network of images (N, C, H, W) with one number a class. Else the values of all
 *           inputs that the model has, by name (a single one needs none), and the network is one of
 *           tensors of these shapes; whole numbers and what weights are made from are settled then.
 * DD_FORMAT  what does not hold; or all nodes that are not supported
 * DD_USAGE, DD_SHAPE  inputs that are missing, too many, or of other shapes */
dd_status dd__onnx_import(const void *bytes, size_t size, const dd_array *inputs,
                          size_t input_count, dd__imported *imported);
void dd__imported_clear(dd__imported *imported);

/* Writes the model as operator set 13, in its form for inference: a network of images from "input" (N, C, H,
 * W), prepared, to "output", for any N; classes and preparation as metadata, which an import reads.
 * DD_IO;  DD_FORMAT  ONNX has no such layer */
dd_status dd__onnx_export(const dd_model *model, const char *path);

#endif
