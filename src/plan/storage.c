#include "plan/storage.h"

#include <stdio.h>
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
    dd__block *blocks; /* (value_count + SCRATCH * node_count): values, then each node's scratch */
    size_t piece, total; /* of the arena: of each buffer that it lies in, of all */
    dd__buffer **pieces; /* these buffers */
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

/* Whether any node changes the parameters that are learned: then nothing made from them can be kept. */
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

/* Whether the value is of a parameter that no node changes: none is, or it is frozen. */
static bool is_lasting(const dd__graph *graph, bool changing, const dd__value *value) {
    if (!dd__value_is_parameter(value)) return false;
    return !changing || dd__value_root_const(value) != graph->parameters;
}

static bool reads_lasting_alone(const dd__graph *graph, bool changing, const dd__node *node) {
    size_t read = 0;
    for (size_t i = 0; i < node->in_count; i++) {
        if (!node->in[i]) continue;
        if (!is_lasting(graph, changing, node->in[i])) return false;
        read++;
    }
    return read > 0;
}

/* What a node computes once is there from the beginning to the end of every run. */
static void keep_always(layout *l, const dd__node *node) {
    for (size_t i = 0; i < node->out_count; i++) {
        if (!in_arena(node->out[i])) continue;
        dd__block *block = &l->blocks[index_of(l->graph, node->out[i])];
        block->first = 0;
        block->last = l->graph->node_count;
    }
}

static void lasting_nodes(layout *l) {
    const dd__graph *graph = l->graph;
    bool changing = parameters_change(graph);
    for (size_t n = 0; n < graph->node_count; n++) {
        const dd__node *node = graph->nodes[n];
        l->nodes[n].once = node->op->reference && reads_lasting_alone(graph, changing, node);
        if (l->nodes[n].once) keep_always(l, node);
    }
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
    lasting_nodes(l);
}

enum { SCRATCH = DD__WORKSPACES + 1 }; /* blocks of a node: workspaces, packed weights */

static void scratch_lifetimes(layout *l) {
    const dd__graph *graph = l->graph;
    bool changing = parameters_change(graph);
    for (size_t n = 0; n < graph->node_count; n++) {
        const dd__implementation *chosen = l->chosen[n];
        const dd__node *node = graph->nodes[n];
        if (!chosen || !chosen->scratch) continue;
        dd__scratch scratch = {0};
        chosen->scratch(node, l->device, &scratch);
        bool once = chosen->pack && is_lasting(graph, changing, node->in[1]);
        dd__block *blocks = &l->blocks[graph->value_count + SCRATCH * n];
        for (size_t i = 0; i < DD__WORKSPACES; i++)
            blocks[i] = (dd__block){scratch.workspace_bytes[i], n, n, 0};
        blocks[DD__WORKSPACES] =
            (dd__block){scratch.packed_bytes, once ? 0 : n, once ? graph->node_count : n, 0};
        l->nodes[n].packed_once = once;
    }
}

/* Lifetimes, then places in the arena. */
static dd_status plan_arena(layout *l) {
    const dd__graph *graph = l->graph;
    size_t count = graph->value_count + SCRATCH * graph->node_count;
    uint64_t largest = dd_device_describe(l->device)->largest_allocation_bytes;
    l->piece = largest < SIZE_MAX ? (size_t)largest : SIZE_MAX;
    l->piece -= l->piece % DD__ALIGNMENT;
    l->blocks = dd__alloc(count, sizeof *l->blocks);
    if (!l->blocks) return dd__no_memory(count * sizeof *l->blocks);
    value_lifetimes(l);
    scratch_lifetimes(l);
    return dd__storage_plan(l->blocks, count, l->piece, &l->total);
}

/* ---- What it takes ------------------------------------------------------------------------ */

static const dd__binding *find_bound(const layout *l, const dd__value *value) {
    for (size_t i = 0; i < l->binding_count; i++)
        if (strcmp(l->bindings[i].name, value->name) == 0) return &l->bindings[i];
    return NULL;
}

static void note_largest(dd__need *need, uint64_t bytes, const char *name) {
    if (bytes <= need->largest) return;
    need->largest = bytes;
    snprintf(need->what, sizeof need->what, "\"%s\"", name);
}

static void add_up(const layout *l, dd__need *need) {
    const dd__graph *graph = l->graph;
    *need = (dd__need){.bytes = l->total};
    for (size_t i = 0; i < graph->value_count; i++) {
        const dd__value *value = graph->values[i];
        bool temporary = in_arena(value);
        if (value->base || (!temporary && find_bound(l, value))) continue;
        note_largest(need, dd__value_bytes(value), value->name);
        if (!temporary) need->bytes += dd__value_bytes(value);
    }
    for (size_t i = 0; i < SCRATCH * graph->node_count; i++)
        note_largest(need, l->blocks[graph->value_count + i].bytes,
                     graph->nodes[i / SCRATCH]->name);
}

/* ---- Buffers ------------------------------------------------------------------------------ */

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
        const dd__binding *bound = find_bound(l, value);
        value->buffer = bound ? bound->buffer : NULL;
        if (!bound) {
            DD_TRY(dd__within(own_buffer(l, value), "%s", value->name));
        } else if (dd__buffer_bytes(value->buffer) < dd__value_bytes(value)) {
            return dd__fail(DD_SHAPE, "\"%s\" needs %zu bytes, the buffer bound to it has %zu",
                            value->name, dd__value_bytes(value), dd__buffer_bytes(value->buffer));
        }
    }
    return DD_OK;
}

/* One buffer, or where the device takes none so large, several. */
static dd_status allocate_pieces(layout *l) {
    size_t count = (l->total - 1) / l->piece + 1;
    l->pieces = dd__alloc(count, sizeof *l->pieces);
    if (!l->pieces) return dd__no_memory(count * sizeof *l->pieces);
    for (size_t i = 0; i < count; i++) {
        size_t left = l->total - i * l->piece, bytes = left < l->piece ? left : l->piece;
        DD_TRY(dd__within(new_buffer(l->storage, l->device, bytes, &l->pieces[i]),
                          "the plan's arena of %zu MB", l->total >> 20));
    }
    return DD_OK;
}

static dd_status place_block(const layout *l, const dd__block *block, size_t bytes,
                             dd__buffer **view) {
    if (block->bytes == 0) return DD_OK;
    dd__buffer *piece = l->pieces[block->offset / l->piece];
    return new_view(l->storage, piece, block->offset % l->piece, bytes, view);
}

static dd_status allocate_arena(layout *l) {
    const dd__graph *graph = l->graph;
    if (l->total == 0) return DD_OK;
    DD_TRY(allocate_pieces(l));
    for (size_t i = 0; i < graph->value_count; i++) {
        dd__value *value = graph->values[i];
        if (in_arena(value))
            DD_TRY(place_block(l, &l->blocks[i], dd__value_bytes(value), &value->buffer));
    }
    for (size_t n = 0; n < graph->node_count; n++) {
        dd__node_storage *node = &l->nodes[n];
        for (size_t i = 0; i < SCRATCH; i++) {
            const dd__block *block = &l->blocks[graph->value_count + SCRATCH * n + i];
            dd__buffer **scratch = i < DD__WORKSPACES ? &node->workspace[i] : &node->packed;
            DD_TRY(place_block(l, block, block->bytes, scratch));
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
    dd__need need;
    DD_TRY(plan_arena(l));
    add_up(l, &need);
    DD_TRY(dd__device_fits(l->device, &need));
    DD_TRY(allocate_lasting(l));
    DD_TRY(allocate_arena(l));
    return allocate_views(l);
}

static void layout_clear(layout *l) {
    dd__free(l->pieces);
    dd__free(l->blocks);
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
    layout_clear(&l);
    if (status != DD_OK) {
        dd__storage_free(storage);
        return status;
    }
    *out = storage;
    return DD_OK;
}

dd_status dd__storage_need(dd_device *device, dd__graph *graph,
                           const dd__implementation *const *chosen, const dd__binding *bindings,
                           size_t binding_count, dd__node_storage *nodes, dd__need *need) {
    layout l = {.device = device,
                .graph = graph,
                .chosen = chosen,
                .bindings = bindings,
                .binding_count = binding_count,
                .nodes = nodes};
    dd_status status = plan_arena(&l);
    if (status == DD_OK) add_up(&l, need);
    layout_clear(&l);
    return status;
}

void dd__storage_free(dd__storage *storage) {
    if (!storage) return;
    while (storage->count) dd__buffer_free(storage->buffers[--storage->count]);
    dd__free(storage->buffers);
    dd__free(storage);
}
