/* test_merge_cli.c: an ensemble made and used, by commands that know nothing of ensembles. */
#include "cli/json.h"

static void test_an_ensemble_is_a_model_like_any_other(void **state) {
    (void)state;
    need_model();
    run("convert models/small.json $T/fresh.safetensors --seed 5");
    expect_status(0);
    run("merge $T/run/model.safetensors $T/fresh.safetensors --output $T/both.safetensors "
        "--name both --shift 1 --zoom 0.1");
    expect_status(0);
    expect_part(err, "2 models, 25620 parameters, ");
    run("inspect $T/both.safetensors");
    expect_status(0);
    expect_part(out, "both: images of 28x28x1, 10 classes, with weights");
    expect_part(out, "shift 1, zoom 0.1");
    expect_part(out, "2.conv1");
    run("evaluate --model $T/both.safetensors --data synthetic:64:9 --json");
    expect_status(0);
    cJSON *evaluation = parse(out);
    assert_true(number(evaluation, "count") == 64);
    cJSON_Delete(evaluation);
    run("classify --model $T/both.safetensors --device reference --format csv "
        "tests/fuzz/corpus/image/pgm");
    expect_status(0);
    run("bench --model $T/both.safetensors --batch 4 --seconds 0.1 --csv");
    expect_status(0);
    expect_part(out, "both");
    run("convert $T/both.safetensors $T/both.onnx");
    expect_status(0);
    run("merge $T/run/model.safetensors --output $T/turned.safetensors --rotation 5 --quiet");
    expect_status(0);
    assert_string_equal(err, "");
}

static void test_what_cannot_be_merged_is_named(void **state) {
    (void)state;
    need_model();
    run("merge $T/run/model.safetensors --output $T/x.safetensors");
    expect_status(2);
    expect_part(err, "expected several models to merge, or views, found model \"small\"");
    run("merge $T/run/model.safetensors models/small.json --output $T/x.safetensors");
    expect_status(2);
    expect_part(err, "model 2 \"small\" has no weights");
    run("merge $T/run/model.safetensors $T/none.safetensors --output $T/x.safetensors");
    expect_status(2);
    expect_part(err, "none.safetensors");
    run("merge $T/run/model.safetensors");
    expect_status(2);
    expect_part(err, "--output");
    run("merge $T/run/model.safetensors --output $T/x.safetensors --zoom 1");
    expect_status(2);
    expect_part(err, "--zoom");
    assert_false(file_exists("x.safetensors"));
}

static void test_the_help_teaches(void **state) {
    (void)state;
    run("merge --help");
    expect_status(0);
    expect_part(out, "the mean of what its members predict");
    expect_part(out, "nine times the work");
    expect_part(out, "--shift N");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_ensemble_is_a_model_like_any_other),
        cmocka_unit_test(test_what_cannot_be_merged_is_named),
        cmocka_unit_test(test_the_help_teaches),
    };
    return cmocka_run_group_tests(tests, program_setup, program_teardown);
}
