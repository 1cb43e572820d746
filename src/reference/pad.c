#include "reference/reference.h"

static int64_t modulo(int64_t i, int64_t n) { return (i % n + n) % n; }

/* Index inside `size` elements for one that may be outside; -1: there is none. */
static int64_t place_of(int64_t i, int64_t size, int32_t mode) {
    int64_t last = size - 1, inside;
    switch ((dd__pad_mode)mode) {
    case DD__PAD_CONSTANT:
        return i < 0 || i > last ? -1 : i;
    case DD__PAD_EDGE:
        return i < 0 ? 0 : i > last ? last : i;
    case DD__PAD_REFLECT:
        if (last == 0) return 0;
        inside = modulo(i, 2 * last);
        return inside > last ? 2 * last - inside : inside;
    case DD__PAD_WRAP:
        return modulo(i, size);
    }
    return -1;
}

dd_status dd__reference_pad(const dd__node *node) {
    const dd__pad *pad = node->attributes;
    const dd__dims *x = &node->in[0]->dims, *y = &node->out[0]->dims;
    size_t count = dd__dims_count(y);
    for (size_t i = 0; i < count; i++) {
        size_t rest = i, from = 0, step = 1;
        bool inside = true;
        for (unsigned k = y->rank; k-- > 0; rest /= y->d[k], step *= x->d[k]) {
            int64_t place =
                place_of((int64_t)(rest % y->d[k]) - pad->before.d[k], x->d[k], pad->mode);
            inside = inside && place >= 0;
            if (inside) from += (size_t)place * step;
        }
        dd__f32(node->out[0])[i] = inside ? dd__f32(node->in[0])[from] : pad->value;
    }
    return DD_OK;
}
