/* dd_train: it learns, it repeats, it stops in good order. On the default device. */
#include "fixture.h"

#include <math.h>

#include "train/step.h"

static dd_model *small(void) {
    dd_model *model;
    assert_int_equal(dd_model_load("models/small.json", &model), DD_OK);
    return model;
}

static const char *in_folder(const char *name) { return in_run(".", name); }

static void test_training_learns_the_synthetic_digits(void **state) {
    (void)state;
    const char *optimizers[] = {"adam", "adamw", "sgd"};
    for (size_t i = 0; i < 3; i++) {
        dd_model *model = small();
        dd_train_result result;
        dd_train_options options = {
            .epochs = 6, .batch = 32, .optimizer = optimizers[i], .learning_rate = 0.003};
        if (i == 2) options.learning_rate = 0.02;
        assert_int_equal(dd_train(device, model, data, validation, &options, &result), DD_OK);
        assert_int_equal(result.epochs, 6);
        assert_true(result.accuracy > 0.7);
        assert_true(result.validation_accuracy > 0.6);
        assert_true(result.best_epoch >= 1 && result.best_epoch <= 6);
        assert_false(model->preparation.digits); /* not as MNIST made them */
        dd_model_free(model);
    }
}

static void test_two_runs_with_one_seed_give_the_same_bytes(void **state) {
    (void)state;
    const char *names[] = {"one", "two", "other"};
    for (size_t i = 0; i < 3; i++) {
        dd_model *model;
        dd_train_options options = {.epochs = 2, .batch = 32, .seed = i < 2 ? 7 : 8};
        options.output = in_folder(names[i]);
        assert_int_equal(dd_model_load("models/seed.json", &model), DD_OK);
        assert_int_equal(dd_train(device, model, data, validation, &options, NULL), DD_OK);
        dd_model_free(model);
    }
    assert_same_file(in_folder("one/model.safetensors"), in_folder("two/model.safetensors"));
    char *bytes[2];
    size_t size[2];
    assert_int_equal(
        dd__file_read(in_folder("one/model.safetensors"), 1 << 28, &bytes[0], &size[0]), DD_OK);
    assert_int_equal(
        dd__file_read(in_folder("other/model.safetensors"), 1 << 28, &bytes[1], &size[1]), DD_OK);
    assert_memory_not_equal(bytes[0], bytes[1], size[0]);
    dd__free(bytes[0]);
    dd__free(bytes[1]);
}

static void test_a_run_leaves_model_history_and_record(void **state) {
    (void)state;
    dd_model *model = small(), *again;
    dd_train_options options = {.epochs = 2, .batch = 64, .command = "a test"};
    options.output = in_folder("deep/er");
    assert_int_equal(dd_train(device, model, data, NULL, &options, NULL), DD_OK);
    assert_int_equal(dd_model_load(in_folder("deep/er/model.safetensors"), &again), DD_OK);
    assert_true(dd_model_has_tensors(again));
    char *text;
    size_t size;
    assert_int_equal(dd__file_read(in_folder("deep/er/history.csv"), 1 << 20, &text, &size), DD_OK);
    assert_non_null(strstr(text, "epoch,loss,accuracy"));
    assert_non_null(strstr(text, "\n2,"));
    assert_non_null(strstr(text, ",,,")); /* without validation these are empty, not NaN */
    assert_null(strstr(text, "nan"));
    dd__free(text);
    assert_int_equal(dd__file_read(in_folder("deep/er/run.json"), 1 << 20, &text, &size), DD_OK);
    assert_non_null(strstr(text, "\"a test\""));
    assert_non_null(strstr(text, "\"finished\""));
    dd__free(text);
    dd_model_free(again);
    dd_model_free(model);
}

static void test_divergence_is_told_and_keeps_finite_weights(void **state) {
    (void)state;
    dd_model *model = small();
    dd_train_options options = {
        .epochs = 3, .batch = 32, .optimizer = "sgd", .learning_rate = 1e30};
    options.output = in_folder("diverged");
    assert_int_equal(dd_train(device, model, data, NULL, &options, NULL), DD_WRONG);
    assert_non_null(strstr(dd_message(), "not finite"));
    assert_false(dd__is_file(in_folder("diverged/model.safetensors")));
    dd_model_free(model);
}

/* The loss of a step is from before its update: the last update of an epoch may break what a finite
 * loss promised. */
static void test_weights_that_are_not_finite_never_replace_good_ones(void **state) {
    (void)state;
    const dd__optimizer *adam;
    dd_model *model = small();
    dd__graph *graph;
    dd__plan *plan;
    assert_int_equal(dd_model_initialize(model, 1), DD_OK);
    float before = model->tensors[0].data[0], broken = (float)NAN;
    assert_int_equal(dd__optimizer_find("adam", &adam), DD_OK);
    const dd__training training = {
        .count = 8, .batch = 8, .seed = 1, .optimizer = adam, .settings = adam->settings};
    assert_int_equal(dd__training_graph(model, &training, device, &graph), DD_OK);
    assert_int_equal(dd__plan_create(device, graph, NULL, 0, &plan), DD_OK);
    assert_int_equal(dd__plan_write(plan, model->tensors[0].name, &broken, sizeof broken), DD_OK);
    assert_int_equal(dd__fetch_parameters(plan, model), DD_WRONG);
    assert_non_null(strstr(dd_message(), "1 of "));
    assert_true(model->tensors[0].data[0] == before);
    dd__plan_free(plan);
    dd_model_free(model);
}

static void stop_in_second_epoch(void *context, const dd_train_progress *progress) {
    (void)context;
    if (progress->epoch == 2) dd_interrupt();
}

static void test_an_interrupted_run_saves_and_says_so(void **state) {
    (void)state;
    dd_model *model = small(), *saved;
    dd_train_options options = {.epochs = 5, .batch = 32, .progress = stop_in_second_epoch};
    dd_train_result result;
    options.output = in_folder("interrupted");
    assert_int_equal(dd_train(device, model, data, validation, &options, &result), DD_INTERRUPTED);
    dd_clear_interrupt();
    assert_int_equal(result.epochs, 1);
    assert_int_equal(dd_model_load(in_folder("interrupted/model.safetensors"), &saved), DD_OK);
    dd_model_free(saved);
    dd_model_free(model);
}

static void test_wrong_options_are_refused_with_their_name(void **state) {
    (void)state;
    const struct {
        dd_train_options options;
        const char *expected;
    } rows[] = {
        {{.optimizer = "lion"}, "lion"},
        {{.learning_rate = -1}, "learning rate"},
        {{.learning_rate = NAN}, "learning rate"},
        {{.momentum = 1.5, .optimizer = "sgd"}, "momentum"},
        {{.weight_decay = -0.1}, "weight decay"},
        {{.weight_decay = 0.1, .optimizer = "adam"}, "adamw"},
        {{.label_smoothing = -0.1}, "label smoothing"},
        {{.label_smoothing = 1}, "label smoothing"},
        {{.label_smoothing = NAN}, "label smoothing"},
        {{.output = "/proc/nowhere/run"}, "/proc"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        dd_model *model = small();
        dd_status status = dd_train(device, model, data, NULL, &rows[i].options, NULL);
        assert_true(status == DD_USAGE || status == DD_IO);
        assert_non_null(strstr(dd_message(), rows[i].expected));
        assert_false(dd_model_has_tensors(model));
        dd_model_free(model);
    }
}

static void test_data_that_does_not_fit_is_refused(void **state) {
    (void)state;
    uint8_t pixels[2 * 20 * 20] = {0};
    int32_t labels[2] = {0, 1}, high[2] = {3, 11};
    dd_dataset *wrong;
    dd_model *model = small();
    assert_int_equal(dd_dataset_create(pixels, labels, 2, 20, 20, 1, 10, &wrong), DD_OK);
    assert_int_equal(dd_train(device, model, wrong, NULL, NULL, NULL), DD_SHAPE);
    assert_non_null(strstr(dd_message(), "28x28"));
    dd_dataset_free(wrong);
    uint8_t *fitting = calloc(2, 28 * 28);
    assert_int_equal(dd_dataset_create(fitting, NULL, 2, 28, 28, 1, 10, &wrong), DD_OK);
    assert_int_equal(dd_train(device, model, wrong, NULL, NULL, NULL), DD_USAGE);
    assert_non_null(strstr(dd_message(), "labels"));
    dd_dataset_free(wrong);
    assert_int_equal(dd_dataset_create(fitting, high, 2, 28, 28, 1, 12, &wrong), DD_OK);
    assert_int_equal(dd_train(device, model, wrong, NULL, NULL, NULL), DD_SHAPE);
    assert_non_null(strstr(dd_message(), "11"));
    dd_dataset_free(wrong);
    free(fitting);
    dd_model_free(model);
}

/* A tenth of the real digits, twice, through the seed network. */
static void test_mnist_is_learnt_in_a_few_steps(void **state) {
    (void)state;
    const char *source = getenv("DEEPDIGITS_DATA");
    if (!source) source = "../shared/mnist";
    dd_dataset *all, *some, *rest;
    if (!dd__is_folder(source)) {
        printf("SKIPPED: test_mnist_is_learnt_in_a_few_steps wants MNIST\n");
        skip();
    }
    assert_int_equal(dd_dataset_load(source, DD_SPLIT_TRAIN, &all), DD_OK);
    assert_int_equal(dd_dataset_divide(all, 0.1, 1, &rest, &some), DD_OK);
    dd_model *model;
    dd_train_result result;
    dd_train_options options = {.epochs = 2};
    assert_int_equal(dd_model_load("models/seed.json", &model), DD_OK);
    assert_int_equal(dd_train(device, model, some, NULL, &options, &result), DD_OK);
    assert_true(result.accuracy > 0.9);
    assert_true(model->preparation.digits);
    dd_model_free(model);
    dd_dataset_free(all);
    dd_dataset_free(some);
    dd_dataset_free(rest);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_training_learns_the_synthetic_digits),
        cmocka_unit_test(test_two_runs_with_one_seed_give_the_same_bytes),
        cmocka_unit_test(test_a_run_leaves_model_history_and_record),
        cmocka_unit_test(test_divergence_is_told_and_keeps_finite_weights),
        cmocka_unit_test(test_weights_that_are_not_finite_never_replace_good_ones),
        cmocka_unit_test(test_an_interrupted_run_saves_and_says_so),
        cmocka_unit_test(test_wrong_options_are_refused_with_their_name),
        cmocka_unit_test(test_data_that_does_not_fit_is_refused),
        cmocka_unit_test(test_mnist_is_learnt_in_a_few_steps),
    };
    return cmocka_run_group_tests(tests, open_all, close_all);
}
