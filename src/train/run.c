/* run.c: run.json.
 *
 *     {"deepdigits": "run 1", "version": "0.1.0", "written": "2026-11-23T18:00:00Z",
 *      "command": "deepdigits train ...",             that began the run, not one that went on
 *      "outcome": "finished",
 *      "network": {...},                              the network file
 *      "initial": "",                                 hash of the initial weights; "": the seed's
 *      "data": {"source": "mnist", "split": "train", "fraction": 0.2, "folds": 0, "fold": 0,
 *               "division": "42", "training": 48000, "validation": 12000, "hash": "..."},
 *      "options": {"epochs": 50, "batch": 128, "seed": "42", ...},
 *      "device": {"selector": "", "name": "...", "platform": "...", "driver": "...", "threads": 0,
 *                 "kernel_class": "cpu", "implementations": ""},
 *      "best_epoch": 17, "epochs": [{"epoch": 1, "loss": 0.2, ...}, ...]}
 *
 * Whole numbers of 64 bits are text: a JSON number cannot hold them.
 */
#include "train/run.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/file.h"
#include "train/history.h"

static const char format[] = "run 1";
enum { RUN_BYTES = 64 << 20 };

/* ---- Writing ------------------------------------------------------------------------------ */

static void add_u64(cJSON *object, const char *key, uint64_t number) {
    char text[32];
    snprintf(text, sizeof text, "%" PRIu64, number);
    cJSON_AddStringToObject(object, key, text);
}

static void add_date(cJSON *root) {
    char date[32] = "";
    time_t now = time(NULL);
    struct tm utc;
    if (gmtime_r(&now, &utc)) strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%SZ", &utc);
    cJSON_AddStringToObject(root, "written", date);
}

static void add_data(cJSON *root, const dd__loop *loop) {
    const dd_dataset *data = loop->data;
    cJSON *object = cJSON_AddObjectToObject(root, "data");
    cJSON_AddStringToObject(object, "source", data->source ? data->source : "");
    cJSON_AddStringToObject(object, "split", data->split == DD_SPLIT_TEST ? "test" : "train");
    cJSON_AddNumberToObject(object, "fraction", data->fraction);
    cJSON_AddNumberToObject(object, "folds", data->folds);
    cJSON_AddNumberToObject(object, "fold", data->fold);
    add_u64(object, "division", data->division);
    cJSON_AddNumberToObject(object, "training", (double)loop->training.count);
    cJSON_AddNumberToObject(object, "validation", (double)loop->validation.count);
    cJSON_AddStringToObject(object, "hash", loop->hash);
}

static void add_device(cJSON *root, const dd_device *device) {
    const dd_device_info *info = dd_device_describe(device);
    const dd__opened *opened = dd__device_opened(device);
    cJSON *object = cJSON_AddObjectToObject(root, "device");
    cJSON_AddStringToObject(object, "selector", opened->selector);
    cJSON_AddStringToObject(object, "name", info->name);
    cJSON_AddStringToObject(object, "platform", info->platform);
    cJSON_AddStringToObject(object, "driver", info->driver);
    cJSON_AddStringToObject(object, "version", info->version);
    cJSON_AddNumberToObject(object, "compute_units", info->compute_units);
    cJSON_AddNumberToObject(object, "threads", opened->threads);
    cJSON_AddStringToObject(object, "kernel_class",
                            dd__device_class(device) == DD_CLASS_CPU ? "cpu" : "gpu");
    cJSON_AddStringToObject(object, "implementations", opened->implementations);
}

static char *print_run(const dd__loop *loop, const char *outcome) {
    cJSON *root = cJSON_CreateObject();
    cJSON_AddStringToObject(root, "deepdigits", format);
    cJSON_AddStringToObject(root, "version", dd_version());
    add_date(root);
    cJSON_AddStringToObject(root, "command", loop->command ? loop->command : "");
    cJSON_AddStringToObject(root, "outcome", outcome);
    cJSON_AddStringToObject(root, "initial", loop->initial);
    add_data(root, loop);
    cJSON_AddItemToObject(root, "options", dd__options_json(&loop->settled.options));
    add_device(root, loop->device);
    cJSON_AddItemToObject(root, "network", cJSON_Duplicate(loop->model->network, true));
    cJSON_AddNumberToObject(root, "best_epoch", loop->at.best_epoch);
    cJSON_AddItemToObject(root, "epochs", dd__history_json(loop->at.history, loop->at.done));
    char *text = cJSON_Print(root);
    cJSON_Delete(root);
    return text;
}

dd_status dd__run_write(const dd__loop *loop, const char *outcome) {
    char path[4096];
    DD_TRY(dd__path_join(path, sizeof path, loop->settled.options.output, "run.json"));
    char *text = print_run(loop, outcome);
    if (!text) return dd__no_memory(1);
    dd_status status = dd__file_write(path, text, strlen(text));
    cJSON_free(text);
    return status;
}

/* ---- Reading ------------------------------------------------------------------------------ */

typedef struct run {
    dd_run shown; /* first: dd_run_free is given this */
    cJSON *json;  /* owns the strings */
    char *folder;
} run;

static dd_status read_unsigned(const cJSON *object, const char *key, unsigned *out) {
    int64_t number;
    DD_TRY(dd__json_integer(object, key, 0, UINT32_MAX, &number));
    *out = (unsigned)number;
    return DD_OK;
}

static dd_status read_data(const cJSON *root, dd_run *r) {
    const cJSON *data;
    const char *split, *division;
    int64_t training, validation;
    DD_TRY(dd__json_member(root, "data", &data));
    DD_TRY(dd__json_string(data, "source", &r->data.source));
    DD_TRY(dd__json_string(data, "split", &split));
    DD_TRY(dd__json_string(data, "division", &division));
    DD_TRY(dd__json_number(data, "fraction", &r->data.fraction));
    DD_TRY(read_unsigned(data, "folds", &r->data.folds));
    DD_TRY(read_unsigned(data, "fold", &r->data.fold));
    DD_TRY(dd__json_integer(data, "training", 1, UINT32_MAX, &training));
    DD_TRY(dd__json_integer(data, "validation", 0, UINT32_MAX, &validation));
    if (!*r->data.source) r->data.source = NULL;
    r->data.split = strcmp(split, "test") == 0 ? DD_SPLIT_TEST : DD_SPLIT_TRAIN;
    r->data.division = strtoull(division, NULL, 10);
    r->data.count = (size_t)training;
    r->data.has_labels = true;
    r->validation_count = (size_t)validation;
    return DD_OK;
}

static dd_status read_model(const cJSON *root, dd_run *r) {
    const cJSON *network;
    dd_model_info info;
    DD_TRY(dd__json_member(root, "network", &network));
    DD_TRY(dd__within(dd__model_from_network(network, &r->model), "network"));
    dd_model_describe(r->model, &info);
    r->data.height = info.height;
    r->data.width = info.width;
    r->data.channels = info.channels;
    r->data.classes = info.classes;
    return DD_OK;
}

static dd_status read_device(const cJSON *root, dd_run *r) {
    const cJSON *device;
    DD_TRY(dd__json_member(root, "device", &device));
    DD_TRY(dd__json_string(device, "selector", &r->selector));
    DD_TRY(dd__json_string(device, "name", &r->device));
    DD_TRY(dd__json_string(device, "platform", &r->platform));
    return dd__json_string(device, "driver", &r->driver);
}

static dd_status read_epochs(const cJSON *root, dd_run *r) {
    const cJSON *epochs;
    DD_TRY(dd__json_member(root, "epochs", &epochs));
    size_t room = (size_t)cJSON_GetArraySize(epochs);
    r->epochs = dd__alloc(room ? room : 1, sizeof *r->epochs);
    if (!r->epochs) return dd__no_memory(room * sizeof *r->epochs);
    return dd__history_parse(epochs, r->epochs, room, &r->epoch_count);
}

static dd_status read_run(run *r) {
    const char *found;
    const cJSON *options;
    dd_run *shown = &r->shown;
    DD_TRY(dd__json_string(r->json, "deepdigits", &found));
    if (strcmp(found, format) != 0)
        return dd__fail(DD_FORMAT, "\"deepdigits\": expected \"%s\", found \"%.40s\"", format,
                        found);
    DD_TRY(dd__json_string(r->json, "version", &shown->version));
    DD_TRY(dd__json_string(r->json, "written", &shown->written));
    DD_TRY(dd__json_string(r->json, "outcome", &shown->outcome));
    DD_TRY(dd__json_member(r->json, "options", &options));
    DD_TRY(dd__within(dd__options_parse(options, &shown->options), "options"));
    DD_TRY(dd__json_string(r->json, "command", &shown->options.command));
    shown->options.output = r->folder;
    DD_TRY(read_unsigned(r->json, "best_epoch", &shown->best_epoch));
    DD_TRY(read_data(r->json, shown));
    DD_TRY(read_model(r->json, shown));
    DD_TRY(read_device(r->json, shown));
    return read_epochs(r->json, shown);
}

dd_status dd_run_load(const char *folder, dd_run **out) {
    char path[4096];
    char *text = NULL;
    size_t size;
    DD_TRY(dd__path_join(path, sizeof path, folder, "run.json"));
    DD_TRY(dd__file_read(path, RUN_BYTES, &text, &size));
    run *r = dd__alloc(1, sizeof *r);
    dd_status status = r ? dd__json_parse(text, size, &r->json) : dd__no_memory(sizeof *r);
    dd__free(text);
    if (status == DD_OK && !(r->folder = dd__copy_string(folder))) status = dd__no_memory(1);
    if (status == DD_OK) status = read_run(r);
    if (status == DD_OK)
        *out = &r->shown;
    else
        dd_run_free(r ? &r->shown : NULL);
    return dd__within(status, "%s", path);
}

void dd_run_free(dd_run *shown) {
    run *r = (run *)shown;
    if (!r) return;
    dd_model_free(shown->model);
    dd__free(shown->epochs);
    cJSON_Delete(r->json);
    dd__free(r->folder);
    dd__free(r);
}
