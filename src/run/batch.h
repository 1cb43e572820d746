/* batch.h: some files on their way: read into pictures, computed by a device, handed over as rows.
 * A file that fails is an item with its reason, and no picture. */
#ifndef DD_RUN_BATCH_H
#define DD_RUN_BATCH_H

#include "data/input.h"
#include "model/model.h"

typedef struct dd__item { /* one file */
    char *path;           /* owned */
    dd_status status;
    char *message;  /* why it failed; NULL when it did not, or there was no memory for it */
    size_t picture; /* in the batch, when it did not */
    bool blank;     /* the picture is of one level: nothing to classify */
} dd__item;

typedef struct dd__batch {
    dd__item *items; /* (room) */
    size_t item_count;
    uint8_t *pixels; /* (room, H, W, C) */
    size_t picture_count;
    float *probabilities;   /* (room, classes) */
    size_t begun, read;     /* files; belong to dd__readers while it is with them */
    struct dd__batch *next; /* likewise */
    bool computed;          /* belongs to dd__workers while it is with them */
} dd__batch;

/* Bytes of a batch with room for so many files. */
size_t dd__batch_bytes(const dd_model *model, size_t room);
dd_status dd__batch_create(const dd_model *model, size_t room, dd__batch *batch);
void dd__batch_clear(dd__batch *batch);

/* Reads item number `item` into its place among the pictures. Different threads may read different items. */
void dd__batch_read(dd__batch *batch, size_t item, const dd__input *input);
/* When all are read: closes the gaps that those have left which failed. */
void dd__batch_close(dd__batch *batch, const dd__input *input);
/* The item's row of probabilities; NULL when it has none. Numbers that are not finite make it fail. */
const float *dd__batch_row(const dd__batch *batch, const dd_model *model, dd__item *item);
/* For other files. */
void dd__batch_empty(dd__batch *batch);

#endif
