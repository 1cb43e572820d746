/* data_export.c: datasets as folders of images and as sheets, as they are or as training sees them.
 */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/data.h"
#include "cli/output.h"
#include "cli/progress.h"

static size_t image_bytes(const dd_dataset_info *info) {
    return (size_t)info->height * info->width * info->channels;
}

/* `wanted` of --count, or all. */
static size_t limit(int64_t wanted, size_t count) {
    return wanted > 0 && (uint64_t)wanted < count ? (size_t)wanted : count;
}

/* ---- Augmentation -------------------------------------------------------------------- */

/* The first `count` images alone, without labels: an image's number, which its augmentation hangs
 * on, stays. */
static dd_status take_first(const dd_dataset *data, const dd_dataset_info *info, size_t count,
                            dd_dataset **first) {
    size_t bytes = image_bytes(info);
    uint8_t *pixels = calloc(count, bytes);
    if (!pixels) return cli_fail(DD_MEMORY, "no memory for %zu images", count);
    for (size_t i = 0; i < count; i++)
        memcpy(pixels + i * bytes, dd_dataset_pixels(data, i), bytes);
    dd_status status =
        dd_dataset_create(pixels, NULL, count, info->height, info->width, info->channels, 1, first);
    free(pixels);
    return status;
}

/* Epochs --epoch and the following as training would see them: made[0..epochs - 1], which must be
 * NULL and belong to the caller, also on failure. */
static dd_status augment(dd_device *device, const cli_data_settings *set, const dd_dataset *data,
                         size_t count, unsigned epochs, dd_dataset **made) {
    dd_dataset_info info;
    dd_dataset *first = NULL;
    dd_status status = DD_OK;
    const char *ranges = set->augment ? set->augment : "digits";
    unsigned start = set->epoch ? (unsigned)set->epoch : 1;
    dd_dataset_describe(data, &info);
    CLI_TRY(take_first(data, &info, count, &first));
    for (unsigned i = 0; i < epochs && status == DD_OK; i++) {
        dd_dataset *augmented;
        status =
            dd_dataset_augment(device, first, ranges, (uint64_t)set->seed, start + i, &augmented);
        if (status == DD_OK) made[i] = augmented;
    }
    dd_dataset_free(first);
    return status;
}

/* ---- Folders ------------------------------------------------------------------------- */

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

/* DIR/<class>/<index>.png, or DIR/<index>.png without labels; index from 0, as evaluate counts.
 *   pixels  what to write as image `index` of data */
static dd_status write_image(const dd_dataset *data, const dd_dataset_info *info,
                             const char *folder, size_t index, const uint8_t *pixels) {
    char path[4096];
    bool made;
    int label = dd_dataset_label(data, index);
    const char *name = label < 0 ? NULL : dd_dataset_class_name(data, (unsigned)label);
    int length = snprintf(path, sizeof path, "%s%s%s", folder, name ? "/" : "", name ? name : "");
    if (length < 0 || (size_t)length + 32 > sizeof path)
        return cli_fail(DD_IO, "%s: the name of the folder is too long", folder);
    if (name) CLI_TRY(cli_folder_make(path, &made));
    snprintf(path + length, sizeof path - (size_t)length, "/%06zu.png", index);
    return dd_image_save(path, pixels, info->height, info->width, info->channels);
}

static dd_status write_images(const dd_dataset *data, const dd_dataset *shown, size_t count,
                              const char *folder) {
    dd_dataset_info info;
    dd_dataset_describe(data, &info);
    CLI_TRY(make_empty_folder(folder));
    for (size_t i = 0; i < count; i++) {
        if (cli_interrupted())
            return cli_fail(DD_INTERRUPTED, "interrupted after %zu of %zu images", i, count);
        CLI_TRY(write_image(data, &info, folder, i, dd_dataset_pixels(shown, i)));
        cli_bar("wrote %zu of %zu images", i + 1, count);
    }
    cli_note("wrote %zu images to %s", count, folder);
    return DD_OK;
}

/* `device` is NULL unless augmented. */
static dd_status export_folder(dd_device *device, const cli_data_settings *set,
                               const dd_dataset *data, const char *folder) {
    dd_dataset_info info;
    dd_dataset *augmented = NULL;
    dd_dataset_describe(data, &info);
    size_t count = limit(set->count, info.count);
    if (device) CLI_TRY(augment(device, set, data, count, 1, &augmented));
    dd_status status = write_images(data, augmented ? augmented : data, count, folder);
    dd_dataset_free(augmented);
    return status;
}

/* ---- Sheets -------------------------------------------------------------------------- */

enum {
    COLUMNS = 10,
    EPOCHS = COLUMNS - 1, /* of an augmented sheet, beside the image as it is */
    SIDE = 84, /* of an image on a sheet: smaller ones are made larger by repeating pixels */
    GAP = 2,   /* around an image */
    GREY = 96, /* of the gaps */
    SHEET_BYTES = 200 << 20, /* most a sheet may have */
};

typedef struct sheet {
    dd_dataset_info info;
    size_t images, rows;
    unsigned scale, height, width; /* of all, in pixels */
    uint8_t *pixels;               /* (height, width, info.channels) */
} sheet;

static dd_status make_sheet(sheet *s) {
    const dd_dataset_info *info = &s->info;
    unsigned side = info->height > info->width ? info->height : info->width;
    s->scale = side < SIDE ? SIDE / side : 1;
    double height = (double)s->rows * ((double)info->height * s->scale + GAP) + GAP;
    double width = COLUMNS * ((double)info->width * s->scale + GAP) + GAP;
    if (height * width * info->channels > SHEET_BYTES)
        return cli_fail(DD_USAGE,
                        "--sheet: %.0fx%.0f pixels are too many: expected a smaller --count",
                        height, width);
    s->height = (unsigned)height;
    s->width = (unsigned)width;
    size_t bytes = (size_t)s->height * s->width * info->channels;
    s->pixels = malloc(bytes);
    if (!s->pixels) return cli_fail(DD_MEMORY, "no memory for a sheet of %zu bytes", bytes);
    memset(s->pixels, GREY, bytes);
    return DD_OK;
}

/* Puts an image into a cell of the grid. */
static void put(sheet *s, size_t row, size_t column, const uint8_t *pixels) {
    size_t channels = s->info.channels, scale = s->scale;
    size_t top = GAP + row * (s->info.height * scale + GAP);
    size_t left = GAP + column * (s->info.width * scale + GAP);
    for (size_t r = 0; r < s->info.height * scale; r++)
        for (size_t c = 0; c < s->info.width * scale; c++)
            memcpy(s->pixels + ((top + r) * s->width + left + c) * channels,
                   pixels + (r / scale * s->info.width + c / scale) * channels, channels);
}

/* Ten images a row; or, augmented, an image a row, as it is and in nine epochs. */
static void fill_sheet(sheet *s, const dd_dataset *data, dd_dataset *const epochs[EPOCHS],
                       bool augmented) {
    for (size_t i = 0; i < s->images; i++) {
        if (!augmented) {
            put(s, i / COLUMNS, i % COLUMNS, dd_dataset_pixels(data, i));
            continue;
        }
        put(s, i, 0, dd_dataset_pixels(data, i));
        for (size_t e = 0; e < EPOCHS; e++) put(s, i, e + 1, dd_dataset_pixels(epochs[e], i));
    }
}

static dd_status export_sheet(dd_device *device, const cli_data_settings *set,
                              const dd_dataset *data) {
    sheet s = {0};
    dd_dataset *epochs[EPOCHS] = {NULL};
    dd_status status;
    dd_dataset_describe(data, &s.info);
    s.images = limit(set->count ? set->count : set->augmented ? 10 : 100, s.info.count);
    s.rows = set->augmented ? s.images : (s.images + COLUMNS - 1) / COLUMNS;
    CLI_TRY(make_sheet(&s));
    if (device) CLI_TRY_OUT(augment(device, set, data, s.images, EPOCHS, epochs));
    fill_sheet(&s, data, epochs, device != NULL);
    CLI_TRY_OUT(dd_image_save(set->sheet, s.pixels, s.height, s.width, s.info.channels));
    cli_note("wrote %zu images to %s", s.images, set->sheet);
out:
    for (size_t e = 0; e < EPOCHS; e++) dd_dataset_free(epochs[e]);
    free(s.pixels);
    return status;
}

/* ---- Both ---------------------------------------------------------------------------- */

dd_status cli_data_export(const cli_call *call, const cli_data_settings *set,
                          const dd_dataset *data, const char *folder) {
    dd_device *device = NULL;
    dd_status status = DD_OK;
    if (set->augmented) CLI_TRY(cli_open_one_device(&call->common, &device));
    if (folder) status = export_folder(device, set, data, folder);
    if (set->sheet && status == DD_OK) status = export_sheet(device, set, data);
    dd_device_close(device);
    return status;
}
