#include "cli/folds.h"

#include <math.h>

#include "cli/output.h"
#include "cli/progress.h"

typedef struct spread {
    double sum, squares;
    unsigned count;
} spread;

static void add(spread *s, double x) {
    s->sum += x;
    s->squares += x * x;
    s->count++;
}
static double mean(const spread *s) { return s->sum / s->count; }
/* Of the sample: divided by count - 1. */
static double deviation(const spread *s) {
    return sqrt(fmax(0, s->squares - s->sum * s->sum / s->count) / (s->count - 1));
}

static dd_status show_fold(const cli_training *t) {
    if (t->set->json) return DD_OK;
    printf("fold %u  loss %.4f  accuracy %.2f %%  %s\n", t->fold, t->result.validation_loss,
           100 * t->result.validation_accuracy, t->output);
    return cli_flush_stdout();
}

/* RUN/folds.json; the same on standard output with --json. */
static dd_status write_folds(const cli_train_settings *set, const spread *loss,
                             const spread *accuracy, cJSON *rows) {
    char path[CLI_PATH_LIMIT + 64];
    cli_output output;
    cJSON *json = cJSON_CreateObject();
    cJSON_AddItemToObject(json, "folds", rows);
    cli_json_number(json, "validation_loss", mean(loss));
    cli_json_number(json, "validation_loss_deviation", deviation(loss));
    cli_json_number(json, "validation_accuracy", mean(accuracy));
    cli_json_number(json, "validation_accuracy_deviation", deviation(accuracy));
    cJSON *copy = set->json ? cJSON_Duplicate(json, true) : NULL;
    snprintf(path, sizeof path, "%s/folds.json", set->output);
    dd_status status = cli_output_open(&output, path);
    if (status == DD_OK)
        status = cli_output_close(&output, cli_json_end(json, output.stream, true));
    else
        cJSON_Delete(json);
    if (!copy) return status;
    if (status == DD_OK) return cli_json_end(copy, stdout, true);
    cJSON_Delete(copy);
    return status;
}

/* A fold that was begun is gone on with: the library refuses if it was begun otherwise, and has
 * nothing to do where it is finished. */
static dd_status run_fold(cli_training *t) {
    snprintf(t->output, sizeof t->output, "%s/fold-%u", t->set->output, t->fold);
    t->resume = !t->set->overwrite && cli_run_is_begun(t->output);
    cli_note("fold %u of %lld: %s", t->fold, (long long)t->set->folds, t->output);
    return cli_training_run(t, show_fold);
}

dd_status cli_folds_run(const cli_call *call, const cli_train_settings *set) {
    spread loss = {0, 0, 0}, accuracy = {0, 0, 0};
    cJSON *rows = cJSON_CreateArray();
    for (unsigned fold = 1; fold <= set->folds; fold++) {
        cli_training t = {.call = call, .set = set, .fold = fold};
        dd_status status = run_fold(&t);
        if (status != DD_OK) {
            cJSON_Delete(t.profile);
            cJSON_Delete(rows);
            return status;
        }
        add(&loss, t.result.validation_loss);
        add(&accuracy, t.result.validation_accuracy);
        cJSON *row = cJSON_CreateObject();
        cli_json_training(row, &t);
        cJSON_Delete(t.profile);
        cJSON_AddItemToArray(rows, row);
    }
    CLI_TRY(write_folds(set, &loss, &accuracy, rows));
    if (set->json) return DD_OK;
    printf("%u folds: loss %.4f +- %.4f  accuracy %.2f +- %.2f %% (mean and standard deviation)\n",
           loss.count, mean(&loss), deviation(&loss), 100 * mean(&accuracy),
           100 * deviation(&accuracy));
    return DD_OK;
}
