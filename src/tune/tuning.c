#include "tune/tuning.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/hash.h"
#include "device/kernels.h"

static const char first_line[] = "deepdigits tuning 2\n";
enum { FILE_LIMIT = 16 << 20, LINE_SIZE = 1024 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char *text; /* the file, without the first line; "" when there is none; NULL: not read yet */

/* Appends the values' dims, with commas between them; an h behind those in half precision. */
static size_t append_dims(dd__value *const *values, size_t count, char *out, size_t size) {
    size_t used = 0;
    out[0] = 0;
    for (size_t i = 0; i < count && used < size; i++) {
        char dims[80] = "-";
        if (values[i]) dd__dims_print(&values[i]->dims, dims);
        bool half = values[i] && values[i]->type == DD__F16;
        used += (size_t)snprintf(out + used, size - used, "%s%s%s", i ? "," : "", dims,
                                 half ? "h" : "");
    }
    return used;
}

char *dd__tuning_shape(const dd__node *node, char *out, size_t size) {
    size_t used = append_dims(node->in, node->in_count, out, size);
    if (used < size) used += (size_t)snprintf(out + used, size - used, ">");
    if (used < size) used += append_dims(node->out, node->out_count, out + used, size - used);
    if (used < size && node->op->attributes) {
        char attributes[256];
        dd__attributes_print(node->op, node->attributes, attributes, sizeof attributes);
        snprintf(out + used, size - used, ";%s", attributes);
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

/* Of all kernels: what was measured of others says nothing. */
static char kernels[33];
static void hash_kernels(void) {
    char names[33 * 64] = ""; /* of the first 64 */
    for (size_t i = 0; dd__kernel_sources[i].name && i < 64; i++) {
        const char *source = dd__kernel_sources[i].text;
        dd__hash_name(source, strlen(source), names + strlen(names));
    }
    dd__hash_name(names, strlen(names), kernels);
}

/* "<hash> <op> <shape> ", what a node's lines start with. */
static void line_start(const dd_device *device, const dd__node *node, char out[LINE_SIZE]) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    char key[LINE_SIZE], name[33], shape[DD__TUNING_SHAPE];
    pthread_once(&once, hash_kernels);
    snprintf(key, sizeof key, "%s %s", kernels, dd__device_key(device));
    dd__hash_name(key, strlen(key), name);
    snprintf(out, LINE_SIZE, "%s %s %s ", name, node->op->name,
             dd__tuning_shape(node, shape, sizeof shape));
}

/* "<choice> <microseconds> <microseconds> <stages>" */
static bool read_tuning(const dd__op *op, const char *line, dd__tuning *found) {
    char choice[DD__CHOICE_TEXT], numbers[80];
    size_t length = strcspn(line, " \n"), all = strcspn(line, "\n");
    double micro = 0, default_micro = 0;
    if (length >= sizeof choice) return false;
    snprintf(choice, sizeof choice, "%.*s", (int)length, line);
    if (dd__choice_read(op, choice, &found->choice) != DD_OK) return false;
    snprintf(numbers, sizeof numbers, "%.*s", (int)(all - length), line + length);
    found->stages = 0;
    sscanf(numbers, "%lf %lf %u", &micro, &default_micro, &found->stages);
    found->seconds = 1e-6 * micro;
    found->default_seconds = 1e-6 * default_micro;
    return true;
}

bool dd__tuning_find(const dd_device *device, const dd__node *node, dd__tuning *found) {
    char start[LINE_SIZE] = "";
    bool known = false;
    pthread_mutex_lock(&lock);
    if (!text) read_file();
    if (text && *text) line_start(device, node, start);
    for (const char *line = text; line && *line;) {
        dd__tuning read;
        if (strncmp(line, start, strlen(start)) == 0 &&
            read_tuning(node->op, line + strlen(start), &read)) {
            *found = read;
            known = true;
        }
        line = strchr(line, '\n');
        if (line) line++;
    }
    pthread_mutex_unlock(&lock);
    return known;
}

/* Everything that is not about this node, then the new line. */
static dd_status write_tuning(FILE *file, const char *start, const dd__tuning *tuning) {
    char choice[DD__CHOICE_TEXT];
    fputs(first_line, file);
    for (const char *line = text; *line;) {
        size_t length = strcspn(line, "\n");
        if (strncmp(line, start, strlen(start)) != 0) fprintf(file, "%.*s\n", (int)length, line);
        line += length + (line[length] == '\n');
    }
    fprintf(file, "%s%s %.1f %.1f %u\n", start, dd__choice_print(&tuning->choice, choice),
            1e6 * tuning->seconds, 1e6 * tuning->default_seconds, tuning->stages);
    return DD_OK;
}

dd_status dd__tuning_keep(const dd_device *device, const dd__node *node, const dd__tuning *tuning) {
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
    if (status == DD_OK) status = write_tuning(writer.stream, start, tuning);
    status = dd__writer_close(&writer, status);
    dd__free(text);
    text = NULL;
    pthread_mutex_unlock(&lock);
    return status;
}
