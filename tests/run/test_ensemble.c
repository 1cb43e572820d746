/* What merged models compute: the mean over members and views, whatever the batch and the memory, here and
 * in ONNX. */
#include "run/fixture.h"

#include "model/model.h"
#include "run/predict.h"

enum { COUNT = 9, PIXELS = 28 * 28 };

static dd_model *other; /* the fixture's network in an earlier state: it makes other mistakes */

static int open_members(void **state) {
    dd_train_options training = {.epochs = 2, .batch = 32, .seed = 7};
    if (open_all(state) != 0) return -1;
    bool ready = dd_model_load("models/small.json", &other) == DD_OK &&
                 dd_train(device, other, data, NULL, &training, NULL) == DD_OK;
    if (!ready) fprintf(stderr, "%s\n", dd_message());
    return ready ? 0 : -1;
}

static int close_members(void **state) {
    dd_model_free(other);
    return close_all(state);
}

static dd_model *merge(size_t count, dd_merge_options how) {
    dd_model *merged;
    const dd_model *const members[] = {model, other};
    if (dd_model_merge(members, count, &how, &merged) != DD_OK) fail_msg("%s", dd_message());
    return merged;
}

static void predict(dd_device *on, const dd_model *by, unsigned batch, const uint8_t *pixels,
                    size_t count, float *rows) {
    dd_predictor *predictor;
    if (dd_predictor_create(on, by, batch, &predictor) != DD_OK) fail_msg("%s", dd_message());
    assert_int_equal(dd_predict(predictor, pixels, count, rows), DD_OK);
    dd_predictor_free(predictor);
}

/* Adds what `by` predicts for the images to `sums`. */
static void add_prediction(const dd_model *by, const uint8_t *pixels, size_t count, float *sums) {
    float rows[COUNT * CLASSES];
    assert_true(count <= COUNT);
    predict(device, by, 4, pixels, count, rows);
    for (size_t i = 0; i < count * CLASSES; i++) sums[i] += rows[i];
}

/* The images moved by whole pixels, the edge repeated. */
static void move(const uint8_t *images, size_t count, int down, int right, uint8_t *moved) {
    for (size_t n = 0; n < count; n++)
        for (int r = 0; r < 28; r++)
            for (int c = 0; c < 28; c++) {
                int row = r - down, column = c - right;
                row = row < 0 ? 0 : row > 27 ? 27 : row;
                column = column < 0 ? 0 : column > 27 ? 27 : column;
                *moved++ = images[n * PIXELS + (size_t)(row * 28 + column)];
            }
}

static void assert_mean(const float *found, const float *sums, size_t count, float divisor) {
    for (size_t i = 0; i < count * CLASSES; i++)
        assert_true(fabsf(found[i] - sums[i] / divisor) <= 1e-5f);
}

static void test_an_ensemble_predicts_the_mean(void **state) {
    (void)state;
    float found[COUNT * CLASSES], sums[COUNT * CLASSES] = {0};
    const uint8_t *images = dd_dataset_pixels(data, 0);
    dd_model *merged = merge(2, (dd_merge_options){0});
    predict(device, merged, 4, images, COUNT, found);
    add_prediction(model, images, COUNT, sums);
    for (size_t i = 0, differ = 0; i <= COUNT * CLASSES; i++) {
        if (i == COUNT * CLASSES) assert_true(differ > COUNT); /* or else there is no mean */
        differ += i < COUNT * CLASSES && fabsf(found[i] - sums[i]) > 1e-3f;
    }
    add_prediction(other, images, COUNT, sums);
    assert_mean(found, sums, COUNT, 2);
    dd_model_free(merged);
}

static void test_views_are_images_moved_on_the_host(void **state) {
    (void)state;
    static const int by[][2] = {{0, 0}, {2, 0}, {-2, 0}, {0, 2}, {0, -2}};
    float one[COUNT * CLASSES], two[COUNT * CLASSES], sums[COUNT * CLASSES] = {0};
    static uint8_t moved[COUNT * PIXELS];
    const uint8_t *images = dd_dataset_pixels(data, 0);
    dd_model *alone = merge(1, (dd_merge_options){.shift = 2});
    dd_model *both = merge(2, (dd_merge_options){.shift = 2});
    predict(device, alone, 4, images, COUNT, one);
    predict(device, both, 4, images, COUNT, two);
    for (size_t v = 0; v < 5; v++) {
        move(images, COUNT, by[v][0], by[v][1], moved);
        add_prediction(model, moved, COUNT, sums);
    }
    assert_mean(one, sums, COUNT, 5);
    for (size_t v = 0; v < 5; v++) {
        move(images, COUNT, by[v][0], by[v][1], moved);
        add_prediction(other, moved, COUNT, sums);
    }
    assert_mean(two, sums, COUNT, 10);
    dd_model_free(alone);
    dd_model_free(both);
}

static const dd_merge_options all_views = {.shift = 1, .rotation = 6, .zoom = 0.06};

static void test_batch_memory_and_device_do_not_matter(void **state) {
    (void)state;
    enum { MANY = 100 };
    static float whole[MANY * CLASSES], parts[MANY * CLASSES];
    dd_device *little;
    const dd_device_options options = {.without_selftest = true, .memory_bytes = 2000000};
    const uint8_t *images = dd_dataset_pixels(data, 0);
    dd_model *merged = merge(2, all_views);
    predict(device, merged, 64, images, MANY, whole);
    predict(device, merged, 7, images, MANY, parts);
    assert_close(whole, parts, MANY * CLASSES, 1e-5f);
    predict(device, merged, 1, images, MANY, parts);
    assert_close(whole, parts, MANY * CLASSES, 1e-5f);
    assert_int_equal(dd_device_open(NULL, &options, &little), DD_OK);
    predict(little, merged, 1024, images, MANY, parts);
    assert_close(whole, parts, MANY * CLASSES, 1e-5f);
    dd_device_close(little);
    predict(reference, merged, 2, images, 3, parts);
    assert_close(whole, parts, 3 * CLASSES, 1e-4f);
    dd_model_free(merged);
}

/* All of its launches, for one image at a time (dd__chain_if_small). */
static void test_an_ensemble_can_be_joined(void **state) {
    (void)state;
    dd__graph *graph;
    dd__plan *plan;
    dd_model *merged = merge(2, all_views);
    assert_int_equal(dd__inference_graph(merged, 1, device, &graph), DD_OK);
    assert_int_equal(dd__plan_create(device, graph, NULL, 0, &plan), DD_OK);
    dd_status status = dd__plan_chain(plan);
    if (status != DD_OK) print_message("%s\n", dd_message());
    bool can = dd__device_class(device) == DD_CLASS_CPU;
    assert_int_equal(status, can ? DD_OK : DD_DEVICE);
    dd__plan_free(plan);
    dd_model_free(merged);
}

static void test_the_loss_is_that_of_the_mean(void **state) {
    (void)state;
    dd_model *merged = merge(2, (dd_merge_options){.zoom = 0.1});
    const size_t count = 300;
    float *rows = calloc(count * CLASSES, sizeof *rows);
    dd_evaluation *e;
    dd_train_options none = {.epochs = 1, .batch = 300, .learning_rate = 1e-30, .optimizer = "sgd"};
    dd_train_result trained;
    double loss = 0;
    assert_non_null(rows);
    predict(device, merged, 64, dd_dataset_pixels(data, 0), count, rows);
    for (size_t i = 0; i < count; i++)
        loss -= log((double)rows[i * CLASSES + (size_t)dd_dataset_label(data, i)]);
    loss /= (double)count;
    assert_int_equal(dd_evaluate(device, merged, data, 0, &e), DD_OK);
    assert_true(fabs(e->loss - loss) <= 1e-5 * loss);
    dd_evaluation_free(e);
    /* and of a training, which is computed from the logits: one step that changes nothing */
    if (dd_train(device, merged, data, data, &none, &trained) != DD_OK)
        fail_msg("%s", dd_message());
    assert_true(fabs(trained.loss - loss) <= 1e-4 * loss);
    assert_true(fabs(trained.validation_loss - loss) <= 1e-4 * loss);
    free(rows);
    dd_model_free(merged);
}

static void scale(const dd_model *of, const char *name, float factor) {
    for (size_t i = 0; i < of->tensor_count; i++)
        for (size_t k = 0;
             strcmp(of->tensors[i].name, name) == 0 && k < dd__dims_count(&of->tensors[i].dims);
             k++)
            of->tensors[i].data[k] *= factor;
}

/* Members that are as sure as floats can be, and wrong. */
static void test_the_loss_of_certain_mistakes_is_finite(void **state) {
    (void)state;
    dd_model *merged = merge(2, (dd_merge_options){.shift = 1});
    dd_train_options options = {.epochs = 1, .batch = 50};
    dd_train_result trained;
    dd_evaluation *e;
    scale(merged, "1.logits.weight", -1e4f);
    scale(merged, "2.logits.weight", -1e4f);
    assert_int_equal(dd_evaluate(device, merged, data, 0, &e), DD_OK);
    assert_true(e->loss > 10 && isfinite(e->loss));
    dd_evaluation_free(e);
    if (dd_train(device, merged, data, data, &options, &trained) != DD_OK)
        fail_msg("%s", dd_message());
    assert_true(isfinite(trained.loss) && isfinite(trained.validation_loss));
    dd_model_free(merged);
}

/* Images as the network reads them, and as ONNX has them, which is the same with one channel. */
static void compute(const char *path, float *numbers, uint32_t count, dd_array **y) {
    dd_model *loaded;
    size_t outputs;
    const dd_array own = {.rank = 4, .dims = {count, 28, 28, 1}, .data = numbers};
    const dd_array first = {.rank = 4, .dims = {count, 1, 28, 28}, .data = numbers};
    bool onnx = strstr(path, ".onnx") != NULL;
    if (dd_model_load_for(path, onnx ? &first : &own, 1, &loaded) != DD_OK)
        fail_msg("%s", dd_message());
    if (dd_compute(device, loaded, onnx ? &first : &own, 1, y, &outputs) != DD_OK)
        fail_msg("%s", dd_message());
    assert_int_equal(outputs, 1);
    dd_model_free(loaded);
}

static void save(const dd_model *it, char *path, size_t size, const char *name) {
    snprintf(path, size, "%s/%s", folder, name);
    if (dd_model_save(it, path) != DD_OK) fail_msg("%s", dd_message());
}

/* As they are computed from the ONNX file, and as a model for any number of images that was read from it,
 * and as ONNX once more. */
static void test_views_survive_onnx(void **state) {
    (void)state;
    char own[512], onnx[512], again[2][512];
    float numbers[COUNT * PIXELS];
    dd_array *a, *b;
    dd_model *merged = merge(2, all_views), *read;
    for (size_t i = 0; i < COUNT * PIXELS; i++)
        numbers[i] = (float)dd_dataset_pixels(data, 0)[i] / 255;
    save(merged, own, sizeof own, "merged.safetensors");
    save(merged, onnx, sizeof onnx, "merged.onnx");
    if (dd_model_load(onnx, &read) != DD_OK) fail_msg("%s", dd_message());
    save(read, again[0], sizeof again[0], "again.safetensors");
    save(read, again[1], sizeof again[1], "again.onnx");
    compute(own, numbers, COUNT, &a);
    const char *const others[] = {onnx, again[0], again[1]};
    for (size_t i = 0; i < DD_COUNT(others); i++) {
        compute(others[i], numbers, COUNT, &b);
        assert_close(a->data, b->data, COUNT * CLASSES, 1e-5f);
        dd_arrays_free(b, 1);
    }
    dd_arrays_free(a, 1);
    dd_model_free(read);
    dd_model_free(merged);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_ensemble_predicts_the_mean),
        cmocka_unit_test(test_views_are_images_moved_on_the_host),
        cmocka_unit_test(test_batch_memory_and_device_do_not_matter),
        cmocka_unit_test(test_an_ensemble_can_be_joined),
        cmocka_unit_test(test_the_loss_is_that_of_the_mean),
        cmocka_unit_test(test_the_loss_of_certain_mistakes_is_finite),
        cmocka_unit_test(test_views_survive_onnx),
    };
    return cmocka_run_group_tests(tests, open_members, close_members);
}
