/* cmd_report.c: what a training did, as a page. */
#include "cli/commands.h"
#include "cli/training.h"

typedef struct settings {
    const char *data;
} settings;

static const cli_option options[] = {
    {.name = "data",
     .kind = CLI_TEXT,
     .value = "DATA",
     .fallback_help = "where run.json says",
     .offset = offsetof(settings, data),
     .help = "the images of the training, when they have moved"},
};

static dd_status run(const cli_call *call, const void *values) {
    const settings *set = values;
    const char *folder = call->arguments[0];
    dd_device *device;
    dd_run *found;
    CLI_TRY(cli_run_load(folder, &found)); /* before a device is opened for nothing */
    dd_run_free(found);
    CLI_TRY(cli_open_one_device(&call->common, &device));
    dd_status status = dd_report(device, folder, set->data);
    if (status == DD_OK) printf("%s/report.html\n", folder);
    dd_device_close(device);
    return status;
}

const cli_command cli_command_report = {
    .name = "report",
    .summary = "show a training as a page: curves, digits, mistakes",
    .usage = "RUN [--data DATA]",
    .about = "Writes RUN/report.html again, one page that needs no network, and prints its path:\n"
             "curves, the network, digits as they are and augmented, predictions, the confusion\n"
             "matrix, every image that was got wrong. Predicts on --device.\n",
    .examples = "  deepdigits report runs/first\n"
                "  deepdigits report runs/first --data /elsewhere/mnist --device gpu\n",
    .options = options,
    .option_count = CLI_COUNT(options),
    .settings_size = sizeof(settings),
    .min_arguments = 1,
    .max_arguments = 1,
    .run = run,
};
