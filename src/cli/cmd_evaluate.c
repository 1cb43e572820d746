/* cmd_evaluate.c: how good is a model on labelled images? */
#include <math.h>
#include <stdlib.h>

#include "cli/commands.h"
#include "cli/output.h"
#include "cli/progress.h"

typedef struct settings {
    const char *model, *data;
    int split; /* dd_split */
    int64_t batch;
    bool json;
} settings;

static const cli_option options[] = {
    CLI_OPTION_TRAINED_MODEL,
    CLI_OPTION_DATA("labelled images, as for train"),
    CLI_OPTION_SPLIT("test"),
    CLI_OPTION_BATCH("128", "images at a time"),
    CLI_OPTION_JSON("the same as JSON, with every wrong image"),
};

/* ---- Figures of one class ------------------------------------------------------------ */

typedef struct score {
    uint64_t count;               /* images of the class */
    double precision, recall, f1; /* NaN where nothing can be said */
} score;

static score score_class(const dd_evaluation *found, unsigned class_index) {
    unsigned classes = found->classes;
    uint64_t right = found->confusion[(size_t)class_index * classes + class_index];
    uint64_t labelled = 0, predicted = 0;
    for (unsigned i = 0; i < classes; i++) {
        labelled += found->confusion[(size_t)class_index * classes + i];
        predicted += found->confusion[(size_t)i * classes + class_index];
    }
    score made = {labelled, (double)NAN, (double)NAN, (double)NAN};
    if (predicted) made.precision = (double)right / (double)predicted;
    if (labelled) made.recall = (double)right / (double)labelled;
    if (labelled + predicted) made.f1 = 2 * (double)right / (double)(labelled + predicted);
    return made;
}

/* ---- JSON ---------------------------------------------------------------------------- */

static void add_classes(cJSON *json, const dd_model *model, const dd_evaluation *found) {
    cJSON *list = cJSON_AddArrayToObject(json, "per_class");
    for (unsigned i = 0; i < found->classes; i++) {
        score now = score_class(found, i);
        cJSON *row = cJSON_CreateObject();
        cJSON_AddItemToArray(list, row);
        cli_json_text(row, "class", dd_model_class_name(model, i));
        cli_json_count(row, "count", now.count);
        cli_json_number(row, "precision", now.precision);
        cli_json_number(row, "recall", now.recall);
        cli_json_number(row, "f1", now.f1);
    }
}

static void add_calibration(cJSON *json, const dd_evaluation *found) {
    cli_json_number(json, "calibration_error", found->calibration_error);
    cJSON *list = cJSON_AddArrayToObject(json, "calibration");
    for (int i = 0; i < DD_CALIBRATION_BINS; i++) {
        const dd_calibration_bin *bin = &found->calibration[i];
        cJSON *row = cJSON_CreateObject();
        cJSON_AddItemToArray(list, row);
        cli_json_number(row, "above", (double)i / DD_CALIBRATION_BINS);
        cli_json_number(row, "up_to", (double)(i + 1) / DD_CALIBRATION_BINS);
        cli_json_count(row, "count", bin->count);
        cli_json_number(row, "confidence", bin->confidence);
        cli_json_number(row, "accuracy", bin->accuracy);
    }
}

static void add_confusion(cJSON *json, const dd_evaluation *found) {
    cJSON *rows = cJSON_AddArrayToObject(json, "confusion");
    for (unsigned i = 0; i < found->classes; i++) {
        cJSON *row = cJSON_CreateArray();
        cJSON_AddItemToArray(rows, row);
        for (unsigned j = 0; j < found->classes; j++)
            cli_json_count(row, NULL, found->confusion[(size_t)i * found->classes + j]);
    }
}

static void add_wrong(cJSON *json, const dd_dataset *data, const dd_evaluation *found) {
    cJSON *list = cJSON_AddArrayToObject(json, "wrong");
    for (size_t i = 0; i < found->count; i++) {
        int label = dd_dataset_label(data, i);
        if (found->predicted[i] == label) continue;
        cJSON *row = cJSON_CreateObject();
        cJSON_AddItemToArray(list, row);
        cli_json_count(row, "index", i);
        cli_json_number(row, "label", label);
        cli_json_number(row, "predicted", found->predicted[i]);
        cli_json_number(row, "probability", (double)found->probability[i]);
    }
}

static dd_status print_json(const dd_model *model, const dd_dataset *data,
                            const dd_evaluation *found) {
    cJSON *json = cJSON_CreateObject();
    cli_json_count(json, "count", found->count);
    cli_json_number(json, "loss", found->loss);
    cli_json_number(json, "accuracy", found->accuracy);
    cJSON *top = cJSON_AddArrayToObject(json, "top_k");
    for (unsigned i = 0; i < found->classes && i < 5; i++)
        cli_json_number(top, NULL, found->top_k[i]);
    add_calibration(json, found);
    add_classes(json, model, found);
    add_confusion(json, found);
    add_wrong(json, data, found);
    return cli_json_end(json, stdout, true);
}

/* ---- Text ---------------------------------------------------------------------------- */

static void percent_cell(cli_table *table, double share) {
    if (isfinite(share))
        cli_table_cell(table, "%.2f %%", 100 * share);
    else
        cli_table_cell(table, "-");
}

static dd_status print_classes(const dd_model *model, const dd_evaluation *found) {
    static const char *const head[] = {"class", "images", "precision", "recall", "F1"};
    cli_table table;
    cli_table_start(&table, "lrrrr");
    for (size_t i = 0; i < CLI_COUNT(head); i++) cli_table_cell(&table, "%s", head[i]);
    for (unsigned i = 0; i < found->classes; i++) {
        score now = score_class(found, i);
        cli_table_cell(&table, "%s", dd_model_class_name(model, i));
        cli_table_cell(&table, "%llu", (unsigned long long)now.count);
        percent_cell(&table, now.precision);
        percent_cell(&table, now.recall);
        percent_cell(&table, now.f1);
    }
    return cli_table_end(&table, stdout, CLI_TABLE_PLAIN);
}

/* The confusion matrix of many classes fits no screen; --json has it. */
static dd_status print_confusion(const dd_model *model, const dd_evaluation *found) {
    enum { FITS = 20 };
    if (found->classes > FITS) return DD_OK;
    cli_table table;
    cli_table_start(&table, "lrrrrrrrrrrrrrrrrrrrr");
    table.columns = found->classes + 1;
    cli_table_cell(&table, "label \\ predicted");
    for (unsigned i = 0; i < found->classes; i++)
        cli_table_cell(&table, "%s", dd_model_class_name(model, i));
    for (unsigned i = 0; i < found->classes; i++) {
        cli_table_cell(&table, "%s", dd_model_class_name(model, i));
        for (unsigned j = 0; j < found->classes; j++)
            cli_table_cell(&table, "%llu",
                           (unsigned long long)found->confusion[(size_t)i * found->classes + j]);
    }
    putchar('\n');
    return cli_table_end(&table, stdout, CLI_TABLE_PLAIN);
}

static dd_status print_text(const dd_model *model, const dd_dataset *data,
                            const dd_evaluation *found) {
    size_t wrong = 0;
    for (size_t i = 0; i < found->count; i++)
        wrong += found->predicted[i] != dd_dataset_label(data, i);
    printf("images    %zu\naccuracy  %.2f %%  (%zu wrong)\nloss      %.4f\n", found->count,
           100 * found->accuracy, wrong, found->loss);
    for (unsigned i = 1; i < found->classes && i < 5; i++)
        printf("top %u     %.2f %%\n", i + 1, 100 * found->top_k[i]);
    printf("calibration error %.2f %%\n\n", 100 * found->calibration_error);
    CLI_TRY(print_classes(model, found));
    return print_confusion(model, found);
}

/* ---- The work ------------------------------------------------------------------------ */

static dd_status work(const cli_call *call, const settings *set, const dd_model *model,
                      const dd_dataset *data) {
    dd_device *device = NULL;
    dd_evaluation *found = NULL;
    dd_status status;
    CLI_TRY_OUT(cli_open_one_device(&call->common, &device));
    double start = cli_seconds();
    CLI_TRY_OUT(dd_evaluate(device, model, data, (unsigned)set->batch, &found));
    cli_note("evaluated %zu images in %.2f s", found->count, cli_seconds() - start);
    CLI_TRY_OUT(set->json ? print_json(model, data, found) : print_text(model, data, found));
    if (call->common.profile)
        CLI_TRY_OUT(
            cli_profile(device, model, &(dd_bench_options){.batch = (unsigned)set->batch}, NULL));
out:
    dd_evaluation_free(found);
    dd_device_close(device);
    return status;
}

static dd_status run(const cli_call *call, const void *values) {
    const settings *set = values;
    dd_model *model = NULL;
    dd_dataset *data = NULL;
    dd_status status;
    CLI_TRY_OUT(dd_model_load(set->model, &model));
    CLI_TRY_OUT(cli_load_data(model, set->data, set->split, false, &data));
    CLI_TRY_OUT(cli_check_size(model, data, set->data));
    CLI_TRY_OUT(work(call, set, model, data));
out:
    dd_dataset_free(data);
    dd_model_free(model);
    return status;
}

const cli_command cli_command_evaluate = {
    .name = "evaluate",
    .summary = "measure a model's accuracy on labelled images",
    .usage = "--model M --data DATA [--split test] [--json]",
    .about =
        "Prints accuracy, loss, the expected calibration error, precision, recall and F1 of each\n"
        "class, and the confusion matrix. In JSON, \"label\" and \"predicted\" are numbers of\n"
        "classes, from 0. Calibration: images by the probability of their predicted class, in\n"
        "15 bins of equal width; the mean of |accuracy - confidence|, weighted by images.\n",
    .examples = "  deepdigits evaluate --model runs/first/model.safetensors --data mnist\n"
                "  deepdigits evaluate --model m.safetensors --data mnist --json > result.json\n",
    .options = options,
    .option_count = CLI_COUNT(options),
    .settings_size = sizeof(settings),
    .run = run,
};
