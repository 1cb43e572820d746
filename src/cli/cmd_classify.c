/* cmd_classify.c: what is on these images? */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "cli/truth.h"

enum { TEXT, CSV, JSONL };
static const char *const formats[] = {"text", "csv", "jsonl", NULL};
static const char *const preparations[] = {"auto", "digit", "plain", "none", NULL}; /* dd_prepare */

typedef struct settings {
    const char *model, *output, *dump;
    int format, prepare;
    int64_t top_k, batch, decode_threads;
    double threshold;
    bool json, strict, labels, null_ended;
} settings;

static const cli_option options[] = {
    {.name = "model",
     .kind = CLI_TEXT,
     .value = "M",
     .offset = offsetof(settings, model),
     .fallback_help = "$DEEPDIGITS_MODEL, else the shipped digit model",
     .help = "trained model (.safetensors)"},
    {.name = "format",
     .kind = CLI_CHOICE,
     .choices = formats,
     .fallback = "text",
     .offset = offsetof(settings, format),
     .help = "how rows are written"},
    CLI_OPTION_JSON("the same as --format jsonl"),
    {.name = "output",
     .kind = CLI_TEXT,
     .value = "F",
     .fallback_help = "standard output, row by row",
     .offset = offsetof(settings, output),
     .help = "file that gets the rows, once complete"},
    {.name = "top-k",
     .kind = CLI_INTEGER,
     .value = "K",
     .min = 1,
     .max = 1000,
     .fallback = "1",
     .offset = offsetof(settings, top_k),
     .help = "that many classes an image, best first"},
    {.name = "threshold",
     .kind = CLI_NUMBER,
     .value = "P",
     .min = 0,
     .max = 1,
     .fallback = "0",
     .offset = offsetof(settings, threshold),
     .help = "below this probability the label is ?"},
    {.name = "prepare",
     .kind = CLI_CHOICE,
     .choices = preparations,
     .fallback = "auto",
     .offset = offsetof(settings, prepare),
     .help =
         "how an image becomes the model's input: digit finds the ink\nand centres it as MNIST "
         "does, plain resizes as the model\nsays, none refuses what does not fit, auto decides "
         "for\n"
         "each image: what fits is taken as it is, unless the\nmodel was trained on MNIST's digits "
         "and it is not like\nthem: in other colours, off the middle, too small"},
    {.name = "dump-prepared",
     .kind = CLI_TEXT,
     .value = "DIR",
     .offset = offsetof(settings, dump),
     .help = "write what the network saw as PNG files into DIR"},
    {.name = "labels",
     .kind = CLI_FLAG,
     .offset = offsetof(settings, labels),
     .help =
         "folders are named as classes: a last column, expected, and\nthe accuracy of the files "
         "whose folder is"},
    {.name = "null",
     .kind = CLI_FLAG,
     .offset = offsetof(settings, null_ended),
     .help = "paths on standard input end with a NUL, as find -print0 has\nthem, and may hold any "
             "other "
             "byte"},
    CLI_OPTION_BATCH("64", "images at a time"),
    {.name = "decode-threads",
     .kind = CLI_INTEGER,
     .value = "N",
     .min = 1,
     .max = 1024,
     .fallback_help = "one a core",
     .offset = offsetof(settings, decode_threads),
     .help = "threads that read and prepare images"},
    {.name = "strict",
     .kind = CLI_FLAG,
     .offset = offsetof(settings, strict),
     .help = "exit status 1 when any file failed"},
};

/* ---- Rows ---------------------------------------------------------------------------- */

typedef struct writer {
    FILE *stream;
    int format;
    unsigned top_k;
    bool bar;    /* rows do not go to the terminal that has the bar */
    bool labels; /* rows say what was expected */
    cli_truth truth;
    size_t rows;
} writer;

static void write_text(const writer *to, const dd_classify_row *row) {
    fprintf(to->stream, "%s: ", row->path);
    if (row->status != DD_OK) fprintf(to->stream, "failed: %s", row->message);
    for (unsigned i = 0; i < row->count; i++)
        fprintf(to->stream, "%s%s (%.2f %%)", i ? ", " : "", row->labels[i],
                100 * (double)row->probabilities[i]);
    fputc('\n', to->stream);
}

static void write_head(const writer *to) {
    if (to->format != CSV) return;
    fputs("path,label,probability,status", to->stream);
    for (unsigned i = 2; i <= to->top_k; i++) fprintf(to->stream, ",label%u,probability%u", i, i);
    if (to->labels) fputs(",expected", to->stream);
    fputc('\n', to->stream);
}

/* NULL: not known. */
static const char *expected_of(const writer *to, const dd_classify_row *row) {
    int expected = cli_truth_expected(&to->truth, row->path);
    return expected < 0 ? NULL : dd_model_class_name(to->truth.model, (unsigned)expected);
}

/* ",label,probability", empty when there is no such entry */
static void write_entry(const writer *to, const dd_classify_row *row, unsigned index) {
    fputc(',', to->stream);
    if (index < row->count) cli_csv_field(to->stream, row->labels[index]);
    fputc(',', to->stream);
    if (index < row->count) fprintf(to->stream, "%.6f", (double)row->probabilities[index]);
}

static void write_csv(const writer *to, const dd_classify_row *row) {
    cli_csv_field(to->stream, row->path);
    write_entry(to, row, 0);
    fputc(',', to->stream);
    cli_csv_field(to->stream, row->message);
    for (unsigned i = 1; i < to->top_k; i++) write_entry(to, row, i);
    const char *expected = to->labels ? expected_of(to, row) : NULL;
    if (to->labels) fputc(',', to->stream);
    if (expected) cli_csv_field(to->stream, expected);
    fputc('\n', to->stream);
}

static void add_entry(cJSON *json, const dd_classify_row *row, unsigned index) {
    bool there = index < row->count;
    cli_json_text(json, "label", there ? row->labels[index] : NULL);
    cli_json_number(json, "probability", there ? (double)row->probabilities[index] : (double)NAN);
}

static dd_status write_json(const writer *to, const dd_classify_row *row) {
    cJSON *json = cJSON_CreateObject();
    cli_json_text(json, "path", row->path);
    add_entry(json, row, 0);
    cli_json_text(json, "status", row->message);
    if (to->top_k > 1) {
        cJSON *top = cJSON_AddArrayToObject(json, "top");
        for (unsigned i = 0; i < row->count; i++) {
            cJSON *entry = cJSON_CreateObject();
            cJSON_AddItemToArray(top, entry);
            add_entry(entry, row, i);
        }
    }
    if (to->labels) cli_json_text(json, "expected", expected_of(to, row));
    return cli_json_end(json, to->stream, false);
}

static dd_status write_row(void *context, const dd_classify_row *row) {
    writer *to = context;
    if (to->format == TEXT) write_text(to, row);
    if (to->format == CSV) write_csv(to, row);
    if (to->format == JSONL) CLI_TRY(write_json(to, row));
    to->rows++;
    cli_truth_count(&to->truth, row);
    if (to->stream == stdout) fflush(stdout);
    if (ferror(to->stream))
        return cli_fail(DD_IO, "cannot write the row of %s: %s", row->path, strerror(errno));
    if (to->bar) cli_bar("classified %zu images", to->rows);
    return DD_OK;
}

/* ---- The work ------------------------------------------------------------------------ */

static dd_status load_model(const settings *set, dd_model **model) {
    char found[4096];
    const char *path = set->model ? set->model : getenv("DEEPDIGITS_MODEL");
    if (!path || !*path) path = cli_find_model("digits.safetensors", found, sizeof found);
    if (!path)
        return cli_fail(DD_USAGE,
                        "expected --model M (or $DEEPDIGITS_MODEL): the digit model, "
                        "models/digits.safetensors, is not here. Make one: deepdigits train --data "
                        "mnist --output RUN gives RUN/model.safetensors");
    return dd_model_load(path, model);
}

/* What each of several devices did. */
static void note_shares(const dd_classify_result *result) {
    for (size_t i = 0; result->share_count > 1 && i < result->share_count; i++) {
        const dd_classify_share *share = &result->shares[i];
        const dd_device_info *info = dd_device_describe(share->device);
        cli_note("  %zu images: %s (%s)%s", share->images, info->name, info->platform,
                 share->status == DD_OK ? "" : ", until it was left out");
    }
}

/* Of the devices that still work. */
static dd_status profile(const dd_model *model, unsigned batch, const dd_classify_result *result) {
    for (size_t i = 0; i < result->share_count; i++) {
        const dd_classify_share *share = &result->shares[i];
        if (share->status == DD_OK)
            CLI_TRY(cli_profile(share->device, model, &(dd_bench_options){.batch = batch}, NULL));
    }
    return DD_OK;
}

static dd_status classify(const cli_call *call, const settings *set, const dd_model *model,
                          writer *to, dd_classify_result *result) {
    dd_classify_options made = {.batch = (unsigned)set->batch,
                                .top_k = (unsigned)set->top_k,
                                .threshold = set->threshold,
                                .prepare = (dd_prepare)set->prepare,
                                .dump_prepared = set->dump,
                                .decode_threads = (unsigned)set->decode_threads,
                                .null_ended = set->null_ended};
    cli_devices devices;
    dd_status status;
    CLI_TRY_OUT(cli_open_devices(&call->common, &devices));
    write_head(to);
    status = dd_classify(devices.items, devices.count, model, call->arguments, call->argument_count,
                         &made, write_row, to, result);
    if (status == DD_OK)
        cli_note("classified %zu files, %zu failed, %.0f images/s", result->files, result->failed,
                 result->images_per_second);
    note_shares(result);
    if (status == DD_OK) status = cli_truth_tell(&to->truth, to->labels);
    if (status == DD_OK && call->common.profile) status = profile(model, made.batch, result);
out:
    dd_classify_result_clear(result);
    cli_close_devices(&devices);
    return status;
}

static dd_status run(const cli_call *call, const void *values) {
    const settings *set = values;
    dd_model *model = NULL;
    writer to = {.format = set->json ? JSONL : set->format,
                 .top_k = (unsigned)set->top_k,
                 .labels = set->labels};
    dd_classify_result result;
    cli_output output;
    dd_status status;
    memset(&result, 0, sizeof result);
    memset(&output, 0, sizeof output);
    CLI_TRY_OUT(load_model(set, &model));
    CLI_TRY_OUT(cli_truth_start(&to.truth, model));
    CLI_TRY_OUT(cli_output_open(&output, set->output));
    to.stream = output.stream;
    to.bar = output.path || !isatty(STDOUT_FILENO);
    CLI_TRY_OUT(classify(call, set, model, &to, &result));
out:
    status = cli_output_close(&output, status);
    dd_model_free(model);
    cli_truth_free(&to.truth);
    if (status == DD_OK && set->strict && result.failed)
        return cli_fail(DD_WRONG, "%zu of %zu files could not be classified (--strict)",
                        result.failed, result.files);
    return status;
}

const cli_command cli_command_classify = {
    .name = "classify",
    .summary = "classify image files and folders of them",
    .usage = "[--model M] [--device SEL,SEL..|all] [--format text|csv|jsonl]\n"
             "           [--output F] PATH...",
    .about =
        "PATH is a file, a folder (with those below it), or - for a list on standard input,\n"
        "a path a line. PNG, JPEG (turned as the camera was held), BMP, GIF, TGA, PSD and PNM\n"
        "are read, grey or colour, with transparency over white, whatever their names when they\n"
        "are named themselves. The model says how they are prepared; it is part of its file.\n"
        "Rows come in the order of the input: path, label, probability, status. A file that\n"
        "cannot be read is a row with its reason, never the end. One on which nothing is written\n"
        "gets the label ?, the probability 0 and the status \"no ink\". The columns label2,\n"
        "probability2 .. of --top-k follow the status. Bytes of a path that are not UTF-8 are\n"
        "written \\xff in csv and jsonl. Files are found, read and computed at the same time, and\n"
        "memory does not grow with their number.\n"
        "When every file lies in a folder that is named as one of the model's classes, the\n"
        "accuracy and the confusion matrix follow on standard error; --labels asks for them where\n"
        "some do not.\n"
        "--device takes several, or \"all\", which is every OpenCL device: each computes as\n"
        "many images as it can. One that fails is named and left out; exit status 1 when none\n"
        "is left.\n",
    .examples = "  deepdigits classify --model runs/first/model.safetensors scans/\n"
                "  deepdigits classify --device all --format csv scans/\n"
                "  find . -name '*.png' | deepdigits classify --format csv --output labels.csv -\n"
                "  find . -size -9M -print0 | deepdigits classify --null --strict -\n"
                "  deepdigits classify --labels --format jsonl --output rows.jsonl test/\n",
    .options = options,
    .option_count = CLI_COUNT(options),
    .settings_size = sizeof(settings),
    .min_arguments = 1,
    .max_arguments = SIZE_MAX,
    .run = run,
};
