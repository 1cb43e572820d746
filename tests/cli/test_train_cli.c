/* `train`: runs that are stopped in every way and gone on with; cross-validation; what it says. */
#include "cli/program.h"

#include <cjson/cJSON.h>
#include <signal.h>
#include <time.h>

#define RECIPE                                                                       \
    "train --model models/small.json --data synthetic:5000:5 --batch 16 --schedule " \
    "plateau:patience=1 "

static void pause_a_little(void) {
    struct timespec time = {0, 5000000};
    nanosleep(&time, NULL);
}

/* The files of two runs are the same: models byte by byte, history.csv but for its times, which are
 * the columns behind the sixth. */
static void expect_same_run(const char *one, const char *other) {
    char command[1024];
    snprintf(
        command, sizeof command,
        "cd \"$T\" && for f in model last; do cmp %s/$f.safetensors %s/$f.safetensors || exit; "
        "done; cut -d, -f1-6 %s/history.csv >1.csv; cut -d, -f1-6 %s/history.csv >2.csv; "
        "cmp 1.csv 2.csv",
        one, other, one, other);
    assert_int_equal(system(command), 0);
}

static int need_unbroken(void **state) {
    (void)state;
    if (file_exists("unbroken/run.json")) return 0;
    run(RECIPE "--epochs 4 --output \"$T/unbroken\"");
    return status;
}

/* Starts a run of four epochs and waits until `text` is said. */
static pid_t start_until_said(const char *environment, const char *name, const char *text) {
    char arguments[512];
    snprintf(arguments, sizeof arguments, RECIPE "--epochs 4 --progress always --output \"$T/%s\"",
             name);
    assert_int_equal(system("rm -f \"$T/err\""), 0); /* what the run before it said */
    pid_t process = start(environment, arguments);
    for (int i = 0; i < 20000 && !strstr(errors_so_far(), text); i++) pause_a_little();
    return process;
}

/* Sends `number` then. */
static void stop_when_said(const char *name, const char *text, int number) {
    pid_t process = start_until_said("", name, text);
    kill(process, number);
    finish(process);
}

static void test_a_run_stopped_by_ctrl_c_goes_on_as_if_nothing_had_happened(void **state) {
    (void)state;
    stop_when_said("ctrl-c", "epoch 1/4 [", SIGINT);
    expect_status(130);
    expect_part(err, "interrupted in epoch 1 after");
    expect_part(err, "train --resume ");
    assert_string_equal(out, "");
    run("train --resume \"$T/ctrl-c\"");
    expect_status(0);
    expect_same_run("unbroken", "ctrl-c");
}

static void test_a_killed_run_goes_on_as_if_nothing_had_happened(void **state) {
    (void)state;
    stop_when_said("killed", "epoch 2/4  loss", SIGKILL);
    expect_status(128 + SIGKILL);
    run("train --resume \"$T/killed\" --epochs 4");
    expect_status(0);
    expect_same_run("unbroken", "killed");
}

static void test_a_run_killed_in_its_first_epoch_goes_on(void **state) {
    (void)state;
    stop_when_said("early", "epoch 1/4 [", SIGKILL);
    expect_status(128 + SIGKILL);
    run("train --resume \"$T/early\"");
    expect_status(0);
    expect_same_run("unbroken", "early");
}

/* Stands before the OpenCL library, and loses the device once there is a file $T/lose. */
static bool make_losing_library(void) {
    static const char source[] =
        "#include <dlfcn.h>\n#include <stdio.h>\n#include <stdlib.h>\n#include <unistd.h>\n"
        "typedef int call(void *, void *, unsigned, const size_t *, const size_t *, const size_t *,"
        " unsigned, const void *, void *);\n"
        "int clEnqueueNDRangeKernel(void *q, void *k, unsigned d, const size_t *o, const size_t *g,"
        " const size_t *l, unsigned n, const void *w, void *e) {\n"
        "    char path[4096];\n"
        "    snprintf(path, sizeof path, \"%s/lose\", getenv(\"T\"));\n"
        "    if (access(path, F_OK) == 0) return -2; /* CL_DEVICE_NOT_AVAILABLE */\n"
        "    call *next = (call *)dlsym(RTLD_NEXT, \"clEnqueueNDRangeKernel\");\n"
        "    return next(q, k, d, o, g, l, n, w, e);\n}\n";
    make_file("lose.c", source, sizeof source - 1);
    return system("cd \"$T\" && cc -D_GNU_SOURCE -shared -fPIC lose.c -o lose.so -ldl") == 0;
}

static void test_a_run_whose_device_is_lost_says_how_to_go_on(void **state) {
    (void)state;
#ifdef __SANITIZE_ADDRESS__
    print_message("SKIPPED: the sanitizer wants to be the first library\n");
    skip();
#endif
    if (!make_losing_library()) {
        print_message("SKIPPED: no C compiler for a library that loses the device\n");
        skip();
    }
    pid_t process = start_until_said("LD_PRELOAD=\"$T/lose.so\"", "lost", "epoch 2/4  loss");
    make_file("lose", "", 0);
    finish(process);
    expect_status(1);
    expect_part(err, "CL_DEVICE_NOT_AVAILABLE (-2); ");
    expect_part(err, "/lost/checkpoint/state.safetensors has epoch ");
    expect_part(err, ": go on with  deepdigits train --resume ");
    assert_null(strstr(err, "see deepdigits"));
    run("train --resume \"$T/lost\"");
    expect_status(0);
    expect_same_run("unbroken", "lost");
}

static void test_a_finished_run_goes_on_to_more_epochs(void **state) {
    (void)state;
    run(RECIPE "--epochs 2 --output \"$T/short\"");
    expect_status(0);
    run("train --resume \"$T/short\" --epochs 4 --json");
    expect_status(0);
    cJSON *json = cJSON_Parse(out);
    assert_non_null(json);
    assert_int_equal(cJSON_GetObjectItem(json, "epochs")->valueint, 4);
    cJSON_Delete(json);
    expect_same_run("unbroken", "short");
}

static void test_what_is_added_is_trained_on_and_goes_on(void **state) {
    (void)state;
    static const char recipe[] = "train --model models/small.json --data synthetic:500:5 "
                                 "--add synthetic:100:6 --batch 16 --output \"$T/%s\" --epochs %d";
    char arguments[512];
    snprintf(arguments, sizeof arguments, recipe, "added", 1);
    run(arguments);
    expect_status(0);
    expect_part(err, "split: 400 to train on, 100 for validation");
    expect_part(err, "data: 100 images of 28x28x1 from synthetic:100:6");
    assert_int_equal(system("grep -q '\"training\":.500,' \"$T/added/run.json\""), 0);
    run("train --resume \"$T/added\" --epochs 2");
    expect_status(0);
    snprintf(arguments, sizeof arguments, recipe, "added-at-once", 2);
    run(arguments);
    expect_status(0);
    expect_same_run("added-at-once", "added");
    run("train --model models/small.json --data synthetic:500:5 --add models --output \"$T/x\"");
    expect_status(2);
    expect_part(err, "models");
}

static void test_options_that_a_resumed_run_cannot_have_are_refused(void **state) {
    (void)state;
    const char *rows[][2] = {
        {"--batch 64", "batch: the run to go on with has 16, found 64"},
        {"--augment none", "augment: the run to go on with has \"rotation=10"},
        {"--optimizer sgd", "optimizer: the run"},
        {"--keep last", "keep: the run"},
        {"--freeze conv1", "--freeze belongs to a new run"},
        {"--distill share=1", "--distill belongs to a new run"},
        {"--teacher models/tiny.safetensors", "distill: the run to go on with has \"\", found"},
        {"--add synthetic:9", "--add belongs to a new run"},
        {"--classes 5", "--classes belongs to a new run"},
        {"--validation 0.5", "--validation belongs to a new run"},
        {"--output \"$T/x\"", "--output belongs to a new run"},
        {"--epochs 3", "has begun epoch 4: ask for at least 4 epochs, not 3"},
        {"--data synthetic:5000:6", "other images"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char arguments[512];
        snprintf(arguments, sizeof arguments, "train --resume \"$T/unbroken\" %s", rows[i][0]);
        run(arguments);
        expect_status(2);
        expect_part(err, rows[i][1]);
    }
    run("train --resume \"$T/nothing\"");
    expect_status(2);
    expect_part(err, "expected the folder of a run, which has a run.json");
}

static void test_a_run_remembers_its_teacher(void **state) {
    (void)state;
    run(RECIPE "--epochs 1 --teacher models/tiny.safetensors --output \"$T/taught\"");
    expect_status(0);
    char *page = read_text("taught/report.html");
    expect_part(page, "\"teacher\":\"models/tiny.safetensors\"");
    expect_part(page, "\"distill\":\"share=0.9,temperature=2\"");
    free(page);
    run("train --resume \"$T/taught\" --epochs 2");
    expect_status(0);
    run("train --resume \"$T/taught\" --epochs 3 --teacher models/seed.safetensors");
    expect_status(2);
    expect_part(err, "teacher: the run to go on with has one with other weights than "
                     "models/seed.safetensors");
    run(RECIPE "--distill share=1 --output \"$T/untaught\"");
    expect_status(2);
    expect_part(err, "distill: expected a teacher as well, found none");
    assert_false(file_exists("untaught"));
}

static void test_a_new_run_never_replaces_one_unasked(void **state) {
    (void)state;
    run(RECIPE "--epochs 1 --output \"$T/unbroken\"");
    expect_status(2);
    expect_part(err, "go on with --resume, or replace it with --overwrite");
}

static void test_wrong_schedules_and_augmentations_leave_no_folder(void **state) {
    (void)state;
    run(RECIPE "--schedule linear --output \"$T/none\"");
    expect_status(2);
    expect_part(err, "there are plateau, constant, step, cosine and one-cycle");
    run(RECIPE "--augment rotation=400 --output \"$T/none\"");
    expect_status(2);
    expect_part(err, "rotation: expected a number from 0 to 180");
    run(RECIPE "--keep both --output \"$T/none\"");
    expect_status(2);
    expect_part(err, "--keep: expected one of best, last");
    assert_false(file_exists("none"));
}

static void test_cross_validation_trains_every_fold_and_goes_on_where_it_stopped(void **state) {
    (void)state;
    const char *command = "train --model models/small.json --data synthetic:300 --epochs 2 "
                          "--folds 3 --output \"$T/folds\"";
    run(command);
    expect_status(0);
    expect_part(out, "3 folds: loss");
    expect_part(out, "standard deviation");
    assert_int_equal(count_entries("folds", "fold-"), 3);
    assert_int_equal(system("rm -r \"$T/folds/fold-3\" && cp -r \"$T/folds\" \"$T/again\""), 0);
    run(command);
    expect_status(0);
    assert_int_equal(count_entries("folds", "fold-"), 3);
    expect_part(err, "nothing to do");
    assert_int_equal(system("for i in 1 2; do cmp \"$T/folds/fold-$i/model.safetensors\" "
                            "\"$T/again/fold-$i/model.safetensors\" || exit 1; done"),
                     0);
    assert_true(file_exists("folds/folds.json"));
    run("train --model models/small.json --data synthetic:300 --epochs 2 --seed 7 --folds 3 "
        "--output \"$T/folds\"");
    expect_status(2);
    expect_part(err, "seed: the run to go on with has \"42\", found \"7\"");
    run("train --model models/small.json --data synthetic:300 --epochs 2 --folds 4 "
        "--output \"$T/folds\"");
    expect_status(2);
    expect_part(err, "divided otherwise");
    run("train --resume \"$T/folds\"");
    expect_status(2);
    expect_part(err, "name one of them");
}

static void test_weights_of_another_model_begin_a_run(void **state) {
    (void)state;
    run("train --init \"$T/unbroken/model.safetensors\" --data synthetic:200 --epochs 1 "
        "--output \"$T/begun\"");
    expect_status(0);
    expect_part(err, "6 of 6 tensors from");
    run("train --model models/lenet5.json --init \"$T/unbroken/model.safetensors\" "
        "--data synthetic:200 --epochs 1 --output \"$T/strange\"");
    expect_status(0);
    expect_part(err, "1 of 10 tensors from"); /* the last layer's bias */
}

/* ---- Fine-tuning ------------------------------------------------------------------------ */

/* Folders "zero" to "four" of synthetic digits. */
static int make_five_classes(void **state) {
    (void)state;
    if (file_exists("five")) return 0;
    run("data export synthetic:2400:9 \"$T/ten\"");
    if (status != 0) return -1;
    return system("cd \"$T\" && mkdir five && set zero one two three four && "
                  "for i in 0 1 2 3 4; do mv ten/$i five/$1 && shift || exit; done");
}

/* As a newcomer does it. */
static void test_a_trained_network_learns_the_classes_of_a_folder(void **state) {
    (void)state;
    run("train --init models/seed.safetensors --classes 5 --freeze all-but-head --data \"$T/five\" "
        "--batch 16 --learning-rate 0.003 --epochs 1 --output \"$T/tuned\" --json");
    expect_status(0);
    expect_part(err, "new last layer for 5 classes: four, one, three, two, zero");
    expect_part(err, "frozen: 634240 of 636805 parameters, 7 of the 8 layers that have some");
    cJSON *json = cJSON_Parse(out);
    assert_non_null(json);
    assert_true(cJSON_GetObjectItem(json, "validation_accuracy")->valuedouble > 0.95);
    cJSON_Delete(json);
    run("evaluate --model \"$T/tuned/model.safetensors\" --data \"$T/five\" --json");
    expect_status(0);
    json = cJSON_Parse(out);
    assert_non_null(json);
    assert_true(cJSON_GetObjectItem(json, "accuracy")->valuedouble > 0.95);
    cJSON_Delete(json);
    run("classify --model \"$T/tuned/model.safetensors\" --format csv \"$T/five/two\"");
    expect_status(0);
    expect_part(out, ".png,two,");
    char *page = read_text("tuned/report.html");
    expect_part(page, "\"freeze\":\"all-but-head\"");
    free(page);
}

/* The layers that a model has are named by whoever freezes them. */
static void test_a_finetuning_goes_on_as_if_nothing_had_happened(void **state) {
    (void)state;
    const char *begin =
        "train --init models/seed.safetensors --classes auto --freeze "
        "'conv*,norm*' --data \"$T/five\" --batch 32 --epochs %d --output \"$T/%s\"";
    char arguments[512];
    snprintf(arguments, sizeof arguments, begin, 2, "tuned-2");
    run(arguments);
    expect_status(0);
    snprintf(arguments, sizeof arguments, begin, 1, "tuned-1");
    run(arguments);
    expect_status(0);
    run("train --resume \"$T/tuned-1\" --epochs 2 --profile");
    expect_status(0);
    expect_part(err, "dense1.backward_weights");
    assert_null(strstr(err, "conv1.backward"));
    expect_same_run("tuned-2", "tuned-1");
}

static void test_what_a_finetuning_cannot_do_is_said_with_what_to_do(void **state) {
    (void)state;
    const char *rows[][2] = {
        {"--init models/seed.safetensors",
         "the data has 5 classes (four, one, three, two, zero), which are not the first of the 10 "
         "of network seed: --classes auto gives it a new last layer for them"},
        {"--init models/seed.safetensors --classes 4",
         "--classes 4: the data has 5 classes (four, one, three, two, zero): expected 5, or auto"},
        {"--init models/seed.safetensors --classes 6", "expected 5, or auto"},
        {"--init models/seed.safetensors --classes all",
         "--classes: expected auto or a number from 1, found all"},
        {"--init models/seed.safetensors --classes auto --freeze conv9",
         "those with parameters are conv1, norm1, conv2"},
        {"--init models/seed.safetensors --classes auto --freeze '*'",
         "leaves nothing of network \"seed\" to train"},
        {"--model models/seed.json --classes auto --freeze conv1",
         "--freeze keeps what layers have learnt: expected --init MODEL"},
        {"--init models/seed.safetensors --classes auto --freeze conv1,",
         "expected all-but-head, until:LAYER"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char arguments[512];
        snprintf(arguments, sizeof arguments, "train %s --data \"$T/five\" --output \"$T/untuned\"",
                 rows[i][0]);
        run(arguments);
        expect_status(2);
        expect_part(err, rows[i][1]);
    }
    assert_false(file_exists("untuned"));
    run("bench --freeze conv1");
    expect_status(2);
    expect_part(err, "--freeze belongs to --train");
}

/* Classes that are numbers may be more than the data's. */
static void test_classes_that_the_data_does_not_have_are_numbers(void **state) {
    (void)state;
    run("train --model models/small.json --classes 12 --data synthetic:200 --epochs 1 "
        "--output \"$T/twelve\"");
    expect_status(0);
    run("inspect \"$T/twelve/model.safetensors\" --json");
    expect_status(0);
    cJSON *json = cJSON_Parse(out);
    assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(json, "classes")), 12);
    cJSON_Delete(json);
}

static void test_early_stopping_says_so_and_goes_on_when_asked(void **state) {
    (void)state;
    run(RECIPE "--learning-rate 1 --optimizer sgd --epochs 30 --early-stop 2 --json "
               "--output \"$T/early-stop\"");
    expect_status(0);
    expect_part(out, "\"stopped early\"");
    expect_part(err, "stopped early: 2 epochs without a better validation loss");
    run("train --resume \"$T/early-stop\"");
    expect_status(0);
    expect_part(err, "nothing to do");
    run(RECIPE "--early-stop 2 --validation 0 --output \"$T/none\"");
    expect_status(2);
    expect_part(err, "--early-stop measures on validation images");
}

static void test_overwriting_leaves_nothing_of_the_old_run(void **state) {
    (void)state;
    run("train --model models/small.json --data synthetic:300 --epochs 2 --keep last "
        "--output \"$T/over\"");
    expect_status(0);
    assert_true(file_exists("over/best.safetensors"));
    run("train --model models/small.json --data synthetic:300 --epochs 1 --validation 0 "
        "--overwrite --output \"$T/over\"");
    expect_status(0);
    assert_false(file_exists("over/best.safetensors"));
    assert_true(file_exists("over/report.html"));
}

/* What decides the numbers beside the device itself is that of the beginning. */
static void test_a_resumed_run_uses_the_implementations_it_began_with(void **state) {
    (void)state;
    const char *begin = "train --model models/small.json --data synthetic:300 --output \"$T/%s\" "
                        "--implementation conv2d=plain --epochs %d";
    char arguments[512];
    snprintf(arguments, sizeof arguments, begin, "plain", 2);
    run(arguments);
    expect_status(0);
    snprintf(arguments, sizeof arguments, begin, "plain-again", 1);
    run(arguments);
    expect_status(0);
    run("train --resume \"$T/plain-again\" --epochs 2");
    expect_status(0);
    expect_same_run("plain", "plain-again");
}

/* One line an epoch where nobody watches, a bar where somebody does. */
static void test_progress_is_lines_or_a_bar(void **state) {
    (void)state;
    run("train --model models/small.json --data synthetic:300 --epochs 3 --output \"$T/lines\"");
    expect_status(0);
    assert_null(strchr(err, '\r'));
    const char *at = err;
    for (int epoch = 1; epoch <= 3; epoch++) {
        char line[32];
        snprintf(line, sizeof line, "epoch %d/3  loss", epoch);
        at = strstr(at, line);
        assert_non_null(at);
    }
    run("train --model models/small.json --data synthetic:300 --epochs 1 --output \"$T/bar\" "
        "--progress always");
    expect_status(0);
    expect_part(err, "\r");
    expect_part(err, "images/s");
    expect_part(err, "left");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_a_run_stopped_by_ctrl_c_goes_on_as_if_nothing_had_happened,
                               need_unbroken),
        cmocka_unit_test_setup(test_a_killed_run_goes_on_as_if_nothing_had_happened, need_unbroken),
        cmocka_unit_test_setup(test_a_run_killed_in_its_first_epoch_goes_on, need_unbroken),
        cmocka_unit_test_setup(test_a_run_whose_device_is_lost_says_how_to_go_on, need_unbroken),
        cmocka_unit_test_setup(test_a_finished_run_goes_on_to_more_epochs, need_unbroken),
        cmocka_unit_test(test_what_is_added_is_trained_on_and_goes_on),
        cmocka_unit_test_setup(test_options_that_a_resumed_run_cannot_have_are_refused,
                               need_unbroken),
        cmocka_unit_test(test_a_run_remembers_its_teacher),
        cmocka_unit_test_setup(test_a_new_run_never_replaces_one_unasked, need_unbroken),
        cmocka_unit_test(test_wrong_schedules_and_augmentations_leave_no_folder),
        cmocka_unit_test(test_cross_validation_trains_every_fold_and_goes_on_where_it_stopped),
        cmocka_unit_test_setup(test_weights_of_another_model_begin_a_run, need_unbroken),
        cmocka_unit_test_setup(test_a_trained_network_learns_the_classes_of_a_folder,
                               make_five_classes),
        cmocka_unit_test_setup(test_a_finetuning_goes_on_as_if_nothing_had_happened,
                               make_five_classes),
        cmocka_unit_test_setup(test_what_a_finetuning_cannot_do_is_said_with_what_to_do,
                               make_five_classes),
        cmocka_unit_test(test_classes_that_the_data_does_not_have_are_numbers),
        cmocka_unit_test(test_early_stopping_says_so_and_goes_on_when_asked),
        cmocka_unit_test(test_overwriting_leaves_nothing_of_the_old_run),
        cmocka_unit_test(test_a_resumed_run_uses_the_implementations_it_began_with),
        cmocka_unit_test(test_progress_is_lines_or_a_bar),
    };
    return cmocka_run_group_tests(tests, program_setup, program_teardown);
}
