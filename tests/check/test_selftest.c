/* A device that computes wrongly is refused: faults are planted in copies of the kernels, which
 * DEEPDIGITS_CL_DIR puts in the place of the embedded ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/memory.h"
#include "check/check.h"

enum { MOST_BYTES = 1 << 20 };

static char folder[] = "/tmp/deepdigits-selftest-XXXXXX",
            cache[] = "/tmp/deepdigits-verdict-XXXXXX";

/* ---- Planting -------------------------------------------------------------------- */

/* Writes cl/<name>.cl to `folder` with the first `from` replaced by `to`. */
static void plant(const char *name, const char *from, const char *to) {
    char source[256], target[256], *text, *changed;
    size_t size;
    snprintf(source, sizeof source, "cl/%s.cl", name);
    snprintf(target, sizeof target, "%s/%s.cl", folder, name);
    assert_int_equal(dd__file_read(source, MOST_BYTES, &text, &size), DD_OK);
    const char *found = strstr(text, from);
    if (!found) print_error("%s has no \"%s\" any more\n", source, from);
    assert_non_null(found);
    size_t room = size + strlen(to) + 1;
    changed = dd__alloc(room, 1);
    assert_non_null(changed);
    snprintf(changed, room, "%.*s%s%s", (int)(found - text), text, to, found + strlen(from));
    assert_int_equal(dd__file_write(target, changed, strlen(changed)), DD_OK);
    dd__free(changed);
    dd__free(text);
    setenv("DEEPDIGITS_CL_DIR", folder, 1);
}

static void heal(const char *name) {
    char target[256];
    snprintf(target, sizeof target, "%s/%s.cl", folder, name);
    remove(target);
    unsetenv("DEEPDIGITS_CL_DIR");
}

typedef struct seen {
    const char *op;    /* whose failures are counted */
    unsigned failures; /* of this op */
    unsigned others;   /* failures of other ops */
} seen;

static void count_row(void *context, const dd_selftest_row *row) {
    seen *s = context;
    if (row->status == DD_OK) return;
    if (strncmp(row->op, s->op, strlen(s->op)) == 0)
        s->failures++;
    else
        s->others++;
}

/* What a plan with a node of `op` would meet on a device opened so. */
static dd_status use(const char *op, const dd_device_options *options) {
    dd_device *device;
    dd__case_graph built;
    const dd__case *c = NULL;
    for (size_t i = 0; (c = dd__case_at(i)) != NULL; i++)
        if (c->quick && strcmp(c->op, op) == 0) break;
    assert_non_null(c);
    assert_int_equal(dd_device_open(NULL, options, &device), DD_OK);
    assert_int_equal(dd__case_build(c, false, &built), DD_OK);
    dd_status status = dd__verify(device, built.graph);
    if (status != DD_OK) {
        assert_non_null(strstr(dd_message(), dd_device_describe(device)->name));
        assert_non_null(strstr(dd_message(), op));
        assert_non_null(strstr(dd_message(), "DEEPDIGITS_SELFTEST=off"));
    }
    dd__graph_free(built.graph);
    dd_device_close(device);
    return status;
}

/* The quick self-test finds a fault in `op`, and the device is refused for it where the
 * implementation that has it (`forced`, NULL: the usual one) is to be used. */
static void expect_refusal(const char *op, const char *forced, bool reaches_training) {
    dd_device *device;
    dd_selftest_result result;
    seen s = {.op = op};
    dd_device_options options = {.implementations = forced};
    assert_int_equal(use(op, &options), DD_WRONG);
    assert_int_equal(use("gather", NULL), DD_OK); /* what is not touched can be used */
    assert_int_equal(dd_device_open(NULL, NULL, &device), DD_OK);
    assert_int_equal(dd_selftest(device, true, count_row, &s, &result), DD_WRONG);
    assert_non_null(strstr(dd_message(), op));
    assert_true(s.failures > 0);
    assert_int_equal(result.failed, s.failures + s.others);
    assert_true(s.others <= (reaches_training ? 1 : 0));
    dd_device_close(device);
}

/* ---- Faults ---------------------------------------------------------------------- */

static void test_relu_of_the_wrong_sign_is_caught(void **state) {
    (void)state;
    plant("activation", "f_relu(T x, float alpha, float beta) { return x <=",
          "f_relu(T x, float alpha, float beta) { return -x <=");
    expect_refusal("activation", NULL, false);
    heal("activation");
}

static void test_convolution_with_a_wrong_index_is_caught(void **state) {
    (void)state;
    plant("conv2d", "q * SW - PL + k * DW", "q * SW - PL + k * DW + 1");
    expect_refusal("conv2d", "conv2d=plain", true);
    heal("conv2d");
}

static void test_kernel_that_yields_nan_is_caught(void **state) {
    (void)state;
    plant("softmax", "y[c] /= sum;", "y[c] /= sum - sum;");
    expect_refusal("softmax", NULL, false);
    assert_non_null(strstr(dd_message(), "not finite"));
    heal("softmax");
}

static void test_kernel_that_leaves_out_its_last_element_is_caught(void **state) {
    (void)state;
    plant("elementwise", "if (i < count) WRITE(Y_T, READ(X_T, a, i) + READ(W_T, b, i), y, i)",
          "if (i + 1 < count) WRITE(Y_T, READ(X_T, a, i) + READ(W_T, b, i), y, i)");
    expect_refusal("add", "add=plain", false);
    heal("elementwise");
}

static const dd__case *find_case(const char *op, const char *name) {
    const dd__case *c;
    for (size_t i = 0; (c = dd__case_at(i)) != NULL; i++)
        if (strcmp(c->op, op) == 0 && strcmp(c->name, name) == 0) return c;
    return NULL;
}

static void test_wrong_derivative_is_caught_by_differences(void **state) {
    (void)state;
    const dd__case *tanh_case = find_case("activation", "tanh");
    assert_non_null(tanh_case);
    dd_device *device;
    assert_int_equal(dd_device_open(NULL, NULL, &device), DD_OK);
    assert_int_equal(dd__check_gradient(device, tanh_case, NULL), DD_OK);
    dd_device_close(device);
    plant("activation", "return (T)(1) - t * t;", "return (T)(1.01f) - t * t;");
    assert_int_equal(dd_device_open(NULL, NULL, &device), DD_OK);
    assert_int_equal(dd__check_gradient(device, tanh_case, NULL), DD_WRONG);
    dd_device_close(device);
    heal("activation");
}

static void test_place_taken_from_the_group_is_caught_in_parts(void **state) {
    (void)state;
    const dd__case *many = find_case("add", "many");
    dd_device *device;
    plant("elementwise",
          "int i = (int)get_global_id(0);\n    if (i < count) WRITE(Y_T, READ(X_T, a",
          "int i = (int)(get_group_id(0) * get_local_size(0) + get_local_id(0));\n"
          "    if (i < count) WRITE(Y_T, READ(X_T, a");
    assert_int_equal(dd_device_open(NULL, NULL, &device), DD_OK);
    assert_int_equal(dd__check_forward(device, many, "plain", NULL), DD_OK);
    assert_int_equal(dd__check_parts(device, many, "plain", NULL), DD_WRONG);
    assert_non_null(strstr(dd_message(), "parts of one group"));
    dd_device_close(device);
    heal("elementwise");
}

/* ---- Verdicts -------------------------------------------------------------------- */

static void count_checks(void *context, dd_log_level level, const char *line) {
    (void)level;
    if (strstr(line, "checking kernels")) ++*(int *)context;
}

static void test_what_passed_is_not_checked_again(void **state) {
    (void)state;
    int checks = 0;
    dd_set_log(count_checks, &checks);
    assert_int_equal(use("softmax", NULL), DD_OK);
    assert_int_equal(checks, 1);
    assert_int_equal(use("softmax", NULL), DD_OK);
    assert_int_equal(checks, 1);
    assert_int_equal(use("gather", NULL), DD_OK); /* another op needs its own verdict */
    assert_int_equal(checks, 2);
    dd_set_log(NULL, NULL);
}

static void test_other_kernels_need_another_verdict(void **state) {
    (void)state;
    assert_int_equal(use("softmax", NULL), DD_OK);
    plant("softmax", "y[c] /= sum;", "y[c] /= sum + 1;");
    assert_int_equal(use("softmax", NULL), DD_WRONG);
    assert_int_equal(use("softmax", NULL), DD_WRONG); /* a failure is not kept */
    heal("softmax");
    assert_int_equal(use("softmax", NULL), DD_OK);
}

static void test_a_refused_device_can_be_used_all_the_same(void **state) {
    (void)state;
    dd_device_options trusting = {.without_selftest = true};
    plant("softmax", "y[c] /= sum;", "y[c] /= sum + 1;");
    assert_int_equal(use("softmax", &trusting), DD_OK);
    setenv("DEEPDIGITS_SELFTEST", "off", 1);
    assert_int_equal(use("softmax", NULL), DD_OK);
    unsetenv("DEEPDIGITS_SELFTEST");
    assert_int_equal(use("softmax", NULL), DD_WRONG);
    heal("softmax");
}

static void test_the_reference_passes_the_whole_self_test(void **state) {
    (void)state;
    dd_device *device;
    dd_selftest_result result;
    assert_int_equal(dd_device_open("reference", NULL, &device), DD_OK);
    assert_int_equal(dd_selftest(device, false, NULL, NULL, &result), DD_OK);
    assert_int_equal(result.failed, 0);
    assert_true(result.passed > 200);
    dd_device_close(device);
}

static void test_quick_self_test_is_short_once_built(void **state) {
    (void)state;
    dd_device *device;
    dd_selftest_result result;
    assert_int_equal(dd_device_open(NULL, NULL, &device), DD_OK);
    assert_int_equal(dd_selftest(device, true, NULL, NULL, &result), DD_OK);
    assert_int_equal(dd_selftest(device, true, NULL, NULL, &result), DD_OK);
    print_message("quick self-test: %zu passed, %zu refused, %.2f s\n", result.passed,
                  result.refused, result.seconds);
    dd_device_close(device);
    assert_true(result.passed > 30);
    assert_true(result.seconds <= 10); /* 0.2 on one core of 2024; runtimes under test are slower */
}

/* ---- Set-up ------------------------------------------------------------------------ */

/* Verdicts go to a cache of this test's own, whose compiled programs are those of all tests. */
static int set_up(void **state) {
    (void)state;
    char shared[4096], programs[4096], link[256];
    if (!mkdtemp(folder) || !mkdtemp(cache)) return -1;
    if (dd__cache_folder(shared, sizeof shared) != DD_OK ||
        dd__path_join(programs, sizeof programs, shared, "programs") != DD_OK ||
        dd__folder_make(programs) != DD_OK)
        return -1;
    char *absolute = realpath(programs, NULL);
    snprintf(link, sizeof link, "%s/programs", cache);
    int failed = !absolute || symlink(absolute, link) != 0;
    free(absolute);
    return failed || setenv("DEEPDIGITS_CACHE_DIR", cache, 1) != 0;
}

static int tear_down(void **state) {
    (void)state;
    static const char *const left[] = {"programs", "selftest.txt", "runtimes.txt"};
    for (size_t i = 0; i < DD_COUNT(left); i++) {
        char path[256];
        snprintf(path, sizeof path, "%s/%s", cache, left[i]);
        remove(path);
    }
    return rmdir(cache) != 0 || rmdir(folder) != 0;
}

/* Each test starts healthy and without verdicts, even when the one before it failed half-way. */
static int start_healthy(void **state) {
    (void)state;
    char path[256];
    static const char *const planted[] = {"activation", "conv2d", "softmax", "elementwise"};
    for (size_t i = 0; i < DD_COUNT(planted); i++) heal(planted[i]);
    unsetenv("DEEPDIGITS_SELFTEST");
    snprintf(path, sizeof path, "%s/selftest.txt", cache);
    remove(path);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
#define HEALTHY(test) cmocka_unit_test_setup(test, start_healthy)
        HEALTHY(test_the_reference_passes_the_whole_self_test),
        HEALTHY(test_quick_self_test_is_short_once_built),
        HEALTHY(test_what_passed_is_not_checked_again),
        HEALTHY(test_relu_of_the_wrong_sign_is_caught),
        HEALTHY(test_convolution_with_a_wrong_index_is_caught),
        HEALTHY(test_kernel_that_yields_nan_is_caught),
        HEALTHY(test_kernel_that_leaves_out_its_last_element_is_caught),
        HEALTHY(test_wrong_derivative_is_caught_by_differences),
        HEALTHY(test_place_taken_from_the_group_is_caught_in_parts),
        HEALTHY(test_other_kernels_need_another_verdict),
        HEALTHY(test_a_refused_device_can_be_used_all_the_same),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
