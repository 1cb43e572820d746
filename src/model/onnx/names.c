#include "model/onnx/names.h"

#include <string.h>

#include "base/hash.h"

dd_status dd__onnx_names_create(dd__arena *arena, size_t most, dd__onnx_names *names) {
    for (names->room = 16; names->room <= 2 * most;) names->room *= 2;
    names->slots = dd__arena_alloc(arena, names->room, sizeof *names->slots);
    return names->slots ? DD_OK : dd__no_memory(names->room * sizeof *names->slots);
}

/* The name's slot, or the free one where it belongs. */
static dd__onnx_named *slot_of(const dd__onnx_names *names, const char *name) {
    size_t at = dd__hash32(name, strlen(name)) & (names->room - 1);
    while (names->slots[at].name && strcmp(names->slots[at].name, name) != 0)
        at = (at + 1) & (names->room - 1);
    return &names->slots[at];
}

size_t dd__onnx_names_find(const dd__onnx_names *names, const char *name) {
    const dd__onnx_named *slot = slot_of(names, name);
    return slot->name ? slot->number : DD__NO_NUMBER;
}

void dd__onnx_names_add(dd__onnx_names *names, const char *name, size_t number) {
    *slot_of(names, name) = (dd__onnx_named){name, number};
}
