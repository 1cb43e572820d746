#include <math.h>

#include "base/random.h"
#include "ops/host.h"

enum { COUNT = 40000 };

static dd_status add_dropout(host *h, float rate, dd__value *x, dd__value **y) {
    dd__dropout a = {.rate = rate};
    return dd__op_dropout.layer(h->graph, &dd__op_dropout, "drop", &a, &x, 1, y);
}

/* A dropout node over COUNT ones, whose step buffer holds `step`. */
static void open_ones(host *h, float rate, const dd__step *step) {
    float *ones = dd__alloc(COUNT, sizeof *ones);
    assert_non_null(ones);
    for (size_t i = 0; i < COUNT; i++) ones[i] = 1;
    host_open(h);
    dd__value *x = host_input(h, "x", DD__F32, DD_DIMS(COUNT), ones), *y;
    dd__free(ones);
    assert_int_equal(add_dropout(h, rate, x, &y), DD_OK);
    dd__value *state = h->graph->step;
    assert_int_equal(dd__buffer_create(h->device, sizeof *step, &state->buffer), DD_OK);
    assert_int_equal(dd__buffer_write(state->buffer, 0, step, sizeof *step), DD_OK);
    host_run(h, 0);
}

static void test_dropped_share_is_the_rate_and_the_mean_stays(void **state) {
    (void)state;
    host h;
    open_ones(&h, 0.25f, &(dd__step){.seed_low = 42, .step = 3});
    const float *y = host_data(h.graph->nodes[0]->out[0]);
    const uint8_t *mask = host_data(h.graph->nodes[0]->out[1]);
    size_t kept = 0;
    for (size_t i = 0; i < COUNT; i++) {
        kept += mask[i];
        assert_true(fabsf(y[i] - (mask[i] ? 4.0f / 3 : 0.0f)) <= 1e-6f);
    }
    /* Five deviations: sqrt(COUNT * 0.25 * 0.75) = 87. */
    assert_true(fabs((double)kept - 0.75 * COUNT) <= 5 * 87);
    host_close(&h);
}

static size_t differences(const dd__step *one, const dd__step *other) {
    host a, b;
    open_ones(&a, 0.5f, one);
    open_ones(&b, 0.5f, other);
    const uint8_t *first = host_data(a.graph->nodes[0]->out[1]);
    const uint8_t *second = host_data(b.graph->nodes[0]->out[1]);
    size_t count = 0;
    for (size_t i = 0; i < COUNT; i++) count += first[i] != second[i];
    host_close(&a);
    host_close(&b);
    return count;
}

static void test_mask_follows_from_seed_and_step(void **state) {
    (void)state;
    dd__step start = {.seed_low = 42, .step = 3}, later = start, reseeded = start;
    later.step = 4;
    reseeded.seed_high = 1;
    assert_int_equal(differences(&start, &start), 0);
    assert_true(differences(&start, &later) > COUNT / 3);
    assert_true(differences(&start, &reseeded) > COUNT / 3);
}

static void test_layers_draw_from_streams_of_their_own(void **state) {
    (void)state;
    host h;
    host_open(&h);
    dd__value *x = host_input(&h, "x", DD__F32, DD_DIMS(8), NULL), *y;
    assert_int_equal(add_dropout(&h, 0.5f, x, &y), DD_OK);
    assert_int_equal(add_dropout(&h, 0.5f, y, &y), DD_OK);
    const dd__dropout *first = h.graph->nodes[0]->attributes;
    const dd__dropout *second = h.graph->nodes[1]->attributes;
    assert_int_equal(first->stream, DD__STREAM_DROPOUT);
    assert_int_not_equal(first->stream, second->stream);
    dd__buffer_free(h.graph->step->buffer);
    host_close(&h);
}

static void test_inference_leaves_dropout_out(void **state) {
    (void)state;
    host h;
    host_open(&h);
    h.graph->training = false;
    dd__value *x = host_input(&h, "x", DD__F32, DD_DIMS(8), NULL), *y;
    assert_int_equal(add_dropout(&h, 0.5f, x, &y), DD_OK);
    assert_ptr_equal(y, x);
    assert_int_equal(h.graph->node_count, 0);
    host_close(&h);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dropped_share_is_the_rate_and_the_mean_stays),
        cmocka_unit_test(test_mask_follows_from_seed_and_step),
        cmocka_unit_test(test_layers_draw_from_streams_of_their_own),
        cmocka_unit_test(test_inference_leaves_dropout_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
