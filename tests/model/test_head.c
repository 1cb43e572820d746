/* Another last layer for other classes. */
#include "files.h"

#include "model/model.h"

#define NETWORK(layers)                                     \
    "{\"deepdigits\": \"network 1\", \"name\": \"headed\"," \
    "\"input\": {\"height\": 8, \"width\": 8, \"channels\": 1}, \"layers\": [" layers "]}"

/* The tensors of a layer that begins as the last one is called are not its own. */
static const char dense_text[] =
    NETWORK("{\"op\": \"conv2d\", \"name\": \"conv\", \"filters\": 4, \"kernel\": 3},"
            "{\"op\": \"batch_norm\", \"name\": \"fc.norm\"}, {\"op\": \"flatten\"},"
            "{\"op\": \"dropout\", \"rate\": 0.5},"
            "{\"op\": \"dense\", \"name\": \"fc\", \"units\": 3}, {\"op\": \"softmax\"}");
/* As SqueezeNet ends. */
static const char convolution_text[] =
    NETWORK("{\"op\": \"conv2d\", \"name\": \"conv\", \"filters\": 4, \"kernel\": 3},"
            "{\"op\": \"conv2d\", \"name\": \"fc\", \"filters\": 3, \"kernel\": 1, \"activation\": "
            "\"relu\"},"
            "{\"op\": \"global_average_pool\"}, {\"op\": \"softmax\"}");

/* As other programs' files have it. */
static const char reshaped_text[] =
    NETWORK("{\"op\": \"conv2d\", \"name\": \"fc\", \"filters\": 3, \"kernel\": 8},"
            "{\"op\": \"reshape\", \"shape\": [3, 1, 1]}, {\"op\": \"reshape\", \"shape\": [3]}");

static const char *const names[] = {"cat", "dog", "K\xC3\xA4nguru", "emu", "yak"};

static dd_model *model_of(const char *text, uint64_t seed) {
    dd_model *model;
    assert_fine(load_text(text, &model));
    if (seed) assert_fine(dd_model_initialize(model, seed));
    return model;
}

static const dd__tensor *tensor(const dd_model *model, const char *name) {
    for (size_t i = 0; i < model->tensor_count; i++)
        if (strcmp(model->tensors[i].name, name) == 0) return &model->tensors[i];
    fail_msg("no tensor %s", name);
    return NULL;
}

static bool is_same(const dd_model *a, const dd_model *b, const char *name) {
    const dd__tensor *x = tensor(a, name), *y = tensor(b, name);
    return dd__dims_equal(&x->dims, &y->dims) &&
           memcmp(x->data, y->data, dd__dims_count(&x->dims) * sizeof(float)) == 0;
}

static void check_other_classes(const char *text) {
    dd_model *from = model_of(text, 3), *made, *initial = NULL;
    dd_model_info info;
    for (unsigned classes = 3; classes <= 5; classes += 2) {
        assert_fine(dd_model_for_classes(from, classes, names, 9, &made));
        dd_model_describe(made, &info);
        assert_int_equal(info.classes, classes);
        for (unsigned i = 0; i < classes; i++)
            assert_string_equal(dd_model_class_name(made, i), names[i]);
        assert_fine(dd__model_twin(made, &initial));
        assert_fine(dd_model_initialize(initial, 9));
        for (size_t i = 0; i < made->tensor_count; i++) {
            const char *name = made->tensors[i].name;
            bool head = strcmp(name, "fc.weight") == 0 || strcmp(name, "fc.bias") == 0;
            assert_true(is_same(made, head ? initial : from, name));
        }
        /* also where there were as many before */
        assert_false(is_same(made, from, "fc.weight"));
        assert_int_equal(tensor(made, "fc.bias")->dims.d[0], classes);
        dd_model_free(initial);
        dd_model_free(made);
    }
    dd_model_describe(from, &info); /* is as it was */
    assert_int_equal(info.classes, 3);
    dd_model_free(from);
}

static void test_a_dense_layer_is_replaced(void **state) {
    (void)state;
    check_other_classes(dense_text);
}

static void test_a_convolution_is_replaced(void **state) {
    (void)state;
    check_other_classes(convolution_text);
}

static void test_shapes_behind_it_follow(void **state) {
    (void)state;
    check_other_classes(reshaped_text);
}

static void test_the_file_has_the_new_names(void **state) {
    (void)state;
    dd_model *from = model_of(dense_text, 3), *made, *loaded;
    assert_fine(dd_model_for_classes(from, 5, names, 9, &made));
    assert_fine(dd_model_save(made, in_folder("made.safetensors")));
    assert_fine(dd_model_load(in_folder("made.safetensors"), &loaded));
    assert_true(dd__model_same_network(made, loaded));
    assert_string_equal(dd_model_class_name(loaded, 2), names[2]);
    dd_model_free(loaded);
    dd_model_free(made);
    assert_fine(dd_model_for_classes(from, 12, NULL, 9, &made));
    assert_string_equal(dd_model_class_name(made, 11), "11");
    dd_model_free(made);
    dd_model_free(from);
}

static void test_a_network_without_weights_stays_so(void **state) {
    (void)state;
    dd_model *from = model_of(dense_text, 0), *made;
    assert_fine(dd_model_for_classes(from, 5, names, 9, &made));
    assert_false(dd_model_has_tensors(made));
    dd_model_free(made);
    dd_model_free(from);
}

static void assert_refused(const char *text, unsigned classes, const char *const *as,
                           dd_status status, const char *why) {
    dd_model *from = model_of(text, 3), *made;
    assert_int_equal(dd_model_for_classes(from, classes, as, 9, &made), status);
    assert_message_has(why);
    assert_message_has("network \"headed\" cannot be given ");
    dd_model_free(from);
}

static void test_networks_that_end_otherwise_are_refused(void **state) {
    (void)state;
    assert_refused(NETWORK("{\"op\": \"flatten\"}, {\"op\": \"dense\", \"units\": 3},"
                           "{\"op\": \"batch_norm\", \"name\": \"norm\"}"),
                   5, names, DD_SHAPE, "found layer \"norm\" (batch_norm)");
    assert_refused(NETWORK("{\"op\": \"flatten\"}, {\"op\": \"softmax\", \"name\": \"end\"}"), 5,
                   names, DD_SHAPE, "found layer \"flatten1\" (flatten)");
    assert_refused(
        NETWORK("{\"op\": \"flatten\"}, {\"op\": \"dense\", \"name\": \"a\", \"units\": 3},"
                "{\"op\": \"dense\", \"name\": \"b\", \"units\": 3, \"inputs\": [\"flatten1\"]},"
                "{\"op\": \"add\", \"name\": \"sum\", \"inputs\": [\"a\", \"b\"]}"),
        5, names, DD_SHAPE, "found layer \"sum\" (add)");
    assert_refused(
        "{\"deepdigits\": \"network 1\", \"name\": \"headed\","
        " \"inputs\": [{\"name\": \"x\", \"shape\": [2, 3]}],"
        " \"outputs\": [{\"name\": \"y\", \"layer\": \"fc\", \"shape\": [2, 4]}],"
        " \"layers\": [{\"op\": \"dense\", \"name\": \"fc\", \"units\": 4, \"inputs\": [\"x\"]}]}",
        5, names, DD_SHAPE, "it takes tensors, not images");
    /* 6 x 6 places of each filter would be classes */
    assert_refused(NETWORK("{\"op\": \"conv2d\", \"filters\": 2, \"kernel\": 3},"
                           "{\"op\": \"flatten\"}"),
                   5, names, DD_SHAPE, "5 names for the 180 numbers of the last layer");
}

static void test_names_that_are_none_are_refused(void **state) {
    (void)state;
    static const char *const empty[] = {"a", ""}, *const control[] = {"a", "b\n"},
                             *const other[] = {"a", "\xE4"};
    assert_refused(dense_text, 2, empty, DD_FORMAT, "expected a list of names");
    assert_refused(dense_text, 2, control, DD_FORMAT, "control character");
    assert_refused(dense_text, 2, other, DD_FORMAT, "not valid UTF-8");
    dd_model *from = model_of(dense_text, 3), *made;
    assert_int_equal(dd_model_for_classes(from, 0, NULL, 9, &made), DD_USAGE);
    dd_model_free(from);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_dense_layer_is_replaced),
        cmocka_unit_test(test_a_convolution_is_replaced),
        cmocka_unit_test(test_shapes_behind_it_follow),
        cmocka_unit_test(test_the_file_has_the_new_names),
        cmocka_unit_test(test_a_network_without_weights_stays_so),
        cmocka_unit_test(test_networks_that_end_otherwise_are_refused),
        cmocka_unit_test(test_names_that_are_none_are_refused),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
