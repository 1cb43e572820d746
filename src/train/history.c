#include "train/history.h"

#include <math.h>
#include <stdio.h>

#include "base/file.h"

/* The numbers of an epoch, in the order of the columns. */
static const struct {
    const char *name;
    size_t offset;
} columns[] = {
    {"loss", offsetof(dd_epoch, loss)},
    {"accuracy", offsetof(dd_epoch, accuracy)},
    {"validation_loss", offsetof(dd_epoch, validation_loss)},
    {"validation_accuracy", offsetof(dd_epoch, validation_accuracy)},
    {"learning_rate", offsetof(dd_epoch, learning_rate)},
    {"seconds", offsetof(dd_epoch, seconds)},
    {"images_per_second", offsetof(dd_epoch, images_per_second)},
};

static double number_at(const dd_epoch *epoch, size_t column) {
    return *(const double *)(const void *)((const char *)epoch + columns[column].offset);
}

dd_status dd__history_write(const char *folder, const dd_epoch *epochs, size_t count) {
    char path[4096];
    dd__writer writer;
    DD_TRY(dd__path_join(path, sizeof path, folder, "history.csv"));
    DD_TRY(dd__writer_open(&writer, path));
    fprintf(writer.stream, "epoch");
    for (size_t k = 0; k < DD_COUNT(columns); k++) fprintf(writer.stream, ",%s", columns[k].name);
    for (size_t i = 0; i < count; i++) {
        fprintf(writer.stream, "\n%u", epochs[i].epoch);
        for (size_t k = 0; k < DD_COUNT(columns); k++) {
            double number = number_at(&epochs[i], k);
            if (isfinite(number))
                fprintf(writer.stream, ",%.7g", number);
            else
                fprintf(writer.stream, ",");
        }
    }
    fprintf(writer.stream, "\n");
    return dd__writer_close(&writer, DD_OK);
}

void dd__history_json(dd__json *json, cJSON *parent, const char *key, const dd_epoch *epochs,
                      size_t count) {
    cJSON *array = dd__json_add_array(json, parent, key);
    for (size_t i = 0; i < count; i++) {
        cJSON *row = dd__json_add_object(json, array, NULL);
        dd__json_add_number(json, row, "epoch", epochs[i].epoch);
        for (size_t k = 0; k < DD_COUNT(columns); k++)
            dd__json_add_number(json, row, columns[k].name, number_at(&epochs[i], k));
    }
}

static dd_status parse_row(const cJSON *row, dd_epoch *epoch) {
    DD_TRY(dd__json_unsigned(row, "epoch", &epoch->epoch));
    for (size_t k = 0; k < DD_COUNT(columns); k++)
        DD_TRY(dd__json_number(row, columns[k].name,
                               (double *)(void *)((char *)epoch + columns[k].offset)));
    return DD_OK;
}

dd_status dd__history_parse(const cJSON *array, dd_epoch *epochs, size_t room, size_t *count) {
    *count = 0;
    if (!cJSON_IsArray(array) || (size_t)cJSON_GetArraySize(array) > room)
        return dd__fail(DD_FORMAT, "expected an array of at most %zu epochs", room);
    const cJSON *row;
    cJSON_ArrayForEach(row, array) {
        DD_TRY(dd__within(parse_row(row, &epochs[*count]), "epoch %zu", *count + 1));
        if (epochs[*count].epoch != *count + 1)
            return dd__fail(DD_FORMAT, "expected epoch %zu, found %u", *count + 1,
                            epochs[*count].epoch);
        ++*count;
    }
    return DD_OK;
}
