#include "model/onnx/import.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "model/onnx/onnx.h"
#include "model/tensors.h"

enum { OLDEST_OPSET = 7, NEWEST_OPSET = 21 };

/* Bytes of all that is made of a file and its inputs, once of what is known and once of weights: some
 * lines can ask for any number of ones. */
static size_t most_bytes(size_t bytes, const dd_array *inputs, size_t input_count) {
    for (size_t i = 0; i < input_count; i++) {
        size_t count = sizeof *inputs->data;
        for (unsigned axis = 0; axis < inputs[i].rank && axis < DD_ARRAY_RANK; axis++)
            count *= inputs[i].dims[axis];
        bytes += count;
    }
    return ((size_t)64 << 20) + 16 * bytes;
}

/* ---- The table of operators -------------------------------------------------------------------- */

static const struct {
    const char *op;
    dd__onnx_handler *handler;
} operators[] = {
#define DD_ONNX(op, function) {op, dd__import_##function},
#include "model/onnx/operators.def"
#undef DD_ONNX
};

static bool is_own_domain(const char *domain) {
    return !domain || !*domain || strcmp(domain, "ai.onnx") == 0;
}

static dd__onnx_handler *handler_of(const Onnx__NodeProto *node) {
    if (!is_own_domain(node->domain)) return NULL;
    for (size_t i = 0; i < DD_COUNT(operators); i++)
        if (strcmp(operators[i].op, node->op_type) == 0) return operators[i].handler;
    return NULL;
}

/* ---- What is not supported ---------------------------------------------------------------------- */

typedef struct complaints {
    char text[6000]; /* as many as a message has room for; all are logged */
    size_t length, count;
} complaints;

static void complain(complaints *all, const Onnx__NodeProto *node, const char *why) {
    char line[512];
    const char *name = node->name && *node->name ? node->name
                       : node->n_output          ? node->output[0]
                                                 : "";
    snprintf(line, sizeof line, "%.60s \"%.100s\"%s%.200s", node->op_type, name, *why ? ": " : "",
             why);
    dd__log(DD_LOG_VERBOSE, "not supported: %s", line);
    all->count++;
    size_t room = sizeof all->text - all->length;
    if (strlen(line) + 16 > room) return;
    all->length += (size_t)snprintf(all->text + all->length, room, "\n  %s", line);
}

static dd_status sum_up(const complaints *all, size_t nodes) {
    if (all->count == 0) return DD_OK;
    return dd__fail(DD_FORMAT, "%zu of its %zu nodes are not supported:%s", all->count, nodes,
                    all->text);
}

/* ---- Nodes -------------------------------------------------------------------------------------- */

static bool reads_failed(dd__onnx *m, const Onnx__NodeProto *node) {
    for (size_t i = 0; i < node->n_input; i++) {
        const dd__onnx_value *value = dd__onnx_in(m, node, i);
        if (value && value->failed) return true;
    }
    return false;
}

/* Whether everything that the node reads is known for good. */
static bool can_fold(dd__onnx *m, const Onnx__NodeProto *node) {
    if (!dd__known_folds(node->op_type) || node->n_input == 0) return false;
    for (size_t i = 0; i < node->n_input; i++) {
        if (!*node->input[i]) continue;
        const dd__onnx_value *value = dd__onnx_in(m, node, i);
        if (!value || !value->known || value->run_time) return false;
    }
    return true;
}

static dd_status fold(dd__onnx *m, const Onnx__NodeProto *node) {
    dd__known result;
    const dd__known **known = dd__arena_alloc(&m->arena, node->n_input, sizeof *known);
    if (!known) return dd__no_memory(node->n_input * sizeof *known);
    size_t count = dd__onnx_knowns(m, node, known, node->n_input);
    DD_TRY(dd__known_fold(&m->arena, node, known, count, &result));
    return dd__onnx_give_known(m, node, &result);
}

static dd_status check_node(dd__onnx *m, const Onnx__NodeProto *node) {
    if (!node->op_type) return dd__fail(DD_FORMAT, "a node without an operator");
    for (size_t i = 0; i < node->n_input; i++)
        if (*node->input[i] && !dd__onnx_find(m, node->input[i]))
            return dd__fail(DD_FORMAT, "node %s \"%s\" reads \"%s\", which nothing before it gives",
                            node->op_type, node->name ? node->name : "", node->input[i]);
    return DD_OK;
}

/* Its outputs are there, but not to be had. */
static dd_status give_up(dd__onnx *m, const Onnx__NodeProto *node) {
    for (size_t i = 0; i < node->n_output; i++) {
        dd__onnx_value *value = dd__onnx_find(m, node->output[i]);
        if (!*node->output[i]) continue;
        if (!value) DD_TRY(dd__onnx_new(m, node->output[i], &value));
        value->failed = true;
    }
    return DD_OK;
}

static dd_status import_nodes(dd__onnx *m, complaints *all) {
    for (size_t i = 0; i < m->file->n_node; i++) {
        const Onnx__NodeProto *node = m->file->node[i];
        DD_TRY(check_node(m, node));
        dd__onnx_handler *handler = handler_of(node);
        dd_status status = DD_OK;
        if (!handler)
            complain(all, node, is_own_domain(node->domain) ? "" : node->domain);
        else if (!reads_failed(m, node))
            status = can_fold(m, node) ? fold(m, node) : handler(m, node);
        if (status == DD_MEMORY) return status;
        if (status != DD_OK) complain(all, node, dd_message());
        if (!handler || status != DD_OK || reads_failed(m, node)) DD_TRY(give_up(m, node));
    }
    return sum_up(all, m->file->n_node);
}

/* ---- What the graph begins with ----------------------------------------------------------------- */

static dd_status import_initializers(dd__onnx *m) {
    for (size_t i = 0; i < m->file->n_initializer; i++) {
        const Onnx__TensorProto *tensor = m->file->initializer[i];
        dd__onnx_value *value;
        const char *name = tensor->name ? tensor->name : "";
        dd__known *known = dd__arena_alloc(&m->arena, 1, sizeof *known);
        if (!known) return dd__no_memory(sizeof *known);
        DD_TRY(dd__within(dd__known_read(&m->arena, tensor, known), "initializer \"%s\"", name));
        DD_TRY(dd__onnx_new(m, name, &value));
        value->known = known;
        value->shape = known->dims;
    }
    return DD_OK;
}

static const Onnx__TensorShapeProto *shape_of(const Onnx__ValueInfoProto *info) {
    const Onnx__TypeProto__Tensor *tensor =
        info->type && info->type->value_case == ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE
            ? info->type->tensor_type
            : NULL;
    return tensor ? tensor->shape : NULL;
}

/* The extent of an axis; 0: it is not fixed. */
static int64_t extent_of(const Onnx__TensorShapeProto *shape, size_t axis) {
    const Onnx__TensorShapeProto__Dimension *dim = shape->dim[axis];
    return dim->value_case == ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE ? dim->dim_value
                                                                                   : 0;
}

/* Inputs that no initializer gives a value. */
static bool is_open(dd__onnx *m, const Onnx__ValueInfoProto *info) {
    return info->name && !dd__onnx_find(m, info->name);
}

static size_t open_inputs(dd__onnx *m, const Onnx__ValueInfoProto **first) {
    size_t count = 0;
    for (size_t i = m->file->n_input; i-- > 0;) {
        if (!is_open(m, m->file->input[i])) continue;
        *first = m->file->input[i];
        count++;
    }
    return count;
}

static dd_status not_images(const char *found) {
    return dd__fail(DD_FORMAT,
                    "expected one input of images (N, C, H, W) with fixed C, H and W, found %s; "
                    "`run` takes any inputs",
                    found);
}

static dd_status import_images(dd__onnx *m) {
    const Onnx__ValueInfoProto *info = NULL;
    char found[80];
    size_t count = open_inputs(m, &info);
    snprintf(found, sizeof found, "%zu inputs", count);
    if (count != 1) return not_images(found);
    const Onnx__TensorShapeProto *shape = shape_of(info);
    snprintf(found, sizeof found, "an input of %zu axes", shape ? shape->n_dim : 0);
    if (!shape || shape->n_dim != 4) return not_images(found);
    int64_t extents[4] = {1};
    for (size_t i = 1; i < 4; i++) {
        extents[i] = extent_of(shape, i);
        snprintf(found, sizeof found, "an axis %zu that is not fixed", i);
        if (extents[i] < 1) return not_images(found);
    }
    dd__onnx_value *value;
    dd__value *x;
    DD_TRY(dd__onnx_new(m, info->name, &value));
    DD_TRY(dd__known_dims(extents, 4, &value->shape));
    const uint32_t *d = value->shape.d;
    DD_TRY(dd__graph_input(m->graph, dd__network_image, DD__F32, DD_DIMS(1, d[2], d[3], d[1]), &x));
    dd__onnx_source(m, dd__network_image, x, true);
    value->layer[DD__CHANNELS_LAST] = dd__network_image;
    cJSON *input = cJSON_AddObjectToObject(m->network, "input");
    static const char *const names[] = {"height", "width", "channels"};
    for (size_t i = 0; i < 3; i++)
        if (!cJSON_AddNumberToObject(input, names[i], x->dims.d[1 + i])) return dd__no_memory(64);
    return DD_OK;
}

/* The array for an input; without a name, where there is only one. */
static const dd_array *array_of(const dd_array *arrays, size_t count, const char *name,
                                size_t open) {
    for (size_t i = 0; i < count; i++)
        if (arrays[i].name && strcmp(arrays[i].name, name) == 0) return &arrays[i];
    bool only = count == 1 && open == 1 && (!arrays[0].name || !*arrays[0].name);
    return only ? &arrays[0] : NULL;
}

static dd_status check_array(const Onnx__ValueInfoProto *info, const dd_array *array) {
    const Onnx__TensorShapeProto *shape = shape_of(info);
    dd__dims found = {.rank = array->rank};
    char text[80];
    if (array->rank > DD__MAX_RANK)
        return dd__fail(DD_SHAPE, "%u axes are more than %d", array->rank, DD__MAX_RANK);
    memcpy(found.d, array->dims, array->rank * sizeof *found.d);
    dd__dims_print(&found, text);
    if (dd__dims_count(&found) == 0) return dd__fail(DD_SHAPE, "%s is empty", text);
    if (shape && shape->n_dim != array->rank)
        return dd__fail(DD_SHAPE, "expected %zu axes, found %s", shape->n_dim, text);
    for (size_t i = 0; shape && i < shape->n_dim; i++) {
        int64_t extent = extent_of(shape, i);
        if (extent && extent != array->dims[i])
            return dd__fail(DD_SHAPE, "expected %lld along axis %zu, found %s", (long long)extent,
                            i, text);
    }
    return DD_OK;
}

static dd_status known_of_array(dd__onnx *m, const dd_array *array, dd__known **out) {
    dd__known *known = dd__arena_alloc(&m->arena, 1, sizeof *known);
    void *numbers;
    if (!known) return dd__no_memory(sizeof *known);
    *known = (dd__known){.dims.rank = array->rank, .whole = array->whole, .floats = array->data};
    memcpy(known->dims.d, array->dims, array->rank * sizeof *known->dims.d);
    *out = known;
    if (!array->whole) return DD_OK;
    dd__known floats = {.dims = known->dims, .floats = array->data};
    DD_TRY(dd__known_alloc(&m->arena, known, &numbers));
    for (size_t i = 0; i < dd__known_count(known); i++)
        ((int64_t *)numbers)[i] = dd__known_whole(&floats, i);
    return DD_OK;
}

static dd_status import_array(dd__onnx *m, const Onnx__ValueInfoProto *info, const dd_array *array,
                              cJSON *inputs) {
    dd__onnx_value *value;
    dd__known *known = NULL;
    dd__value *x;
    DD_TRY(dd__within(check_array(info, array), "input \"%s\"", info->name));
    DD_TRY(dd__onnx_new(m, info->name, &value));
    DD_TRY(known_of_array(m, array, &known));
    value->known = known;
    value->shape = known->dims;
    if (array->whole) return DD_OK; /* settled for good */
    dd__dims dims = value->shape.rank ? value->shape : DD_DIMS(1);
    DD_TRY(dd__graph_input(m->graph, info->name, DD__F32, dims, &x));
    dd__onnx_source(m, info->name, x, false);
    value->layer[DD__PLAIN] = info->name;
    value->run_time = true;
    cJSON *item = cJSON_CreateObject();
    cJSON_AddItemToArray(inputs, item);
    cJSON_AddStringToObject(item, "name", info->name);
    cJSON *shape = cJSON_AddArrayToObject(item, "shape");
    for (unsigned i = 0; i < value->shape.rank; i++)
        cJSON_AddItemToArray(shape, cJSON_CreateNumber(value->shape.d[i]));
    return shape ? DD_OK : dd__no_memory(64);
}

static dd_status import_arrays(dd__onnx *m, const dd_array *arrays, size_t count) {
    const Onnx__ValueInfoProto *first = NULL;
    size_t open = open_inputs(m, &first), taken = 0;
    cJSON *inputs = cJSON_AddArrayToObject(m->network, "inputs");
    for (size_t i = 0; i < m->file->n_input; i++) {
        const Onnx__ValueInfoProto *info = m->file->input[i];
        const dd_array *array = array_of(arrays, count, info->name ? info->name : "", open);
        if (!is_open(m, info)) continue;
        if (!array) return dd__fail(DD_USAGE, "input \"%s\" was not given", info->name);
        DD_TRY(import_array(m, info, array, inputs));
        taken++;
    }
    if (taken == count) return DD_OK;
    return dd__fail(DD_USAGE, "%zu inputs were given, of which the model has %zu", count, taken);
}

/* ---- What it ends with -------------------------------------------------------------------------- */

/* One number a class, whatever axes of one element are around them. */
static dd_status export_class_numbers(dd__onnx *m) {
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
    return dd__onnx_view(m, &named, &DD_DIMS(1, (uint32_t)count), &layer);
}

static dd_status export_tensors(dd__onnx *m) {
    cJSON *outputs = cJSON_AddArrayToObject(m->network, "outputs");
    for (size_t i = 0; i < m->file->n_output; i++) {
        const char *name = m->file->output[i]->name, *layer;
        dd__onnx_value *y = name ? dd__onnx_find(m, name) : NULL;
        if (!y) return dd__fail(DD_FORMAT, "no node gives the output \"%s\"", name ? name : "");
        DD_TRY(dd__within(dd__onnx_in_layout(m, y, DD__PLAIN, &layer), "output \"%s\"", name));
        cJSON *item = cJSON_CreateObject();
        cJSON_AddItemToArray(outputs, item);
        cJSON_AddStringToObject(item, "name", name);
        cJSON_AddStringToObject(item, "layer", layer);
        cJSON *shape = cJSON_AddArrayToObject(item, "shape");
        for (unsigned axis = 0; axis < y->shape.rank; axis++)
            cJSON_AddItemToArray(shape, cJSON_CreateNumber(y->shape.d[axis]));
        if (!shape) return dd__no_memory(64);
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
    if (m->images) used[m->walker.layer_count - 1] = true;
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

static dd_status remove_unused(dd__onnx *m) {
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

/* ---- A file ------------------------------------------------------------------------------------- */

static dd_status read_opset(dd__onnx *m, const Onnx__ModelProto *model) {
    int64_t version = 0;
    for (size_t i = 0; i < model->n_opset_import; i++)
        if (is_own_domain(model->opset_import[i]->domain))
            version = model->opset_import[i]->version;
    if (version < OLDEST_OPSET || version > 1000)
        return dd__fail(DD_FORMAT, "operator set %lld: expected %d to %d", (long long)version,
                        OLDEST_OPSET, NEWEST_OPSET);
    if (version > NEWEST_OPSET)
        dd__log(DD_LOG_WARNING, "operator set %lld is newer than %d: read as %d",
                (long long)version, NEWEST_OPSET, NEWEST_OPSET);
    m->opset = version > NEWEST_OPSET ? NEWEST_OPSET : (unsigned)version;
    return DD_OK;
}

/* What we wrote into a file that we exported: see export.c. */
static dd_status read_metadata(dd__onnx *m, const Onnx__ModelProto *model) {
    static const char *const keys[][2] = {{"deepdigits.preparation", "preparation"},
                                          {"deepdigits.classes", "classes"}};
    for (size_t i = 0; i < model->n_metadata_props; i++)
        for (size_t k = 0; k < DD_COUNT(keys) && m->images; k++) {
            const Onnx__StringStringEntryProto *entry = model->metadata_props[i];
            if (!entry->key || !entry->value || strcmp(entry->key, keys[k][0]) != 0) continue;
            cJSON *value;
            DD_TRY(dd__within(dd__json_parse(entry->value, strlen(entry->value), &value),
                              "metadata \"%s\"", entry->key));
            cJSON_DeleteItemFromObjectCaseSensitive(m->network, keys[k][1]);
            cJSON_AddItemToObject(m->network, keys[k][1], value);
        }
    return DD_OK;
}

static void note_read(dd__onnx *m, const char *name) {
    if (name && dd__onnx_names_find(&m->read_names, name) == DD__NO_NUMBER)
        dd__onnx_names_add(&m->read_names, name, 0);
}

static dd_status collect_reads(dd__onnx *m) {
    size_t most = m->file->n_output;
    for (size_t i = 0; i < m->file->n_node; i++) most += m->file->node[i]->n_input;
    DD_TRY(dd__onnx_names_create(&m->arena, most, &m->read_names));
    for (size_t i = 0; i < m->file->n_node; i++)
        for (size_t k = 0; k < m->file->node[i]->n_input; k++)
            note_read(m, m->file->node[i]->input[k]);
    for (size_t i = 0; i < m->file->n_output; i++) note_read(m, m->file->output[i]->name);
    return DD_OK;
}

static dd_status begin(dd__onnx *m, const Onnx__ModelProto *model) {
    m->file = model->graph;
    if (!m->file) return dd__fail(DD_FORMAT, "a model without a graph");
    DD_TRY(read_opset(m, model));
    m->value_room = m->file->n_initializer + m->file->n_input;
    for (size_t i = 0; i < m->file->n_node; i++) m->value_room += m->file->node[i]->n_output;
    m->values = dd__arena_alloc(&m->arena, m->value_room + 1, sizeof *m->values);
    if (!m->values) return dd__no_memory(m->value_room * sizeof *m->values);
    DD_TRY(dd__onnx_names_create(&m->arena, m->value_room, &m->value_names));
    DD_TRY(collect_reads(m));
    DD_TRY(dd__onnx_names_create(&m->arena, DD__NETWORK_LAYERS + m->file->n_input + 1,
                                 &m->layer_names));
    DD_TRY(dd__graph_create(false, 0, &m->graph));
    DD_TRY(dd__walk_start(m->graph, m->file->n_input + 1, &m->walker));
    m->network = cJSON_CreateObject();
    cJSON_AddStringToObject(m->network, "deepdigits", "network 1");
    const char *name = m->file->name && *m->file->name ? m->file->name : "onnx";
    if (!cJSON_AddStringToObject(m->network, "name", name)) return dd__no_memory(64);
    return DD_OK;
}

static dd_status import(dd__onnx *m, const Onnx__ModelProto *model, const dd_array *inputs,
                        size_t input_count) {
    complaints *all = dd__arena_alloc(&m->arena, 1, sizeof *all);
    if (!all) return dd__no_memory(sizeof *all);
    DD_TRY(begin(m, model));
    DD_TRY(read_metadata(m, model));
    DD_TRY(import_initializers(m));
    DD_TRY(m->images ? import_images(m) : import_arrays(m, inputs, input_count));
    m->layers = cJSON_CreateArray();
    if (!m->layers || !cJSON_AddItemToObject(m->network, "layers", m->layers))
        return dd__no_memory(64);
    DD_TRY(import_nodes(m, all));
    DD_TRY(m->images ? export_class_numbers(m) : export_tensors(m));
    return remove_unused(m);
}

dd_status dd__onnx_import(const void *bytes, size_t size, const dd_array *inputs,
                          size_t input_count, dd__imported *imported) {
    Onnx__ModelProto *model = onnx__model_proto__unpack(NULL, size, bytes);
    if (!model) return dd__fail(DD_FORMAT, "not an ONNX model, or a damaged one");
    dd__onnx m = {.images = inputs == NULL, .arena.limit = most_bytes(size, inputs, input_count)};
    dd_status status = import(&m, model, inputs, input_count);
    dd__graph_free(m.graph);
    *imported = (dd__imported){m.network, m.tensors, m.tensor_count};
    if (status != DD_OK) dd__imported_clear(imported);
    dd__arena_free(&m.arena);
    onnx__model_proto__free_unpacked(model, NULL);
    return status;
}

void dd__imported_clear(dd__imported *imported) {
    cJSON_Delete(imported->network);
    dd__tensors_free(imported->tensors, imported->tensor_count);
    *imported = (dd__imported){0};
}
