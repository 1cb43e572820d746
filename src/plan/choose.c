#include "plan/choose.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "tune/tuning.h"

const char *dd__refusal(const dd_device *device, const dd__node *node,
                        const dd__implementation *implementation) {
    return implementation->refuse ? implementation->refuse(node, device) : NULL;
}

static dd_status check_forced(const dd_device *device, const dd__node *node,
                              const dd__implementation *forced) {
    const char *reason = dd__refusal(device, node, forced);
    if (!reason) return DD_OK;
    return dd__fail(DD_USAGE, "layer \"%s\": implementation \"%s\" of %s refuses: %s", node->name,
                    forced->name, node->op->name, reason);
}

static dd_status find_forced(const dd__node *node, const char *name,
                             const dd__implementation **found) {
    char known[256] = "";
    for (const dd__implementation *const *i = node->op->implementations; *i; i++) {
        if (strcmp((*i)->name, name) == 0) {
            *found = *i;
            return DD_OK;
        }
        size_t at = strlen(known);
        snprintf(known + at, sizeof known - at, "%s%s", at ? ", " : "", (*i)->name);
    }
    return dd__fail(DD_USAGE, "op %s has no implementation \"%s\"; it has: %s", node->op->name,
                    name, known);
}

/* The first that fits and is no bad choice, or else the first that fits. */
static const dd__implementation *first_fitting(const dd_device *device, const dd__node *node) {
    unsigned class = dd__device_class(device) == DD_CLASS_CPU ? DD__ON_CPU : DD__ON_GPU;
    const dd__implementation *second_choice = NULL;
    for (const dd__implementation *const *i = node->op->implementations; *i; i++) {
        if (!((*i)->classes & class)) continue;
        const char *reason = dd__refusal(device, node, *i);
        bool fits = !reason;
        if (fits && (*i)->avoid) reason = (*i)->avoid(node, device);
        if (!reason) return *i;
        if (fits && !second_choice) second_choice = *i;
        dd__log(DD_LOG_VERBOSE, "dispatch: %s (%s): %s %s: %s", node->name, node->op->name,
                (*i)->name, fits ? "is no good choice" : "refuses", reason);
    }
    return second_choice;
}

bool dd__can_compute(const dd_device *device, const dd__node *node) {
    return first_fitting(device, node) != NULL;
}

dd_status dd__choose(const dd_device *device, const dd__node *node,
                     const dd__implementation **chosen) {
    *chosen = node->forced;
    if (*chosen) return check_forced(device, node, *chosen);
    const char *name = dd__device_forced(device, node->op->name);
    if (name) {
        DD_TRY(find_forced(node, name, chosen));
        return check_forced(device, node, *chosen);
    }
    *chosen = dd__tuning_find(device, node);
    if (*chosen && !dd__refusal(device, node, *chosen)) return DD_OK;
    *chosen = first_fitting(device, node);
    if (*chosen) return DD_OK;
    return dd__fail(DD_DEVICE, "layer \"%s\": no implementation of %s fits this device", node->name,
                    node->op->name);
}
