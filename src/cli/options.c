#include "cli/options.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"

/* ---- The nearest known word ---------------------------------------------------------- */

enum { WORD_LIMIT = 64 };

static size_t least(size_t a, size_t b) { return a < b ? a : b; }

/* Levenshtein's distance, one row of the table at a time; long words are far from everything. */
static size_t distance(const char *a, const char *b) {
    size_t row[WORD_LIMIT + 1],
        n = strlen(b); /* row[j]: from the first i of a to the first j of b */
    if (strlen(a) > WORD_LIMIT || n > WORD_LIMIT) return SIZE_MAX;
    for (size_t j = 0; j <= n; j++) row[j] = j;
    for (size_t i = 0; a[i]; i++) {
        size_t diagonal = row[0];
        row[0] = i + 1;
        for (size_t j = 0; j < n; j++) {
            size_t change = diagonal + (a[i] != b[j]);
            diagonal = row[j + 1];
            row[j + 1] = least(change, least(row[j], row[j + 1]) + 1);
        }
    }
    return row[n];
}

const char *cli_nearest(const char *word, size_t count,
                        const char *(*get)(const void *context, size_t index),
                        const void *context) {
    const char *best = NULL;
    size_t limit = 1 + strlen(word) / 3; /* a third of the letters may be wrong */
    for (size_t i = 0; i < count; i++) {
        const char *known = get(context, i);
        size_t d = distance(word, known);
        bool begins = strlen(word) > 2 && strncmp(word, known, strlen(word)) == 0;
        if (begins && d > 1) d = 1;
        if (d <= limit) {
            best = known;
            limit = d ? d - 1 : 0;
            if (d == 0) break;
        }
    }
    return best;
}

/* ---- Values -------------------------------------------------------------------------- */

static void *place(const cli_option *option, void *settings) {
    return (char *)settings + option->offset;
}

/* What a number of this option may be, in words. */
static void expected_number(const cli_option *option, char *out, size_t size) {
    const char *what = option->kind == CLI_NUMBER ? "a number" : "a whole number";
    const char *from = option->above_min ? "above" : "from";
    if (option->max >= 9e15)
        snprintf(out, size, "%s %s %.15g", what, from, option->min);
    else
        snprintf(out, size, "%s %s %.15g to %.15g", what, from, option->min, option->max);
}

static dd_status bad_number(const cli_option *option, const char *text) {
    char expected[128];
    expected_number(option, expected, sizeof expected);
    return cli_fail(DD_USAGE, "--%s: expected %s, found \"%s\"", option->name, expected, text);
}

static bool in_limits(const cli_option *option, double value) {
    return value <= option->max && (option->above_min ? value > option->min : value >= option->min);
}

static dd_status read_integer(const cli_option *option, const char *text, int64_t *value) {
    char *end;
    errno = 0;
    long long number = strtoll(text, &end, 10);
    bool whole = (isdigit((unsigned char)*text) || *text == '-') && !*end && !errno;
    if (!whole || !in_limits(option, (double)number)) return bad_number(option, text);
    *value = number;
    return DD_OK;
}

/* A number of bytes, or with K, M or G behind it of 1024, 1024^2 or 1024^3 of them. */
static dd_status read_size(const cli_option *option, const char *text, int64_t *value) {
    static const char units[] = "KMG";
    char *end;
    double number = strtod(text, &end);
    const char *unit = *end ? strchr(units, toupper((unsigned char)*end)) : NULL;
    bool form = isdigit((unsigned char)*text) && isfinite(number) && (!*end || (unit && !end[1]));
    if (unit) number = ldexp(number, 10 * (int)(unit - units + 1));
    if (!form || !in_limits(option, number))
        return cli_fail(DD_USAGE, "--%s: expected a size like 512M or 2G, found \"%s\"",
                        option->name, text);
    *value = (int64_t)number;
    return DD_OK;
}

static dd_status read_number(const cli_option *option, const char *text, double *value) {
    char *end;
    double number = strtod(text, &end);
    bool form = *text && !isspace((unsigned char)*text) && !*end && isfinite(number);
    if (!form || !in_limits(option, number)) return bad_number(option, text);
    *value = number;
    return DD_OK;
}

static dd_status read_integers(const cli_option *option, const char *text, cli_integers *list) {
    char item[32];
    list->count = 0;
    for (const char *at = text;; at++) {
        size_t length = strcspn(at, ",");
        if (length >= sizeof item || list->count == CLI_LIST_LIMIT) return bad_number(option, text);
        memcpy(item, at, length);
        item[length] = '\0';
        CLI_TRY(read_integer(option, item, &list->items[list->count++]));
        at += length;
        if (!*at) return DD_OK;
    }
}

static void list_choices(const cli_option *option, char *out, size_t size) {
    size_t used = 0;
    for (size_t i = 0; option->choices[i] && used < size; i++)
        used +=
            (size_t)snprintf(out + used, size - used, "%s%s", i ? ", " : "", option->choices[i]);
}

static dd_status read_choice(const cli_option *option, const char *text, int *value) {
    char known[256] = "";
    for (int i = 0; option->choices[i]; i++)
        if (strcmp(text, option->choices[i]) == 0) {
            *value = i;
            return DD_OK;
        }
    list_choices(option, known, sizeof known);
    return cli_fail(DD_USAGE, "--%s: expected one of %s, found \"%s\"", option->name, known, text);
}

static dd_status read_text(const cli_option *option, const char *text, const char **value) {
    if (!*text)
        return cli_fail(DD_USAGE, "--%s: expected %s, found nothing", option->name, option->value);
    *value = text;
    return DD_OK;
}

static dd_status read_value(const cli_option *option, const char *text, void *settings) {
    void *target = place(option, settings);
    cli_texts *texts = target; /* used by CLI_TEXTS alone */
    switch (option->kind) {
    case CLI_FLAG:
        *(bool *)target = true;
        return DD_OK;
    case CLI_TEXT:
        return read_text(option, text, target);
    case CLI_INTEGER:
        return read_integer(option, text, target);
    case CLI_SIZE:
        return read_size(option, text, target);
    case CLI_NUMBER:
        return read_number(option, text, target);
    case CLI_CHOICE:
        return read_choice(option, text, target);
    case CLI_INTEGERS:
        return read_integers(option, text, target);
    case CLI_TEXTS:
        break;
    }
    if (texts->count == CLI_LIST_LIMIT)
        return cli_fail(DD_USAGE, "--%s: expected at most %d of them", option->name,
                        (int)CLI_LIST_LIMIT);
    return read_text(option, text, &texts->items[texts->count++]);
}

static dd_status fill_defaults(const cli_option_set *set) {
    for (size_t i = 0; i < set->count; i++) {
        const cli_option *option = &set->options[i];
        if (option->kind == CLI_NUMBER) *(double *)place(option, set->settings) = (double)NAN;
        if (option->kind == CLI_CHOICE) *(int *)place(option, set->settings) = -1;
        if (option->fallback) CLI_TRY(read_value(option, option->fallback, set->settings));
    }
    return DD_OK;
}

/* ---- Words --------------------------------------------------------------------------- */

typedef struct known_options {
    const cli_option_set *sets;
    size_t set_count, count;
} known_options;

static const cli_option *option_at(const known_options *known, size_t index, void **settings) {
    size_t set = 0;
    while (index >= known->sets[set].count) index -= known->sets[set++].count;
    if (settings) *settings = known->sets[set].settings;
    return &known->sets[set].options[index];
}

static const char *option_name(const void *context, size_t index) {
    return option_at(context, index, NULL)->name;
}

static dd_status unknown_option(const known_options *known, const char *word, size_t length) {
    char name[WORD_LIMIT + 1];
    snprintf(name, sizeof name, "%.*s", (int)least(length, WORD_LIMIT), word);
    const char *near = cli_nearest(name, known->count, option_name, known);
    if (near) return cli_fail(DD_USAGE, "unknown option --%s; did you mean --%s?", name, near);
    return cli_fail(DD_USAGE, "unknown option --%s", name);
}

/* Reads the option at words[*at], "--name" or "--name=value", and its value. */
static dd_status read_option(const known_options *known, int count, char *const *words, int *at) {
    const char *word = words[*at] + 2, *equals = strchr(word, '=');
    size_t length = equals ? (size_t)(equals - word) : strlen(word);
    const cli_option *option = NULL;
    void *settings = NULL;
    for (size_t i = 0; i < known->count; i++) {
        option = option_at(known, i, &settings);
        if (strlen(option->name) == length && strncmp(option->name, word, length) == 0) break;
        option = NULL;
    }
    if (!option) return unknown_option(known, word, length);
    if (option->kind == CLI_FLAG) {
        if (equals) return cli_fail(DD_USAGE, "--%s takes no value", option->name);
        return read_value(option, "", settings);
    }
    if (equals) return read_value(option, equals + 1, settings);
    if (*at + 1 >= count || strncmp(words[*at + 1], "--", 2) == 0)
        return cli_fail(DD_USAGE, "--%s: expected %s after it, found %s", option->name,
                        option->value, *at + 1 < count ? words[*at + 1] : "nothing");
    return read_value(option, words[++*at], settings);
}

dd_status cli_parse(const cli_option_set *sets, size_t set_count, int count, char *const *words,
                    const char **rest, size_t *rest_count, bool *help) {
    known_options known = {sets, set_count, 0};
    *rest_count = 0;
    *help = false;
    for (size_t i = 0; i < set_count; i++) {
        known.count += sets[i].count;
        CLI_TRY(fill_defaults(&sets[i]));
    }
    bool ended = false;
    for (int i = 0; i < count; i++) {
        const char *word = words[i];
        if (ended || word[0] != '-' || !word[1]) {
            rest[(*rest_count)++] = word;
        } else if (strcmp(word, "--") == 0) {
            ended = true;
        } else if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0) {
            *help = true;
            return DD_OK;
        } else if (word[1] != '-') {
            return cli_fail(DD_USAGE, "unknown option %s; options have two dashes", word);
        } else {
            CLI_TRY(read_option(&known, count, words, &i));
        }
    }
    return DD_OK;
}

dd_status cli_check_required(const cli_option_set *set) {
    for (size_t i = 0; i < set->count; i++) {
        const cli_option *option = &set->options[i];
        if (!option->required || option->kind != CLI_TEXT) continue;
        if (!*(const char **)place(option, set->settings))
            return cli_fail(DD_USAGE, "expected --%s %s", option->name, option->value);
    }
    return DD_OK;
}

/* ---- Help ---------------------------------------------------------------------------- */

/* "epochs N", "keep best|last" */
static void print_form(const cli_option *option, char *out, size_t size) {
    size_t used = (size_t)snprintf(out, size, "--%s", option->name);
    if (option->kind == CLI_CHOICE) {
        for (size_t i = 0; option->choices[i] && used < size; i++)
            used += (size_t)snprintf(out + used, size - used, "%c%s", i ? '|' : ' ',
                                     option->choices[i]);
    } else if (option->kind != CLI_FLAG) {
        snprintf(out + used, size - used, " %s", option->value);
    }
}

enum { HELP_COLUMN = 28, HELP_WIDTH = 98 };

/* The default, on a line of its own when `used` columns leave no room. */
static void print_default(FILE *stream, const cli_option *option, size_t used) {
    const char *standard = option->fallback_help ? option->fallback_help : option->fallback;
    if (option->required) fprintf(stream, " (required)");
    if (!standard) return;
    if (used + strlen(standard) + sizeof " (default: )" > HELP_WIDTH)
        fprintf(stream, "\n  %*s(default: %s)", HELP_COLUMN, "", standard);
    else
        fprintf(stream, " (default: %s)", standard);
}

void cli_print_options(FILE *stream, const cli_option *options, size_t count) {
    for (size_t i = 0; i < count; i++) {
        char form[160];
        size_t column = HELP_COLUMN + 2;
        print_form(&options[i], form, sizeof form);
        fprintf(stream, "  %-*s", HELP_COLUMN, form);
        if (strlen(form) >= HELP_COLUMN) fprintf(stream, "\n  %*s", HELP_COLUMN, "");
        for (const char *at = options[i].help; *at; at++, column++) {
            fputc(*at, stream);
            if (*at != '\n') continue;
            fprintf(stream, "  %*s", HELP_COLUMN, "");
            column = HELP_COLUMN + 1;
        }
        print_default(stream, &options[i], column);
        fputc('\n', stream);
    }
}
