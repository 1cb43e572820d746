/* progress.h: all that goes to standard error while work is under way: notes, and a bar. */
#ifndef DD_CLI_PROGRESS_H
#define DD_CLI_PROGRESS_H

#include "cli/options.h"
#include "deepdigits.h"

typedef enum cli_progress_mode {
    CLI_PROGRESS_AUTO,
    CLI_PROGRESS_ALWAYS,
    CLI_PROGRESS_NEVER
} cli_progress_mode;

/* Sets what is shown, and takes the library's notices. */
void cli_progress_start(cli_progress_mode mode, bool quiet, bool verbose);

/* Whether notes are left out. */
bool cli_is_quiet(void);

/* One line, unless --quiet. */
void cli_note(const char *format, ...) CLI_PRINTF(1, 2);

/* Replaces the line at the bottom of the terminal; nothing where there is no bar, and at most ten
 * times a second. */
void cli_bar(const char *format, ...) CLI_PRINTF(1, 2);
/* Whether a bar would be shown now: saves making the text. */
bool cli_bar_due(void);
/* Takes the bar away. */
void cli_bar_clear(void);

/* For dd_train_options.progress: a bar, and a line for each epoch. */
void cli_train_progress(void *context, const dd_train_progress *progress);

/* "1:02:03", "4:05" */
const char *cli_duration(double seconds, char *out, size_t size);
/* "7.6 GiB" */
const char *cli_bytes(uint64_t bytes, char *out, size_t size);
double cli_seconds(void);

#endif
