/* cli.h: what a command is, and what the commands share.
 *
 * Each cmd_<name>.c defines one cli_command; main.c lists them. Nothing here uses more of the
 * library than deepdigits.h offers to everyone. */
#ifndef DD_CLI_CLI_H
#define DD_CLI_CLI_H

#include <cjson/cJSON.h>
#include <stdio.h>

#include "cli/options.h"
#include "deepdigits.h"

#define CLI_COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* The options that every command knows. */
typedef struct cli_common {
    const char *device; /* NULL: $DEEPDIGITS_DEVICE, else the default */
    int64_t threads;    /* 0: as many as cores */
    int kernel_class;   /* dd_kernel_class */
    int precision;      /* dd_precision */
    int64_t memory;     /* bytes; 0: as the library has it */
    cli_texts implementations;
    bool profile;
    int progress; /* cli_progress_mode */
    bool quiet, verbose;
} cli_common;

extern const char *const cli_precision_names[]; /* by dd_precision; NULL-terminated */

typedef struct cli_call {
    cli_common common;
    const char *const *arguments; /* (argument_count) what is not an option */
    size_t argument_count;
    const char *line; /* the whole command line, quoted for a shell */
} cli_call;

typedef struct cli_command {
    const char *name;
    const char *summary;       /* one line */
    const char *usage;         /* what follows the name: "--model M PATH..." */
    const char *about;         /* a few lines on what it reads and prints; NULL: none */
    const char *examples;      /* whole lines, each ended */
    const cli_option *options; /* (option_count) into a struct of settings_size bytes */
    size_t option_count, settings_size;
    size_t min_arguments, max_arguments;
    /* DD_OK, or a failure whose message is cli_fail's, else the library's */
    dd_status (*run)(const cli_call *call, const void *settings);
} cli_command;

/* ---- Failures ------------------------------------------------------------------------ */

/* Keeps the message for main, which prints it, and returns `status`. */
dd_status cli_fail(dd_status status, const char *format, ...) CLI_PRINTF(2, 3);
/* The message of the failure under way: of cli_fail, else dd_message(). */
const char *cli_message(void);
/* Forgets cli_fail's message: a failure was dealt with. */
void cli_forget(void);

#define CLI_TRY(expression)                   \
    do {                                      \
        dd_status cli_try = (expression);     \
        if (cli_try != DD_OK) return cli_try; \
    } while (0)

/* The same in functions that clean up at `out` and return `status`. */
#define CLI_TRY_OUT(expression)        \
    do {                               \
        status = (expression);         \
        if (status != DD_OK) goto out; \
    } while (0)

/* ---- Interruption -------------------------------------------------------------------- */

/* From now on the first SIGINT or SIGTERM asks the library to stop, the next ends the program. */
void cli_catch_signals(void);
bool cli_interrupted(void);

/* ---- What most commands begin with --------------------------------------------------- */

/* --device, else $DEEPDIGITS_DEVICE, else NULL. */
const char *cli_selector(const cli_common *common);
/* Opens what `selector` names with the common options; the library notes which device that is. */
dd_status cli_open_device(const cli_common *common, const char *selector, bool without_selftest,
                          dd_device **device);
/* The same for a command that works on one device. */
dd_status cli_open_one_device(const cli_common *common, dd_device **device);

/* ---- Several devices (devices.c) ----------------------------------------------------- */

/* Whether `selector` is "all" or a list, "0,intel,gpu". */
bool cli_names_several(const char *selector);
/* `info` NULL: not known yet. Anything but DD_OK ends the round. */
typedef dd_status cli_device_visitor(void *context, const char *selector,
                                     const dd_device_info *info);
/* Calls for each device that `selector` names; "all" are those of the list but the reference, which
 * no one waits for. DD_DEVICE  there is none;  DD_USAGE  a list with nothing between commas */
dd_status cli_each_device(const char *selector, cli_device_visitor *visit, void *context);

typedef struct cli_devices {
    dd_device *items[CLI_LIST_LIMIT];
    size_t count;
} cli_devices;
/* Opens what --device names. One of several that fails is noted and left out; DD_DEVICE when none
 * opens. To be closed after a failure too. */
dd_status cli_open_devices(const cli_common *common, cli_devices *devices);
void cli_close_devices(cli_devices *devices);

/* ---- Data and models ----------------------------------------------------------------- */

/* Loads a dataset, for `model` unless that is NULL, and notes what it is. `split` is a dd_split;
 * `own_classes` as dd_dataset_load_for has it. */
dd_status cli_load_data(const dd_model *model, const char *source, int split, bool own_classes,
                        dd_dataset **data);
/* Refuses a dataset whose images are not of the model's size. */
dd_status cli_check_size(const dd_model *model, const dd_dataset *data, const char *source);
/* Where the model `name` ("seed.json") lies: models/ here, else where it was installed; NULL when
 * nowhere. `path` has `size` bytes. */
const char *cli_find_model(const char *name, char *path, size_t size);
/* Loads --model, or the seed network when `path` is NULL. */
dd_status cli_load_network(const char *path, dd_model **model);

extern const char *const cli_split_names[]; /* in the order of dd_split */

/* ---- Options that several commands have, for members of their `settings` ---------------- */

#define CLI_OPTION_TRAINED_MODEL                                                    \
    {                                                                               \
        .name = "model", .kind = CLI_TEXT, .value = "M", .required = true,          \
        .offset = offsetof(settings, model), .help = "trained model (.safetensors)" \
    }
#define CLI_OPTION_DATA(text)                                                \
    {                                                                        \
        .name = "data", .kind = CLI_TEXT, .value = "DATA", .required = true, \
        .offset = offsetof(settings, data), .help = text                     \
    }
#define CLI_OPTION_SPLIT(usual)                                                             \
    {                                                                                       \
        .name = "split", .kind = CLI_CHOICE, .choices = cli_split_names, .fallback = usual, \
        .offset = offsetof(settings, split), .help = "which part, where DATA has two"       \
    }
#define CLI_OPTION_BATCH(usual, text)                                             \
    {                                                                             \
        .name = "batch", .kind = CLI_INTEGER, .value = "N", .min = 1, .max = 1e6, \
        .fallback = usual, .offset = offsetof(settings, batch), .help = text      \
    }
#define CLI_OPTION_JSON(text) \
    { .name = "json", .kind = CLI_FLAG, .offset = offsetof(settings, json), .help = text }

/* ---- Profiles (profile.c) ------------------------------------------------------------ */

/* What a device reaches at best, 10^9 a second. 0: not measured yet; NaN: not known. */
typedef struct cli_peaks {
    double gflops, gbytes;
} cli_peaks;
/* Measures what was not measured yet, memory's only on request. Where that fails, a note says why. */
void cli_measure_peaks(dd_device *device, bool memory, cli_peaks *peaks);

/* The nodes of a profile, dearest first, as a table on standard error. */
dd_status cli_print_profile(const dd_bench_result *result, const cli_peaks *peaks);
/* The same for JSON: {"peak_gflops":..,"peak_gbytes_per_second":..,"run_ms":..,"nodes_ms":..,
 * "nodes":[{"node":..,"op":..,"implementation":..,"launches":..,"ms":..,"share":..,"gflops":..,
 * "bytes":..,"gbytes_per_second":..,"roofline_share":..}]}. The caller deletes it. */
cJSON *cli_json_profile(const dd_bench_result *result, const cli_peaks *peaks);
/* For --profile after other work: measures `what` (train, freeze and batch; the rest is set here) for a
 * second. Prints it, or gives it as JSON where `json` is not NULL. */
dd_status cli_profile(dd_device *device, const dd_model *model, const dd_bench_options *what,
                      cJSON **json);

#endif
