/* cmd_devices.c: the flat list of devices. */
#include "cli/commands.h"
#include "cli/output.h"
#include "cli/progress.h"

typedef struct settings {
    bool json;
} settings;

static const cli_option options[] = {
    CLI_OPTION_JSON("{\"devices\":[..],\"skipped\":[..]}"),
};

static const char *type_name(dd_device_type type) {
    switch (type) {
    case DD_DEVICE_CPU:
        return "cpu";
    case DD_DEVICE_GPU:
        return "gpu";
    case DD_DEVICE_ACCELERATOR:
        return "accelerator";
    case DD_DEVICE_REFERENCE:
        break;
    }
    return "reference";
}

/* ---- JSON ---------------------------------------------------------------------------- */

static void add_device(cJSON *devices, const dd_device_info *info) {
    cJSON *device = cJSON_CreateObject();
    cJSON_AddItemToArray(devices, device);
    cli_json_number(device, "index", info->index);
    cli_json_number(device, "platform_index", info->platform_index);
    cli_json_number(device, "device_index", info->device_index);
    cli_json_text(device, "name", info->name);
    cli_json_text(device, "vendor", info->vendor);
    cli_json_text(device, "platform", info->platform);
    cli_json_text(device, "platform_version", info->platform_version);
    cli_json_text(device, "driver", info->driver);
    cli_json_text(device, "version", info->version);
    cli_json_text(device, "extensions", info->extensions);
    cli_json_text(device, "type", type_name(info->type));
    cli_json_count(device, "compute_units", info->compute_units);
    cli_json_count(device, "clock_mhz", info->clock_mhz);
    cli_json_count(device, "vector_width", info->vector_width);
    cli_json_count(device, "memory_bytes", info->memory_bytes);
    cli_json_count(device, "largest_allocation_bytes", info->largest_allocation_bytes);
    cli_json_count(device, "local_memory_bytes", info->local_memory_bytes);
    cJSON_AddBoolToObject(device, "local_memory_is_real", info->local_memory_is_real);
    cJSON_AddBoolToObject(device, "has_fast_fma", info->has_fast_fma);
    cJSON_AddBoolToObject(device, "is_default", info->is_default);
}

static dd_status print_json(const dd_device_list *list) {
    cJSON *json = cJSON_CreateObject();
    cJSON *devices = cJSON_AddArrayToObject(json, "devices");
    for (size_t i = 0; i < list->count; i++) add_device(devices, &list->devices[i]);
    cJSON *skipped = cJSON_AddArrayToObject(json, "skipped");
    for (size_t i = 0; i < list->skipped_count; i++) cli_json_text(skipped, NULL, list->skipped[i]);
    return cli_json_end(json, stdout, true);
}

/* ---- Text ---------------------------------------------------------------------------- */

static void add_row(cli_table *table, const dd_device_info *info) {
    char memory[32] = "", units[16] = "", place[32] = ""; /* the reference has none of them */
    if (info->type != DD_DEVICE_REFERENCE) {
        cli_bytes(info->memory_bytes, memory, sizeof memory);
        snprintf(units, sizeof units, "%u", info->compute_units);
        snprintf(place, sizeof place, "%d:%d", info->platform_index, info->device_index);
    }
    cli_table_cell(table, "%s", info->is_default ? "*" : "");
    cli_table_cell(table, "%d", info->index);
    cli_table_cell(table, "%s", info->name);
    cli_table_cell(table, "%s", type_name(info->type));
    cli_table_cell(table, "%s", units);
    cli_table_cell(table, "%s", memory);
    cli_table_cell(table, "%s", place);
    cli_table_cell(table, "%s", info->platform);
    cli_table_cell(table, "%s", info->driver);
    cli_table_cell(table, "%s", info->extensions);
}

static dd_status print_text(const dd_device_list *list) {
    static const char *const head[] = {"",       "#",   "name",     "type",   "units",
                                       "memory", "p:d", "platform", "driver", "extensions"};
    cli_table table;
    cli_table_start(&table, "lrllrrllll");
    for (size_t i = 0; i < CLI_COUNT(head); i++) cli_table_cell(&table, "%s", head[i]);
    for (size_t i = 0; i < list->count; i++) add_row(&table, &list->devices[i]);
    CLI_TRY(cli_table_end(&table, stdout, CLI_TABLE_PLAIN));
    for (size_t i = 0; i < list->skipped_count; i++) printf("skipped: %s\n", list->skipped[i]);
    return DD_OK;
}

static dd_status run(const cli_call *call, const void *values) {
    (void)call;
    const settings *set = values;
    dd_device_list *list = NULL;
    CLI_TRY(dd_device_list_create(&list));
    dd_status status = set->json ? print_json(list) : print_text(list);
    bool alone = list->count == 1 && list->devices[0].type == DD_DEVICE_REFERENCE;
    dd_device_list_free(list);
    if (alone)
        cli_note("no OpenCL device was found: what runs is the reference, in plain C and slow.\n"
                 "Install a runtime: your GPU vendor's, or PoCL for the CPU (on Debian: apt-get "
                 "install pocl-opencl-icd).\nIn a container, mount /etc/OpenCL/vendors or install "
                 "the runtime inside.");
    return status;
}

const cli_command cli_command_devices = {
    .name = "devices",
    .summary = "list the devices of all platforms",
    .usage = "[--json]",
    .about = "The device marked * is the default. A device is named by its number #, by\n"
             "PLATFORM:DEVICE (p:d), or by a part of its, its platform's or its driver's name.\n"
             "What was passed over is listed below, with the reason.\n",
    .examples = "  deepdigits devices\n"
                "  deepdigits devices --json\n",
    .options = options,
    .option_count = CLI_COUNT(options),
    .settings_size = sizeof(settings),
    .run = run,
};
