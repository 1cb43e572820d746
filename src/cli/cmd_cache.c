/* cmd_cache.c: the program and tuning caches. */
#include <stdlib.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/output.h"
#include "cli/progress.h"

typedef struct settings {
    bool json;
} settings;

static const cli_option options[] = {
    CLI_OPTION_JSON("{\"folder\":..,\"programs\":..,\"tunings\":..,\"bytes\":..}"),
};

static dd_status print_info(const dd_cache_info *info, bool as_json) {
    char size[32];
    if (as_json) {
        cJSON *json = cJSON_CreateObject();
        cli_json_text(json, "folder", info->folder);
        cli_json_count(json, "programs", info->programs);
        cli_json_count(json, "tunings", info->tunings);
        cli_json_count(json, "bytes", info->bytes);
        return cli_json_end(json, stdout, true);
    }
    printf("folder    %s\nprograms  %zu\ntunings   %zu\nsize      %s\n", info->folder,
           info->programs, info->tunings, cli_bytes(info->bytes, size, sizeof size));
    return DD_OK;
}

static dd_status run(const cli_call *call, const void *values) {
    static dd_cache_info info; /* 4 KiB */
    const settings *set = values;
    const char *verb = call->argument_count ? call->arguments[0] : "info";
    bool clear = strcmp(verb, "clear") == 0;
    char size[32];
    if (!clear && strcmp(verb, "info") != 0)
        return cli_fail(DD_USAGE, "expected info or clear, found \"%s\"", verb);
    CLI_TRY(dd_cache_describe(&info));
    if (!clear) return print_info(&info, set->json);
    CLI_TRY(dd_cache_clear());
    cli_note("removed %zu programs and %zu tunings (%s) from %s", info.programs, info.tunings,
             cli_bytes(info.bytes, size, sizeof size), info.folder);
    CLI_TRY(dd_cache_describe(&info));
    return set->json ? print_info(&info, true) : DD_OK;
}

const cli_command cli_command_cache = {
    .name = "cache",
    .summary = "show or clear the caches of programs and tunings",
    .usage = "[info|clear] [--json]",
    .about = "Compiled programs, measured choices and self-test verdicts are kept in\n"
             "$DEEPDIGITS_CACHE_DIR, else below $XDG_CACHE_HOME or ~/.cache. They may be\n"
             "cleared at any time; the next run makes what it needs again.\n",
    .examples = "  deepdigits cache\n"
                "  deepdigits cache clear\n",
    .options = options,
    .option_count = CLI_COUNT(options),
    .settings_size = sizeof(settings),
    .max_arguments = 1,
    .run = run,
};
