#include "model/onnx/node.h"

#include <string.h>

const Onnx__AttributeProto *dd__onnx_attribute(const Onnx__NodeProto *node, const char *name) {
    for (size_t i = 0; i < node->n_attribute; i++)
        if (node->attribute[i]->name && strcmp(node->attribute[i]->name, name) == 0)
            return node->attribute[i];
    return NULL;
}

int64_t dd__onnx_int(const Onnx__NodeProto *node, const char *name, int64_t fallback) {
    const Onnx__AttributeProto *a = dd__onnx_attribute(node, name);
    return a && a->has_i ? a->i : fallback;
}

float dd__onnx_float(const Onnx__NodeProto *node, const char *name, float fallback) {
    const Onnx__AttributeProto *a = dd__onnx_attribute(node, name);
    return a && a->has_f ? a->f : fallback;
}

const int64_t *dd__onnx_ints(const Onnx__NodeProto *node, const char *name, size_t *count) {
    const Onnx__AttributeProto *a = dd__onnx_attribute(node, name);
    *count = a ? a->n_ints : 0;
    return *count ? a->ints : NULL;
}

bool dd__onnx_text_is(const Onnx__NodeProto *node, const char *name, const char *fallback,
                      const char *text) {
    const Onnx__AttributeProto *a = dd__onnx_attribute(node, name);
    if (!a || !a->has_s) return strcmp(fallback, text) == 0;
    return a->s.len == strlen(text) && memcmp(a->s.data, text, a->s.len) == 0;
}

dd_status dd__onnx_axis(int64_t *axis, unsigned rank) {
    int64_t found = *axis < 0 ? *axis + (int64_t)rank : *axis;
    if (found < 0 || found >= (int64_t)rank)
        return dd__fail(DD_FORMAT, "there is no axis %lld of %u", (long long)*axis, rank);
    *axis = found;
    return DD_OK;
}
