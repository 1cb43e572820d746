#include "tune/tuning.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/hash.h"

static const char first_line[] = "deepdigits tuning 1\n";
enum { FILE_LIMIT = 16 << 20, LINE_SIZE = 1024 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char *text; /* the file, without the first line; "" when there is none; NULL: not read yet */

char *dd__tuning_shape(const dd__node *node, char *out, size_t size) {
    size_t at = 0;
    out[0] = 0;
    for (size_t i = 0; i < node->in_count && at < size; i++) {
        char dims[80] = "-";
        if (node->in[i]) dd__dims_print(&node->in[i]->dims, dims);
        at += (size_t)snprintf(out + at, size - at, "%s%s", i ? "," : "", dims);
    }
    if (at < size && node->op->attributes) {
        char attributes[256];
        dd__attributes_print(node->op, node->attributes, attributes, sizeof attributes);
        snprintf(out + at, size - at, ";%s", attributes);
    }
    for (char *c = out; *c; c++)
        if (*c == ' ') *c = '_';
    return out;
}

static dd_status tuning_path(char *out, size_t size) {
    char folder[4096];
    DD_TRY(dd__cache_folder(folder, sizeof folder));
    return dd__path_join(out, size, folder, "tuning.txt");
}

static void read_file(void) {
    char path[4096 + 16], *bytes = NULL;
    size_t size = 0, skip = strlen(first_line);
    if (tuning_path(path, sizeof path) == DD_OK && dd__is_file(path) &&
        dd__file_read(path, FILE_LIMIT, &bytes, &size) == DD_OK &&
        strncmp(bytes, first_line, skip) == 0) {
        memmove(bytes, bytes + skip, size - skip + 1);
        text = bytes;
        return;
    }
    dd__free(bytes);
    text = dd__copy_string("");
}

/* "<device> <op> <shape> ", what a node's lines start with. */
static void line_start(const dd_device *device, const dd__node *node, char out[LINE_SIZE]) {
    char name[33], shape[LINE_SIZE / 2];
    const char *key = dd__device_key(device);
    dd__hash_name(key, strlen(key), name);
    snprintf(out, LINE_SIZE, "%s %s %s ", name, node->op->name,
             dd__tuning_shape(node, shape, sizeof shape));
}

static const dd__implementation *find_named(const dd__node *node, const char *name, size_t length) {
    for (const dd__implementation *const *i = node->op->implementations; i && *i; i++)
        if (strlen((*i)->name) == length && memcmp((*i)->name, name, length) == 0) return *i;
    return NULL;
}

const dd__implementation *dd__tuning_find(const dd_device *device, const dd__node *node) {
    char start[LINE_SIZE];
    line_start(device, node, start);
    const dd__implementation *found = NULL;
    pthread_mutex_lock(&lock);
    if (!text) read_file();
    for (const char *line = text; line && *line;) {
        if (strncmp(line, start, strlen(start)) == 0) {
            const char *name = line + strlen(start);
            const dd__implementation *named = find_named(node, name, strcspn(name, " \n"));
            if (named) found = named;
        }
        line = strchr(line, '\n');
        if (line) line++;
    }
    pthread_mutex_unlock(&lock);
    return found;
}

/* Everything that is not about this node, then the new line. */
static dd_status write_choice(FILE *file, const char *start, const char *name, double seconds) {
    fputs(first_line, file);
    for (const char *line = text; *line;) {
        size_t length = strcspn(line, "\n");
        if (strncmp(line, start, strlen(start)) != 0) fprintf(file, "%.*s\n", (int)length, line);
        line += length + (line[length] == '\n');
    }
    fprintf(file, "%s%s %.1f\n", start, name, 1e6 * seconds);
    return DD_OK;
}

dd_status dd__tuning_keep(const dd_device *device, const dd__node *node,
                          const dd__implementation *implementation, double seconds) {
    char folder[4096], path[4096 + 16], start[LINE_SIZE];
    DD_TRY(dd__cache_folder(folder, sizeof folder));
    DD_TRY(dd__folder_make(folder));
    DD_TRY(tuning_path(path, sizeof path));
    line_start(device, node, start);
    pthread_mutex_lock(&lock);
    dd__free(text); /* another process may have added to it */
    read_file();
    dd_status status = text ? DD_OK : dd__no_memory(1);
    dd__writer writer = {0};
    if (status == DD_OK) status = dd__writer_open(&writer, path);
    if (status == DD_OK) status = write_choice(writer.stream, start, implementation->name, seconds);
    status = dd__writer_close(&writer, status);
    dd__free(text);
    text = NULL;
    pthread_mutex_unlock(&lock);
    return status;
}
