#include <math.h>

#include "ops/device_run.h"

enum { ROWS = 5, CLASSES = 3 };

/* Labels far outside read nothing and count nothing, forward or backward; what the last one gives is known. */
static void check_labels(const dd__cross_entropy *attributes, float last_loss,
                         float last_gradient) {
    host h;
    device_open(&h);
    const float logits[ROWS * CLASSES] = {1, 2, 3, 1, 2, 3, 1, 2, 3, 1, 2, 3, 1, 2, 3};
    const int32_t labels[ROWS] = {-1, CLASSES, INT32_MAX, INT32_MIN, 2};
    const float dloss[ROWS] = {1, 1, 1, 1, 1};
    dd__value *in[] = {host_input(&h, "logits", DD__F32, DD_DIMS(ROWS, CLASSES), logits),
                       host_input(&h, "labels", DD__I32, DD_DIMS(ROWS), labels),
                       host_input(&h, "dloss", DD__F32, DD_DIMS(ROWS), dloss)};
    dd__value *values[3], **out[] = {&values[0], &values[1]};
    assert_int_equal(dd__graph_add(h.graph, &dd__op_cross_entropy, "ce", attributes, in, 2, out, 2),
                     DD_OK);
    assert_int_equal(dd__graph_add1(h.graph, &dd__op_cross_entropy_backward, "ce", attributes, in,
                                    3, &values[2]),
                     DD_OK);
    assert_true(device_run(&h, 0, dd__op_cross_entropy.implementations[0]));
    assert_true(device_run(&h, 1, dd__op_cross_entropy_backward.implementations[0]));
    float loss[ROWS], hit[ROWS], dx[ROWS * CLASSES];
    device_read(values[0], loss);
    device_read(values[1], hit);
    device_read(values[2], dx);
    for (size_t n = 0; n < 4; n++) assert_true(loss[n] == 0 && hit[n] == 0);
    for (size_t i = 0; i < (size_t)4 * CLASSES; i++) assert_true(dx[i] == 0);
    assert_true(fabsf(loss[4] - last_loss) <= 1e-6f && hit[4] == 1);
    assert_true(fabsf(dx[4 * CLASSES + 2] - last_gradient) <= 1e-6f);
    host_close(&h);
}

static void test_labels_out_of_range_are_not_counted(void **state) {
    (void)state;
    check_labels(NULL, 0.40760596f, 0.66524096f - 1);
}

/* The target is 0.1, 0.1, 0.8. */
static void test_smoothing_gives_every_class_a_part_where_there_is_a_label(void **state) {
    (void)state;
    check_labels(&(const dd__cross_entropy){.smoothing = 0.3f}, 3.40760596f - 2.7f,
                 0.66524096f - 0.8f);
}

static void test_hit_needs_the_first_largest_logit(void **state) {
    (void)state;
    host h;
    host_open(&h);
    const float logits[] = {3, 3, 1, 3, 3, 1, NAN, 0, 0};
    const int32_t labels[] = {0, 1, 0};
    dd__value *in[] = {host_input(&h, "logits", DD__F32, DD_DIMS(3, CLASSES), logits),
                       host_input(&h, "labels", DD__I32, DD_DIMS(3), labels)};
    dd__value *loss, *hit, **out[] = {&loss, &hit};
    assert_int_equal(dd__graph_add(h.graph, &dd__op_cross_entropy, "ce", NULL, in, 2, out, 2),
                     DD_OK);
    host_run(&h, 0);
    const float expected[] = {1, 0, 0};
    assert_memory_equal(host_data(hit), expected, sizeof expected);
    assert_true(isnan(((const float *)host_data(loss))[2]));
    host_close(&h);
}

static void test_labels_of_another_count_are_refused(void **state) {
    (void)state;
    host h;
    host_open(&h);
    dd__value *in[] = {host_input(&h, "logits", DD__F32, DD_DIMS(4, 10), NULL),
                       host_input(&h, "labels", DD__I32, DD_DIMS(5), NULL)};
    dd__value *loss, *hit, **out[] = {&loss, &hit};
    assert_int_equal(dd__graph_add(h.graph, &dd__op_cross_entropy, "ce", NULL, in, 2, out, 2),
                     DD_SHAPE);
    assert_non_null(strstr(dd_message(), "expected 4 labels of type i32, found 5"));
    host_close(&h);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_labels_out_of_range_are_not_counted),
        cmocka_unit_test(test_smoothing_gives_every_class_a_part_where_there_is_a_label),
        cmocka_unit_test(test_hit_needs_the_first_largest_logit),
        cmocka_unit_test(test_labels_of_another_count_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
