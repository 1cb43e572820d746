/* Batches that are computed in parts: the same training but for rounding, byte by byte the same each time.
 * On the default device and the reference. */
#include "fixture.h"

#include <math.h>

#include "device/device.h"
#include "train/step.h"

enum { BATCH = 64, EPOCHS = 3 };

/* Nothing in it sees more than one image; dropout's numbers for an image are multiples of 8. */
#define LAYERS(norm)                                                                        \
    "{\"deepdigits\": \"network 1\", \"name\": \"parts\","                                  \
    " \"input\": {\"height\": 28, \"width\": 28, \"channels\": 1}, \"layers\": ["           \
    "  {\"op\": \"conv2d\", \"filters\": 8, \"kernel\": 5, \"stride\": 2, \"activation\": " \
    "\"relu\"}," norm "  {\"op\": \"max_pool\", \"kernel\": 2},"                            \
    "  {\"op\": \"dropout\", \"rate\": 0.25}, {\"op\": \"flatten\"},"                       \
    "  {\"op\": \"dense\", \"units\": 24, \"activation\": \"relu\"},"                       \
    "  {\"op\": \"dropout\", \"rate\": 0.5}, {\"op\": \"dense\", \"units\": 10}]}"
static const char plain[] = LAYERS("");
static const char normed[] = LAYERS(" {\"op\": \"batch_norm\"},");

static int make_networks(void **state) {
    if (open_all(state) != 0) return -1;
    return dd__file_write(in_run(".", "plain.json"), plain, sizeof plain - 1) != DD_OK ||
           dd__file_write(in_run(".", "normed.json"), normed, sizeof normed - 1) != DD_OK;
}

static void assert_fine(dd_status status) {
    if (status != DD_OK) fail_msg("%s", dd_message());
}

static dd_model *load(const char *name) {
    dd_model *model;
    assert_fine(dd_model_load(in_run(".", name), &model));
    return model;
}

/* ---- One step ------------------------------------------------------------------------- */

/* What a step leaves, with a state of this name last. */
typedef struct outcome {
    float *numbers; /* (count) */
    size_t count;
    float *statistics; /* (statistic_count), or NULL */
    size_t statistic_count;
    dd__sums sums;
} outcome;

static float *fetch(dd__plan *plan, const char *name, size_t *count) {
    const dd__value *value = dd__graph_find(dd__plan_graph(plan), name);
    *count = value ? dd__dims_count(&value->dims) : 0;
    if (!value) return NULL;
    float *numbers = dd__alloc(*count, sizeof *numbers);
    assert_fine(dd__plan_read(plan, name, numbers, *count * sizeof *numbers));
    return numbers;
}

/* The gradients of one batch, in parts of `micro` images; statistics before them are 0 and 1. */
static outcome step_of(dd_device *on, const char *network, uint32_t micro) {
    outcome o = {0};
    dd__examples examples;
    dd__graph *graph;
    dd__plan *plan;
    dd_model *model = load(network);
    dd__training training = {.count = 512,
                             .batch = BATCH,
                             .micro = micro,
                             .seed = 7,
                             .augment = {.rotation = 10, .width = 0.1f}};
    assert_fine(dd__optimizer_find("sgd", &training.optimizer));
    assert_fine(dd__examples_create(on, model, data, &examples));
    assert_fine(dd__training_graph(model, &training, on, &graph));
    const dd__binding bound[] = {{"images", examples.images}, {"labels", examples.labels}};
    assert_fine(dd__plan_create(on, graph, bound, 2, &plan));
    const dd__step step = {
        .seed_low = 7, .step = 5, .epoch = 2, .count = 512, .parts = BATCH / micro};
    assert_fine(dd__set_step(plan, &step, NULL));
    for (uint32_t done = 0; done < BATCH; done += micro) assert_fine(dd__plan_run(plan));
    o.numbers = fetch(plan, micro < BATCH ? "gradient_sums" : "gradients", &o.count);
    o.statistics = fetch(plan, "statistics", &o.statistic_count);
    assert_fine(dd__plan_read(plan, "sums", &o.sums, sizeof o.sums));
    dd__plan_free(plan);
    dd__examples_free(&examples);
    dd_model_free(model);
    return o;
}

static void outcome_free(outcome *o) {
    dd__free(o->numbers);
    dd__free(o->statistics);
}

static void assert_near(const float *found, const float *expected, size_t count, double tolerance) {
    double largest = 0;
    for (size_t i = 0; i < count; i++) largest = fmax(largest, fabs((double)expected[i]));
    assert_true(largest > 0);
    for (size_t i = 0; i < count; i++)
        assert_true(fabs((double)found[i] - (double)expected[i]) <= tolerance * largest);
}

/* Tolerances are roundings: of float sums on the device, of sums in double that are stored as float on
 * the reference. */
static void check_gradients(dd_device *on, double tolerance) {
    static const uint32_t sizes[] = {1, 2, 16, 32};
    outcome whole = step_of(on, "plain.json", BATCH);
    for (size_t i = 0; i < DD_COUNT(sizes); i++) {
        outcome parts = step_of(on, "plain.json", sizes[i]);
        assert_int_equal(parts.count, whole.count);
        assert_near(parts.numbers, whole.numbers, whole.count, tolerance);
        assert_true(fabsf(parts.sums.loss - whole.sums.loss) <= 1e-5f * whole.sums.loss);
        assert_true(parts.sums.hits == whole.sums.hits);
        assert_true(parts.sums.count == BATCH);
        outcome_free(&parts);
    }
    outcome_free(&whole);
}

static void test_gradients_of_parts_add_up_to_those_of_the_batch(void **state) {
    (void)state;
    dd_device *reference;
    check_gradients(device, 1e-5);
    assert_fine(dd_device_open("reference", NULL, &reference));
    check_gradients(reference, 1e-6);
    dd_device_close(reference);
}

/* At step 5 a batch has the share (1 - 0.99) / (1 - 0.99^6) in the running values. */
static void test_running_values_take_a_step_of_parts_as_one_batch(void **state) {
    (void)state;
    outcome whole = step_of(device, "normed.json", BATCH);
    outcome parts = step_of(device, "normed.json", 16);
    const size_t channels = 8, variances = DD__ALIGNMENT / sizeof(float);
    assert_int_equal(parts.statistic_count, whole.statistic_count);
    assert_near(parts.statistics, whole.statistics, channels, 1e-5);
    for (size_t c = 0; c < channels; c++) {
        double found = (double)parts.statistics[variances + c],
               expected = (double)whole.statistics[variances + c];
        /* what lies between the parts' means is not in their variances */
        assert_true(found <= expected + 1e-6 && found > 0.9 * expected);
    }
    outcome_free(&parts);
    outcome_free(&whole);
}

/* ---- Whole trainings ------------------------------------------------------------------- */

static dd_train_options recipe(const char *run) {
    return (dd_train_options){.epochs = EPOCHS,
                              .batch = BATCH,
                              .seed = 7,
                              .augment = "digits",
                              .schedule = "cosine:warm-up=0.5",
                              .output = in_run(run, "")};
}

static dd_status train_on(dd_device *on, const char *network, const dd_train_options *options,
                          dd_train_result *result) {
    dd_model *model = load(network);
    dd_status status = dd_train(on, model, data, validation, options, result);
    dd_clear_interrupt();
    dd_model_free(model);
    return status;
}

static dd_device *open_with(uint64_t memory) {
    dd_device *opened;
    dd_device_options options = {.without_selftest = true, .memory_bytes = memory};
    assert_fine(dd_device_open(NULL, &options, &opened));
    return opened;
}

static void assert_same_models(const char *one, const char *other) {
    assert_same_file(in_run(one, "model.safetensors"), in_run(other, "model.safetensors"));
    assert_same_file(in_run(one, "last.safetensors"), in_run(other, "last.safetensors"));
}

static void assert_same_history(const char *one, const char *other, double tolerance) {
    dd_run *a, *b;
    assert_fine(dd_run_load(in_run(one, ""), &a));
    assert_fine(dd_run_load(in_run(other, ""), &b));
    assert_int_equal(a->epoch_count, EPOCHS);
    assert_int_equal(b->epoch_count, EPOCHS);
    for (size_t i = 0; i < EPOCHS; i++) {
        const dd_epoch *x = &a->epochs[i], *y = &b->epochs[i];
        assert_true(x->learning_rate == y->learning_rate);
        assert_true(fabs(x->loss - y->loss) <= tolerance * x->loss);
        assert_true(fabs(x->validation_loss - y->validation_loss) <= tolerance * x->loss);
        assert_true(fabs(x->accuracy - y->accuracy) <= (tolerance > 0 ? 3.0 / 512 : 0));
    }
    dd_run_free(a);
    dd_run_free(b);
}

static char said[4096];
static void keep_log(void *context, dd_log_level level, const char *line) {
    (void)context;
    (void)level;
    size_t used = strlen(said);
    snprintf(said + used, sizeof said - used, "%s\n", line);
}

/* Examples take 0.5 MB of it. */
enum { LITTLE = 1200000 };

static void test_a_batch_that_does_not_fit_is_split_and_trains_the_same(void **state) {
    (void)state;
    dd_device *little = open_with(LITTLE);
    dd_train_options split = recipe("split"), whole = recipe("whole");
    dd_train_result result;
    said[0] = 0;
    dd_set_log(keep_log, NULL);
    assert_fine(train_on(little, "plain.json", &split, &result));
    dd_set_log(NULL, NULL);
    assert_true(result.micro_batch >= 1 && result.micro_batch < BATCH);
    assert_int_equal(BATCH % result.micro_batch, 0);
    assert_non_null(strstr(said, "the 64 images of a step are computed "));
    assert_non_null(strstr(said, "of the 1.2 MB that it may use"));
    assert_fine(train_on(device, "plain.json", &whole, &result));
    assert_int_equal(result.micro_batch, BATCH);
    assert_same_history("whole", "split", 2e-3);
    dd_device_close(little);
}

static void stop_at_once(void *context, const dd_train_progress *progress) {
    unsigned *calls = context;
    if (!progress->epoch_done) ++*calls;
    dd_interrupt();
}

/* With batch norm, each step a call of its own; the second half has more memory, and yet the same parts. */
static void test_a_split_run_that_stops_after_every_step_ends_the_same(void **state) {
    (void)state;
    dd_device *little = open_with(LITTLE);
    dd_train_options unbroken = recipe("unbroken"), broken = recipe("broken");
    dd_train_result result;
    unsigned steps = 0, parts;
    assert_fine(train_on(little, "normed.json", &unbroken, &result));
    parts = result.micro_batch;
    assert_true(parts < BATCH);
    broken.progress = stop_at_once;
    broken.context = &steps;
    for (;;) {
        dd_device *on = steps < EPOCHS * 512 / BATCH / 2 ? little : device;
        dd_status status = train_on(on, "normed.json", &broken, &result);
        assert_int_equal(result.micro_batch, parts);
        broken.resume = true;
        if (status == DD_OK) break;
        assert_int_equal(status, DD_INTERRUPTED);
    }
    assert_int_equal(steps, EPOCHS * 512 / BATCH);
    assert_same_models("unbroken", "broken");
    assert_same_history("unbroken", "broken", 0);
    dd_device_close(little);
}

static void test_parts_that_are_asked_for_are_divisors_of_the_batch(void **state) {
    (void)state;
    static const unsigned rows[][2] = {{16, 16}, {31, 16}, {1, 1}, {64, 64}, {1000, 64}};
    dd_run *run;
    for (size_t i = 0; i < DD_COUNT(rows); i++) {
        dd_train_options options = recipe("asked");
        dd_train_result result;
        options.epochs = 1;
        options.micro_batch = rows[i][0];
        assert_fine(train_on(device, "normed.json", &options, &result));
        assert_int_equal(result.micro_batch, rows[i][1]);
        assert_fine(dd_run_load(in_run("asked", ""), &run));
        assert_int_equal(run->options.micro_batch, rows[i][0]);
        dd_run_free(run);
    }
}

static void test_another_split_may_be_asked_for_when_a_run_goes_on(void **state) {
    (void)state;
    dd_train_options options = recipe("other");
    dd_train_result result;
    options.schedule = "constant";
    options.micro_batch = 16;
    options.epochs = 1;
    assert_fine(train_on(device, "plain.json", &options, &result));
    options.resume = true;
    options.epochs = 2;
    assert_fine(train_on(device, "plain.json", &options, &result));
    assert_int_equal(result.micro_batch, 16);
    options.micro_batch = 0;
    options.epochs = 3;
    assert_fine(train_on(device, "plain.json", &options, &result));
    assert_int_equal(result.micro_batch, BATCH);
}

static void test_a_budget_for_not_even_one_image_is_told_with_sizes(void **state) {
    (void)state;
    dd_device *tiny = open_with(540000);
    dd_train_options options = recipe("tiny");
    assert_int_equal(train_on(tiny, "plain.json", &options, NULL), DD_MEMORY);
    assert_non_null(strstr(dd_message(), "not even one image at a time can be trained on"));
    assert_non_null(strstr(dd_message(), "0.5 MB are in use of the 0.5 MB that it may use"));
    assert_int_equal(dd__device_bytes(tiny), 0);
    dd_device_close(tiny);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gradients_of_parts_add_up_to_those_of_the_batch),
        cmocka_unit_test(test_running_values_take_a_step_of_parts_as_one_batch),
        cmocka_unit_test(test_a_batch_that_does_not_fit_is_split_and_trains_the_same),
        cmocka_unit_test(test_a_split_run_that_stops_after_every_step_ends_the_same),
        cmocka_unit_test(test_parts_that_are_asked_for_are_divisors_of_the_batch),
        cmocka_unit_test(test_another_split_may_be_asked_for_when_a_run_goes_on),
        cmocka_unit_test(test_a_budget_for_not_even_one_image_is_told_with_sizes),
    };
    return cmocka_run_group_tests(tests, make_networks, close_all);
}
