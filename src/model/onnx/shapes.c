#include "model/onnx/shapes.h"

#include <string.h>

#include "model/onnx/node.h"

dd_status dd__onnx_order(const int64_t *perm, size_t count, unsigned rank,
                         unsigned order[DD__MAX_RANK]) {
    unsigned seen = 0;
    if (count && count != rank)
        return dd__fail(DD_FORMAT, "an order of %zu axes for %u", count, rank);
    for (unsigned i = 0; i < rank; i++) {
        int64_t axis = count ? perm[i] : (int64_t)rank - 1 - i;
        DD_TRY(dd__onnx_axis(&axis, rank));
        order[i] = (unsigned)axis;
        seen |= 1u << axis;
    }
    return seen == (1u << rank) - 1 ? DD_OK : dd__fail(DD_FORMAT, "an order with an axis twice");
}

dd_status dd__onnx_read_list(const Onnx__NodeProto *node, const dd__known *const in[], size_t count,
                             size_t index, const char *name, int64_t *list, size_t room,
                             size_t *found) {
    size_t listed = 0;
    const int64_t *ints = dd__onnx_ints(node, name, &listed);
    bool is_input = index < node->n_input && *node->input[index];
    const dd__known *known = index < count ? in[index] : NULL;
    if (is_input && !known)
        return dd__fail(DD_FORMAT, "its input \"%s\" is computed at run time", node->input[index]);
    *found = known ? dd__known_count(known) : listed;
    if (*found > room) return dd__fail(DD_FORMAT, "\"%s\": %zu numbers", name, *found);
    for (size_t i = 0; i < *found; i++) list[i] = known ? dd__known_whole(known, i) : ints[i];
    return DD_OK;
}

dd_status dd__onnx_read_axes(const Onnx__NodeProto *node, const dd__known *const in[], size_t count,
                             size_t index, unsigned rank, unsigned *axes, bool *given) {
    int64_t list[DD__MAX_RANK];
    size_t found;
    DD_TRY(dd__onnx_read_list(node, in, count, index, "axes", list, DD_COUNT(list), &found));
    *axes = 0;
    *given = found > 0;
    for (size_t i = 0; i < found; i++) {
        DD_TRY(dd__onnx_axis(&list[i], rank));
        *axes |= 1u << list[i];
    }
    return DD_OK;
}

/* ---- Slice --------------------------------------------------------------------------------- */

/* Begin and end as ONNX clamps them, then what is between. */
static dd_status place_slice(int64_t begin, int64_t end, int64_t step, int64_t extent,
                             dd__onnx_slice *slice) {
    if (step == 0 || step < -INT32_MAX || step > INT32_MAX)
        return dd__fail(DD_FORMAT, "a step of %lld", (long long)step);
    if (begin < 0) begin = begin < -extent ? 0 : begin + extent;
    if (end < 0) end = end < -extent ? (step > 0 ? 0 : -1) : end + extent;
    int64_t last = step > 0 ? extent : extent - 1;
    if (begin > last) begin = last;
    if (end > extent) end = extent;
    int64_t size = step > 0 ? (end - begin + step - 1) / step : (end - begin + step + 1) / step;
    slice->begin = begin;
    slice->step = step;
    slice->size = size > 0 ? size : 0;
    return DD_OK;
}

dd_status dd__onnx_read_slices(const Onnx__NodeProto *node, const dd__known *const in[],
                               size_t count, const dd__dims *x, dd__onnx_slices *slices) {
    int64_t begins[DD__MAX_RANK], ends[DD__MAX_RANK], axes[DD__MAX_RANK], steps[DD__MAX_RANK];
    size_t n, n_ends, n_axes, n_steps;
    DD_TRY(dd__onnx_read_list(node, in, count, 1, "starts", begins, DD__MAX_RANK, &n));
    DD_TRY(dd__onnx_read_list(node, in, count, 2, "ends", ends, DD__MAX_RANK, &n_ends));
    DD_TRY(dd__onnx_read_list(node, in, count, 3, "axes", axes, DD__MAX_RANK, &n_axes));
    DD_TRY(dd__onnx_read_list(node, in, count, 4, "steps", steps, DD__MAX_RANK, &n_steps));
    if (n_ends != n || (n_axes && n_axes != n) || (n_steps && n_steps != n) || n > x->rank)
        return dd__fail(DD_FORMAT, "%zu starts, %zu ends, %zu axes, %zu steps", n, n_ends, n_axes,
                        n_steps);
    slices->count = n;
    for (size_t i = 0; i < n; i++) {
        dd__onnx_slice *slice = &slices->items[i];
        slice->axis = n_axes ? axes[i] : (int64_t)i;
        DD_TRY(dd__onnx_axis(&slice->axis, x->rank));
        for (size_t j = 0; j < i; j++)
            if (slices->items[j].axis == slice->axis)
                return dd__fail(DD_FORMAT, "axis %lld twice", (long long)slice->axis);
        DD_TRY(place_slice(begins[i], ends[i], n_steps ? steps[i] : 1, x->d[slice->axis], slice));
    }
    return DD_OK;
}

/* ---- The same numbers in another shape -------------------------------------------------------- */

static dd_status reshape(const Onnx__NodeProto *node, const dd__known *const in[], size_t count,
                         const dd__dims *x, dd__dims *dims) {
    int64_t list[DD__MAX_RANK], known = 1;
    size_t rank, open = SIZE_MAX;
    bool zero_is_zero = dd__onnx_int(node, "allowzero", 0) != 0;
    DD_TRY(dd__onnx_read_list(node, in, count, 1, "shape", list, DD_COUNT(list), &rank));
    for (size_t i = 0; i < rank; i++) {
        if (list[i] == 0 && !zero_is_zero && i < x->rank) list[i] = x->d[i];
        if (list[i] == -1 && open == SIZE_MAX)
            open = i;
        else if (list[i] < 0 || list[i] > INT32_MAX)
            return dd__fail(DD_FORMAT, "an extent of %lld", (long long)list[i]);
        else if ((known *= list[i]) > INT32_MAX)
            return dd__fail(DD_FORMAT, "the new shape is too large");
    }
    if (open != SIZE_MAX) list[open] = known ? (int64_t)dd__dims_count(x) / known : 0;
    return dd__known_dims(list, rank, dims);
}

static dd_status flatten(const Onnx__NodeProto *node, const dd__dims *x, dd__dims *dims) {
    int64_t axis = dd__onnx_int(node, "axis", 1), extents[2] = {1, 1};
    if (axis < 0) axis += x->rank;
    if (axis < 0 || axis > (int64_t)x->rank)
        return dd__fail(DD_FORMAT, "there is no axis %lld of %u", (long long)axis, x->rank);
    for (unsigned i = 0; i < x->rank; i++) {
        int64_t *extent = &extents[i >= (unsigned)axis];
        if ((*extent *= x->d[i]) > INT32_MAX)
            return dd__fail(DD_FORMAT, "the new shape is too large");
    }
    return dd__known_dims(extents, 2, dims);
}

static dd_status squeeze(const Onnx__NodeProto *node, const dd__known *const in[], size_t count,
                         const dd__dims *x, dd__dims *dims) {
    unsigned axes;
    bool given;
    DD_TRY(dd__onnx_read_axes(node, in, count, 1, x->rank, &axes, &given));
    *dims = (dd__dims){0};
    for (unsigned i = 0; i < x->rank; i++) {
        bool goes = given ? axes >> i & 1 : x->d[i] == 1;
        if (goes && x->d[i] != 1)
            return dd__fail(DD_FORMAT, "axis %u has the extent %u", i, x->d[i]);
        if (!goes) dims->d[dims->rank++] = x->d[i];
    }
    return DD_OK;
}

static dd_status unsqueeze(const Onnx__NodeProto *node, const dd__known *const in[], size_t count,
                           const dd__dims *x, dd__dims *dims) {
    int64_t list[DD__MAX_RANK];
    size_t found;
    unsigned axes = 0, from = 0;
    DD_TRY(dd__onnx_read_list(node, in, count, 1, "axes", list, DD_COUNT(list), &found));
    unsigned rank = x->rank + (unsigned)found;
    if (rank > DD__MAX_RANK) return dd__fail(DD_FORMAT, "the result has %u axes", rank);
    for (size_t i = 0; i < found; i++) {
        DD_TRY(dd__onnx_axis(&list[i], rank));
        if (axes >> list[i] & 1) return dd__fail(DD_FORMAT, "axis %lld twice", (long long)list[i]);
        axes |= 1u << list[i];
    }
    *dims = (dd__dims){.rank = rank};
    for (unsigned i = 0; i < rank; i++) dims->d[i] = axes >> i & 1 ? 1 : x->d[from++];
    return DD_OK;
}

dd_status dd__onnx_shape_of_view(const Onnx__NodeProto *node, const dd__known *const in[],
                                 size_t count, const dd__dims *x, dd__dims *dims) {
    if (strcmp(node->op_type, "Reshape") == 0) return reshape(node, in, count, x, dims);
    if (strcmp(node->op_type, "Flatten") == 0) return flatten(node, x, dims);
    if (strcmp(node->op_type, "Squeeze") == 0) return squeeze(node, in, count, x, dims);
    return unsqueeze(node, in, count, x, dims);
}
