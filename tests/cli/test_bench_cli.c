/* test_bench_cli.c: what bench prints, over one device and several, and profiles of nodes. */
#include <math.h>

#include "cli/json.h"

/* All begin so: enough runs for a figure, few enough for a test. */
#define BENCH "bench --model models/small.json --seconds 0.1 "

static const cJSON *row_of(const cJSON *json, int i) {
    const cJSON *row = cJSON_GetArrayItem(cJSON_GetObjectItem(json, "results"), i);
    assert_non_null(row);
    return row;
}

static bool is_near(double a, double b, double part) { return fabs(a - b) <= part * fabs(b); }

/* ---- Rows ---------------------------------------------------------------------------- */

static void test_json_has_the_promised_keys_in_order(void **state) {
    (void)state;
    static const char *const keys[] = {
        "device",      "platform",          "driver",    "model",       "mode",     "precision",
        "batch",       "images_per_second", "p50_us",    "p90_us",      "p99_us",   "gflops",
        "peak_gflops", "peak_share",        "build_ms",  "programs_ms", "check_ms", "plan_ms",
        "first_ms",    "warm_up_ms",        "steady_ms", "runs",        "status"};
    run(BENCH "--batch 1,16 --json");
    expect_status(0);
    cJSON *json = parse(out);
    assert_int_equal(length_of(json, "results"), 2);
    const cJSON *row = row_of(json, 1), *item;
    size_t i = 0;
    cJSON_ArrayForEach(item, row) {
        assert_true(i < sizeof keys / sizeof *keys);
        assert_string_equal(item->string, keys[i++]);
    }
    assert_int_equal(i, sizeof keys / sizeof *keys);
    assert_string_equal(text_of(row, "status"), "ok");
    assert_string_equal(text_of(row, "mode"), "infer");
    assert_true(number(row, "batch") == 16);
    assert_string_equal(text_of(row, "precision"), "f32");
    cJSON_Delete(json);
}

/* JSON has six digits of each figure. */
static void test_figures_of_a_row_agree_with_each_other(void **state) {
    (void)state;
    run(BENCH "--batch 8 --json");
    expect_status(0);
    cJSON *json = parse(out);
    const cJSON *row = row_of(json, 0);
    double build = number(row, "programs_ms") + number(row, "check_ms") + number(row, "plan_ms");
    double rate = 1e3 * number(row, "batch") * number(row, "runs") / number(row, "steady_ms");
    assert_true(number(row, "steady_ms") >= 100 && number(row, "warm_up_ms") > 0);
    assert_true(number(row, "programs_ms") > 0 && number(row, "plan_ms") > 0);
    assert_true(is_near(build, number(row, "build_ms"), 1e-4));
    assert_true(is_near(rate, number(row, "images_per_second"), 1e-4));
    assert_true(number(row, "gflops") > 0 && number(row, "peak_gflops") > 0);
    assert_true(is_near(number(row, "gflops") / number(row, "peak_gflops"),
                        number(row, "peak_share"), 1e-4));
    assert_true(number(row, "p50_us") > 0 && number(row, "p50_us") <= number(row, "p90_us"));
    assert_true(number(row, "p90_us") <= number(row, "p99_us"));
    cJSON_Delete(json);
}

static void test_csv_has_a_field_for_every_key(void **state) {
    (void)state;
    run(BENCH "--train --batch 8 --csv");
    expect_status(0);
    assert_int_equal(count_lines(out), 2);
    assert_memory_equal(out, "device,platform,", 16);
    expect_part(out, ",gflops,peak_gflops,peak_share,build_ms,programs_ms,check_ms,plan_ms,"
                     "first_ms,warm_up_ms,steady_ms,runs,status\n");
    expect_part(out, ",train,f32,8,");
    expect_part(out, ",ok\n");
}

static void test_tables_show_peak_and_phases(void **state) {
    (void)state;
    static const char *const heads[] = {"p99 us",   "GFLOPS", "peak",     "of it",
                                        "programs", "plan",   "first ms", "steady ms"};
    run(BENCH "--batch 8 --markdown");
    expect_status(0);
    assert_int_equal(count_lines(out), 3);
    assert_memory_equal(out, "| device | ", 11);
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) expect_part(out, heads[i]);
    run(BENCH "--batch 8");
    expect_status(0);
    assert_int_equal(count_lines(out), 2);
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) expect_part(out, heads[i]);
    expect_part(out, " %");
}

/* ---- Devices ------------------------------------------------------------------------- */

static void test_a_list_of_devices_is_one_table(void **state) {
    (void)state;
    run(BENCH "--batch 1,2 --device 0,reference --json");
    expect_status(0);
    cJSON *json = parse(out);
    assert_int_equal(length_of(json, "results"), 4);
    assert_string_equal(text_of(row_of(json, 3), "device"), "reference");
    assert_string_not_equal(text_of(row_of(json, 1), "device"), "reference");
    for (int i = 0; i < 4; i++) {
        const cJSON *row = row_of(json, i);
        assert_string_equal(text_of(row, "status"), "ok");
        assert_true(number(row, "batch") == 1 + i % 2);
        assert_true(number(row, "images_per_second") > 0);
    }
    /* the reference runs no kernels: it has no peak */
    assert_true(cJSON_IsNull(cJSON_GetObjectItem(row_of(json, 3), "peak_share")));
    assert_true(number(row_of(json, 1), "peak_share") > 0);
    cJSON_Delete(json);
}

/* Kernels that do not compile: every OpenCL device fails, the reference does not. */
static const char *with_broken_kernels(void) {
    assert_int_equal(system("mkdir -p \"$T/broken\""), 0);
    make_file("broken/softmax.cl", "no kernel", 9);
    return "DEEPDIGITS_CL_DIR=\"$T/broken\" DEEPDIGITS_CACHE=off";
}

static void test_a_failing_device_is_a_row_beside_the_others(void **state) {
    (void)state;
    run_with(with_broken_kernels(), BENCH "--batch 2 --device 0,reference --json");
    expect_status(1);
    expect_part(err, "1 of 2 measurements failed");
    cJSON *json = parse(out);
    assert_int_equal(length_of(json, "results"), 2);
    const cJSON *failed = row_of(json, 0);
    assert_memory_equal(text_of(failed, "status"), "failed: ", 8);
    expect_part(text_of(failed, "status"), "softmax");
    assert_true(cJSON_IsNull(cJSON_GetObjectItem(failed, "images_per_second")));
    assert_true(cJSON_IsNull(cJSON_GetObjectItem(failed, "peak_gflops")));
    assert_string_equal(text_of(row_of(json, 1), "status"), "ok");
    cJSON_Delete(json);
}

static void test_all_devices_that_fail_are_rows_in_every_form(void **state) {
    (void)state;
    static const char *const forms[] = {"--json", "--csv", "--markdown", ""};
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        char line[256];
        snprintf(line, sizeof line, BENCH "--batch 2 --device all %s", forms[i]);
        run_with(with_broken_kernels(), line);
        expect_status(1);
        expect_part(out, "failed: ");
        expect_part(err, "measurements failed");
    }
}

static void test_a_list_with_an_unknown_device_is_bad_usage(void **state) {
    (void)state;
    run(BENCH "--batch 1 --device reference,nowhere --json");
    expect_status(2);
    expect_part(err, "nowhere");
    cJSON *json = parse(out); /* what was measured before is not lost */
    assert_int_equal(length_of(json, "results"), 1);
    cJSON_Delete(json);
    run(BENCH "--device 0,");
    expect_status(2);
    expect_part(err, "between commas");
    assert_string_equal(out, "");
    run(BENCH "--device ,reference");
    expect_status(2);
    expect_part(err, "between commas");
}

static void test_a_peak_that_is_not_known_does_not_cost_the_row(void **state) {
    (void)state;
    assert_int_equal(system("mkdir -p \"$T/peakless\""), 0);
    make_file("peakless/peak.cl", "no kernel", 9);
    run_with("DEEPDIGITS_CL_DIR=\"$T/peakless\" DEEPDIGITS_CACHE=off", BENCH "--batch 2 --json");
    expect_status(0);
    expect_part(err, "the device's peak is not known");
    cJSON *json = parse(out);
    assert_string_equal(text_of(row_of(json, 0), "status"), "ok");
    assert_true(number(row_of(json, 0), "images_per_second") > 0);
    assert_true(cJSON_IsNull(cJSON_GetObjectItem(row_of(json, 0), "peak_gflops")));
    assert_true(cJSON_IsNull(cJSON_GetObjectItem(row_of(json, 0), "peak_share")));
    cJSON_Delete(json);
}

/* ---- Profiles ------------------------------------------------------------------------ */

/* Shares and times of the nodes add up, rates follow from them. */
static void check_profile(const cJSON *profile) {
    const cJSON *node;
    double shares = 0, ms = 0, before = INFINITY;
    double peak = number(profile, "peak_gflops");
    double bandwidth = number(profile, "peak_gbytes_per_second");
    assert_true(peak > 0 && bandwidth > 0 && number(profile, "run_ms") > 0);
    assert_true(length_of(profile, "nodes") > 3);
    cJSON_ArrayForEach(node, cJSON_GetObjectItem(profile, "nodes")) {
        double seconds = 1e-3 * number(node, "ms"), rate = number(node, "gbytes_per_second");
        const cJSON *gflops = cJSON_GetObjectItem(node, "gflops");
        assert_true(seconds > 0 && 1e3 * seconds <= before);
        before = 1e3 * seconds;
        shares += number(node, "share");
        ms += number(node, "ms");
        assert_true(number(node, "bytes") > 0);
        assert_true(is_near(1e9 * rate * seconds, number(node, "bytes"), 1e-4));
        double reached = rate / bandwidth;
        if (cJSON_IsNumber(gflops)) reached = fmax(reached, gflops->valuedouble / peak);
        assert_true(is_near(number(node, "roofline_share"), reached, 1e-4));
    }
    assert_true(is_near(shares, 1, 1e-4));
    assert_true(is_near(ms, number(profile, "nodes_ms"), 1e-4));
}

static void test_profile_is_in_the_json_of_each_row(void **state) {
    (void)state;
    run(BENCH "--train --batch 4,8 --profile --json --device 0");
    expect_status(0);
    assert_null(strstr(err, "roofline"));
    cJSON *json = parse(out);
    for (int i = 0; i < 2; i++) check_profile(cJSON_GetObjectItem(row_of(json, i), "profile"));
    cJSON_Delete(json);
}

static void test_profile_is_a_table_on_standard_error(void **state) {
    (void)state;
    run(BENCH "--batch 8 --profile --csv");
    expect_status(0);
    assert_int_equal(count_lines(out), 2);
    expect_part(err, "share  GFLOPS");
    expect_part(err, "GB/s  roofline");
    expect_part(err, "conv2d");
    expect_part(err, "GB/s of memory");
    assert_null(strstr(out, "roofline"));
}

static void test_profile_of_the_reference_has_no_roofline(void **state) {
    (void)state;
    run(BENCH "--batch 2 --profile --json --device reference");
    expect_status(0);
    cJSON *json = parse(out);
    const cJSON *profile = cJSON_GetObjectItem(row_of(json, 0), "profile");
    const cJSON *node = cJSON_GetArrayItem(cJSON_GetObjectItem(profile, "nodes"), 0);
    assert_true(cJSON_IsNull(cJSON_GetObjectItem(node, "roofline_share")));
    assert_string_equal(text_of(node, "implementation"), "reference");
    assert_true(number(node, "ms") > 0);
    cJSON_Delete(json);
}

#define TRAIN \
    "train --model models/small.json --data synthetic:64 --batch 16 --epochs 1 --json --profile "

static void test_train_puts_its_profile_into_the_summary(void **state) {
    (void)state;
    run(TRAIN "--output \"$T/profiled\"");
    expect_status(0);
    cJSON *json = parse(out);
    assert_string_equal(text_of(json, "outcome"), "finished");
    check_profile(cJSON_GetObjectItem(json, "profile"));
    assert_null(cJSON_GetObjectItem(cJSON_GetObjectItem(json, "profile"), "teacher"));
    cJSON_Delete(json);
    run(TRAIN "--teacher \"$T/profiled/model.safetensors\" --output \"$T/taught\"");
    expect_status(0);
    json = parse(out);
    check_profile(cJSON_GetObjectItem(cJSON_GetObjectItem(json, "profile"), "teacher"));
    cJSON_Delete(json);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_json_has_the_promised_keys_in_order),
        cmocka_unit_test(test_figures_of_a_row_agree_with_each_other),
        cmocka_unit_test(test_csv_has_a_field_for_every_key),
        cmocka_unit_test(test_tables_show_peak_and_phases),
        cmocka_unit_test(test_a_list_of_devices_is_one_table),
        cmocka_unit_test(test_a_failing_device_is_a_row_beside_the_others),
        cmocka_unit_test(test_all_devices_that_fail_are_rows_in_every_form),
        cmocka_unit_test(test_a_list_with_an_unknown_device_is_bad_usage),
        cmocka_unit_test(test_a_peak_that_is_not_known_does_not_cost_the_row),
        cmocka_unit_test(test_profile_is_in_the_json_of_each_row),
        cmocka_unit_test(test_profile_is_a_table_on_standard_error),
        cmocka_unit_test(test_profile_of_the_reference_has_no_roofline),
        cmocka_unit_test(test_train_puts_its_profile_into_the_summary),
    };
    return cmocka_run_group_tests(tests, program_setup, program_teardown);
}
