/* Every case of every op, with every implementation that may run there, on the device named by
 * $DEEPDIGITS_DEVICE (or the default), against the reference.
 * `test_ops [OP [PRECISION]]` runs one op's alone ("" for all), and the forms that need the precision
 * tf32, bf16 or f16; $DEEPDIGITS_KERNEL_CLASS=cpu or gpu the kernels of that class. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "check/check.h"
#include "ops/ops.h"

static dd_device *device;
static const char *only; /* the name of an op; NULL: all */
static dd_precision precision;

typedef struct counts {
    unsigned passed, refused, failed;
} counts;

typedef dd_status check_function(dd_device *device, const dd__case *c, const char *implementation,
                                 double *worst);

static void run(check_function *check, const dd__case *c, const char *implementation,
                counts *total) {
    double worst = 0;
    dd_status status = check(device, c, implementation, &worst);
    if (status == DD_OK) {
        total->passed++;
    } else if (status == DD_USAGE) {
        total->refused++;
    } else {
        total->failed++;
        print_error("%s \"%s\" case \"%s\" (half %x): %s: %s\n", c->op,
                    implementation ? implementation : "", c->name, c->half, dd_status_name(status),
                    dd_message());
    }
}

/* What the implementation takes in half precision of the case's output and inputs. */
static size_t find_halves(const dd__case *c, const dd__implementation *implementation,
                          unsigned bits[DD__CASE_INPUTS + 1]) {
    size_t count = 0;
    if (implementation->half & DD__HALF_OUT(0)) bits[count++] = DD__HALF_OUT(0);
    for (unsigned i = 0; i < DD__CASE_INPUTS; i++)
        if (c->in[i].data && (implementation->half & DD__HALF_IN(i)))
            bits[count++] = DD__HALF_IN(i);
    return count;
}

/* Launches are cut on GPUs alone. All that can be is when no class is asked for. */
static check_function *check_of(const dd__implementation *implementation) {
    bool asked = dd__device_opened(device)->kernel_class != DD_CLASS_AUTO;
    return !asked && (implementation->classes & DD__ON_GPU) ? dd__check_parts : dd__check_forward;
}

/* With all of these in half precision, and the quick cases with those whose number has a certain binary
 * digit: then of any two values one is in half precision once and the other is not, and a kernel that
 * takes the one's type for the other's is found. Where launches are cut does not hang on that. */
static void run_halves(const dd__case *c, const dd__implementation *implementation, counts *total) {
    unsigned bits[DD__CASE_INPUTS + 1];
    size_t count = find_halves(c, implementation, bits);
    dd__case half = *c;
    for (size_t i = 0; i < count; i++) half.half |= bits[i];
    if (half.half) run(check_of(implementation), &half, implementation->name, total);
    for (size_t digit = 1; c->quick && digit < count; digit *= 2) {
        half.half = 0;
        for (size_t i = 0; i < count; i++)
            if (i & digit) half.half |= bits[i];
        run(dd__check_forward, &half, implementation->name, total);
    }
}

/* A GPU never gets the form made for CPUs unasked; rusticl even compiles some of it wrongly. The
 * other way round all run, so that a machine without a GPU tests its kernels too, unless one class
 * was asked for. */
static bool is_tried(const dd__implementation *implementation) {
    if (dd__device_class(device) == DD_CLASS_GPU) return implementation->classes & DD__ON_GPU;
    bool asked = dd__device_opened(device)->kernel_class != DD_CLASS_AUTO;
    return !asked || (implementation->classes & DD__ON_CPU);
}

static void run_implementations(const dd__case *c, const dd__op *op, counts *total) {
    for (size_t k = 0; op->implementations[k]; k++) {
        if (!is_tried(op->implementations[k])) continue;
        run(check_of(op->implementations[k]), c, op->implementations[k]->name, total);
        run_halves(c, op->implementations[k], total);
    }
}

static counts run_op(const dd__op *op) {
    counts total = {0};
    const dd__case *c;
    for (size_t i = 0; (c = dd__case_at(i)) != NULL; i++) {
        if (strcmp(c->op, op->name) != 0) continue;
        if (dd__device_is_reference(device))
            run(dd__check_forward, c, NULL, &total);
        else
            run_implementations(c, op, &total);
    }
    return total;
}

static void test_every_implementation_equals_the_reference_whole_and_in_parts(void **state) {
    (void)state;
    counts total = {0};
    const dd__op *op;
    for (size_t i = 0; (op = dd__op_at(i)) != NULL; i++) {
        if (!op->reference || (only && strcmp(only, op->name) != 0)) continue;
        double start = dd__seconds();
        counts one = run_op(op);
        print_message("%-26s %3u passed %3u refused %3u failed %6.1f s\n", op->name, one.passed,
                      one.refused, one.failed, dd__seconds() - start);
        total.passed += one.passed;
        total.refused += one.refused;
        total.failed += one.failed;
    }
    print_message("%u passed, %u refused, %u failed on %s\n", total.passed, total.refused,
                  total.failed, dd_device_describe(device)->name);
    assert_int_equal(total.failed, 0);
    assert_true(total.passed > 0);
}

static void test_every_op_that_computes_has_a_case(void **state) {
    (void)state;
    const dd__op *op;
    for (size_t i = 0; (op = dd__op_at(i)) != NULL; i++) {
        bool found = !op->reference;
        const dd__case *c;
        for (size_t k = 0; !found && (c = dd__case_at(k)) != NULL; k++)
            found = strcmp(c->op, op->name) == 0;
        if (!found) print_error("op \"%s\" has no case\n", op->name);
        assert_true(found);
    }
}

static void test_every_case_is_named_once_and_states_why(void **state) {
    (void)state;
    const dd__case *c, *other;
    for (size_t i = 0; (c = dd__case_at(i)) != NULL; i++) {
        assert_non_null(dd__op_find(c->op));
        assert_true(c->tolerance == 0 || c->why != NULL);
        for (size_t k = 0; k < i && (other = dd__case_at(k)) != NULL; k++) {
            bool same = strcmp(c->op, other->op) == 0 && strcmp(c->name, other->name) == 0;
            if (same) print_error("two cases %s \"%s\"\n", c->op, c->name);
            assert_false(same);
        }
    }
}

static void test_every_quick_op_has_a_quick_case(void **state) {
    (void)state;
    const dd__op *op;
    for (size_t i = 0; (op = dd__op_at(i)) != NULL; i++) {
        bool found = !op->reference;
        const dd__case *c;
        for (size_t k = 0; !found && (c = dd__case_at(k)) != NULL; k++)
            found = c->quick && strcmp(c->op, op->name) == 0;
        if (!found) print_error("op \"%s\" is not in the quick self-test\n", op->name);
        assert_true(found);
    }
}

static int open_device(void **state) {
    (void)state;
    dd_device_options options = {.precision = precision};
    if (dd_device_open(NULL, &options, &device) == DD_OK) return 0;
    print_error("%s\n", dd_message());
    return -1;
}

static int close_device(void **state) {
    (void)state;
    dd_device_close(device);
    return 0;
}

int main(int count, char **words) {
    static const char *const precisions[] = {"f32", "tf32", "bf16", "f16"}; /* by dd_precision */
    only = count > 1 && *words[1] ? words[1] : NULL;
    for (int p = 0; count > 2 && p < (int)DD_COUNT(precisions); p++)
        if (strcmp(words[2], precisions[p]) == 0) precision = (dd_precision)p;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_op_that_computes_has_a_case),
        cmocka_unit_test(test_every_case_is_named_once_and_states_why),
        cmocka_unit_test(test_every_quick_op_has_a_quick_case),
        cmocka_unit_test(test_every_implementation_equals_the_reference_whole_and_in_parts),
    };
    return cmocka_run_group_tests(tests, open_device, close_device);
}
