/* choice.h: an implementation and its settings as text: "winograd", "winograd:rows=4:block=2". What
 * is not set is the implementation's own default. So they stand in the tuning file, behind
 * --implementation OP=, and in listings.
 */
#ifndef DD_TUNE_CHOICE_H
#define DD_TUNE_CHOICE_H

#include "graph/op.h"

typedef struct dd__choice {
    const dd__implementation *implementation;
    int32_t settings[DD__SETTINGS]; /* as in a node */
} dd__choice;

enum { DD__CHOICE_TEXT = 160 };

/* The node's, with the settings that it has. */
dd__choice dd__choice_of(const dd__node *node, const dd__implementation *implementation);
/* Returns `out`. */
char *dd__choice_print(const dd__choice *choice, char out[DD__CHOICE_TEXT]);
/* DD_USAGE  no such implementation, tunable or value: the message names those that there are */
dd_status dd__choice_read(const dd__op *op, const char *text, dd__choice *choice);
bool dd__choices_equal(const dd__choice *a, const dd__choice *b);
/* Tunables of an implementation. */
size_t dd__tunable_count(const dd__implementation *implementation);

#endif
