/* cmd_convert.c: a model from one format into another. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/commands.h"

typedef struct settings {
    int64_t seed;
    const char *preparation, *classes;
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
    {.name = "preparation",
     .kind = CLI_TEXT,
     .value = "P",
     .offset = offsetof(settings, preparation),
     .help = "how pictures become the input: imagenet, or as a network file\nhas it: "
             "'{\"scale\": 0.0039, \"shift\": 0}'"},
    {.name = "classes",
     .kind = CLI_TEXT,
     .value = "FILE",
     .offset = offsetof(settings, classes),
     .help = "names of the classes, one a line"},
};

/* Splits a text at its line ends, in place; as many lines as classes. */
static dd_status split_names(char *text, const char *path, unsigned classes, const char **names) {
    unsigned count = 0;
    for (char *line = text; *line; count++) {
        size_t length = strcspn(line, "\r\n");
        char *next = line + length;
        while (*next == '\r' || *next == '\n') *next++ = 0;
        if (count < classes) names[count] = line;
        line = next;
    }
    if (count == classes) return DD_OK;
    return cli_fail(DD_USAGE, "--classes %s: expected %u lines, a name each, found %u", path,
                    classes, count);
}

/* The file's text, for free(); at most 16 MB. */
static dd_status read_text(const char *path, char **text) {
    enum { MOST = 16 << 20 };
    FILE *file = fopen(path, "rb");
    if (!file) return cli_fail(DD_IO, "--classes %s: %s", path, strerror(errno));
    *text = calloc(MOST + 1, 1);
    size_t size = *text ? fread(*text, 1, MOST, file) : 0;
    bool whole = *text && !ferror(file) && fgetc(file) == EOF;
    fclose(file);
    if (whole && strlen(*text) == size) return DD_OK;
    free(*text);
    *text = NULL;
    return cli_fail(DD_IO, "--classes %s: no text that can be read", path);
}

static dd_status name_classes(dd_model *model, const char *path) {
    dd_model_info info;
    char *text = NULL;
    dd_model_describe(model, &info);
    dd_status status = read_text(path, &text);
    if (!text) return status;
    const char **names = calloc(info.classes + 1, sizeof *names);
    status = names ? split_names(text, path, info.classes, names)
                   : cli_fail(DD_MEMORY, "no memory for %u names", info.classes);
    if (status == DD_OK) status = dd_model_set_images(model, NULL, names);
    free(names);
    free(text);
    return status;
}

static dd_status run(const cli_call *call, const void *values) {
    const settings *set = values;
    dd_model *model = NULL;
    CLI_TRY(dd_model_load(call->arguments[0], &model));
    dd_status status = DD_OK;
    if (!dd_model_has_tensors(model)) status = dd_model_initialize(model, (uint64_t)set->seed);
    if (status == DD_OK && set->preparation)
        status = dd_model_set_images(model, set->preparation, NULL);
    if (status == DD_OK && set->classes) status = name_classes(model, set->classes);
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
    .examples =
        "  deepdigits convert resnet18.onnx resnet18.safetensors --preparation imagenet \\\n"
        "      --classes imagenet_classes.txt\n"
        "  deepdigits convert runs/first/model.safetensors digits.onnx\n"
        "  deepdigits convert digits.onnx digits.json\n",
    .options = options,
    .option_count = CLI_COUNT(options),
    .settings_size = sizeof(settings),
    .min_arguments = 2,
    .max_arguments = 2,
    .run = run,
};
