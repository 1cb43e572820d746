#include "plan/choose.h"

#include <string.h>

#include "base/log.h"
#include "tune/tuning.h"

const char *dd__refusal(const dd_device *device, const dd__node *node,
                        const dd__implementation *implementation) {
    if (dd__node_half(node) & ~implementation->half) return "values are in half precision";
    return implementation->refuse ? implementation->refuse(node, device) : NULL;
}

static dd_status check_forced(const dd_device *device, const dd__node *node,
                              const dd__implementation *forced) {
    const char *reason = dd__refusal(device, node, forced);
    if (!reason) return DD_OK;
    return dd__fail(DD_USAGE, "layer \"%s\": implementation \"%s\" of %s refuses: %s", node->name,
                    forced->name, node->op->name, reason);
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

static const dd__implementation *take(dd__node *node, const dd__choice *choice) {
    memcpy(node->settings, choice->settings, sizeof node->settings);
    return choice->implementation;
}

/* What was measured, unless it refuses after all. */
static const dd__implementation *tuned(const dd_device *device, dd__node *node) {
    dd__tuning tuning;
    char text[DD__CHOICE_TEXT];
    if (!dd__tuning_find(device, node, &tuning)) return NULL;
    const dd__implementation *chosen = take(node, &tuning.choice);
    const char *reason = dd__refusal(device, node, chosen);
    dd__log(DD_LOG_VERBOSE, "dispatch: %s (%s): %s, as tuned, %s%s", node->name, node->op->name,
            dd__choice_print(&tuning.choice, text), reason ? "refuses: " : "is taken",
            reason ? reason : "");
    return reason ? NULL : chosen;
}

dd_status dd__choose_default(const dd_device *device, dd__node *node,
                             const dd__implementation **chosen) {
    memset(node->settings, 0, sizeof node->settings);
    *chosen = first_fitting(device, node);
    if (*chosen) return DD_OK;
    return dd__fail(DD_DEVICE, "layer \"%s\": no implementation of %s fits this device", node->name,
                    node->op->name);
}

dd_status dd__choose_forced(const dd_device *device, dd__node *node,
                            const dd__implementation **chosen) {
    const char *text = dd__device_forced(device, node->op->name);
    dd__choice choice;
    *chosen = node->forced;
    if (*chosen || !text) return DD_OK;
    DD_TRY(dd__choice_read(node->op, text, &choice));
    *chosen = take(node, &choice);
    return DD_OK;
}

dd_status dd__choose(const dd_device *device, dd__node *node, const dd__implementation **chosen) {
    DD_TRY(dd__choose_forced(device, node, chosen));
    if (*chosen) return check_forced(device, node, *chosen);
    *chosen = tuned(device, node);
    return *chosen ? DD_OK : dd__choose_default(device, node, chosen);
}
