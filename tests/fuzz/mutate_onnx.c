/* Mutations of ONNX models that leave them readable: numbers at their limits, other operators, other wires.
 * Every other one is libFuzzer's own, of bytes. */
#include <onnx.pb-c.h>

#include "base/random.h"
#include "fuzz.h"

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed);

static dd__random chance;

static size_t below(size_t bound) { return dd__random_below(&chance, (uint32_t)bound); }

static const char *const operators[] = {
#define DD_ONNX(op, function) op,
#include "model/onnx/operators.def"
#undef DD_ONNX
};
static const char *const attributes[] = {
    "axis",        "axes",      "perm",         "pads",      "strides",  "dilations",
    "group",       "auto_pad",  "kernel_shape", "ceil_mode", "keepdims", "output_padding",
    "transA",      "transB",    "output_shape", "split",     "value",    "count_include_pad",
    "num_outputs", "allowzero", "mode",         "scales",    "to",       "noop_with_empty_axes"};

static int64_t number(void) {
    static const int64_t limits[] = {INT64_MIN, INT64_MAX, INT32_MIN, INT32_MAX, UINT32_MAX,
                                     1 << 16,   1 << 24,   100,       7,         6};
    return below(4) ? (int64_t)below(7) - 3 : limits[below(DD_COUNT(limits))];
}

static void set_text(char **text, const char *other) {
    char *copy = strdup(other ? other : ""); /* which may be *text */
    free(*text);
    *text = copy;
}

static void change_attribute(Onnx__AttributeProto *a) {
    if (below(4) == 0) set_text(&a->name, attributes[below(DD_COUNT(attributes))]);
    if (a->has_i || below(8) == 0) {
        a->has_i = 1;
        a->i = number();
    }
    if (a->n_ints) a->ints[below(a->n_ints)] = number();
    if (a->n_ints && below(4) == 0) a->n_ints--;
    if (a->n_floats) a->floats[below(a->n_floats)] = (float)number();
    if (a->has_f) a->f = below(8) ? (float)number() : 0.0f / 0.0f;
}

static void change_tensor(Onnx__TensorProto *t) {
    static const int32_t types[] = {1, 2, 6, 7, 9, 10, 11, 12, 13, 16};
    if (t->n_dims && below(2)) t->dims[below(t->n_dims)] = number();
    if (t->n_dims && below(4) == 0) t->n_dims--;
    if (below(8) == 0) t->data_type = types[below(DD_COUNT(types))];
    if (t->n_int64_data) t->int64_data[below(t->n_int64_data)] = number();
    int64_t value = number();
    size_t places = t->has_raw_data ? t->raw_data.len / sizeof value : 0;
    if (places) memcpy(t->raw_data.data + sizeof value * below(places), &value, sizeof value);
}

/* The name of a value that is there, of any node. */
static const char *any_value(const Onnx__GraphProto *g) {
    size_t kind = below(3);
    if (kind == 0 && g->n_input) return g->input[below(g->n_input)]->name;
    if (kind == 1 && g->n_initializer) return g->initializer[below(g->n_initializer)]->name;
    const Onnx__NodeProto *node = g->n_node ? g->node[below(g->n_node)] : NULL;
    return node && node->n_output ? node->output[below(node->n_output)] : "";
}

static void change_node(const Onnx__GraphProto *g, Onnx__NodeProto *node) {
    size_t kind = below(6);
    if (kind == 0) set_text(&node->op_type, operators[below(DD_COUNT(operators))]);
    if (kind == 1 && node->n_input) set_text(&node->input[below(node->n_input)], any_value(g));
    if (kind == 2 && node->n_output && below(4) == 0)
        set_text(&node->output[below(node->n_output)], any_value(g));
    if (kind >= 3 && node->n_attribute) change_attribute(node->attribute[below(node->n_attribute)]);
}

static void change_shape_of(const Onnx__ValueInfoProto *info) {
    if (!info->type || info->type->value_case != ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE) return;
    Onnx__TensorShapeProto *shape = info->type->tensor_type->shape;
    if (!shape || !shape->n_dim) return;
    Onnx__TensorShapeProto__Dimension *dim = shape->dim[below(shape->n_dim)];
    if (dim->value_case == ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE)
        dim->dim_value = number();
}

static void change_graph(Onnx__GraphProto *g) {
    size_t kind = below(8);
    if (kind < 4 && g->n_node) change_node(g, g->node[below(g->n_node)]);
    if ((kind == 4 || kind == 5) && g->n_initializer)
        change_tensor(g->initializer[below(g->n_initializer)]);
    if (kind == 6 && g->n_input) change_shape_of(g->input[below(g->n_input)]);
    if (kind == 7 && g->n_node > 1) { /* two change places */
        size_t i = below(g->n_node - 1);
        Onnx__NodeProto *node = g->node[i];
        g->node[i] = g->node[i + 1];
        g->node[i + 1] = node;
    }
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed) {
    chance = dd__random_start(seed, DD__STREAM_TEST);
    Onnx__ModelProto *model = below(2) ? onnx__model_proto__unpack(NULL, size, data) : NULL;
    if (!model) return LLVMFuzzerMutate(data, size, max_size);
    for (size_t i = 1 + below(4); i-- > 0 && model->graph;) change_graph(model->graph);
    size_t packed = onnx__model_proto__get_packed_size(model);
    if (packed <= max_size) size = onnx__model_proto__pack(model, data);
    onnx__model_proto__free_unpacked(model, NULL);
    return size;
}
