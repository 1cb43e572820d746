/* The file: inputs and outputs, and all between them as export_layers.c has it. */
#include <string.h>

#include "base/file.h"
#include "model/onnx/export.h"
#include "model/onnx/onnx.h"

enum { IR_VERSION = 7 };

static const char output_name[] = "output"; /* of a network of images */

/* ---- Names --------------------------------------------------------------------------------------------- */

static void take_name(dd__export *e, const char *name, dd__naming naming) {
    if (dd__onnx_names_find(&e->names, name) == DD__NO_NUMBER)
        dd__onnx_names_add(&e->names, name, naming);
}

static void take_names(dd__export *e, const cJSON *list, dd__naming naming) {
    const cJSON *item;
    cJSON_ArrayForEach(item, list)
        take_name(e, cJSON_GetObjectItemCaseSensitive(item, "name")->valuestring, naming);
}

static dd_status find_names(dd__export *e) {
    const cJSON *network = e->model->network;
    const cJSON *inputs = cJSON_GetObjectItemCaseSensitive(network, "inputs");
    const cJSON *outputs = cJSON_GetObjectItemCaseSensitive(network, "outputs");
    const cJSON *layers = cJSON_GetObjectItemCaseSensitive(network, "layers");
    int most =
        cJSON_GetArraySize(inputs) + cJSON_GetArraySize(outputs) + cJSON_GetArraySize(layers);
    DD_TRY(dd__onnx_names_create(&e->arena, (size_t)most + e->model->tensor_count + 2, &e->names));
    if (e->images) take_name(e, dd__network_image, DD__OF_FILE);
    if (e->images) take_name(e, output_name, DD__OF_FILE);
    take_names(e, inputs, DD__OF_FILE);
    take_names(e, outputs, DD__OF_FILE);
    for (size_t i = 0; i < e->model->tensor_count; i++)
        take_name(e, e->model->tensors[i].name, DD__OF_TENSOR);
    take_names(e, layers, DD__OF_LAYER);
    return DD_OK;
}

/* ---- Inputs and outputs --------------------------------------------------------------------------------- */

static const char *keep(dd__export *e, const char *text) {
    return dd__arena_print(&e->arena, "%s", text);
}

typedef struct named { /* a value's name, type and shape */
    Onnx__ValueInfoProto info;
    Onnx__TypeProto type;
    Onnx__TypeProto__Tensor tensor;
    Onnx__TensorShapeProto shape;
    Onnx__TensorShapeProto__Dimension dim[DD__MAX_RANK], *list[DD__MAX_RANK];
} named;

/* Axis 0 is "N" where it counts images. */
static void set_shape(const dd__export *e, named *v, const dd__dims *dims) {
    onnx__tensor_shape_proto__init(&v->shape);
    v->shape.n_dim = dims->rank;
    v->shape.dim = v->list;
    for (unsigned i = 0; i < dims->rank; i++) {
        bool batch = i == 0 && e->images;
        v->list[i] = &v->dim[i];
        onnx__tensor_shape_proto__dimension__init(&v->dim[i]);
        v->dim[i].value_case = batch ? ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_PARAM
                                     : ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE;
        if (batch)
            v->dim[i].dim_param = (char *)"N"; /* only read */
        else
            v->dim[i].dim_value = dims->d[i];
    }
}

static dd_status value_info(dd__export *e, const char *name, const dd__dims *dims,
                            Onnx__ValueInfoProto **out) {
    named *v = dd__arena_alloc(&e->arena, 1, sizeof *v);
    if (!v) return dd__no_memory(sizeof *v);
    set_shape(e, v, dims);
    onnx__type_proto__tensor__init(&v->tensor);
    v->tensor.has_elem_type = 1;
    v->tensor.elem_type = ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT;
    v->tensor.shape = &v->shape;
    onnx__type_proto__init(&v->type);
    v->type.value_case = ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE;
    v->type.tensor_type = &v->tensor;
    onnx__value_info_proto__init(&v->info);
    v->info.name = (char *)(uintptr_t)keep(e, name);
    v->info.type = &v->type;
    *out = &v->info;
    return v->info.name ? DD_OK : dd__no_memory(strlen(name));
}

static dd__dims dims_in_file(const cJSON *tensor) {
    dd__dims dims = {0};
    const cJSON *extent;
    cJSON_ArrayForEach(extent, cJSON_GetObjectItemCaseSensitive(tensor, "shape"))
        dims.d[dims.rank++] = (uint32_t)extent->valuedouble;
    return dims;
}

static dd_status begin(dd__export *e, Onnx__ValueInfoProto **inputs) {
    const dd_model *m = e->model;
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(m->network, "inputs"), *item;
    if (e->images) {
        dd__dims first = DD_DIMS(1, m->channels, m->height, m->width);
        e->sources[0].dims = DD_DIMS(1, m->height, m->width, m->channels);
        e->sources[0].name[DD__FIRST] = dd__network_image;
        e->source_count = 1;
        return value_info(e, dd__network_image, &first, &inputs[0]);
    }
    cJSON_ArrayForEach(item, list) {
        dd__dims dims = dims_in_file(item);
        const char *name = cJSON_GetObjectItemCaseSensitive(item, "name")->valuestring;
        e->sources[e->source_count].dims = dims.rank ? dims : DD_DIMS(1);
        e->sources[e->source_count].name[DD__OWN] = keep(e, name);
        DD_TRY(value_info(e, name, &dims, &inputs[e->source_count++]));
    }
    return DD_OK;
}

static dd__exported *find(dd__export *e, const char *name) {
    const cJSON *layers = cJSON_GetObjectItemCaseSensitive(e->model->network, "layers"), *layer;
    size_t index = 0;
    cJSON_ArrayForEach(layer, layers) {
        if (strcmp(cJSON_GetObjectItemCaseSensitive(layer, "name")->valuestring, name) == 0)
            return &e->layers[index];
        index++;
    }
    for (size_t i = 0; i < e->source_count; i++)
        if (strcmp(e->sources[i].name[DD__OWN], name) == 0) return &e->sources[i];
    return NULL;
}

/* The output under its own name and shape. */
static dd_status end_with(dd__export *e, dd__exported *value, const char *name,
                          const dd__dims *dims, Onnx__ValueInfoProto **info) {
    const char *in[2], *unused;
    Onnx__NodeProto *node;
    int64_t extents[DD__MAX_RANK];
    bool view = !dd__dims_equal(dims, &value->dims);
    DD_TRY(dd__export_in(e, value, DD__OWN, &in[0]));
    for (unsigned i = 0; i < dims->rank; i++) extents[i] = dims->d[i];
    if (view) DD_TRY(dd__export_wholes(e, extents, dims->rank, &in[1]));
    DD_TRY(
        dd__export_node(e, view ? "Reshape" : "Identity", in, view ? 2 : 1, NULL, &node, &unused));
    DD_TRY(value_info(e, name, dims, info));
    node->output[0] = (*info)->name;
    return DD_OK;
}

static dd_status end(dd__export *e, Onnx__ValueInfoProto **outputs, size_t *count) {
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(e->model->network, "outputs"), *item;
    *count = 0;
    if (e->images) {
        dd__exported *last = &e->layers[e->model->layer_count - 1];
        *count = 1;
        return end_with(e, last, output_name, &last->dims, &outputs[0]);
    }
    cJSON_ArrayForEach(item, list) {
        dd__dims dims = dims_in_file(item);
        const char *name = cJSON_GetObjectItemCaseSensitive(item, "name")->valuestring;
        const char *layer = cJSON_GetObjectItemCaseSensitive(item, "layer")->valuestring;
        DD_TRY(end_with(e, find(e, layer), name, &dims, &outputs[(*count)++]));
    }
    return DD_OK;
}

static dd_status walk(dd__export *e) {
    dd__graph *graph = NULL;
    dd__value *x, *logits, *y;
    const dd_model *m = e->model;
    DD_TRY(dd__graph_create(false, 0, &graph));
    dd_status status;
    if (e->images) {
        status = dd__graph_input(graph, dd__network_image, DD__F32,
                                 DD_DIMS(1, m->height, m->width, m->channels), &x);
        if (status == DD_OK)
            status = dd__network_walk(m->network, graph, x, NULL, dd__export_layer, e, &logits, &y);
    } else {
        status = dd__network_walk_tensors(m->network, graph, dd__export_layer, e);
    }
    dd__graph_free(graph);
    return status;
}

/* ---- The file ------------------------------------------------------------------------------------------- */

static dd_status write_model(const Onnx__ModelProto *model, const char *path) {
    size_t size = onnx__model_proto__get_packed_size(model);
    if (size > INT32_MAX)
        return dd__fail(DD_FORMAT, "%zu bytes are more than an ONNX file may have", size);
    uint8_t *bytes = dd__alloc(size, 1);
    if (!bytes) return dd__no_memory(size);
    onnx__model_proto__pack(model, bytes);
    dd_status status = dd__file_write(path, bytes, size);
    dd__free(bytes);
    return status;
}

/* Classes and preparation, for ourselves and for people. */
static dd_status add_metadata(dd__export *e, Onnx__ModelProto *model) {
    Onnx__StringStringEntryProto *entries =
        dd__arena_alloc(&e->arena, DD__ONNX_KEPT, sizeof *entries);
    model->metadata_props =
        dd__arena_alloc(&e->arena, DD__ONNX_KEPT, sizeof *model->metadata_props);
    if (!entries || !model->metadata_props) return dd__no_memory(sizeof *entries);
    for (size_t i = 0; i < DD__ONNX_KEPT && e->images; i++) {
        char *text = cJSON_PrintUnformatted(
            cJSON_GetObjectItemCaseSensitive(e->model->network, dd__onnx_kept[i][1]));
        onnx__string_string_entry_proto__init(&entries[i]);
        entries[i].key = (char *)(uintptr_t)dd__onnx_kept[i][0]; /* only read */
        entries[i].value = text ? dd__arena_print(&e->arena, "%s", text) : NULL;
        cJSON_free(text);
        if (!entries[i].value) return dd__no_memory(64);
        model->metadata_props[model->n_metadata_props++] = &entries[i];
    }
    return DD_OK;
}

static dd_status assemble(dd__export *e, Onnx__GraphProto *graph, const char *path) {
    Onnx__ModelProto model = ONNX__MODEL_PROTO__INIT;
    Onnx__OperatorSetIdProto opset = ONNX__OPERATOR_SET_ID_PROTO__INIT, *opsets[] = {&opset};
    graph->name = e->model->name;
    graph->node = e->nodes;
    graph->n_node = e->node_count;
    graph->initializer = e->tensors;
    graph->n_initializer = e->tensor_count;
    opset.domain = (char[]){""};
    opset.has_version = 1;
    opset.version = DD__EXPORT_OPSET;
    model.has_ir_version = 1;
    model.ir_version = IR_VERSION;
    model.producer_name = (char[]){"deepdigits"};
    model.producer_version = (char *)(uintptr_t)dd_version(); /* only read */
    model.opset_import = opsets;
    model.n_opset_import = 1;
    model.graph = graph;
    DD_TRY(add_metadata(e, &model));
    return write_model(&model, path);
}

static dd_status export_model(dd__export *e, const char *path) {
    const cJSON *inputs = cJSON_GetObjectItemCaseSensitive(e->model->network, "inputs");
    const cJSON *outputs = cJSON_GetObjectItemCaseSensitive(e->model->network, "outputs");
    size_t in = (size_t)cJSON_GetArraySize(inputs) + 1;
    size_t out = (size_t)cJSON_GetArraySize(outputs) + 1;
    Onnx__GraphProto graph = ONNX__GRAPH_PROTO__INIT;
    e->sources = dd__arena_alloc(&e->arena, in, sizeof *e->sources);
    e->layers = dd__arena_alloc(&e->arena, e->model->layer_count + 1, sizeof *e->layers);
    graph.input = dd__arena_alloc(&e->arena, in, sizeof(Onnx__ValueInfoProto *));
    graph.output = dd__arena_alloc(&e->arena, out, sizeof(Onnx__ValueInfoProto *));
    if (!e->sources || !e->layers || !graph.input || !graph.output)
        return dd__no_memory(e->model->layer_count * sizeof *e->layers);
    DD_TRY(find_names(e));
    DD_TRY(begin(e, graph.input));
    graph.n_input = e->source_count;
    DD_TRY(walk(e));
    DD_TRY(end(e, graph.output, &graph.n_output));
    return assemble(e, &graph, path);
}

dd_status dd__onnx_export(const dd_model *model, const char *path) {
    dd__export e = {.model = model, .images = !dd__network_is_of_tensors(model->network)};
    dd_status status = export_model(&e, path);
    dd__free(e.nodes);
    dd__free(e.tensors);
    dd__arena_free(&e.arena);
    return dd__within(status, "%s", path);
}
