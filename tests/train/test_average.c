/* The average of a training's weights: which it is, and which running values batch norm has with it. */
#include "fixture.h"

#include <math.h>

#include "model/model.h"

/* Its first layer's running values are the mean and the variance of the images. */
static const char network[] =
    "{\"deepdigits\": \"network 1\", \"name\": \"averaged\","
    " \"input\": {\"height\": 28, \"width\": 28, \"channels\": 1},"
    " \"layers\": [{\"op\": \"batch_norm\", \"name\": \"norm\"},"
    "  {\"op\": \"conv2d\", \"filters\": 4, \"kernel\": 5, \"stride\": 3},"
    "  {\"op\": \"flatten\"}, {\"op\": \"dropout\", \"rate\": 0.5},"
    "  {\"op\": \"dense\", \"units\": 10, \"name\": \"logits\"}]}";

static int make_network(void **state) {
    if (open_all(state) != 0) return -1;
    return dd__file_write(in_run(".", "net.json"), network, sizeof network - 1) == DD_OK ? 0 : -1;
}

/* An epoch is one step. */
static dd_model *train(unsigned epochs, double average, unsigned micro) {
    const dd_train_options options = {.epochs = epochs,
                                      .batch = 512,
                                      .micro_batch = micro,
                                      .seed = 7,
                                      .augment = "rotation=20",
                                      .schedule = "constant",
                                      .average = average,
                                      .keep = DD_KEEP_LAST};
    dd_model *model;
    assert_int_equal(dd_model_load(in_run(".", "net.json"), &model), DD_OK);
    dd_status status = dd_train(device, model, data, validation, &options, NULL);
    if (status != DD_OK) fail_msg("%s", dd_message());
    return model;
}

static const float *tensor(const dd_model *model, const char *name, size_t *count) {
    for (size_t i = 0; i < model->tensor_count; i++)
        if (strcmp(model->tensors[i].name, name) == 0) {
            *count = dd__dims_count(&model->tensors[i].dims);
            return model->tensors[i].data;
        }
    fail_msg("no tensor %s", name);
    return NULL;
}

/* The same by hand, from the weights that each step left. */
static void check_average(double decay, unsigned micro) {
    enum { STEPS = 6 };
    static double expected[100000];
    size_t count = 0;
    for (unsigned s = 0; s < STEPS; s++) {
        dd_model *model = train(s + 1, 0, micro);
        const float *p = tensor(model, "logits.weight", &count);
        double keeps = fmin(decay, s / (s + 10.0));
        assert_true(count > 0 && count <= 100000);
        for (size_t i = 0; i < count; i++)
            expected[i] = s ? keeps * expected[i] + (1 - keeps) * (double)p[i] : (double)p[i];
        dd_model_free(model);
    }
    dd_model *averaged = train(STEPS, decay, micro), *last = train(STEPS, 0, micro);
    const float *found = tensor(averaged, "logits.weight", &count);
    const float *other = tensor(last, "logits.weight", &count);
    double furthest = 0;
    for (size_t i = 0; i < count; i++) {
        assert_true(fabs((double)found[i] - expected[i]) < 1e-6);
        furthest = fmax(furthest, fabs((double)found[i] - (double)other[i]));
    }
    assert_true(furthest > 1e-4);
    dd_model_free(last);
    dd_model_free(averaged);
}

static void test_weights_are_the_average_of_the_steps(void **state) {
    (void)state;
    check_average(0.999, 0);
    check_average(0.25, 0);
}

static void test_micro_batches_are_averaged_alike(void **state) {
    (void)state;
    check_average(0.999, 128);
}

/* Of images as they are, though training turns them. */
static void test_running_values_are_those_of_the_images(void **state) {
    (void)state;
    double sum = 0, squares = 0;
    size_t count;
    for (size_t i = 0; i < 512; i++)
        for (size_t j = 0; j < 28 * 28; j++) {
            double v = dd_dataset_pixels(data, i)[j] / 255.0;
            sum += v;
            squares += v * v;
        }
    double n = 512.0 * 28 * 28, mean = sum / n, variance = squares / n - mean * mean;
    dd_model *model = train(3, 0.9, 0);
    assert_true(fabs((double)*tensor(model, "norm.mean", &count) - mean) < 1e-5);
    assert_true(fabs((double)*tensor(model, "norm.variance", &count) - variance) < 1e-5);
    dd_model_free(model);
    model = train(3, 0.9, 128); /* the mean of four parts' variances lacks that of their means */
    assert_true(fabs((double)*tensor(model, "norm.mean", &count) - mean) < 1e-5);
    assert_true(fabs((double)*tensor(model, "norm.variance", &count) - variance) < 1e-3);
    dd_model_free(model);
}

static void test_decays_that_are_none_are_refused(void **state) {
    (void)state;
    const double wrong[] = {-0.1, 1, (double)NAN};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        const dd_train_options options = {.average = wrong[i]};
        assert_int_equal(dd_train_options_check(&options), DD_USAGE);
        assert_non_null(strstr(dd_message(), "average: expected a decay from 0 to below 1"));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_weights_are_the_average_of_the_steps),
        cmocka_unit_test(test_micro_batches_are_averaged_alike),
        cmocka_unit_test(test_running_values_are_those_of_the_images),
        cmocka_unit_test(test_decays_that_are_none_are_refused),
    };
    return cmocka_run_group_tests(tests, make_network, close_all);
}
