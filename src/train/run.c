/* run.c: run.json.
 *
 *     {"deepdigits": "run 1", "version": "0.1.0", "written": "2026-11-23T18:00:00Z",
 *      "command": "deepdigits train ...",             that began the run, not one that went on
 *      "outcome": "finished",
 *      "network": {...},                              the network file
 *      "initial": "",                                 hash of the initial weights; "": the seed's
 *      "taught": "",                                  hash of the teacher's weights; "": there is none
 *      "data": {"source": "mnist", "split": "train", "fraction": 0.2, "folds": 0, "fold": 0,
 *               "division": "42", "list": "", "added": "", "training": 48000, "validation": 12000,
 *               "hash": "..."},
 *      "options": {"epochs": 50, "batch": 128, "seed": "42", "freeze": "", ...},
 *      "device": {"selector": "", "name": "...", "platform": "...", "driver": "...", "threads": 0,
 *                 "kernel_class": "auto", "precision": "f32", "memory_bytes": 0,
 *                 "implementations": ""},
 *      "best_epoch": 17, "epochs": [{"epoch": 1, "loss": 0.2, ...}, ...]}
 *
 * Whole numbers of 64 bits are text: a JSON number cannot hold them.
 */
#include "train/run.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/file.h"
#include "train/history.h"

static const char format[] = "run 1";
enum { RUN_BYTES = 64 << 20 };

/* ---- Writing ------------------------------------------------------------------------------ */

static void add_date(dd__json *json, cJSON *root) {
    char date[32] = "";
    time_t now = time(NULL);
    struct tm utc;
    if (gmtime_r(&now, &utc)) strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%SZ", &utc);
    dd__json_add_text(json, root, "written", date);
}

static void add_data(dd__json *json, cJSON *root, const dd__loop *loop) {
    const dd_dataset *data = loop->data;
    cJSON *object = dd__json_add_object(json, root, "data");
    dd__json_add_text(json, object, "source", data->source);
    dd__json_add_text(json, object, "split", data->split == DD_SPLIT_TEST ? "test" : "train");
    dd__json_add_number(json, object, "fraction", data->fraction);
    dd__json_add_number(json, object, "folds", data->folds);
    dd__json_add_number(json, object, "fold", data->fold);
    dd__json_add_u64(json, object, "division", data->division);
    dd__json_add_text(json, object, "list", data->list);
    dd__json_add_text(json, object, "added", data->added);
    dd__json_add_number(json, object, "training", (double)loop->training.count);
    dd__json_add_number(json, object, "validation", (double)loop->validation.count);
    dd__json_add_text(json, object, "hash", loop->hash);
}

static const char *const classes[] = {"auto", "cpu", "gpu"};            /* by dd_kernel_class */
static const char *const precisions[] = {"f32", "tf32", "bf16", "f16"}; /* by dd_precision */

static void add_device(dd__json *json, cJSON *root, const dd_device *device) {
    const dd_device_info *info = dd_device_describe(device);
    const dd__opened *opened = dd__device_opened(device);
    cJSON *object = dd__json_add_object(json, root, "device");
    dd__json_add_text(json, object, "selector", opened->selector);
    dd__json_add_text(json, object, "name", info->name);
    dd__json_add_text(json, object, "platform", info->platform);
    dd__json_add_text(json, object, "driver", info->driver);
    dd__json_add_text(json, object, "version", info->version);
    dd__json_add_number(json, object, "compute_units", info->compute_units);
    dd__json_add_number(json, object, "threads", opened->threads);
    dd__json_add_text(json, object, "kernel_class", classes[opened->kernel_class]);
    dd__json_add_text(json, object, "precision", precisions[opened->precision]);
    dd__json_add_number(json, object, "memory_bytes", (double)opened->memory_bytes);
    dd__json_add_text(json, object, "implementations", opened->implementations);
}

static char *print_run(const dd__loop *loop, const char *outcome) {
    dd__json json = {NULL, false};
    cJSON *root = dd__json_add_object(&json, NULL, NULL);
    dd__json_add_text(&json, root, "deepdigits", format);
    dd__json_add_text(&json, root, "version", dd_version());
    add_date(&json, root);
    dd__json_add_text(&json, root, "command", loop->command);
    dd__json_add_text(&json, root, "outcome", outcome);
    dd__json_add_text(&json, root, "initial", loop->initial);
    dd__json_add_text(&json, root, "taught", loop->taught);
    add_data(&json, root, loop);
    dd__options_json(&json, root, &loop->settled.options);
    add_device(&json, root, loop->device);
    dd__json_add(&json, root, "network", cJSON_Duplicate(loop->model->network, true));
    dd__json_add_number(&json, root, "best_epoch", loop->at.best_epoch);
    dd__history_json(&json, root, "epochs", loop->at.history, loop->at.done);
    return dd__json_print(&json, true);
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

/* Older runs had none. */
static dd_status read_source(const cJSON *data, const char *key, const char **source) {
    if (cJSON_GetObjectItem(data, key)) DD_TRY(dd__json_string(data, key, source));
    if (*source && !**source) *source = NULL;
    return DD_OK;
}

static dd_status read_data(const cJSON *root, dd_run *r) {
    const cJSON *data;
    const char *split;
    int64_t training, validation;
    DD_TRY(dd__json_member(root, "data", &data));
    DD_TRY(dd__json_string(data, "source", &r->data.source));
    DD_TRY(dd__json_string(data, "split", &split));
    DD_TRY(dd__json_u64(data, "division", &r->data.division));
    DD_TRY(dd__json_string(data, "hash", &r->hash));
    DD_TRY(dd__json_number(data, "fraction", &r->data.fraction));
    DD_TRY(dd__json_unsigned(data, "folds", &r->data.folds));
    DD_TRY(dd__json_unsigned(data, "fold", &r->data.fold));
    DD_TRY(dd__json_integer(data, "training", 1, UINT32_MAX, &training));
    DD_TRY(dd__json_integer(data, "validation", 0, UINT32_MAX, &validation));
    DD_TRY(read_source(data, "list", &r->data.list));
    DD_TRY(read_source(data, "added", &r->data.added));
    if (!*r->data.source) r->data.source = NULL;
    r->data.split = strcmp(split, "test") == 0 ? DD_SPLIT_TEST : DD_SPLIT_TRAIN;
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
    const char *class, *precision; /* older runs have no precision: f32, and no memory_bytes: 0 */
    dd_device_options *options = &r->device_options;
    DD_TRY(dd__json_member(root, "device", &device));
    DD_TRY(dd__json_string(device, "selector", &r->selector));
    DD_TRY(dd__json_string(device, "name", &r->device));
    DD_TRY(dd__json_string(device, "platform", &r->platform));
    DD_TRY(dd__json_string(device, "driver", &r->driver));
    DD_TRY(dd__json_unsigned(device, "threads", &options->threads));
    DD_TRY(dd__json_string(device, "kernel_class", &class));
    precision = cJSON_GetStringValue(cJSON_GetObjectItem(device, "precision"));
    const cJSON *memory = cJSON_GetObjectItem(device, "memory_bytes");
    if (cJSON_IsNumber(memory) && memory->valuedouble >= 1 && memory->valuedouble < 0x1p53)
        options->memory_bytes = (uint64_t)memory->valuedouble;
    DD_TRY(dd__json_string(device, "implementations", &options->implementations));
    for (int i = 0; i < (int)DD_COUNT(classes); i++)
        if (strcmp(class, classes[i]) == 0) options->kernel_class = (dd_kernel_class)i;
    for (int i = 0; i < (int)DD_COUNT(precisions); i++)
        if (precision && strcmp(precision, precisions[i]) == 0)
            options->precision = (dd_precision)i;
    if (!*options->implementations) options->implementations = NULL;
    return DD_OK;
}

static dd_status read_epochs(const cJSON *root, dd_run *r) {
    const cJSON *epochs;
    DD_TRY(dd__json_member(root, "epochs", &epochs));
    size_t room = (size_t)cJSON_GetArraySize(epochs);
    r->epochs = dd__alloc(room ? room : 1, sizeof *r->epochs);
    if (!r->epochs) return dd__no_memory(room * sizeof *r->epochs);
    DD_TRY(dd__history_parse(epochs, r->epochs, room, &r->epoch_count));
    if (r->best_epoch <= r->epoch_count) return DD_OK;
    return dd__fail(DD_FORMAT, "\"best_epoch\": expected at most %zu, found %u", r->epoch_count,
                    r->best_epoch);
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
    DD_TRY(dd__json_unsigned(r->json, "best_epoch", &shown->best_epoch));
    DD_TRY(read_data(r->json, shown));
    DD_TRY(read_model(r->json, shown));
    DD_TRY(read_device(r->json, shown));
    DD_TRY(read_epochs(r->json, shown));
    bool ended =
        strcmp(shown->outcome, "finished") == 0 || strcmp(shown->outcome, "stopped early") == 0;
    if (!ended || shown->epoch_count) return DD_OK;
    return dd__fail(DD_FORMAT, "\"epochs\": a run that is %s has one at least", shown->outcome);
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
