#include "cli/truth.h"

#include <stdlib.h>
#include <string.h>

#include "cli/output.h"
#include "cli/progress.h"

enum { FITS = 20, WORST = 10 };

dd_status cli_truth_start(cli_truth *truth, const dd_model *model) {
    dd_model_info info;
    dd_model_describe(model, &info);
    *truth = (cli_truth){.model = model, .classes = info.classes};
    truth->counts = calloc((size_t)info.classes * (info.classes + 1), sizeof *truth->counts);
    return truth->counts ? DD_OK : cli_fail(DD_MEMORY, "no memory for %u classes", info.classes);
}

void cli_truth_free(cli_truth *truth) {
    free(truth->counts);
    truth->counts = NULL;
}

int cli_truth_expected(const cli_truth *truth, const char *path) {
    const char *end = strrchr(path, '/'), *begin = end;
    while (begin && begin > path && begin[-1] != '/') begin--;
    for (unsigned i = 0; begin && i < truth->classes; i++) {
        const char *name = dd_model_class_name(truth->model, i);
        size_t length = strlen(name);
        if (length == (size_t)(end - begin) && memcmp(name, begin, length) == 0) return (int)i;
    }
    return -1;
}

static uint64_t *cell(const cli_truth *truth, unsigned expected, unsigned answer) {
    return &truth->counts[(size_t)expected * (truth->classes + 1) + answer];
}

void cli_truth_count(cli_truth *truth, const dd_classify_row *row) {
    int expected = cli_truth_expected(truth, row->path);
    truth->rows++;
    if (expected < 0) return;
    truth->known++;
    truth->failed += row->status != DD_OK;
    if (row->status != DD_OK) return;
    /* a class may be called "?", but only what the threshold left out is called so by another name */
    const char *name = dd_model_class_name(truth->model, (unsigned)row->classes[0]);
    bool left_out = strcmp(row->labels[0], name) != 0;
    ++*cell(truth, (unsigned)expected, left_out ? truth->classes : (unsigned)row->classes[0]);
}

/* ---- What is told ---------------------------------------------------------------------- */

static const char *answer_name(const cli_truth *truth, unsigned answer) {
    return answer < truth->classes ? dd_model_class_name(truth->model, answer) : "?";
}

static dd_status print_matrix(const cli_truth *truth) {
    cli_table table;
    cli_table_start(&table, "lrrrrrrrrrrrrrrrrrrrrr");
    table.columns = truth->classes + 2;
    cli_table_cell(&table, "folder \\ answer");
    for (unsigned j = 0; j <= truth->classes; j++)
        cli_table_cell(&table, "%s", answer_name(truth, j));
    for (unsigned i = 0; i < truth->classes; i++) {
        cli_table_cell(&table, "%s", answer_name(truth, i));
        for (unsigned j = 0; j <= truth->classes; j++)
            cli_table_cell(&table, "%llu", (unsigned long long)*cell(truth, i, j));
    }
    return cli_table_end(&table, stderr, CLI_TABLE_PLAIN);
}

/* Of more than fits on a screen: the pairs that were confused most, in the order of their number. */
static void print_worst(const cli_truth *truth) {
    uint64_t before = UINT64_MAX;
    for (unsigned told = 0; told < WORST && before > 0;) {
        uint64_t most = 0;
        for (unsigned i = 0; i < truth->classes; i++)
            for (unsigned j = 0; j <= truth->classes; j++)
                if (i != j && *cell(truth, i, j) < before && *cell(truth, i, j) > most)
                    most = *cell(truth, i, j);
        for (unsigned i = 0; most && told < WORST && i < truth->classes; i++)
            for (unsigned j = 0; told < WORST && j <= truth->classes; j++)
                if (i != j && *cell(truth, i, j) == most) {
                    cli_note("  %llu in %s were taken for %s", (unsigned long long)most,
                             answer_name(truth, i), answer_name(truth, j));
                    told++;
                }
        before = most;
    }
}

dd_status cli_truth_tell(const cli_truth *truth, bool asked) {
    size_t right = 0, count = truth->known - truth->failed;
    if (cli_is_quiet() || (!asked && truth->known < truth->rows)) return DD_OK;
    if (count == 0) {
        if (asked) cli_note("no accuracy: no file is in a folder that is named as a class");
        return DD_OK;
    }
    for (unsigned i = 0; i < truth->classes; i++) right += *cell(truth, i, i);
    cli_note("accuracy %.2f %% (of %zu files in folders named as classes%s)",
             100 * (double)right / (double)count, count,
             truth->failed ? ", without those that failed" : "");
    if (truth->classes <= FITS) return print_matrix(truth);
    print_worst(truth);
    return DD_OK;
}
