#include "train/history.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/file.h"

static void print_number(FILE *file, double number) {
    if (isfinite(number))
        fprintf(file, ",%.7g", number);
    else
        fprintf(file, ",");
}

dd_status dd__history_write(const char *folder, const dd__epoch *epochs, size_t count) {
    char path[4096];
    dd__writer writer;
    DD_TRY(dd__path_join(path, sizeof path, folder, "history.csv"));
    DD_TRY(dd__writer_open(&writer, path));
    fprintf(writer.stream, "epoch,loss,accuracy,validation_loss,validation_accuracy,learning_rate,"
                           "seconds,images_per_second\n");
    for (size_t i = 0; i < count; i++) {
        const dd__epoch *e = &epochs[i];
        const double numbers[] = {
            e->loss,          e->accuracy, e->validation_loss,  e->validation_accuracy,
            e->learning_rate, e->seconds,  e->images_per_second};
        fprintf(writer.stream, "%u", e->epoch);
        for (size_t k = 0; k < DD_COUNT(numbers); k++) print_number(writer.stream, numbers[k]);
        fprintf(writer.stream, "\n");
    }
    return dd__writer_close(&writer, DD_OK);
}

/* ---- run.json ----------------------------------------------------------------------------- */

static void add_number(cJSON *object, const char *name, double number) {
    if (isfinite(number))
        cJSON_AddNumberToObject(object, name, number);
    else
        cJSON_AddNullToObject(object, name);
}

static void add_options(cJSON *root, const dd_train_options *o) {
    cJSON *options = cJSON_AddObjectToObject(root, "options");
    char seed[32]; /* as text: a JSON number cannot hold 64 bits */
    snprintf(seed, sizeof seed, "%llu", (unsigned long long)o->seed);
    cJSON_AddNumberToObject(options, "epochs", o->epochs);
    cJSON_AddNumberToObject(options, "batch", o->batch);
    cJSON_AddStringToObject(options, "seed", seed);
    cJSON_AddStringToObject(options, "optimizer", o->optimizer);
    cJSON_AddNumberToObject(options, "learning_rate", o->learning_rate);
    cJSON_AddNumberToObject(options, "momentum", o->momentum);
    cJSON_AddNumberToObject(options, "weight_decay", o->weight_decay);
    cJSON_AddStringToObject(options, "keep", o->keep == DD_KEEP_LAST ? "last" : "best");
}

static void add_device(cJSON *root, const dd_device_info *info) {
    cJSON *device = cJSON_AddObjectToObject(root, "device");
    cJSON_AddStringToObject(device, "name", info->name);
    cJSON_AddStringToObject(device, "platform", info->platform);
    cJSON_AddStringToObject(device, "driver", info->driver);
    cJSON_AddStringToObject(device, "version", info->version);
    cJSON_AddNumberToObject(device, "compute_units", info->compute_units);
}

static void add_epochs(cJSON *root, const dd__run_record *record) {
    cJSON *epochs = cJSON_AddArrayToObject(root, "epochs");
    for (size_t i = 0; i < record->epoch_count; i++) {
        const dd__epoch *e = &record->epochs[i];
        cJSON *row = cJSON_CreateObject();
        cJSON_AddItemToArray(epochs, row);
        cJSON_AddNumberToObject(row, "epoch", e->epoch);
        add_number(row, "loss", e->loss);
        add_number(row, "accuracy", e->accuracy);
        add_number(row, "validation_loss", e->validation_loss);
        add_number(row, "validation_accuracy", e->validation_accuracy);
        add_number(row, "learning_rate", e->learning_rate);
        add_number(row, "seconds", e->seconds);
        add_number(row, "images_per_second", e->images_per_second);
    }
}

static char *print_record(const dd__run_record *record) {
    char date[32] = "";
    time_t now = time(NULL);
    struct tm utc;
    if (gmtime_r(&now, &utc)) strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%SZ", &utc);
    cJSON *root = cJSON_CreateObject();
    cJSON_AddStringToObject(root, "deepdigits", "run 1");
    cJSON_AddStringToObject(root, "version", dd_version());
    cJSON_AddStringToObject(root, "written", date);
    cJSON_AddStringToObject(root, "command",
                            record->options->command ? record->options->command : "");
    cJSON_AddStringToObject(root, "outcome", record->outcome);
    cJSON_AddStringToObject(root, "model", record->model->name);
    cJSON_AddNumberToObject(root, "parameters", (double)record->model->parameters);
    cJSON_AddNumberToObject(root, "training_examples", (double)record->training_examples);
    cJSON_AddNumberToObject(root, "validation_examples", (double)record->validation_examples);
    add_options(root, record->options);
    add_device(root, record->device);
    cJSON_AddNumberToObject(root, "best_epoch", record->best_epoch);
    add_epochs(root, record);
    char *text = cJSON_Print(root);
    cJSON_Delete(root);
    return text;
}

dd_status dd__run_record_write(const char *folder, const dd__run_record *record) {
    char path[4096];
    DD_TRY(dd__path_join(path, sizeof path, folder, "run.json"));
    char *text = print_record(record);
    if (!text) return dd__no_memory(1);
    dd_status status = dd__file_write(path, text, strlen(text));
    cJSON_free(text);
    return status;
}
