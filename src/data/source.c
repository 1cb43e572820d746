/* source.c: what a source of examples is, by its name and by what is there. A folder is, first
 * match: MNIST's IDX files, Kaggle's CSV, train/ and test/ folders, class folders. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "data/dataset.h"
#include "data/sources.h"

enum { PATH_SIZE = 4096 };

/* As MNIST's files are named, and as some copies have them. */
static const char *const idx_forms[] = {"%s-%s-idx%d-ubyte", "%s-%s-idx%d-ubyte.gz",
                                        "%s-%s.idx%d-ubyte", "%s-%s.idx%d-ubyte.gz"};

static const char *part_name(dd_split split) { return split == DD_SPLIT_TRAIN ? "train" : "test"; }

/* Looks in a folder for one of MNIST's names; *path is "" when there is none. */
static dd_status find_idx(const char *folder, dd_split split, bool images, char path[PATH_SIZE]) {
    for (size_t i = 0; i < DD_COUNT(idx_forms); i++) {
        char name[64];
        const char *part = split == DD_SPLIT_TRAIN ? "train" : "t10k";
        snprintf(name, sizeof name, idx_forms[i], part, images ? "images" : "labels",
                 images ? 3 : 1);
        DD_TRY(dd__path_join(path, PATH_SIZE, folder, name));
        if (dd__is_file(path)) return DD_OK;
    }
    path[0] = 0;
    return DD_OK;
}

/* The same for train.csv and train.csv.gz. */
static dd_status find_csv(const char *folder, dd_split split, char path[PATH_SIZE]) {
    static const char *const endings[] = {".csv", ".csv.gz"};
    for (size_t i = 0; i < DD_COUNT(endings); i++) {
        char name[64];
        snprintf(name, sizeof name, "%s%s", part_name(split), endings[i]);
        DD_TRY(dd__path_join(path, PATH_SIZE, folder, name));
        if (dd__is_file(path)) return DD_OK;
    }
    path[0] = 0;
    return DD_OK;
}

static dd_status find_part(const char *folder, dd_split split, char path[PATH_SIZE]) {
    DD_TRY(dd__path_join(path, PATH_SIZE, folder, part_name(split)));
    if (!dd__is_folder(path)) path[0] = 0;
    return DD_OK;
}

/* Loads the part `split` of a folder that is one of the forms with two parts; *found says whether
 * it has this part. */
static dd_status load_split(const char *folder, dd_split split, const dd__target *target,
                            bool *found, dd_dataset **dataset) {
    char path[PATH_SIZE], labels[PATH_SIZE];
    *found = true;
    DD_TRY(find_idx(folder, split, true, path));
    if (path[0]) {
        DD_TRY(find_idx(folder, split, false, labels));
        if (!labels[0])
            return dd__fail(DD_IO,
                            "%s: expected the labels %s-labels-idx1-ubyte(.gz) beside it, "
                            "found none",
                            path, split == DD_SPLIT_TRAIN ? "train" : "t10k");
        return dd__idx_load(path, labels, dataset);
    }
    DD_TRY(find_csv(folder, split, path));
    if (path[0]) return dd__csv_load(path, dataset);
    DD_TRY(find_part(folder, split, path));
    if (path[0]) return dd__folder_load(path, target, dataset);
    *found = false;
    return DD_OK;
}

/* Whether the folder has `split` in one of those forms. */
static dd_status has_split(const char *folder, dd_split split, bool *found) {
    char path[PATH_SIZE];
    DD_TRY(find_idx(folder, split, true, path));
    if (!path[0]) DD_TRY(find_csv(folder, split, path));
    if (!path[0]) DD_TRY(find_part(folder, split, path));
    *found = path[0] != 0;
    return DD_OK;
}

static dd_status load_folder(const char *folder, dd_split split, const dd__target *target,
                             dd_dataset **dataset) {
    dd_split other = split == DD_SPLIT_TRAIN ? DD_SPLIT_TEST : DD_SPLIT_TRAIN;
    bool found;
    DD_TRY(load_split(folder, split, target, &found, dataset));
    if (found) return DD_OK;
    DD_TRY(has_split(folder, other, &found));
    if (found)
        return dd__fail(DD_FORMAT, "%s: expected a part for %s (%s), found only the one for %s",
                        folder, split == DD_SPLIT_TRAIN ? "training" : "testing",
                        split == DD_SPLIT_TRAIN ? "train-images-idx3-ubyte, train.csv or train/"
                                                : "t10k-images-idx3-ubyte, test.csv or test/",
                        split == DD_SPLIT_TRAIN ? "testing" : "training");
    return dd__folder_load(folder, target, dataset);
}

/* "train-images-idx3-ubyte.gz" to "train-labels-idx1-ubyte.gz", or without .gz; "" when the name
 * is of another kind or there is no such file. */
static dd_status find_sibling(const char *images, char labels[PATH_SIZE]) {
    labels[0] = 0;
    const char *slash = strrchr(images, '/'), *name = slash ? slash + 1 : images;
    const char *word = strstr(name, "images"), *rank = word ? strstr(word, "idx3") : NULL;
    if (!rank) return DD_OK;
    int written = snprintf(labels, PATH_SIZE, "%.*slabels%.*sidx1%s", (int)(word - images), images,
                           (int)(rank - word - 6), word + 6, rank + 4);
    if (written < 0 || written >= PATH_SIZE - 4)
        return dd__fail(DD_USAGE, "%s: the path is too long", images);
    if (dd__is_file(labels)) return DD_OK;
    if (dd__ends_with(labels, ".gz"))
        labels[written - 3] = 0;
    else
        strcpy(labels + written, ".gz");
    if (!dd__is_file(labels)) labels[0] = 0;
    return DD_OK;
}

static dd_status load_file(const char *path, dd_dataset **dataset) {
    if (dd__ends_with(path, ".csv") || dd__ends_with(path, ".csv.gz"))
        return dd__csv_load(path, dataset);
    char labels[PATH_SIZE];
    DD_TRY(find_sibling(path, labels));
    return dd__idx_load(path, labels[0] ? labels : NULL, dataset);
}

static dd_status load(const char *source, dd_split split, const dd__target *target,
                      dd_dataset **dataset) {
    if (dd__is_synthetic(source)) return dd__synthetic_load(source, split, dataset);
    struct stat found;
    if (stat(source, &found) != 0)
        return dd__fail(DD_IO, "%s: cannot open: %s", source, strerror(errno));
    if (S_ISDIR(found.st_mode)) return load_folder(source, split, target, dataset);
    return load_file(source, dataset);
}

dd_status dd__dataset_load(const char *source, dd_split split, const dd__target *target,
                           dd_dataset **dataset) {
    *dataset = NULL;
    if (!source || !*source) return dd__fail(DD_USAGE, "expected a source of data, found none");
    dd_dataset *loaded;
    DD_TRY(load(source, split, target, &loaded));
    dd_status status = dd__dataset_set_source(loaded, source, split);
    if (status == DD_OK)
        *dataset = loaded;
    else
        dd_dataset_free(loaded);
    return status;
}

dd_status dd_dataset_load(const char *source, dd_split split, dd_dataset **dataset) {
    return dd__dataset_load(source, split, NULL, dataset);
}
