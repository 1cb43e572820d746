/* A device that gives up in the middle of a training: what was saved stays, and the message says where. */
#include "fixture.h"

#include "device/opencl.h"

enum { EPOCHS = 3, STEPS = 4, BATCH = 128 }; /* STEPS of an epoch */

typedef struct loss {
    dd_device *device;
    unsigned epoch, step; /* after which it is lost */
    bool at_end;          /* of the epoch, while what it brought is saved */
} loss;

static void lose(void *context, const dd_train_progress *progress) {
    loss *l = context;
    if (progress->epoch == l->epoch && progress->step == l->step &&
        progress->epoch_done == l->at_end)
        l->device->lost = true;
}

static dd_train_options recipe(const char *run) {
    return (dd_train_options){
        .epochs = EPOCHS, .batch = BATCH, .seed = 7, .output = in_run(run, "")};
}

static dd_status train_on(dd_device *on, const dd_train_options *options) {
    dd_model *model;
    assert_int_equal(dd_model_load("models/small.json", &model), DD_OK);
    dd_status status = dd_train(on, model, data, validation, options, NULL);
    dd_model_free(model);
    return status;
}

static int need_unbroken(void **state) {
    (void)state;
    dd_train_options options = recipe("unbroken");
    if (dd__is_file(in_run("unbroken", "run.json"))) return 0;
    return train_on(device, &options) == DD_OK ? 0 : -1;
}

/* Trains until the loss, then goes on where the checkpoint is. Buffers and kernels of a lost device are
 * left to the end of the process. */
static void check(const char *run, loss l, const char *saved, size_t epochs) {
    dd_train_options options = recipe(run);
    dd_device_options untested = {.without_selftest = true};
    dd_run *record;
    assert_int_equal(dd_device_open(NULL, &untested, &l.device), DD_OK);
    if (dd__device_is_reference(l.device)) skip();
    options.progress = lose;
    options.context = &l;
    assert_int_equal(train_on(l.device, &options), DD_DEVICE);
    dd_device_close(l.device);
    assert_non_null(strstr(dd_message(), "stopped working"));
    assert_non_null(strstr(dd_message(), "checkpoint/state.safetensors has"));
    if (!strstr(dd_message(), saved)) fail_msg("%s", dd_message());
    assert_int_equal(dd_run_load(in_run(run, ""), &record), DD_OK);
    assert_string_equal(record->outcome, "failed");
    assert_int_equal(record->epoch_count, epochs);
    dd_run_free(record);
    options.resume = true;
    options.progress = NULL;
    assert_int_equal(train_on(device, &options), DD_OK);
    assert_same_file(in_run("unbroken", "model.safetensors"), in_run(run, "model.safetensors"));
    assert_same_file(in_run("unbroken", "last.safetensors"), in_run(run, "last.safetensors"));
}

static void test_a_loss_in_the_first_epoch_leaves_the_checkpoint_of_the_start(void **state) {
    (void)state;
    check("first", (loss){.epoch = 1, .step = 1}, "has epoch 1 up to step 0 of 4", 0);
}

static void test_a_loss_within_an_epoch_leaves_the_checkpoint_before_it(void **state) {
    (void)state;
    check("within", (loss){.epoch = 3, .step = STEPS}, "has epoch 3 up to step 0 of 4", 2);
}

static void test_a_loss_while_an_epoch_is_saved_leaves_the_one_before(void **state) {
    (void)state;
    loss l = {.epoch = 2, .step = STEPS, .at_end = true};
    check("saving", l, "has epoch 2 up to step 0 of 4", 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_a_loss_in_the_first_epoch_leaves_the_checkpoint_of_the_start,
                               need_unbroken),
        cmocka_unit_test_setup(test_a_loss_within_an_epoch_leaves_the_checkpoint_before_it,
                               need_unbroken),
        cmocka_unit_test_setup(test_a_loss_while_an_epoch_is_saved_leaves_the_one_before,
                               need_unbroken),
    };
    return cmocka_run_group_tests(tests, open_all, close_all);
}
