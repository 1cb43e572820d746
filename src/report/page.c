/* page.c: report.html with its blanks filled in. A blank is {{name}}. */
#include "report/page.h"

#include <cjson/cJSON.h>
#include <string.h>

#include "report/diagram.h"
#include "report/markup.h"

static const char *part(const char *name) {
    for (const dd__page_part *row = dd__page_parts; row->name; row++)
        if (strcmp(row->name, name) == 0) return row->text;
    return "";
}

static void print_title(FILE *file, const dd__report *report) {
    dd_model_info info;
    dd_model_describe(report->model, &info);
    dd__print_escaped(file, info.name);
}

/* The text of a <script> ends at the first "</script", whatever it is to JSON, and "<!--" changes
 * how it is read. In JSON a '<' is always inside a string, where it may be written as an escape. */
static dd_status print_data(FILE *file, const dd__report *report) {
    char *text = dd__page_data(report);
    if (!text) return dd__no_memory(1);
    for (const char *at = text; *at; at++) {
        if (*at == '<')
            fputs("\\u003c", file);
        else
            fputc(*at, file);
    }
    cJSON_free(text);
    return DD_OK;
}

static dd_status print_blank(FILE *file, const char *name, size_t length,
                             const dd__report *report) {
    char word[32];
    snprintf(word, sizeof word, "%.*s", (int)length, name);
    if (strcmp(word, "title") == 0) {
        print_title(file, report);
        return DD_OK;
    }
    if (strcmp(word, "data") == 0) return print_data(file, report);
    if (strcmp(word, "diagram") == 0) return dd__diagram_draw(file, report->model);
    fputs(part(word), file);
    return DD_OK;
}

dd_status dd__page_write(FILE *file, const dd__report *report) {
    const char *at = part("report.html");
    for (const char *open; (open = strstr(at, "{{"));) {
        const char *name = open + 2, *close = strstr(name, "}}");
        if (!close) break;
        fwrite(at, 1, (size_t)(open - at), file);
        DD_TRY(print_blank(file, name, (size_t)(close - name), report));
        at = close + 2;
    }
    fputs(at, file);
    return DD_OK;
}
