/* data.h: what `data` does; cmd_data.c has the options. */
#ifndef DD_CLI_DATA_H
#define DD_CLI_DATA_H

#include "cli/cli.h"

/* The options of `data`. NULL or 0: not given. */
typedef struct cli_data_settings {
    int split; /* dd_split */
    int64_t count, seed, epoch;
    bool augmented, json;
    const char *augment, *sheet;
} cli_data_settings;

/* Prints what `data`, which was loaded from `source`, holds, and what is odd about it. */
dd_status cli_data_info(const cli_data_settings *set, const char *source, const dd_dataset *data);

/* Writes images to `folder` (NULL: none), and the sheet that was asked for. */
dd_status cli_data_export(const cli_call *call, const cli_data_settings *set,
                          const dd_dataset *data, const char *folder);

#endif
