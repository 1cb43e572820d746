/* options.h: one table of options drives parsing, defaults and --help, so that they agree.
 *
 *     --name VALUE   --name=VALUE   --flag   --   (what follows is no option)
 */
#ifndef DD_CLI_OPTIONS_H
#define DD_CLI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "deepdigits.h"

#if defined(__GNUC__)
#define CLI_PRINTF(text, first) __attribute__((__format__(__printf__, text, first)))
#else
#define CLI_PRINTF(text, first)
#endif

/* kind, C type in the settings; what it is without a value and a default */
typedef enum cli_kind {
    CLI_FLAG,     /* bool; false */
    CLI_TEXT,     /* const char *; NULL */
    CLI_INTEGER,  /* int64_t; 0 */
    CLI_SIZE,     /* int64_t, bytes, written as 512M or 2G; 0 */
    CLI_NUMBER,   /* double; NaN */
    CLI_CHOICE,   /* int, index into choices; -1 */
    CLI_TEXTS,    /* cli_texts, one more each time; empty */
    CLI_INTEGERS, /* cli_integers, "1,8,128"; empty */
} cli_kind;

enum { CLI_LIST_LIMIT = 64 };
typedef struct cli_texts {
    const char *items[CLI_LIST_LIMIT];
    size_t count;
} cli_texts;
typedef struct cli_integers {
    int64_t items[CLI_LIST_LIMIT];
    size_t count;
} cli_integers;

typedef struct cli_option {
    const char *name; /* "batch" */
    cli_kind kind;
    size_t offset;              /* of the value in the settings */
    const char *value;          /* how the help names it: "N"; NULL for flags */
    const char *fallback;       /* the default, read like a value; NULL: none */
    const char *fallback_help;  /* what the help says instead, when the default is not a value */
    double min, max;            /* of numbers, both allowed; at most 2^53 */
    bool above_min;             /* min itself is refused */
    const char *const *choices; /* ended by NULL */
    bool required;
    const char *help; /* one line, or more with \n */
} cli_option;

/* Some options and the struct they are values of. */
typedef struct cli_option_set {
    const cli_option *options; /* (count) */
    size_t count;
    void *settings;
} cli_option_set;

/* Fills the defaults, then reads `count` words; what is no option goes to `rest` (room for count),
 * in order. *help is set, and reading ends, at --help or -h.
 * DD_USAGE  unknown (names the nearest), without its value, or not what was expected */
dd_status cli_parse(const cli_option_set *sets, size_t set_count, int count, char *const *words,
                    const char **rest, size_t *rest_count, bool *help);
/* Refuses when a required option has no value. */
dd_status cli_check_required(const cli_option_set *set);
void cli_print_options(FILE *stream, const cli_option *options, size_t count);
/* The nearest of `count` words to `word`, reached by `get`; NULL when none is near. */
const char *cli_nearest(const char *word, size_t count,
                        const char *(*get)(const void *context, size_t index), const void *context);

#endif
