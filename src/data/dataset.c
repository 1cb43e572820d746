#include "data/dataset.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "base/memory.h"
#include "base/random.h"

/* Whether count images of these sizes can be counted in 32 bits and addressed. */
static dd_status check_shape(size_t count, unsigned height, unsigned width, unsigned channels) {
    if (count == 0) return dd__fail(DD_SHAPE, "a dataset needs at least one image, found none");
    if (count > UINT32_MAX)
        return dd__fail(DD_SHAPE, "expected at most %u images, found %zu", UINT32_MAX, count);
    if (height == 0 || width == 0 || channels == 0)
        return dd__fail(DD_SHAPE, "images of %ux%ux%u (height, width, channels) have no pixels",
                        height, width, channels);
    size_t room = PTRDIFF_MAX / count;
    if (height > room || width > room / height || channels > room / height / width)
        return dd__fail(DD_SHAPE, "%zu images of %ux%ux%u do not fit into memory", count, height,
                        width, channels);
    return DD_OK;
}

dd_status dd__dataset_adopt(uint8_t *pixels, int32_t *labels, size_t count, unsigned height,
                            unsigned width, unsigned channels, dd_dataset **dataset) {
    *dataset = NULL;
    dd_status status = check_shape(count, height, width, channels);
    dd_dataset *made = status == DD_OK ? dd__alloc(1, sizeof *made) : NULL;
    if (!made) {
        dd__free(pixels);
        dd__free(labels);
        return status != DD_OK ? status : dd__no_memory(sizeof *made);
    }
    *made = (dd_dataset){.count = count,
                         .height = height,
                         .width = width,
                         .channels = channels,
                         .pixels = pixels,
                         .labels = labels};
    *dataset = made;
    return DD_OK;
}

dd_status dd__dataset_new(size_t count, unsigned height, unsigned width, unsigned channels,
                          bool labelled, dd_dataset **dataset) {
    *dataset = NULL;
    DD_TRY(check_shape(count, height, width, channels));
    size_t bytes = (size_t)height * width * channels;
    uint8_t *pixels = dd__alloc(count, bytes);
    int32_t *labels = labelled ? dd__alloc(count, sizeof *labels) : NULL;
    if (!pixels || (labelled && !labels)) {
        dd__free(pixels);
        dd__free(labels);
        return dd__no_memory(count * bytes);
    }
    for (size_t i = 0; labels && i < count; i++) labels[i] = -1;
    return dd__dataset_adopt(pixels, labels, count, height, width, channels, dataset);
}

dd_status dd__dataset_name_classes(dd_dataset *dataset, const char *const *names, unsigned count) {
    enum { NUMBER = 12 }; /* characters of a decimal unsigned and a NUL */
    size_t bytes = count * sizeof(char *);
    for (unsigned i = 0; i < count; i++) bytes += names ? strlen(names[i]) + 1 : NUMBER;
    char **block = dd__alloc(1, bytes);
    if (!block) return dd__no_memory(bytes);
    char *text = (char *)(block + count);
    for (unsigned i = 0; i < count; i++) {
        size_t room = names ? strlen(names[i]) + 1 : NUMBER;
        block[i] = text;
        if (names)
            memcpy(text, names[i], room);
        else
            snprintf(text, room, "%u", i);
        text += room;
    }
    dd__free(dataset->class_names);
    dataset->class_names = block;
    dataset->classes = count;
    return DD_OK;
}

dd_status dd__dataset_set_source(dd_dataset *dataset, const char *source, dd_split split) {
    size_t bytes = source ? strlen(source) + 1 : 0;
    char *copy = source ? dd__alloc(bytes, 1) : NULL;
    if (source && !copy) return dd__no_memory(bytes);
    if (source) memcpy(copy, source, bytes);
    dd__free(dataset->list);
    dd__free(dataset->source);
    dataset->source = copy;
    dataset->split = split;
    return DD_OK;
}

dd_status dd__dataset_check_labels(dd_dataset *dataset, unsigned at_least) {
    unsigned classes = at_least;
    for (size_t i = 0; dataset->labels && i < dataset->count; i++) {
        if (dataset->labels[i] < 0 || dataset->labels[i] == INT32_MAX)
            return dd__fail(DD_FORMAT, "image %zu: expected a label from 0 up, found %d", i,
                            (int)dataset->labels[i]);
        if ((unsigned)dataset->labels[i] >= classes) classes = (unsigned)dataset->labels[i] + 1;
    }
    return dd__dataset_name_classes(dataset, NULL, classes);
}

static dd_status check_create(const uint8_t *pixels, const int32_t *labels, size_t count,
                              unsigned classes) {
    if (!pixels) return dd__fail(DD_USAGE, "expected pixels, found NULL");
    for (size_t i = 0; labels && i < count; i++)
        if (labels[i] < 0 || (unsigned)labels[i] >= classes)
            return dd__fail(DD_USAGE, "image %zu: expected a label below %u, found %d", i, classes,
                            (int)labels[i]);
    return DD_OK;
}

dd_status dd_dataset_create(const uint8_t *pixels, const int32_t *labels, size_t count,
                            unsigned height, unsigned width, unsigned channels, unsigned classes,
                            dd_dataset **dataset) {
    *dataset = NULL;
    DD_TRY(check_create(pixels, labels, count, classes));
    dd_dataset *made;
    DD_TRY(dd__dataset_new(count, height, width, channels, labels != NULL, &made));
    memcpy(made->pixels, pixels, count * height * width * channels);
    if (labels) memcpy(made->labels, labels, count * sizeof *labels);
    dd_status status = dd__dataset_name_classes(made, NULL, classes);
    if (status != DD_OK) {
        dd_dataset_free(made);
        return status;
    }
    *dataset = made;
    return DD_OK;
}

dd_status dd__dataset_take(const dd_dataset *dataset, const uint8_t *part, uint8_t wanted,
                           size_t count, dd_dataset **out) {
    dd_dataset *made;
    DD_TRY(dd__dataset_new(count, dataset->height, dataset->width, dataset->channels,
                           dataset->labels != NULL, &made));
    size_t bytes = (size_t)dataset->height * dataset->width * dataset->channels, at = 0;
    made->origin = dd__alloc(count, sizeof *made->origin);
    if (!made->origin) {
        dd_dataset_free(made);
        return dd__no_memory(count * sizeof *made->origin);
    }
    for (size_t i = 0; i < dataset->count; i++) {
        if (part[i] != wanted) continue;
        memcpy(made->pixels + at * bytes, dataset->pixels + i * bytes, bytes);
        if (made->labels) made->labels[at] = dataset->labels[i];
        made->origin[at++] = (uint32_t)dd_dataset_origin(dataset, i);
    }
    dd_status status =
        dd__dataset_name_classes(made, (const char *const *)dataset->class_names, dataset->classes);
    if (status == DD_OK) status = dd__dataset_set_source(made, dataset->source, dataset->split);
    if (status != DD_OK) {
        dd_dataset_free(made);
        return status;
    }
    *out = made;
    return DD_OK;
}

dd_status dd__dataset_copy(const dd_dataset *dataset, dd_dataset **copy) {
    uint8_t *all = dd__alloc(dataset->count, 1);
    if (!all) return dd__no_memory(dataset->count);
    dd_status status = dd__dataset_take(dataset, all, 0, dataset->count, copy);
    dd__free(all);
    return status;
}

static void hash_one(const dd_dataset *dataset, char out[33]) {
    char parts[2][33] = {"", ""};
    dd__hash_name(dataset->pixels,
                  dataset->count * dataset->height * dataset->width * dataset->channels, parts[0]);
    if (dataset->labels)
        dd__hash_name(dataset->labels, dataset->count * sizeof *dataset->labels, parts[1]);
    dd__hash_name(parts, sizeof parts, out);
}

void dd__datasets_hash(const dd_dataset *first, const dd_dataset *second, char out[33]) {
    char parts[2][33] = {"", ""};
    hash_one(first, parts[0]);
    if (second) hash_one(second, parts[1]);
    dd__hash_name(parts, sizeof parts, out);
}

void dd_dataset_free(dd_dataset *dataset) {
    if (!dataset) return;
    dd__free(dataset->pixels);
    dd__free(dataset->labels);
    dd__free(dataset->class_names);
    dd__free(dataset->origin);
    dd__free(dataset->list);
    dd__free(dataset->added);
    dd__free(dataset->source);
    dd__free(dataset);
}

void dd_dataset_describe(const dd_dataset *dataset, dd_dataset_info *info) {
    *info = (dd_dataset_info){.count = dataset->count,
                              .height = dataset->height,
                              .width = dataset->width,
                              .channels = dataset->channels,
                              .classes = dataset->classes,
                              .has_labels = dataset->labels != NULL,
                              .source = dataset->source,
                              .split = dataset->split,
                              .fraction = dataset->fraction,
                              .list = dataset->list,
                              .added = dataset->added,
                              .folds = dataset->folds,
                              .fold = dataset->fold,
                              .division = dataset->division};
}

const uint8_t *dd_dataset_pixels(const dd_dataset *dataset, size_t index) {
    if (index >= dataset->count) return NULL;
    return dataset->pixels + index * dataset->height * dataset->width * dataset->channels;
}

size_t dd_dataset_origin(const dd_dataset *dataset, size_t index) {
    return dataset->origin && index < dataset->count ? dataset->origin[index] : index;
}

int dd_dataset_label(const dd_dataset *dataset, size_t index) {
    return dataset->labels && index < dataset->count ? dataset->labels[index] : -1;
}

const char *dd_dataset_class_name(const dd_dataset *dataset, unsigned index) {
    static const char *const digits[] = {"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"};
    if (index >= dataset->classes) return NULL;
    if (dataset->class_names) return dataset->class_names[index];
    return index < DD_COUNT(digits) ? digits[index] : NULL;
}
