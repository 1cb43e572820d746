/* fixture.h: what the tests of this folder share: a trained model, its data, the default device and the
 * reference. */
#ifndef TESTS_RUN_FIXTURE_H
#define TESTS_RUN_FIXTURE_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "data/image.h"
#include "deepdigits.h"

enum { CLASSES = 10 };

static dd_device *device, *reference;
static dd_dataset *data;
static dd_model *model;
static char folder[] = "/tmp/deepdigits-run-XXXXXX";

static inline int open_all(void **state) {
    (void)state;
    dd_device_options options = {.without_selftest = true};
    dd_train_options training = {.epochs = 4, .batch = 32, .learning_rate = 0.003};
    bool ready = mkdtemp(folder) && dd_device_open("reference", &options, &reference) == DD_OK &&
                 dd_device_open(NULL, &options, &device) == DD_OK &&
                 dd_dataset_load("synthetic:300:5", DD_SPLIT_TRAIN, &data) == DD_OK &&
                 dd_model_load("models/small.json", &model) == DD_OK &&
                 dd_train(device, model, data, NULL, &training, NULL) == DD_OK;
    if (!ready) fprintf(stderr, "%s\n", dd_message());
    return ready ? 0 : -1;
}

static inline int close_all(void **state) {
    (void)state;
    dd_model_free(model);
    dd_dataset_free(data);
    dd_device_close(device);
    dd_device_close(reference);
    char command[256];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command);
}

static inline void predict_on(dd_device *on, unsigned batch, size_t count, float *rows) {
    dd_predictor *predictor;
    assert_int_equal(dd_predictor_create(on, model, batch, &predictor), DD_OK);
    assert_int_equal(dd_predict(predictor, dd_dataset_pixels(data, 0), count, rows), DD_OK);
    dd_predictor_free(predictor);
}

static inline void assert_close(const float *a, const float *b, size_t count, float tolerance) {
    for (size_t i = 0; i < count; i++) assert_true(fabsf(a[i] - b[i]) <= tolerance);
}

static inline void save_digits(const char *where, size_t count) {
    assert_int_equal(dd__folder_make(where), DD_OK);
    for (size_t i = 0; i < count; i++) {
        char path[4096];
        snprintf(path, sizeof path, "%s/%04zu.png", where, i);
        dd__image image = {28, 28, 1, (uint8_t *)dd_dataset_pixels(data, i)};
        assert_int_equal(dd__image_save_png(path, &image), DD_OK);
    }
}

#endif
