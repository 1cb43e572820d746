/* The gradient of every op that has one, on the device, against central differences of the
 * reference: with the implementations that the plan chooses, and with the plain ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "check/check.h"
#include "ops/ops.h"
#include "plan/choose.h"

/* A node that only fusing makes is made only where an implementation takes it. */
static bool is_made_for(const dd__case *c, const dd_device *device) {
    dd__case_graph built;
    if (!dd__op_find(c->op)->fused || dd__device_is_reference(device)) return true;
    assert_int_equal(dd__case_build(c, false, &built), DD_OK);
    bool made = dd__can_compute(device, built.node);
    dd__graph_free(built.graph);
    return made;
}

static unsigned check_all(dd_device *device) {
    unsigned failed = 0, passed = 0;
    const dd__case *c;
    for (size_t i = 0; (c = dd__case_at(i)) != NULL; i++) {
        double worst = 0;
        if (!c->gradient || !is_made_for(c, device)) continue;
        if (dd__check_gradient(device, c, &worst) == DD_OK) {
            passed++;
            continue;
        }
        failed++;
        print_error("%s case \"%s\": %s\n", c->op, c->name, dd_message());
    }
    print_message("%u gradients passed, %u failed on %s\n", passed, failed,
                  dd_device_describe(device)->name);
    assert_true(passed > 0);
    return failed;
}

static void check_device(const char *selector, const dd_device_options *options) {
    dd_device *device;
    dd_status status = dd_device_open(selector, options, &device);
    if (status != DD_OK) print_error("%s\n", dd_message());
    assert_int_equal(status, DD_OK);
    unsigned failed = check_all(device);
    dd_device_close(device);
    assert_int_equal(failed, 0);
}

static void test_gradients_of_chosen_implementations(void **state) {
    (void)state;
    check_device(NULL, NULL);
}

/* "conv2d=plain,gemm=plain,...": all ops that have such an implementation. */
static void test_gradients_of_plain_implementations(void **state) {
    (void)state;
    char forced[2048] = "";
    const dd__op *op;
    for (size_t i = 0; (op = dd__op_at(i)) != NULL; i++)
        for (size_t k = 0; op->implementations && op->implementations[k]; k++)
            if (strcmp(op->implementations[k]->name, "plain") == 0) {
                size_t length = strlen(forced);
                snprintf(forced + length, sizeof forced - length, "%s%s=plain", length ? "," : "",
                         op->name);
            }
    dd_device_options options = {.implementations = forced};
    check_device(NULL, &options);
}

static void test_gradients_of_the_reference(void **state) {
    (void)state;
    check_device("reference", NULL);
}

static bool has_gradient_case(const dd__op *op) {
    const dd__case *c;
    for (size_t i = 0; (c = dd__case_at(i)) != NULL; i++)
        if (c->gradient && strcmp(c->op, op->name) == 0) return true;
    return false;
}

static void test_every_op_with_a_gradient_has_a_case(void **state) {
    (void)state;
    const dd__op *op;
    for (size_t i = 0; (op = dd__op_at(i)) != NULL; i++) {
        if (!op->gradient || !op->reference || op == &dd__op_fill || op == &dd__op_copy) continue;
        if (!has_gradient_case(op))
            print_error("the gradient of \"%s\" is not checked\n", op->name);
        assert_true(has_gradient_case(op));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_op_with_a_gradient_has_a_case),
        cmocka_unit_test(test_gradients_of_the_reference),
        cmocka_unit_test(test_gradients_of_chosen_implementations),
        cmocka_unit_test(test_gradients_of_plain_implementations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
