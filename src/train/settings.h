/* settings.h: settings as people write them behind an option, "factor=0.2,patience=5", read and
 * printed by a table like an op's attributes. Rows are DD__FLOAT or DD__INT.
 */
#ifndef DD_TRAIN_SETTINGS_H
#define DD_TRAIN_SETTINGS_H

#include "graph/op.h"

enum { DD__SETTINGS_TEXT = 320 }; /* bytes that hold any printed settings */

/* Sets the rows' fields of `settings` to their fallbacks, then to what `text` (may be empty) says.
 * DD_USAGE  names the settings that there are, or the numbers that one may have */
dd_status dd__settings_parse(const char *text, const dd__attribute *rows, void *settings);
/* Writes every row as "key=value", separated by commas: dd__settings_parse reads the same again. */
void dd__settings_print(const dd__attribute *rows, const void *settings, char *out, size_t size);

#endif
