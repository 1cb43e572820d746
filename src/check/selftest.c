#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "check/check.h"
#include "ops/ops.h"

/* One self-test under way. */
typedef struct selftest {
    dd_device *device;
    bool quick;
    dd_selftest_function *function;
    void *context;
    dd_selftest_result *result;
    dd_status first_status; /* of what failed first, with its message */
    char first_message[2048];
} selftest;

static void report(selftest *test, const dd_selftest_row *row) {
    if (row->status == DD_OK) {
        test->result->passed++;
    } else {
        if (test->result->failed++ == 0) {
            test->first_status = row->status;
            strncpy(test->first_message, row->message, sizeof test->first_message - 1);
        }
    }
    if (test->function) test->function(test->context, row);
}

/* `what` names the row in the message of a failure. */
static void finish_row(selftest *test, dd_selftest_row *row, double start) {
    row->seconds = dd__seconds() - start;
    if (row->status != DD_OK) {
        dd__within(row->status, "%s, implementation \"%s\", case \"%s\"", row->op,
                   row->implementation, row->name);
        row->message = dd_message();
    }
    report(test, row);
}

static void run_row(selftest *test, const dd__case *c, const char *implementation) {
    double start = dd__seconds();
    char name[128];
    snprintf(name, sizeof name, "%s%s", c->name, c->half ? ", half" : "");
    dd_selftest_row row = {.op = c->op,
                           .implementation = implementation ? implementation : "reference",
                           .name = name,
                           .message = ""};
    row.status = dd__check_forward(test->device, c, implementation, &row.error);
    if (row.status == DD_USAGE)
        test->result->refused++;
    else
        finish_row(test, &row, start);
}

static bool is_made_for(const dd__implementation *implementation, const dd_device *device) {
    unsigned here = dd__device_class(device) == DD_CLASS_GPU ? DD__ON_GPU : DD__ON_CPU;
    return (implementation->classes & here) != 0;
}

/* The case once more, with all in half precision that the implementation takes so, where inference
 * may store it so. */
static void run_half(selftest *test, const dd__case *c, const dd__implementation *implementation) {
    bool allowed = dd__device_precision(test->device) == DD_PRECISION_F16 &&
                   dd__device_class(test->device) == DD_CLASS_GPU;
    if (!allowed || !implementation->half) return;
    dd__case half = *c;
    half.half = implementation->half;
    run_row(test, &half, implementation->name);
}

static void run_implementations(selftest *test, const dd__case *c) {
    if (dd__device_is_reference(test->device)) {
        run_row(test, c, NULL);
        return;
    }
    const dd__op *op = dd__op_find(c->op);
    for (size_t i = 0; op && op->implementations && op->implementations[i]; i++) {
        if (is_made_for(op->implementations[i], test->device)) {
            run_row(test, c, op->implementations[i]->name);
            run_half(test, c, op->implementations[i]);
        } else {
            test->result->refused++;
        }
    }
}

static void run_training_step(selftest *test) {
    double start = dd__seconds();
    dd_selftest_row row = {
        .op = "training", .implementation = "chosen", .name = "one_step", .message = ""};
    row.status = dd__check_training_step(test->device, &row.error);
    finish_row(test, &row, start);
}

dd_status dd_selftest(dd_device *device, bool quick, dd_selftest_function *function, void *context,
                      dd_selftest_result *result) {
    if (!device) return dd__fail(DD_USAGE, "the self-test needs a device");
    dd_selftest_result own;
    if (!result) result = &own;
    *result = (dd_selftest_result){0};
    selftest test = {.device = device,
                     .quick = quick,
                     .function = function,
                     .context = context,
                     .result = result};
    double start = dd__seconds();
    const dd__case *c;
    for (size_t i = 0; (c = dd__case_at(i)) != NULL; i++) {
        if (dd__interrupted()) return dd__fail(DD_INTERRUPTED, "the self-test was interrupted");
        if (c->quick || !quick) run_implementations(&test, c);
    }
    run_training_step(&test);
    result->seconds = dd__seconds() - start;
    if (result->failed == 0) return DD_OK;
    return dd__fail(test.first_status, "self-test: %zu of %zu failed, first %s", result->failed,
                    result->failed + result->passed, test.first_message);
}
