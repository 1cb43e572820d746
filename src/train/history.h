/* history.h: what became of each epoch, as CSV and as JSON. */
#ifndef DD_TRAIN_HISTORY_H
#define DD_TRAIN_HISTORY_H

#include "base/json.h"

/* <folder>/history.csv: a header line, then a line an epoch; numbers that do not exist are left
 * empty. */
dd_status dd__history_write(const char *folder, const dd_epoch *epochs, size_t count);
/* Adds an array of objects; null for numbers that do not exist. */
void dd__history_json(dd__json *json, cJSON *parent, const char *key, const dd_epoch *epochs,
                      size_t count);
/* The same back: epochs 1, 2, .., at most `room`. DD_FORMAT */
dd_status dd__history_parse(const cJSON *array, dd_epoch *epochs, size_t room, size_t *count);

#endif
