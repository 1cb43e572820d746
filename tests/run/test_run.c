/* Prediction, evaluation, measuring and tuning agree with each other. On the default device. */
#include "run/fixture.h"

#include "run/predict.h"

static void test_probabilities_do_not_depend_on_the_batch(void **state) {
    (void)state;
    enum { COUNT = 33 };
    float whole[COUNT * CLASSES], single[COUNT * CLASSES], uneven[COUNT * CLASSES];
    predict_on(device, 64, COUNT, whole);
    predict_on(device, 1, COUNT, single);
    predict_on(device, 7, COUNT, uneven);
    assert_close(whole, single, COUNT * CLASSES, 1e-5f);
    assert_close(whole, uneven, COUNT * CLASSES, 1e-5f);
    for (size_t i = 0; i < COUNT; i++) {
        float sum = 0;
        for (size_t c = 0; c < CLASSES; c++) sum += whole[i * CLASSES + c];
        assert_true(fabsf(sum - 1) <= 1e-5f);
    }
}

static void test_a_predictor_computes_as_many_images_at_a_time_as_fit(void **state) {
    (void)state;
    enum { COUNT = 100 };
    static float whole[COUNT * CLASSES], parts[COUNT * CLASSES];
    dd_device *little;
    dd_bench_result result;
    dd_device_options options = {.without_selftest = true, .memory_bytes = 1000000};
    dd_bench_options bench = {.batch = 1024, .seconds = 0.01};
    assert_int_equal(dd_device_open(NULL, &options, &little), DD_OK);
    predict_on(device, 1024, COUNT, whole);
    predict_on(little, 1024, COUNT, parts);
    assert_close(whole, parts, COUNT * CLASSES, 1e-5f);
    /* a measurement is of the batch that it names */
    assert_int_equal(dd_bench(little, model, &bench, &result), DD_MEMORY);
    assert_non_null(strstr(dd_message(), "of the 1.0 MB that it may use"));
    dd_device_close(little);
    options.memory_bytes = 10000;
    dd_predictor *predictor;
    assert_int_equal(dd_device_open(NULL, &options, &little), DD_OK);
    assert_int_equal(dd_predictor_create(little, model, 64, &predictor), DD_MEMORY);
    assert_non_null(strstr(dd_message(), "not even one image at a time can be computed: "));
    dd_device_close(little);
}

/* After a hundred runs the launches are joined (dd__chain_if_small). */
static void test_the_hundredth_prediction_is_like_the_first(void **state) {
    (void)state;
    enum { COUNT = 250, FEW = 50 };
    static float many[COUNT * CLASSES], few[FEW * CLASSES];
    predict_on(device, 1, COUNT, many);
    for (size_t first = 0; first < COUNT; first += FEW) {
        dd_predictor *predictor;
        assert_int_equal(dd_predictor_create(device, model, 1, &predictor), DD_OK);
        assert_int_equal(dd_predict(predictor, dd_dataset_pixels(data, first), FEW, few), DD_OK);
        dd_predictor_free(predictor);
        assert_memory_equal(few, many + first * CLASSES, sizeof few);
    }
}

/* Programs that differ in their options alone are linked with each other. */
static void test_networks_with_several_forms_of_a_kernel_are_joined(void **state) {
    (void)state;
    dd_model *resnet;
    dd__graph *graph;
    dd__plan *plan;
    assert_int_equal(dd_model_load("models/resnet-small.json", &resnet), DD_OK);
    assert_int_equal(dd__inference_graph(resnet, 1, device, &graph), DD_OK);
    assert_int_equal(dd__plan_create(device, graph, NULL, 0, &plan), DD_OK);
    dd_status status = dd__plan_chain(plan);
    if (status != DD_OK) print_message("%s\n", dd_message());
    bool can = dd__device_class(device) == DD_CLASS_CPU;
    assert_int_equal(status, can ? DD_OK : DD_DEVICE);
    dd__plan_free(plan);
    dd_model_free(resnet);
}

static void test_device_and_reference_predict_alike(void **state) {
    (void)state;
    enum { COUNT = 9 };
    float here[COUNT * CLASSES], there[COUNT * CLASSES];
    predict_on(device, 4, COUNT, here);
    predict_on(reference, 4, COUNT, there);
    assert_close(here, there, COUNT * CLASSES, 1e-4f);
}

static void test_evaluation_adds_up(void **state) {
    (void)state;
    dd_evaluation *e;
    assert_int_equal(dd_evaluate(device, model, data, 0, &e), DD_OK);
    assert_int_equal(e->count, 300);
    uint64_t all = 0, right = 0;
    for (unsigned i = 0; i < CLASSES; i++) {
        for (unsigned k = 0; k < CLASSES; k++) all += e->confusion[i * CLASSES + k];
        right += e->confusion[i * CLASSES + i];
    }
    assert_int_equal(all, 300);
    assert_true(fabs(e->accuracy - (double)right / 300) <= 1e-12);
    assert_true(fabs(e->top_k[0] - e->accuracy) <= 1e-12);
    for (int k = 1; k < 5; k++) assert_true(e->top_k[k] >= e->top_k[k - 1]);
    assert_true(e->accuracy > 0.5);
    size_t agree = 0;
    for (size_t i = 0; i < e->count; i++) agree += e->predicted[i] == dd_dataset_label(data, i);
    assert_int_equal(agree, right);
    dd_evaluation_free(e);
}

/* A model of two pixels and two classes, whose first class has probability 0.5 for 0, 0; 0.9 for 1, 0; and 1
 * for 0, 1. */
static dd_model *make_sure(void) {
    static const char network[] = "{\"deepdigits\": \"network 1\", \"name\": \"sure\","
                                  "\"input\": {\"height\": 1, \"width\": 2, \"channels\": 1},"
                                  "\"preparation\": {\"scale\": 1, \"shift\": 0},"
                                  "\"layers\": [{\"op\": \"flatten\"}, {\"op\": \"dense\", "
                                  "\"units\": 2}, {\"op\": \"softmax\"}]}";
    const float weights[] = {logf(9), 0, 200, 0}; /* (inputs, units) */
    char file[512];
    dd_model *sure;
    snprintf(file, sizeof file, "%s/sure.json", folder);
    assert_int_equal(dd__file_write(file, network, sizeof network - 1), DD_OK);
    assert_int_equal(dd_model_load(file, &sure), DD_OK);
    assert_int_equal(dd_model_initialize(sure, 1), DD_OK);
    for (size_t i = 0; i < sure->tensor_count; i++)
        if (strstr(sure->tensors[i].name, "weight"))
            memcpy(sure->tensors[i].data, weights, sizeof weights);
    return sure;
}

/* 10 images with 0.5, of which 8 are right; 10 with 0.9, of which 7 are; 20 with 1, of which 19 are. */
static void test_calibration_of_known_probabilities(void **state) {
    (void)state;
    enum { COUNT = 40 };
    uint8_t pixels[COUNT][2] = {{0}};
    int32_t labels[COUNT] = {0};
    for (int i = 10; i < 20; i++) pixels[i][0] = 1;
    for (int i = 20; i < COUNT; i++) pixels[i][1] = 1;
    labels[0] = labels[1] = labels[10] = labels[11] = labels[12] = labels[20] = 1;
    dd_model *sure = make_sure();
    dd_dataset *images;
    dd_evaluation *e;
    assert_int_equal(dd_dataset_create(pixels[0], labels, COUNT, 1, 2, 1, 2, &images), DD_OK);
    assert_int_equal(dd_evaluate(device, sure, images, 0, &e), DD_OK);
    assert_true(fabs(e->calibration_error - (10 * 0.3 + 10 * 0.2 + 20 * 0.05) / COUNT) <= 1e-6);
    static const dd_calibration_bin expected[DD_CALIBRATION_BINS] = {
        [7] = {10, 0.5, 0.8}, [13] = {10, 0.9, 0.7}, [14] = {20, 1, 0.95}};
    for (int i = 0; i < DD_CALIBRATION_BINS; i++) {
        const dd_calibration_bin *found = &e->calibration[i];
        assert_int_equal(found->count, expected[i].count);
        assert_true(found->count ? fabs(found->confidence - expected[i].confidence) <= 1e-6
                                 : isnan(found->confidence));
        assert_true(found->count ? fabs(found->accuracy - expected[i].accuracy) <= 1e-12
                                 : isnan(found->accuracy));
    }
    dd_evaluation_free(e);
    dd_dataset_free(images);
    dd_model_free(sure);
}

static void test_a_network_without_weights_cannot_predict(void **state) {
    (void)state;
    dd_model *empty;
    dd_predictor *predictor;
    assert_int_equal(dd_model_load("models/small.json", &empty), DD_OK);
    assert_int_equal(dd_predictor_create(device, empty, 1, &predictor), DD_USAGE);
    assert_non_null(strstr(dd_message(), "no weights"));
    dd_model_free(empty);
}

static void test_data_with_other_class_names_is_refused(void **state) {
    (void)state;
    char named[512], a[600], b[600];
    dd_dataset *other;
    dd_evaluation *e;
    snprintf(named, sizeof named, "%s/named", folder);
    snprintf(a, sizeof a, "%s/eight", named);
    snprintf(b, sizeof b, "%s/zero", named);
    save_digits(a, 2);
    save_digits(b, 2);
    assert_int_equal(dd_dataset_load(named, DD_SPLIT_TEST, &other), DD_OK);
    assert_int_equal(dd_evaluate(device, model, other, 0, &e), DD_SHAPE);
    assert_non_null(strstr(dd_message(), "eight"));
    dd_dataset_free(other);
}

/* ---- bench and tune ----------------------------------------------------------------------- */

static void test_bench_measures_both_modes(void **state) {
    (void)state;
    for (int train = 0; train < 2; train++) {
        dd_bench_result result;
        dd_bench_options options = {.train = train, .batch = 8, .seconds = 0.05, .profile = true};
        assert_int_equal(dd_bench(device, model, &options, &result), DD_OK);
        assert_true(result.images_per_second > 0 && result.runs > 0);
        assert_true(result.p50_us > 0 && result.p50_us <= result.p90_us);
        assert_true(result.p90_us <= result.p99_us);
        assert_true(result.gflops > 0);
        assert_true(result.node_count > 3);
        dd_bench_result_clear(&result);
    }
}

static char *shared_cache; /* NULL: what is usual */

/* Where nothing is tuned yet. */
static int take_own_cache(void **state) {
    (void)state;
    char own[600];
    const char *shared = getenv("DEEPDIGITS_CACHE_DIR");
    shared_cache = shared ? strdup(shared) : NULL;
    snprintf(own, sizeof own, "%s/cache", folder);
    return setenv("DEEPDIGITS_CACHE_DIR", own, 1);
}

static int take_shared_cache(void **state) {
    (void)state;
    dd_status status = dd_cache_clear();
    if (shared_cache) setenv("DEEPDIGITS_CACHE_DIR", shared_cache, 1);
    if (!shared_cache) unsetenv("DEEPDIGITS_CACHE_DIR");
    free(shared_cache);
    return status != DD_OK;
}

enum { CANDIDATES = 3 };

typedef struct seen {
    size_t timed, chosen;
} seen;

/* As Ctrl-C does after some candidates: how many there are in some seconds is up to the machine. */
static void count_choices(void *context, const dd_tune_step *step) {
    seen *so_far = context;
    if (step->event == DD_TUNE_REJECTED)
        fail_msg("%s of %s, %s: %s", step->choice, step->op, step->shape, step->reason);
    assert_true(step->seconds > 0);
    so_far->timed += step->event == DD_TUNE_TIMED;
    so_far->chosen += step->event == DD_TUNE_CHOSEN;
    if (so_far->timed == CANDIDATES) dd_interrupt();
}

static seen tune_a_little(const dd_model *of, dd_tune_result *result) {
    seen all = {0};
    dd_tune_options options = {.batch = 4, .seconds = 1000};
    assert_int_equal(dd_tune(device, of, &options, count_choices, &all, result), DD_INTERRUPTED);
    dd_clear_interrupt();
    assert_int_equal(all.timed, CANDIDATES);
    assert_int_equal(result->measured, CANDIDATES);
    assert_in_range(all.chosen, 1, CANDIDATES);
    return all;
}

/* What is measured on the validation images is what the model has afterwards. */
static void test_an_average_of_weights_is_measured_as_it_is_kept(void **state) {
    (void)state;
    const dd_train_options options = {.epochs = 2, .batch = 64, .average = 0.98};
    dd_dataset *training, *validation;
    dd_train_result result;
    dd_evaluation *evaluation;
    dd_model *averaged;
    assert_int_equal(dd_model_load("models/seed.json", &averaged), DD_OK);
    assert_int_equal(dd_dataset_divide(data, 0.25, 1, &training, &validation), DD_OK);
    assert_int_equal(dd_train(device, averaged, training, validation, &options, &result), DD_OK);
    assert_int_equal(dd_evaluate(device, averaged, validation, 64, &evaluation), DD_OK);
    assert_true(fabs(evaluation->loss - result.validation_loss) < 1e-4);
    assert_true(fabs(evaluation->accuracy - result.validation_accuracy) < 1e-9);
    dd_evaluation_free(evaluation);
    dd_dataset_free(training);
    dd_dataset_free(validation);
    dd_model_free(averaged);
}

static void test_tuning_keeps_a_choice_that_later_plans_take(void **state) {
    (void)state;
    dd_cache_info before, after;
    dd_tune_result result;
    assert_int_equal(dd_cache_describe(&before), DD_OK);
    assert_int_equal(before.tunings, 0);
    seen all = tune_a_little(model, &result);
    assert_true(result.row_count > 3);
    assert_true(result.training.tuned_seconds + result.inference.tuned_seconds > 0);
    assert_true(result.rows[0].default_seconds > 0 && *result.rows[0].choice);
    dd_tune_result_clear(&result);
    assert_int_equal(dd_cache_describe(&after), DD_OK);
    assert_int_equal(after.tunings, all.chosen);
    assert_int_equal(dd_cache_clear(), DD_OK);
    assert_int_equal(dd_cache_describe(&after), DD_OK);
    assert_int_equal(after.tunings, 0);
}

/* More inputs than a case of the checks holds. */
static void test_a_network_with_a_wide_concat_can_be_tuned(void **state) {
    (void)state;
    static const char head[] = "{\"deepdigits\":\"network 1\",\"name\":\"wide\",\"input\":{"
                               "\"height\":4,\"width\":4,\"channels\":1},\"layers\":[";
    char text[2048], path[600], names[256] = "";
    size_t used = (size_t)snprintf(text, sizeof text, "%s", head);
    for (int i = 0; i < 8; i++) {
        used += (size_t)snprintf(text + used, sizeof text - used,
                                 "{\"op\":\"activation\",\"kind\":\"relu\",\"name\":\"a%d\","
                                 "\"inputs\":[\"input\"]},",
                                 i);
        size_t length = strlen(names);
        snprintf(names + length, sizeof names - length, "%s\"a%d\"", i ? "," : "", i);
    }
    used += (size_t)snprintf(text + used, sizeof text - used,
                             "{\"op\":\"concat\",\"axis\":3,\"inputs\":[%s]},{\"op\":\"flatten\"},"
                             "{\"op\":\"dense\",\"units\":2}]}",
                             names);
    snprintf(path, sizeof path, "%s/wide.json", folder);
    assert_int_equal(dd__file_write(path, text, used), DD_OK);
    dd_model *wide;
    dd_tune_result result;
    dd_status status = dd_model_load(path, &wide);
    if (status != DD_OK) print_error("%s\n", dd_message());
    assert_int_equal(status, DD_OK);
    tune_a_little(wide, &result);
    dd_tune_result_clear(&result);
    dd_model_free(wide);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_probabilities_do_not_depend_on_the_batch),
        cmocka_unit_test(test_a_predictor_computes_as_many_images_at_a_time_as_fit),
        cmocka_unit_test(test_the_hundredth_prediction_is_like_the_first),
        cmocka_unit_test(test_networks_with_several_forms_of_a_kernel_are_joined),
        cmocka_unit_test(test_device_and_reference_predict_alike),
        cmocka_unit_test(test_evaluation_adds_up),
        cmocka_unit_test(test_calibration_of_known_probabilities),
        cmocka_unit_test(test_a_network_without_weights_cannot_predict),
        cmocka_unit_test(test_data_with_other_class_names_is_refused),
        cmocka_unit_test(test_bench_measures_both_modes),
        cmocka_unit_test(test_an_average_of_weights_is_measured_as_it_is_kept),
        cmocka_unit_test_setup_teardown(test_tuning_keeps_a_choice_that_later_plans_take,
                                        take_own_cache, take_shared_cache),
        cmocka_unit_test_setup_teardown(test_a_network_with_a_wide_concat_can_be_tuned,
                                        take_own_cache, take_shared_cache),
    };
    return cmocka_run_group_tests(tests, open_all, close_all);
}
