/* Every value of every tunable computes what the reference does, on the default device. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "check/check.h"
#include "ops/ops.h"
#include "tune/choice.h"

static dd_device *device;

static int open_device(void **state) {
    (void)state;
    dd_device_options options = {.without_selftest = true};
    setenv("DEEPDIGITS_CACHE", "off", 1); /* keeping so many programs takes as long as their use */
    return dd_device_open(NULL, &options, &device) == DD_OK ? 0 : -1;
}

static int close_device(void **state) {
    (void)state;
    dd_device_close(device);
    return 0;
}

/* Small, with remainders in every direction: images, rows, columns, channels and filters are no
 * multiples of tiles. What wants whole vectors of channels takes the later ones. Kernels of 5x5, as
 * the shape and not a setting decides, are test_error.c's and the cases' own: they would treble the
 * time, which compilers take. */
#define PASSES(k_, n, h, c, o, p, q)                                                       \
    {.op = "conv2d",                                                                       \
     .name = "forward",                                                                    \
     .attributes = &(const dd__conv2d){CONVOLUTION(k_), .filters = o},                     \
     .in = {DD__IN(INTEGER, n, h, h, c), DD__IN(INTEGER, k_, k_, c, o), DD__IN(HALF, o)}}, \
        {.op = "conv2d_backward_data",                                                     \
         .name = "data",                                                                   \
         .attributes = &(const dd__conv2d){CONVOLUTION(k_), .filters = o,                  \
                                           .result = DD__CONST_DIMS(n, h, h, c)},          \
         .in = {DD__IN(INTEGER, n, p, q, o), DD__IN(INTEGER, k_, k_, c, o)}},              \
    {                                                                                      \
        .op = "conv2d_backward_weights", .name = "weights",                                \
        .attributes = &(const dd__conv2d){CONVOLUTION(k_), .filters = o,                   \
                                          .result = DD__CONST_DIMS(k_, k_, c, o)},         \
        .in = {                                                                            \
            DD__IN(INTEGER, n, h, h, c),                                                   \
            DD__IN(INTEGER, n, p, q, o)                                                    \
        }                                                                                  \
    }
#define CONVOLUTION(k_)                                                    \
    .kernel = {k_, k_}, .stride = {1, 1}, .dilation = {1, 1}, .groups = 1, \
    .padding = {.edges = {1, 0, 0, 2}}, .activation = DD__LINEAR

static const dd__case cases[] = {
    PASSES(3, 3, 8, 5, 21, 7, 8),
    PASSES(3, 5, 10, 16, 48, 9, 10),
    {.op = "conv2d", /* tiles of whole windows */
     .name = "pooled",
     .attributes = &(const dd__conv2d){CONVOLUTION(3), .filters = 48, .pool = 2},
     .in = {DD__IN(INTEGER, 3, 8, 8, 16), DD__IN(INTEGER, 3, 3, 16, 48), DD__IN(HALF, 48)}},
    {.op = "gemm",
     .name = "product",
     .attributes = &(const dd__gemm){.activation = DD__LINEAR},
     .in = {DD__IN(INTEGER, 37, 19), DD__IN(INTEGER, 19, 75), DD__IN(HALF, 75)}},
    {.op = "gemm",
     .name = "transposed",
     .attributes = &(const dd__gemm){.transpose_a = true, .transpose_b = true},
     .in = {DD__IN(INTEGER, 19, 5), DD__IN(INTEGER, 33, 19)}},
    {.op = "matmul",
     .name = "matrices",
     .in = {DD__IN(INTEGER, 3, 13, 19), DD__IN(INTEGER, 3, 19, 37)}},
};

/* Returns how many cases the choice was judged by: those that it does not refuse. */
static size_t check_choice(const dd__op *op, const char *choice) {
    size_t judged = 0;
    for (size_t i = 0; i < DD_COUNT(cases); i++) {
        if (strcmp(cases[i].op, op->name) != 0) continue;
        dd_status status = dd__check_forward(device, &cases[i], choice, NULL);
        if (status == DD_USAGE) continue;
        if (status != DD_OK)
            print_error("%s %s, case \"%s\": %s\n", op->name, choice, cases[i].name, dd_message());
        assert_int_equal(status, DD_OK);
        judged++;
    }
    return judged;
}

static int32_t value_number(const dd__tunable *tunable, size_t k) {
    size_t count = 0;
    while (tunable->values[count]) count++;
    return count ? tunable->values[k % count] : 0;
}

/* Forms that are not allowed in float32; test_matrix_units tries some settings of them. */
static bool needs_precision(const dd__implementation *implementation) {
    return implementation->rounds_factors;
}

/* Choice number k sets every tunable to its value number k, beginning anew where there are fewer: all
 * values in as few choices as can be, since each is some seconds of compiling. */
static size_t check_implementation(const dd__op *op, const dd__implementation *implementation) {
    size_t count = dd__tunable_count(implementation), choices = 0;
    if (needs_precision(implementation)) return 0;
    for (size_t t = 0; t < count; t++)
        while (implementation->tunables[t].values[choices]) choices++;
    for (size_t k = 0; k < choices; k++) {
        dd__choice choice = {.implementation = implementation};
        char text[DD__CHOICE_TEXT];
        for (size_t t = 0; t < count; t++)
            choice.settings[t] = value_number(&implementation->tunables[t], k);
        size_t judged = check_choice(op, dd__choice_print(&choice, text));
        if (judged == 0) print_error("%s %s: judged by no case\n", op->name, text);
        assert_true(judged > 0);
    }
    return choices;
}

static void test_every_value_of_every_tunable_computes_rightly(void **state) {
    (void)state;
    if (dd__device_is_reference(device)) skip();
    const dd__op *op;
    size_t choices = 0;
    for (size_t i = 0; (op = dd__op_at(i)) != NULL; i++)
        for (const dd__implementation *const *it = op->implementations; it && *it; it++)
            choices += check_implementation(op, *it);
    print_message("%zu choices\n", choices);
    assert_true(choices > 30);
}

static void test_tables_of_tunables_are_well_formed(void **state) {
    (void)state;
    const dd__op *op;
    for (size_t i = 0; (op = dd__op_at(i)) != NULL; i++)
        for (const dd__implementation *const *it = op->implementations; it && *it; it++) {
            size_t count = dd__tunable_count(*it);
            assert_true(count <= DD__SETTINGS);
            for (size_t t = 0; t < count; t++) {
                const dd__tunable *tunable = &(*it)->tunables[t];
                assert_true(tunable->help && tunable->values[0] > 0);
                assert_int_equal(tunable->values[DD__TUNABLE_VALUES - 1], 0);
                assert_true((tunable->usual != 0) != (tunable->usual_for != NULL));
            }
        }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tables_of_tunables_are_well_formed),
        cmocka_unit_test(test_every_value_of_every_tunable_computes_rightly),
    };
    return cmocka_run_group_tests(tests, open_device, close_device);
}
