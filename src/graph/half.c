/* Which of a node's values are in half precision. */
#include "graph/op.h"

unsigned dd__node_half(const dd__node *node) {
    unsigned set = 0;
    for (size_t i = 0; i < node->in_count; i++)
        if (node->in[i] && node->in[i]->type == DD__F16) set |= DD__HALF_IN(i);
    for (size_t i = 0; i < node->out_count; i++)
        if (node->out[i]->type == DD__F16) set |= DD__HALF_OUT(i);
    return set;
}

static void set_half(dd__value *value) {
    if (value && value->type == DD__F32) value->type = DD__F16;
}

void dd__node_set_half(const dd__node *node, unsigned set) {
    for (size_t i = 0; i < node->in_count; i++)
        if (set & DD__HALF_IN(i)) set_half(node->in[i]);
    for (size_t i = 0; i < node->out_count; i++)
        if (set & DD__HALF_OUT(i)) set_half(node->out[i]);
}
