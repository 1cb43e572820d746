/* --memory and --micro-batch: what does not fit is computed in parts, and said. The budgets suit
 * models/small.json: a step of 64 images takes some 10 MB, a batch of 128 in inference some 3 MB. */
#include "cli/json.h"

#define TRAIN \
    "train --model models/small.json --data synthetic:600:3 --batch 64 --schedule constant "

static void test_sizes_are_numbers_with_a_unit(void **state) {
    (void)state;
    const char *wrong[] = {"x", "12X", "1K", "-2G", "2GB", "M", "1e99", "nan"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        char arguments[128];
        snprintf(arguments, sizeof arguments, "devices --memory=%s", wrong[i]);
        run(arguments);
        expect_status(2);
        expect_part(err, "--memory: expected a size like 512M or 2G, found");
    }
    const char *right[] = {"1048576", "1M", "1.5m", "2G"};
    for (size_t i = 0; i < sizeof right / sizeof *right; i++) {
        char arguments[128];
        snprintf(arguments, sizeof arguments, "devices --memory %s", right[i]);
        run(arguments);
        expect_status(0);
    }
}

static void expect_same_models(const char *one, const char *other) {
    char command[256];
    snprintf(command, sizeof command,
             "cd \"$T\" && for f in model last; do cmp %s/$f.safetensors %s/$f.safetensors || "
             "exit; done",
             one, other);
    assert_int_equal(system(command), 0);
}

static void test_a_training_in_parts_says_so_and_goes_on_the_same(void **state) {
    (void)state;
    run(TRAIN "--memory 4M --epochs 4 --output \"$T/unbroken\" --json");
    expect_status(0);
    expect_part(err, "the 64 images of a step are computed ");
    expect_part(err, "of the 4.2 MB that it may use");
    cJSON *json = parse(out);
    double parts = number(json, "micro_batch");
    assert_true(parts >= 1 && parts < 64);
    cJSON_Delete(json);
    run(TRAIN "--memory 4M --epochs 2 --output \"$T/broken\"");
    expect_status(0);
    run("train --resume \"$T/broken\" --epochs 4 --json");
    expect_status(0);
    expect_part(err, " at a time: as before");
    json = parse(out);
    assert_true(number(json, "micro_batch") == parts);
    cJSON_Delete(json);
    expect_same_models("unbroken", "broken");
    char *record = read_text("broken/run.json");
    assert_non_null(strstr(record, "\"memory_bytes\":\t4194304"));
    free(record);
}

static void test_parts_can_be_asked_for(void **state) {
    (void)state;
    run(TRAIN "--micro-batch 16 --epochs 1 --output \"$T/asked\" --json");
    expect_status(0);
    expect_part(err, "the 64 images of a step are computed 16 at a time: as asked for");
    cJSON *json = parse(out);
    assert_true(number(json, "micro_batch") == 16);
    cJSON_Delete(json);
    run(TRAIN "--epochs 1 --output \"$T/whole\" --json");
    expect_status(0);
    assert_null(strstr(err, "at a time"));
}

static void test_a_training_that_cannot_fit_leaves_no_model(void **state) {
    (void)state;
    run(TRAIN "--memory 1M --epochs 1 --output \"$T/none\"");
    expect_status(1);
    expect_part(err, "not even one image at a time can be trained on: ");
    expect_part(err, "of the 1.0 MB that it may use");
    assert_false(file_exists("none/model.safetensors"));
}

static void test_predictions_in_parts_are_the_same(void **state) {
    (void)state;
    need_model();
    const char *command = "predict --model \"$T/run/model.safetensors\" --data synthetic:300:9 "
                          "--output \"$T/%s.csv\" %s";
    char arguments[512];
    snprintf(arguments, sizeof arguments, command, "whole", "");
    run(arguments);
    expect_status(0);
    assert_null(strstr(err, "at a time"));
    snprintf(arguments, sizeof arguments, command, "parts", "--batch 1024 --memory 1M --profile");
    run(arguments);
    expect_status(0);
    expect_part(err, " images are computed at a time, not 1024: ");
    expect_part(err, "of the 1.0 MB that it may use");
    assert_int_equal(system("cmp \"$T/whole.csv\" \"$T/parts.csv\""), 0);
    run("evaluate --model \"$T/run/model.safetensors\" --data synthetic:300:9 --memory 1M");
    expect_status(0);
    expect_part(err, " images are computed at a time, not 128: ");
}

static void test_a_measurement_is_never_split(void **state) {
    (void)state;
    run("bench --model models/small.json --seconds 0.1 --memory 2M --batch 1,4096 --json");
    expect_status(1);
    cJSON *json = parse(out);
    const cJSON *rows = cJSON_GetObjectItem(json, "results");
    assert_string_equal(text_of(cJSON_GetArrayItem(rows, 0), "status"), "ok");
    const char *reason = text_of(cJSON_GetArrayItem(rows, 1), "status");
    expect_part(reason, "failed: ");
    expect_part(reason, "MB are needed, ");
    expect_part(reason, "of the 2.1 MB that it may use");
    cJSON_Delete(json);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sizes_are_numbers_with_a_unit),
        cmocka_unit_test(test_a_training_in_parts_says_so_and_goes_on_the_same),
        cmocka_unit_test(test_parts_can_be_asked_for),
        cmocka_unit_test(test_a_training_that_cannot_fit_leaves_no_model),
        cmocka_unit_test(test_predictions_in_parts_are_the_same),
        cmocka_unit_test(test_a_measurement_is_never_split),
    };
    return cmocka_run_group_tests(tests, program_setup, program_teardown);
}
