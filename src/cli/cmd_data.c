/* cmd_data.c: what a dataset holds; datasets as folders of images. */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/output.h"
#include "cli/progress.h"

typedef struct settings {
    int split; /* dd_split */
    int64_t count, seed;
    bool json;
} settings;

static const cli_option options[] = {
    CLI_OPTION_SPLIT("train"),
    {.name = "count",
     .kind = CLI_INTEGER,
     .value = "N",
     .min = 1,
     .max = 1e7,
     .fallback_help = "export: all, synthesize: 1000",
     .offset = offsetof(settings, count),
     .help = "images to write"},
    {.name = "seed",
     .kind = CLI_INTEGER,
     .value = "N",
     .min = 1,
     .max = 9007199254740992,
     .fallback = "42",
     .offset = offsetof(settings, seed),
     .help = "of the digits that synthesize makes"},
    CLI_OPTION_JSON("what info finds, as JSON"),
};

/* ---- info ---------------------------------------------------------------------------- */

/* Images of each class (classes); NULL without memory. */
static size_t *count_classes(const dd_dataset *data, const dd_dataset_info *info) {
    size_t *counts = calloc((size_t)info->classes + 1, sizeof *counts);
    for (size_t i = 0; counts && i < info->count; i++) {
        int label = dd_dataset_label(data, i);
        if (label >= 0 && (unsigned)label < info->classes) counts[label]++;
    }
    return counts;
}

static double mean_pixel(const dd_dataset *data, const dd_dataset_info *info) {
    size_t bytes = (size_t)info->height * info->width * info->channels;
    double sum = 0;
    for (size_t i = 0; i < info->count; i++) {
        const uint8_t *pixels = dd_dataset_pixels(data, i);
        uint64_t image = 0;
        for (size_t j = 0; j < bytes; j++) image += pixels[j];
        sum += (double)image / (double)bytes;
    }
    return info->count ? sum / (double)info->count : 0;
}

static dd_status print_json(const dd_dataset *data, const dd_dataset_info *info,
                            const size_t *counts) {
    cJSON *json = cJSON_CreateObject();
    cli_json_count(json, "count", info->count);
    cli_json_count(json, "height", info->height);
    cli_json_count(json, "width", info->width);
    cli_json_count(json, "channels", info->channels);
    cli_json_number(json, "mean", mean_pixel(data, info));
    cJSON_AddBoolToObject(json, "has_labels", info->has_labels);
    cJSON *classes = cJSON_AddArrayToObject(json, "classes");
    for (unsigned i = 0; info->has_labels && i < info->classes; i++) {
        cJSON *row = cJSON_CreateObject();
        cJSON_AddItemToArray(classes, row);
        cli_json_text(row, "class", dd_dataset_class_name(data, i));
        cli_json_count(row, "count", counts[i]);
    }
    return cli_json_end(json, stdout, true);
}

static dd_status print_text(const dd_dataset *data, const dd_dataset_info *info,
                            const size_t *counts) {
    printf("images    %zu\nsize      %ux%ux%u\nmean      %.2f of 255\n", info->count, info->height,
           info->width, info->channels, mean_pixel(data, info));
    if (!info->has_labels) {
        printf("labels    none\n");
        return DD_OK;
    }
    cli_table table;
    cli_table_start(&table, "lr");
    cli_table_cell(&table, "class");
    cli_table_cell(&table, "images");
    for (unsigned i = 0; i < info->classes; i++) {
        cli_table_cell(&table, "%s", dd_dataset_class_name(data, i));
        cli_table_cell(&table, "%zu", counts[i]);
    }
    putchar('\n');
    return cli_table_end(&table, stdout, CLI_TABLE_PLAIN);
}

static dd_status show(const settings *set, const dd_dataset *data) {
    dd_dataset_info info;
    dd_dataset_describe(data, &info);
    size_t *counts = count_classes(data, &info);
    if (!counts) return cli_fail(DD_MEMORY, "no memory to count %u classes", info.classes);
    dd_status status =
        set->json ? print_json(data, &info, counts) : print_text(data, &info, counts);
    free(counts);
    return status;
}

/* ---- export -------------------------------------------------------------------------- */

/* Images never mix with what was there before. */
static dd_status make_empty_folder(const char *path) {
    bool made, empty = true;
    CLI_TRY(cli_folder_make(path, &made));
    DIR *folder = opendir(path);
    if (!folder) return cli_fail(DD_IO, "cannot read the folder %s: %s", path, strerror(errno));
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) empty = false;
    closedir(folder);
    if (!empty) return cli_fail(DD_USAGE, "%s: expected a new or empty folder", path);
    return DD_OK;
}

/* DIR/<class>/<index>.png, or DIR/<index>.png without labels; index from 0, as evaluate counts. */
static dd_status write_image(const dd_dataset *data, const dd_dataset_info *info,
                             const char *folder, size_t index) {
    char path[4096];
    bool made;
    int label = dd_dataset_label(data, index);
    const char *name = label < 0 ? NULL : dd_dataset_class_name(data, (unsigned)label);
    int length = snprintf(path, sizeof path, "%s%s%s", folder, name ? "/" : "", name ? name : "");
    if (length < 0 || (size_t)length + 32 > sizeof path)
        return cli_fail(DD_IO, "%s: the name of the folder is too long", folder);
    if (name) CLI_TRY(cli_folder_make(path, &made));
    snprintf(path + length, sizeof path - (size_t)length, "/%06zu.png", index);
    return dd_image_save(path, dd_dataset_pixels(data, index), info->height, info->width,
                         info->channels);
}

static dd_status export(const settings *set, const dd_dataset *data, const char *folder) {
    dd_dataset_info info;
    dd_dataset_describe(data, &info);
    size_t count = set->count && (size_t)set->count < info.count ? (size_t)set->count : info.count;
    CLI_TRY(make_empty_folder(folder));
    for (size_t i = 0; i < count; i++) {
        if (cli_interrupted())
            return cli_fail(DD_INTERRUPTED, "interrupted after %zu of %zu images", i, count);
        CLI_TRY(write_image(data, &info, folder, i));
        cli_bar("wrote %zu of %zu images", i + 1, count);
    }
    cli_note("wrote %zu images to %s", count, folder);
    return DD_OK;
}

/* ---- The command --------------------------------------------------------------------- */

static dd_status run(const cli_call *call, const void *values) {
    const settings *set = values;
    const char *verb = call->arguments[0], *source = call->arguments[1];
    char synthetic[96];
    dd_dataset *data = NULL;
    bool info = strcmp(verb, "info") == 0, make = strcmp(verb, "synthesize") == 0;
    if (!info && !make && strcmp(verb, "export") != 0)
        return cli_fail(DD_USAGE, "expected info, export or synthesize, found \"%s\"", verb);
    if (call->argument_count != (info || make ? 2 : 3))
        return cli_fail(DD_USAGE, "expected data %s %s", verb,
                        info   ? "DATA"
                        : make ? "DIR"
                               : "DATA DIR");
    snprintf(synthetic, sizeof synthetic, "synthetic:%lld:%lld",
             (long long)(set->count ? set->count : 1000), (long long)set->seed);
    CLI_TRY(cli_load_data(make ? synthetic : source, set->split, &data));
    dd_status status = info ? show(set, data) : export(set, data, call->arguments[make ? 1 : 2]);
    dd_dataset_free(data);
    return status;
}

const cli_command cli_command_data = {
    .name = "data",
    .summary = "look at data, unpack it to folders of images, make digits",
    .usage = "info DATA | export DATA DIR | synthesize DIR [options]",
    .about = "DATA is what train takes. export and synthesize write PNG files into one folder a\n"
             "class, which train and classify read again. DIR must be new or empty.\n",
    .examples = "  deepdigits data info mnist --split test\n"
                "  deepdigits data synthesize digits --count 200 --seed 7\n",
    .options = options,
    .option_count = CLI_COUNT(options),
    .settings_size = sizeof(settings),
    .min_arguments = 2,
    .max_arguments = 3,
    .run = run,
};
