#include "ops/walk.h"

void dd__strides(const dd__dims *dims, int32_t stride[DD__MAX_RANK]) {
    int32_t step = 1;
    for (unsigned k = dims->rank; k-- > 0; step *= (int32_t)dims->d[k]) stride[k] = step;
}

dd__walk dd__walk_over(const dd__dims *dims) {
    dd__walk walk = {.rank = dims->rank};
    for (unsigned k = 0; k < dims->rank; k++) walk.extent[k] = (int32_t)dims->d[k];
    return walk;
}

/* Whether the axis that ends in steps of stride[k] goes on where an axis behind it, of that extent and
 * those strides, ends. */
static bool goes_on(const dd__walk *walk, unsigned before, unsigned behind) {
    for (unsigned o = 0; o < DD__OPERANDS; o++)
        if (walk->stride[o][before] != walk->stride[o][behind] * walk->extent[behind]) return false;
    return true;
}

static void move_axis(dd__walk *walk, unsigned from, unsigned to) {
    walk->extent[to] = walk->extent[from];
    for (unsigned o = 0; o < DD__OPERANDS; o++) walk->stride[o][to] = walk->stride[o][from];
}

void dd__walk_merge(dd__walk *walk) {
    unsigned kept = 0;
    for (unsigned k = 0; k < walk->rank; k++) {
        if (walk->extent[k] == 1) continue;
        if (kept > 0 && goes_on(walk, kept - 1, k)) {
            int32_t extent = walk->extent[kept - 1] * walk->extent[k];
            move_axis(walk, k, kept - 1);
            walk->extent[kept - 1] = extent;
        } else {
            move_axis(walk, k, kept++);
        }
    }
    if (kept == 0) *walk = (dd__walk){.extent = {1}};
    walk->rank = kept ? kept : 1;
}

void dd__launch_walk_axes(dd__launch *launch, const int32_t *numbers, unsigned rank,
                          int32_t missing) {
    for (unsigned k = rank; k < DD__MAX_RANK; k++) dd__launch_append(launch, DD_INT(missing));
    for (unsigned k = 0; k < rank; k++) dd__launch_append(launch, DD_INT(numbers[k]));
}

void dd__launch_walk(dd__launch *launch, const dd__walk *walk, unsigned operands) {
    dd__launch_walk_axes(launch, walk->extent, walk->rank, 1);
    for (unsigned o = 0; o < operands; o++)
        dd__launch_walk_axes(launch, walk->stride[o], walk->rank, 0);
}
