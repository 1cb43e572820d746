/* history.h: what became of each epoch, and the run's own record. */
#ifndef DD_TRAIN_HISTORY_H
#define DD_TRAIN_HISTORY_H

#include "base/status.h"

typedef struct dd__epoch { /* validation_* are NaN without validation */
    unsigned epoch;        /* from 1 */
    double loss, accuracy, validation_loss, validation_accuracy, learning_rate;
    double seconds, images_per_second;
} dd__epoch;

/* <folder>/history.csv: a header line, then a line an epoch; numbers that do not exist are left
 * empty. */
dd_status dd__history_write(const char *folder, const dd__epoch *epochs, size_t count);

/* <folder>/run.json: everything needed to repeat the run, and how it ended. */
typedef struct dd__run_record {
    const dd_train_options *options; /* settled: no zeros that mean a default */
    const dd_device_info *device;
    const dd_model_info *model;
    size_t training_examples, validation_examples;
    const dd__epoch *epochs;
    size_t epoch_count;
    unsigned best_epoch;
    const char *outcome; /* "finished", "interrupted", "diverged" */
} dd__run_record;
dd_status dd__run_record_write(const char *folder, const dd__run_record *record);

#endif
