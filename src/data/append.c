/* append.c: examples of another source, behind those that a dataset has. */
#include <string.h>

#include "base/memory.h"
#include "data/dataset.h"

static dd_status check_fit(const dd_dataset *data, const dd_dataset *more) {
    if (data->height != more->height || data->width != more->width ||
        data->channels != more->channels)
        return dd__fail(DD_SHAPE, "expected images of %ux%ux%u as the others, found %ux%ux%u",
                        data->height, data->width, data->channels, more->height, more->width,
                        more->channels);
    if (!data->labels != !more->labels)
        return dd__fail(DD_SHAPE, "expected images that are all labelled or all not");
    if (more->classes > data->classes)
        return dd__fail(DD_SHAPE, "expected at most the %u classes of the others, found %u",
                        data->classes, more->classes);
    for (unsigned i = 0; i < more->classes; i++)
        if (strcmp(dd_dataset_class_name(data, i), dd_dataset_class_name(more, i)) != 0)
            return dd__fail(DD_SHAPE, "class %u: expected \"%s\" as the others, found \"%s\"", i,
                            dd_dataset_class_name(data, i), dd_dataset_class_name(more, i));
    if (more->count > UINT32_MAX - data->count)
        return dd__fail(DD_SHAPE, "expected at most %u images, found %zu and %zu", UINT32_MAX,
                        data->count, more->count);
    return DD_OK;
}

static dd_status make_room(dd_dataset *data, size_t count) {
    size_t bytes = (size_t)data->height * data->width * data->channels;
    uint8_t *pixels = dd__resize(data->pixels, count, bytes);
    if (!pixels) return dd__no_memory(count * bytes);
    data->pixels = pixels;
    if (data->labels) {
        int32_t *labels = dd__resize(data->labels, count, sizeof *labels);
        if (!labels) return dd__no_memory(count * sizeof *labels);
        data->labels = labels;
    }
    if (data->origin) {
        uint32_t *origin = dd__resize(data->origin, count, sizeof *origin);
        if (!origin) return dd__no_memory(count * sizeof *origin);
        data->origin = origin;
    }
    return DD_OK;
}

static void copy_examples(dd_dataset *data, const dd_dataset *more) {
    size_t at = data->count, bytes = (size_t)data->height * data->width * data->channels;
    memcpy(data->pixels + at * bytes, more->pixels, more->count * bytes);
    if (data->labels) memcpy(data->labels + at, more->labels, more->count * sizeof *data->labels);
    for (size_t i = 0; data->origin && i < more->count; i++)
        data->origin[at + i] = (uint32_t)(at + i);
    data->count += more->count;
}

dd_status dd_dataset_append(dd_dataset *data, const dd_dataset *more) {
    DD_TRY(check_fit(data, more));
    DD_TRY(make_room(data, data->count + more->count));
    char *added = more->source ? dd__copy_string(more->source) : NULL;
    if (more->source && !added) return dd__no_memory(strlen(more->source) + 1);
    dd__free(data->added);
    data->added = added;
    copy_examples(data, more);
    return DD_OK;
}
