/* cmd_merge.c: several models, and views of each image, as one model. */
#include "cli/commands.h"
#include "cli/progress.h"

typedef struct settings {
    const char *output, *name;
    double shift, rotation, zoom;
} settings;

static const cli_option options[] = {
    {.name = "output",
     .kind = CLI_TEXT,
     .value = "FILE",
     .required = true,
     .offset = offsetof(settings, output),
     .help = "file that gets the new model: .safetensors, or .onnx for\nother programs"},
    {.name = "name",
     .kind = CLI_TEXT,
     .value = "NAME",
     .fallback = "ensemble",
     .offset = offsetof(settings, name),
     .help = "of the new network"},
    {.name = "shift",
     .kind = CLI_NUMBER,
     .value = "N",
     .max = 65536,
     .fallback = "0",
     .offset = offsetof(settings, shift),
     .help = "views: also four that are moved by N pixels, down, up,\nright and left"},
    {.name = "rotation",
     .kind = CLI_NUMBER,
     .value = "D",
     .max = 180,
     .fallback = "0",
     .offset = offsetof(settings, rotation),
     .help = "views: also two that are turned by D degrees, either way"},
    {.name = "zoom",
     .kind = CLI_NUMBER,
     .value = "Z",
     .max = 0.99,
     .fallback = "0",
     .offset = offsetof(settings, zoom),
     .help = "views: also two that are 1 + Z and 1 - Z times as large"},
};

static dd_status merge(dd_model *const *members, size_t count, const settings *set) {
    const dd_merge_options how = {
        .name = set->name, .shift = set->shift, .rotation = set->rotation, .zoom = set->zoom};
    dd_model *merged;
    dd_model_info info;
    CLI_TRY(dd_model_merge((const dd_model *const *)members, count, &how, &merged));
    dd_status status = dd_model_save(merged, set->output);
    dd_model_describe(merged, &info);
    if (status == DD_OK)
        cli_note("%s: %zu models, %llu parameters, %.1f MFLOP an image", set->output, count,
                 (unsigned long long)info.parameters, info.mflop);
    dd_model_free(merged);
    return status;
}

static dd_status run(const cli_call *call, const void *values) {
    dd_model *members[CLI_LIST_LIMIT] = {NULL};
    size_t count = call->argument_count, loaded = 0;
    dd_status status = DD_OK;
    while (loaded < count && status == DD_OK) {
        status = dd_model_load(call->arguments[loaded], &members[loaded]);
        if (status == DD_OK) loaded++;
    }
    if (status == DD_OK) status = merge(members, count, values);
    for (size_t i = 0; i < loaded; i++) dd_model_free(members[i]);
    return status;
}

const cli_command cli_command_merge = {
    .name = "merge",
    .summary = "make one model of several, an ensemble, or of views of each image",
    .usage = "MODEL... --output FILE [--shift N] [--rotation D] [--zoom Z]",
    .about =
        "The new model predicts the mean of what its members predict: the probability of each "
        "class\n"
        "is the mean of their probabilities for it. Networks that were trained from other seeds, "
        "or\n"
        "that are built in another way, make other mistakes, of which the mean makes fewer. All "
        "must\n"
        "take the same images, prepared in the same way, and have the same classes in the same "
        "order.\n"
        "\n"
        "With views, members see each image several times: as it is, and moved, turned or zoomed "
        "a\n"
        "little; the mean is over these as well. One model is enough then. A view costs as much "
        "as\n"
        "the image itself: --shift 1 --rotation 6 --zoom 0.06 makes nine times the work.\n"
        "\n"
        "What is written is a model like any other, with the members' layers and weights inside:\n"
        "inspect shows them, classify, evaluate, predict, bench and convert take it. Which "
        "members\n"
        "and views are best is to be found on images that were set aside, not on the test "
        "images.\n",
    .examples =
        "  deepdigits merge runs/seed-*/model.safetensors --output ensemble.safetensors\n"
        "  deepdigits merge model.safetensors --shift 1 --output model-5-views.safetensors\n"
        "  deepdigits evaluate --model ensemble.safetensors --data mnist\n",
    .options = options,
    .option_count = CLI_COUNT(options),
    .settings_size = sizeof(settings),
    .min_arguments = 1,
    .max_arguments = CLI_LIST_LIMIT,
    .run = run,
};
