/* test_onnx_cli.c: convert and run, as someone uses them who has an ONNX model. */
#include "cli/program.h"

/* Ones of shape (1, 1, 28, 28), which is the same in both layouts. */
static void make_image(void) {
    static const char head[] = "\x93NUMPY\x01\0v\0{'descr': '<f4', 'fortran_order': False, "
                               "'shape': (1, 1, 28, 28), }";
    char file[128 + 784 * 4];
    float one = 1;
    memset(file, ' ', 128);
    memcpy(file, head, sizeof head - 1);
    file[127] = '\n';
    for (int i = 0; i < 784; i++) memcpy(file + 128 + 4 * i, &one, sizeof one);
    make_file("x.npy", file, sizeof file);
}

static void test_a_network_becomes_onnx_and_runs(void **state) {
    (void)state;
    make_image();
    run("convert models/lenet5.json $T/net.safetensors --seed 3");
    expect_status(0);
    run("convert $T/net.safetensors $T/net.onnx");
    expect_status(0);
    run("run $T/net.onnx --input $T/x.npy --output $T/y.npy --device reference");
    expect_status(0);
    expect_part(out, "output: 1x10");
    run("convert $T/net.onnx $T/net.json");
    expect_status(0);
    run("inspect $T/net.onnx");
    expect_status(0);
    expect_part(out, "images of 28x28x1, 10 classes, with weights");
    run("run $T/net.onnx --input input=$T/x.npy --output output=$T/z.npy --device reference");
    expect_status(0);
    char *y = read_text("y.npy"), *z = read_text("z.npy");
    assert_memory_equal(y, z, 128 + 40);
    free(y);
    free(z);
}

static void test_preparation_and_classes_are_given(void **state) {
    (void)state;
    make_file("names.txt", "a\nb\nc\nd\ne\nf\ng\nh\ni\nten", 21);
    run("convert models/lenet5.json $T/named.onnx --classes $T/names.txt "
        "--preparation '{\"scale\": 0.5, \"shift\": -1}'");
    expect_status(0);
    run("convert $T/named.onnx $T/named.json");
    expect_status(0);
    char *text = read_text("named.json");
    expect_part(text, "\"ten\"]");
    expect_part(text, "-1");
    free(text);
    run("convert models/lenet5.json $T/named.onnx --preparation imagenet");
    expect_status(2);
    expect_part(err, "3 channels, not 1");
    make_file("names.txt", "a\nb\n", 4);
    run("convert models/lenet5.json $T/named.onnx --classes $T/names.txt");
    expect_status(2);
    expect_part(err, "expected 10 lines, a name each, found 2");
}

static void test_what_does_not_fit_is_named(void **state) {
    (void)state;
    make_image();
    run("convert models/lenet5.json $T/net.onnx");
    expect_status(0);
    run("run $T/net.onnx --device reference");
    expect_status(2);
    expect_part(err, "input \"input\" was not given");
    run("run $T/net.onnx --input image=$T/x.npy --device reference");
    expect_status(2);
    run("run $T/net.onnx --input $T/x.npy --output logits=$T/y.npy --device reference");
    expect_status(2);
    expect_part(err, "the model has no such output, but \"output\"");
    make_file("bad.onnx", "no model", 8);
    run("inspect $T/bad.onnx");
    expect_status(2);
    expect_part(err, "not an ONNX model");
    run("convert $T/net.onnx $T/nowhere/net.onnx");
    expect_status(2);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_network_becomes_onnx_and_runs),
        cmocka_unit_test(test_preparation_and_classes_are_given),
        cmocka_unit_test(test_what_does_not_fit_is_named),
    };
    return cmocka_run_group_tests(tests, program_setup, program_teardown);
}
