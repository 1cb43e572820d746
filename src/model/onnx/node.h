/* node.h: the attributes of an ONNX node. */
#ifndef DD_MODEL_ONNX_NODE_H
#define DD_MODEL_ONNX_NODE_H

#include <onnx.pb-c.h>

#include "base/status.h"

const Onnx__AttributeProto *dd__onnx_attribute(const Onnx__NodeProto *node, const char *name);
int64_t dd__onnx_int(const Onnx__NodeProto *node, const char *name, int64_t fallback);
float dd__onnx_float(const Onnx__NodeProto *node, const char *name, float fallback);
/* The list and its length; NULL and 0 when it is not there. */
const int64_t *dd__onnx_ints(const Onnx__NodeProto *node, const char *name, size_t *count);
/* Whether the attribute is this text; one that is missing is `fallback`. */
bool dd__onnx_text_is(const Onnx__NodeProto *node, const char *name, const char *fallback,
                      const char *text);
/* Makes *axis count from 0. DD_FORMAT  there is none such */
dd_status dd__onnx_axis(int64_t *axis, unsigned rank);

#endif
