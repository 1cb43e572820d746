/* checkpoint.c: output/checkpoint/state.safetensors, everything a training needs to go on.
 *
 *     tensors, F32, flat: "parameters", "statistics", "moment1", "moment2", "average": the plan's states as far
 *         as it has them. A graph lays them out the same on every device.
 *     metadata
 *         "deepdigits": "checkpoint 1"
 *         "network":    the network file
 *         "state":      JSON
 *             {"options": {...}, "data": hash, "initial": hash,     what the run is: must not change
 *              "taught": hash,                                      by that teacher; "": by none
 *              "micro_batch": 32,                                   images computed at a time
 *              "command": "deepdigits train ...",                   that began it
 *              "position": 17, "sums": {"loss": .., "hits": .., "count": ..},   inside the epoch under way
 *              "spent": 1.5, "trained": 30.1,                       seconds
 *              "schedule": {"rate": 0.001, "best": 0.05, "waited": 1},
 *              "best": {"epoch": 3, "loss": 0.05}, "kept": {"loss": 0.05, "accuracy": 0.99},
 *              "history": [{...}, ...]}
 *
 * Random numbers have no state: they follow from the seed, the epoch and the step. Numbers are
 * printed with all their bits; one that is not finite is null.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "model/safetensors.h"
#include "train/history.h"
#include "train/loop.h"

static const char format[] = "checkpoint 1";
static const char *const stretches[] = {"parameters", "statistics", "moment1", "moment2",
                                        "average"};

static dd_status in_output(const dd__loop *loop, const char *name, char *path, size_t size) {
    return dd__path_join(path, size, loop->settled.options.output, name);
}

/* ---- Tensors ------------------------------------------------------------------------------ */

typedef struct tensors {
    dd__tensor row[DD_COUNT(stretches)];
    size_t count;
} tensors;

static void tensors_free(tensors *t) {
    for (size_t i = 0; i < t->count; i++) dd__free(t->row[i].data);
}

static dd_status fetch_tensors(const dd__loop *loop, tensors *t) {
    t->count = 0;
    for (size_t i = 0; i < DD_COUNT(stretches); i++) {
        dd__plan *plan = dd__plans_holder(loop, stretches[i]);
        const dd__value *value = dd__graph_find(dd__plan_graph(plan), stretches[i]);
        if (!value) continue;
        dd__tensor *tensor = &t->row[t->count];
        *tensor = (dd__tensor){.name = (char *)stretches[i], .dims = value->dims};
        tensor->data = dd__alloc(1, dd__value_bytes(value));
        if (!tensor->data) return dd__no_memory(dd__value_bytes(value));
        t->count++;
        DD_TRY(dd__plan_read(plan, value->name, tensor->data, dd__value_bytes(value)));
        DD_TRY(dd__check_finite(tensor->data, dd__dims_count(&tensor->dims), tensor->name));
    }
    return DD_OK;
}

static dd_status put_tensor(dd__plan *plan, const dd__value *value, const dd__safetensors *file) {
    const dd__stored_tensor *stored = dd__safetensors_find(file, value->name);
    if (!stored || strcmp(stored->dtype, "F32") != 0 ||
        !dd__dims_equal(&stored->dims, &value->dims))
        return dd__fail(DD_FORMAT, "tensor \"%s\": expected %u numbers", value->name,
                        value->dims.d[0]);
    float *numbers = dd__alloc(1, dd__value_bytes(value));
    if (!numbers) return dd__no_memory(dd__value_bytes(value));
    dd__safetensors_floats(stored, numbers);
    dd_status status = dd__plan_write(plan, value->name, numbers, dd__value_bytes(value));
    dd__free(numbers);
    return status;
}

static dd_status put_tensors(const dd__loop *loop, const dd__safetensors *file) {
    for (size_t i = 0; i < DD_COUNT(stretches); i++) {
        dd__plan *plan = dd__plans_holder(loop, stretches[i]);
        const dd__value *value = dd__graph_find(dd__plan_graph(plan), stretches[i]);
        if (value) DD_TRY(put_tensor(plan, value, file));
    }
    dd__plan_parameters_changed(loop->plan);
    return DD_OK;
}

/* ---- Writing ------------------------------------------------------------------------------ */

static const char *const schedule_keys[] = {"rate", "best", "waited"};
static const char *const best_keys[] = {"epoch", "loss"};
static const char *const kept_keys[] = {"loss", "accuracy"};
static const char *const sums_keys[] = {"loss", "hits", "count"};

static void add_numbers(dd__json *json, cJSON *parent, const char *name, const char *const keys[],
                        const double numbers[], size_t count) {
    cJSON *object = dd__json_add_object(json, parent, name);
    for (size_t i = 0; i < count; i++) dd__json_add_number(json, object, keys[i], numbers[i]);
}

static char *print_state(const dd__loop *loop) {
    const dd__standing *at = &loop->at;
    const dd__sums *sums = &at->sums;
    const double all[] = {(double)sums->loss, (double)sums->hits, (double)sums->count};
    const double schedule[] = {at->schedule.rate, at->schedule.best, at->schedule.waited};
    const double best[] = {at->best_epoch, at->best_loss};
    const double kept[] = {at->kept_loss, at->kept_accuracy};
    dd__json json = {NULL, false};
    cJSON *root = dd__json_add_object(&json, NULL, NULL);
    dd__options_json(&json, root, &loop->settled.options);
    dd__json_add_number(&json, root, "micro_batch", loop->micro);
    dd__json_add_text(&json, root, "data", loop->hash);
    dd__json_add_text(&json, root, "initial", loop->initial);
    dd__json_add_text(&json, root, "taught", loop->taught);
    dd__json_add_text(&json, root, "command", loop->command);
    dd__json_add_number(&json, root, "position", at->position);
    dd__json_add_number(&json, root, "spent", at->spent);
    dd__json_add_number(&json, root, "trained", at->trained);
    add_numbers(&json, root, "sums", sums_keys, all, DD_COUNT(all));
    add_numbers(&json, root, "schedule", schedule_keys, schedule, DD_COUNT(schedule));
    add_numbers(&json, root, "best", best_keys, best, DD_COUNT(best));
    add_numbers(&json, root, "kept", kept_keys, kept, DD_COUNT(kept));
    dd__history_json(&json, root, "history", at->history, at->done);
    return dd__json_print(&json, false);
}

static void note_saved(dd__loop *loop) {
    loop->saved = dd__seconds();
    loop->last_saved.done = loop->at.done;
    loop->last_saved.position = loop->at.position;
}

dd_status dd__checkpoint_save(dd__loop *loop) {
    char path[4096];
    tensors t = {.count = 0};
    char *state = NULL, *network = NULL;
    if (!loop->settled.options.output) return DD_OK;
    DD_TRY(in_output(loop, DD__CHECKPOINT_FOLDER, path, sizeof path));
    DD_TRY(dd__folder_make(path));
    DD_TRY(in_output(loop, DD__CHECKPOINT, path, sizeof path));
    dd_status status = fetch_tensors(loop, &t);
    if (status != DD_OK) goto out;
    state = print_state(loop);
    network = cJSON_PrintUnformatted(loop->model->network);
    status = state && network ? DD_OK : dd__no_memory(1);
    if (status != DD_OK) goto out;
    const char *const pairs[][2] = {{"deepdigits", format}, {"network", network}, {"state", state}};
    DD_TRY_OUT(dd__safetensors_write(path, pairs, DD_COUNT(pairs), t.row, t.count));
    note_saved(loop);
out:
    cJSON_free(network);
    cJSON_free(state);
    tensors_free(&t);
    return status;
}

/* ---- Reading ------------------------------------------------------------------------------ */

static dd_status read_numbers(const cJSON *root, const char *name, const char *const keys[],
                              double numbers[], size_t count) {
    const cJSON *object;
    DD_TRY(dd__json_member(root, name, &object));
    for (size_t i = 0; i < count; i++)
        DD_TRY(dd__within(dd__json_number(object, keys[i], &numbers[i]), "\"%s\"", name));
    return DD_OK;
}

/* NaN is refused as well: no comparison with it holds. */
static dd_status check_range(const char *name, double number, double least, double most) {
    if (number >= least && number <= most) return DD_OK;
    return dd__fail(DD_FORMAT, "\"%s\": expected a number from %g to %g, found %g", name, least,
                    most, number);
}

static double or_infinity(double number) { return isnan(number) ? (double)INFINITY : number; }

static dd_status read_position(const cJSON *root, const dd__loop *loop, dd__standing *at) {
    double sums[3];
    int64_t position;
    DD_TRY(dd__json_integer(root, "position", 0, loop->steps - 1, &position));
    DD_TRY(dd__json_number(root, "spent", &at->spent));
    DD_TRY(dd__json_number(root, "trained", &at->trained));
    DD_TRY(check_range("spent", at->spent, 0, 1e12));
    DD_TRY(check_range("trained", at->trained, 0, 1e12));
    DD_TRY(read_numbers(root, "sums", sums_keys, sums, 3));
    for (size_t i = 0; i < 3; i++) DD_TRY(check_range("sums", sums[i], 0, 3e38));
    at->position = (uint32_t)position;
    at->sums = (dd__sums){.loss = (float)sums[0], .hits = (float)sums[1], .count = (float)sums[2]};
    return DD_OK;
}

static dd_status read_best(const cJSON *root, dd__standing *at) {
    double schedule[3], best[2], kept[2];
    DD_TRY(read_numbers(root, "schedule", schedule_keys, schedule, 3));
    DD_TRY(check_range("rate", schedule[0], 0, 1e30));
    DD_TRY(check_range("waited", schedule[2], 0, 1e9));
    DD_TRY(read_numbers(root, "best", best_keys, best, 2));
    DD_TRY(check_range("epoch", best[0], 0, (double)at->done));
    DD_TRY(read_numbers(root, "kept", kept_keys, kept, 2));
    at->schedule = (dd__schedule_state){schedule[0], or_infinity(schedule[1]), schedule[2]};
    at->best_epoch = (unsigned)best[0];
    at->best_loss = or_infinity(best[1]);
    at->kept_loss = kept[0];
    at->kept_accuracy = kept[1];
    return DD_OK;
}

static dd_status read_standing(const cJSON *root, const dd__loop *loop, dd__standing *at) {
    const cJSON *history;
    unsigned epochs = loop->settled.options.epochs;
    DD_TRY(dd__json_member(root, "history", &history));
    DD_TRY(read_position(root, loop, at));
    size_t begun = (size_t)cJSON_GetArraySize(history) + (at->position > 0);
    if (begun > epochs)
        return dd__fail(DD_USAGE,
                        "the run has begun epoch %zu: ask for at least %zu epochs, not %u", begun,
                        begun, epochs);
    DD_TRY(dd__history_parse(history, at->history, epochs, &at->done));
    return read_best(root, at);
}

/* Where one of both has no teacher, the options differ already. Older runs had none. */
static dd_status check_teacher(const cJSON *root, const dd__loop *loop) {
    const char *taught = "";
    if (cJSON_GetObjectItem(root, "taught")) DD_TRY(dd__json_string(root, "taught", &taught));
    if (strcmp(taught, loop->taught) == 0) return DD_OK;
    return dd__fail(DD_USAGE, "teacher: the run to go on with has one with other weights than %s",
                    loop->settled.options.teacher);
}

static dd_status check_same(const cJSON *root, const dd__loop *loop) {
    const cJSON *before;
    const char *data;
    DD_TRY(dd__json_member(root, "options", &before));
    DD_TRY(dd__options_compare(before, &loop->settled.options));
    DD_TRY(check_teacher(root, loop));
    DD_TRY(dd__json_string(root, "data", &data));
    if (strcmp(data, loop->hash) == 0) return DD_OK;
    return dd__fail(DD_USAGE, "the run was made with other images, or they were divided otherwise");
}

static dd_status check_network(const dd__safetensors *file, const dd__loop *loop) {
    const char *found = dd__safetensors_metadata(file, "deepdigits");
    const char *network = dd__safetensors_metadata(file, "network");
    cJSON *json;
    if (!found || strcmp(found, format) != 0 || !network)
        return dd__fail(DD_FORMAT, "\"deepdigits\" in the metadata: expected \"%s\", found \"%s\"",
                        format, found ? found : "nothing");
    DD_TRY(dd__json_parse(network, strlen(network), &json));
    bool same = cJSON_Compare(json, loop->model->network, true);
    cJSON_Delete(json);
    if (same) return DD_OK;
    return dd__fail(DD_USAGE, "the run trains another network than \"%s\"", loop->model->name);
}

/* What was kept when the last epoch ended lies in model.safetensors. */
static dd_status load_kept(dd__loop *loop) {
    char path[4096];
    dd_model *saved;
    if (loop->at.done == 0) return DD_OK;
    DD_TRY(in_output(loop, "model.safetensors", path, sizeof path));
    DD_TRY(dd_model_load(path, &saved));
    bool same = dd__model_same_network(saved, loop->model);
    if (same) dd__model_swap_tensors(saved, loop->model);
    dd_model_free(saved);
    return same ? DD_OK
                : dd__fail(DD_FORMAT, "%s: expected network \"%s\"", path, loop->model->name);
}

static dd_status parse_state(const dd__safetensors *file, cJSON **state) {
    const char *text = dd__safetensors_metadata(file, "state");
    if (!text) return dd__fail(DD_FORMAT, "no \"state\" in the metadata");
    return dd__json_parse(text, strlen(text), state);
}

static dd_status load_state(dd__loop *loop, const dd__safetensors *file) {
    const char *initial, *command;
    cJSON *state;
    DD_TRY(parse_state(file, &state));
    dd_status status = check_same(state, loop);
    if (status != DD_OK) goto out;
    DD_TRY_OUT(dd__json_string(state, "initial", &initial));
    snprintf(loop->initial, sizeof loop->initial, "%s", initial);
    DD_TRY_OUT(dd__json_string(state, "command", &command));
    dd__free(loop->command);
    loop->command = dd__copy_string(command);
    if (!loop->command) DD_TRY_OUT(dd__no_memory(strlen(command) + 1));
    status = read_standing(state, loop, &loop->at);
out:
    cJSON_Delete(state);
    return status;
}

static dd_status load_all(dd__loop *loop, const dd__safetensors *file) {
    DD_TRY(load_state(loop, file));
    return put_tensors(loop, file);
}

/* Sets loop->micro. Checkpoints of before there were micro-batches do not speak of them. */
static dd_status load_micro(dd__loop *loop, const dd__safetensors *file) {
    dd_train_options begun;
    int64_t micro = 0;
    cJSON *state;
    const cJSON *options;
    DD_TRY(parse_state(file, &state));
    dd_status status = dd__json_member(state, "options", &options);
    if (status == DD_OK) status = dd__options_parse(options, &begun);
    if (status == DD_OK && cJSON_GetObjectItem(state, "micro_batch"))
        status = dd__json_integer(state, "micro_batch", 1, UINT32_MAX, &micro);
    if (status == DD_OK && begun.micro_batch == loop->micro) loop->micro = (uint32_t)micro;
    cJSON_Delete(state);
    return status;
}

/* ---- The file ------------------------------------------------------------------------------- */

typedef dd_status use_checkpoint(dd__loop *loop, const dd__safetensors *file);

static dd_status parse(dd__loop *loop, const char *path, use_checkpoint *use) {
    size_t size = 0;
    char *bytes = NULL;
    dd__safetensors file;
    DD_TRY(dd__file_read(path, DD__SAFETENSORS_BYTES, &bytes, &size));
    dd_status status = dd__safetensors_parse(bytes, size, &file);
    if (status == DD_OK) {
        status = check_network(&file, loop);
        if (status == DD_OK) status = use(loop, &file);
        dd__safetensors_clear(&file);
    }
    dd__free(bytes);
    return dd__within(status, "%s", path);
}

static dd_status with_checkpoint(dd__loop *loop, use_checkpoint *use) {
    char path[4096];
    DD_TRY(in_output(loop, DD__CHECKPOINT, path, sizeof path));
    if (dd__is_file(path)) return parse(loop, path, use);
    return dd__fail(DD_IO, "%s: expected the checkpoint of a run to go on with, found none", path);
}

dd_status dd__checkpoint_micro(dd__loop *loop) { return with_checkpoint(loop, load_micro); }

dd_status dd__checkpoint_load(dd__loop *loop) {
    DD_TRY(with_checkpoint(loop, load_all));
    note_saved(loop);
    return load_kept(loop);
}
