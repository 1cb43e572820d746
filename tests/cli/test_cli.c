/* test_cli.c: what the commands print and write when all goes well, and when they are interrupted. */
#include <math.h>
#include <signal.h>
#include <time.h>

#include "cli/json.h"

/* ---- Help ---------------------------------------------------------------------------- */

static void test_help_of_each_command_shows_usage_options_and_examples(void **state) {
    (void)state;
    static const char *const names[] = {"devices", "selftest", "train",   "evaluate",
                                        "predict", "classify", "inspect", "bench",
                                        "tune",    "data",     "cache"};
    char line[64];
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(line, sizeof line, "%s --help", names[i]);
        run(line);
        expect_status(0);
        snprintf(line, sizeof line, "usage: deepdigits %s ", names[i]);
        expect_part(out, line);
        expect_part(out, "--device SEL");
        expect_part(out, "\nexamples\n  ");
        assert_string_equal(err, "");
    }
}

static void test_help_lists_every_command(void **state) {
    (void)state;
    run("--help");
    expect_status(0);
    expect_part(out, "  classify ");
    expect_part(out, "Exit status");
    run("help train");
    expect_status(0);
    expect_part(out, "--learning-rate F");
    run("--version");
    expect_status(0);
    expect_part(out, "deepdigits 0.");
}

static void test_help_wraps_at_a_hundred_columns(void **state) {
    (void)state;
    run("train --help");
    expect_status(0);
    for (const char *at = out; *at; at++) {
        size_t length = strcspn(at, "\n");
        assert_in_range(length, 0, 100);
        at += length;
    }
}

/* ---- Devices, caches ----------------------------------------------------------------- */

static void test_devices_lists_the_reference_last(void **state) {
    (void)state;
    run("devices --json");
    expect_status(0);
    cJSON *json = parse(out);
    int count = length_of(json, "devices");
    assert_true(count >= 1);
    const cJSON *last = cJSON_GetArrayItem(cJSON_GetObjectItem(json, "devices"), count - 1);
    assert_string_equal(text_of(last, "type"), "reference");
    assert_int_equal((int)number(last, "index"), count - 1);
    cJSON_Delete(json);
    run("devices");
    expect_status(0);
    assert_true(count_lines(out) >= (size_t)count + 1);
}

static void test_devices_without_a_runtime_says_how_to_get_one(void **state) {
    (void)state;
    run_with("OCL_ICD_VENDORS=/nonexistent", "devices");
    expect_status(0);
    expect_part(out, "reference");
    expect_part(err, "pocl-opencl-icd");
}

static void test_cache_shows_its_folder_and_is_cleared(void **state) {
    (void)state;
    char own[8192];
    snprintf(own, sizeof own, "%s/cache", folder);
    run_with("DEEPDIGITS_CACHE_DIR=\"$T/cache\"", "cache --json");
    expect_status(0);
    cJSON *json = parse(out);
    assert_memory_equal(text_of(json, "folder"), own, strlen(own));
    assert_int_equal((int)number(json, "programs"), 0);
    cJSON_Delete(json);
    run_with("DEEPDIGITS_CACHE_DIR=\"$T/cache\"", "cache clear");
    expect_status(0);
    assert_string_equal(out, "");
}

static void test_selftest_gives_a_verdict(void **state) {
    (void)state;
    run("selftest --quick --json");
    expect_status(0);
    cJSON *json = parse(out);
    const cJSON *device = cJSON_GetArrayItem(cJSON_GetObjectItem(json, "devices"), 0);
    assert_string_equal(text_of(device, "verdict"), "ok");
    assert_true(number(device, "passed") >= 1);
    assert_true(length_of(device, "rows") >= 1);
    cJSON_Delete(json);
    run("selftest --quick");
    expect_status(0);
    expect_part(out, "passed: ");
}

/* ---- Models -------------------------------------------------------------------------- */

static void test_inspect_adds_up(void **state) {
    (void)state;
    run("inspect models/seed.json --json");
    expect_status(0);
    cJSON *json = parse(out);
    double parameters = 0;
    const cJSON *layer;
    cJSON_ArrayForEach(layer, cJSON_GetObjectItem(json, "layers")) parameters +=
        number(layer, "parameters");
    assert_true(parameters > 0 && parameters == number(json, "parameters"));
    assert_int_equal(length_of(json, "classes"), 10);
    cJSON_Delete(json);
    run("inspect models/seed.json");
    expect_status(0);
    expect_part(out, "24x24x64");
}

static void test_train_leaves_a_run_that_the_other_commands_use(void **state) {
    (void)state;
    run("train --model models/small.json --data synthetic:512 --output \"$T/run\" --epochs 1");
    expect_status(0);
    expect_part(out, "trained     1 epoch in");
    expect_part(err, "epoch 1/1 ");
    expect_part(err, "device ");
    expect_part(err, "deepdigits evaluate --model ");
    assert_null(strchr(err, '\r'));
    assert_true(file_exists("run/model.safetensors"));
    assert_true(file_exists("run/history.csv"));
    assert_true(file_exists("run/run.json"));
    char *text = read_text("run/run.json");
    cJSON_Delete(parse(text));
    free(text);
}

static void test_train_summary_as_json(void **state) {
    (void)state;
    run("train --model models/small.json --data synthetic:256 --output \"$T/json\" --epochs 2 "
        "--validation 0 --optimizer sgd --momentum 0 --json --progress always");
    expect_status(0);
    cJSON *json = parse(out);
    assert_int_equal((int)number(json, "epochs"), 2);
    assert_true(isfinite(number(json, "loss")));
    assert_true(cJSON_IsNull(cJSON_GetObjectItem(json, "validation_loss")));
    cJSON_Delete(json);
}

static void test_quiet_training_says_nothing_on_standard_error(void **state) {
    (void)state;
    run("train --model models/small.json --data synthetic:256 --output \"$T/quiet\" --epochs 1 "
        "--quiet --progress always");
    expect_status(0);
    assert_string_equal(err, "");
    expect_part(out, "model       ");
}

static void test_an_existing_run_is_kept_unless_overwritten(void **state) {
    (void)state;
    need_model();
    char *before = read_text("run/history.csv");
    run("train --model models/small.json --data synthetic:256 --output \"$T/run\" --epochs 1");
    expect_status(2);
    expect_part(err, "--overwrite");
    char *after = read_text("run/history.csv");
    assert_string_equal(before, after);
    free(before);
    free(after);
    run("train --model models/small.json --data synthetic:512 --output \"$T/run\" --epochs 1 "
        "--overwrite");
    expect_status(0);
}

static void test_profile_shows_the_nodes(void **state) {
    (void)state;
    need_model();
    run("evaluate --model \"$T/run/model.safetensors\" --data synthetic:64 --profile");
    expect_status(0);
    expect_part(err, "GFLOPS");
    expect_part(err, "conv2d");
    assert_null(strstr(out, "GFLOPS"));
}

/* ---- Evaluation, prediction, classification ------------------------------------------ */

/* The bins hold all images, and the error is theirs. */
static void expect_calibration(const cJSON *json, double count) {
    const cJSON *bin;
    double images = 0, error = 0, edge = 0;
    cJSON_ArrayForEach(bin, cJSON_GetObjectItem(json, "calibration")) {
        double some = number(bin, "count");
        assert_true(fabs(number(bin, "above") - edge) <= 1e-5);
        edge = number(bin, "up_to");
        images += some;
        if (some == 0) {
            assert_true(cJSON_IsNull(cJSON_GetObjectItem(bin, "accuracy")));
            continue;
        }
        double confidence = number(bin, "confidence");
        assert_true(confidence <= edge && confidence > number(bin, "above"));
        error += some / count * fabs(number(bin, "accuracy") - confidence);
    }
    assert_int_equal(length_of(json, "calibration"), 15);
    assert_true(images == count && edge == 1);
    assert_true(fabs(number(json, "calibration_error") - error) <= 1e-5);
}

static void test_evaluate_json_has_the_promised_form(void **state) {
    (void)state;
    need_model();
    run("evaluate --model \"$T/run/model.safetensors\" --data synthetic:300 --json");
    expect_status(0);
    cJSON *json = parse(out);
    double count = number(json, "count"), sum = 0;
    assert_true(count == 300);
    assert_true(number(json, "accuracy") >= 0 && number(json, "accuracy") <= 1);
    assert_true(isfinite(number(json, "loss")));
    assert_int_equal(length_of(json, "top_k"), 5);
    assert_int_equal(length_of(json, "per_class"), 10);
    assert_int_equal(length_of(json, "confusion"), 10);
    const cJSON *row, *cell;
    cJSON_ArrayForEach(row, cJSON_GetObjectItem(json, "confusion")) cJSON_ArrayForEach(cell, row)
        sum += cell->valuedouble;
    assert_true(sum == count);
    expect_calibration(json, count);
    int wrong = length_of(json, "wrong");
    assert_true(fabs(number(json, "accuracy") - (1 - wrong / count)) <= 1e-5);
    cJSON_ArrayForEach(row, cJSON_GetObjectItem(json, "wrong")) {
        assert_true(number(row, "label") != number(row, "predicted"));
        assert_true(number(row, "index") < count && number(row, "probability") <= 1);
    }
    cJSON_Delete(json);
}

static void test_evaluate_text_has_a_row_for_each_class(void **state) {
    (void)state;
    need_model();
    run("evaluate --model \"$T/run/model.safetensors\" --data synthetic:100 --split train");
    expect_status(0);
    expect_part(out, "accuracy  ");
    expect_part(out, "calibration error ");
    expect_part(out, "precision");
    expect_part(out, "label \\ predicted");
}

/* `count` images without labels as Kaggle's test.csv. */
static void make_kaggle(const char *name, int count) {
    size_t size = 784 * 16 * ((size_t)count + 1), used = 0;
    char *text = malloc(size);
    assert_non_null(text);
    for (int i = 0; i < 784; i++)
        used += (size_t)snprintf(text + used, size - used, "pixel%d%c", i, i < 783 ? ',' : '\n');
    for (int row = 0; row < count; row++)
        for (int i = 0; i < 784; i++)
            used += (size_t)snprintf(text + used, size - used, "%d%c", (i * (row + 3)) % 256,
                                     i < 783 ? ',' : '\n');
    make_file(name, text, used);
    free(text);
}

static void test_predict_writes_kaggles_form(void **state) {
    (void)state;
    need_model();
    make_kaggle("test.csv", 5);
    run("predict --model \"$T/run/model.safetensors\" --data \"$T/test.csv\" "
        "--output \"$T/submission.csv\"");
    expect_status(0);
    assert_string_equal(out, "");
    char *text = read_text("submission.csv"), *at = text;
    assert_int_equal(count_lines(text), 6);
    assert_memory_equal(at, "ImageId,Label\n", 14);
    for (long i = 1; i <= 5; i++) {
        at = strchr(at, '\n') + 1;
        assert_int_equal(strtol(at, &at, 10), i);
        assert_true(at[0] == ',' && at[1] >= '0' && at[1] <= '9' && at[2] == '\n');
    }
    run("predict --model \"$T/run/model.safetensors\" --data \"$T/test.csv\" --output -");
    expect_status(0);
    assert_string_equal(out, text);
    free(text);
}

static void test_predict_writes_through_links_and_into_devices(void **state) {
    (void)state;
    need_model();
    make_kaggle("one.csv", 1);
    assert_int_equal(system("ln -s target.csv \"$T/link.csv\" && echo old >\"$T/target.csv\""), 0);
    run("predict --model \"$T/run/model.safetensors\" --data \"$T/one.csv\" "
        "--output \"$T/link.csv\"");
    expect_status(0);
    char *text = read_text("target.csv");
    assert_memory_equal(text, "ImageId", 7);
    free(text);
    run("predict --model \"$T/run/model.safetensors\" --data \"$T/one.csv\" --output /dev/null");
    expect_status(0);
    assert_int_equal(system("test -c /dev/null"), 0);
}

/* Images to classify, two that are none, and one that is not there: see the rows' count below. */
static void need_images(void) {
    if (file_exists("images")) return;
    run("data synthesize \"$T/images\" --count 12 --seed 7");
    expect_status(0);
    assert_true(count_entries("images", "") >= 1);
    make_file("images/broken.png", "\x89PNG\r\n\x1A\nno", 10);
}

static void test_classify_csv_has_a_row_for_every_file(void **state) {
    (void)state;
    need_model();
    need_images();
    run("classify --model \"$T/run/model.safetensors\" --format csv \"$T/images\" \"$T/not,here\"");
    expect_status(0);
    assert_int_equal(count_lines(out), 1 + 12 + 2);
    assert_memory_equal(out, "path,label,probability,status\n", 30);
    expect_part(out, ",ok\n");
    expect_part(out, "broken.png,,,");
    expect_part(out, "not,here\",,,"); /* in quotes */
    expect_part(err, "2 failed");
}

static void test_classify_top_k_adds_columns_after_the_status(void **state) {
    (void)state;
    need_model();
    need_images();
    run("classify --model \"$T/run/model.safetensors\" --format csv --top-k 3 \"$T/images\"");
    expect_status(0);
    expect_part(out, "path,label,probability,status,label2,probability2,label3,probability3\n");
    for (const char *at = out; *at; at++) {
        size_t commas = 0;
        for (; *at && *at != '\n'; at++) commas += *at == ',';
        assert_true(commas >= 7);
    }
}

static void test_classify_jsonl_is_one_object_a_line(void **state) {
    (void)state;
    need_model();
    need_images();
    run("classify --model \"$T/run/model.safetensors\" --format jsonl --output \"$T/rows.jsonl\" "
        "\"$T/images\"");
    expect_status(0);
    assert_string_equal(out, "");
    char *text = read_text("rows.jsonl");
    assert_int_equal(count_lines(text), 13);
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
        cJSON *json = parse(line);
        bool ok = strcmp(text_of(json, "status"), "ok") == 0;
        assert_true(ok == (bool)cJSON_IsString(cJSON_GetObjectItem(json, "label")));
        cJSON_Delete(json);
    }
    free(text);
}

static void test_classify_reads_a_list_on_standard_input(void **state) {
    (void)state;
    need_model();
    need_images();
    assert_int_equal(system("find \"$T/images\" -name '0*.png' | sort >\"$T/list\""), 0);
    char *list = read_text("list");
    run("classify --model \"$T/run/model.safetensors\" - <\"$T/list\"");
    expect_status(0);
    assert_int_equal(count_lines(out), count_lines(list));
    assert_memory_equal(out, list, strcspn(list, "\n"));
    free(list);
}

static void test_classify_strict_fails_after_all_rows_are_written(void **state) {
    (void)state;
    need_model();
    need_images();
    run("classify --model \"$T/run/model.safetensors\" --strict --format csv "
        "--output \"$T/strict.csv\" \"$T/images\"");
    expect_status(1);
    expect_part(err, "--strict");
    char *text = read_text("strict.csv");
    assert_int_equal(count_lines(text), 14);
    free(text);
}

static void test_classify_marks_what_is_below_the_threshold(void **state) {
    (void)state;
    need_model();
    need_images();
    run("classify --model \"$T/run/model.safetensors\" --threshold 1 --format csv \"$T/images\"");
    expect_status(0);
    expect_part(out, ",?,");
}

static void test_classify_finds_its_model_in_the_environment(void **state) {
    (void)state;
    need_model();
    need_images();
    run_with("DEEPDIGITS_MODEL=\"$T/run/model.safetensors\"", "classify \"$T/images\"");
    expect_status(0);
    expect_part(out, " %)\n");
}

/* ---- Data ---------------------------------------------------------------------------- */

static void test_data_info_counts_the_classes(void **state) {
    (void)state;
    run("data info synthetic:50:3 --json");
    expect_status(0);
    cJSON *json = parse(out);
    double sum = 0;
    const cJSON *row;
    cJSON_ArrayForEach(row, cJSON_GetObjectItem(json, "classes")) sum += number(row, "count");
    assert_true(number(json, "count") == 50 && sum == 50);
    assert_true(number(json, "mean") > 0);
    cJSON_Delete(json);
}

static void test_exported_images_are_the_data_again(void **state) {
    (void)state;
    run("data export synthetic:40:5 \"$T/exported\"");
    expect_status(0);
    run("data info synthetic:40:5 --json");
    char *before = out;
    out = NULL;
    run("data info \"$T/exported\" --json");
    expect_status(0);
    cJSON *a = parse(before), *b = parse(out);
    assert_true(number(a, "count") == number(b, "count"));
    assert_true(number(a, "mean") == number(b, "mean")); /* same pixels, at least in their sum */
    cJSON_Delete(a);
    cJSON_Delete(b);
    free(before);
    run("data export synthetic:40:5 \"$T/exported\"");
    expect_status(2);
    expect_part(err, "new or empty folder");
}

/* ---- Interruption, output ------------------------------------------------------------ */

static void pause_a_little(void) {
    struct timespec time = {0, 20000000};
    nanosleep(&time, NULL);
}

static void test_interrupted_training_saves_and_exits_130(void **state) {
    (void)state;
    pid_t process = start("", "train --model models/small.json --data synthetic:512 "
                              "--output \"$T/stopped\" --epochs 100000 --progress always");
    for (int i = 0; i < 3000 && !strstr(errors_so_far(), "epoch 2/"); i++) pause_a_little();
    kill(process, SIGINT);
    finish(process);
    expect_status(130);
    expect_part(err, "interrupted");
    assert_string_equal(out, "");
    assert_int_equal(count_entries("stopped", ".part"), 0);
    assert_int_equal(count_entries("stopped", ".tmp"), 0);
    run("evaluate --model \"$T/stopped/model.safetensors\" --data synthetic:64 --json");
    expect_status(0);
    cJSON_Delete(parse(out));
}

static void test_full_output_is_a_failure(void **state) {
    (void)state;
    run("devices >/dev/full");
    expect_status(2);
    expect_part(err, "cannot write standard output");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_help_of_each_command_shows_usage_options_and_examples),
        cmocka_unit_test(test_help_lists_every_command),
        cmocka_unit_test(test_help_wraps_at_a_hundred_columns),
        cmocka_unit_test(test_devices_lists_the_reference_last),
        cmocka_unit_test(test_devices_without_a_runtime_says_how_to_get_one),
        cmocka_unit_test(test_cache_shows_its_folder_and_is_cleared),
        cmocka_unit_test(test_selftest_gives_a_verdict),
        cmocka_unit_test(test_inspect_adds_up),
        cmocka_unit_test(test_train_leaves_a_run_that_the_other_commands_use),
        cmocka_unit_test(test_train_summary_as_json),
        cmocka_unit_test(test_quiet_training_says_nothing_on_standard_error),
        cmocka_unit_test(test_an_existing_run_is_kept_unless_overwritten),
        cmocka_unit_test(test_profile_shows_the_nodes),
        cmocka_unit_test(test_evaluate_json_has_the_promised_form),
        cmocka_unit_test(test_evaluate_text_has_a_row_for_each_class),
        cmocka_unit_test(test_predict_writes_kaggles_form),
        cmocka_unit_test(test_predict_writes_through_links_and_into_devices),
        cmocka_unit_test(test_classify_csv_has_a_row_for_every_file),
        cmocka_unit_test(test_classify_top_k_adds_columns_after_the_status),
        cmocka_unit_test(test_classify_jsonl_is_one_object_a_line),
        cmocka_unit_test(test_classify_reads_a_list_on_standard_input),
        cmocka_unit_test(test_classify_strict_fails_after_all_rows_are_written),
        cmocka_unit_test(test_classify_marks_what_is_below_the_threshold),
        cmocka_unit_test(test_classify_finds_its_model_in_the_environment),
        cmocka_unit_test(test_data_info_counts_the_classes),
        cmocka_unit_test(test_exported_images_are_the_data_again),
        cmocka_unit_test(test_interrupted_training_saves_and_exits_130),
        cmocka_unit_test(test_full_output_is_a_failure),
    };
    return cmocka_run_group_tests(tests, program_setup, program_teardown);
}
