/* data_info.c: what a dataset holds, and what is odd about it: images that are there twice, or in
 * training and test part alike, that are blank, or whose labels contradict each other. */
#include <dirent.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "cli/data.h"
#include "cli/output.h"

enum { WARNINGS = 8, LISTED = 8 };

typedef struct findings {
    dd_dataset_info info;
    size_t *counts;        /* (info.classes + 1) images of each class */
    double mean, edge;     /* of all pixels, of those at the edges; 0..255 */
    size_t blank;          /* images of one colour */
    size_t duplicates;     /* images that are byte by byte an earlier one */
    size_t contradictions; /* those of them whose label is another */
    bool has_other;        /* the data have another part ... */
    size_t shared;         /* ... and this many images are in both */
    char warnings[WARNINGS][256];
    size_t warning_count;
} findings;

static size_t image_bytes(const dd_dataset_info *info) {
    return (size_t)info->height * info->width * info->channels;
}

/* ---- Images one by one --------------------------------------------------------------- */

static bool is_blank(const uint8_t *pixels, const dd_dataset_info *info) {
    size_t bytes = image_bytes(info);
    return memcmp(pixels, pixels + info->channels, bytes - info->channels) == 0;
}

/* Adds up the pixels, and those at the edges alone. */
static void add_pixels(const uint8_t *pixels, const dd_dataset_info *info, uint64_t *all,
                       uint64_t *edge) {
    size_t row = (size_t)info->width * info->channels, last = row - info->channels;
    for (unsigned r = 0; r < info->height; r++, pixels += row)
        for (size_t j = 0; j < row; j++) {
            bool is_edge = r == 0 || r == info->height - 1 || j < info->channels || j >= last;
            *all += pixels[j];
            if (is_edge) *edge += pixels[j];
        }
}

static void look_at_images(const dd_dataset *data, findings *f) {
    const dd_dataset_info *info = &f->info;
    uint64_t all = 0, edge = 0;
    size_t inside = info->height > 2 && info->width > 2
                        ? (size_t)(info->height - 2) * (info->width - 2) * info->channels
                        : 0;
    for (size_t i = 0; i < info->count; i++) {
        const uint8_t *pixels = dd_dataset_pixels(data, i);
        int label = dd_dataset_label(data, i);
        if (label >= 0 && (unsigned)label < info->classes) f->counts[label]++;
        f->blank += is_blank(pixels, info);
        add_pixels(pixels, info, &all, &edge);
    }
    f->mean = (double)all / (double)info->count / (double)image_bytes(info);
    f->edge = (double)edge / (double)info->count / (double)(image_bytes(info) - inside);
}

/* ---- Images that are there twice ----------------------------------------------------- */

typedef struct hashed {
    uint64_t hash;
    const uint8_t *pixels;
    size_t bytes, index;
    int label;
    bool is_other; /* of the other part */
} hashed;

/* FNV-1a (Fowler, Noll, Vo): only to bring equal images side by side. */
static uint64_t hash_bytes(const uint8_t *bytes, size_t size) {
    uint64_t hash = UINT64_C(0xCBF29CE484222325);
    for (size_t i = 0; i < size; i++) hash = (hash ^ bytes[i]) * UINT64_C(0x100000001B3);
    return hash;
}

static void add_entries(const dd_dataset *data, const dd_dataset_info *info, bool is_other,
                        hashed *entries) {
    size_t bytes = image_bytes(info);
    for (size_t i = 0; i < info->count; i++) {
        const uint8_t *pixels = dd_dataset_pixels(data, i);
        entries[i] = (hashed){.hash = hash_bytes(pixels, bytes),
                              .pixels = pixels,
                              .bytes = bytes,
                              .index = i,
                              .label = dd_dataset_label(data, i),
                              .is_other = is_other};
    }
}

static int compare_images(const hashed *a, const hashed *b) {
    if (a->hash != b->hash) return a->hash < b->hash ? -1 : 1;
    return memcmp(a->pixels, b->pixels, a->bytes);
}

/* Equal images stand together, those of the part itself first, in its order. */
static int compare_entries(const void *a, const void *b) {
    const hashed *x = a, *y = b;
    int order = compare_images(x, y);
    if (order) return order;
    if (x->is_other != y->is_other) return x->is_other ? 1 : -1;
    return (x->index > y->index) - (x->index < y->index);
}

static void count_equals(const hashed *entries, size_t count, findings *f) {
    for (size_t first = 0, end; first < count; first = end) {
        size_t own = 0;
        for (end = first; end < count && !compare_images(&entries[first], &entries[end]); end++) {
            if (entries[end].is_other) continue;
            f->contradictions += own && entries[end].label != entries[first].label;
            own++;
        }
        f->duplicates += own ? own - 1 : 0;
        if (own < end - first) f->shared += own;
    }
}

/* `other` may be NULL. */
static dd_status look_for_equals(const dd_dataset *data, const dd_dataset *other, findings *f) {
    dd_dataset_info info = {0};
    if (other) dd_dataset_describe(other, &info);
    size_t count = f->info.count + info.count;
    hashed *entries = calloc(count + 1, sizeof *entries);
    if (!entries) return cli_fail(DD_MEMORY, "no memory to compare %zu images", count);
    add_entries(data, &f->info, false, entries);
    if (other) add_entries(other, &info, true, entries + f->info.count);
    qsort(entries, count, sizeof *entries, compare_entries);
    count_equals(entries, count, f);
    free(entries);
    return DD_OK;
}

/* Whether a folder has something of this part: "test", "test.csv", "t10k-images-idx3-ubyte". */
static bool has_part(const char *folder, dd_split split) {
    static const char *const names[][2] = {{"train", "train"}, {"test", "t10k"}};
    bool found = false;
    DIR *entries = opendir(folder);
    for (struct dirent *entry; entries && (entry = readdir(entries)) != NULL;) {
        size_t length = strcspn(entry->d_name, ".-");
        for (size_t i = 0; i < 2; i++)
            found |= length == strlen(names[split][i]) &&
                     strncmp(entry->d_name, names[split][i], length) == 0;
    }
    if (entries) closedir(entries);
    return found;
}

/* The part of `source` that was not asked for, with images of the same size; NULL where there is
 * none. */
static dd_dataset *load_other(const char *source, const dd_dataset_info *info) {
    dd_dataset *other;
    dd_dataset_info found;
    dd_split split = info->split == DD_SPLIT_TRAIN ? DD_SPLIT_TEST : DD_SPLIT_TRAIN;
    if (!has_part(source, info->split) || !has_part(source, split)) return NULL;
    if (dd_dataset_load(source, split, &other) != DD_OK) return NULL;
    dd_dataset_describe(other, &found);
    if (found.height == info->height && found.width == info->width &&
        found.channels == info->channels)
        return other;
    dd_dataset_free(other);
    return NULL;
}

/* ---- What is odd --------------------------------------------------------------------- */

CLI_PRINTF(2, 3) static void warn(findings *f, const char *format, ...) {
    if (f->warning_count == WARNINGS) return;
    va_list list;
    va_start(list, format);
    vsnprintf(f->warnings[f->warning_count], sizeof f->warnings[0], format, list);
    va_end(list);
    f->warning_count++;
}

/* "images", "image is": one or many. */
static const char *plural(size_t count, const char *one, const char *many) {
    return count == 1 ? one : many;
}

static void warn_of_classes(const dd_dataset *data, findings *f) {
    char names[160] = "";
    size_t empty = 0;
    for (unsigned i = 0; f->info.has_labels && i < f->info.classes; i++) {
        if (f->counts[i]) continue;
        size_t used = strlen(names);
        if (empty++ < LISTED)
            snprintf(names + used, sizeof names - used, "%s%s", used ? ", " : "",
                     dd_dataset_class_name(data, i));
    }
    if (empty)
        warn(f, "no image of class %s%s: %s", names, empty > LISTED ? ", ..." : "",
             f->info.split == DD_SPLIT_TRAIN ? "a network cannot learn it"
                                             : "how well it is known cannot be measured");
}

static void find_warnings(const dd_dataset *data, findings *f) {
    bool is_training = f->info.split == DD_SPLIT_TRAIN;
    warn_of_classes(data, f);
    if (f->blank)
        warn(f, "%zu %s blank: all pixels are alike", f->blank,
             plural(f->blank, "image is", "images are"));
    if (f->info.channels == 1 && f->edge > 127)
        warn(f,
             "the edges are bright (%.0f of 255): MNIST's digits, and the models here, are "
             "bright on black",
             f->edge);
    if (f->contradictions)
        warn(f, "%zu %s byte by byte an earlier one with another label", f->contradictions,
             plural(f->contradictions, "image is", "images are"));
    if (f->shared)
        warn(f, "%zu %s in the %s part too: testing on what was learnt shows too much", f->shared,
             plural(f->shared, "image is", "images are"), is_training ? "test" : "training");
}

/* ---- Printing ------------------------------------------------------------------------ */

static dd_status print_json(const dd_dataset *data, const findings *f) {
    const dd_dataset_info *info = &f->info;
    cJSON *json = cJSON_CreateObject();
    cli_json_text(json, "source", info->source);
    cli_json_text(json, "split", cli_split_names[info->split]);
    cli_json_count(json, "count", info->count);
    cli_json_count(json, "height", info->height);
    cli_json_count(json, "width", info->width);
    cli_json_count(json, "channels", info->channels);
    cli_json_number(json, "mean", f->mean);
    cli_json_number(json, "edge_mean", f->edge);
    cli_json_count(json, "blank", f->blank);
    cli_json_count(json, "duplicates", f->duplicates);
    cli_json_count(json, "contradictions", f->contradictions);
    if (f->has_other)
        cli_json_count(json, "shared", f->shared);
    else
        cJSON_AddNullToObject(json, "shared");
    cJSON_AddBoolToObject(json, "has_labels", info->has_labels);
    cJSON *classes = cJSON_AddArrayToObject(json, "classes");
    for (unsigned i = 0; info->has_labels && i < info->classes; i++) {
        cJSON *row = cJSON_CreateObject();
        cJSON_AddItemToArray(classes, row);
        cli_json_text(row, "class", dd_dataset_class_name(data, i));
        cli_json_count(row, "count", f->counts[i]);
    }
    cJSON *warnings = cJSON_AddArrayToObject(json, "warnings");
    for (size_t i = 0; i < f->warning_count; i++) cli_json_text(warnings, NULL, f->warnings[i]);
    return cli_json_end(json, stdout, true);
}

static dd_status print_classes(const dd_dataset *data, const findings *f) {
    cli_table table;
    cli_table_start(&table, "lr");
    cli_table_cell(&table, "class");
    cli_table_cell(&table, "images");
    for (unsigned i = 0; i < f->info.classes; i++) {
        cli_table_cell(&table, "%s", dd_dataset_class_name(data, i));
        cli_table_cell(&table, "%zu", f->counts[i]);
    }
    putchar('\n');
    return cli_table_end(&table, stdout, CLI_TABLE_PLAIN);
}

static dd_status print_text(const dd_dataset *data, const findings *f) {
    const dd_dataset_info *info = &f->info;
    printf("images      %zu\n", info->count);
    printf("size        %ux%ux%u\n", info->height, info->width, info->channels);
    printf("mean        %.2f of 255, at the edges %.2f\n", f->mean, f->edge);
    printf("blank       %zu\n", f->blank);
    printf("duplicates  %zu\n", f->duplicates);
    if (f->has_other)
        printf("shared      %zu with the %s part\n", f->shared,
               info->split == DD_SPLIT_TRAIN ? "test" : "training");
    printf("labels      %s\n", info->has_labels ? "yes" : "none");
    if (info->has_labels) CLI_TRY(print_classes(data, f));
    if (f->warning_count) putchar('\n');
    for (size_t i = 0; i < f->warning_count; i++) printf("warning: %s\n", f->warnings[i]);
    return cli_flush_stdout();
}

dd_status cli_data_info(const cli_data_settings *set, const char *source, const dd_dataset *data) {
    findings f = {0};
    dd_status status;
    dd_dataset_describe(data, &f.info);
    f.counts = calloc((size_t)f.info.classes + 1, sizeof *f.counts);
    if (!f.counts) return cli_fail(DD_MEMORY, "no memory to count %u classes", f.info.classes);
    dd_dataset *other = load_other(source, &f.info);
    f.has_other = other != NULL;
    look_at_images(data, &f);
    CLI_TRY_OUT(look_for_equals(data, other, &f));
    find_warnings(data, &f);
    status = set->json ? print_json(data, &f) : print_text(data, &f);
out:
    dd_dataset_free(other);
    free(f.counts);
    return status;
}
