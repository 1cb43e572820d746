/* fixture.h: what the tests of plans share: the reference device and the default one, layers that a
 * line adds to a graph. */
#ifndef TESTS_PLAN_FIXTURE_H
#define TESTS_PLAN_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "ops/ops.h"
#include "plan/plan.h"

static inline void assert_fine(dd_status status) {
    if (status != DD_OK) print_error("%s\n", dd_message());
    assert_int_equal(status, DD_OK);
}

/* *state: dd_device *[2]. */
static inline int open_both(void **state) {
    static dd_device *devices[2];
    *state = devices;
    return dd_device_open("reference", NULL, &devices[0]) != DD_OK ||
           dd_device_open(NULL, NULL, &devices[1]) != DD_OK;
}

static inline int close_both(void **state) {
    dd_device **devices = *state;
    dd_device_close(devices[0]);
    dd_device_close(devices[1]);
    return 0;
}

/* Whole blocks in one node, and plans in one launch, are made for processors alone. */
static inline bool fuses(const dd_device *device) {
    return !dd__device_is_reference(device) && dd__device_class(device) == DD_CLASS_CPU;
}

static inline dd__value *layer(dd__graph *graph, const dd__op *op, const char *name,
                               const void *attributes, dd__value *x) {
    dd__value *y;
    assert_fine(op->layer(graph, op, name, attributes, &x, 1, &y));
    return y;
}

/* Of stride 1, without padding, with a bias. */
static inline dd__value *convolution(dd__graph *graph, const char *name, int32_t filters,
                                     int32_t kernel, dd__activation activation, dd__value *x) {
    dd__conv2d conv = {.filters = filters,
                       .kernel = {kernel, kernel},
                       .stride = {1, 1},
                       .dilation = {1, 1},
                       .groups = 1,
                       .bias = true,
                       .activation = (int32_t)activation};
    return layer(graph, &dd__op_conv2d, name, &conv, x);
}

static inline dd__value *norm(dd__graph *graph, const char *name, dd__value *x) {
    return layer(graph, &dd__op_batch_norm, name,
                 &(dd__batch_norm){.momentum = 0.9f, .epsilon = 1e-3f}, x);
}

static inline dd__value *pool(dd__graph *graph, const char *name, dd__pool a, dd__value *x) {
    return layer(graph, &dd__op_max_pool, name, &a, x);
}

static const dd__pool halves = {.kernel = {2, 2}};

#endif
