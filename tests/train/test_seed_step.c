/* One training step of the seed network (batch 8, dropout off, Adam) equals PyTorch's within 1e-4:
 * the loss, every gradient, every new parameter and running statistic.
 *
 * tests/vectors/make_vectors.py holds PyTorch's side. Both sides make images, labels and weights
 * from the same hash; the file holds 64 elements and the sum of each result.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/memory.h"
#include "data/dataset.h"
#include "model/model.h"
#include "train/step.h"
#include "vectors.h"

enum { BATCH = 8, SAMPLES = 64, PIXELS = 28 * 28 };
static const double TOLERANCE = 1e-4;

static void assert_fine(dd_status status) {
    if (status != DD_OK) print_error("%s: %s\n", dd_status_name(status), dd_message());
    assert_int_equal(status, DD_OK);
}

/* ---- What both sides make -------------------------------------------------------- */

/* Element i of the hash called `name`: FNV-1a of the name plus i, through a 32-bit finalizer. */
static uint32_t mix(const char *name, uint32_t i) {
    uint32_t x = 2166136261u;
    for (; *name; name++) x = (x ^ (uint8_t)*name) * 16777619u;
    x += i;
    x = (x ^ (x >> 16)) * 0x7FEB352Du;
    x = (x ^ (x >> 15)) * 0x846CA68Bu;
    return x ^ (x >> 16);
}

static bool ends(const char *name, const char *ending) { return dd__ends_with(name, ending); }

/* Weights are uniform with Glorot's limit; biases, gammas and betas near their usual start. */
static void fill_tensor(dd__tensor *tensor) {
    const dd__dims *dims = &tensor->dims;
    size_t count = dd__dims_count(dims);
    double scale = 0.1, shift = 0;
    if (ends(tensor->name, ".mean") || ends(tensor->name, ".variance")) return;
    if (ends(tensor->name, ".weight")) {
        double fan_out = dims->d[dims->rank - 1], fan_in = (double)count / fan_out;
        if (dims->rank == 4) fan_out *= (double)dims->d[0] * dims->d[1];
        scale = sqrt(6 / (fan_in + fan_out));
    }
    if (ends(tensor->name, ".bias")) {
        scale = 0.05;
        shift = -0.05;
    }
    if (ends(tensor->name, ".gamma")) shift = 1;
    for (size_t i = 0; i < count; i++) {
        double u = mix(tensor->name, (uint32_t)i) / 2147483648.0 - 1;
        tensor->data[i] = (float)(scale * u + shift);
    }
}

static void turn_dropout_off(dd_model *model) {
    cJSON *layer, *layers = cJSON_GetObjectItemCaseSensitive(model->network, "layers");
    int found = 0;
    cJSON_ArrayForEach(layer, layers) {
        const cJSON *op = cJSON_GetObjectItemCaseSensitive(layer, "op");
        if (strcmp(op->valuestring, "dropout") != 0) continue;
        cJSON_SetNumberValue(cJSON_GetObjectItemCaseSensitive(layer, "rate"), 0);
        found++;
    }
    assert_int_equal(found, 4);
}

static dd_model *make_model(void) {
    dd_model *model;
    assert_fine(dd_model_load("models/seed.json", &model));
    turn_dropout_off(model);
    assert_fine(dd_model_initialize(model, 1));
    for (size_t i = 0; i < model->tensor_count; i++) fill_tensor(&model->tensors[i]);
    return model;
}

static dd_dataset *make_data(void) {
    dd_dataset *data;
    assert_fine(dd__dataset_new(BATCH, 28, 28, 1, true, &data));
    data->classes = 10;
    for (uint32_t i = 0; i < BATCH * PIXELS; i++) {
        uint32_t row = i / 28 % 28, column = i % 28;
        bool inside = row >= 6 && row < 22 && column >= 6 && column < 22;
        data->pixels[i] = inside ? (uint8_t)(mix("images", i) >> 24) : 0;
    }
    for (uint32_t i = 0; i < BATCH; i++) data->labels[i] = (int32_t)(mix("labels", i) % 10);
    return data;
}

/* ---- Comparing ------------------------------------------------------------------- */

/* The stored tensor "<name>/<what>", at most SAMPLES numbers. */
static size_t stored(const char *name, const char *what, float out[SAMPLES]) {
    char key[256];
    snprintf(key, sizeof key, "%s/%s", name, what);
    const dd__stored_tensor *tensor = dd__safetensors_find(&vectors, key);
    if (!tensor) print_error("seed_step.safetensors has no \"%s\"\n", key);
    assert_non_null(tensor);
    size_t count = dd__dims_count(&tensor->dims);
    assert_in_range(count, 1, SAMPLES);
    dd__safetensors_floats(tensor, out);
    return count;
}

/* |found - expected| <= 1e-4 of `unit`; returns the error in that unit. */
static double assert_near(const char *name, const char *what, double found, double expected,
                          double unit) {
    double error = fabs(found - expected) / unit;
    if (!(error <= TOLERANCE))
        print_error("%s %s: PyTorch has %.9g, found %.9g\n", name, what, expected, found);
    assert_true(error <= TOLERANCE);
    return error;
}

/* Samples are every (count / 64)th element. A sum of `count` is allowed count times the error of
 * one, in the worst case; its root as independent errors add up. */
static double compare(const char *name, const char *what, const float *values, size_t count,
                      double unit) {
    float samples[SAMPLES], total[SAMPLES];
    char sum_name[64];
    size_t stride = count / SAMPLES ? count / SAMPLES : 1, n = stored(name, what, samples);
    double sum = 0, worst = 0;
    assert_int_equal(n, count < SAMPLES ? count : SAMPLES);
    for (size_t i = 0; i < n; i++)
        worst = fmax(worst,
                     assert_near(name, what, (double)values[i * stride], (double)samples[i], unit));
    for (size_t i = 0; i < count; i++) sum += (double)values[i];
    snprintf(sum_name, sizeof sum_name, "%s_sum", what);
    stored(name, sum_name, total);
    assert_near(name, sum_name, sum, (double)total[0], unit * fmax(1, sqrt((double)count)));
    return worst;
}

/* All gradients, each in units of its tensor's largest. */
static double compare_gradients(dd__plan *plan, const dd_model *model) {
    const dd__graph *graph = dd__plan_graph(plan);
    float largest[SAMPLES], *flat = dd__alloc(1, dd__value_bytes(graph->parameters));
    double worst = 0;
    size_t compared = 0;
    assert_non_null(flat);
    assert_fine(dd__plan_read(plan, "gradients", flat, dd__value_bytes(graph->parameters)));
    for (size_t i = 0; i < model->tensor_count; i++) {
        const char *name = model->tensors[i].name;
        const dd__value *value = dd__graph_find(graph, name);
        assert_non_null(value);
        if (value->role != DD__PARAMETER) continue;
        stored(name, "gradient_largest", largest);
        worst = fmax(worst, compare(name, "gradient", flat + value->offset / sizeof(float),
                                    dd__dims_count(&value->dims), (double)largest[0]));
        compared++;
    }
    dd__free(flat);
    assert_int_equal(compared, 16);
    return worst;
}

/* What the step must change: three convolutions and norms, two dense layers, six statistics. */
static double compare_values(dd__plan *plan, dd_model *model) {
    double worst = 0;
    assert_fine(dd__fetch_parameters(plan, model));
    assert_int_equal(model->tensor_count, 22);
    for (size_t i = 0; i < model->tensor_count; i++) {
        const dd__tensor *tensor = &model->tensors[i];
        worst = fmax(
            worst, compare(tensor->name, "value", tensor->data, dd__dims_count(&tensor->dims), 1));
    }
    return worst;
}

static void compare_loss(dd__plan *plan) {
    float expected[SAMPLES];
    dd__sums sums;
    const dd__stored_tensor *loss = dd__safetensors_find(&vectors, "loss");
    assert_non_null(loss);
    dd__safetensors_floats(loss, expected);
    assert_fine(dd__plan_read(plan, "sums", &sums, sizeof sums));
    assert_true(sums.count == BATCH);
    assert_near("loss", "mean", (double)sums.loss / BATCH, (double)expected[0], 1);
}

/* ---- The step -------------------------------------------------------------------- */

static dd__plan *make_plan(dd_device *device, const dd_model *model, const dd__examples *examples) {
    const dd__optimizer *adam;
    dd__graph *graph;
    dd__plan *plan;
    assert_fine(dd__optimizer_find("adam", &adam));
    const dd__training training = {
        .count = BATCH, .batch = BATCH, .seed = 42, .optimizer = adam, .settings = adam->settings};
    assert_fine(dd__training_graph(model, &training, device, &graph));
    const dd__binding bindings[] = {{"images", examples->images}, {"labels", examples->labels}};
    assert_fine(dd__plan_create(device, graph, bindings, 2, &plan));
    return plan;
}

static void train_one_step(const char *selector) {
    dd_device *device;
    dd__examples examples;
    dd_model *model = make_model();
    dd_dataset *data = make_data();
    assert_fine(dd_device_open(selector, NULL, &device));
    assert_fine(dd__examples_create(device, model, data, &examples));
    dd__plan *plan = make_plan(device, model, &examples);
    assert_fine(dd__load_parameters(plan, model));
    const dd__step step = {.seed_low = 42, .epoch = 1, .count = BATCH, .base_rate = 1e-3f};
    assert_fine(dd__set_step(plan, &step, NULL));
    assert_fine(dd__plan_run(plan));
    compare_loss(plan);
    double gradients = compare_gradients(plan, model), values = compare_values(plan, model);
    print_message("%s: worst gradient %.1e of its tensor's largest, worst value %.1e\n",
                  dd_device_describe(device)->name, gradients, values);
    dd__plan_free(plan);
    dd__examples_free(&examples);
    dd_device_close(device);
    dd_dataset_free(data);
    dd_model_free(model);
}

static void test_one_step_of_the_seed_network_equals_pytorchs(void **state) {
    (void)state;
    train_one_step(NULL);
}

static void test_one_step_on_the_reference_equals_pytorchs(void **state) {
    (void)state;
    train_one_step("reference");
}

static int load_vectors(void **state) {
    (void)state;
    return load_vectors_from("tests/vectors/seed_step.safetensors");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_step_of_the_seed_network_equals_pytorchs),
        cmocka_unit_test(test_one_step_on_the_reference_equals_pytorchs),
    };
    return cmocka_run_group_tests(tests, load_vectors, free_vectors);
}
