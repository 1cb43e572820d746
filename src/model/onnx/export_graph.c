#include <stdio.h>
#include <string.h>

#include "model/onnx/export.h"

/* ---- Lists that grow ---------------------------------------------------------------------------- */

static dd_status grow(void ***list, size_t count, size_t *room) {
    if (count < *room) return DD_OK;
    size_t wanted = *room ? 2 * *room : 64;
    void **grown = dd__resize(*list, wanted, sizeof *grown);
    if (!grown) return dd__no_memory(wanted * sizeof *grown);
    *list = grown;
    *room = wanted;
    return DD_OK;
}

static dd_status copy_text(dd__export *e, const char *text, char **out) {
    *out = dd__arena_print(&e->arena, "%s", text);
    return *out ? DD_OK : dd__no_memory(strlen(text));
}

/* The name itself where it is what that one is for, or else a number that is no name. */
static dd_status name_it(dd__export *e, const char *name, dd__naming naming, char **out) {
    char number[32];
    if (name && dd__onnx_names_find(&e->names, name) == (size_t)naming)
        return copy_text(e, name, out);
    do snprintf(number, sizeof number, "value.%u", ++e->numbers);
    while (dd__onnx_names_find(&e->names, number) != DD__NO_NUMBER);
    return copy_text(e, number, out);
}

/* ---- Nodes ---------------------------------------------------------------------------------------- */

dd_status dd__export_node(dd__export *e, const char *op, const char *const in[], size_t count,
                          const char *name, Onnx__NodeProto **out_node, const char **out) {
    enum { ATTRIBUTES = 12 };
    Onnx__NodeProto *node = dd__arena_alloc(&e->arena, 1, sizeof *node);
    char **inputs = dd__arena_alloc(&e->arena, count + 1, sizeof *inputs);
    char **outputs = dd__arena_alloc(&e->arena, 1, sizeof *outputs);
    Onnx__AttributeProto **attributes = dd__arena_alloc(&e->arena, ATTRIBUTES, sizeof *attributes);
    if (!node || !inputs || !outputs || !attributes) return dd__no_memory(sizeof *node);
    onnx__node_proto__init(node);
    DD_TRY(copy_text(e, op, &node->op_type));
    DD_TRY(name_it(e, name, DD__OF_LAYER, &outputs[0]));
    DD_TRY(copy_text(e, name ? name : outputs[0], &node->name));
    for (size_t i = 0; i < count; i++) inputs[i] = (char *)in[i]; /* only read */
    node->input = inputs;
    node->n_input = count;
    node->output = outputs;
    node->n_output = 1;
    node->attribute = attributes;
    DD_TRY(grow((void ***)&e->nodes, e->node_count, &e->node_room));
    e->nodes[e->node_count++] = node;
    if (out_node) *out_node = node;
    *out = outputs[0];
    return DD_OK;
}

static dd_status add_attribute(dd__export *e, Onnx__NodeProto *node, const char *name,
                               Onnx__AttributeProto__AttributeType type,
                               Onnx__AttributeProto **out) {
    Onnx__AttributeProto *a = dd__arena_alloc(&e->arena, 1, sizeof *a);
    if (!a) return dd__no_memory(sizeof *a);
    onnx__attribute_proto__init(a);
    DD_TRY(copy_text(e, name, &a->name));
    a->has_type = 1;
    a->type = type;
    node->attribute[node->n_attribute++] = a;
    *out = a;
    return DD_OK;
}

dd_status dd__export_int(dd__export *e, Onnx__NodeProto *node, const char *name, int64_t value) {
    Onnx__AttributeProto *a = NULL;
    DD_TRY(add_attribute(e, node, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT, &a));
    a->has_i = 1;
    a->i = value;
    return DD_OK;
}

dd_status dd__export_float(dd__export *e, Onnx__NodeProto *node, const char *name, float value) {
    Onnx__AttributeProto *a = NULL;
    DD_TRY(add_attribute(e, node, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT, &a));
    a->has_f = 1;
    a->f = value;
    return DD_OK;
}

dd_status dd__export_text(dd__export *e, Onnx__NodeProto *node, const char *name,
                          const char *text) {
    Onnx__AttributeProto *a = NULL;
    char *copy;
    DD_TRY(add_attribute(e, node, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRING, &a));
    DD_TRY(copy_text(e, text, &copy));
    a->has_s = 1;
    a->s = (ProtobufCBinaryData){strlen(copy), (uint8_t *)copy};
    return DD_OK;
}

static dd_status copy_wholes(dd__export *e, const int64_t *values, size_t count, int64_t **out) {
    *out = dd__arena_alloc(&e->arena, count + 1, sizeof **out);
    if (!*out) return dd__no_memory(count * sizeof **out);
    memcpy(*out, values, count * sizeof **out);
    return DD_OK;
}

dd_status dd__export_ints(dd__export *e, Onnx__NodeProto *node, const char *name,
                          const int64_t *values, size_t count) {
    Onnx__AttributeProto *a = NULL;
    DD_TRY(add_attribute(e, node, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS, &a));
    DD_TRY(copy_wholes(e, values, count, &a->ints));
    a->n_ints = count;
    return DD_OK;
}

/* ---- Tensors -------------------------------------------------------------------------------------- */

static dd_status add_tensor(dd__export *e, const char *name, int32_t type, const void *data,
                            size_t bytes, const int64_t *dims, size_t rank, const char **out) {
    Onnx__TensorProto *t = dd__arena_alloc(&e->arena, 1, sizeof *t);
    if (!t) return dd__no_memory(sizeof *t);
    onnx__tensor_proto__init(t);
    DD_TRY(name_it(e, name, DD__OF_TENSOR, &t->name));
    DD_TRY(copy_wholes(e, dims, rank, &t->dims));
    t->n_dims = rank;
    t->has_data_type = 1;
    t->data_type = type;
    t->has_raw_data = 1;
    t->raw_data = (ProtobufCBinaryData){bytes, (uint8_t *)(uintptr_t)data}; /* only read */
    DD_TRY(grow((void ***)&e->tensors, e->tensor_count, &e->tensor_room));
    e->tensors[e->tensor_count++] = t;
    *out = t->name;
    return DD_OK;
}

dd_status dd__export_floats(dd__export *e, const char *name, const float *floats, dd__dims dims,
                            const char **out) {
    int64_t extents[DD__MAX_RANK];
    for (unsigned i = 0; i < dims.rank; i++) extents[i] = dims.d[i];
    return add_tensor(e, name, ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT, floats,
                      dd__dims_count(&dims) * sizeof *floats, extents, dims.rank, out);
}

dd_status dd__export_wholes(dd__export *e, const int64_t *values, size_t count, const char **out) {
    int64_t *copy, extent = (int64_t)count;
    DD_TRY(copy_wholes(e, values, count, &copy));
    return add_tensor(e, NULL, ONNX__TENSOR_PROTO__DATA_TYPE__INT64, copy, count * sizeof *copy,
                      &extent, 1, out);
}

const dd__tensor *dd__export_find(const dd__export *e, const char *layer, const char *what) {
    char name[256];
    snprintf(name, sizeof name, "%s.%s", layer, what);
    for (size_t i = 0; i < e->model->tensor_count; i++)
        if (strcmp(e->model->tensors[i].name, name) == 0) return &e->model->tensors[i];
    return NULL;
}

dd_status dd__export_tensor(dd__export *e, const char *layer, const char *what, const char **out) {
    const dd__tensor *tensor = dd__export_find(e, layer, what);
    if (!tensor) return dd__fail(DD_FORMAT, "tensor \"%s.%s\" is missing", layer, what);
    return dd__export_floats(e, tensor->name, tensor->data, tensor->dims, out);
}

/* ---- Formulas ------------------------------------------------------------------------------------- */

dd_status dd__export_number(dd__export *e, float value, const char **out) {
    float *kept = dd__arena_alloc(&e->arena, 1, sizeof *kept);
    if (!kept) return dd__no_memory(sizeof *kept);
    *kept = value;
    return dd__export_floats(e, NULL, kept, (dd__dims){0}, out);
}

dd_status dd__export_apply(dd__export *e, const char *op, const char *a, const char *b,
                           const char **out) {
    return dd__export_node(e, op, (const char *const[]){a, b}, b ? 2 : 1, NULL, NULL, out);
}

dd_status dd__export_apply_number(dd__export *e, const char *op, const char *a, float b,
                                  const char **out) {
    const char *constant;
    DD_TRY(dd__export_number(e, b, &constant));
    return dd__export_apply(e, op, a, constant, out);
}

/* ---- Forms ---------------------------------------------------------------------------------------- */

dd_status dd__export_in(dd__export *e, dd__exported *value, dd__form form, const char **name) {
    unsigned rank = value->dims.rank;
    if (!value->name[form] && rank < 3) value->name[form] = value->name[1 - form];
    if (!value->name[form]) {
        int64_t order[DD__MAX_RANK];
        Onnx__NodeProto *node = NULL;
        for (unsigned i = 0; i < rank; i++) order[i] = i;
        for (unsigned i = 2; i < rank; i++)
            order[form == DD__FIRST ? i : i - 1] = form == DD__FIRST ? i - 1 : i;
        order[form == DD__FIRST ? 1 : rank - 1] = form == DD__FIRST ? rank - 1 : 1;
        DD_TRY(dd__export_node(e, "Transpose", (const char *const[]){value->name[1 - form]}, 1,
                               NULL, &node, &value->name[form]));
        DD_TRY(dd__export_ints(e, node, "perm", order, rank));
    }
    *name = value->name[form];
    return DD_OK;
}
