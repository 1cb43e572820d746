/* join.c: the examples of two datasets in one. */
#include <string.h>

#include "base/memory.h"
#include "data/dataset.h"

static dd_status check_join(const dd_dataset *first, const dd_dataset *second) {
    if (first->height != second->height || first->width != second->width ||
        first->channels != second->channels)
        return dd__fail(DD_SHAPE, "expected images of %ux%ux%u as the others, found %ux%ux%u",
                        first->height, first->width, first->channels, second->height, second->width,
                        second->channels);
    if (!first->labels != !second->labels)
        return dd__fail(DD_SHAPE, "expected images that are all labelled or all not");
    if (second->classes > first->classes)
        return dd__fail(DD_SHAPE, "expected at most the %u classes of the others, found %u",
                        first->classes, second->classes);
    for (unsigned i = 0; i < second->classes; i++)
        if (strcmp(dd_dataset_class_name(first, i), dd_dataset_class_name(second, i)) != 0)
            return dd__fail(DD_SHAPE, "class %u: expected \"%s\" as the others, found \"%s\"", i,
                            dd_dataset_class_name(first, i), dd_dataset_class_name(second, i));
    return DD_OK;
}

static void copy_examples(const dd_dataset *from, dd_dataset *to, size_t at) {
    size_t bytes = (size_t)from->height * from->width * from->channels;
    memcpy(to->pixels + at * bytes, from->pixels, from->count * bytes);
    if (to->labels) memcpy(to->labels + at, from->labels, from->count * sizeof *to->labels);
    for (size_t i = 0; i < from->count; i++)
        to->origin[at + i] = (uint32_t)(at ? at + i : dd_dataset_origin(from, i));
}

/* What is known of the first is known of both. */
static dd_status describe(const dd_dataset *first, const dd_dataset *second, dd_dataset *joined) {
    DD_TRY(
        dd__dataset_name_classes(joined, (const char *const *)first->class_names, first->classes));
    DD_TRY(dd__dataset_set_source(joined, first->source, first->split));
    joined->fraction = first->fraction;
    joined->folds = first->folds;
    joined->fold = first->fold;
    joined->division = first->division;
    joined->list = first->list ? dd__copy_string(first->list) : NULL;
    joined->added = second->source ? dd__copy_string(second->source) : NULL;
    bool whole = !first->list == !joined->list && !second->source == !joined->added;
    return whole ? DD_OK : dd__no_memory(1);
}

dd_status dd_dataset_join(const dd_dataset *first, const dd_dataset *second, dd_dataset **joined) {
    dd_dataset *made;
    size_t count = first->count + second->count;
    *joined = NULL;
    DD_TRY(check_join(first, second));
    DD_TRY(dd__dataset_new(count, first->height, first->width, first->channels,
                           first->labels != NULL, &made));
    made->origin = dd__alloc(count, sizeof *made->origin);
    dd_status status = made->origin ? DD_OK : dd__no_memory(count * sizeof *made->origin);
    if (status == DD_OK) {
        copy_examples(first, made, 0);
        copy_examples(second, made, first->count);
        status = describe(first, second, made);
    }
    if (status == DD_OK)
        *joined = made;
    else
        dd_dataset_free(made);
    return status;
}
