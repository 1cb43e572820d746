#include "ops/ops.h"

#include <string.h>

static const dd__op *const ops[] = {
#define DD_OP(name) &dd__op_##name,
#include "ops/ops.def"
#undef DD_OP
};

const dd__op *dd__op_find(const char *name) {
    for (size_t i = 0; i < DD_COUNT(ops); i++)
        if (strcmp(ops[i]->name, name) == 0) return ops[i];
    return NULL;
}

const dd__op *dd__op_at(size_t i) { return i < DD_COUNT(ops) ? ops[i] : NULL; }
