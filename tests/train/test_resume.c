/* Runs that were stopped and gone on with: they must end as if nothing had happened. On the default
 * device. */
#include "fixture.h"

#include <math.h>

enum { EPOCHS = 4 }; /* of 4 steps each */

/* With all that keeps something from step to step: running statistics, dropout's random numbers. */
static const char network[] = "{\"deepdigits\": \"network 1\", \"name\": \"keeper\","
                              " \"input\": {\"height\": 28, \"width\": 28, \"channels\": 1},"
                              " \"layers\": ["
                              "  {\"op\": \"conv2d\", \"filters\": 8, \"kernel\": 5, \"stride\": "
                              "2, \"activation\": \"relu\"},"
                              "  {\"op\": \"batch_norm\"}, {\"op\": \"max_pool\", \"kernel\": 2},"
                              "  {\"op\": \"dropout\", \"rate\": 0.25}, {\"op\": \"flatten\"},"
                              "  {\"op\": \"dense\", \"units\": 10}, {\"op\": \"softmax\"}]}";

static int make_network(void **state) {
    if (open_all(state) != 0) return -1;
    return dd__file_write(in_run(".", "keeper.json"), network, sizeof network - 1) == DD_OK ? 0
                                                                                            : -1;
}

/* Everything that an option can change is on: augmentation, dropout, moments, a plateau that lowers
 * the rate after every epoch. */
static dd_train_options recipe(const char *run) {
    return (dd_train_options){.epochs = EPOCHS,
                              .batch = 128,
                              .seed = 7,
                              .augment = "digits",
                              .schedule = "plateau:patience=1,threshold=100,warm-up=1.5",
                              .output = in_run(run, "")};
}

/* *kept is what the model has in the end. */
static dd_status train(const dd_train_options *options, dd_model **kept) {
    dd_model *model;
    assert_int_equal(dd_model_load(in_run(".", "keeper.json"), &model), DD_OK);
    dd_status status = dd_train(device, model, data, validation, options, NULL);
    dd_clear_interrupt();
    if (kept)
        *kept = model;
    else
        dd_model_free(model);
    return status;
}

/* Models byte by byte, histories number by number but for the times. */
static void assert_same_run(const char *one, const char *other, const char *second_model) {
    dd_run *a, *b;
    assert_same_file(in_run(one, "model.safetensors"), in_run(other, "model.safetensors"));
    assert_same_file(in_run(one, second_model), in_run(other, second_model));
    assert_int_equal(dd_run_load(in_run(one, ""), &a), DD_OK);
    assert_int_equal(dd_run_load(in_run(other, ""), &b), DD_OK);
    assert_string_equal(a->outcome, b->outcome);
    assert_int_equal(a->best_epoch, b->best_epoch);
    assert_int_equal(a->epoch_count, EPOCHS);
    assert_int_equal(b->epoch_count, EPOCHS);
    for (size_t i = 0; i < EPOCHS; i++) {
        const dd_epoch *x = &a->epochs[i], *y = &b->epochs[i];
        assert_int_equal(x->epoch, i + 1);
        assert_true(x->loss == y->loss && x->accuracy == y->accuracy);
        assert_true(x->validation_loss == y->validation_loss);
        assert_true(x->validation_accuracy == y->validation_accuracy);
        assert_true(x->learning_rate == y->learning_rate);
    }
    dd_run_free(a);
    dd_run_free(b);
}

static int need_unbroken(void **state) {
    (void)state;
    if (dd__is_file(in_run("unbroken", "run.json"))) return 0;
    dd_train_options options = recipe("unbroken");
    return train(&options, NULL) == DD_OK ? 0 : -1;
}

static void test_stopping_at_an_epoch_changes_nothing(void **state) {
    (void)state;
    dd_train_options options = recipe("epoch");
    dd_run *run;
    options.epochs = 2;
    options.command = "begin";
    assert_int_equal(train(&options, NULL), DD_OK);
    options.epochs = EPOCHS;
    options.resume = true;
    options.command = "go on";
    assert_int_equal(train(&options, NULL), DD_OK);
    assert_same_run("unbroken", "epoch", "last.safetensors");
    assert_int_equal(dd_run_load(in_run("epoch", ""), &run), DD_OK);
    assert_string_equal(run->options.command, "begin"); /* what repeats the run */
    dd_run_free(run);
}

static void stop_at_once(void *context, const dd_train_progress *progress) {
    unsigned *calls = context;
    if (!progress->epoch_done) ++*calls;
    dd_interrupt();
}

/* Each call does one step, is interrupted, and leaves the rest to the next. */
static void test_stopping_after_every_step_changes_nothing(void **state) {
    (void)state;
    dd_train_options options = recipe("step");
    unsigned steps = 0, calls = 0;
    options.progress = stop_at_once;
    options.context = &steps;
    dd_status status;
    while ((status = train(&options, NULL)) == DD_INTERRUPTED) {
        assert_true(++calls < 100);
        assert_non_null(strstr(dd_message(), "interrupted"));
        options.resume = true;
    }
    assert_int_equal(status, DD_OK);
    assert_int_equal(steps, 4 * EPOCHS);
    assert_same_run("unbroken", "step", "last.safetensors");
}

static void test_other_optimizers_and_schedules_go_on_as_well(void **state) {
    (void)state;
    const dd_train_options rows[] = {
        {.optimizer = "sgd", .schedule = "cosine:warm-up=1", .keep = DD_KEEP_LAST},
        {.optimizer = "sgd", .momentum = -1, .schedule = "step:every=1", .keep = DD_KEEP_LAST},
        {.optimizer = "adamw", .schedule = "one-cycle", .keep = DD_KEEP_LAST},
        {.average = 0.9, .keep = DD_KEEP_LAST},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char names[2][16];
        unsigned steps = 0;
        for (unsigned k = 0; k < 2; k++) {
            snprintf(names[k], sizeof names[k], "other-%zu-%u", i, k);
            dd_train_options options = rows[i];
            options.epochs = EPOCHS;
            options.batch = 128;
            options.output = in_run(names[k], "");
            options.context = &steps;
            options.progress = k ? stop_at_once : NULL;
            while (train(&options, NULL) == DD_INTERRUPTED) options.resume = true;
        }
        assert_int_equal(steps, 4 * EPOCHS);
        assert_same_run(names[0], names[1], "best.safetensors");
    }
}

static void test_a_finished_run_that_is_resumed_gives_its_model_again(void **state) {
    (void)state;
    dd_train_options options = recipe("unbroken");
    dd_model *model;
    options.resume = true;
    assert_int_equal(train(&options, &model), DD_OK);
    assert_int_equal(dd_model_save(model, in_run("unbroken", "again.safetensors")), DD_OK);
    assert_same_file(in_run("unbroken", "model.safetensors"),
                     in_run("unbroken", "again.safetensors"));
    dd_model_free(model);
}

/* A checkpoint does not know which device wrote it; numbers differ by rounding from there. */
static void test_a_run_goes_on_on_another_device(void **state) {
    (void)state;
    dd_device *reference, *here = device;
    dd_train_options options = recipe("moved");
    dd_run *unbroken, *moved;
    options.epochs = 3;
    assert_int_equal(train(&options, NULL), DD_OK);
    options.epochs = EPOCHS;
    options.resume = true;
    assert_int_equal(dd_device_open("reference", NULL, &reference), DD_OK);
    device = reference;
    dd_status status = train(&options, NULL);
    device = here;
    dd_device_close(reference);
    assert_int_equal(status, DD_OK);
    assert_int_equal(dd_run_load(in_run("unbroken", ""), &unbroken), DD_OK);
    assert_int_equal(dd_run_load(in_run("moved", ""), &moved), DD_OK);
    double expected = unbroken->epochs[3].loss, found = moved->epochs[3].loss;
    assert_true(fabs(found - expected) <= 1e-3 * expected);
    dd_run_free(unbroken);
    dd_run_free(moved);
}

static void test_what_is_not_the_run_is_refused(void **state) {
    (void)state;
    dd_train_options batch = recipe("unbroken"), seed = batch, augment = batch, schedule = batch;
    dd_train_options fewer = batch, nowhere = batch;
    batch.batch = 64;
    seed.seed = 8;
    augment.augment = "none";
    schedule.schedule = "cosine";
    fewer.epochs = EPOCHS - 1;
    nowhere.output = in_run("nowhere", "");
    dd_train_options *all[] = {&batch, &seed, &augment, &schedule, &fewer, &nowhere};
    const char *expected[] = {"batch: the run to go on with has 128, found 64",
                              "seed: the run",
                              "augment: the run",
                              "schedule: the run",
                              "has begun epoch 4: ask for at least 4 epochs, not 3",
                              "checkpoint of a run to go on with"};
    for (size_t i = 0; i < 6; i++) {
        all[i]->resume = true;
        dd_status status = train(all[i], NULL);
        assert_true(status == DD_USAGE || status == DD_IO);
        assert_non_null(strstr(dd_message(), expected[i]));
    }
}

static void test_another_network_or_other_data_are_refused(void **state) {
    (void)state;
    dd_model *model;
    dd_train_options options = recipe("unbroken");
    options.resume = true;
    assert_int_equal(dd_model_load("models/small.json", &model), DD_OK);
    assert_int_equal(dd_train(device, model, data, validation, &options, NULL), DD_USAGE);
    assert_non_null(strstr(dd_message(), "another network"));
    dd_model_free(model);
    assert_int_equal(dd_model_load(in_run(".", "keeper.json"), &model), DD_OK);
    assert_int_equal(dd_train(device, model, validation, data, &options, NULL), DD_USAGE);
    assert_non_null(strstr(dd_message(), "other images"));
    dd_model_free(model);
}

/* Every byte of the checkpoint's first 4 kB damaged, one at a time in steps: an error or the same
 * run, never a crash. */
static void test_a_damaged_checkpoint_is_an_error(void **state) {
    (void)state;
    char *bytes;
    size_t size;
    dd_train_options options = recipe("damaged");
    options.epochs = 1;
    assert_int_equal(train(&options, NULL), DD_OK);
    options.resume = true;
    const char *path = in_run("damaged", "checkpoint/state.safetensors");
    assert_int_equal(dd__file_read(path, 1 << 28, &bytes, &size), DD_OK);
    unsigned refused = 0;
    for (size_t at = 0; at < 2000; at += 61) {
        char was = bytes[at];
        bytes[at] = (char)(was ^ 1);
        assert_int_equal(dd__file_write(path, bytes, size), DD_OK);
        refused += train(&options, NULL) != DD_OK;
        bytes[at] = was;
    }
    assert_true(refused > 10);
    assert_int_equal(dd__file_write(path, bytes, size / 2), DD_OK);
    assert_int_equal(train(&options, NULL), DD_FORMAT);
    dd__free(bytes);
}

static void test_early_stopping_ends_after_epochs_without_a_better_loss(void **state) {
    (void)state;
    dd_train_options options = recipe("early");
    dd_train_result result;
    dd_run *run;
    dd_model *model;
    options.epochs = 30;
    options.early_stop = 2;
    options.learning_rate = 1; /* far too much: the loss gets no better */
    options.schedule = "constant";
    options.optimizer = "sgd";
    assert_int_equal(dd_model_load(in_run(".", "keeper.json"), &model), DD_OK);
    dd_status status = dd_train(device, model, data, validation, &options, &result);
    dd_model_free(model);
    assert_int_equal(status, DD_OK);
    assert_int_equal(dd_run_load(in_run("early", ""), &run), DD_OK);
    assert_string_equal(run->outcome, "stopped early");
    assert_int_equal(result.epochs, run->best_epoch + 2);
    assert_true(result.epochs < 30);
    dd_run_free(run);
}

static void test_run_json_tells_everything_to_repeat_the_run(void **state) {
    (void)state;
    dd_run *run;
    assert_int_equal(dd_run_load(in_run("unbroken", ""), &run), DD_OK);
    assert_int_equal(run->options.epochs, EPOCHS);
    assert_int_equal(run->options.batch, 128);
    assert_int_equal(run->options.seed, 7);
    assert_string_equal(run->options.optimizer, "adam");
    assert_string_equal(run->options.schedule,
                        "plateau:factor=0.5,patience=1,threshold=100,floor=1e-05,warm-up=1.5");
    assert_string_equal(run->options.augment,
                        "rotation=10,width=0.1,height=0.1,shear=0.2,zoom=0.1");
    assert_string_equal(run->data.source, "synthetic:640:3");
    assert_true(run->data.fraction == 0.2);
    assert_int_equal(run->data.division, 42);
    assert_int_equal(run->data.count, 512);
    assert_int_equal(run->validation_count, 128);
    assert_string_equal(run->outcome, "finished");
    /* and it does: the network, the data and the options from the record alone */
    dd_dataset *all, *first, *second;
    dd_train_options options = run->options;
    options.output = in_run("repeated", "");
    assert_int_equal(dd_dataset_load(run->data.source, run->data.split, &all), DD_OK);
    assert_int_equal(
        dd_dataset_divide(all, run->data.fraction, run->data.division, &first, &second), DD_OK);
    assert_int_equal(dd_train(device, run->model, first, second, &options, NULL), DD_OK);
    assert_same_run("unbroken", "repeated", "last.safetensors");
    dd_dataset_free(all);
    dd_dataset_free(first);
    dd_dataset_free(second);
    dd_run_free(run);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_stopping_at_an_epoch_changes_nothing, need_unbroken),
        cmocka_unit_test_setup(test_stopping_after_every_step_changes_nothing, need_unbroken),
        cmocka_unit_test(test_other_optimizers_and_schedules_go_on_as_well),
        cmocka_unit_test_setup(test_a_finished_run_that_is_resumed_gives_its_model_again,
                               need_unbroken),
        cmocka_unit_test_setup(test_a_run_goes_on_on_another_device, need_unbroken),
        cmocka_unit_test_setup(test_what_is_not_the_run_is_refused, need_unbroken),
        cmocka_unit_test_setup(test_another_network_or_other_data_are_refused, need_unbroken),
        cmocka_unit_test(test_a_damaged_checkpoint_is_an_error),
        cmocka_unit_test(test_early_stopping_ends_after_epochs_without_a_better_loss),
        cmocka_unit_test_setup(test_run_json_tells_everything_to_repeat_the_run, need_unbroken),
    };
    return cmocka_run_group_tests(tests, make_network, close_all);
}
