/* ONNX models: of images, and of the inputs that the file itself asks for. */
#include <onnx.pb-c.h>

#include "fuzz.h"

enum { INPUTS = 8, MOST_NUMBERS = 1 << 14 };

/* Shape and type as declared, 2 along axes that are open; numbers from the end of the file. */
static bool make_array(const Onnx__ValueInfoProto *info, const uint8_t *data, size_t size,
                       dd_array *array) {
    const Onnx__TypeProto__Tensor *type =
        info->type && info->type->value_case == ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE
            ? info->type->tensor_type
            : NULL;
    const Onnx__TensorShapeProto *shape = type ? type->shape : NULL;
    size_t count = 1;
    *array = (dd_array){.name = info->name};
    for (size_t i = 0; shape && i < shape->n_dim && i < DD_ARRAY_RANK; i++) {
        int64_t extent = shape->dim[i]->dim_value;
        array->dims[i] = extent > 0 && extent < MOST_NUMBERS ? (uint32_t)extent : 2;
        array->rank++;
        if ((count *= array->dims[i]) > MOST_NUMBERS) return false;
    }
    array->whole = type && type->elem_type != ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT;
    array->data = malloc(count * sizeof *array->data);
    for (size_t i = 0; i < count; i++) array->data[i] = (int8_t)data[size - 1 - i % size];
    return true;
}

static bool has_initializer(const Onnx__GraphProto *graph, const char *name) {
    for (size_t i = 0; name && i < graph->n_initializer; i++) {
        const char *known = graph->initializer[i]->name;
        if (known && strcmp(known, name) == 0) return true;
    }
    return false;
}

static size_t make_arrays(const uint8_t *data, size_t size, const Onnx__GraphProto *graph,
                          dd_array arrays[INPUTS]) {
    size_t count = 0;
    for (size_t i = 0; i < graph->n_input && count < INPUTS; i++)
        if (!has_initializer(graph, graph->input[i]->name))
            count += make_array(graph->input[i], data, size, &arrays[count]);
    return count;
}

static void load_for_its_inputs(const char *path, const uint8_t *data, size_t size) {
    Onnx__ModelProto *file = onnx__model_proto__unpack(NULL, size, data);
    if (!file) return;
    dd_array arrays[INPUTS];
    size_t count = file->graph ? make_arrays(data, size, file->graph, arrays) : 0;
    dd_model *model = NULL;
    dd_status status = dd_model_load_for(path, arrays, count, &model);
    check_status(status, model != NULL);
    dd_model_free(model);
    for (size_t i = 0; i < count; i++) free(arrays[i].data);
    onnx__model_proto__free_unpacked(file, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    dd_model *model = NULL;
    const char *path = in_file(".onnx", data, size);
    dd_status status = dd_model_load(path, &model);
    check_status(status, model != NULL);
    dd_model_free(model);
    load_for_its_inputs(path, data, size);
    return 0;
}
