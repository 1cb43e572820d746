/* What a device reaches at best, and what is measured against it. On the default device. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/memory.h"
#include "deepdigits.h"

static dd_device *device;
static char folder[] = "/tmp/deepdigits-peak-XXXXXX";

static int open_all(void **state) {
    (void)state;
    dd_device_options options = {.without_selftest = true};
    return mkdtemp(folder) && dd_device_open(NULL, &options, &device) == DD_OK ? 0 : -1;
}

static int close_all(void **state) {
    (void)state;
    char command[256];
    dd_device_close(device);
    snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command);
}

static void test_peaks_are_what_a_device_can_have(void **state) {
    (void)state;
    double gflops, gbytes;
    const dd_device_info *info = dd_device_describe(device);
    assert_int_equal(dd_peak_gflops(device, &gflops), DD_OK);
    assert_int_equal(dd_peak_gbytes(device, &gbytes), DD_OK);
    assert_true(gflops > 0.1 && gflops < 1e6);
    assert_true(gbytes > 0.1 && gbytes < 1e5);
    /* two fused multiply-adds of 16 floats a clock, 6 GHz: no core does more */
    if (info->type == DD_DEVICE_CPU) assert_true(gflops <= 400.0 * info->compute_units);
}

static void test_measuring_a_peak_is_short(void **state) {
    (void)state;
    double peak;
    assert_int_equal(dd_peak_gflops(device, &peak), DD_OK); /* builds the kernels */
    assert_int_equal(dd_peak_gbytes(device, &peak), DD_OK);
    double begun = dd__seconds();
    assert_int_equal(dd_peak_gflops(device, &peak), DD_OK);
    assert_int_equal(dd_peak_gbytes(device, &peak), DD_OK);
    assert_true(dd__seconds() - begun <= 2); /* 0.3 on a machine that has nothing else to do */
}

static void test_the_reference_has_no_peak(void **state) {
    (void)state;
    dd_device *reference;
    double gflops = 1, gbytes = 1;
    assert_int_equal(dd_device_open("reference", NULL, &reference), DD_OK);
    assert_int_equal(dd_peak_gflops(reference, &gflops), DD_OK);
    assert_int_equal(dd_peak_gbytes(reference, &gbytes), DD_OK);
    assert_true(gflops == 0 && gbytes == 0);
    dd_device_close(reference);
}

/* 28x28 pixels to 512 to 512 to 10: products and little else. */
static void load_products(dd_model **model) {
    static const char text[] =
        "{\"deepdigits\":\"network 1\",\"name\":\"products\",\"input\":{\"height\":28,"
        "\"width\":28,\"channels\":1},\"layers\":[{\"op\":\"flatten\"},"
        "{\"op\":\"dense\",\"name\":\"a\",\"units\":512},"
        "{\"op\":\"dense\",\"name\":\"b\",\"units\":512},"
        "{\"op\":\"dense\",\"name\":\"c\",\"units\":10}]}";
    char path[256];
    snprintf(path, sizeof path, "%s/products.json", folder);
    assert_int_equal(dd__file_write(path, text, strlen(text)), DD_OK);
    assert_int_equal(dd_model_load(path, model), DD_OK);
}

/* A product counts every operation it does, so nothing but noise takes it beyond the peak; and ours
 * is not a hundred times slower. */
static void test_a_product_stays_below_the_peak(void **state) {
    (void)state;
    dd_model *model;
    dd_bench_result result;
    double best = 0, peak;
    dd_bench_options options = {.batch = 128, .seconds = 0.1, .profile = true};
    load_products(&model);
    assert_int_equal(dd_bench(device, model, &options, &result), DD_OK);
    for (size_t i = 0; i < result.node_count; i++)
        if (strcmp(result.nodes[i].op, "gemm") == 0) best = fmax(best, result.nodes[i].gflops);
    assert_int_equal(dd_peak_gflops(device, &peak), DD_OK);
    assert_true(best > 0);
    assert_true(best <= 1.5 * peak);
    assert_true(best >= 0.01 * peak);
    dd_bench_result_clear(&result);
    dd_model_free(model);
}

/* (128, 784) by (784, 512) and a bias, each read or written once. */
static void test_bytes_of_a_product_are_its_inputs_and_outputs(void **state) {
    (void)state;
    dd_model *model;
    dd_bench_result result;
    dd_bench_options options = {.batch = 128, .seconds = 0.02, .profile = true};
    size_t seen = 0;
    load_products(&model);
    assert_int_equal(dd_bench(device, model, &options, &result), DD_OK);
    for (size_t i = 0; i < result.node_count; i++) {
        if (strcmp(result.nodes[i].name, "a") != 0) continue;
        seen++;
        assert_true(result.nodes[i].bytes == 4.0 * (128 * 784 + 784 * 512 + 512 + 128 * 512));
    }
    assert_int_equal(seen, 1);
    dd_bench_result_clear(&result);
    dd_model_free(model);
}

/* Of the dataset, which has sixteen batches, a step reads one; the optimizer reads and writes
 * parameters and both moments. */
static void test_bytes_of_a_step_are_those_of_its_batch(void **state) {
    (void)state;
    dd_model *model;
    dd_model_info info;
    dd_bench_result result;
    dd_bench_options options = {.train = true, .batch = 16, .seconds = 0.02, .profile = true};
    size_t seen = 0;
    load_products(&model);
    dd_model_describe(model, &info);
    assert_int_equal(dd_bench(device, model, &options, &result), DD_OK);
    for (size_t i = 0; i < result.node_count; i++) {
        const dd_bench_node *node = &result.nodes[i];
        if (strcmp(node->op, "gather") == 0) {
            seen++;
            assert_true(node->bytes == 16.0 * (784 + 4 * 784 + 2 * 4));
        } else if (strcmp(node->op, "adam") == 0) {
            seen++;
            double least = 4.0 * 7 * (double)info.parameters; /* and a few words of the step */
            assert_true(node->bytes >= least && node->bytes <= 1.01 * least);
        }
    }
    assert_int_equal(seen, 2);
    dd_bench_result_clear(&result);
    dd_model_free(model);
}

static void test_phases_of_a_measurement_add_up(void **state) {
    (void)state;
    dd_model *model;
    dd_bench_result result;
    dd_device *fresh; /* that has no programs in memory */
    dd_device_options trusting = {.without_selftest = true};
    dd_bench_options options = {.batch = 8, .seconds = 0.05};
    load_products(&model);
    assert_int_equal(dd_device_open(NULL, &trusting, &fresh), DD_OK);
    assert_int_equal(dd_bench(fresh, model, &options, &result), DD_OK);
    double parts = result.programs_ms + result.check_ms + result.plan_ms;
    assert_true(result.programs_ms > 0 && result.plan_ms > 0 && result.check_ms >= 0);
    assert_true(fabs(parts - result.build_ms) <= 1e-6 * result.build_ms);
    assert_true(result.first_ms > 0 && result.warm_up_ms > 0 && result.steady_ms >= 50);
    double mean = 1e3 * result.steady_ms / (double)result.runs;
    assert_true(fabs(mean - result.mean_us) <= 1e-6 * mean);
    double programs = result.programs_ms;
    dd_bench_result_clear(&result);
    assert_int_equal(dd_bench(fresh, model, &options, &result), DD_OK); /* they are there now */
    assert_true(result.programs_ms < programs);
    dd_bench_result_clear(&result);
    dd_device_close(fresh);
    dd_model_free(model);
}

/* A compiler that leaves the work out, say, would look very fast. */
static void test_a_peak_whose_result_is_wrong_is_refused(void **state) {
    (void)state;
    static const char lazy[] = "/* no work */ __kernel void multiply_add(__global float *s, const "
                               "float a, const float b, const int n) { s[get_global_id(0)] = a; }";
    char path[256];
    double peak;
    dd_device *fresh;
    snprintf(path, sizeof path, "%s/peak.cl", folder);
    assert_int_equal(dd__file_write(path, lazy, strlen(lazy)), DD_OK);
    setenv("DEEPDIGITS_CL_DIR", folder, 1);
    assert_int_equal(dd_device_open(NULL, NULL, &fresh), DD_OK);
    assert_int_equal(dd_peak_gflops(fresh, &peak), DD_WRONG);
    assert_non_null(strstr(dd_message(), "expected"));
    dd_device_close(fresh);
    unsetenv("DEEPDIGITS_CL_DIR");
}

static void test_a_peak_without_memory_says_so(void **state) {
    (void)state;
    dd_status (*const measures[])(dd_device *, double *) = {dd_peak_gflops, dd_peak_gbytes};
    for (int m = 0; m < 2; m++) {
        double peak;
        dd_status status = DD_MEMORY;
        size_t failures = 0;
        for (size_t n = 1; status == DD_MEMORY && n < 50; n++) {
            dd__fail_allocation(n);
            status = measures[m](device, &peak);
            failures += status == DD_MEMORY;
        }
        dd__fail_allocation(0);
        assert_int_equal(status, DD_OK);
        assert_true(failures > 0);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_peaks_are_what_a_device_can_have),
        cmocka_unit_test(test_measuring_a_peak_is_short),
        cmocka_unit_test(test_the_reference_has_no_peak),
        cmocka_unit_test(test_a_product_stays_below_the_peak),
        cmocka_unit_test(test_bytes_of_a_product_are_its_inputs_and_outputs),
        cmocka_unit_test(test_bytes_of_a_step_are_those_of_its_batch),
        cmocka_unit_test(test_phases_of_a_measurement_add_up),
        cmocka_unit_test(test_a_peak_whose_result_is_wrong_is_refused),
        cmocka_unit_test(test_a_peak_without_memory_says_so),
    };
    return cmocka_run_group_tests(tests, open_all, close_all);
}
