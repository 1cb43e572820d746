/* cmd_bench.c: how fast is a model, on which device? */
#include <math.h>
#include <string.h>

#include "cli/bench_rows.h"
#include "cli/commands.h"
#include "cli/progress.h"

typedef struct settings {
    const char *model, *freeze;
    cli_integers batches;
    double seconds;
    bool train, json, csv, markdown;
} settings;

static const cli_option options[] = {
    {.name = "model",
     .kind = CLI_TEXT,
     .value = "M",
     .fallback_help = "the seed network",
     .offset = offsetof(settings, model),
     .help = "network (.json) or model (.safetensors)"},
    {.name = "train",
     .kind = CLI_FLAG,
     .offset = offsetof(settings, train),
     .help = "a training step instead of inference"},
    {.name = "freeze",
     .kind = CLI_TEXT,
     .value = "LAYERS",
     .offset = offsetof(settings, freeze),
     .help = "of a training step: layers that are not trained, as train\nhas them"},
    {.name = "batch",
     .kind = CLI_INTEGERS,
     .value = "N,N..",
     .min = 1,
     .max = 1e6,
     .fallback = "128",
     .offset = offsetof(settings, batches),
     .help = "images a run; a row for each"},
    {.name = "seconds",
     .kind = CLI_NUMBER,
     .value = "F",
     .min = 0,
     .above_min = true,
     .max = 3600,
     .fallback = "3",
     .offset = offsetof(settings, seconds),
     .help = "measured at least that long, after warming up"},
    {.name = "json",
     .kind = CLI_FLAG,
     .offset = offsetof(settings, json),
     .help = "{\"results\":[{..}]}"},
    {.name = "csv", .kind = CLI_FLAG, .offset = offsetof(settings, csv), .help = "as CSV"},
    {.name = "markdown",
     .kind = CLI_FLAG,
     .offset = offsetof(settings, markdown),
     .help = "as a Markdown table"},
};

/* ---- One measurement ----------------------------------------------------------------- */

typedef struct bench {
    const cli_call *call;
    const settings *set;
    dd_model *model;
    const char *model_name;
    cli_bench_rows rows;
    cli_peaks peaks; /* of the device that is being measured */
    bool several;    /* devices */
    size_t failed;
    dd_status first; /* of the first failure */
} bench;

/* A device that fails is a row that says so, and not the end; but a single device is not to blame
 * for bad usage. */
static bool is_row(const bench *to, dd_status status) {
    if (status == DD_OK || status == DD_INTERRUPTED) return false;
    return to->several || dd_status_exit(status) == 1;
}

static void note_failure(bench *to, cli_bench_row *now, dd_status status) {
    snprintf(now->status, sizeof now->status, "failed: %s", cli_message());
    cli_note("%s: %s", now->device, now->status);
    cli_forget();
    if (to->failed++ == 0) to->first = status;
}

/* `info` NULL: a device that could not be opened, known by `name` alone. */
static cli_bench_row start_row(const bench *to, const dd_device_info *info, const char *name,
                               int64_t batch) {
    cli_bench_row made;
    memset(&made, 0, sizeof made);
    made.device = info ? info->name : name;
    made.platform = info ? info->platform : "";
    made.driver = info ? info->driver : "";
    made.model = to->model_name;
    made.mode = to->set->train ? "train" : "infer";
    made.precision = cli_precision_names[to->call->common.precision];
    made.batch = (uint64_t)batch;
    made.peak_gflops = made.peak_share = (double)NAN;
    strcpy(made.status, "ok");
    return made;
}

/* The peaks are measured after the first timed runs of the device, which they cannot disturb. */
static dd_status complete(bench *to, dd_device *device, cli_bench_row *now) {
    bool profile = to->call->common.profile;
    cli_measure_peaks(device, profile, &to->peaks);
    now->peak_gflops = to->peaks.gflops;
    now->peak_share = now->result.gflops / to->peaks.gflops;
    if (!profile) return DD_OK;
    if (!to->set->json) return cli_print_profile(&now->result, &to->peaks);
    now->profile = cli_json_profile(&now->result, &to->peaks);
    return DD_OK;
}

static dd_status measure(bench *to, dd_device *device, int64_t batch) {
    dd_bench_options made = {.train = to->set->train,
                             .batch = (unsigned)batch,
                             .freeze = to->set->freeze,
                             .seconds = to->set->seconds,
                             .profile = to->call->common.profile};
    cli_bench_row now = start_row(to, dd_device_describe(device), NULL, batch);
    cli_bar("measuring %s, batch %lld", now.mode, (long long)batch);
    dd_status status = dd_bench(device, to->model, &made, &now.result);
    cli_bar_clear();
    if (status == DD_OK) {
        status = complete(to, device, &now);
    } else if (is_row(to, status)) {
        note_failure(to, &now, status);
        status = DD_OK;
    }
    if (status == DD_OK) cli_bench_rows_add(&to->rows, &now);
    dd_bench_result_clear(&now.result);
    return status;
}

/* ---- Devices ------------------------------------------------------------------------- */

/* A device that does not open is a row where there are others. */
static dd_status bench_device(void *context, const char *selector, const dd_device_info *info) {
    bench *to = context;
    dd_device *device = NULL;
    dd_status status = cli_open_device(&to->call->common, selector, false, &device);
    to->peaks.gflops = to->peaks.gbytes = 0;
    if (status != DD_OK && to->several && dd_status_exit(status) == 1) {
        cli_bench_row now = start_row(to, info, selector, to->set->batches.items[0]);
        note_failure(to, &now, status);
        cli_bench_rows_add(&to->rows, &now);
        return DD_OK;
    }
    for (size_t i = 0; i < to->set->batches.count && status == DD_OK; i++)
        status = measure(to, device, to->set->batches.items[i]);
    dd_device_close(device);
    return status;
}

static dd_status bench_devices(bench *to) {
    const char *selector = cli_selector(&to->call->common);
    to->several = cli_names_several(selector);
    return cli_each_device(selector, bench_device, to);
}

static cli_bench_form form_of(const settings *set) {
    return set->json       ? CLI_BENCH_JSON
           : set->csv      ? CLI_BENCH_CSV
           : set->markdown ? CLI_BENCH_MARKDOWN
                           : CLI_BENCH_TEXT;
}

static dd_status run(const cli_call *call, const void *values) {
    const settings *set = values;
    bench to;
    dd_model_info info;
    memset(&to, 0, sizeof to);
    if (set->json + set->csv + set->markdown > 1)
        return cli_fail(DD_USAGE, "expected one of --json, --csv and --markdown");
    if (set->freeze && !set->train)
        return cli_fail(DD_USAGE, "--freeze belongs to --train: inference trains nothing");
    to.call = call;
    to.set = set;
    CLI_TRY(cli_load_network(set->model, &to.model));
    dd_model_describe(to.model, &info);
    to.model_name = info.name;
    cli_bench_rows_start(&to.rows, form_of(set));
    dd_status status = bench_devices(&to);
    dd_status printed = cli_bench_rows_end(&to.rows); /* those there are, even after a failure */
    dd_model_free(to.model);
    if (status == DD_OK) status = printed;
    if (status != DD_OK || to.failed == 0) return status;
    return cli_fail(to.first, "%zu of %zu measurements failed", to.failed, to.rows.count);
}

const cli_command cli_command_bench = {
    .name = "bench",
    .summary = "measure inference or training",
    .usage = "[--train] [--model M] [--batch N,N..] [--device SEL,SEL..|all] "
             "[--json|--csv|--markdown]",
    .about =
        "Warms up until steady, then measures whole runs, results fetched each time.\n"
        "p50, p90 and p99 are microseconds a run; GFLOPS count a direct convolution, \"peak\" is\n"
        "what the device reaches with multiply-adds in registers, measured after the runs; a\n"
        "convolution by Winograd's algorithm may be beyond it. \"build\" has the programs (from\n"
        "the cache or the source), the check of new kernels, and the plan; \"first\" is the first\n"
        "run, \"warm-up\" those after it, \"steady\" those measured; all in ms.\n"
        "A batch that does not fit into memory is a row with the sizes, never measured in parts.\n"
        "--device takes several, or \"all\", which is every OpenCL device; one that fails is a\n"
        "row with its reason, and the exit status 1.\n"
        "--profile adds a table of nodes on standard error, with --json \"profile\" in each row:\n"
        "time, share, GFLOPS, the bytes of inputs and outputs, and the part of the roofline\n"
        "(the peak, or memory's measured bandwidth) that the node reaches.\n",
    .examples = "  deepdigits bench --batch 1,32,128 --markdown\n"
                "  deepdigits bench --train --model models/seed.json --device all --json\n"
                "  deepdigits bench --train --profile --device pocl,intel\n",
    .options = options,
    .option_count = CLI_COUNT(options),
    .settings_size = sizeof(settings),
    .run = run,
};
