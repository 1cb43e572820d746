/* folder.c: a folder with one folder of images a class.
 *
 * Class folders are sorted by name, numbers by their value and before words. When all of them are
 * numbers from 0 to 255 written plainly ("7", not "07"), the number is the label, so that a folder
 * with only some digits keeps their meaning; otherwise labels count from 0 in that order and the
 * folder's name is the class's. Images below a class folder come sorted by name.
 *
 * Loaded for a model, a class folder that is named as one of its classes has that class's number, if all are,
 * and every image is prepared for the model as input.h says. Otherwise images of one size stay as they are, grey
 * unless one of them has colour; of several sizes, those that are not of 28x28 are prepared as digits of 28x28. */
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "data/dataset.h"
#include "data/files.h"
#include "data/image.h"
#include "data/input.h"
#include "data/sources.h"

enum { SIDE = 28, LABELS = 256 };

typedef struct folder {
    const char *path;
    const dd__target *target; /* NULL: none */
    dd__names classes;        /* (classes.count) names of the class folders */
    dd__names files;          /* (files.count) paths of all images, class after class */
    size_t *ends;             /* (classes.count) where the files of each class end */
    dd__input input;          /* how each image is read */
    uint8_t *pixels;          /* (files.count, height, width, channels) */
    int32_t *labels;          /* (files.count) */
} folder;

static bool is_number(const char *name) { return name[0] && !name[strspn(name, "0123456789")]; }

/* Numbers by value, also those too long for any integer; then words by bytes. */
static int by_class(const void *a, const void *b) {
    const char *x = *(char *const *)a, *y = *(char *const *)b;
    bool x_number = is_number(x), y_number = is_number(y);
    if (x_number != y_number) return x_number ? -1 : 1;
    if (!x_number) return strcmp(x, y);
    const char *x_digits = x + strspn(x, "0"), *y_digits = y + strspn(y, "0");
    size_t x_length = strlen(x_digits), y_length = strlen(y_digits);
    if (x_length != y_length) return x_length < y_length ? -1 : 1;
    int order = strcmp(x_digits, y_digits);
    return order ? order : strcmp(x, y);
}

static dd_status list_classes(folder *from) {
    dd__names entries = {.names = NULL};
    dd_status status;
    DD_TRY_OUT(dd__names_in(from->path, &entries));
    size_t loose = 0;
    for (size_t i = 0; i < entries.count; i++) {
        char path[4096];
        DD_TRY_OUT(dd__path_join(path, sizeof path, from->path, entries.names[i]));
        if (dd__is_folder(path))
            DD_TRY_OUT(dd__names_add(&from->classes, entries.names[i]));
        else
            loose += dd__image_has_ending(path);
    }
    if (from->classes.count == 0) {
        status = dd__fail(DD_FORMAT,
                          "%s: expected MNIST's files, train.csv or test.csv, or one folder of "
                          "images a class; found %zu entries, none of them a folder",
                          from->path, entries.count);
        goto out;
    }
    qsort(from->classes.names, from->classes.count, sizeof *from->classes.names, by_class);
    if (loose)
        dd__log(DD_LOG_WARNING, "%s: %zu images outside the class folders are left out", from->path,
                loose);
out:
    dd__names_clear(&entries);
    return status;
}

static dd_status list_files(folder *from) {
    from->ends = dd__alloc(from->classes.count, sizeof *from->ends);
    if (!from->ends) return dd__no_memory(from->classes.count * sizeof *from->ends);
    for (size_t i = 0; i < from->classes.count; i++) {
        char path[4096];
        DD_TRY(dd__path_join(path, sizeof path, from->path, from->classes.names[i]));
        const char *only = path;
        DD_TRY(dd__files_find(&only, 1, &from->files));
        from->ends[i] = from->files.count;
    }
    if (from->files.count) return DD_OK;
    return dd__fail(DD_FORMAT, "%s: expected images in its %zu folders, found none", from->path,
                    from->classes.count);
}

/* The size and channels that all images share, read from their headers alone, or that they differ in size. */
static dd_status find_shape(const folder *from, dd__input *shape, bool *differ) {
    *differ = false;
    for (size_t i = 0; i < from->files.count; i++) {
        dd__image image;
        DD_TRY(dd__image_size(from->files.names[i], &image));
        if (i == 0) *shape = (dd__input){image.height, image.width, 1, .mode = DD_PREPARE_NONE};
        if (image.channels == 3) shape->channels = 3;
        if (image.height != shape->height || image.width != shape->width) *differ = true;
    }
    return DD_OK;
}

static dd_status find_input(folder *from) {
    if (from->target) {
        from->input = from->target->input;
        return DD_OK;
    }
    bool differ;
    DD_TRY(find_shape(from, &from->input, &differ));
    if (!differ) return DD_OK;
    from->input = (dd__input){SIDE, SIDE, 1, .mode = DD_PREPARE_AUTO};
    dd__log(DD_LOG_INFO, "%s: images of several sizes, prepared as digits of %dx%d", from->path,
            SIDE, SIDE);
    return DD_OK;
}

/* Grey pictures are often stored as colour: three equal channels become one. */
static void drop_colour(folder *from, size_t room) {
    size_t count = room / from->input.channels;
    if (from->input.channels != 3) return;
    for (size_t i = 0; i < count; i++) {
        const uint8_t *pixel = from->pixels + 3 * i;
        if (pixel[0] != pixel[1] || pixel[0] != pixel[2]) return;
    }
    for (size_t i = 0; i < count; i++) from->pixels[i] = from->pixels[3 * i];
    from->input.channels = 1;
    uint8_t *smaller = dd__resize(from->pixels, count, 1);
    if (smaller) from->pixels = smaller;
}

/* Memory grows with the images that were decoded, not with what headers say. */
static dd_status load_images(folder *from) {
    size_t bytes = dd__input_bytes(&from->input), room = 0;
    for (size_t i = 0; i < from->files.count; i++) {
        if (i == room) {
            room = room ? room * 2 : 16;
            if (room > from->files.count) room = from->files.count;
            uint8_t *larger = dd__resize(from->pixels, room, bytes);
            if (!larger) return dd__no_memory(room * bytes);
            from->pixels = larger;
        }
        DD_TRY(dd__input_read(&from->input, from->files.names[i], from->pixels + i * bytes));
    }
    if (!from->target) drop_colour(from, from->files.count * bytes);
    return DD_OK;
}

/* The number a class folder's name is, or -1. */
static int plain_number(const char *name) {
    if (!is_number(name) || strlen(name) > 3 || (name[0] == '0' && name[1])) return -1;
    int value = atoi(name);
    return value < LABELS ? value : -1;
}

/* The number of the target's class of that name, or -1. */
static int target_class(const folder *from, const char *name) {
    for (unsigned i = 0; from->target && i < from->target->classes; i++)
        if (strcmp(from->target->class_names[i], name) == 0) return (int)i;
    return -1;
}

/* How class folders become labels: in order, by the number that is their name, or by the target's classes. */
typedef enum naming { BY_ORDER, BY_NUMBER, BY_TARGET } naming;

static naming find_naming(const folder *from) {
    if (from->target && from->target->own_classes) return BY_ORDER;
    bool are_numbers = true, are_known = true;
    for (size_t i = 0; i < from->classes.count; i++) {
        are_numbers &= plain_number(from->classes.names[i]) >= 0;
        are_known &= target_class(from, from->classes.names[i]) >= 0;
    }
    return are_known ? BY_TARGET : are_numbers ? BY_NUMBER : BY_ORDER;
}

static dd_status set_labels(folder *from, naming by) {
    from->labels = dd__alloc(from->files.count, sizeof *from->labels);
    if (!from->labels) return dd__no_memory(from->files.count * sizeof *from->labels);
    for (size_t file = 0, i = 0; i < from->classes.count; i++) {
        const char *name = from->classes.names[i];
        int label = by == BY_TARGET   ? target_class(from, name)
                    : by == BY_NUMBER ? plain_number(name)
                                      : (int)i;
        for (; file < from->ends[i]; file++) from->labels[file] = label;
    }
    return DD_OK;
}

static dd_status load(folder *from, dd_dataset **dataset) {
    DD_TRY(list_classes(from));
    DD_TRY(list_files(from));
    DD_TRY(find_input(from));
    DD_TRY(load_images(from));
    naming by = find_naming(from);
    DD_TRY(set_labels(from, by));
    uint8_t *pixels = from->pixels;
    int32_t *labels = from->labels;
    from->pixels = NULL;
    from->labels = NULL;
    DD_TRY(dd__dataset_adopt(pixels, labels, from->files.count, from->input.height,
                             from->input.width, from->input.channels, dataset));
    if (by == BY_NUMBER) return dd__dataset_check_labels(*dataset, 10);
    if (by == BY_TARGET)
        return dd__dataset_name_classes(*dataset, from->target->class_names, from->target->classes);
    return dd__dataset_name_classes(*dataset, (const char *const *)from->classes.names,
                                    (unsigned)from->classes.count);
}

dd_status dd__folder_load(const char *path, const dd__target *target, dd_dataset **dataset) {
    *dataset = NULL;
    folder from = {.path = path, .target = target};
    dd_status status = load(&from, dataset);
    dd__names_clear(&from.classes);
    dd__names_clear(&from.files);
    dd__free(from.ends);
    dd__free(from.pixels);
    dd__free(from.labels);
    if (status != DD_OK) {
        dd_dataset_free(*dataset);
        *dataset = NULL;
    }
    return status;
}
