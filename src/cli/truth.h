/* truth.h: how right a classification was, where files lie in folders that are named as their classes. */
#ifndef DD_CLI_TRUTH_H
#define DD_CLI_TRUTH_H

#include "cli/cli.h"

/* What was found of files whose class is known. */
typedef struct cli_truth {
    const dd_model *model;
    unsigned classes;
    size_t rows, known; /* files; of them in a folder that is named as a class */
    size_t failed;      /* of the known: not classified */
    uint64_t
        *counts; /* (classes, classes + 1) row: the folder's class; column: the answer, last "?" */
} cli_truth;

/* DD_MEMORY  the matrix of very many classes does not fit */
dd_status cli_truth_start(cli_truth *truth, const dd_model *model);
void cli_truth_free(cli_truth *truth);
/* The class that the folder of `path` is named as; -1: none. */
int cli_truth_expected(const cli_truth *truth, const char *path);
void cli_truth_count(cli_truth *truth, const dd_classify_row *row);
/* Says on standard error what share was right, and the confusion matrix of at most 20 classes, or what was
 * confused most of more: when all files are known, or when `asked` to.  */
dd_status cli_truth_tell(const cli_truth *truth, bool asked);

#endif
