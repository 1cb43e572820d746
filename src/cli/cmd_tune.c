/* cmd_tune.c: measure implementations and keep the fastest correct ones. */
#include "cli/commands.h"
#include "cli/output.h"
#include "cli/progress.h"

typedef struct settings {
    const char *model;
    int64_t batch;
    double seconds;
} settings;

static const cli_option options[] = {
    {.name = "model",
     .kind = CLI_TEXT,
     .value = "M",
     .fallback_help = "the seed network",
     .offset = offsetof(settings, model),
     .help = "network (.json) or model (.safetensors) to be quick at"},
    CLI_OPTION_BATCH("128", "images a run"),
    {.name = "seconds",
     .kind = CLI_NUMBER,
     .value = "F",
     .min = 0,
     .above_min = true,
     .max = 1e6,
     .fallback = "60",
     .offset = offsetof(settings, seconds),
     .help = "stop after that time, at the next case"},
};

static void take_case(void *context, const char *op, const char *shape, const char *implementation,
                      double seconds, bool chosen) {
    size_t *cases = context;
    ++*cases;
    if (chosen) {
        cli_bar_clear();
        printf("%-24s %-16s %9.3f ms  %s\n", op, implementation, 1e3 * seconds, shape);
        fflush(stdout);
    } else {
        cli_bar("%zu measured: %s %s %s", *cases, op, shape, implementation);
    }
}

static dd_status run(const cli_call *call, const void *values) {
    const settings *set = values;
    dd_model *model = NULL;
    dd_device *device = NULL;
    size_t cases = 0;
    dd_status status;
    CLI_TRY_OUT(cli_load_network(set->model, &model));
    CLI_TRY_OUT(cli_open_one_device(&call->common, &device));
    CLI_TRY_OUT(dd_tune(device, model, (unsigned)set->batch, set->seconds, take_case, &cases));
    cli_note("%zu measured; what was chosen is kept for later runs on this device", cases);
    if (call->common.profile)
        CLI_TRY_OUT(cli_profile(device, model, true, (unsigned)set->batch, NULL));
out:
    dd_device_close(device);
    dd_model_free(model);
    return status;
}

const cli_command cli_command_tune = {
    .name = "tune",
    .summary = "measure implementations and keep the fastest correct ones",
    .usage = "[--model M] [--batch N] [--seconds F]",
    .about = "Prints a line for each choice. Nothing needs tuning to run well; stopping early,\n"
             "by the time or by Ctrl-C, keeps what was found, and the next tuning goes on there.\n",
    .examples = "  deepdigits tune\n"
                "  deepdigits tune --device gpu --model models/seed.json --seconds 300\n",
    .options = options,
    .option_count = CLI_COUNT(options),
    .settings_size = sizeof(settings),
    .run = run,
};
