#include "graph/attributes.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* ---- Fallbacks ------------------------------------------------------------------------ */

static void set_fallback(const dd__attribute *a, void *field) {
    int32_t whole = a->type == DD__FLOAT ? 0 : (int32_t)a->fallback;
    switch (a->type) {
    case DD__INT:
    case DD__CHOICE:
        *(int32_t *)field = whole;
        break;
    case DD__INT_PAIR:
        ((int32_t *)field)[0] = ((int32_t *)field)[1] = whole;
        break;
    case DD__PADDING:
        *(dd__padding *)field = (dd__padding){.same = whole};
        break;
    case DD__FLOAT:
        *(float *)field = (float)a->fallback;
        break;
    case DD__BOOL:
        *(bool *)field = whole != 0;
        break;
    case DD__INT_LIST:
        *(dd__dims *)field = (dd__dims){0};
        break;
    }
}

void dd__attributes_default(const dd__op *op, void *attributes) {
    if (op->attributes_bytes) memset(attributes, 0, op->attributes_bytes);
    for (const dd__attribute *a = op->attributes; a && a->name; a++)
        set_fallback(a, (char *)attributes + a->offset);
}

/* ---- Printing ------------------------------------------------------------------------- */

static bool same_padding(const dd__padding *a, const dd__padding *b) {
    if (a->same || b->same) return a->same == b->same; /* then the edges do not count */
    return memcmp(a->edges, b->edges, sizeof a->edges) == 0;
}

static bool is_fallback(const dd__attribute *a, const void *field) {
    union {
        int32_t whole[2];
        float number;
        bool yes;
        dd__padding padding;
        dd__dims dims;
    } fallback;
    memset(&fallback, 0, sizeof fallback);
    set_fallback(a, &fallback);
    switch (a->type) {
    case DD__INT:
    case DD__CHOICE:
        return *(const int32_t *)field == fallback.whole[0];
    case DD__INT_PAIR:
        return memcmp(field, fallback.whole, sizeof fallback.whole) == 0;
    case DD__PADDING:
        return same_padding(field, &fallback.padding);
    case DD__FLOAT:
        return *(const float *)field == fallback.number ||
               (isnan(*(const float *)field) && isnan(fallback.number));
    case DD__BOOL:
        return *(const bool *)field == fallback.yes;
    case DD__INT_LIST:
        return dd__dims_equal(field, &fallback.dims);
    }
    return false;
}

/* What fits of a text that grows in out (size bytes, always terminated). */
typedef struct text {
    char *out;
    size_t size, length;
} text;

static void DD_PRINTF(2, 3) append(text *t, const char *format, ...) {
    size_t room = t->size - t->length;
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(t->out + t->length, room, format, arguments);
    va_end(arguments);
    if (length > 0) t->length += (size_t)length < room ? (size_t)length : room - 1;
}

static void print_padding(text *t, const char *name, const dd__padding *p) {
    static const int32_t none[4] = {0};
    if (p->same)
        append(t, "same");
    else if (memcmp(p->edges, none, sizeof none) == 0)
        append(t, "valid");
    else
        append(t, "%s %d,%d,%d,%d", name, p->edges[0], p->edges[1], p->edges[2], p->edges[3]);
}

static void print_value(text *t, const dd__attribute *a, const void *field) {
    const int32_t *pair;
    char dims[80];
    switch (a->type) {
    case DD__INT:
        append(t, "%s %d", a->name, *(const int32_t *)field);
        break;
    case DD__INT_PAIR:
        pair = field;
        append(t, "%s %dx%d", a->name, pair[0], pair[1]);
        break;
    case DD__PADDING:
        print_padding(t, a->name, field);
        break;
    case DD__FLOAT:
        append(t, "%s %g", a->name, (double)*(const float *)field);
        break;
    case DD__BOOL:
        append(t, "%s%s", *(const bool *)field ? "" : "no ", a->name);
        break;
    case DD__CHOICE:
        append(t, "%s", a->choices[*(const int32_t *)field]);
        break;
    case DD__INT_LIST:
        append(t, "%s %s", a->name, dd__dims_print(field, dims));
        break;
    }
}

char *dd__attributes_print(const dd__op *op, const void *attributes, char *out, size_t size) {
    text t = {.out = out, .size = size};
    if (size) out[0] = 0;
    for (const dd__attribute *a = op->attributes; size && a && a->name; a++) {
        const void *field = (const char *)attributes + a->offset;
        if (!a->required && is_fallback(a, field)) continue;
        if (t.length) append(&t, ", ");
        print_value(&t, a, field);
    }
    return out;
}
