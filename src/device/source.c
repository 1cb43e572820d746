/* source.c: the text of a program, put together from the files of cl/. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "device/kernels.h"
#include "device/opencl.h"

enum { MAX_SOURCE = 1 << 20 };

dd_status dd__source_read(const char *name, char **text) {
    const char *folder = getenv("DEEPDIGITS_CL_DIR");
    char file[256], path[4096];
    size_t size;
    snprintf(file, sizeof file, "%.250s.cl", name);
    if (folder && *folder) {
        DD_TRY(dd__path_join(path, sizeof path, folder, file));
        if (dd__is_file(path)) return dd__file_read(path, MAX_SOURCE, text, &size);
    }
    for (const dd__kernel_source *row = dd__kernel_sources; row->name; row++) {
        if (strcmp(row->name, name) != 0) continue;
        *text = dd__copy_string(row->text);
        return *text ? DD_OK : dd__no_memory(strlen(row->text));
    }
    return dd__fail(DD_USAGE, "no program is called \"%s\": expected cl/%s", name, file);
}

/* Whether the line is `#include "name.cl"`: then name, without its ending. */
static bool is_include(const char *line, char name[64]) {
    char ending[4] = "";
    return sscanf(line, "#include \"%60[a-z0-9_].%2[cl]\"", name, ending) == 2 &&
           strcmp(ending, "cl") == 0;
}

static dd_status append_file(FILE *to, const char *name, bool whole);

static dd_status append_lines(FILE *to, const char *name, const char *text, bool whole) {
    char other[64];
    int number = 1;
    fprintf(to, "#line 1 \"%s.cl\"\n", name);
    for (const char *line = text; *line; number++) {
        size_t length = strcspn(line, "\n");
        if (whole && is_include(line, other)) {
            DD_TRY(append_file(to, other, false));
            fprintf(to, "#line %d \"%s.cl\"\n", number + 1, name);
        } else {
            fprintf(to, "%.*s\n", (int)length, line);
        }
        line += length + (line[length] == '\n');
    }
    return DD_OK;
}

/* `whole`: with what it includes; files that are included include no others. */
static dd_status append_file(FILE *to, const char *name, bool whole) {
    char *text;
    DD_TRY(dd__source_read(name, &text));
    dd_status status = append_lines(to, name, text, whole);
    dd__free(text);
    return status;
}

dd_status dd__source_make(const char *name, char **text) {
    size_t size;
    *text = NULL; /* the stream's memory is malloc's, as dd__free expects */
    FILE *to = open_memstream(text, &size);
    if (!to) return dd__no_memory(MAX_SOURCE);
    dd_status status = append_file(to, "common", false);
    if (status == DD_OK) status = append_file(to, name, true);
    if (fclose(to) != 0 && status == DD_OK) status = dd__no_memory(MAX_SOURCE);
    if (status == DD_OK) return DD_OK;
    dd__free(*text);
    *text = NULL;
    return status;
}
