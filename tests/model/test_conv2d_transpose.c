/* The layer conv2d_transpose: its numbers by its own formula, which scatters, and its sizes. */
#include "model/attributes.h"
#include "ops/host.h"

static dd_status add_layer(host *h, const char *attributes, dd__value *x, dd__value **y) {
    const dd__op *op = &dd__op_conv2d_transpose;
    cJSON *json = cJSON_Parse(attributes);
    assert_non_null(json);
    void *read = test_malloc(op->attributes_bytes);
    assert_int_equal(dd__attributes_read(op, json, read), DD_OK);
    dd_status status = op->layer(h->graph, op, "up", read, &x, 1, y);
    test_free(read);
    cJSON_Delete(json);
    return status;
}

/* Gives a parameter a buffer with small whole numbers. */
static const float *fill(host *h, const char *name) {
    dd__value *value = dd__graph_find(h->graph, name);
    assert_non_null(value);
    size_t count = dd__dims_count(&value->dims);
    assert_int_equal(dd__buffer_create(h->device, count * sizeof(float), &value->buffer), DD_OK);
    float *numbers = host_data(value);
    for (size_t i = 0; i < count; i++) numbers[i] = (float)((i * 7 + 3) % 11) - 5.0f;
    return numbers;
}

static void empty(host *h, const char *name) {
    dd__value *value = dd__graph_find(h->graph, name);
    dd__buffer_free(value->buffer);
    value->buffer = NULL;
}

/* x (2, 3, 4, 4), two groups, w (3, 2, 3, 4), y (2, 8, 9, 6); everything uneven. */
static void test_numbers_are_scattered(void **state) {
    enum { N = 2, H = 3, W = 4, C = 4, KH = 3, KW = 2, O = 6, CG = 2, OG = 3, P = 8, Q = 9 };
    (void)state;
    host h;
    host_open(&h);
    float x[N * H * W * C], expected[N * P * Q * O];
    for (size_t i = 0; i < DD_COUNT(x); i++) x[i] = (float)(i % 9) - 4.0f;
    dd__value *input = host_input(&h, "x", DD__F32, DD_DIMS(N, H, W, C), x), *y;
    assert_int_equal(add_layer(&h,
                               "{\"op\": \"conv2d_transpose\", \"filters\": 6, \"kernel\": [3, 2],"
                               "\"stride\": [2, 3], \"dilation\": [2, 1], \"groups\": 2,"
                               "\"padding\": [1, 0, 1, 2], \"output_padding\": [1, 0]}",
                               input, &y),
                     DD_OK);
    assert_true(dd__dims_equal(&y->dims, &DD_DIMS(N, P, Q, O)));
    const float *w = fill(&h, "up.weight"), *bias = fill(&h, "up.bias");
    for (int i = 0; i < N * P * Q * O; i++) expected[i] = bias[i % O];
    for (int i = 0; i < N * H * W * C * KH * KW * OG; i++) {
        int o = i % OG, s = i / OG % KW, r = i / OG / KW % KH, at = i / OG / KW / KH;
        int c = at % C, q = at / C % W, p = at / C / W % H, n = at / C / W / H;
        int row = p * 2 - 1 + r * 2, column = q * 3 + s, group = c / CG;
        if (row < 0 || row >= P || column >= Q) continue;
        expected[((n * P + row) * Q + column) * O + group * OG + o] +=
            x[at] * w[((r * KW + s) * OG + o) * C + c];
    }
    host_run(&h, 0);
    host_run(&h, 1);
    const float *found = host_data(y);
    for (size_t i = 0; i < DD_COUNT(expected); i++) assert_true(found[i] == expected[i]);
    empty(&h, "up.weight");
    empty(&h, "up.bias");
    host_close(&h);
}

static void expect_size(const char *attributes, uint32_t rows, uint32_t columns) {
    host h;
    host_open(&h);
    dd__value *x = host_input(&h, "x", DD__F32, DD_DIMS(1, 4, 5, 2), NULL), *y;
    assert_int_equal(add_layer(&h, attributes, x, &y), DD_OK);
    assert_int_equal(y->dims.d[1], rows);
    assert_int_equal(y->dims.d[2], columns);
    host_close(&h);
}

#define LAYER(rest) "{\"op\": \"conv2d_transpose\", \"filters\": 3, \"kernel\": " rest "}"

static void test_sizes_are_those_of_onnx(void **state) {
    (void)state;
    expect_size(LAYER("3"), 6, 7);
    expect_size(LAYER("3, \"stride\": 2"), 9, 11);
    expect_size(LAYER("3, \"stride\": 2, \"padding\": 1, \"output_padding\": 1"), 8, 10);
    expect_size(LAYER("2, \"stride\": 2, \"bias\": false"), 8, 10);
    expect_size(LAYER("[3, 1], \"dilation\": [3, 1], \"padding\": [2, 0, 1, 1]"), 7, 4);
    expect_size(LAYER("5, \"stride\": 3, \"padding\": \"same\""), 12, 15);
    expect_size(LAYER("1, \"stride\": [2, 3]"), 7, 13);
}

static void expect_refusal(const char *attributes, const char *message) {
    host h;
    host_open(&h);
    dd__value *x = host_input(&h, "x", DD__F32, DD_DIMS(1, 4, 5, 2), NULL), *y;
    assert_int_equal(add_layer(&h, attributes, x, &y), DD_SHAPE);
    assert_non_null(strstr(dd_message(), message));
    host_close(&h);
}

static void test_what_cannot_be_is_refused(void **state) {
    (void)state;
    expect_refusal(LAYER("3, \"output_padding\": 1"),
                   "output_padding 1: expected fewer rows than stride 1");
    expect_refusal(LAYER("3, \"stride\": 2, \"padding\": \"same\", \"output_padding\": [0, 1]"),
                   "expected fewer columns than stride 2, and none with padding \"same\"");
    expect_refusal(LAYER("1, \"padding\": 2"), "the output would have 0 rows");
    expect_refusal(LAYER("3, \"groups\": 2"), "2 groups do not divide 2 channels into 3 filters");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers_are_scattered),
        cmocka_unit_test(test_sizes_are_those_of_onnx),
        cmocka_unit_test(test_what_cannot_be_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
