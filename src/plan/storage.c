#include "plan/storage.h"

#include <string.h>

#include "graph/op.h"

struct dd__storage {
    dd__buffer **buffers; /* (count) all that were made here, in the order of making */
    size_t count, room;
};

typedef struct layout { /* what dd__storage_create works on */
    dd_device *device;
    dd__graph *graph;
    const dd__implementation *const *chosen;
    const dd__binding *bindings;
    size_t binding_count;
    dd__node_storage *nodes;
    dd__storage *storage;
    dd__block *blocks; /* (value_count + 3 * node_count): values, then each node's scratch */
} layout;

static bool in_arena(const dd__value *value) {
    return !value->base && (value->role == DD__TEMPORARY || value->role == DD__OUTPUT);
}

/* Remembers a buffer, so that it is freed with the storage. */
static dd_status keep(dd__storage *storage, dd__buffer *buffer) {
    if (storage->count == storage->room) {
        size_t room = storage->room ? 2 * storage->room : 64;
        dd__buffer **larger = dd__resize(storage->buffers, room, sizeof *larger);
        if (!larger) {
            dd__buffer_free(buffer);
            return dd__no_memory(room * sizeof *larger);
        }
        storage->buffers = larger;
        storage->room = room;
    }
    storage->buffers[storage->count++] = buffer;
    return DD_OK;
}

static dd_status new_buffer(dd__storage *storage, dd_device *device, size_t bytes,
                            dd__buffer **buffer) {
    DD_TRY(dd__buffer_create(device, bytes, buffer));
    return keep(storage, *buffer);
}

static dd_status new_view(dd__storage *storage, dd__buffer *parent, size_t offset, size_t bytes,
                          dd__buffer **view) {
    DD_TRY(dd__buffer_view(parent, offset, bytes, view));
    return keep(storage, *view);
}

/* ---- Lifetimes ---------------------------------------------------------------------------- */

static size_t index_of(const dd__graph *graph, const dd__value *value) {
    size_t i = 0;
    while (graph->values[i] != value) i++;
    return i;
}

static void extend(layout *l, const dd__value *value, size_t node) {
    const dd__value *root = dd__value_root_const(value);
    if (!in_arena(root)) return;
    dd__block *block = &l->blocks[index_of(l->graph, root)];
    if (node > block->last) block->last = node;
}

static void value_lifetimes(layout *l) {
    const dd__graph *graph = l->graph;
    for (size_t i = 0; i < graph->value_count; i++) {
        const dd__value *value = graph->values[i];
        if (!in_arena(value)) continue;
        size_t first = value->producer->number;
        l->blocks[i] = (dd__block){dd__value_bytes(value), first, first, 0};
    }
    for (size_t n = 0; n < graph->node_count; n++) {
        const dd__node *node = graph->nodes[n];
        for (size_t i = 0; i < node->in_count; i++)
            if (node->in[i]) extend(l, node->in[i], n);
        for (size_t i = 0; i < node->out_count; i++) extend(l, node->out[i], n);
    }
    for (size_t i = 0; i < graph->value_count; i++)
        if (graph->values[i]->role == DD__OUTPUT) extend(l, graph->values[i], graph->node_count);
}

/* Whether any node changes the parameters: then nothing made from them can be kept. */
static bool parameters_change(const dd__graph *graph) {
    for (size_t n = 0; n < graph->node_count; n++) {
        const dd__node *node = graph->nodes[n];
        for (size_t i = 0; i < node->in_count; i++)
            if (node->op->mutates >> i & 1 && node->in[i] &&
                dd__value_root_const(node->in[i]) == graph->parameters)
                return true;
    }
    return false;
}

enum { SCRATCH = DD__WORKSPACES + 1 }; /* blocks of a node: workspaces, packed weights */

static void scratch_lifetimes(layout *l) {
    const dd__graph *graph = l->graph;
    bool frozen = !parameters_change(graph);
    for (size_t n = 0; n < graph->node_count; n++) {
        const dd__implementation *chosen = l->chosen[n];
        const dd__node *node = graph->nodes[n];
        if (!chosen || !chosen->scratch) continue;
        dd__scratch scratch = {0};
        chosen->scratch(node, l->device, &scratch);
        bool once =
            frozen && chosen->pack && dd__value_root_const(node->in[1]) == graph->parameters;
        dd__block *blocks = &l->blocks[graph->value_count + SCRATCH * n];
        for (size_t i = 0; i < DD__WORKSPACES; i++)
            blocks[i] = (dd__block){scratch.workspace_bytes[i], n, n, 0};
        blocks[DD__WORKSPACES] =
            (dd__block){scratch.packed_bytes, once ? 0 : n, once ? graph->node_count : n, 0};
        l->nodes[n].packed_once = once;
    }
}

/* ---- Buffers ------------------------------------------------------------------------------ */

static dd__buffer *find_bound(const layout *l, const dd__value *value) {
    for (size_t i = 0; i < l->binding_count; i++)
        if (strcmp(l->bindings[i].name, value->name) == 0) return l->bindings[i].buffer;
    return NULL;
}

/* Writes each parameter's (or statistic's) initial value into its stretch. */
static dd_status initialize_stretch(const layout *l, const dd__value *stretch) {
    float *data = dd__alloc(1, dd__value_bytes(stretch));
    if (!data) return dd__no_memory(dd__value_bytes(stretch));
    for (size_t i = 0; i < l->graph->value_count; i++) {
        const dd__value *value = l->graph->values[i];
        if (value->base == stretch && !value->producer)
            dd__value_initialize(value, l->graph->seed, data + value->offset / sizeof(float));
    }
    dd_status status = dd__buffer_write(stretch->buffer, 0, data, dd__value_bytes(stretch));
    dd__free(data);
    return status;
}

static dd_status own_buffer(const layout *l, dd__value *value) {
    DD_TRY(new_buffer(l->storage, l->device, dd__value_bytes(value), &value->buffer));
    if (value == l->graph->parameters || value == l->graph->statistics)
        return initialize_stretch(l, value);
    return dd__buffer_zero(value->buffer);
}

/* Inputs, parameters and states: bound, or buffers of their own. */
static dd_status allocate_lasting(const layout *l) {
    for (size_t i = 0; i < l->graph->value_count; i++) {
        dd__value *value = l->graph->values[i];
        if (value->base || in_arena(value)) continue;
        value->buffer = find_bound(l, value);
        if (!value->buffer) {
            DD_TRY(dd__within(own_buffer(l, value), "%s", value->name));
        } else if (dd__buffer_bytes(value->buffer) < dd__value_bytes(value)) {
            return dd__fail(DD_SHAPE, "\"%s\" needs %zu bytes, the buffer bound to it has %zu",
                            value->name, dd__value_bytes(value), dd__buffer_bytes(value->buffer));
        }
    }
    return DD_OK;
}

static dd_status allocate_arena(const layout *l) {
    const dd__graph *graph = l->graph;
    size_t total = 0;
    DD_TRY(dd__storage_plan(l->blocks, graph->value_count + SCRATCH * graph->node_count, &total));
    if (total == 0) return DD_OK;
    dd__buffer *arena;
    DD_TRY(dd__within(new_buffer(l->storage, l->device, total, &arena),
                      "the plan's arena of %zu MB", total >> 20));
    for (size_t i = 0; i < graph->value_count; i++) {
        dd__value *value = graph->values[i];
        if (in_arena(value) && l->blocks[i].bytes)
            DD_TRY(new_view(l->storage, arena, l->blocks[i].offset, dd__value_bytes(value),
                            &value->buffer));
    }
    for (size_t n = 0; n < graph->node_count; n++) {
        dd__node_storage *node = &l->nodes[n];
        for (size_t i = 0; i < SCRATCH; i++) {
            const dd__block *block = &l->blocks[graph->value_count + SCRATCH * n + i];
            dd__buffer **scratch = i < DD__WORKSPACES ? &node->workspace[i] : &node->packed;
            if (block->bytes)
                DD_TRY(new_view(l->storage, arena, block->offset, block->bytes, scratch));
        }
    }
    return DD_OK;
}

/* Views, whose bases were made before them. */
static dd_status allocate_views(const layout *l) {
    for (size_t i = 0; i < l->graph->value_count; i++) {
        dd__value *value = l->graph->values[i];
        if (!value->base) continue;
        size_t offset = 0;
        for (const dd__value *v = value; v->base; v = v->base) offset += v->offset;
        dd__buffer *root = dd__value_root(value)->buffer;
        if (offset == 0 && dd__value_bytes(value) == dd__buffer_bytes(root))
            value->buffer = root;
        else
            DD_TRY(new_view(l->storage, root, offset, dd__value_bytes(value), &value->buffer));
    }
    return DD_OK;
}

static dd_status allocate(layout *l) {
    const dd__graph *graph = l->graph;
    l->blocks = dd__alloc(graph->value_count + SCRATCH * graph->node_count, sizeof *l->blocks);
    if (!l->blocks) return dd__no_memory(graph->value_count * sizeof *l->blocks);
    value_lifetimes(l);
    scratch_lifetimes(l);
    DD_TRY(allocate_lasting(l));
    DD_TRY(allocate_arena(l));
    return allocate_views(l);
}

dd_status dd__storage_create(dd_device *device, dd__graph *graph,
                             const dd__implementation *const *chosen, const dd__binding *bindings,
                             size_t binding_count, dd__node_storage *nodes, dd__storage **out) {
    dd__storage *storage = dd__alloc(1, sizeof *storage);
    if (!storage) return dd__no_memory(sizeof *storage);
    layout l = {.device = device,
                .graph = graph,
                .chosen = chosen,
                .bindings = bindings,
                .binding_count = binding_count,
                .nodes = nodes,
                .storage = storage};
    dd_status status = allocate(&l);
    dd__free(l.blocks);
    if (status != DD_OK) {
        dd__storage_free(storage);
        return status;
    }
    *out = storage;
    return DD_OK;
}

void dd__storage_free(dd__storage *storage) {
    if (!storage) return;
    while (storage->count) dd__buffer_free(storage->buffers[--storage->count]);
    dd__free(storage->buffers);
    dd__free(storage);
}
