/* dd_evaluate: predictions against labels; all sums on the host, in double. */
#include <math.h>

#include "base/log.h"
#include "train/step.h"

enum { TOP = 5, SOME = 1024 /* images at a time */ };

static dd_status allocate(dd_evaluation *e) {
    e->top_k = dd__alloc(TOP, sizeof *e->top_k);
    e->confusion = dd__alloc((size_t)e->classes * e->classes, sizeof *e->confusion);
    e->predicted = dd__alloc(e->count, sizeof *e->predicted);
    e->probability = dd__alloc(e->count, sizeof *e->probability);
    if (e->top_k && e->confusion && e->predicted && e->probability) return DD_OK;
    return dd__no_memory(e->count * 8);
}

/* Adds image i with its row of probabilities. The rank of the label is the number of classes before
 * it; of equals, the first wins. */
static dd_status add(dd_evaluation *e, size_t i, const float *row, int label) {
    int best = 0, rank = 0;
    for (int c = 0; c < (int)e->classes; c++) {
        if (!isfinite(row[c]))
            return dd__fail(DD_WRONG, "image %zu: the probability of class %d is not finite", i, c);
        if (row[c] > row[best]) best = c;
        rank += row[c] > row[label] || (row[c] == row[label] && c < label);
    }
    e->predicted[i] = best;
    e->probability[i] = row[best];
    e->confusion[(size_t)label * e->classes + (size_t)best]++;
    e->accuracy += best == label;
    e->loss -= log(fmax((double)row[label], 1e-38)); /* a probability of 0 still gives a number */
    for (int k = rank; k < TOP; k++) e->top_k[k] += 1;
    return DD_OK;
}

static dd_calibration_bin *bin_of(dd_evaluation *e, double probability) {
    int i = (int)ceil(probability * DD_CALIBRATION_BINS) - 1;
    return &e->calibration[i < 0 ? 0 : i < DD_CALIBRATION_BINS ? i : DD_CALIBRATION_BINS - 1];
}

/* From what was predicted for all images. */
static void calibrate(dd_evaluation *e, const int32_t *labels) {
    for (size_t i = 0; i < e->count; i++) {
        dd_calibration_bin *bin = bin_of(e, (double)e->probability[i]);
        bin->count++;
        bin->confidence += (double)e->probability[i];
        bin->accuracy += e->predicted[i] == labels[i];
    }
    for (int i = 0; i < DD_CALIBRATION_BINS; i++) {
        dd_calibration_bin *bin = &e->calibration[i];
        double count = bin->count ? (double)bin->count : (double)NAN;
        e->calibration_error += fabs(bin->accuracy - bin->confidence) / (double)e->count;
        bin->confidence /= count;
        bin->accuracy /= count;
    }
}

static dd_status run(dd_predictor *predictor, const dd_dataset *data, float *rows,
                     dd_evaluation *e) {
    size_t pixels = (size_t)data->height * data->width * data->channels;
    for (size_t done = 0; done < data->count; done += SOME) {
        if (dd__interrupted())
            return dd__fail(DD_INTERRUPTED, "interrupted after %zu of %zu images", done,
                            data->count);
        size_t some = data->count - done < SOME ? data->count - done : SOME;
        DD_TRY(dd_predict(predictor, data->pixels + done * pixels, some, rows));
        for (size_t i = 0; i < some; i++)
            DD_TRY(add(e, done + i, rows + i * e->classes, data->labels[done + i]));
    }
    e->loss /= (double)e->count;
    e->accuracy /= (double)e->count;
    for (int k = 0; k < TOP; k++) e->top_k[k] /= (double)e->count;
    calibrate(e, data->labels);
    return DD_OK;
}

dd_status dd_evaluate(dd_device *device, const dd_model *model, const dd_dataset *data,
                      unsigned batch, dd_evaluation **out) {
    dd_status status = DD_OK;
    dd_predictor *predictor = NULL;
    float *rows = NULL;
    DD_TRY(dd__check_examples(model, data));
    dd_evaluation *e = dd__alloc(1, sizeof *e);
    if (!e) return dd__no_memory(sizeof *e);
    *e = (dd_evaluation){.count = data->count, .classes = model->classes};
    DD_TRY_OUT(allocate(e));
    rows = dd__alloc((size_t)SOME * e->classes, sizeof *rows);
    if (!rows) {
        status = dd__no_memory((size_t)SOME * e->classes * sizeof *rows);
        goto out;
    }
    DD_TRY_OUT(dd_predictor_create(device, model, batch ? batch : 128, &predictor));
    DD_TRY_OUT(run(predictor, data, rows, e));
    *out = e;
out:
    dd_predictor_free(predictor);
    dd__free(rows);
    if (status != DD_OK) dd_evaluation_free(e);
    return status;
}

void dd_evaluation_free(dd_evaluation *e) {
    if (!e) return;
    dd__free(e->top_k);
    dd__free(e->confusion);
    dd__free(e->predicted);
    dd__free(e->probability);
    dd__free(e);
}
