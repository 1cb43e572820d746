/* Models to ONNX and back: the same network computes the same, whatever layers it has. Against other
 * programs: tests/onnx/backend.py and scripts/test-peers. */
#include "run/fixture.h"

#include <onnx.pb-c.h>

#include "base/random.h"
#include "model/model.h"

/* ---- What both tests need ---------------------------------------------------------------------- */

static char *at(const char *name) {
    static char paths[4][512];
    static int turn;
    char *path = paths[turn++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

static dd_array random_array(unsigned rank, const uint32_t *dims) {
    dd_array array = {.rank = rank};
    dd__random random = dd__random_start(3, DD__STREAM_TEST);
    size_t count = 1;
    for (unsigned i = 0; i < rank; i++) count *= array.dims[i] = dims[i];
    array.data = calloc(count, sizeof *array.data);
    assert_non_null(array.data);
    for (size_t i = 0; i < count; i++) array.data[i] = dd__random_uniform(&random) * 2 - 1;
    return array;
}

static size_t count_of(const dd_array *array) {
    size_t count = 1;
    for (unsigned i = 0; i < array->rank; i++) count *= array->dims[i];
    return count;
}

static dd_array *compute(const char *path, const dd_array *x) {
    dd_model *loaded;
    dd_array *y;
    size_t count;
    dd_status status = dd_model_load_for(path, x, 1, &loaded);
    if (status != DD_OK) fail_msg("%s", dd_message());
    status = dd_compute(reference, loaded, x, 1, &y, &count);
    if (status != DD_OK) fail_msg("%s", dd_message());
    assert_int_equal(count, 1);
    dd_model_free(loaded);
    return y;
}

static void assert_same(const dd_array *a, const dd_array *b) {
    assert_int_equal(count_of(a), count_of(b));
    double largest = 0;
    for (size_t i = 0; i < count_of(a); i++) {
        double tolerance = 1e-5 + 1e-4 * fabs((double)a->data[i]);
        if (!(fabs((double)a->data[i] - b->data[i]) <= tolerance))
            fail_msg("number %zu: %.9g, %.9g", i, (double)a->data[i], (double)b->data[i]);
        largest = fmax(largest, fabs((double)a->data[i]));
    }
    assert_true(largest > 0); /* nothing was compared with nothing */
}

/* Images (N, H, W, C) as (N, C, H, W). */
static dd_array channels_first(const dd_array *x) {
    const uint32_t *d = x->dims, dims[] = {d[0], d[3], d[1], d[2]};
    dd_array y = random_array(4, dims);
    for (size_t n = 0; n < d[0]; n++)
        for (size_t p = 0; p < (size_t)d[1] * d[2]; p++)
            for (size_t c = 0; c < d[3]; c++)
                y.data[(n * d[3] + c) * d[1] * d[2] + p] =
                    x->data[(n * d[1] * d[2] + p) * d[3] + c];
    return y;
}

static void save(const dd_model *it, const char *name) {
    if (dd_model_save(it, at(name)) != DD_OK) fail_msg("%s", dd_message());
}

/* That a network, whose ONNX file model.onnx is read as `again`, computes the same as it was and as ONNX,
 * which takes `moved`, and so does `again`, also as ONNX. */
static void assert_computes_the_same(const dd_model *original, const dd_model *again,
                                     const dd_array *x, const dd_array *moved) {
    static const char *const names[] = {"model.onnx", "again.safetensors", "again.onnx"};
    save(original, "first.safetensors");
    save(again, names[1]);
    save(again, names[2]);
    dd_array *y = compute(at("first.safetensors"), x);
    for (size_t i = 0; i < DD_COUNT(names); i++) {
        dd_array *z = compute(at(names[i]), dd__ends_with(names[i], ".onnx") ? moved : x);
        assert_same(y, z);
        dd_arrays_free(z, 1);
    }
    dd_arrays_free(y, 1);
}

static dd_model *load_text(const char *network) {
    dd_model *loaded;
    assert_int_equal(dd__file_write(at("text.json"), network, strlen(network)), DD_OK);
    if (dd_model_load(at("text.json"), &loaded) != DD_OK) fail_msg("%s", dd_message());
    return loaded;
}

/* ---- Networks of images --------------------------------------------------------------------------- */

static void test_a_network_survives_onnx(void **state) {
    static const char *const names[] = {"seed", "resnet-small", "lenet5", "lean"};
    (void)state;
    for (size_t i = 0; i < DD_COUNT(names); i++) {
        char path[128];
        dd_model *original, *again;
        snprintf(path, sizeof path, "models/%s.json", names[i]);
        assert_int_equal(dd_model_load(path, &original), DD_OK);
        assert_int_equal(dd_model_initialize(original, 7), DD_OK);
        save(original, "model.onnx");
        if (dd_model_load(at("model.onnx"), &again) != DD_OK) fail_msg("%s", dd_message());
        assert_int_equal(again->info.parameters, original->info.parameters);
        assert_int_equal(again->info.statistics, original->info.statistics);
        assert_true(again->info.mflop == original->info.mflop);
        assert_string_equal(dd_model_class_name(again, 3), "3");
        dd_array x = random_array(
            4, (const uint32_t[]){3, original->height, original->width, original->channels});
        dd_array moved = channels_first(&x);
        assert_computes_the_same(original, again, &x, &moved);
        dd_array_clear(&x);
        dd_array_clear(&moved);
        dd_model_free(original);
        dd_model_free(again);
    }
}

/* Every layer that can be written, in one network of images. */
static const char zoo[] =
    "{\"deepdigits\": \"network 1\", \"name\": \"zoo\","
    " \"input\": {\"height\": 12, \"width\": 10, \"channels\": 4}, \"layers\": ["
    "{\"op\": \"conv2d\", \"name\": \"c1\", \"filters\": 8, \"kernel\": [3, 2], \"stride\": [1, 2],"
    " \"padding\": [1, 0, 0, 1], \"groups\": 2, \"activation\": \"swish\"},"
    "{\"op\": \"batch_norm\", \"name\": \"n1\"},"
    "{\"op\": \"conv2d\", \"name\": \"c2\", \"filters\": 8, \"kernel\": 3, \"padding\": \"same\","
    " \"dilation\": 2, \"bias\": false},"
    "{\"op\": \"add\", \"name\": \"a1\", \"inputs\": [\"n1\", \"c2\"]},"
    "{\"op\": \"activation\", \"name\": \"f1\", \"kind\": \"hard_swish\"},"
    "{\"op\": \"global_average_pool\", \"name\": \"g1\"},"
    "{\"op\": \"dense\", \"name\": \"d1\", \"units\": 8, \"activation\": \"sigmoid\"},"
    "{\"op\": \"reshape\", \"name\": \"r1\", \"shape\": [1, 1, 8]},"
    "{\"op\": \"arithmetic\", \"name\": \"m1\", \"kind\": \"multiply\", \"inputs\": [\"f1\", "
    "\"r1\"]},"
    "{\"op\": \"max_pool\", \"name\": \"p1\", \"kernel\": 2, \"stride\": 1, \"padding\": [0, 0, 1, "
    "1]},"
    "{\"op\": \"average_pool\", \"name\": \"p2\", \"kernel\": 3, \"stride\": 2, \"padding\": 1,"
    " \"count_padding\": true},"
    "{\"op\": \"lrn\", \"name\": \"l1\", \"size\": 3, \"alpha\": 0.1},"
    "{\"op\": \"conv2d_transpose\", \"name\": \"t1\", \"filters\": 6, \"kernel\": 3, \"stride\": 2,"
    " \"padding\": 1, \"output_padding\": 1},"
    "{\"op\": \"activation\", \"name\": \"f2\", \"kind\": \"clip\", \"alpha\": -0.1, \"beta\": "
    "0.4},"
    "{\"op\": \"activation\", \"name\": \"f3\", \"kind\": \"gelu\", \"inputs\": [\"f2\"]},"
    "{\"op\": \"concat\", \"name\": \"k1\", \"inputs\": [\"f2\", \"f3\"]},"
    "{\"op\": \"resize\", \"name\": \"s1\", \"height\": 5, \"width\": 4, \"mode\": \"linear\"},"
    "{\"op\": \"pad\", \"name\": \"p3\", \"before\": [0, 1, 0, 0], \"after\": [0, 0, 1, 0],"
    " \"mode\": \"reflect\"},"
    "{\"op\": \"slice\", \"name\": \"s2\", \"axis\": 1, \"begin\": 5, \"size\": 3, \"step\": -2},"
    "{\"op\": \"transpose\", \"name\": \"o1\", \"order\": [0, 2, 3, 1]},"
    "{\"op\": \"normalize\", \"name\": \"n2\", \"axes\": [2, 3]},"
    "{\"op\": \"constant\", \"name\": \"v1\", \"inputs\": [], \"shape\": [3, 2]},"
    "{\"op\": \"matmul\", \"name\": \"x1\", \"inputs\": [\"n2\", \"v1\"], \"alpha\": 0.5},"
    "{\"op\": \"reduce\", \"name\": \"u1\", \"kind\": \"max\", \"axes\": [3]},"
    "{\"op\": \"flatten\", \"name\": \"h1\"},"
    "{\"op\": \"dropout\", \"name\": \"z1\", \"rate\": 0.5},"
    "{\"op\": \"dense\", \"name\": \"d2\", \"units\": 5, \"activation\": \"leaky_relu\"},"
    "{\"op\": \"log_softmax\", \"name\": \"q1\"},"
    "{\"op\": \"activation\", \"name\": \"f4\", \"kind\": \"exp\"}]}";

static void fill_constants(dd_model *of) {
    for (size_t i = 0; i < of->tensor_count; i++)
        if (strcmp(of->tensors[i].name, "v1.value") == 0)
            for (size_t k = 0; k < 6; k++) of->tensors[i].data[k] = (float)k - 2;
}

static void test_every_layer_survives_onnx(void **state) {
    (void)state;
    dd_model *original = load_text(zoo), *again;
    assert_int_equal(dd_model_initialize(original, 7), DD_OK);
    fill_constants(original);
    save(original, "model.onnx");
    if (dd_model_load(at("model.onnx"), &again) != DD_OK) fail_msg("%s", dd_message());
    dd_array x = random_array(4, (const uint32_t[]){2, 12, 10, 4}), moved = channels_first(&x);
    assert_computes_the_same(original, again, &x, &moved);
    dd_array_clear(&x);
    dd_array_clear(&moved);
    dd_model_free(original);
    dd_model_free(again);
}

static const char tail[] =
    "{\"deepdigits\": \"network 1\", \"name\": \"tail\","
    " \"input\": {\"height\": 2, \"width\": 2, \"channels\": 1}, \"layers\": ["
    "{\"op\": \"flatten\"}, {\"op\": \"dense\", \"name\": \"d1\", \"units\": 3},"
    "{\"op\": \"activation\", \"name\": \"f1\", \"kind\": \"negate\"}]}";

/* The same file with another output. */
static void name_output(const char *path, char *name) {
    char *bytes;
    size_t size;
    assert_int_equal(dd__file_read(path, 1 << 20, &bytes, &size), DD_OK);
    Onnx__ModelProto *file = onnx__model_proto__unpack(NULL, size, (uint8_t *)bytes);
    assert_non_null(file);
    assert_int_equal(file->graph->n_output, 1);
    char *before = file->graph->output[0]->name;
    file->graph->output[0]->name = name;
    uint8_t changed[4096];
    assert_true(onnx__model_proto__get_packed_size(file) <= sizeof changed);
    assert_int_equal(dd__file_write(path, changed, onnx__model_proto__pack(file, changed)), DD_OK);
    file->graph->output[0]->name = before;
    onnx__model_proto__free_unpacked(file, NULL);
    dd__free(bytes);
}

static void test_nodes_behind_the_output_are_left_out(void **state) {
    (void)state;
    dd_model *original = load_text(tail), *again;
    assert_int_equal(dd_model_initialize(original, 7), DD_OK);
    save(original, "model.onnx");
    name_output(at("model.onnx"), (char[]){"d1"});
    if (dd_model_load(at("model.onnx"), &again) != DD_OK) fail_msg("%s", dd_message());
    save(again, "again.safetensors");
    dd_array x = random_array(4, (const uint32_t[]){2, 2, 2, 1}), moved = channels_first(&x);
    dd_array *y = compute(at("again.safetensors"), &x), *z = compute(at("model.onnx"), &moved);
    assert_same(y, z);
    dd_array_clear(&x);
    dd_array_clear(&moved);
    dd_arrays_free(y, 1);
    dd_arrays_free(z, 1);
    dd_model_free(original);
    dd_model_free(again);
}

/* ---- Networks of tensors --------------------------------------------------------------------------- */

/* Kernels that reach as far as the stride, farther, evenly and unevenly, and less far. */
static const char enlarging[] =
    "{\"deepdigits\": \"network 1\", \"name\": \"enlarging\","
    " \"inputs\": [{\"name\": \"x\", \"shape\": [2, 5, 4, 3]}],"
    " \"outputs\": [{\"name\": \"y\", \"layer\": \"t3\", \"shape\": [2, 60, 24, 2]}],"
    " \"layers\": ["
    "{\"op\": \"conv2d_transpose\", \"name\": \"t1\", \"filters\": 4, \"kernel\": [3, 2],"
    " \"stride\": 2, \"padding\": \"same\", \"inputs\": [\"x\"]},"
    "{\"op\": \"conv2d_transpose\", \"name\": \"t2\", \"filters\": 4, \"kernel\": 4,"
    " \"stride\": [2, 1], \"groups\": 2, \"padding\": \"same\"},"
    "{\"op\": \"conv2d_transpose\", \"name\": \"t3\", \"filters\": 2, \"kernel\": [2, 2],"
    " \"stride\": 3, \"dilation\": [3, 1], \"padding\": \"same\"}]}";

static void check_through_onnx(const char *network, const dd_array *x) {
    dd_model *original = load_text(network), *again;
    assert_int_equal(dd_model_initialize(original, 7), DD_OK);
    save(original, "model.onnx");
    if (dd_model_load_for(at("model.onnx"), x, 1, &again) != DD_OK) fail_msg("%s", dd_message());
    assert_computes_the_same(original, again, x, x);
    dd_model_free(original);
    dd_model_free(again);
}

static void test_transposed_convolutions_with_padding_same_survive_onnx(void **state) {
    (void)state;
    dd_array x = random_array(4, (const uint32_t[]){2, 5, 4, 3});
    check_through_onnx(enlarging, &x);
    dd_array_clear(&x);
}

/* Of an output, of a tensor, and as values are called that have no name. */
static const char borrowed[] =
    "{\"deepdigits\": \"network 1\", \"name\": \"borrowed\","
    " \"inputs\": [{\"name\": \"x\", \"shape\": [2, 3]}],"
    " \"outputs\": [{\"name\": \"a\", \"layer\": \"value.2\", \"shape\": [2, 5]}], \"layers\": ["
    "{\"op\": \"dense\", \"name\": \"a\", \"units\": 3, \"inputs\": [\"x\"]},"
    "{\"op\": \"dense\", \"name\": \"a.weight\", \"units\": 4, \"activation\": \"swish\"},"
    "{\"op\": \"dense\", \"name\": \"value.1\", \"units\": 4, \"activation\": \"swish\"},"
    "{\"op\": \"dense\", \"name\": \"value.2\", \"units\": 5}]}";

static void test_layers_may_have_names_of_other_things(void **state) {
    (void)state;
    dd_array x = random_array(2, (const uint32_t[]){2, 3});
    check_through_onnx(borrowed, &x);
    dd_array_clear(&x);
}

static const char dilated[] =
    "{\"deepdigits\": \"network 1\", \"name\": \"dilated\","
    " \"inputs\": [{\"name\": \"x\", \"shape\": [1, 3, 3, 1]}],"
    " \"outputs\": [{\"name\": \"y\", \"layer\": \"p\", \"shape\": [1, 1, 1, 1]}], \"layers\": ["
    "{\"op\": \"average_pool\", \"name\": \"p\", \"kernel\": 2, \"dilation\": 2,"
    " \"inputs\": [\"x\"]}]}";

static void test_what_the_operator_set_lacks_is_refused(void **state) {
    (void)state;
    dd_model *original = load_text(dilated);
    assert_int_equal(dd_model_initialize(original, 7), DD_OK);
    assert_int_equal(dd_model_save(original, at("model.onnx")), DD_FORMAT);
    assert_non_null(strstr(dd_message(), "\"p\": an average pool with dilation is newer"));
    dd_model_free(original);
}

static const char tensors[] =
    "{\"deepdigits\": \"network 1\", \"name\": \"tensors\","
    " \"inputs\": [{\"name\": \"a\", \"shape\": [2, 3]}, {\"name\": \"b\", \"shape\": []}],"
    " \"outputs\": [{\"name\": \"sum\", \"layer\": \"s\", \"shape\": [2, 3]},"
    " {\"name\": \"same\", \"layer\": \"b\", \"shape\": []}], \"layers\": ["
    "{\"op\": \"arithmetic\", \"name\": \"s\", \"kind\": \"add\", \"inputs\": [\"a\", \"b\"]}]}";

static void test_a_network_of_tensors_has_inputs_and_outputs_by_name(void **state) {
    (void)state;
    dd_model *loaded = load_text(tensors);
    dd_array *y;
    size_t count;
    float six[] = {0, 1, 2, 3, 4, 5}, one = 10;
    dd_array in[] = {{.name = (char[]){"b"}, .data = &one},
                     {.name = (char[]){"a"}, .rank = 2, .dims = {2, 3}, .data = six}};
    if (dd_compute(device, loaded, in, 2, &y, &count) != DD_OK) fail_msg("%s", dd_message());
    assert_int_equal(count, 2);
    assert_string_equal(y[0].name, "sum");
    assert_int_equal(y[0].rank, 2);
    for (int i = 0; i < 6; i++) assert_true(y[0].data[i] == (float)(10 + i));
    assert_int_equal(y[1].rank, 0);
    assert_true(y[1].data[0] == 10);
    dd_arrays_free(y, count);
    in[1].dims[1] = 2;
    assert_int_equal(dd_compute(device, loaded, in, 2, &y, &count), DD_SHAPE);
    dd_model_info info;
    dd_model_describe(loaded, &info);
    assert_int_equal(info.height, 0);
    dd_predictor *predictor;
    assert_int_equal(dd_model_initialize(loaded, 1), DD_OK);
    assert_int_equal(dd_predictor_create(device, loaded, 1, &predictor), DD_USAGE);
    dd_model_free(loaded);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_network_survives_onnx),
        cmocka_unit_test(test_every_layer_survives_onnx),
        cmocka_unit_test(test_nodes_behind_the_output_are_left_out),
        cmocka_unit_test(test_transposed_convolutions_with_padding_same_survive_onnx),
        cmocka_unit_test(test_layers_may_have_names_of_other_things),
        cmocka_unit_test(test_what_the_operator_set_lacks_is_refused),
        cmocka_unit_test(test_a_network_of_tensors_has_inputs_and_outputs_by_name),
    };
    return cmocka_run_group_tests(tests, open_all, close_all);
}
