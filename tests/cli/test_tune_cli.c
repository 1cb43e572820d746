/* test_tune_cli.c: what tune prints and keeps, and that it goes on where it was. */
#include <math.h>
#include <signal.h>
#include <unistd.h>

#include "cli/json.h"

#define CACHE "DEEPDIGITS_CACHE_DIR=$T/cache"

/* Two products and an activation are measured in seconds. */
static void need_network(void) {
    static const char text[] =
        "{\"deepdigits\":\"network 1\",\"name\":\"tiny\",\"input\":{\"height\":8,\"width\":8,"
        "\"channels\":1},\"layers\":[{\"op\":\"flatten\"},{\"op\":\"dense\",\"units\":32,"
        "\"activation\":\"relu\"},{\"op\":\"dense\",\"units\":10}]}";
    if (!file_exists("tiny.json")) make_file("tiny.json", text, strlen(text));
}

static cJSON *tune(const char *options) {
    char line[256];
    need_network();
    snprintf(line, sizeof line, "tune --model $T/tiny.json --batch 16 --json %s", options);
    run_with(CACHE, line);
    expect_status(0);
    return parse(out);
}

static bool is_true(const cJSON *object, const char *key) {
    return cJSON_IsTrue(cJSON_GetObjectItem(object, key));
}

static void test_json_has_the_default_the_choice_and_their_ratio(void **state) {
    (void)state;
    cJSON *json = tune("--seconds 120");
    const cJSON *nodes = cJSON_GetObjectItem(json, "nodes"), *node;
    double training = 0;
    assert_true(length_of(json, "nodes") >= 4);
    assert_true(number(json, "measured") > number(json, "incomplete"));
    assert_true(number(json, "incomplete") == 0);
    cJSON_ArrayForEach(node, nodes) {
        double usual = number(node, "default_ms"), tuned = number(node, "tuned_ms");
        assert_true(tuned > 0 && tuned <= usual);
        assert_true(fabs(number(node, "ratio") - usual / tuned) < 1e-3 * usual / tuned);
        assert_true(is_true(node, "complete") && *text_of(node, "choice"));
        training += number(node, "training") * usual;
    }
    const cJSON *total = cJSON_GetObjectItem(json, "training");
    assert_true(fabs(number(total, "default_ms") - training) < 1e-3 * training);
    assert_true(number(total, "ratio") >= 1);
    assert_true(number(cJSON_GetObjectItem(json, "inference"), "default_ms") < training);
    expect_part(err, "ms");
    cJSON_Delete(json);
}

/* After the test above. */
static void test_what_is_known_is_measured_again_only_when_asked(void **state) {
    (void)state;
    cJSON *json = tune("--seconds 120");
    assert_true(number(json, "measured") == 0);
    expect_part(err, "--again");
    cJSON_Delete(json);
    json = tune("--seconds 10 --again");
    assert_true(number(json, "measured") > 0);
    cJSON_Delete(json);
}

static void test_the_table_shows_the_ratio_in_total(void **state) {
    (void)state;
    need_network();
    run_with(CACHE, "tune --model $T/tiny.json --batch 16 --seconds 120");
    expect_status(0);
    expect_part(out, "default ms");
    expect_part(out, "ratio");
    expect_part(out, "training   default");
}

static void test_an_interrupted_tuning_keeps_what_it_found_and_goes_on(void **state) {
    (void)state;
    need_network();
    make_file("err", "", 0); /* what the test before wrote there says nothing of this one */
    pid_t process = start("DEEPDIGITS_CACHE_DIR=$T/other",
                          "tune --model $T/tiny.json --batch 16 --seconds 120 --json");
    for (int i = 0; i < 600 && !strstr(errors_so_far(), "  = "); i++) usleep(50000);
    kill(process, SIGINT);
    finish(process);
    expect_status(130);
    cJSON *json = parse(out);
    double before = number(json, "measured"), left = number(json, "incomplete");
    int all = length_of(json, "nodes");
    assert_true(before > 0 && left < all);
    cJSON_Delete(json);
    run_with("DEEPDIGITS_CACHE_DIR=$T/other",
             "tune --model $T/tiny.json --batch 16 --seconds 0.001 --json");
    expect_status(0);
    json = parse(out);
    assert_true(number(json, "measured") <= 1); /* time for nothing that was known */
    assert_true(number(json, "incomplete") <= left);
    cJSON_Delete(json);
}

static void test_the_reference_is_not_tuned(void **state) {
    (void)state;
    need_network();
    run("tune --model $T/tiny.json --device reference");
    expect_status(2);
    expect_part(err, "nothing to tune");
}

/* Results do not depend on settings, and a forced one that there is not is refused. */
static void test_settings_can_be_forced(void **state) {
    (void)state;
    need_network();
    run("bench --model $T/tiny.json --seconds 0.05 --json --profile "
        "--implementation gemm=direct:rows=4:vectors=1");
    expect_status(0);
    expect_part(out, "\"direct:rows=4:vectors=1\"");
    run("bench --model $T/tiny.json --seconds 0.05 --implementation gemm=direct:rows=9");
    expect_status(2);
    expect_part(err, "\"rows\" cannot be \"9\", but: 1, 2, 4, 5, 6, 8, 14");
    run("bench --model $T/tiny.json --seconds 0.05 --implementation gemm=direct:depth=4");
    expect_status(2);
    expect_part(err, "rows, vectors");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_json_has_the_default_the_choice_and_their_ratio),
        cmocka_unit_test(test_what_is_known_is_measured_again_only_when_asked),
        cmocka_unit_test(test_the_table_shows_the_ratio_in_total),
        cmocka_unit_test(test_an_interrupted_tuning_keeps_what_it_found_and_goes_on),
        cmocka_unit_test(test_the_reference_is_not_tuned),
        cmocka_unit_test(test_settings_can_be_forced),
    };
    return cmocka_run_group_tests(tests, program_setup, program_teardown);
}
