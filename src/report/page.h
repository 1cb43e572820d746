/* page.h: the report as one page, from what report.c gathered. */
#ifndef DD_REPORT_PAGE_H
#define DD_REPORT_PAGE_H

#include <stdio.h>

#include "base/status.h"

/* An image that the page shows with what the network said of it. */
typedef struct dd__shown {
    size_t index;         /* in the evaluated set */
    const float *answers; /* (classes) probabilities */
} dd__shown;

enum { DD__AUGMENTED_EPOCHS = 3 };

/* What the page shows. Nothing in it belongs to it. */
typedef struct dd__report {
    const dd_run *run;
    const dd_model *model;
    const char
        *missing; /* why there is nothing of the data; NULL, and all below is set: there is */

    const dd_dataset *training; /* this and `evaluated` with the model's classes as labels */
    const dd_dataset *augmented[DD__AUGMENTED_EPOCHS]; /* of the first training images, in epochs 1,
                                                          2, 3; all NULL without augmentation */
    const dd_dataset *evaluated;
    const char *set; /* which that is: "validation", "test" or "training" */
    const dd_evaluation *evaluation;
    const dd__shown *samples; /* (sample_count) */
    size_t sample_count;
    const dd__shown *wrong; /* (wrong_count) the surest mistakes, surest first */
    size_t wrong_count;
} dd__report;

/* Writes the page. */
dd_status dd__page_write(FILE *file, const dd__report *report);
/* What the page's script reads, as JSON that nothing in it can end or leave: NULL when there is no
 * memory; cJSON_free. */
char *dd__page_data(const dd__report *report);

/* report.html, report.css, words.js, charts.js, report.js, and chart.js, which is Chart.js: all
 * embedded at build time. A row of NULLs ends them. */
typedef struct dd__page_part {
    const char *name, *text;
} dd__page_part;
extern const dd__page_part dd__page_parts[];

#endif
