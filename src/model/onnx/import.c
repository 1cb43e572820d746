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

const char *const dd__onnx_kept[DD__ONNX_KEPT][2] = {{"deepdigits.preparation", "preparation"},
                                                     {"deepdigits.classes", "classes"}};

static dd_status read_entry(dd__onnx *m, const Onnx__StringStringEntryProto *entry) {
    for (size_t i = 0; i < DD__ONNX_KEPT; i++) {
        const char *key = dd__onnx_kept[i][1];
        if (!entry->key || !entry->value || strcmp(entry->key, dd__onnx_kept[i][0]) != 0) continue;
        cJSON *value;
        DD_TRY(dd__within(dd__json_parse(entry->value, strlen(entry->value), &value),
                          "metadata \"%s\"", entry->key));
        cJSON_DeleteItemFromObjectCaseSensitive(m->network, key);
        cJSON_AddItemToObject(m->network, key, value);
    }
    return DD_OK;
}

static dd_status read_metadata(dd__onnx *m, const Onnx__ModelProto *model) {
    for (size_t i = 0; i < model->n_metadata_props && m->images; i++)
        DD_TRY(read_entry(m, model->metadata_props[i]));
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
    DD_TRY(dd__onnx_take_initializers(m));
    DD_TRY(m->images ? dd__onnx_take_image(m) : dd__onnx_take_arrays(m, inputs, input_count));
    m->layers = cJSON_CreateArray();
    if (!m->layers || !cJSON_AddItemToObject(m->network, "layers", m->layers))
        return dd__no_memory(64);
    DD_TRY(import_nodes(m, all));
    DD_TRY(m->images ? dd__onnx_end_with_classes(m) : dd__onnx_end_with_tensors(m));
    return dd__onnx_remove_unused(m);
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
