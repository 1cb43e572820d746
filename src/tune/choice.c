#include "tune/choice.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

size_t dd__tunable_count(const dd__implementation *implementation) {
    size_t count = 0;
    while (implementation->tunables && implementation->tunables[count].name) count++;
    return count;
}

dd__choice dd__choice_of(const dd__node *node, const dd__implementation *implementation) {
    dd__choice choice = {.implementation = implementation};
    memcpy(choice.settings, node->settings, sizeof choice.settings);
    return choice;
}

char *dd__choice_print(const dd__choice *choice, char out[DD__CHOICE_TEXT]) {
    const dd__implementation *of = choice->implementation;
    size_t count = dd__tunable_count(of), used = 0;
    used += (size_t)snprintf(out, DD__CHOICE_TEXT, "%s", of->name);
    for (size_t i = 0; i < count && used < DD__CHOICE_TEXT; i++)
        if (choice->settings[i])
            used += (size_t)snprintf(out + used, DD__CHOICE_TEXT - used, ":%s=%d",
                                     of->tunables[i].name, (int)choice->settings[i]);
    return out;
}

bool dd__choices_equal(const dd__choice *a, const dd__choice *b) {
    return a->implementation == b->implementation &&
           memcmp(a->settings, b->settings, sizeof a->settings) == 0;
}

/* ---- Reading -------------------------------------------------------------------------- */

static bool is_word(const char *word, const char *text, size_t length) {
    return strlen(word) == length && memcmp(word, text, length) == 0;
}

/* Appends ", word" to a list in a message; what does not fit is left out. */
static void list(char *out, size_t size, const char *word) {
    size_t used = strlen(out);
    snprintf(out + used, size - used, "%s%s", used ? ", " : "", word);
}

static dd_status read_name(const dd__op *op, const char *text, size_t length, dd__choice *choice) {
    char known[256] = "";
    for (const dd__implementation *const *i = op->implementations; i && *i; i++) {
        list(known, sizeof known, (*i)->name);
        if (!is_word((*i)->name, text, length)) continue;
        choice->implementation = *i;
        return DD_OK;
    }
    return dd__fail(DD_USAGE, "op \"%s\" has no implementation \"%.*s\"; it has: %s", op->name,
                    (int)length, text, known);
}

static dd_status read_value(const dd__implementation *of, size_t i, const char *text, size_t length,
                            int32_t *setting) {
    char known[256] = "";
    for (const int32_t *value = of->tunables[i].values; *value; value++) {
        char word[16];
        snprintf(word, sizeof word, "%d", (int)*value);
        list(known, sizeof known, word);
        if (!is_word(word, text, length)) continue;
        *setting = *value;
        return DD_OK;
    }
    return dd__fail(DD_USAGE, "%s: \"%s\" cannot be \"%.*s\", but: %s", of->name,
                    of->tunables[i].name, (int)length, text, known);
}

/* "rows=4" */
static dd_status read_setting(const char *text, size_t length, dd__choice *choice) {
    const dd__implementation *of = choice->implementation;
    char known[256] = "";
    size_t name = strcspn(text, "="), count = dd__tunable_count(of);
    for (size_t i = 0; i < count; i++) {
        list(known, sizeof known, of->tunables[i].name);
        if (name < length && is_word(of->tunables[i].name, text, name))
            return read_value(of, i, text + name + 1, length - name - 1, &choice->settings[i]);
    }
    return dd__fail(DD_USAGE, "%s: expected NAME=VALUE with one of these names, found \"%.*s\": %s",
                    of->name, (int)length, text, count ? known : "it has none");
}

dd_status dd__choice_read(const dd__op *op, const char *text, dd__choice *choice) {
    size_t length = strcspn(text, ":");
    *choice = (dd__choice){0};
    DD_TRY(read_name(op, text, length, choice));
    for (const char *at = text + length; *at; at += length) {
        length = strcspn(++at, ":");
        DD_TRY(read_setting(at, length, choice));
    }
    return DD_OK;
}
