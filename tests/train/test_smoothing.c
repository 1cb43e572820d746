/* Smoothed labels: what a training's losses are then, and that a run goes on with what it was begun with. */
#include "fixture.h"

#include <math.h>

#include "model/model.h"

enum { CLASSES = 10, PIXELS = 28 * 28 };

static const char network[] = "{\"deepdigits\": \"network 1\", \"name\": \"biased\","
                              " \"input\": {\"height\": 28, \"width\": 28, \"channels\": 1},"
                              " \"layers\": [{\"op\": \"flatten\"},"
                              "  {\"op\": \"dense\", \"units\": 10}, {\"op\": \"softmax\"}]}";

/* Its logits are 0, 0.5, 1, ..., whatever the image. */
static float logit(int32_t index) { return 0.5f * (float)index; }

static dd_model *make_model(void) {
    dd_model *model;
    const char *path = in_run(".", "biased.json");
    assert_int_equal(dd__file_write(path, network, sizeof network - 1), DD_OK);
    assert_int_equal(dd_model_load(path, &model), DD_OK);
    assert_int_equal(dd_model_initialize(model, 1), DD_OK);
    for (size_t i = 0; i < model->tensor_count; i++) {
        bool is_weight = strstr(model->tensors[i].name, "weight") != NULL;
        float *numbers = model->tensors[i].data;
        for (int32_t k = 0; k < (is_weight ? PIXELS * CLASSES : CLASSES); k++)
            numbers[k] = is_weight ? 0 : logit(k);
    }
    return model;
}

static double expected_loss(const dd_dataset *images, double smoothing) {
    dd_dataset_info info;
    double sum = 0, mean = 0, of_labels = 0;
    dd_dataset_describe(images, &info);
    for (int32_t c = 0; c < CLASSES; c++) sum += exp((double)logit(c));
    for (int32_t c = 0; c < CLASSES; c++) mean += (double)logit(c) / CLASSES;
    for (size_t i = 0; i < info.count; i++)
        of_labels += (double)logit(dd_dataset_label(images, i)) / (double)info.count;
    return log(sum) - (1 - smoothing) * of_labels - smoothing * mean;
}

/* At a rate that changes nothing. */
static dd_status train(const char *run, double smoothing, bool resume, dd_train_result *result) {
    dd_train_options options = {.epochs = resume ? 2 : 1,
                                .label_smoothing = smoothing,
                                .optimizer = "sgd",
                                .momentum = -1,
                                .learning_rate = 1e-30,
                                .schedule = "constant",
                                .output = in_run(run, ""),
                                .resume = resume};
    dd_model *model = make_model();
    dd_status status = dd_train(device, model, data, validation, &options, result);
    dd_model_free(model);
    return status;
}

static void test_the_loss_of_training_is_smoothed_and_that_of_validation_plain(void **state) {
    (void)state;
    static const double shares[] = {0, 0.1, 0.9};
    for (size_t i = 0; i < 3; i++) {
        dd_train_result result;
        assert_int_equal(train("losses", shares[i], false, &result), DD_OK);
        assert_true(fabs(result.loss - expected_loss(data, shares[i])) <= 1e-5);
        assert_true(fabs(result.validation_loss - expected_loss(validation, 0)) <= 1e-5);
    }
}

static void test_a_run_records_the_share_and_goes_on_so(void **state) {
    (void)state;
    dd_run *run;
    assert_int_equal(train("record", 0.1, false, NULL), DD_OK);
    assert_int_equal(dd_run_load(in_run("record", ""), &run), DD_OK);
    assert_true(run->options.label_smoothing == 0.1);
    dd_run_free(run);
    assert_int_equal(train("record", 0.2, true, NULL), DD_USAGE);
    assert_non_null(strstr(dd_message(), "label_smoothing: the run to go on with has 0.1, found"));
    assert_int_equal(train("record", 0.1, true, NULL), DD_OK);
}

/* Runs of before there was the option do not speak of it. */
static void test_an_older_run_goes_on_without(void **state) {
    (void)state;
    char command[1024];
    const char *state_file = in_run("older", "checkpoint/state.safetensors");
    assert_int_equal(train("older", 0, false, NULL), DD_OK);
    snprintf(command, sizeof command, "sed -i 's/%s/%*s/' %s && ! grep -q smoothing %s",
             "\\\\\"label_smoothing\\\\\":0,", 22, "", state_file, state_file);
    assert_int_equal(system(command), 0);
    assert_int_equal(train("older", 0.1, true, NULL), DD_USAGE);
    assert_non_null(strstr(dd_message(), "label_smoothing: the run to go on with has none"));
    assert_int_equal(train("older", 0, true, NULL), DD_OK);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_loss_of_training_is_smoothed_and_that_of_validation_plain),
        cmocka_unit_test(test_a_run_records_the_share_and_goes_on_so),
        cmocka_unit_test(test_an_older_run_goes_on_without),
    };
    return cmocka_run_group_tests(tests, open_all, close_all);
}
