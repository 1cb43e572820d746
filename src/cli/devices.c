/* devices.c: commands that work on several devices. */
#include <string.h>
#include <strings.h>

#include "cli/cli.h"
#include "cli/progress.h"

static bool is_all(const char *selector) { return selector && strcasecmp(selector, "all") == 0; }

bool cli_names_several(const char *selector) {
    return is_all(selector) || (selector && strchr(selector, ','));
}

/* ---- Each of them -------------------------------------------------------------------- */

static dd_status each_of_all(cli_device_visitor *visit, void *context) {
    dd_device_list *list = NULL;
    dd_status status = DD_OK;
    size_t visited = 0;
    CLI_TRY(dd_device_list_create(&list));
    for (size_t i = 0; i < list->count && status == DD_OK; i++) {
        char selector[24];
        if (list->devices[i].type == DD_DEVICE_REFERENCE) continue;
        snprintf(selector, sizeof selector, "%d", list->devices[i].index);
        status = visit(context, selector, &list->devices[i]);
        visited++;
    }
    dd_device_list_free(list);
    if (visited == 0)
        return cli_fail(DD_DEVICE, "no OpenCL device was found; see deepdigits devices");
    return status;
}

static dd_status each_of_list(const char *selectors, cli_device_visitor *visit, void *context) {
    for (const char *at = selectors; *at;) {
        char selector[256];
        size_t length = strcspn(at, ",");
        if (length == 0 || length >= sizeof selector || (at[length] && !at[length + 1]))
            return cli_fail(DD_USAGE, "--device: expected devices between commas, found \"%s\"",
                            selectors);
        memcpy(selector, at, length);
        selector[length] = '\0';
        CLI_TRY(visit(context, selector, NULL));
        at += length + (at[length] == ',');
    }
    return DD_OK;
}

dd_status cli_each_device(const char *selector, cli_device_visitor *visit, void *context) {
    if (is_all(selector)) return each_of_all(visit, context);
    if (cli_names_several(selector)) return each_of_list(selector, visit, context);
    return visit(context, selector, NULL);
}

/* ---- All at once --------------------------------------------------------------------- */

typedef struct opening {
    const cli_common *common;
    cli_devices *devices;
    bool several;
} opening;

static dd_status open_next(void *context, const char *selector, const dd_device_info *info) {
    opening *now = context;
    cli_devices *devices = now->devices;
    if (devices->count == CLI_LIST_LIMIT)
        return cli_fail(DD_USAGE, "--device: expected at most %d devices", CLI_LIST_LIMIT);
    dd_status status =
        cli_open_device(now->common, selector, false, &devices->items[devices->count]);
    if (status == DD_OK) devices->count++;
    if (status == DD_OK || !now->several || dd_status_exit(status) != 1) return status;
    cli_note("%s is left out: %s", info ? info->name : selector, cli_message());
    cli_forget();
    return DD_OK;
}

dd_status cli_open_devices(const cli_common *common, cli_devices *devices) {
    const char *selector = cli_selector(common);
    opening now = {.common = common, .devices = devices, .several = cli_names_several(selector)};
    devices->count = 0;
    CLI_TRY(cli_each_device(selector, open_next, &now));
    if (devices->count) return DD_OK;
    return cli_fail(DD_DEVICE, "none of the devices that --device %s names can be opened",
                    selector);
}

void cli_close_devices(cli_devices *devices) {
    while (devices->count) dd_device_close(devices->items[--devices->count]);
}
