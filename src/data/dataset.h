/* dataset.h: examples in host memory, whatever file they came from. */
#ifndef DD_DATA_DATASET_H
#define DD_DATA_DATASET_H

#include "base/status.h"

struct dd_dataset {
    size_t count;
    unsigned height, width, channels, classes;
    uint8_t *pixels;    /* (count, height, width, channels) */
    int32_t *labels;    /* (count), or NULL */
    char **class_names; /* (classes), or NULL: "0", "1", ...; pointers and text are one block */
    uint32_t *origin;   /* (count) numbers of the images before the division; NULL: their own */
    char *source;       /* where it came from, and how it was divided: as dd_dataset_info has it */
    dd_split split;
    char *list;
    char *added; /* source of what dd_dataset_append put behind the others */
    double fraction;
    unsigned folds, fold;
    uint64_t division;
};

/* An empty dataset of this size, pixels zeroed, labels -1 when wanted. DD_MEMORY, DD_SHAPE. */
dd_status dd__dataset_new(size_t count, unsigned height, unsigned width, unsigned channels,
                          bool labelled, dd_dataset **dataset);
/* The same around pixels and labels (may be NULL) that exist; they belong to the dataset, or are
 * freed when this fails. */
dd_status dd__dataset_adopt(uint8_t *pixels, int32_t *labels, size_t count, unsigned height,
                            unsigned width, unsigned channels, dd_dataset **dataset);
/* Sets `classes` from the labels (largest + 1, at least 10 for digits' sources) and checks that
 * every label is from 0 up. DD_FORMAT names the first that is not. */
dd_status dd__dataset_check_labels(dd_dataset *dataset, unsigned at_least);
/* A new dataset of the `count` examples whose part (dataset->count) is `wanted`, in their order. */
dd_status dd__dataset_take(const dd_dataset *dataset, const uint8_t *part, uint8_t wanted,
                           size_t count, dd_dataset **out);
dd_status dd__dataset_copy(const dd_dataset *dataset, dd_dataset **copy);
/* Names the examples of both by their content; `second` may be NULL. */
void dd__datasets_hash(const dd_dataset *first, const dd_dataset *second, char out[33]);
/* Sets `source`, of which it keeps a copy (NULL: none), and `split`. */
dd_status dd__dataset_set_source(dd_dataset *dataset, const char *source, dd_split split);
/* Sets `classes` and copies their names, (count); NULL: decimal numbers. */
dd_status dd__dataset_name_classes(dd_dataset *dataset, const char *const *names, unsigned count);

#endif
