/* cmd_run.c: a model on numbers, from and to NumPy files. */
#include <string.h>

#include "cli/commands.h"
#include "cli/output.h"

typedef struct settings {
    cli_texts inputs, outputs;
} settings;

static const cli_option options[] = {
    {.name = "input",
     .kind = CLI_TEXTS,
     .value = "[NAME=]X.npy",
     .offset = offsetof(settings, inputs),
     .help = "an input of the model; may be repeated"},
    {.name = "output",
     .kind = CLI_TEXTS,
     .value = "[NAME=]Y.npy",
     .offset = offsetof(settings, outputs),
     .help = "file that gets an output of the model, the first one where\nno name is given; may be "
             "repeated"},
};

/* Where the path begins: behind "NAME=", unless the whole text is a file. */
static const char *path_of(const char *text) {
    const char *equals = strchr(text, '=');
    return equals ? equals + 1 : text;
}

/* The array's name belongs to it: a part of the text, in memory of the array. */
static dd_status load_inputs(const cli_texts *texts, dd_array *arrays) {
    for (size_t i = 0; i < texts->count; i++) {
        const char *path = path_of(texts->items[i]);
        CLI_TRY(dd_array_load(path, &arrays[i]));
        if (path == texts->items[i]) continue;
        CLI_TRY(dd_array_name(&arrays[i], texts->items[i], (size_t)(path - texts->items[i]) - 1));
    }
    return DD_OK;
}

static const dd_array *find_output(const dd_array *arrays, size_t count, const char *text) {
    size_t length = (size_t)(path_of(text) - text);
    if (length == 0) return count ? &arrays[0] : NULL;
    for (size_t i = 0; i < count; i++)
        if (strncmp(arrays[i].name, text, length - 1) == 0 && !arrays[i].name[length - 1])
            return &arrays[i];
    return NULL;
}

static void print_output(const dd_array *array) {
    printf("%s:", array->name);
    for (unsigned i = 0; i < array->rank; i++) printf(i ? "x%u" : " %u", array->dims[i]);
    printf(array->rank ? "\n" : " a single number\n");
}

static dd_status save_outputs(const cli_texts *texts, const dd_array *arrays, size_t count) {
    const char *first = count ? arrays[0].name : "";
    for (size_t i = 0; i < texts->count; i++) {
        const dd_array *found = find_output(arrays, count, texts->items[i]);
        if (!found)
            return cli_fail(DD_USAGE, "--output %s: the model has no such output, but \"%s\"%s",
                            texts->items[i], first, count > 1 ? ", ..." : "");
        CLI_TRY(dd_array_save(path_of(texts->items[i]), found));
    }
    for (size_t i = 0; i < count; i++) print_output(&arrays[i]);
    return DD_OK;
}

static dd_status run_model(const cli_call *call, const settings *set, const dd_array *inputs) {
    dd_device *device = NULL;
    dd_model *model = NULL;
    dd_array *outputs = NULL;
    size_t count = 0;
    dd_status status = dd_model_load_for(call->arguments[0], inputs, set->inputs.count, &model);
    if (status == DD_OK) status = cli_open_one_device(&call->common, &device);
    if (status == DD_OK)
        status = dd_compute(device, model, inputs, set->inputs.count, &outputs, &count);
    if (status == DD_OK && outputs) {
        status = save_outputs(&set->outputs, outputs, count);
        dd_arrays_free(outputs, count);
    }
    dd_model_free(model);
    dd_device_close(device);
    return status;
}

static dd_status run(const cli_call *call, const void *values) {
    const settings *set = values;
    dd_array inputs[CLI_LIST_LIMIT] = {{0}};
    dd_status status = load_inputs(&set->inputs, inputs);
    if (status == DD_OK) status = run_model(call, set, inputs);
    for (size_t i = 0; i < set->inputs.count; i++) dd_array_clear(&inputs[i]);
    return status;
}

const cli_command cli_command_run = {
    .name = "run",
    .summary = "compute a model once, on numbers from NumPy files",
    .usage = "MODEL --input [NAME=]X.npy ... [--output [NAME=]Y.npy ...]",
    .about =
        "MODEL is an ONNX model (.onnx), whose inputs and outputs are as ONNX has them, or a\n"
        "model (.safetensors), which takes prepared images (count, height, width, channels).\n"
        "Numbers may be of any real type or whole; outputs are float32. The names and shapes of\n"
        "the outputs are printed.\n",
    .examples = "  deepdigits run model.onnx --input x.npy --output y.npy\n"
                "  deepdigits run two.onnx --input left=a.npy --input right=b.npy\n",
    .options = options,
    .option_count = CLI_COUNT(options),
    .settings_size = sizeof(settings),
    .min_arguments = 1,
    .max_arguments = 1,
    .run = run,
};
