/* cmd_predict.c: a submission in Kaggle's form. */
#include <stdlib.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/output.h"
#include "cli/progress.h"

typedef struct settings {
    const char *model, *data, *output;
    int split; /* dd_split */
    int64_t batch;
} settings;

static const cli_option options[] = {
    CLI_OPTION_TRAINED_MODEL,
    CLI_OPTION_DATA("Kaggle's test.csv, or any data as for train"),
    {.name = "output",
     .kind = CLI_TEXT,
     .value = "F",
     .required = true,
     .offset = offsetof(settings, output),
     .help = "file that gets the predictions; - is standard output"},
    CLI_OPTION_SPLIT("test"),
    CLI_OPTION_BATCH("128", "images at a time"),
};

/* One call of the library predicts this many batches: long enough to be quick, short enough for
 * Ctrl-C. */
enum { BATCHES_A_CALL = 16 };

typedef struct prediction {
    const dd_model *model;
    const dd_dataset *data;
    dd_predictor *predictor;
    size_t images, image_bytes; /* of a call */
    unsigned classes;
    uint8_t *pixels;      /* (images, height, width, channels) */
    float *probabilities; /* (images, classes) */
} prediction;

/* The most probable class; -1 when a probability is not a number. */
static int best_class(const float *probabilities, unsigned classes) {
    int best = 0;
    for (unsigned i = 0; i < classes; i++) {
        if (!(probabilities[i] >= 0 && probabilities[i] <= 1.001f)) return -1;
        if (probabilities[i] > probabilities[best]) best = (int)i;
    }
    return best;
}

static dd_status write_rows(const prediction *now, size_t first, size_t count, FILE *stream) {
    for (size_t i = 0; i < count; i++) {
        int best = best_class(now->probabilities + i * now->classes, now->classes);
        if (best < 0)
            return cli_fail(DD_WRONG, "image %zu: its probabilities are not numbers from 0 to 1",
                            first + i + 1);
        fprintf(stream, "%zu,", first + i + 1);
        cli_csv_field(stream, dd_model_class_name(now->model, (unsigned)best));
        fputc('\n', stream);
    }
    return DD_OK;
}

static dd_status predict_all(const prediction *now, size_t total, FILE *stream) {
    double start = cli_seconds();
    fputs("ImageId,Label\n", stream);
    for (size_t first = 0; first < total; first += now->images) {
        size_t count = total - first < now->images ? total - first : now->images;
        if (cli_interrupted())
            return cli_fail(DD_INTERRUPTED,
                            "interrupted after %zu of %zu images; nothing was "
                            "written",
                            first, total);
        for (size_t i = 0; i < count; i++)
            memcpy(now->pixels + i * now->image_bytes, dd_dataset_pixels(now->data, first + i),
                   now->image_bytes);
        CLI_TRY(dd_predict(now->predictor, now->pixels, count, now->probabilities));
        CLI_TRY(write_rows(now, first, count, stream));
        cli_bar("predicted %zu of %zu images", first + count, total);
    }
    double seconds = cli_seconds() - start;
    cli_note("predicted %zu images, %.0f images/s", total,
             seconds > 0 ? (double)total / seconds : 0.0);
    return DD_OK;
}

static dd_status work(const cli_call *call, const settings *set, const dd_model *model,
                      const dd_dataset *data, FILE *stream) {
    dd_device *device = NULL;
    dd_dataset_info info;
    dd_model_info network;
    dd_status status;
    dd_dataset_describe(data, &info);
    dd_model_describe(model, &network);
    prediction now = {.model = model, .data = data, .classes = network.classes};
    now.image_bytes = (size_t)info.height * info.width * info.channels;
    now.images = BATCHES_A_CALL * (size_t)set->batch;
    if (now.images > info.count) now.images = info.count;
    now.pixels = malloc(now.images * now.image_bytes);
    now.probabilities = malloc(now.images * now.classes * sizeof *now.probabilities);
    status = DD_OK;
    if (!now.pixels || !now.probabilities)
        status = cli_fail(DD_MEMORY, "no memory for %zu images at a time; try a smaller --batch",
                          now.images);
    CLI_TRY_OUT(status);
    CLI_TRY_OUT(cli_open_one_device(&call->common, &device));
    CLI_TRY_OUT(dd_predictor_create(device, model, (unsigned)set->batch, &now.predictor));
    CLI_TRY_OUT(predict_all(&now, info.count, stream));
    dd_predictor_free(now.predictor); /* a profile has its own */
    now.predictor = NULL;
    if (call->common.profile)
        CLI_TRY_OUT(
            cli_profile(device, model, &(dd_bench_options){.batch = (unsigned)set->batch}, NULL));
out:
    dd_predictor_free(now.predictor);
    dd_device_close(device);
    free(now.probabilities);
    free(now.pixels);
    return status;
}

static dd_status run(const cli_call *call, const void *values) {
    const settings *set = values;
    dd_model *model = NULL;
    dd_dataset *data = NULL;
    cli_output output;
    dd_status status;
    memset(&output, 0, sizeof output);
    CLI_TRY_OUT(dd_model_load(set->model, &model));
    CLI_TRY_OUT(cli_load_data(model, set->data, set->split, false, &data));
    CLI_TRY_OUT(cli_check_size(model, data, set->data));
    CLI_TRY_OUT(cli_output_open(&output, set->output));
    CLI_TRY_OUT(work(call, set, model, data, output.stream));
out:
    status = cli_output_close(&output, status);
    dd_dataset_free(data);
    dd_model_free(model);
    return status;
}

const cli_command cli_command_predict = {
    .name = "predict",
    .summary = "write predictions in Kaggle's form",
    .usage = "--model M --data test.csv --output submission.csv",
    .about = "Writes ImageId,Label, the first image being 1. The file appears when it is\n"
             "complete, or not at all.\n",
    .examples =
        "  deepdigits predict --model m.safetensors --data test.csv --output submission.csv\n"
        "  deepdigits predict --model m.safetensors --data mnist --output - | head\n",
    .options = options,
    .option_count = CLI_COUNT(options),
    .settings_size = sizeof(settings),
    .run = run,
};
