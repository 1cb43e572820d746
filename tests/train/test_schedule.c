/* Learning rates: what the texts mean, and the numbers they give. */
#include "train/schedule.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "check/check.h"
#include "ops/ops.h"

static dd__schedule parse(const char *text) {
    dd__schedule schedule;
    assert_int_equal(dd__schedule_parse(text, &schedule), DD_OK);
    return schedule;
}

static void test_texts_are_settled_and_read_back(void **state) {
    (void)state;
    const char *rows[][2] = {
        {NULL, "plateau:factor=0.5,patience=3,threshold=0.0001,floor=1e-05,warm-up=0"},
        {"plateau", "plateau:factor=0.5,patience=3,threshold=0.0001,floor=1e-05,warm-up=0"},
        {"plateau:patience=5,factor=0.2",
         "plateau:factor=0.2,patience=5,threshold=0.0001,floor=1e-05,warm-up=0"},
        {"constant", "constant:warm-up=0"},
        {"step:every=4", "step:factor=0.1,every=4,warm-up=0"},
        {"cosine:floor=1e-6,warm-up=0.5", "cosine:floor=1e-06,warm-up=0.5"},
        {"one-cycle", "one-cycle:rise=0.3,start=0.04,end=4e-06"},
    };
    for (size_t i = 0; i < DD_COUNT(rows); i++) {
        char once[DD__SETTINGS_TEXT], twice[DD__SETTINGS_TEXT];
        dd__schedule schedule = parse(rows[i][0]);
        dd__schedule_print(&schedule, once);
        assert_string_equal(once, rows[i][1]);
        schedule = parse(once);
        dd__schedule_print(&schedule, twice);
        assert_string_equal(twice, once);
    }
}

static void test_wrong_texts_are_refused_with_what_there_is(void **state) {
    (void)state;
    const char *rows[][2] = {
        {"linear", "there are plateau, constant, step, cosine and one-cycle"},
        {"", "there is no schedule"},
        {"plateau:pace=3", "there are factor, patience, threshold, floor, warm-up"},
        {"plateau:patience=2.5", "expected a whole number from 1 to"},
        {"plateau:patience=0", "expected a whole number from 1 to"},
        {"plateau:factor=1.5", "expected a number from 0 to 1, found \"1.5\""},
        {"plateau:factor=nan", "expected a number from 0 to 1"},
        {"plateau:factor", "expected a number from 0 to 1"},
        {"plateau:factor=0.5x", "found \"0.5x\""},
        {"cosine:floor=0,", "behind the last comma"},
        {"one-cycle:warm-up=1", "there is no setting \"warm-up\""},
    };
    for (size_t i = 0; i < DD_COUNT(rows); i++) {
        dd__schedule schedule;
        assert_int_equal(dd__schedule_parse(rows[i][0], &schedule), DD_USAGE);
        if (!strstr(dd_message(), rows[i][1])) fail_msg("%s: %s", rows[i][0], dd_message());
    }
}

/* The rate of each epoch for these losses. */
static void follow(const char *text, double rate, const double *losses, size_t count,
                   const double *expected) {
    dd__schedule schedule = parse(text);
    dd__schedule_state at = dd__schedule_start(rate);
    for (size_t i = 0; i < count; i++) {
        if (!(fabs(at.rate - expected[i]) <= 1e-6 * expected[i]))
            fail_msg("%s, epoch %zu: expected %g, found %g", text, i + 1, expected[i], at.rate);
        dd__schedule_epoch(&schedule, (unsigned)i + 1, losses[i], &at);
    }
}

/* As Keras' ReduceLROnPlateau(patience=3, factor=0.5, min_lr=1e-5) does with these losses; its
 * min_delta is 1e-4. */
static void test_plateau_waits_as_keras_does(void **state) {
    (void)state;
    const double losses[] = {1.0, 0.5, 0.49995, 0.6, 0.7, 0.4, 0.4, 0.4, 0.4, 0.4, 0.4, 0.4, 0.4};
    const double rates[] = {1e-3, 1e-3, 1e-3,   1e-3,   1e-3,   5e-4,   5e-4,
                            5e-4, 5e-4, 2.5e-4, 2.5e-4, 2.5e-4, 1.25e-4};
    follow("plateau", 1e-3, losses, DD_COUNT(losses), rates);
    const double low[] = {1.5e-5, 1.5e-5, 1.5e-5, 1.5e-5, 1e-5, 1e-5, 1e-5, 1e-5};
    const double flat[] = {1, 1, 1, 1, 1, 1, 1, 1};
    follow("plateau", 1.5e-5, flat, DD_COUNT(flat), low);
    const double below[] = {1e-6, 1e-6, 1e-6, 1e-6, 1e-6, 1e-6, 1e-6, 1e-6}; /* never raised */
    follow("plateau", 1e-6, flat, DD_COUNT(flat), below);
    const double broken[] = {NAN, NAN, NAN, NAN};
    follow("plateau", 1e-3, broken, 4, (double[]){1e-3, 1e-3, 1e-3, 5e-4});
}

static void test_step_lowers_the_rate_every_so_many_epochs(void **state) {
    (void)state;
    const double losses[] = {1, 1, 1, 1, 1}, rates[] = {1, 1, 0.1, 0.1, 0.01};
    follow("step:every=2", 1, losses, 5, rates);
}

/* The rates that the device gives for steps 0, 1, .. */
static void assert_rates(const char *text, const double *expected, size_t count, uint32_t epochs,
                         uint32_t steps) {
    dd__schedule schedule = parse(text);
    dd__learning_rate attributes = dd__schedule_node(&schedule, 0.5, epochs, steps);
    dd_device *device;
    dd__graph *graph;
    dd__plan *plan;
    dd__value *step;
    assert_int_equal(dd_device_open(NULL, NULL, &device), DD_OK);
    assert_int_equal(dd__graph_create(true, 1, &graph), DD_OK);
    assert_int_equal(dd__graph_step(graph, &step), DD_OK);
    assert_int_equal(
        dd__graph_add(graph, &dd__op_learning_rate, "rate", &attributes, &step, 1, NULL, 0), DD_OK);
    assert_int_equal(dd__plan_create(device, graph, NULL, 0, &plan), DD_OK);
    for (uint32_t i = 0; i < count; i++) {
        dd__step now = {.step = i, .base_rate = 0.5f};
        assert_int_equal(dd__plan_write(plan, "step", &now, sizeof now), DD_OK);
        assert_int_equal(dd__plan_run(plan), DD_OK);
        assert_int_equal(dd__plan_read(plan, "step", &now, sizeof now), DD_OK);
        double found = (double)now.learning_rate;
        if (!(fabs(found - expected[i]) <= 2e-7))
            fail_msg("%s, step %u: expected %.8f, found %.8f", text, i, expected[i], found);
    }
    dd__plan_free(plan);
    dd_device_close(device);
}

static void test_rates_inside_epochs_are_those_of_the_formulas(void **state) {
    (void)state;
    double half[5], cycle[8];
    assert_rates("constant", (double[]){0.5, 0.5, 0.5}, 3, 2, 4);
    assert_rates("plateau:warm-up=1", (double[]){0.125, 0.25, 0.375, 0.5, 0.5}, 5, 2, 4);
    for (int i = 0; i < 5; i++) half[i] = 0.1 + 0.4 * (1 + cos(acos(-1) * i / 4)) / 2;
    assert_rates("cosine:floor=0.1", half, 5, 1, 4);
    assert_rates("cosine:warm-up=0.5", (double[]){0.25, 0.5, 0.5, 0.25, 0}, 5, 1, 4);
    for (int i = 0; i < 8; i++)
        cycle[i] = i < 4 ? 0.5 * (0.2 + 0.8 * (i + 1) / 4)
                         : 0.5 * (0.1 + 0.9 * (1 + cos(acos(-1) * (i - 4) / 4)) / 2);
    assert_rates("one-cycle:rise=0.5,start=0.2,end=0.1", cycle, 8, 2, 4);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_texts_are_settled_and_read_back),
        cmocka_unit_test(test_wrong_texts_are_refused_with_what_there_is),
        cmocka_unit_test(test_plateau_waits_as_keras_does),
        cmocka_unit_test(test_step_lowers_the_rate_every_so_many_epochs),
        cmocka_unit_test(test_rates_inside_epochs_are_those_of_the_formulas),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
