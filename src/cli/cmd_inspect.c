/* cmd_inspect.c: the layers of a network or model. */
#include "cli/commands.h"
#include "cli/output.h"

typedef struct settings {
    bool json;
    const char *diagram;
} settings;

static const cli_option options[] = {
    CLI_OPTION_JSON("the same as JSON"),
    {.name = "diagram",
     .kind = CLI_TEXT,
     .value = "F.svg",
     .offset = offsetof(settings, diagram),
     .help = "also draw the network there"},
};

/* ---- JSON ---------------------------------------------------------------------------- */

static void add_layer(cJSON *layers, const dd_layer_info *layer) {
    cJSON *json = cJSON_CreateObject();
    cJSON_AddItemToArray(layers, json);
    cli_json_text(json, "name", layer->name);
    cli_json_text(json, "op", layer->op);
    cli_json_text(json, "settings", layer->settings);
    cJSON *output = cJSON_AddArrayToObject(json, "output");
    for (unsigned i = 0; i < layer->rank; i++) cli_json_count(output, NULL, layer->output[i]);
    cJSON *inputs = cJSON_AddArrayToObject(json, "inputs");
    for (unsigned i = 0; i < layer->input_count; i++)
        cli_json_number(inputs, NULL, layer->inputs[i]);
    cli_json_count(json, "parameters", layer->parameters);
    cli_json_number(json, "mflop", layer->mflop);
}

static dd_status print_json(const dd_model *model, const dd_model_info *info) {
    cJSON *json = cJSON_CreateObject();
    cli_json_text(json, "name", info->name);
    cJSON *input = cJSON_AddArrayToObject(json, "input");
    cli_json_count(input, NULL, info->height);
    cli_json_count(input, NULL, info->width);
    cli_json_count(input, NULL, info->channels);
    cJSON *classes = cJSON_AddArrayToObject(json, "classes");
    for (unsigned i = 0; i < info->classes; i++)
        cli_json_text(classes, NULL, dd_model_class_name(model, i));
    cJSON_AddBoolToObject(json, "has_tensors", dd_model_has_tensors(model));
    cli_json_count(json, "parameters", info->parameters);
    cli_json_count(json, "statistics", info->statistics);
    cli_json_number(json, "mflop", info->mflop);
    cJSON *layers = cJSON_AddArrayToObject(json, "layers");
    dd_status status = DD_OK;
    for (size_t i = 0; i < info->layers && status == DD_OK; i++) {
        dd_layer_info layer;
        status = dd_model_layer(model, i, &layer);
        if (status == DD_OK) add_layer(layers, &layer);
    }
    if (status == DD_OK) return cli_json_end(json, stdout, true);
    cJSON_Delete(json);
    return status;
}

/* ---- Text ---------------------------------------------------------------------------- */

static void add_row(cli_table *table, const dd_layer_info *layer) {
    char shape[96] = "";
    size_t used = 0;
    for (unsigned i = 0; i < layer->rank && used < sizeof shape; i++)
        used +=
            (size_t)snprintf(shape + used, sizeof shape - used, i ? "x%u" : "%u", layer->output[i]);
    cli_table_cell(table, "%s", layer->name);
    cli_table_cell(table, "%s", layer->op);
    cli_table_cell(table, "%s", shape);
    cli_table_cell(table, "%llu", (unsigned long long)layer->parameters);
    cli_table_cell(table, "%.3f", layer->mflop);
    cli_table_cell(table, "%s", layer->settings);
}

static dd_status print_text(const dd_model *model, const dd_model_info *info) {
    static const char *const head[] = {"layer", "op", "output", "parameters", "MFLOP", "settings"};
    cli_table table;
    dd_status status = DD_OK;
    const char *weights =
        dd_model_has_tensors(model) ? "with weights" : "a network without weights";
    if (info->height)
        printf("%s: images of %ux%ux%u, %u classes, %s\n\n", info->name, info->height, info->width,
               info->channels, info->classes, weights);
    else
        printf("%s: a network of tensors, %s\n\n", info->name, weights);
    cli_table_start(&table, "lllrrl");
    for (size_t i = 0; i < CLI_COUNT(head); i++) cli_table_cell(&table, "%s", head[i]);
    for (size_t i = 0; i < info->layers && status == DD_OK; i++) {
        dd_layer_info layer;
        status = dd_model_layer(model, i, &layer);
        if (status == DD_OK) add_row(&table, &layer);
    }
    dd_status printed = cli_table_end(&table, stdout, CLI_TABLE_PLAIN);
    printf("\n%llu parameters, %llu statistics, %.3f MFLOP an image\n",
           (unsigned long long)info->parameters, (unsigned long long)info->statistics, info->mflop);
    return status == DD_OK ? printed : status;
}

static dd_status run(const cli_call *call, const void *values) {
    const settings *set = values;
    dd_model *model = NULL;
    dd_model_info info;
    CLI_TRY(dd_model_load(call->arguments[0], &model));
    dd_model_describe(model, &info);
    dd_status status = set->diagram ? dd_model_diagram(model, set->diagram) : DD_OK;
    if (status == DD_OK) status = set->json ? print_json(model, &info) : print_text(model, &info);
    dd_model_free(model);
    return status;
}

const cli_command cli_command_inspect = {
    .name = "inspect",
    .summary = "show a model's layers, shapes, parameters and MFLOP",
    .usage = "MODEL [--json] [--diagram F.svg]",
    .about =
        "MODEL is a network (.json), a model (.safetensors) or an ONNX model (.onnx). Shapes are "
        "of\n"
        "one image, height x width x channels; a multiplication and an addition are two FLOP.\n",
    .examples = "  deepdigits inspect models/seed.json\n"
                "  deepdigits inspect runs/first/model.safetensors --json\n"
                "  deepdigits inspect models/resnet-small.json --diagram network.svg\n",
    .options = options,
    .option_count = CLI_COUNT(options),
    .settings_size = sizeof(settings),
    .min_arguments = 1,
    .max_arguments = 1,
    .run = run,
};
