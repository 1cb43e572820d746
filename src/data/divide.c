/* divide.c: a dataset in two parts: at random, by folds, or by a list.
 *
 * A list is text, plain or gzip: the number of an image on each line, from 0, in any order. Blank lines and
 * what follows a # are nothing.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/random.h"
#include "data/dataset.h"
#include "data/reader.h"

/* ---- At random ---------------------------------------------------------------------------- */

/* part (count): 1 for places begin .. end - 1 of a random permutation (Fisher, Yates), else 0. */
static dd_status choose_part(size_t count, size_t begin, size_t end, uint64_t seed, uint8_t *part) {
    uint32_t *order = dd__alloc(count, sizeof *order);
    if (!order) return dd__no_memory(count * sizeof *order);
    dd__random random = dd__random_start(seed, DD__STREAM_SPLIT);
    for (size_t i = 0; i < count; i++) order[i] = (uint32_t)i;
    for (size_t i = 0; i < end; i++) {
        size_t j = i + dd__random_below(&random, (uint32_t)(count - i));
        uint32_t drawn = order[j];
        order[j] = order[i];
        order[i] = drawn;
        part[drawn] = i >= begin;
    }
    dd__free(order);
    return DD_OK;
}

/* Those whose part is 0, and the `chosen` whose part is 1. */
static dd_status take_both(const dd_dataset *dataset, const uint8_t *part, size_t chosen,
                           dd_dataset **first, dd_dataset **second) {
    DD_TRY(dd__dataset_take(dataset, part, 0, dataset->count - chosen, first));
    dd_status status = dd__dataset_take(dataset, part, 1, chosen, second);
    if (status == DD_OK) return DD_OK;
    dd_dataset_free(*first);
    *first = NULL;
    return status;
}

/* Two datasets: what is not at places begin .. end - 1 of the seed's permutation, and what is. */
static dd_status cut(const dd_dataset *dataset, size_t begin, size_t end, uint64_t seed,
                     dd_dataset **first, dd_dataset **second) {
    uint8_t *part = dd__alloc(dataset->count, 1);
    if (!part) return dd__no_memory(dataset->count);
    dd_status status = choose_part(dataset->count, begin, end, seed, part);
    if (status == DD_OK) status = take_both(dataset, part, end - begin, first, second);
    dd__free(part);
    if (status == DD_OK) (*first)->division = (*second)->division = seed;
    return status;
}

dd_status dd_dataset_divide(const dd_dataset *dataset, double fraction, uint64_t seed,
                            dd_dataset **first, dd_dataset **second) {
    *first = *second = NULL;
    if (!(fraction > 0 && fraction < 1))
        return dd__fail(DD_USAGE, "expected a fraction between 0 and 1, found %g", fraction);
    size_t chosen = (size_t)round((double)dataset->count * fraction);
    if (chosen == 0 || chosen >= dataset->count)
        return dd__fail(DD_USAGE,
                        "a fraction of %g of %zu images leaves one part empty: %zu and %zu",
                        fraction, dataset->count, dataset->count - chosen, chosen);
    DD_TRY(cut(dataset, 0, chosen, seed, first, second));
    (*first)->fraction = (*second)->fraction = fraction;
    return DD_OK;
}

dd_status dd_dataset_fold(const dd_dataset *dataset, unsigned folds, unsigned fold, uint64_t seed,
                          dd_dataset **first, dd_dataset **second) {
    *first = *second = NULL;
    if (dataset->count < 2)
        return dd__fail(DD_USAGE, "%zu image cannot be divided into folds", dataset->count);
    if (folds < 2 || folds > dataset->count)
        return dd__fail(DD_USAGE, "expected 2 to %zu folds for %zu images, found %u",
                        dataset->count, dataset->count, folds);
    if (fold < 1 || fold > folds)
        return dd__fail(DD_USAGE, "expected a fold from 1 to %u, found %u", folds, fold);
    size_t begin = dataset->count * (fold - 1) / folds, end = dataset->count * fold / folds;
    DD_TRY(cut(dataset, begin, end, seed, first, second));
    (*first)->folds = (*second)->folds = folds;
    (*first)->fold = (*second)->fold = fold;
    return DD_OK;
}

/* ---- By a list ---------------------------------------------------------------------------- */

enum { LINE = 256 };

typedef struct list {
    dd__reader *reader;
    char line[LINE];
    unsigned number; /* of the line, from 1 */
    bool ended;
} list;

/* The next line without its end. Files are small: a byte at a time will do. */
static dd_status next_line(list *l) {
    size_t length = 0, got;
    for (l->number++;;) {
        char byte;
        DD_TRY(dd__reader_read(l->reader, &byte, 1, &got));
        l->ended = got == 0;
        if (l->ended || byte == '\n') break;
        if (length + 1 == LINE)
            return dd__fail(DD_FORMAT, "line %u: expected the number of an image, found %d bytes",
                            l->number, LINE);
        l->line[length++] = byte;
    }
    l->line[length] = 0;
    l->line[strcspn(l->line, "#\r")] = 0;
    return DD_OK;
}

/* Marks the image of the line, if it has one. */
static dd_status mark(const list *l, size_t count, uint8_t *part, size_t *chosen) {
    char *end;
    const char *text = l->line + strspn(l->line, " \t");
    if (!*text) return DD_OK;
    errno = 0;
    unsigned long long number = strtoull(text, &end, 10);
    if (end == text || *text == '-' || errno || end[strspn(end, " \t")] || number >= count)
        return dd__fail(DD_FORMAT,
                        "line %u: expected the number of an image, 0 to %zu, found \"%s\"",
                        l->number, count - 1, text);
    if (part[number])
        return dd__fail(DD_FORMAT, "line %u: image %llu is there twice", l->number, number);
    part[number] = 1;
    ++*chosen;
    return DD_OK;
}

static dd_status read_list(const char *path, size_t count, uint8_t *part, size_t *chosen) {
    list l = {.reader = NULL};
    DD_TRY(dd__reader_open(path, &l.reader));
    dd_status status = DD_OK;
    while (status == DD_OK && !l.ended) {
        status = next_line(&l);
        if (status == DD_OK) status = mark(&l, count, part, chosen);
    }
    dd__reader_close(l.reader);
    if (status == DD_OK && (*chosen == 0 || *chosen == count))
        return dd__fail(DD_USAGE, "%s: expected some of the %zu images, found %zu", path, count,
                        *chosen);
    return dd__within(status, "%s", path);
}

dd_status dd_dataset_divide_by(const dd_dataset *dataset, const char *path, dd_dataset **first,
                               dd_dataset **second) {
    size_t chosen = 0;
    *first = *second = NULL;
    uint8_t *part = dd__alloc(dataset->count, 1);
    if (!part) return dd__no_memory(dataset->count);
    dd_status status = read_list(path, dataset->count, part, &chosen);
    if (status == DD_OK) status = take_both(dataset, part, chosen, first, second);
    dd__free(part);
    if (status != DD_OK) return status;
    (*first)->list = dd__copy_string(path);
    (*second)->list = dd__copy_string(path);
    if ((*first)->list && (*second)->list) return DD_OK;
    dd_dataset_free(*first);
    dd_dataset_free(*second);
    *first = *second = NULL;
    return dd__no_memory(strlen(path) + 1);
}

dd_status dd_dataset_divide_as(const dd_dataset *dataset, const dd_dataset_info *how,
                               dd_dataset **first, dd_dataset **second) {
    if (how->list) return dd_dataset_divide_by(dataset, how->list, first, second);
    if (how->folds)
        return dd_dataset_fold(dataset, how->folds, how->fold, how->division, first, second);
    return dd_dataset_divide(dataset, how->fraction, how->division, first, second);
}
