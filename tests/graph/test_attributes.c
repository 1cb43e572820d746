/* Fallbacks and printing of attributes. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "graph/attributes.h"

typedef struct everything {
    int32_t filters, kernel[2], kind;
    dd__padding padding;
    float alpha, limit;
    bool bias;
    dd__dims shape, order;
    int32_t untold; /* in no table */
} everything;

static const char *const kinds[] = {"linear", "relu", NULL};

static const dd__attribute table[] = {
    {.name = "filters",
     .type = DD__INT,
     .offset = offsetof(everything, filters),
     .fallback = 8,
     .required = true},
    {.name = "kernel", .type = DD__INT_PAIR, .offset = offsetof(everything, kernel), .fallback = 3},
    {.name = "padding", .type = DD__PADDING, .offset = offsetof(everything, padding)},
    {.name = "alpha", .type = DD__FLOAT, .offset = offsetof(everything, alpha), .fallback = 0.3},
    {.name = "bias", .type = DD__BOOL, .offset = offsetof(everything, bias), .fallback = 1},
    {.name = "activation",
     .type = DD__CHOICE,
     .offset = offsetof(everything, kind),
     .choices = kinds},
    {.name = "shape", .type = DD__INT_LIST, .offset = offsetof(everything, shape)},
    {.name = "order", .type = DD__INT_LIST, .offset = offsetof(everything, order)},
    {.name = "limit", .type = DD__FLOAT, .offset = offsetof(everything, limit), .fallback = NAN},
    {0},
};
static const dd__op op = {
    .name = "everything", .attributes_bytes = sizeof(everything), .attributes = table};
static const dd__op op_without = {.name = "nothing"};

static everything fallbacks(void) {
    everything e;
    memset(&e, 0xff, sizeof e);
    dd__attributes_default(&op, &e);
    return e;
}

static void assert_prints(const everything *e, const char *expected) {
    char text[200];
    assert_string_equal(dd__attributes_print(&op, e, text, sizeof text), expected);
}

static void test_fallbacks_fill_every_field(void **state) {
    (void)state;
    everything e = fallbacks();
    assert_int_equal(e.filters, 8);
    assert_int_equal(e.kernel[0], 3);
    assert_int_equal(e.kernel[1], 3);
    assert_int_equal(e.padding.same, 0);
    assert_true(e.alpha == 0.3f);
    assert_true(e.bias);
    assert_int_equal(e.kind, 0);
    assert_int_equal(e.shape.rank, 0);
    assert_true(isnan(e.limit));
    assert_int_equal(e.untold, 0);
}

static void test_only_required_ones_are_printed_of_fallbacks(void **state) {
    (void)state;
    everything e = fallbacks();
    assert_prints(&e, "filters 8");
}

static void test_each_type_is_printed_in_its_way(void **state) {
    (void)state;
    everything e = fallbacks();
    e.filters = 64;
    e.kernel[1] = 5;
    e.padding.same = 1;
    e.alpha = 0.25f;
    e.bias = false;
    e.kind = 1;
    e.shape = DD_DIMS(7, 7, 64);
    assert_prints(&e, "filters 64, kernel 3x5, same, alpha 0.25, no bias, relu, shape 7x7x64");
}

static void test_zeros_are_printed_where_they_were_given(void **state) {
    (void)state;
    everything e = fallbacks();
    e.order = DD_DIMS(0, 5, 4, 3, 2, 0);
    e.limit = 0;
    assert_prints(&e, "filters 8, order 0x5x4x3x2x0, limit 0");
}

static void test_padding_by_edges_is_printed_with_all_four(void **state) {
    (void)state;
    everything e = fallbacks();
    for (int i = 0; i < 4; i++) e.padding.edges[i] = i;
    assert_prints(&e, "filters 8, padding 0,1,2,3");
}

static void test_text_that_does_not_fit_is_cut_and_terminated(void **state) {
    (void)state;
    everything e = fallbacks();
    e.kernel[0] = 5;
    char text[16];
    memset(text, 'x', sizeof text);
    dd__attributes_print(&op, &e, text, 12);
    assert_string_equal(text, "filters 8, ");
    assert_int_equal(text[12], 'x');
}

static void test_op_without_attributes_prints_nothing(void **state) {
    (void)state;
    char text[8] = "before";
    dd__attributes_default(&op_without, NULL);
    assert_string_equal(dd__attributes_print(&op_without, NULL, text, sizeof text), "");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fallbacks_fill_every_field),
        cmocka_unit_test(test_only_required_ones_are_printed_of_fallbacks),
        cmocka_unit_test(test_each_type_is_printed_in_its_way),
        cmocka_unit_test(test_zeros_are_printed_where_they_were_given),
        cmocka_unit_test(test_padding_by_edges_is_printed_with_all_four),
        cmocka_unit_test(test_text_that_does_not_fit_is_cut_and_terminated),
        cmocka_unit_test(test_op_without_attributes_prints_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
