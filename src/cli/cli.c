#include "cli/cli.h"

#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "cli/progress.h"

const char *const cli_split_names[] = {"train", "test", NULL};

/* ---- Failures ------------------------------------------------------------------------ */

static char message[4096];

dd_status cli_fail(dd_status status, const char *format, ...) {
    va_list list;
    va_start(list, format);
    vsnprintf(message, sizeof message, format, list);
    va_end(list);
    return status;
}

const char *cli_message(void) { return message[0] ? message : dd_message(); }
void cli_forget(void) { message[0] = '\0'; }

/* ---- Interruption -------------------------------------------------------------------- */

static volatile sig_atomic_t interrupted;

static void on_signal(int number) {
    (void)number;
    if (interrupted) _exit(dd_status_exit(DD_INTERRUPTED));
    interrupted = 1;
    dd_interrupt();
}

void cli_catch_signals(void) {
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = on_signal;
    action.sa_flags = SA_RESTART; /* drivers' threads do not expect EINTR */
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

bool cli_interrupted(void) { return interrupted != 0; }

/* ---- Devices ------------------------------------------------------------------------- */

const char *cli_selector(const cli_common *common) {
    const char *variable = getenv("DEEPDIGITS_DEVICE");
    if (common->device) return common->device;
    return variable && *variable ? variable : NULL;
}

/* "conv2d=plain,gemm=clblast" from what --implementation was given; NULL without. */
static dd_status join_implementations(const cli_texts *texts, char *out, size_t size,
                                      const char **joined) {
    size_t used = 0;
    *joined = texts->count ? out : NULL;
    for (size_t i = 0; i < texts->count; i++) {
        const char *text = texts->items[i], *equals = strchr(text, '=');
        if (!equals || equals == text || !equals[1] || strchr(text, ','))
            return cli_fail(DD_USAGE, "--implementation: expected OP=NAME, found \"%s\"", text);
        used += (size_t)snprintf(out + used, size - used, "%s%s", i ? "," : "", text);
        if (used >= size)
            return cli_fail(DD_USAGE, "--implementation: expected less than %zu bytes in all",
                            size);
    }
    return DD_OK;
}

dd_status cli_open_device(const cli_common *common, const char *selector, bool without_selftest,
                          dd_device **device) {
    char joined[1024];
    dd_device_options options = {.threads = (unsigned)common->threads,
                                 .kernel_class = (dd_kernel_class)common->kernel_class,
                                 .precision = (dd_precision)common->precision,
                                 .memory_bytes = (uint64_t)common->memory,
                                 .without_selftest = without_selftest};
    CLI_TRY(join_implementations(&common->implementations, joined, sizeof joined,
                                 &options.implementations));
    return dd_device_open(selector, &options, device);
}

dd_status cli_open_one_device(const cli_common *common, dd_device **device) {
    const char *selector = cli_selector(common);
    if (selector && strcasecmp(selector, "all") == 0)
        return cli_fail(DD_USAGE, "expected one device, found \"all\", which only selftest, "
                                  "bench and classify take");
    return cli_open_device(common, selector, false, device);
}

/* ---- Data and models ----------------------------------------------------------------- */

dd_status cli_load_data(const dd_model *model, const char *source, int split, bool own_classes,
                        dd_dataset **data) {
    dd_dataset_info info;
    CLI_TRY(model ? dd_dataset_load_for(model, source, (dd_split)split, own_classes, data)
                  : dd_dataset_load(source, (dd_split)split, data));
    dd_dataset_describe(*data, &info);
    cli_note("data: %zu images of %ux%ux%u from %s, %s", info.count, info.height, info.width,
             info.channels, source, info.has_labels ? "labelled" : "without labels");
    return DD_OK;
}

dd_status cli_check_size(const dd_model *model, const dd_dataset *data, const char *source) {
    dd_model_info want;
    dd_dataset_info found;
    dd_model_describe(model, &want);
    dd_dataset_describe(data, &found);
    if (want.height == found.height && want.width == found.width && want.channels == found.channels)
        return DD_OK;
    return cli_fail(DD_SHAPE, "%s: expected images of %ux%ux%u as %s takes them, found %ux%ux%u",
                    source, want.height, want.width, want.channels, want.name, found.height,
                    found.width, found.channels);
}

const char *cli_find_model(const char *name, char *path, size_t size) {
    const char *const folders[] = {
        "models",
#ifdef DD_MODEL_DIR
        DD_MODEL_DIR,
#endif
    };
    for (size_t i = 0; i < CLI_COUNT(folders); i++) {
        int length = snprintf(path, size, "%s/%s", folders[i], name);
        if (length > 0 && (size_t)length < size && access(path, R_OK) == 0) return path;
    }
    return NULL;
}

dd_status cli_load_network(const char *path, dd_model **model) {
    char found[4096];
    if (!path) path = cli_find_model("seed.json", found, sizeof found);
    if (!path)
        return cli_fail(DD_USAGE, "expected --model NET: the seed network, models/seed.json, is "
                                  "not here");
    return dd_model_load(path, model);
}
