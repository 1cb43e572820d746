/* select.c: what a selector names. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "device/opencl.h"

/* Whether `part` occurs in `text`, in any case. */
static bool contains(const char *text, const char *part) {
    size_t length = strlen(part);
    for (; *text; text++)
        if (strncasecmp(text, part, length) == 0) return true;
    return length == 0;
}

/* "3" or "0:1": fills `numbers`, returns how many; 0 for anything else. */
static int read_numbers(const char *text, long numbers[2]) {
    int count = 0;
    while (count < 2 && isdigit((unsigned char)*text)) {
        char *end;
        numbers[count++] = strtol(text, &end, 10);
        if (*end == 0) return count;
        if (*end != ':') return 0;
        text = end + 1;
    }
    return 0;
}

typedef bool matcher(const dd_device_info *info, const char *selector);

static bool by_number(const dd_device_info *info, const char *selector) {
    long n[2];
    int count = read_numbers(selector, n);
    if (count == 1) return info->index == n[0];
    return count == 2 && info->platform_index == n[0] && info->device_index == n[1];
}

static bool by_type(const dd_device_info *info, const char *selector) {
    if (strcasecmp(selector, "cpu") == 0) return info->type == DD_DEVICE_CPU;
    if (strcasecmp(selector, "gpu") == 0) return info->type == DD_DEVICE_GPU;
    return info->type == DD_DEVICE_REFERENCE;
}

static bool by_name(const dd_device_info *info, const char *selector) {
    return strcasecmp(info->name, selector) == 0;
}

/* The platform's version is where PoCL says "PoCL". */
static bool by_part(const dd_device_info *info, const char *selector) {
    return contains(info->name, selector) || contains(info->platform, selector) ||
           contains(info->platform_version, selector) || contains(info->driver, selector);
}

static size_t count_matches(const dd__catalogue *catalogue, matcher *match, const char *selector,
                            size_t *first) {
    size_t count = 0;
    for (size_t i = catalogue->count; i-- > 0;) {
        if (!match(&catalogue->found[i].info, selector)) continue;
        *first = i;
        count++;
    }
    return count;
}

static dd_status refuse(const dd__catalogue *catalogue, matcher *match, const char *selector,
                        size_t matches) {
    char list[4096] = "";
    size_t used = 0;
    for (size_t i = 0; i < catalogue->count; i++) {
        const dd_device_info *info = &catalogue->found[i].info;
        if (matches && !match(info, selector)) continue;
        int length = snprintf(list + used, sizeof list - used, "%s%d = %s (%s)", used ? ", " : "",
                              info->index, info->name, info->platform);
        if (length < 0 || (size_t)length >= sizeof list - used) break;
        used += (size_t)length;
    }
    if (matches)
        return dd__fail(DD_USAGE, "device \"%s\" could be any of %zu; choose one by number: %s",
                        selector, matches, list);
    return dd__fail(DD_USAGE, "no device is called \"%s\"; there are: %s", selector, list);
}

static dd_status choose_default(const dd__catalogue *catalogue, size_t *index) {
    int best = 0;
    for (size_t i = 0; i < catalogue->count; i++) {
        if (catalogue->found[i].rank <= best) continue;
        best = catalogue->found[i].rank;
        *index = i;
    }
    if (best > 0) return DD_OK;
    const char *why = catalogue->skipped_count ? catalogue->skipped[0]
                                               : "none of those found is used without being named";
    return dd__fail(DD_DEVICE,
                    "no OpenCL device: %s. The device \"reference\" always works, slowly", why);
}

const char *dd__selector_or_environment(const char *selector) {
    if (selector) return selector;
    selector = getenv("DEEPDIGITS_DEVICE");
    return selector && *selector ? selector : NULL;
}

dd_status dd__select(const dd__catalogue *catalogue, const char *selector, size_t *index) {
    selector = dd__selector_or_environment(selector);
    if (!selector) return choose_default(catalogue, index);
    long numbers[2];
    matcher *match = by_part;
    if (read_numbers(selector, numbers))
        match = by_number;
    else if (!strcasecmp(selector, "cpu") || !strcasecmp(selector, "gpu") ||
             !strcasecmp(selector, "reference"))
        match = by_type;
    else if (count_matches(catalogue, by_name, selector, index) == 1)
        return DD_OK;
    size_t matches = count_matches(catalogue, match, selector, index);
    return matches == 1 ? DD_OK : refuse(catalogue, match, selector, matches);
}
