/* Products and convolutions on matrix units, with the instruction in OpenCL C (cl/matrix.cl): the same panels,
 * fragments and epilogues as on a device that has such units. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "check/check.h"
#include "ops/ops.h"
#include "plan/choose.h"

static const char *const ops[] = {"gemm", "conv2d", "conv2d_backward_data",
                                  "conv2d_backward_weights"};

static dd_device *open_device(dd_precision precision) {
    dd_device *device;
    const dd_device_options options = {.kernel_class = DD_CLASS_GPU, .precision = precision};
    dd_status status = dd_device_open(NULL, &options, &device);
    if (status != DD_OK) print_error("%s\n", dd_message());
    assert_int_equal(status, DD_OK);
    return device;
}

static bool is_product(const dd__case *c) {
    for (size_t i = 0; i < DD_COUNT(ops); i++)
        if (strcmp(c->op, ops[i]) == 0) return true;
    return false;
}

/* Whole numbers come out exactly. A tile that a device has no room for is refused, the usual one is not. */
static void check_cases(dd_device *device, const char *implementation, bool all) {
    unsigned passed = 0, refused = 0, failed = 0;
    const dd__case *c;
    for (size_t i = 0; (c = dd__case_at(i)) != NULL; i++) {
        if (!is_product(c) || !(all || c->quick)) continue;
        dd_status status = dd__check_forward(device, c, implementation, NULL);
        passed += status == DD_OK;
        refused += status == DD_USAGE;
        failed += status != DD_OK && status != DD_USAGE;
        if (status != DD_OK && status != DD_USAGE)
            print_error("%s %s \"%s\": %s\n", c->op, implementation, c->name, dd_message());
    }
    print_message("%-50s %3u passed %3u refused %3u failed\n", implementation, passed, refused,
                  failed);
    assert_int_equal(failed, 0);
    assert_true(strchr(implementation, ':') || (passed > 0 && refused == 0));
}

/* The usual tile, and one more: several warps beside and above each other, slices; or a flat one. */
static void check_precision(dd_precision precision, const char *usual, const char *other) {
    dd_device *device = open_device(precision);
    check_cases(device, usual, true);
    check_cases(device, other, false);
    dd_device_close(device);
}

static void test_tf32_products_are_exact_on_whole_numbers(void **state) {
    (void)state;
    check_precision(DD_PRECISION_TF32, "matrix_tf32",
                    "matrix_tf32:width=16:height=8:rows=1:columns=2:depth=16:slices=4");
}

static void test_bf16_products_are_exact_on_whole_numbers(void **state) {
    (void)state;
    check_precision(DD_PRECISION_BF16, "matrix_bf16",
                    "matrix_bf16:width=32:height=4:rows=4:columns=1:depth=64:slices=1");
}

/* So many bits are kept, no fewer and no more: rounding to the nearest. */
static void test_factors_are_rounded_to_what_the_format_keeps(void **state) {
    (void)state;
    const dd__case c = {.op = "gemm",
                        .name = "fractions",
                        .attributes = &(const dd__gemm){.transpose_b = true},
                        .in = {DD__IN(NORMAL, 65, 300), DD__IN(NORMAL, 33, 300)}};
    dd_device *device = open_device(DD_PRECISION_BF16);
    double tf32, bf16;
    assert_int_equal(dd__check_error(device, &c, "matrix_tf32", &tf32), DD_OK);
    assert_int_equal(dd__check_error(device, &c, "matrix_bf16", &bf16), DD_OK);
    dd_device_close(device);
    print_message("tf32 %.2e, bf16 %.2e\n", tf32, bf16);
    assert_true(tf32 > 2.5e-4 && tf32 < 3.2e-4);
    assert_true(bf16 > 2.0e-3 && bf16 < 2.6e-3);
}

static void test_gradients(void **state) {
    (void)state;
    dd_device *device = open_device(DD_PRECISION_BF16);
    const dd__case *c;
    unsigned failed = 0;
    for (size_t i = 0; (c = dd__case_at(i)) != NULL; i++) {
        if (!c->gradient || !is_product(c) || dd__check_gradient(device, c, NULL) == DD_OK)
            continue;
        print_error("%s \"%s\": %s\n", c->op, c->name, dd_message());
        failed++;
    }
    dd_device_close(device);
    assert_int_equal(failed, 0);
}

/* ---- Which one is taken --------------------------------------------------------------------- */

static dd__case convolution(uint32_t kernel, uint32_t channels, const dd__conv2d *attributes) {
    return (dd__case){.op = "conv2d",
                      .name = "choice",
                      .attributes = attributes,
                      .in = {{DD__DATA_NORMAL, DD_DIMS(4, 12, 12, channels)},
                             {DD__DATA_NORMAL, DD_DIMS(kernel, kernel, channels, channels)}}};
}

/* What computes a convolution with as many filters as channels, where that precision is allowed. */
static const char *chosen(dd_precision precision, int32_t kernel, uint32_t channels) {
    dd__case_graph built;
    const dd__implementation *found = NULL;
    const dd__conv2d attributes = {.filters = (int32_t)channels,
                                   .kernel = {kernel, kernel},
                                   .stride = {1, 1},
                                   .dilation = {1, 1},
                                   .groups = 1};
    const dd__case c = convolution((uint32_t)kernel, channels, &attributes);
    dd_device *device = open_device(precision);
    assert_int_equal(dd__case_build(&c, false, &built), DD_OK);
    assert_int_equal(dd__choose_default(device, built.node, &found), DD_OK);
    dd__graph_free(built.graph);
    dd_device_close(device);
    return found->name;
}

static void test_units_are_used_as_far_as_precision_allows(void **state) {
    (void)state;
    assert_string_equal(chosen(DD_PRECISION_F32, 3, 64), "winograd_batched");
    assert_string_equal(chosen(DD_PRECISION_TF32, 3, 64), "matrix_tf32");
    assert_string_equal(chosen(DD_PRECISION_BF16, 3, 64), "matrix_bf16");
    assert_string_equal(chosen(DD_PRECISION_F16, 3, 64), "matrix_bf16");
}

static void test_minimal_filtering_of_many_channels_is_preferred_to_tf32(void **state) {
    (void)state;
    assert_string_equal(chosen(DD_PRECISION_TF32, 5, 64), "matrix_tf32");
    assert_string_equal(chosen(DD_PRECISION_TF32, 5, 256), "winograd_batched");
    assert_string_equal(chosen(DD_PRECISION_BF16, 5, 256), "matrix_bf16");
}

static void test_narrow_products_are_left_to_float_units(void **state) {
    (void)state;
    assert_string_equal(chosen(DD_PRECISION_TF32, 3, 4), "tiled");
}

static void assert_refused(dd_precision precision, const char *implementation, const char *why) {
    const dd__case c = {.op = "gemm",
                        .name = "refused",
                        .attributes = &(const dd__gemm){.transpose_a = false},
                        .in = {DD__IN(NORMAL, 8, 8), DD__IN(NORMAL, 8, 8)}};
    dd_device *device = open_device(precision);
    assert_int_equal(dd__check_forward(device, &c, implementation, NULL), DD_USAGE);
    if (!strstr(dd_message(), why)) fail_msg("expected \"%s\" in \"%s\"", why, dd_message());
    dd_device_close(device);
}

static void test_what_is_not_allowed_or_not_there_is_refused(void **state) {
    (void)state;
    assert_refused(DD_PRECISION_F32, "matrix_tf32", "may not be rounded");
    assert_refused(DD_PRECISION_TF32, "matrix_bf16", "may not be rounded");
    unsetenv("DEEPDIGITS_MATRIX");
    assert_refused(DD_PRECISION_BF16, "matrix_bf16", "no such matrix units");
}

/* Without a cache: PoCL compiles a program once more to give it away, and keeps it by itself. */
static int emulate(void **state) {
    (void)state;
    return setenv("DEEPDIGITS_MATRIX", "emulated", 1) || setenv("DEEPDIGITS_CACHE", "off", 1);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup(name, emulate)
    const struct CMUnitTest tests[] = {
        TEST(test_tf32_products_are_exact_on_whole_numbers),
        TEST(test_bf16_products_are_exact_on_whole_numbers),
        TEST(test_factors_are_rounded_to_what_the_format_keeps),
        TEST(test_gradients),
        TEST(test_units_are_used_as_far_as_precision_allows),
        TEST(test_minimal_filtering_of_many_channels_is_preferred_to_tf32),
        TEST(test_narrow_products_are_left_to_float_units),
        TEST(test_what_is_not_allowed_or_not_there_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
