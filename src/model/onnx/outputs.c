/* What an ONNX model ends with, and the layers that lead there. */
#include <string.h>

#include "model/onnx/import.h"

dd_status dd__onnx_end_with_classes(dd__onnx *m) {
    Onnx__NodeProto named = ONNX__NODE_PROTO__INIT;
    named.name = (char[]){"output"};
    if (m->file->n_output != 1)
        return dd__fail(DD_FORMAT, "expected one output, found %zu; `run` takes any outputs",
                        m->file->n_output);
    const char *name = m->file->output[0]->name;
    dd__onnx_value *y = name ? dd__onnx_find(m, name) : NULL;
    const char *layer;
    char text[80];
    if (!y) return dd__fail(DD_FORMAT, "no node gives the output");
    size_t count = dd__dims_count(&y->shape);
    DD_TRY(dd__onnx_in_layout(m, y, DD__PLAIN, &layer));
    if (y->shape.rank < 2 || y->shape.d[1] != count || !dd__onnx_is_batched(m, layer))
        return dd__fail(DD_FORMAT, "its output is %s for one image: expected one number a class",
                        dd__dims_print(&y->shape, text));
    DD_TRY(dd__onnx_view(m, &named, &DD_DIMS(1, (uint32_t)count), &layer));
    m->output = layer;
    return DD_OK;
}

dd_status dd__onnx_list_tensor(cJSON *list, const char *name, const char *layer,
                               const dd__dims *shape) {
    dd__json json = {.root = list};
    if (!list) return dd__no_memory(64);
    cJSON *item = dd__json_add_object(&json, list, NULL);
    dd__json_add_text(&json, item, "name", name);
    if (layer) dd__json_add_text(&json, item, "layer", layer);
    cJSON *extents = dd__json_add_array(&json, item, "shape");
    for (unsigned i = 0; i < shape->rank; i++)
        dd__json_add(&json, extents, NULL, cJSON_CreateNumber(shape->d[i]));
    return json.failed ? dd__no_memory(64) : DD_OK;
}

dd_status dd__onnx_end_with_tensors(dd__onnx *m) {
    cJSON *outputs = cJSON_AddArrayToObject(m->network, "outputs");
    for (size_t i = 0; i < m->file->n_output; i++) {
        const char *name = m->file->output[i]->name, *layer;
        dd__onnx_value *y = name ? dd__onnx_find(m, name) : NULL;
        if (!y) return dd__fail(DD_FORMAT, "no node gives the output \"%s\"", name ? name : "");
        DD_TRY(dd__within(dd__onnx_in_layout(m, y, DD__PLAIN, &layer), "output \"%s\"", name));
        DD_TRY(dd__onnx_list_tensor(outputs, name, layer, &y->shape));
    }
    return DD_OK;
}

/* ---- Layers that nothing reads ------------------------------------------------------------------ */

static void mark(const dd__onnx *m, const char *name, bool *used) {
    size_t i = dd__onnx_names_find(&m->layer_names, name);
    if (i < m->walker.layer_count) used[i] = true;
}

static void mark_used(const dd__onnx *m, bool *used) {
    const cJSON *item;
    cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(m->network, "outputs"))
        mark(m, cJSON_GetObjectItemCaseSensitive(item, "layer")->valuestring, used);
    /* what is behind it goes, so that it is the last one */
    if (m->images) mark(m, m->output, used);
    for (size_t i = m->walker.layer_count; i-- > 0;) {
        const cJSON *layer = used[i] ? cJSON_GetArrayItem(m->layers, (int)i) : NULL, *name;
        cJSON_ArrayForEach(name, cJSON_GetObjectItemCaseSensitive(layer, "inputs"))
            mark(m, name->valuestring, used);
    }
}

static void remove_tensors_of(dd__onnx *m, const char *layer) {
    size_t kept = 0, length = strlen(layer);
    for (size_t i = 0; i < m->tensor_count; i++) {
        const char *name = m->tensors[i].name, *dot = strrchr(name, '.');
        bool goes = (size_t)(dot - name) == length && strncmp(name, layer, length) == 0;
        dd__tensor tensor = m->tensors[i];
        if (goes) {
            dd__free(tensor.name);
            dd__free(tensor.data);
        } else {
            m->tensors[kept++] = tensor;
        }
    }
    m->tensor_count = kept;
}

dd_status dd__onnx_remove_unused(dd__onnx *m) {
    size_t count = m->walker.layer_count;
    if (count == 0) return DD_OK;
    bool *used = dd__arena_alloc(&m->arena, count, sizeof *used);
    if (!used) return dd__no_memory(count);
    mark_used(m, used);
    for (size_t i = count; i-- > 0;) {
        if (used[i]) continue;
        remove_tensors_of(m, m->walker.layers[i].name);
        cJSON_DeleteItemFromArray(m->layers, (int)i);
    }
    return DD_OK;
}
