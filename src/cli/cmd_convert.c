/* cmd_convert.c: a model from one format into another. */
#include "cli/commands.h"

typedef struct settings {
    int64_t seed;
} settings;

static const cli_option options[] = {
    {.name = "seed",
     .kind = CLI_INTEGER,
     .value = "N",
     .min = 0,
     .max = 9007199254740992.0,
     .fallback = "42",
     .offset = offsetof(settings, seed),
     .help = "of the initial weights, where IN has none"},
};

static dd_status run(const cli_call *call, const void *values) {
    const settings *set = values;
    dd_model *model = NULL;
    CLI_TRY(dd_model_load(call->arguments[0], &model));
    dd_status status = DD_OK;
    if (!dd_model_has_tensors(model)) status = dd_model_initialize(model, (uint64_t)set->seed);
    if (status == DD_OK) status = dd_model_save(model, call->arguments[1]);
    dd_model_free(model);
    return status;
}

const cli_command cli_command_convert = {
    .name = "convert",
    .summary = "write a model in another format",
    .usage = "IN OUT",
    .about =
        "The endings of the files say the formats: IN is a network (.json), a model\n"
        "(.safetensors) or an ONNX model (.onnx), OUT any of them. As a network, the weights are\n"
        "left out. An ONNX model that is written has operator set 13, takes prepared images\n"
        "(N, channels, height, width) and carries classes and preparation as metadata.\n",
    .examples = "  deepdigits convert resnet18.onnx resnet18.safetensors\n"
                "  deepdigits convert runs/first/model.safetensors digits.onnx\n"
                "  deepdigits convert digits.onnx digits.json\n",
    .options = options,
    .option_count = CLI_COUNT(options),
    .settings_size = sizeof(settings),
    .min_arguments = 2,
    .max_arguments = 2,
    .run = run,
};
