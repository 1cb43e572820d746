/* sources.h: the forms in which examples come; dd_dataset_load chooses among them. */
#ifndef DD_DATA_SOURCES_H
#define DD_DATA_SOURCES_H

#include "data/input.h"

/* IDX files, plain or gzip. labels  NULL: none. */
dd_status dd__idx_load(const char *images, const char *labels, dd_dataset **dataset);
/* One CSV, plain or gzip, of 28x28 images. */
dd_status dd__csv_load(const char *path, dd_dataset **dataset);
/* What a folder of images is loaded for. */
typedef struct dd__target {
    dd__input input;
    const char *const *class_names; /* (classes) */
    unsigned classes;
    bool own_classes; /* class folders are numbered in order, whatever they are called */
} dd__target;

/* A folder with one folder of images a class; target may be NULL. */
dd_status dd__folder_load(const char *path, const dd__target *target, dd_dataset **dataset);

/* dd_dataset_load; target may be NULL. */
dd_status dd__dataset_load(const char *source, dd_split split, const dd__target *target,
                           dd_dataset **dataset);

/* Whether `source` is "synthetic" or begins with "synthetic:". */
bool dd__is_synthetic(const char *source);
/* "synthetic[:COUNT[:SEED]]"; DD_USAGE for anything else. */
dd_status dd__synthetic_load(const char *source, dd_split split, dd_dataset **dataset);
/* Draws 28x28 digit number `index` of a seed's endless row; `out` (28, 28). Returns its label. */
int dd__synthetic_draw(uint64_t seed, dd_split split, uint64_t index, uint8_t *out);

#endif
