#include "train/settings.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void set(const dd__attribute *row, void *settings, double number) {
    void *field = (char *)settings + row->offset;
    if (row->type == DD__INT)
        *(int32_t *)field = (int32_t)number;
    else
        *(float *)field = (float)number;
}

/* The row whose name is the first `length` characters of `text`; DD_USAGE lists them all. */
static dd_status find(const char *text, size_t length, const dd__attribute *rows,
                      const dd__attribute **found) {
    char known[DD__SETTINGS_TEXT] = "";
    for (*found = rows; (*found)->name; (*found)++)
        if (strlen((*found)->name) == length && strncmp((*found)->name, text, length) == 0)
            return DD_OK;
    for (const dd__attribute *row = rows; row->name; row++) {
        size_t used = strlen(known);
        snprintf(known + used, sizeof known - used, "%s%s", used ? ", " : "", row->name);
    }
    if (!known[0]) return dd__fail(DD_USAGE, "expected no settings, found \"%s\"", text);
    return dd__fail(DD_USAGE, "there is no setting \"%.*s\"; there are %s", (int)length, text,
                    known);
}

/* Reads one "key=value" and moves *text behind it. */
static dd_status read_one(const char **text, const dd__attribute *rows, void *settings) {
    const dd__attribute *row;
    size_t length = strcspn(*text, "=,");
    DD_TRY(find(*text, length, rows, &row));
    const char *value = *text + length + ((*text)[length] == '=');
    char *end;
    double number = strtod(value, &end);
    bool whole = row->type == DD__INT;
    if (end == value || (*end && *end != ',') || !(number >= row->min && number <= row->max) ||
        (whole && number != floor(number)))
        return dd__fail(DD_USAGE, "%s: expected a %snumber from %g to %g, found \"%.*s\"",
                        row->name, whole ? "whole " : "", row->min, row->max,
                        (int)strcspn(value, ","), value);
    set(row, settings, number);
    *text = end;
    return DD_OK;
}

dd_status dd__settings_parse(const char *text, const dd__attribute *rows, void *settings) {
    for (const dd__attribute *row = rows; row->name; row++) set(row, settings, row->fallback);
    while (*text) {
        DD_TRY(read_one(&text, rows, settings));
        if (*text == ',' && *++text == 0)
            return dd__fail(DD_USAGE, "expected a setting behind the last comma");
    }
    return DD_OK;
}

/* The shortest text that reads back as the same float. */
static void print_float(float number, char *out, size_t size) {
    for (int digits = 6; digits <= 9; digits++) {
        snprintf(out, size, "%.*g", digits, (double)number);
        if (strtof(out, NULL) == number) return;
    }
}

void dd__settings_print(const dd__attribute *rows, const void *settings, char *out, size_t size) {
    out[0] = 0;
    for (const dd__attribute *row = rows; row->name; row++) {
        const void *field = (const char *)settings + row->offset;
        char number[32];
        if (row->type == DD__INT)
            snprintf(number, sizeof number, "%d", *(const int32_t *)field);
        else
            print_float(*(const float *)field, number, sizeof number);
        size_t used = strlen(out);
        snprintf(out + used, size - used, "%s%s=%s", used ? "," : "", row->name, number);
    }
}
